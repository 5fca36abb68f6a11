"""The watcher beside a real proxy, while no runner lives: it goes back, or holds and calls a person."""

from __future__ import annotations

import getpass
import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from aurops.clock import RealClock
from aurops.errors import HeldError
from aurops.gates.finding import State
from aurops.gates.steps import waits_at
from aurops.history import History
from aurops.journal import Journal
from migration import cutover_file, execute, rollback
from testbeds.local.steering.bed import WATCHER, Bed, up
from testbeds.local.steering.writers import Writers
from tests.aurops.gates.people import needs_ssh_keygen
from tests.e2e.commands import until
from tests.e2e.test_cutover import REQUESTS, Day, aurops
from tests.receivers import Receiver, receiving
from traffic import heartbeat, watching
from traffic.driver import TOTAL_WEIGHT, Steering
from traffic.site import Kind
from traffic.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aurops.gates.finding import Finding

pytestmark = [pytest.mark.e2e, needs_ssh_keygen]
CLOCK = RealClock()


@pytest.fixture(scope="module")
def bed() -> Iterator[Bed]:
    """A real Envoy with its watcher, and sides that count."""
    with up(Kind.ENVOY, requests=REQUESTS, shared_keys=True) as one:
        yield one


@pytest.fixture
def gate() -> Iterator[Receiver]:
    """What the critical gate asks."""
    with receiving() as one:
        yield one


@pytest.fixture
def person() -> Iterator[Receiver]:
    """Who is called."""
    with receiving() as one:
        yield one


@pytest.fixture
def day(tmp_path: Path, bed: Bed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Day]:
    """A day on which everything is at V10, and nothing lies beside the proxy."""
    back(bed)
    made = Day(tmp_path, bed, monkeypatch)
    yield made
    made.end()


def back(bed: Bed) -> None:
    """Everything to V10, nothing held."""
    bed.driver.release_hold("the test")
    if latch := bed.driver.latch():
        bed.driver.release("the test", latch.epoch + 1)
    steer(bed, 0)  # first: what vanishes while traffic is moved is obeyed all the same, and holds
    for name in (watching.FILE, watching.ROLLBACK_FILE, heartbeat.RUNNER):
        (bed.site.folder / name).unlink(missing_ok=True)
    until(lambda: heartbeat.is_watched(bed.site.folder, CLOCK), limit_s=10, what="the watcher looks")
    bed.driver.release_hold("the test")
    if latch := bed.driver.latch():
        bed.driver.release("the test", latch.epoch + 1)
    steer(bed, 0)


def steer(bed: Bed, v11: int) -> None:
    """So much to V11."""
    epoch = bed.driver.observe().steering.epoch
    bed.driver.shift(Steering({"v11": v11, "v10": TOTAL_WEIGHT - v11, "baseline": 0}, epoch + 1))


def begin(day: Day, gate: Receiver, person: Receiver, steps: str = "[5, 50, 100]", validate_s: float = 13) -> str:
    """A run by a plan whose `watch` asks the gate, which is critical; a runner is lost after three seconds."""
    file = day.file(steps, after_s=1)
    health = f"http://{day.bed.site.side('v11').backends[0]}/health"
    more = f"critical: [{{check: V11 well, for_s: 0.5, every_s: 0.1}}]\npage: {{url: '{person.url}'}}\nheartbeat_s: 3\n"
    text = file.read_text().replace(f"'{health}'", f"'{gate.url}', timeout_s: 1")
    text = text.replace("operator_hosts: [ops-1, ops-2]\n", "").replace("page: {argv: ['true']}\n", "")
    file.write_text(re.sub(r"validate_s: [\d.]+", f"validate_s: {validate_s}", text) + more)
    return execute.begin(day.store, CLOCK, *cutover_file.read(file)).run


def prepared(day: Day, gate: Receiver, person: Receiver, steps: str = "[5, 50, 100]", *, validate_s: float = 13) -> str:
    """Such a run behind phase 1, approved by ann."""
    run = begin(day, gate, person, steps, validate_s)
    until(lambda: "people is closed" in ended(day, run), limit_s=60, what="ann is asked")
    day.approve(run)
    return run


def ended(day: Day, run: str) -> str:
    """What a resume says that ends at a gate, or is held."""
    with running(day, run, wait=False) as runner:
        assert runner.process.wait(60) == 4, runner.said()
        return runner.said()


class Runner:
    """`aurops runs resume RUN`."""

    def __init__(self, day: Day, run: str, *, wait: bool) -> None:
        command = [sys.executable, "-m", "tests.e2e.connected", "runs", "resume", run, *(["--wait"] if wait else [])]
        self._day = day
        self._log = day.folder / "runner.log"
        with self._log.open("w") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ)

    def until_weight(self, v11: int) -> None:
        """Go on until V11 has so much."""
        while self._day.bed.driver.observe().steering.weight("v11") < v11:
            assert self.process.poll() is None, self.said()
            CLOCK.sleep(0.05)

    def end(self, signum: signal.Signals) -> int:
        """Stop it; its exit code."""
        self.process.send_signal(signum)
        return self.process.wait(30)

    def said(self) -> str:
        """What it printed."""
        return self._log.read_text()


@contextmanager
def running(day: Day, run: str, *, wait: bool = True) -> Iterator[Runner]:
    """A runner that stays, or ends at a shut gate; gone at the end."""
    runner = Runner(day, run, wait=wait)
    try:
        yield runner
    finally:
        if runner.process.poll() is None:
            runner.process.kill()
        runner.process.wait()


def beats(bed: Bed, seconds: float) -> None:
    """Return when the watcher has looked for so long."""
    until_s = CLOCK.now_s() + seconds
    said = bed.site.folder / "watched"
    until(lambda: json.loads(said.read_text())["at_s"] > until_s, limit_s=seconds + 20, what="the watcher looks")


def test_a_critical_gate_that_says_no_sends_traffic_back_with_no_runner_and_no_store(
    day: Day, gate: Receiver, person: Receiver
) -> None:
    """The runner was stopped and its store is gone: latched with gate and evidence, all at V10, a person is called."""
    driver = day.bed.driver
    run = prepared(day, gate, person)
    with running(day, run) as runner:
        runner.until_weight(500)
        assert runner.end(signal.SIGINT) == 130, runner.said()
    (day.folder / "store").rename(day.folder / "gone")
    beats(day.bed, 4)
    assert driver.hold() is None, "a runner that says that it ends is not lost"
    assert person.got == []
    with Writers(day.bed) as clients:
        until(lambda: len(clients.ok) > 50, limit_s=20, what="clients write")
        gate.status = 503
        until(lambda: driver.latch() is not None, limit_s=20, what="the watcher rolls back")
        until(lambda: driver.observe().steering.weight("v10") == TOTAL_WEIGHT, limit_s=10, what="all is back")
        until(lambda: bool(person.got), limit_s=10, what="a person is called")
    latch = driver.latch()
    assert latch is not None
    assert latch.reason.startswith("the critical gate `V11 well` has said no for ")
    assert f"{gate.url} answers 503, not 200" in latch.reason
    assert clients.bad == []
    (page,) = person.got
    assert (page["kind"], page["service"], page["run"], page["proxy"]) == ("rollback", "ledger", run, "edge")
    assert latch.reason in page["text"]


def test_a_runner_that_is_killed_holds_the_cutover_and_calls_a_person_once(
    day: Day, gate: Receiver, person: Receiver
) -> None:
    """Traffic stays; nobody goes forward, by whatever way, until a person lets go; then the run goes on."""
    bed = day.bed
    run = prepared(day, gate, person)
    with running(day, run) as runner:
        runner.until_weight(500)
        runner.end(signal.SIGKILL)
    until(lambda: bed.driver.hold() is not None, limit_s=20, what="the watcher holds")
    until(lambda: bool(person.got), limit_s=10, what="a person is called")
    with pytest.raises(HeldError, match=f"the runner of {run} is lost"):
        steer(bed, 600)
    assert bed.driver.observe().steering.weight("v11") == 500
    assert bed.driver.latch() is None
    bed.kill(WATCHER)
    bed.start(WATCHER)
    assert f"edge is held by the watcher on the proxy's host: the runner of {run} is lost" in ended(day, run)
    beats(bed, 4)
    assert [page["kind"] for page in person.got] == ["hold"]
    done = aurops("release", run, "--reason", "the host was out of memory")
    assert (done.returncode, done.stdout.startswith("released: edge (the runner of ")) == (0, True), done.stderr
    with running(day, run) as runner:
        runner.until_weight(5_000)
        assert runner.end(signal.SIGTERM) == 143, runner.said()
    assert len(person.got) == 1
    steer(bed, 0)


def test_past_the_point_of_no_return_the_watcher_sends_nothing_back(day: Day, gate: Receiver, person: Receiver) -> None:
    """V10 takes no writes: a critical gate that says no, and a V11 that dies, hold and call a person, each once."""
    bed, folder = day.bed, day.bed.site.folder
    critical = {"check": {"kind": "http", "name": "orders", "url": gate.url}, "for_s": 0, "every_s": 0.1}
    said = {"service": "ledger", "run": "run-1", "proxy": "edge", "critical": [critical], "page": {"url": person.url}}
    watching.lay(folder, Watching.model_validate(said))
    ready = rollback.ready("ledger", "run-1", {"edge": str(bed.folder / "site.json")}, CLOCK)
    rollback.lay(ready.model_copy(update={"over": "writes to V10 are stopped"}), (folder,))
    until(lambda: heartbeat.is_watched(folder, CLOCK), limit_s=10, what="the watcher obeys")
    steer(bed, TOTAL_WEIGHT)
    gate.status = 500
    until(lambda: bool(person.got), limit_s=10, what="a person is called")
    bed.kill("v11")
    try:
        until(lambda: len(person.got) == 2, limit_s=20, what="a person is called again")
        beats(bed, 1)
    finally:
        bed.start("v11")
        bed.await_health("v11")
    assert bed.driver.latch() is None
    assert bed.driver.observe().steering.weight("v11") == TOTAL_WEIGHT
    assert [page["kind"] for page in person.got] == ["hold", "hold"]
    assert all("nothing was rolled back: past the point of no return: writes to V10" in p["text"] for p in person.got)
    assert "`orders` has said no" in person.got[0]["text"]
    assert "v11 fell back to v10" in person.got[1]["text"]


def test_a_watcher_that_dies_while_v11_has_everything_shuts_the_gate_until_one_looks_again(
    day: Day, gate: Receiver, person: Receiver
) -> None:
    """In phase 3, where nothing is moved any more: said with the reason, traffic stays; with a watcher all is well."""
    bed = day.bed
    run = prepared(day, gate, person, "[100]", validate_s=3600)

    def well() -> Finding:
        records = Journal.open(day.store, run, CLOCK).records
        spot = waits_at(records, History(records))
        assert spot is not None, runner.said()
        assert spot.stage == "phase 3 over"
        return spot.before["well"]

    with running(day, run) as runner:
        runner.until_weight(TOTAL_WEIGHT)
        until(lambda: "end of phase 3" in runner.said(), limit_s=60, what="phase 2 is over")
        until(lambda: well().state is State.OPEN, limit_s=30, what="all is well")
        bed.kill(WATCHER)
        try:
            until(lambda: well().state is State.CLOSED, limit_s=30, what="the gate shuts")
            said = "watcher of edge: nobody watches edge as it must be: its watcher is gone or stands still"
            assert well().why.startswith(said)
            until(lambda: f"well is closed: {said}" in runner.said(), limit_s=10, what="whoever stays reads it")
            assert said in aurops("gates", run).stdout
        finally:
            bed.start(WATCHER)
        until(lambda: well().state is State.OPEN, limit_s=30, what="all is well again")
        assert runner.end(signal.SIGINT) == 130, runner.said()
    assert bed.driver.latch() is None
    assert bed.driver.observe().steering.weight("v11") == TOTAL_WEIGHT
    steer(bed, 0)


@pytest.mark.campaign  # in make test: tests/runbooks/test_cutover.py, on simulated proxies
def test_a_webhook_hears_of_each_phase_once_and_one_that_hangs_delays_nothing(
    day: Day, gate: Receiver, person: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Phases begin and end, also over a resume; a hold and a rollback; with nobody there it is said once."""
    with receiving() as hook:
        monkeypatch.setenv("AUROPS_WEBHOOK", hook.url)
        run = prepared(day, gate, person)
        with running(day, run) as runner:
            runner.until_weight(500)
            runner.end(signal.SIGINT)
        assert aurops("hold", run, "--reason", "look first").returncode == 0
        with running(day, run) as runner:
            until(lambda: any("ann" not in e["text"] and "look first" in e["text"] for e in hook.got), limit_s=30)
            runner.end(signal.SIGINT)
        hook.go.clear()
        before = len(hook.got)
        assert aurops("release", run, "--reason", "seen").returncode == 0
        with running(day, run) as runner:
            runner.until_weight(5_000)
            assert len(hook.got) == before, "nobody has answered meanwhile"
            runner.end(signal.SIGINT)
            assert runner.said().count("the webhook at 127.0.0.1 does not get all that happens") == 1
        hook.go.set()
        done = aurops("rollback", "ledger", "--reason", "orders look wrong")
        assert done.returncode == 0, done.stderr
    told = [(event["kind"], event["text"].split(":")[0]) for event in hook.got]
    phases = [text for kind, text in told if kind == "phase"]
    assert phases == ["phase 1 begins", "phase 1 ends", "phase 2 begins"]
    assert [kind for kind, _ in told].count("hold") == 1
    assert told[-1] == ("rollback", f"{getpass.getuser()} rolled back")


@pytest.mark.campaign  # in make test: tests/migration/test_beside.py, and every driver's contract
def test_without_its_watcher_a_proxy_is_neither_prepared_nor_taken_forward(
    day: Day, gate: Receiver, person: Receiver
) -> None:
    """Said in phase 1, by day; killed later, no next step is made and traffic stays; with a watcher it goes on."""
    bed = day.bed
    bed.kill(WATCHER)
    run = begin(day, gate, person)
    assert "nobody watches edge as it must be: its watcher is gone or stands still" in ended(day, run)
    bed.start(WATCHER)
    until(lambda: "people is closed" in ended(day, run), limit_s=60, what="ann is asked")
    day.approve(run)
    with running(day, run) as runner:
        runner.until_weight(500)
        bed.kill(WATCHER)
        said = "nobody watches edge as it must be: its watcher is gone or stands still"
        until(lambda: said in runner.said(), limit_s=60, what="the next step is not made")
        assert bed.driver.observe().steering.weight("v11") == 500
        bed.start(WATCHER)
        runner.until_weight(5_000)
        assert runner.end(signal.SIGINT) == 130, runner.said()
    steer(bed, 0)
