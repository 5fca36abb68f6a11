"""A bed of real processes, through the interfaces that failover and drills use."""

import json
import os
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psycopg
import pytest

from aurops.clock import RealClock
from aurops.errors import OutsideError, UsageError
from aurops.gates import sql
from aurops.gates.finding import State
from aurops.gates.spec import SqlCheck
from aurops.processes import Process
from testbeds.local import bed, guardian, processes
from testbeds.local.layout import BLOCK_SIZE, REGIONS
from testbeds.local.state import BedState
from tests.e2e import commands
from traffic.driver import TOTAL_WEIGHT
from traffic.headers import PROBE_HEADER, SIDE_HEADER

pytestmark = pytest.mark.e2e
LIMIT_S = 10.0
until = partial(commands.until, limit_s=LIMIT_S)


def segments() -> dict[str, int]:
    """Id and creator of every System V shared memory segment on this machine."""
    lines = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return {line[1]: int(line[4]) for line in lines}


def segments_of(one: BedState) -> set[str]:
    """Ids of the segments that a bed's living processes have created."""
    living = {process.pid for process in processes.find(one.id)}
    return {segment for segment, creator in segments().items() if creator in living}


def traces(one: BedState) -> set[str]:
    """Processes that work in a bed's folder or were started with it: found without the bed's own means."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().decode(errors="replace")
            if str(one.folder) in f"{words} {(process / 'cwd').readlink()}":
                found.add(f"{process.name}: {words}")
        except OSError:
            continue
    return found


def gone(one: BedState) -> bool:
    """Whether nothing is left of a bed."""
    return not one.folder.exists() and not traces(one) and not processes.find(one.id)


class Orchestra:
    """Commands one bed by hand, with the epoch of the hour.

    Args:
        one: The bed.
        http: Sends the commands.
    """

    def __init__(self, one: BedState, http: httpx.Client) -> None:
        self.bed = one
        self.epoch = 1
        self.ids = (f"{os.getpid()}-{n}" for n in count())
        self.http = http

    def ask(self, region: str, command: str, **body: Any) -> httpx.Response:
        """Send a command to a region's agent."""
        return self.http.post(f"{self.bed.agents[region]}/{command}", json={"epoch": self.epoch, **body})

    def tell(self, region: str, command: str, **body: Any) -> dict[str, Any]:
        """Send a command that must be done; returns its answer."""
        answer = self.ask(region, command, **body)
        assert answer.status_code == 200, answer.text
        done: dict[str, Any] = answer.json()
        return done

    def see(self, region: str) -> dict[str, Any]:
        """What a region's agent observes."""
        view: dict[str, Any] = self.http.get(f"{self.bed.agents[region]}/observe").raise_for_status().json()
        return view

    def settled(self, region: str) -> dict[str, Any]:
        """What an agent observes, without the position in the log: autovacuum moves that at any time."""
        view = self.see(region)
        del view["database"]["flush_lsn"]
        return view

    def shift(self, **weights: int) -> httpx.Response:
        """Steer traffic."""
        return self.http.post(f"{self.bed.edge_url}/shift", json={"epoch": self.epoch, "weights": weights})

    def write(self, client: httpx.Client | None = None) -> tuple[str, httpx.Response]:
        """One write through the proxy; returns its id and the answer."""
        write_id = next(self.ids)
        body = {"id": write_id, "amount": 1}
        return write_id, (client or self.http).post(f"{self.bed.proxy_url}/writes", json=body)

    def ledger(self, region: str) -> set[str]:
        """Every id in a region's database."""
        with self.connect(region) as connection:
            return {str(row[0]) for row in connection.execute("SELECT id FROM ledger")}

    def connect(self, region: str) -> psycopg.Connection[Any]:
        """A connection to a region's database."""
        return psycopg.connect(
            host="127.0.0.1", port=self.bed.postgres_ports[region], user="postgres", dbname="postgres"
        )

    def streaming(self, primary: str) -> bool:
        """Whether the two other regions stream from this one, and each says so itself."""
        others = [self.see(region)["database"] for region in REGIONS if region != primary]
        with self.connect(primary) as connection:
            sent = connection.execute("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'").fetchone()
        return sent == (2,) and all(view["receiving"] and view["following"] == primary for view in others)

    def write_and_hang_up(self) -> str:
        """A write that no standby confirms: its client has gone, and its commit in north waits; its id."""
        write_id = next(self.ids)
        with pytest.raises(httpx.TimeoutException):
            self.http.post(f"{self.bed.proxy_url}/writes", json={"id": write_id, "amount": 1}, timeout=0.5)
        until(lambda: len(self.waiting("north")) == 1, "the commit waits for its quorum")
        return write_id

    def waiting(self, region: str) -> set[int]:
        """Backends whose commit waits for its quorum."""
        with self.connect(region) as connection:
            return {
                row[0] for row in connection.execute("SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
            }

    def region(self, name: str) -> frozenset[Process]:
        """Every process of a region."""
        return processes.find(self.bed.id, name)

    def signal(self, name: str, signum: signal.Signals, done: Callable[[Process], bool]) -> int:
        """Signal a region's processes until a scan finds none that has not been hit; returns how many were."""
        hit = 0
        while left := [process for process in self.region(name) if not done(process)]:
            hit += processes.send(left, signum)
        return hit

    def kill(self, name: str) -> int:
        """Kill a region."""
        return self.signal(name, signal.SIGKILL, lambda process: processes.state(process) is None)

    def freeze(self, name: str) -> int:
        """Freeze a region."""
        return self.signal(name, signal.SIGSTOP, lambda process: processes.state(process) in {"T", None})


class Writers:
    """Clients that write through the proxy while the block runs; `acknowledged` has every id that was confirmed."""

    def __init__(self, orchestra: Orchestra, clients: int = 4) -> None:
        self.acknowledged: list[str] = []
        self._orchestra = orchestra
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._write) for _ in range(clients)]

    def _write(self) -> None:
        with httpx.Client(timeout=2, trust_env=False) as client:
            while not self._stop.wait(0.01):
                try:
                    write_id, answer = self._orchestra.write(client)
                except httpx.HTTPError:
                    continue
                if answer.status_code == 200:
                    self.acknowledged.append(write_id)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.fixture(scope="module")
def orchestra() -> Iterator[Orchestra]:
    """One bed for all tests of this module, ended after them."""
    one = bed.up(idle_s=300)
    try:
        with httpx.Client(timeout=30, trust_env=False) as http:
            yield Orchestra(one, http)
    finally:
        bed.down(one)


def fail_over(orchestra: Orchestra, lost: str, target: str, third: str) -> None:
    """The forced failover by hand: quorum denial, promote, follow, shift."""
    orchestra.epoch += 1
    assert orchestra.shift().status_code == 200
    positions = {region: orchestra.tell(region, "detach")["flush_lsn"] for region in (target, third)}
    if positions[target] < positions[third]:  # it must have what the other confirmed
        orchestra.tell(target, "follow", primary=third)
        until(lambda: orchestra.see(target)["database"]["flush_lsn"] >= positions[third], "the target catches up")
    orchestra.tell(target, "promote", voters=[lost, third])
    assert orchestra.tell(third, "follow", primary=target)["method"] == "repoint"
    orchestra.tell(target, "promote_cache")
    assert orchestra.tell(target, "verify_write")["id"]
    assert orchestra.shift(**{target: TOTAL_WEIGHT}).status_code == 200


def never_sent(answer: httpx.Response) -> bool:
    """Whether this answer proves that no node has seen the request."""
    return answer.status_code == 503 and answer.headers.get("x-aurops-not-sent") == "1"


def test_a_write_through_the_proxy_is_committed_in_the_region_in_force(orchestra: Orchestra) -> None:
    """A 200 names the region and the epoch, and the row is there, confirmed by a standby."""
    write_id, answer = orchestra.write()
    assert answer.status_code == 200
    assert answer.json() == {"id": write_id, "epoch": 1, "region": "north", "cached": True}
    assert answer.headers[SIDE_HEADER] == "north"
    assert write_id in orchestra.ledger("north")
    until(lambda: write_id in orchestra.ledger("south") | orchestra.ledger("west"), "a standby has it")


def test_status_tells_what_every_region_observes(orchestra: Orchestra) -> None:
    """One primary, two standbys that stream from it, and traffic where the primary is."""
    seen = bed.status(orchestra.bed)
    assert {name: view["database"]["role"] for name, view in seen["regions"].items()} == {
        "north": "primary",
        "south": "standby",
        "west": "standby",
    }
    assert seen["edge"]["weights"] == {"north": 10_000, "south": 0, "west": 0}
    assert orchestra.streaming("north")


def test_a_probe_reaches_a_region_only_while_it_has_weight(orchestra: Orchestra) -> None:
    """A probe is a committed write through the region asked for; to a region without traffic it is closed."""
    url = f"{orchestra.bed.proxy_url}/probe"
    body = {"vantage": "test", "n": 1}
    open_answer = orchestra.http.post(url, json=body, headers={PROBE_HEADER: "north"})
    assert (open_answer.status_code, open_answer.headers[SIDE_HEADER]) == (200, "north")
    for region in ("south", "atlantis"):
        assert never_sent(orchestra.http.post(url, json=body, headers={PROBE_HEADER: region}))


@pytest.mark.parametrize(
    "body", ['{"id": 3, "amount": 1}', '{"id": "x"}', '{"id": "x", "amount": "1"}', "[]", "nonsense"]
)
def test_a_malformed_write_is_refused(orchestra: Orchestra, body: str) -> None:
    """What is not a write is answered 400, and nothing is written."""
    assert orchestra.http.post(f"{orchestra.bed.proxy_url}/writes", content=body).status_code == 400


def test_the_same_id_is_not_written_twice(orchestra: Orchestra) -> None:
    """A second write of an id is refused: an id in the ledger is one acknowledged write."""
    write_id, _ = orchestra.write()
    again = orchestra.http.post(f"{orchestra.bed.proxy_url}/writes", json={"id": write_id, "amount": 2})
    assert again.status_code == 400


@pytest.mark.parametrize("command", ["detach", "follow", "promote", "shift"])
def test_a_malformed_command_changes_nothing(orchestra: Orchestra, command: str) -> None:
    """A command without epoch, or with names that do not exist, is refused before anything is done."""
    before = orchestra.settled("south")
    url = orchestra.bed.edge_url if command == "shift" else orchestra.bed.agents["south"]
    for body in ({}, {"epoch": "2"}, {"epoch": 0}, {"epoch": 1, "primary": "x", "voters": ["x"], "weights": {"x": 1}}):
        if command == "detach" and body.get("epoch") == 1:
            continue  # needs nothing more
        assert orchestra.http.post(f"{url}/{command}", json=body).status_code == 400
    assert orchestra.settled("south") == before


@pytest.mark.campaign  # times are asserted on a machine that does nothing else
def test_observing_is_quick(orchestra: Orchestra) -> None:
    """An observation is answered within a few milliseconds (10 ms on a quiet machine; 50 ms are allowed here)."""
    took_s = []
    for _ in range(20):
        began_s = time.monotonic()
        orchestra.see("north")
        took_s.append(time.monotonic() - began_s)
    assert sorted(took_s)[len(took_s) // 2] < 0.05


@pytest.mark.parametrize(
    ("query", "state", "why"),
    [
        ("select count(*) from ledger where id = 'nobody'", State.OPEN, "0"),
        ("select 5", State.CLOSED, "5 is not at most 0"),
        ("select false", State.OPEN, "0"),
        ("select 0.5::numeric", State.CLOSED, "0.5 is not at most 0"),
        ("select 'NaN'::float8", State.UNKNOWN, "the query gives NaN"),
        ("select null", State.UNKNOWN, "the query gives NULL"),
        ("select 'x'", State.UNKNOWN, "the query gives 'x'"),
        ("select 1 where false", State.UNKNOWN, "the query gives no row"),
        ("select 1, 2", State.UNKNOWN, "the query gives one row of 2"),
        ("select generate_series(1, 9)", State.UNKNOWN, "the query gives more than one row"),
        ("select nothing", State.UNKNOWN, "does not exist"),
        ("selekt", State.UNKNOWN, "syntax error"),
        ("delete from ledger", State.UNKNOWN, "read-only transaction"),
        ("select pg_sleep(30)", State.UNKNOWN, "statement timeout"),
    ],
)
def test_a_gate_asks_the_database_and_changes_nothing(
    orchestra: Orchestra, monkeypatch: pytest.MonkeyPatch, query: str, state: State, why: str
) -> None:
    """One number opens or closes it; anything else is unknown with the reason; writing is refused."""
    orchestra.write()
    before = orchestra.ledger("north")
    monkeypatch.setenv("LEDGER", f"host=127.0.0.1 port={orchestra.bed.postgres_ports['north']} user=postgres")
    asked = {"kind": "sql", "name": "g", "dsn_env": "LEDGER", "query": query, "value": {"at_most": 0}, "timeout_s": 0.5}
    check = SqlCheck.model_validate(asked)
    found = sql.judge(check, sql.look(check, RealClock()), RealClock().wall())
    assert (found.state, why in found.why) == (state, True), found.why
    assert orchestra.ledger("north") >= before


def test_losing_a_standby_region_stops_no_write(orchestra: Orchestra) -> None:
    """One standby is enough for the quorum; the lost one comes back as a standby without being told."""
    orchestra.kill("west")
    assert orchestra.write()[1].status_code == 200
    bed.revive(orchestra.bed, "west")
    until(lambda: orchestra.streaming("north"), "west streams again")


def test_a_fenced_region_writes_nothing_until_it_is_restored(orchestra: Orchestra) -> None:
    """The way back before anything else was promoted: the fenced primary is started again, with its quorum."""
    orchestra.tell("north", "fence")
    write_id, answer = orchestra.write()
    assert never_sent(answer)
    view = orchestra.see("north")
    assert (view["fenced"], view["database"]["running"], view["database"]["writable"]) == (True, False, False)
    orchestra.tell("north", "promote", voters=["south", "west"])
    assert orchestra.tell("north", "verify_write")["id"]
    until(lambda: orchestra.streaming("north"), "the standbys come back by themselves")
    assert write_id not in orchestra.ledger("north")


def test_closed_traffic_is_refused_by_the_proxy_itself(orchestra: Orchestra) -> None:
    """With all weights 0 every request is answered at once, and marked as never sent."""
    assert orchestra.shift().json()["weights"] == dict.fromkeys(REGIONS, 0)
    assert never_sent(orchestra.write()[1])
    assert orchestra.shift(north=TOTAL_WEIGHT).status_code == 200
    assert orchestra.write()[1].status_code == 200


def test_losing_the_primary_region_by_kill_loses_no_acknowledged_write(orchestra: Orchestra) -> None:
    """North is killed under load, south promoted; north comes back fenced, is rewound, and all three stream again."""
    with Writers(orchestra) as writers:
        until(lambda: len(writers.acknowledged) > 20, "clients write to north")
        assert orchestra.kill("north") > 5
        until(lambda: never_sent(orchestra.write()[1]), "a refused connection is told from an unknown outcome")
        before = len(writers.acknowledged)
        fail_over(orchestra, "north", "south", "west")
        until(lambda: len(writers.acknowledged) > before + 20, "clients write to south")
        bed.revive(orchestra.bed, "north")
        view = orchestra.see("north")
        assert (view["fenced"], view["database"]["role"], view["database"]["running"]) == (True, "down", False)
        done = orchestra.tell("north", "follow", primary="south")
        until(lambda: orchestra.streaming("south"), "north and west stream from south")
    assert done["method"] == "rewind", done
    assert set(writers.acknowledged) <= orchestra.ledger("south")
    assert not orchestra.see("north")["fenced"]


def test_an_older_epoch_is_refused_everywhere(orchestra: Orchestra) -> None:
    """After a failover neither agent, nor edge, nor node, nor the write transaction obeys the former epoch."""
    stale = orchestra.epoch - 1
    refusal = {"error": "older epoch", "highest_epoch": orchestra.epoch}
    for url in (f"{orchestra.bed.agents['south']}/fence", f"{orchestra.bed.edge_url}/shift"):
        answer = orchestra.http.post(url, json={"epoch": stale, "weights": {"north": 100}})
        assert (answer.status_code, answer.json()) == (409, refusal)
    node = orchestra.bed.node_urls["south"][0]
    for header in ({"x-aurops-epoch": str(stale)}, {}):
        answer = orchestra.http.post(f"{node}/writes", json={"id": "stale", "amount": 1}, headers=header)
        assert (answer.status_code, answer.json(), answer.headers["x-aurops-not-sent"]) == (
            503,
            {"error": "epoch"},
            "1",
        )
    assert "stale" not in orchestra.ledger("south")


def test_a_transaction_is_refused_when_the_fence_has_moved_on(orchestra: Orchestra) -> None:
    """A node that has missed a change of epoch writes nothing: its transaction reads the fence."""
    with orchestra.connect("south") as connection:
        connection.execute("UPDATE fence SET epoch = epoch + 1")
        connection.commit()
        write_id, answer = orchestra.write()
        connection.execute("UPDATE fence SET epoch = epoch - 1")
        connection.commit()
    assert (answer.status_code, answer.json()) == (503, {"error": "epoch"})
    assert write_id not in orchestra.ledger("south")


def test_losing_the_primary_region_by_freeze_loses_no_acknowledged_write(orchestra: Orchestra) -> None:
    """South is frozen under load and north promoted; when it thaws it acknowledges nothing, and is rewound."""
    with Writers(orchestra) as writers:
        until(lambda: len(writers.acknowledged) > 20, "clients write to south")
        orchestra.freeze("south")
        before = len(writers.acknowledged)
        fail_over(orchestra, "south", "north", "west")
        until(lambda: len(writers.acknowledged) > before + 20, "clients write to north")
        processes.send(orchestra.region("south"), signal.SIGCONT)
        orchestra.tell("south", "fence")
        assert (
            orchestra.see("south")["database"] | {"running": False, "writable": False}
            == orchestra.see("south")["database"]
        )
        done = orchestra.tell("south", "follow", primary="north")
        until(lambda: orchestra.streaming("north"), "south and west stream from north")
    assert done["method"] == "rewind", done
    assert set(writers.acknowledged) <= orchestra.ledger("north")


def test_a_commit_that_waits_is_not_let_go_when_its_client_hangs_up(orchestra: Orchestra) -> None:
    """With no standby to confirm, a write is neither acknowledged nor visible, even after its client has gone."""
    for region in ("south", "west"):
        orchestra.tell(region, "detach")
    write_id = orchestra.write_and_hang_up()
    assert write_id not in orchestra.ledger("north")
    for region in ("south", "west"):
        assert orchestra.tell(region, "follow", primary="north")["method"] == "repoint"
    until(lambda: write_id in orchestra.ledger("north"), "the commit goes on once a standby confirms")


def test_a_commit_with_a_warning_is_not_acknowledged(orchestra: Orchestra) -> None:
    """PostgreSQL calls a cancelled wait for the quorum a success, with a WARNING; the answer is `info`."""
    for region in ("south", "west"):
        orchestra.tell(region, "detach")
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(lambda: orchestra.write()[1])
        until(lambda: len(orchestra.waiting("north")) == 1, "the commit waits for its quorum")
        under_way = orchestra.http.get(f"{orchestra.bed.edge_url}/observe").json()["under_way"]
        assert under_way == {"north": 1, "south": 0, "west": 0}
        with orchestra.connect("north") as connection:
            connection.execute("SELECT pg_cancel_backend(%s)", (orchestra.waiting("north").pop(),))
        assert (answer.result().status_code, answer.result().json()["outcome"]) == (202, "info")
    for region in ("south", "west"):
        orchestra.tell(region, "follow", primary="north")


def test_what_only_a_lost_primary_has_is_listed_and_not_merged(orchestra: Orchestra) -> None:
    """A write that north committed and no standby confirmed: kept and named, with its row, when north is rewound."""
    for region in ("south", "west"):
        orchestra.tell(region, "detach")
    write_id = orchestra.write_and_hang_up()
    orchestra.kill("north")
    fail_over(orchestra, "north", "south", "west")
    bed.revive(orchestra.bed, "north")
    done = orchestra.tell("north", "follow", primary="south")
    assert done["method"] == "rewind", done
    assert [write_id] in [each["ledger_ids"] for each in done["only_here"]]
    assert done["diverged_commits"] == len(done["only_here"])
    kept = Path(done["evidence"])
    assert json.loads((kept / "transactions.json").read_text()) == done["only_here"]
    assert {file.name for file in kept.iterdir()} > {"transactions.json"}
    assert not (kept / "copy").exists()
    until(lambda: orchestra.streaming("south"), "north and west stream from south")
    assert write_id not in orchestra.ledger("north") | orchestra.ledger("south")


def test_a_request_is_held_for_a_bounded_time(orchestra: Orchestra) -> None:
    """Nobody serves its epoch: it is refused as not executed, after three seconds or as soon as the hold is ended."""
    orchestra.epoch += 1
    node, region = orchestra.bed.node_urls["west"][0], "west"
    orchestra.tell(region, "hold")

    def held() -> tuple[httpx.Response, float]:
        began_s, header = time.monotonic(), {"x-aurops-epoch": str(orchestra.epoch)}
        body = {"id": next(orchestra.ids), "amount": 1}
        answer = httpx.post(f"{node}/writes", json=body, headers=header, timeout=10, trust_env=False)
        return answer, time.monotonic() - began_s

    answer, waited_s = held()
    assert never_sent(answer)
    assert waited_s >= 3.0
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(held)
        while not waiting.done():
            orchestra.tell(region, "release")
        answer, waited_s = waiting.result()
    assert never_sent(answer)
    assert waited_s < 3.0
    orchestra.tell("south", "promote", voters=["north", "west"])
    assert orchestra.shift(south=TOTAL_WEIGHT).status_code == 200


def test_two_beds_live_side_by_side_and_a_killed_supervisor_leaves_nothing(orchestra: Orchestra) -> None:
    """A second bed has its own ports; when its supervisor is killed all of it goes, and the first stays whole."""
    second = bed.up(idle_s=300)
    helper = bed.start_process(second, "http.server", ["--bind", "127.0.0.1", "0"], "helper.log")
    assert {one.id for one in bed.beds()} >= {orchestra.bed.id, second.id}
    assert httpx.post(f"{second.proxy_url}/writes", json={"id": "2", "amount": 1}, trust_env=False).status_code == 200
    shared = segments_of(second)
    assert len(shared) == len(REGIONS)
    with pytest.raises(UsageError, match="Several"):
        bed.find()
    os.kill(second.supervisor_pid, signal.SIGKILL)
    until(lambda: gone(second), "the second bed is gone")
    assert not shared & segments().keys()
    child = processes.identity(helper)
    assert child is None or processes.state(child) is None
    assert orchestra.write()[1].status_code == 200


def test_a_taken_port_is_named(orchestra: Orchestra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for ports of another bed, `up` says which is taken, and leaves nothing."""
    port = int(orchestra.bed.proxy_url.rpartition(":")[2])
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # here only this test's beds come and go
    with pytest.raises(OutsideError, match=f"Port {port} is taken"):
        bed.up(first_port=port)
    with pytest.raises(OutsideError, match="taken"):
        bed.up(first_port=port - BLOCK_SIZE + 1)
    assert list(tmp_path.iterdir()) == []


def test_down_leaves_nothing(orchestra: Orchestra) -> None:
    """After `down` there is no process, no folder and no shared memory of the bed; a second `down` is no error."""
    one = orchestra.bed
    shared = segments_of(one)
    assert len(shared) == len(REGIONS)
    bed.down(one)
    assert not one.folder.exists()
    until(lambda: gone(one), "the guardian ends last")
    assert not guardian.living(one.id, one.folder)
    assert not shared & segments().keys()
    with pytest.raises(UsageError, match=one.id):
        bed.find(one.id)
    bed.down(one)


def test_a_bed_that_nobody_uses_ends_by_itself() -> None:
    """After its idle time nothing is left of it, without a command."""
    one = bed.up(idle_s=2)
    try:
        until(lambda: gone(one), "the idle bed ended", limit_s=30)
    finally:
        bed.down(one)
