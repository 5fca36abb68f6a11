"""The gateway as clients and operators meet it: real Envoy before a real V11, compared with a real V10."""

import asyncio
import json
import os
import signal
import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import psycopg
import pytest
from cryptography import x509

from aurops.errors import OutsideError
from migration.gateway import configuration
from migration.gateway.check.asking import Asked
from migration.gateway.check.check import Check, Sides
from migration.gateway.envoy import BOOTSTRAP
from migration.gateway.methods import read_methods
from migration.gateway.protos import compile_protos
from testbeds.local import components, processes
from testbeds.local.layout import LOOPBACK
from testbeds.local.platforms import certificates, gateways, stack
from testbeds.local.platforms.gateways import Started
from testbeds.local.platforms.members import V10, Kind, Member
from testbeds.local.platforms.stack import Stack
from tests.e2e import commands
from traffic.dialects import open_driver
from traffic.watcher import judge

pytestmark = pytest.mark.e2e
COPIES = (Member(name="v10-a", kind=Kind.REST), Member(name="v10-b", kind=Kind.REST))
V11 = Member(name="v11", kind=Kind.GRPC, tls=True)
COPY = Member(name="v11-copy", kind=Kind.GRPC, database="copy")
NOT_SENT, NO_ANSWER = "x-aurops-not-sent", "x-aurops-no-answer"
SENT: dict[str, Any] = {"sender": "a", "recipient": "b", "assetId": "gold", "amount": 2**53 + 1}


@pytest.fixture(scope="module")
def platforms() -> Iterator[Stack]:
    """A V10 with a little ledger; two copies of it, and two V11 restored from it."""
    with stack.up(V10, *COPIES, V11, COPY) as up:
        with httpx.Client(base_url=up["v10"].url) as v10:
            for n in range(3):
                v10.post("/v1/transactions", json={**SENT, "id": f"t{n}"}, headers={"x-request-id": f"seed-{n}"})
            v10.post("/v1/blocks", json={"proposerId": "p"}).raise_for_status()
            v10.post("/v1/accounts", json={"id": "a", "owner": "o", "tags": ["x"]}).raise_for_status()
        up.restore("v10", *(member.name for member in (*COPIES, V11, COPY)))
        yield up


@pytest.fixture(scope="module")
def gateway(platforms: Stack) -> Iterator[Started]:
    """The gateway before the V11 with mTLS, and an edge with a certificate before that."""
    with gateways.up(platforms, edge=True, tls=True) as started:
        yield started


@pytest.fixture(scope="module")
def copy(platforms: Stack) -> Iterator[Started]:
    """The gateway before the copy of V11."""
    with gateways.up(platforms, "v11-copy") as started:
        yield started


def checked(platforms: Stack, started: Started) -> list[tuple[str, str]]:
    """Field and kind of what `check` finds in reads, each once."""
    described = configuration.load(started.file)
    check = Check(described, read_methods(compile_protos(described.protos)))
    with Asked("V10", platforms["v10"].url) as v10, Asked("gateway", started.url) as v11:
        check.reads(Sides(v10, v10, v11))
    return sorted({(each.difference.field, each.difference.kind) for each in check.report.differences})


def test_every_endpoint_answers_as_v10_does(platforms: Stack, gateway: Started, copy: Started) -> None:
    """`aurops gateway check` over all reads, all writes on copies, and what is read back: nothing differs."""
    arguments = ["--v10", platforms["v10"].url, "--gateway", gateway.url, "--gateway-copy", copy.url]
    for member in COPIES:
        arguments += ["--v10-copy", platforms[member.name].url]
    done = commands.aurops("gateway", "check", str(gateway.file), *arguments, "--all", "--json", env=os.environ)
    assert done.returncode == 0, done.stdout + done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert (report["endpoints"], report["differences"], report["unshown"], report["writes"]) == (80, [], [], True)
    assert report["verdict"] == "all 80 endpoints were seen to answer as V10 does"
    assert report["questions"] > 900
    assert {each["field"] for each in report["accepted"]} == {"error.message"}
    assert {"createdAtMs", "nowMs"} <= {each["field"] for each in report["noise"]}


def test_a_row_that_differs_is_told_by_field(platforms: Stack, gateway: Started) -> None:
    """What was changed in V11's database by one is found wherever it is read, and nothing else is."""
    with psycopg.connect(platforms["v11"].place.conninfo, autocommit=True) as connection:
        connection.execute("UPDATE transactions SET amount = amount - 1")
        try:
            assert checked(platforms, gateway) == [
                ("[].amount", "value"),
                ("amount", "value"),
                ("items[].amount", "value"),
            ]
        finally:
            connection.execute("UPDATE transactions SET amount = amount + 1")


def test_a_gateway_that_does_not_know_v10s_ways_is_found_out(platforms: Stack) -> None:
    """Without them statuses, content type and error bodies differ; numbers and unknown parameters do not."""
    plain = {"v10": {"content_type": "application/json"}, "accept": []}
    with gateways.up(platforms, "v11-copy", plain) as started:
        found = checked(platforms, started)
    assert ("header content-type", "header") in found
    assert ("error.requestId", "missing") in found
    assert not [each for each in found if each[1] in ("type", "status", "no answer")]


@contextmanager
def secure(platforms: Stack, *, most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Iterator[ssl.SSLContext]:
    """TLS as a client of the edge speaks it."""
    folder = platforms.folder / certificates.TLS / gateways.EDGE / certificates.CURRENT
    context = ssl.create_default_context(cafile=str(folder / "ca.crt"))
    context.maximum_version = most
    yield context


def serial(gateway: Started, context: ssl.SSLContext) -> int:
    """Serial number of the certificate that the edge shows to a new connection."""
    with (
        socket.create_connection((LOOPBACK, gateway.edge_port)) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wrapped,
    ):
        shown = wrapped.getpeercert(binary_form=True)
        assert shown
        return x509.load_der_x509_certificate(shown).serial_number


def test_the_edge_speaks_tls_1_3_and_nothing_older(platforms: Stack, gateway: Started) -> None:
    """A client that knows only TLS 1.2 gets no connection."""
    with secure(platforms) as context, httpx.Client(verify=context) as client:
        assert client.get(f"https://localhost:{gateway.edge_port}/v1/transactions/t1").json()["amount"] == 2**53 + 1
    with secure(platforms, most=ssl.TLSVersion.TLSv1_2) as old, pytest.raises(ssl.SSLError, match=r"(?i)protocol"):
        serial(gateway, old)


def test_certificates_are_replaced_without_losing_a_request(platforms: Stack, gateway: Started) -> None:
    """Edge and mTLS certificates change three times under load: no request fails, new connections see the new one."""
    tls, over, outcomes = platforms.folder / certificates.TLS, threading.Event(), Counter[str]()
    with secure(platforms) as context, ThreadPoolExecutor(4) as pool:

        def ask() -> None:
            with httpx.Client(verify=context) as client:
                while not over.is_set():
                    answer = client.get(f"https://localhost:{gateway.edge_port}/v1/transactions/t1")
                    outcomes[f"{answer.status_code} {answer.headers.get('x-aurops-side')}"] += 1

        asking = [pool.submit(ask) for _ in range(4)]
        try:
            for _ in range(3):
                certificates.issue(tls, gateways.GATEWAY)
                issued = certificates.issue(tls, gateways.EDGE)
                commands.until(lambda issued=issued: serial(gateway, context) == issued, limit_s=10)
        finally:
            over.set()
        for each in asking:
            each.result()
    assert set(outcomes) == {"200 v11"}
    statistics = gateway.statistics("cluster.v11-grpc.client_ssl_socket_factory.ssl_context_update_by_sds")
    assert sum(statistics.values()) >= 3


def test_v11_refuses_who_has_no_certificate(platforms: Stack) -> None:
    """A gateway without mTLS gets nothing of it, and says that nothing was sent."""
    naked = {"v11": {"hosts": [platforms["v11"].target], "health": "none"}}
    with gateways.up(platforms, "v11", naked) as started:
        assert httpx.get(f"{started.url}/v1/transactions/t1").status_code == 503


def test_websockets_pass_through_edge_and_gateway(platforms: Stack, gateway: Started) -> None:
    """The socket of V11 behind both, over TLS at the edge and mTLS behind; the edge counts it, as `drain` needs."""
    described = configuration.load(gateway.file)
    assert described.site
    driver = open_driver(described.site)
    before = driver.observe().flows["v11"].sockets

    async def talk(context: ssl.SSLContext) -> tuple[str, int]:
        url = f"wss://localhost:{gateway.edge_port}/v1/events"
        async with aiohttp.ClientSession() as session, session.ws_connect(url, ssl=context) as opened:
            hello = await opened.receive_json()
            await opened.send_json({"type": "ping", "n": 7})
            said = hello["side"], (await opened.receive_json())["n"]
            assert driver.observe().flows["v11"].under_way > 0
            used = opened.get_extra_info("socket")
        # aiohttp's close() does not wait for the end of TLS.
        await asyncio.to_thread(commands.until, lambda: used.fileno() == -1, limit_s=10)
        return said

    with secure(platforms) as context:
        assert asyncio.run(talk(context)) == ("v11", 7)
    assert driver.observe().flows["v11"].sockets == before + 1


def of_aurops(answer: httpx.Response) -> set[str]:
    """The headers of an answer that are aurops' own."""
    return {name for name in answer.headers if name.startswith("x-aurops")}


def test_nothing_that_the_gateway_tells_itself_leaves_it(platforms: Stack, copy: Started) -> None:
    """An answer, an error of V11, and what Envoy refuses itself have marks on them at most."""
    with httpx.Client(base_url=copy.url) as client:
        seen = [client.get(f"/v1/{path}") for path in ("transactions/t1", "transactions/nobody", "nobody")]
        seen.append(client.post("/v1/transactions", content="{not JSON"))
    assert [answer.status_code for answer in seen] == [200, 404, 404, 400]
    assert [of_aurops(answer) for answer in seen] == [set()] * 4
    with gateways.up(platforms, "v11-copy", {"v11": {"hosts": [f"{LOOPBACK}:1"], "health": "none"}}) as nobody:
        refused = httpx.get(f"{nobody.url}/v1/transactions/t1")
    assert (refused.status_code, refused.json()["error"]["code"]) == (503, "UNAVAILABLE")
    assert of_aurops(refused) == {NOT_SENT}


class Restarting:
    """The Envoy of a gateway, which another one takes over from (Envoy's hot restart)."""

    def __init__(self, platforms: Stack, started: Started) -> None:
        self._platforms, self._started = platforms, started
        self._number, self._pids = started.out / "base-id", list[int]()

    def start(self) -> None:
        """The first one chooses a number, the next one names it."""
        first = ["--use-dynamic-base-id", "--base-id-path", str(self._number)]
        again = ["--base-id", self._number.read_text()] if self._pids else first
        epoch = ["--restart-epoch", str(len(self._pids)), "--drain-time-s", "1", "--parent-shutdown-time-s", "2"]
        command = [str(components.envoy().path), "-c", str(self._started.out / BOOTSTRAP), *again, *epoch]
        self._pids.append(self._platforms.run(self._started.out.name, [*command, "--concurrency", "1"]))

    def taken_over(self) -> bool:
        """Whether the last one serves, and the first one is gone."""
        epoch = "server.hot_restart_epoch"
        return self._started.statistics(epoch).get(epoch, 0) > 0 and processes.identity(self._pids[0]) is None

    def end(self) -> None:
        """All of them."""
        for pid in self._pids:
            self._platforms.end(pid)


def accepts(port: int) -> bool:
    """Whether somebody listens there; a starting Envoy does once it knows who is well."""
    with suppress(OSError), socket.create_connection((LOOPBACK, port)):
        return True
    return False


def test_an_envoy_that_starts_is_no_reason_to_roll_back_and_one_that_takes_over_loses_nothing(platforms: Stack) -> None:
    """Whenever a watcher looks, V11 has not fallen; under load a hot restart gives V10 nothing, and fails nothing."""
    with gateways.up(platforms, edge=True) as started, ThreadPoolExecutor(4) as pool:
        described = configuration.load(started.file)
        assert described.site
        driver, reasons, over = open_driver(described.site), list[str | None](), threading.Event()

        def settled() -> bool:
            try:
                now = driver.observe()
            except OutsideError:
                return False  # it does not listen yet
            reasons.append(judge(now, None, "v10"))
            return bool(now.flows["v11"].healthy)

        platforms.end(started.pid)
        envoy = Restarting(platforms, started)
        try:
            envoy.start()
            commands.until(settled, limit_s=20)
            url = f"http://{LOOPBACK}:{started.edge_port}"
            commands.until(lambda: accepts(started.edge_port), limit_s=20)
            loads = [pool.submit(ask, url, f"restart-{n}", over) for n in range(4)]
            envoy.start()
            commands.until(lambda: settled() and envoy.taken_over(), limit_s=20)
            over.set()
            seen = [each for load in loads for each in load.result()]
            given_to_v10 = started.statistics("cluster.v11+v10.upstream_rq_total")
        finally:
            over.set()
            envoy.end()
    assert set(reasons) == {None}
    assert {status for _, status in seen} == {200, 201}
    assert set(given_to_v10.values()) == {0}


def test_what_is_larger_than_the_limit_is_refused_in_v10s_words_and_streams_are_not(platforms: Stack) -> None:
    """300 KB pass where 4 MB may; where 16 KiB may, what is refused was not executed, and streams come whole."""
    memo = 'x"\\' * 100_000
    with gateways.up(platforms, "v11-copy") as started, httpx.Client(base_url=started.url) as client:
        made = client.post("/v1/transactions", json={**SENT, "memo": memo})
        assert (made.status_code, made.json()["memo"]) == (201, memo)
        for _ in range(60):
            client.post("/v1/accounts", json={"owner": "o", "label": "m" * 300}).raise_for_status()
    small_limits = {"limits": {"body_kib": 16, "answer_kib": 16}}
    with gateways.up(platforms, "v11-copy", small_limits) as small, httpx.Client(base_url=small.url) as client:
        for kilobytes in (17, 20, 40, 70, 100):
            sent = {**SENT, "memo": "m" * 1000 * kilobytes}
            refused = client.post("/v1/transactions", json=sent, headers={"x-request-id": f"large-{kilobytes}"})
            assert refused.status_code == 413
            assert set(refused.json()["error"]) == {"code", "message", "requestId"}
            assert of_aurops(refused) == set()
        assert not [name for name in platforms.executions("v11-copy") if name.startswith("large-")]
        large = client.get("/v1/accounts?limit=500")
        assert (large.status_code, large.json()["error"]["code"], of_aurops(large)) == (500, "UNKNOWN", {NO_ANSWER})
        streamed = client.get("/v1/accounts/export").json()
        assert len(streamed) > 60
        assert all(isinstance(row["createdAtMs"], int) for row in streamed)


@pytest.mark.campaign
def test_clients_that_do_not_read_hold_up_nobody_else(platforms: Stack) -> None:
    """Twelve of them leave 12 MB lying each; V11 is well all the time, and answers everybody else."""
    rows, unread = 60, 12
    with gateways.up(platforms, "v11-copy", edge=True) as started, ExitStack() as opened:
        url = f"http://{LOOPBACK}:{started.edge_port}"
        with httpx.Client(base_url=url) as client:
            for _ in range(rows):
                client.post("/v1/accounts", json={"owner": "o", "label": "m" * 200_000}).raise_for_status()
        for _ in range(unread):
            slow = opened.enter_context(socket.socket())
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect((LOOPBACK, started.edge_port))
            slow.sendall(b"GET /v1/accounts/export HTTP/1.1\r\nhost: ledger\r\n\r\n")
        come = Standing(lambda: started.statistics("cluster.v11-copy.upstream_cx_rx_bytes_total"))
        commands.until(come.stands, limit_s=60)
        sides = [httpx.get(f"{url}/v1/system/info").headers["x-aurops-side"] for _ in range(5)]
        whole = rows * 200_000 * unread
        assert 0 < come.total < whole, "nobody was held up"
    assert sides == ["v11-copy"] * 5


class Standing:
    """Statistics that stand still, not at 0, for a second."""

    def __init__(self, ask: Callable[[], dict[str, int]]) -> None:
        self._ask = ask
        self._since_s = 0.0
        self.total = 0

    def stands(self) -> bool:
        """Whether they do."""
        total, now_s = sum(self._ask().values()), time.monotonic()
        if total != self.total:
            self.total, self._since_s = total, now_s
        return total > 0 and now_s - self._since_s > 1


def load(url: str, name: str, over: threading.Event) -> list[tuple[str, httpx.Response | None]]:
    """POSTs without repetition, until told; each with its answer."""
    seen: list[tuple[str, httpx.Response | None]] = []
    with httpx.Client(base_url=url) as client:
        while not over.is_set():
            request = f"{name}-{len(seen)}"
            try:
                answer = client.post("/v1/transactions", json=SENT, headers={"x-request-id": request})
            except httpx.HTTPError:
                answer = None
            seen.append((request, answer))
    return seen


def test_a_v11_that_dies_executes_nothing_twice_and_marks_tell_the_truth(platforms: Stack, copy: Started) -> None:
    """Killed and started under writes: acknowledged is executed once, marked never, the rest once at most."""
    over = threading.Event()
    with ThreadPoolExecutor(8) as pool:
        loads = [pool.submit(load, copy.url, f"dies-{n}", over) for n in range(8)]
        try:
            for _ in range(2):
                commands.until(lambda: any(each.running() for each in loads), limit_s=5)
                threading.Event().wait(0.3)  # writes are under way
                platforms.kill("v11-copy")
                platforms.start("v11-copy")
        finally:
            over.set()
        seen = [each for one in loads for each in one.result()]
    executed = platforms.executions("v11-copy")
    acknowledged = [request for request, answer in seen if answer is not None and answer.status_code == 201]
    not_sent = [request for request, answer in seen if answer is not None and NOT_SENT in answer.headers]
    assert acknowledged
    assert not_sent
    assert {executed[request] for request in acknowledged} == {1}
    assert {executed[request] for request in not_sent} == {0}
    assert max(executed[request] for request, _ in seen) == 1


def ask(url: str, name: str, over: threading.Event) -> list[tuple[str, int]]:
    """Reads and writes with idempotency keys in turn, until told; each with its status, 0 for no answer."""
    seen: list[tuple[str, int]] = []
    with httpx.Client(base_url=url) as client:
        while not over.is_set():
            request = f"{name}-{len(seen)}"
            headers = {"x-request-id": request, "idempotency-key": request}
            try:
                if len(seen) % 2:
                    answer = client.post("/v1/transactions", json={**SENT, "id": request}, headers=headers)
                else:
                    answer = client.get("/v1/system/info", headers=headers)
                seen.append((request, answer.status_code))
            except httpx.HTTPError:
                seen.append((request, 0))
    return seen


def test_when_v11_dies_at_full_weight_reads_and_keyed_writes_do_not_fail_and_nothing_is_executed_twice() -> None:
    """Through edge and gateway, V10 and V11 sharing keys: each write is executed by one of them, once."""
    sharing = Member(name="v10", kind=Kind.REST, shares_keys=True)
    over = threading.Event()
    with stack.up(sharing, Member(name="v11", kind=Kind.GRPC)) as up, gateways.up(up, edge=True) as started:
        url = f"http://{LOOPBACK}:{started.edge_port}"
        with ThreadPoolExecutor(12) as pool:
            loads = [pool.submit(ask, url, f"full-{n}", over) for n in range(12)]
            try:
                commands.until(lambda: len(up.executions("v11")) > 50, limit_s=20)
                up.kill("v11")
                commands.until(lambda: len(up.executions("v10")) > 50, limit_s=20)
            finally:
                over.set()
            seen = [each for one in loads for each in one.result()]
        up.start("v11")
        executed = up.executions("v10", "v11")
    assert {status for _, status in seen} == {200, 201}
    written = [request for request, status in seen if status == 201]
    assert {executed[request] for request in written} == {1}
    assert max(executed.values()) == 1


class Swallower:
    """Takes connections and requests, and hangs up without an answer."""

    def __init__(self) -> None:
        self.requests = 0
        self._server = socket.create_server((LOOPBACK, 0))
        self.port = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                taken, _ = self._server.accept()
            except OSError:
                return
            with taken, suppress(OSError):
                heard = b""
                while b"SearchMe" not in heard and (more := taken.recv(65536)):
                    heard += more
                self.requests += 1

    def close(self) -> None:
        """Take nothing any more."""
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()


def test_a_request_that_may_have_been_executed_is_never_marked_as_not_sent(platforms: Stack) -> None:
    """One host refuses, one swallows: whoever is first, no mark lies, and no client gets more tries."""
    swallower = Swallower()
    with socket.socket() as closed:
        closed.bind((LOOPBACK, 0))
        hosts = [f"{LOOPBACK}:{closed.getsockname()[1]}", f"{LOOPBACK}:{swallower.port}"]
        with gateways.up(platforms, "v11-copy", {"v11": {"hosts": hosts, "health": "none"}}) as started:
            asked = {"x-envoy-retry-on": "5xx,reset", "x-envoy-max-retries": "5"}  # a client that wants too much
            url = f"{started.url}/v1/accounts"
            answers = [httpx.post(url, json={"owner": "SearchMe"}, headers=asked) for _ in range(8)]
        swallower.close()
    assert [answer.status_code for answer in answers] == [503] * 8
    marked = [answer for answer in answers if NOT_SENT in answer.headers]
    assert swallower.requests + len(marked) == 8, "each was either sent once, or is marked as not sent"
    assert swallower.requests > 0
    assert all(NO_ANSWER in answer.headers for answer in answers if answer not in marked)


def test_a_v11_that_died_without_traffic_is_known_within_two_seconds(platforms: Stack, copy: Started) -> None:
    """Health is asked as often without traffic, and what then comes is refused as not sent."""
    platforms.kill("v11-copy")
    try:
        name = "cluster.v11-grpc.membership_healthy"
        commands.until(lambda: copy.statistics(name)[name] == 0, limit_s=2)
        refused = httpx.post(f"{copy.url}/v1/transactions", json=SENT)
        assert (refused.status_code, refused.headers[NOT_SENT]) == (503, "1")
        assert refused.json()["error"]["code"] == "UNAVAILABLE"
    finally:
        platforms.start("v11-copy")


def test_what_goes_beyond_a_limit_is_refused_at_once(platforms: Stack) -> None:
    """With one request allowed and V11 frozen in it, the next is refused as not sent."""
    one = {"limits": {"requests": 1, "waiting": 1}}
    with gateways.up(platforms, "v11-copy", one) as started, ThreadPoolExecutor(1) as pool:
        platforms.kill("v11-copy", signal.SIGSTOP)
        try:
            stuck = pool.submit(httpx.get, f"{started.url}/v1/transactions/t1", timeout=30)
            name = "cluster.v11-grpc.upstream_rq_active"
            commands.until(lambda: started.statistics(name)[name] == 1, limit_s=5)
            refused = httpx.post(f"{started.url}/v1/transactions", json=SENT)
        finally:
            platforms.kill("v11-copy", signal.SIGCONT)
        assert (refused.status_code, refused.headers[NOT_SENT]) == (503, "1")
        assert stuck.result().status_code == 200


def test_build_writes_what_envoy_accepts_and_nothing_else(gateway: Started, tmp_path: Path) -> None:
    """Validated by Envoy itself; a refused one leaves no file; a key of another certificate is found before."""
    out = tmp_path / "out"
    done = commands.aurops("gateway", "build", str(gateway.file), "--out", str(out), "--json", env=os.environ)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert (said["endpoints"], said["streams"]) == (80, 3)
    assert said["validated_by"]
    assert {Path(file).name for file in said["files"]} == {each.name for each in out.iterdir()}
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(json.dumps({**json.loads(gateway.file.read_text()), "v10": {"content_type": "a\nb"}}))
    refused = commands.aurops("gateway", "build", str(wrong), "--out", str(tmp_path / "none"), env=os.environ)
    assert (refused.returncode, (tmp_path / "none").exists()) == (2, False)
    assert "Envoy refuses this configuration" in refused.stderr
    tls = tmp_path / "tls"
    certificates.issue(tls, "one")
    certificates.issue(tls, "two")
    (tls / "one" / "current" / "tls.key").write_bytes((tls / "two" / "current" / "tls.key").read_bytes())
    described = {**json.loads(gateway.file.read_text()), "edge_tls": {"folder": str(tls / "one")}}
    wrong.write_text(json.dumps(described))
    mixed = commands.aurops("gateway", "build", str(wrong), "--out", str(tmp_path / "none"), env=os.environ)
    assert mixed.returncode == 2
    assert "do not go together" in mixed.stderr
