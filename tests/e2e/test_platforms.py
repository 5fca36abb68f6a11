"""The sample platforms as real processes: what they answer, what they keep, what they count."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import aiohttp
import grpc
import httpx
import psycopg
import pytest

from aurops.processes import Process
from testbeds.local import processes
from testbeds.local.platforms import stack
from testbeds.local.platforms.calls import Calls
from testbeds.local.platforms.members import V10, V11, Kind, Member
from testbeds.local.platforms.stack import Stack
from tests.e2e import commands

pytestmark = pytest.mark.e2e
MOST = 2**63 - 1
SENT = {"id": "t-1", "sender": "a", "recipient": "b", "asset_id": "gold", "amount": 12}


@pytest.fixture(scope="module")
def platforms() -> Iterator[Stack]:
    """One V10 and one V11 for the whole file."""
    with stack.up(V10, V11) as up:
        yield up


@pytest.fixture(scope="module")
def v10(platforms: Stack) -> Iterator[httpx.Client]:
    """V10's client."""
    with httpx.Client(base_url=platforms["v10"].url, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def v11(platforms: Stack) -> Iterator[Calls]:
    """V11's client."""
    with grpc.insecure_channel(platforms["v11"].target) as channel:
        yield Calls(channel)


def as_rest(sent: dict[str, object]) -> dict[str, object]:
    """The same with V10's names."""
    return {("assetId" if name == "asset_id" else name): value for name, value in sent.items()}


def test_v10_prints_64_bits_as_numbers_and_answers_unknown_paths_with_its_own_body(v10: httpx.Client) -> None:
    """What clients of V10 rely on, and a gateway must reproduce."""
    made = v10.post("/v1/transactions", json={**as_rest(SENT), "id": "t-bits", "amount": MOST, "unknown": 1})
    assert made.status_code == 201
    assert f'"amount":{MOST},' in made.text
    assert v10.get("/v1/transactions/t-bits?unknown=1").json() == made.json()
    lost = v10.get("/v1/nothing", headers={"x-request-id": "r-9"})
    assert lost.status_code == 404
    assert lost.json() == {"error": {"code": "NOT_FOUND", "message": "Cannot GET /v1/nothing", "requestId": "r-9"}}
    assert v10.delete("/v1/transactions/t-bits").json()["error"]["message"] == "Cannot DELETE /v1/transactions/t-bits"


def test_an_idempotency_key_is_executed_once_on_each_side(platforms: Stack, v10: httpx.Client, v11: Calls) -> None:
    """The same key gets the same answer without an execution; another request under it is refused."""
    headers = {"x-request-id": "r-once", "idempotency-key": "k-once"}
    first, again = (v10.post("/v1/transactions", json=as_rest(SENT), headers=headers) for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    assert v10.post("/v1/transactions", json={**as_rest(SENT), "amount": 2}, headers=headers).status_code == 422
    one, two = (v11.do("CreateTransaction", SENT, headers) for _ in range(2))
    assert one == two
    with pytest.raises(grpc.RpcError) as refused:
        v11.do("CreateTransaction", {**SENT, "amount": 2}, headers)
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert platforms.executions("v10")["r-once"] == platforms.executions("v11")["r-once"] == 1


def test_what_is_sealed_moves_balances_alike_on_both_sides(v10: httpx.Client, v11: Calls) -> None:
    """A block makes what is pending final; sender and recipient have it then, and each side's hash is the same."""
    v10.post("/v1/transactions/t-bits/cancel")
    sent = {"id": "t-seal", "sender": "s", "recipient": "r", "asset_id": "silver", "amount": 7}
    v10.post("/v1/transactions", json=as_rest(sent))
    v11.do("CreateTransaction", sent)
    v10.post("/v1/blocks", json={"proposerId": "p"})
    v11.do("CreateBlock", {"proposer_id": "p"})
    assert v10.get("/v1/transactions/t-seal").json()["status"] == "FINAL"
    assert v10.get("/v1/accounts/r/balances/silver").json()["amount"] == 7
    assert v11.do("GetBalance", {"account_id": "r", "asset_id": "silver"})["amount"] == 7
    assert v11.do("GetBalance", {"account_id": "s", "asset_id": "silver"})["amount"] == -7


def test_a_killed_platform_comes_back_with_what_it_acknowledged_and_its_count(platforms: Stack) -> None:
    """SIGKILL loses neither a transaction nor the number of its executions, on both sides."""
    for name in ("v10", "v11"):
        with httpx.Client(base_url=platforms["v10"].url) as v10, grpc.insecure_channel(platforms["v11"].target) as to:
            sent, headers = {**SENT, "id": "t-kill"}, {"x-request-id": "r-kill"}
            if name == "v10":
                v10.post("/v1/transactions", json=as_rest(sent), headers=headers).raise_for_status()
            else:
                Calls(to).do("CreateTransaction", sent, headers)
        before = platforms[name].pid
        platforms.kill(name)
        assert platforms.start(name).pid != before
        assert platforms.executions(name)["r-kill"] == 1
    assert httpx.get(f"{platforms['v10'].url}/v1/transactions/t-kill").json()["amount"] == 12


def test_a_key_is_executed_by_one_platform_where_keys_are_shared() -> None:
    """V11 first: V10 gives V11's answer; V10 first: V11 refuses; both at once, again and again: once in all."""
    sharing = Member(name="v10", kind=Kind.REST, shares_keys=True)
    with (
        stack.up(sharing, V11) as up,
        httpx.Client(base_url=up["v10"].url) as v10,
        grpc.insecure_channel(up["v11"].target) as channel,
        ThreadPoolExecutor(4) as pool,
    ):
        v11 = Calls(channel)

        def there(key: str) -> object:
            try:
                return v11.do("CreateTransaction", SENT | {"id": key}, {"idempotency-key": key, "x-request-id": key})
            except grpc.RpcError as error:
                return error.code()

        def here(key: str) -> httpx.Response:
            headers = {"idempotency-key": key, "x-request-id": key}
            return v10.post("/v1/transactions", json=as_rest(SENT | {"id": key}), headers=headers)

        first = there("k-1")
        assert isinstance(first, dict)
        assert here("k-1").json()["createdAtMs"] == first["created_at_ms"]
        assert here("k-2").status_code == 201
        assert there("k-2") is grpc.StatusCode.ABORTED
        racing = [(pool.submit(there, f"race-{n}"), pool.submit(here, f"race-{n}")) for n in range(40)]
        assert all(isinstance(one.result(), dict) or other.result().is_success for one, other in racing)
        executed = up.executions("v10", "v11")
        assert set(executed.values()) == {1}
        assert len(executed) == 42


@pytest.mark.parametrize("name", ["v10", "v11"])
def test_websockets_answer_and_are_drained_with_1012(platforms: Stack, name: str) -> None:
    """An open socket answers pings; a drain closes each with "service restart", and they are counted."""

    async def talk() -> tuple[list[str], int | None]:
        async with aiohttp.ClientSession() as session, session.ws_connect(platforms[name].socket_url) as socket:
            hello = await socket.receive_json()
            await socket.send_json({"type": "ping", "n": 5})
            pong = await socket.receive_json()
            drained = await asyncio.to_thread(platforms.drain, name)
            await socket.receive()
            return [hello["side"], pong["n"], drained], socket.close_code

    assert asyncio.run(talk()) == ([name, 5, 1], 1012)
    commands.until(lambda: platforms.sockets(name)["open"] == 0, limit_s=5)
    assert platforms.sockets(name)["closed_by_command"] == 1


def test_nothing_of_a_stack_is_left_when_who_asked_for_it_is_killed() -> None:
    """SIGKILL of the process that brought platforms up ends them, and removes their folder."""
    code = (
        "import json, time\n"
        "from testbeds.local.platforms import stack\n"
        "from testbeds.local.platforms.members import V10\n"
        "with stack.up(V10) as up:\n"
        "    print(json.dumps([str(up.folder), up['v10'].pid]), flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as owner:
        assert owner.stdout is not None
        folder, pid = json.loads(owner.stdout.readline())
        serving = processes.identity(pid)
        assert isinstance(serving, Process)
        os.kill(owner.pid, signal.SIGKILL)
    commands.until(lambda: not serving.is_alive() and not Path(folder).exists(), "the platforms are gone", limit_s=10)


def test_members_are_told_apart_by_name() -> None:
    """Two of one name are refused before anything starts."""
    with pytest.raises(Exception, match="same name"), stack.up(V10, Member(name="v10", kind=Kind.REST)):
        pass


def test_a_v11_whose_database_was_killed_works_again_when_that_is_back(
    platforms: Stack, v10: httpx.Client, v11: Calls
) -> None:
    """V10, with a database of its own, never notices; what was committed before the crash is there after it."""
    v11.do("CreateTransaction", {**SENT, "id": "t-before"})
    platforms.put_database(up=False)
    try:
        assert v10.get("/v1/system/health").is_success
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(platforms["v11"].place.conninfo)
    finally:
        platforms.put_database(up=True)

    def there() -> bool:
        with suppress(grpc.RpcError):
            return bool(v11.do("GetTransaction", {"id": "t-before"})["id"] == "t-before")
        return False

    commands.until(there, limit_s=30, what="V11 answers again")
