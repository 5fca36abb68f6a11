"""A cutover and a rollback on real proxies with real keys: what is in effect, and what clients see."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aurops.clock import RealClock
from aurops.gates.steps import waits_at
from aurops.history import History
from aurops.journal import Journal, RecordKind
from aurops.processes import Process
from aurops.report import Verdict
from aurops.requests import RequestKind, ask
from aurops.runner import Ending
from aurops.store import open_store
from migration import cutover_file, execute, rollback
from migration.cutover_report import report
from migration.model import World
from migration.prober import FILE as TASK
from migration.prober import PROCESS
from migration.probing import Probes
from migration.proxies import Proxies
from testbeds.local.steering.bed import Bed, up
from testbeds.local.steering.writers import Writers
from tests.aurops.gates.people import needs_ssh_keygen, new_key
from tests.e2e.commands import until
from tests.e2e.connected import Data, Told, connected
from tests.e2e.measured import Measured
from traffic.driver import TOTAL_WEIGHT, Steering
from traffic.site import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aurops.runner import Result

pytestmark = [pytest.mark.e2e, needs_ssh_keygen]
CLOCK = RealClock()
REQUESTS = 200_000


@pytest.fixture(scope="module", params=[Kind.ENVOY, pytest.param(Kind.NGINX, marks=pytest.mark.campaign)])
def bed(request: pytest.FixtureRequest) -> Iterator[Bed]:
    """A real proxy with its watcher, and sides that count."""
    with up(request.param, requests=REQUESTS, shared_keys=True) as one:
        yield one


class Day:
    """A whole cutover of one proxy within seconds, with its file, store and people."""

    def __init__(self, folder: Path, bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder, self.bed, self.key = folder, bed, new_key(folder / "ann")
        monkeypatch.setenv("AUROPS_STORE", str(folder / "store"))
        monkeypatch.setenv("XDG_STATE_HOME", str(folder / "state"))
        (folder / "allowed_signers").write_text(f"ann {self.key.with_suffix('.pub').read_text()}")
        self.store = open_store(str(folder / "store"))
        monkeypatch.setenv(Told.FENCED, str(folder / "fenced"))
        self.data = Data(folder / "fenced")
        self.ports = connected(self.data)

        self.measured, self.headroom = Measured(bed, folder).__enter__(), 1.0

    def file(
        self, steps: str = "[5, 50, 100]", *, after_s: float = 60, traffic_s: float = 12, because: str = ""
    ) -> Path:
        """A plan that begins so many seconds from now."""
        start = CLOCK.wall() + timedelta(seconds=after_s)
        approval = "{kind: approval, name: people, need: 1, of: [ann]}"
        health = f"http://{self.bed.site.side('v11').backends[0]}/health"
        warm = f"http://{self.bed.site.side('v10').backends[0]}/health"
        edge = f"http://{self.bed.site.listens}"
        probe = (
            f"{{read: {{url: '{edge}/reads/0'}}, write: {{url: '{edge}/writes/{{n}}'}}, first: {REQUESTS - 20_000}}}"
        )
        file = self.folder / "cutover.yaml"
        file.write_text(
            f"service: ledger\nbecause: '{because}'\nstart: {start.isoformat()}\nsteps: {steps}\n"
            f"sites: {{edge: {self.bed.folder / 'site.json'}}}\n"
            f"regions: [{{name: west, proxies: [edge], probe: {probe}}}]\n"
            "operator_hosts: [ops-1, ops-2]\n"
            f"times: {{prepare_s: 60, traffic_s: {traffic_s}, validate_s: {traffic_s + 1}}}\n"
            "soak: {for_s: 2, every_s: 2}\ndrain_s: 0\n"
            f"capacity: [{{kind: http, name: V10 warm, url: '{warm}'}}, {self.measured.check(self.headroom)}]\n"
            f"watch: [{{kind: http, name: V11 well, url: '{health}'}}]\n"
            "page: {argv: ['true']}\n"
            f"gates: {{prepare: [{{kind: http, name: dashboards, url: '{warm}'}}], traffic: [{approval}],"
            f" validate: [{{kind: http, name: suite, url: '{health}'}}], hand_over: [{approval}]}}\n"
            "signers: {allowed: allowed_signers}\n"
        )
        return file

    def begin(self, *, releases: bool = False) -> Journal:
        """A run of it, as the command begins one."""
        read, signers = cutover_file.read(self.file(after_s=2, traffic_s=1))
        execute.check_start(read, World(CLOCK.wall(), self.target("").observe()), releases=releases)
        return execute.begin(self.store, CLOCK, read, signers, releases=releases)

    def target(self, run: str) -> Proxies:
        def lay(over: str) -> dict[str, str]:
            sites = {"edge": str(self.bed.folder / "site.json")}
            made = rollback.ready("ledger", run, sites, CLOCK).model_copy(update={"over": over})
            return rollback.lay(made, (self.bed.site.folder, rollback.home("ledger")))

        return Proxies(
            {"edge": self.bed.driver}, CLOCK, who="ann", drain_s=0, lay_ready=lambda _proxy, _s: lay(""), stand_down=lay
        )

    def drive(self, journal: Journal, *, until_alone: str = "") -> Result:
        """Take the run up until it ends, or this gate alone is shut; whenever people are asked, ann approves."""
        for _ in range(200):
            journal = Journal.open(self.store, journal.run, CLOCK)
            target = self.target(journal.run)
            result = execute.execute(journal, target, store=self.store, clock=CLOCK, ports=self.ports)
            shut = re.findall(r"(?:^|; )([^;:]+) is (?:closed|unknown): ", result.why)
            if result.ending is not Ending.AT_GATE or shut == [until_alone]:
                return result
            if "people is closed" in result.why:
                self.approve(journal.run)
            else:
                CLOCK.sleep(0.2)
        raise AssertionError(result)

    def end(self) -> None:
        """Have the meter and every run's probes end."""
        self.measured.__exit__()
        for process in (self.folder / "state" / "aurops" / "probes").glob(f"*/{PROCESS}"):
            process.with_name(TASK).unlink(missing_ok=True)
            sending = Process.parse(process.read_text())
            until(lambda sending=sending: not sending.is_alive(), limit_s=20, what="probes end")  # type: ignore[misc]

    def approve(self, run: str) -> None:
        done = aurops("approve", run, "--key", str(self.key), "--reason", "a test", "--yes", "--json")
        assert done.returncode == 0, done.stderr


def aurops(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """A command as a process of its own."""
    command = [sys.executable, "-m", "runbooks", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **env}, timeout=60)


@pytest.fixture
def day(tmp_path: Path, bed: Bed, monkeypatch: pytest.MonkeyPatch) -> Iterator[Day]:
    """A day on which everything is ready."""
    if latch := bed.driver.latch():
        bed.driver.release("the test", latch.epoch + 1)
    now = bed.driver.observe().steering
    bed.driver.shift(Steering({"v11": 0, "v10": TOTAL_WEIGHT, "baseline": 0}, now.epoch + 1))
    made = Day(tmp_path, bed, monkeypatch)
    yield made
    made.end()


def test_a_cutover_moves_all_traffic_and_loses_no_request(day: Day) -> None:
    """Rehearsed three times, 5, 50, 100%, handed over; every write was answered, and executed once."""
    with Writers(day.bed) as clients:
        journal = day.begin()
        result = day.drive(journal)
    assert result.ending is Ending.DONE, result
    assert clients.bad == []
    executed = day.bed.executed()
    assert {executed[number] for number in clients.ok} == {1}
    assert day.bed.driver.observe().steering.weight("v11") == TOTAL_WEIGHT
    assert day.data.fenced
    records = Journal.open(day.store, journal.run, CLOCK).records
    rehearsed = [r.data for r in records if r.kind is RecordKind.RESULT and "rehearsal" in r.data]
    assert [data["step"] for data in rehearsed] == ["rehearse 1", "rehearse 2", "rehearse 3"]
    for number, data in enumerate(rehearsed, start=1):
        own = Journal.open(day.store, str(data["rehearsal"]), CLOCK)
        own.verify()
        history = History(own.records)
        assert (history.kind, history.finished, history.arguments["after"]) == ("rehearsal", "done", journal.run)
        html = Path(str(data["report"])).read_bytes()
        assert f"Rollback of ledger, rehearsal {number}".encode() in html
        assert own.head_hash.encode() in html
        assert hashlib.sha256(html).hexdigest() == data["report_digest"]
    shown = report(records, versions={})
    assert (shown.verdict, shown.objectives[0].name, shown.objectives[0].met) == (Verdict.PASSED, "Interruption", True)
    assert {"V11 (probes)", "V10 (probes)"} <= {side.name for side in shown.sides}
    assert all(any(str(data["rehearsal"]) in note for note in shown.notes) for data in rehearsed)
    assert not Probes(execute.cutover_of(History(records)), journal.run, CLOCK).alive()
    late = aurops("rollback", "ledger", "--reason", "too late")
    assert (late.returncode, "past the point of no return" in late.stderr) == (4, True), late.stderr
    assert day.bed.driver.latch() is None


def test_a_peak_too_near_to_what_v10_takes_holds_the_first_step(day: Day) -> None:
    """Both measured, and less room between them than the plan wants: nothing moves, although people have approved."""
    day.headroom = 1e6
    with Writers(day.bed):
        journal = day.begin()
        held = day.drive(journal, until_alone="V10 takes the peak")
        until(lambda: day.measured.meter.peak_per_s > 20, limit_s=20, what="the peak was the writers'")
    assert re.search(
        r"it can take \S+ requests/s \(\d+ s old\), less than 1e\+06 times the peak of \S+ requests/s", held.why
    )
    (finding,) = [each for each in _findings(day, journal) if each["kind"] == "capacity"]
    measured = json.loads(day.measured.can_take.read_text())["value"]
    assert finding["evidence"]["can_take"]["value"] == repr(measured)
    assert float(finding["evidence"]["peak"]["value"]) > 20
    assert day.bed.driver.observe().steering.weight("v11") == 0


def _findings(day: Day, journal: Journal) -> list[dict[str, Any]]:
    """What the last look found."""
    records = Journal.open(day.store, journal.run, CLOCK).records
    return next(record.data["findings"] for record in reversed(records) if "findings" in record.data)  # type: ignore[return-value]


def test_probes_outlive_the_runner_and_see_what_clients_see(day: Day) -> None:
    """Killed they are sent again by whoever takes the run up; an outage of V10 is in their ledger, and in the gate."""
    journal = day.begin()

    def take_up() -> Result:
        opened = Journal.open(day.store, journal.run, CLOCK)
        target = day.target(journal.run)
        return execute.execute(opened, target, store=day.store, clock=CLOCK, ports=day.ports)

    assert take_up().ending is Ending.AT_GATE
    probes = Probes(execute.cutover_of(History(journal.records)), journal.run, CLOCK)
    assert probes.alive()
    os.kill(Process.parse((probes.folder / PROCESS).read_text()).pid, signal.SIGKILL)
    until(lambda: not probes.alive(), limit_s=10, what="they are gone")
    assert take_up().ending is Ending.AT_GATE
    assert probes.alive()
    day.bed.kill("v10")
    CLOCK.sleep(2.5)
    day.bed.start("v10")
    day.bed.await_health("v10")

    def failing_s() -> float:
        seen = probes.interruption("west", 60, 5.0).value
        return seen.failing_s if seen else 0.0

    until(lambda: failing_s() > 1.5, limit_s=30, what="the outage is written down")
    until(lambda: "people" in take_up().why, limit_s=30, what="the gate looked at them")
    shown = report(Journal.open(day.store, journal.run, CLOCK).records, versions={})
    told = next(note for note in shown.notes if note.startswith("Before traffic moved west was without an answer for "))
    assert 1.5 < float(told.split()[9]) < 30
    assert shown.objectives[0].measured is None, "nothing has moved: it is no interruption by the cutover"
    ask(day.store, journal.run, RequestKind.ABORT, who="ann", reason="enough", clock=CLOCK)
    assert take_up().ending is Ending.RESTORED
    assert not probes.alive()


@pytest.mark.campaign
@pytest.mark.timeout(400)
def test_an_outage_of_v10_before_the_first_step_holds_it_and_closes_nothing_for_good(day: Day) -> None:
    """V10 is dead for more than 30 s: the gate says so; half a minute after it is back the cutover goes to its end."""
    journal = day.begin()
    probes = Probes(execute.cutover_of(History(journal.records)), journal.run, CLOCK)

    def take_up() -> Result:
        opened, target = Journal.open(day.store, journal.run, CLOCK), day.target(journal.run)
        return execute.execute(opened, target, store=day.store, clock=CLOCK, ports=day.ports)

    until(lambda: take_up().why.startswith("people is closed"), limit_s=60, what="all but people is open")
    day.bed.kill("v10")

    def failing_s() -> float:
        seen = probes.interruption("west", 60, 5.0).value
        return seen.failing_s if seen else 0.0

    until(lambda: failing_s() > 31, limit_s=90, what="the outage is written down")
    held = take_up().why
    assert re.search(r"west answers is closed: without an answer for \d+\.\d s, more than 3 s", held), held
    day.bed.start("v10")
    day.bed.await_health("v10")
    assert day.drive(journal).ending is Ending.DONE
    shown = report(Journal.open(day.store, journal.run, CLOCK).records, versions={})
    assert shown.verdict is Verdict.PASSED, shown.because
    assert (shown.objectives[0].measured or 0) < 5
    assert any(note.startswith("Before traffic moved west was without an answer for 3") for note in shown.notes)


def test_one_command_goes_back_when_everything_else_is_gone(day: Day) -> None:
    """With no store and no plan: latched, V11 idle by its proxy's counters, recorded here; the run goes nowhere."""
    journal = day.begin()
    target, weights = day.target(journal.run), {"v11": 5_000, "v10": 5_000}
    target.prepare("edge", 10_000, 1.0)
    epoch = day.bed.driver.observe().steering.epoch
    target.shift("edge", weights, epoch + 1, 1.0)
    with Writers(day.bed) as clients:
        until(lambda: len(clients.ok) > 50, limit_s=10, what="clients write")
        gone = {"AUROPS_STORE": "s3://nowhere/at-all", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
        done = aurops("rollback", "ledger", "--reason", "orders look wrong", "--json", **gone)
        before = day.bed.executed("v11")
        until(lambda: len(clients.ok) > 100, limit_s=10, what="clients go on")
        assert day.bed.executed("v11") == before, "V11 got something after the command had ended"
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    assert (said["ok"], said["proxies"][0]["proxy"], said["proxies"][0]["left"]) == (True, "edge", 0)
    assert said["not_in_v10"] == "not known: the port `unsynced` is not connected"
    assert clients.bad == []
    latch = day.bed.driver.latch()
    assert latch is not None
    assert latch.reason == "orders look wrong"
    assert day.bed.driver.observe().steering.weight("v10") == TOTAL_WEIGHT
    brought = aurops("runs", "bring-back", said["run"])
    assert brought.returncode == 0, brought.stderr
    ended = execute.execute(
        Journal.open(day.store, journal.run, CLOCK), target, store=day.store, clock=CLOCK, ports=day.ports
    )
    assert ended.ending is Ending.HELD
    assert "edge was rolled back by" in ended.why
    assert day.bed.driver.latch() == latch
    assert day.bed.driver.observe().steering.weight("v10") == TOTAL_WEIGHT


def test_a_v10_that_is_dead_is_gone_back_to_only_by_force(day: Day) -> None:
    """Refused with the reason, also where the proxy does not look after health; nothing was changed."""
    target = day.target("by hand")
    target.prepare("edge", 10_000, 1.0)
    target.shift("edge", {"v11": 10_000, "v10": 0}, day.bed.driver.observe().steering.epoch + 1, 1.0)
    day.bed.kill("v10")
    try:
        until(lambda: day.bed.driver.well("v10") == 0, limit_s=10, what="V10 is seen to be dead")
        done = aurops("rollback", "ledger", "--reason", "panic")
        assert (done.returncode, "it is cold or dead" in done.stderr) == (4, True), done.stderr
        assert day.bed.driver.latch() is None
        assert aurops("rollback", "ledger", "--reason", "panic", "--force").returncode == 0
        assert day.bed.driver.latch() is not None
    finally:
        day.bed.start("v10")
        day.bed.await_health("v10")


def test_after_a_rollback_only_a_new_plan_begins_again(day: Day) -> None:
    """The old file is refused, by `run` and by `release`; a new one waits for people, who release just this latch."""
    first = day.file("[5, 100]")
    assert aurops("cutover", str(first), "--yes").returncode == 4
    rolled = day.target("by hand")
    rolled.prepare("edge", 10_000, 1.0)
    assert aurops("rollback", "ledger", "--reason", "orders look wrong").returncode == 0
    done = aurops("cutover", str(day.file("[10, 100]")), "--yes")
    assert (done.returncode, "was rolled back by" in done.stderr, "cutover release" in done.stderr) == (2, True, True)
    fresh = day.file("[10, 100]", after_s=55, because="orders were mended")
    done = aurops("cutover", "release", str(fresh), "--yes", "--json")
    assert done.returncode == 4, done.stderr
    said = json.loads(done.stdout)
    assert "people is closed" in said["why"]
    again = aurops("cutover", "release", str(fresh), "--yes")
    assert (again.returncode, "not a new one" in again.stderr) == (2, True), again.stderr
    records = Journal.open(day.store, said["run"], CLOCK).records
    latch = day.bed.driver.latch()
    assert latch is not None
    assert History(records).decisions["latches"] == {"edge": latch.epoch}
    day.approve(said["run"])
    journal = Journal.open(day.store, said["run"], CLOCK)
    target = day.target(journal.run)
    ended = execute.execute(journal, target, store=day.store, clock=CLOCK, ports=day.ports)
    assert ended.ending is Ending.AT_GATE
    assert day.bed.driver.latch() is None
    assert "released" in History(Journal.open(day.store, said["run"], CLOCK).records).results["release edge"]


def test_the_command_prints_the_plan_and_calls_nothing(day: Day) -> None:
    """Times, gates, approvals, the point of no return; and with the store gone, too."""
    done = aurops("cutover", str(day.file()), "--dry-run", AUROPS_STORE="s3://nowhere/at-all")
    assert done.returncode == 0, done.stderr
    assert "west 5%: V11 gets 5% of west" in done.stdout
    assert "approval `people`: 1 of ann" in done.stdout
    assert "THE POINT OF NO RETURN" in done.stdout
    rows = json.loads(aurops("cutover", str(day.file()), "--dry-run", "--json").stdout)
    assert [row["weight"] for row in rows if row["weight"]] == [500, 5_000, 10_000]
    assert [row["part"] for row in rows if row["no_return"]] == ["hand over"]


def _begins_no_run(day: Day, site: Path) -> str:
    """What is said of a plan whose proxy is described so: exit 3, no run was begun, and nothing was moved."""
    file = day.file()
    file.write_text(file.read_text().replace(str(day.bed.folder / "site.json"), str(site)))
    before = day.bed.driver.observe()
    done = aurops("cutover", str(file), "--yes")
    assert done.returncode == 3, done.stderr
    assert day.bed.driver.observe().version == before.version
    assert day.store.folders("runs") == []
    return done.stderr


def test_a_way_back_that_the_proxys_binary_refuses_begins_no_run(day: Day) -> None:
    """Before the first step, before a run is begun: its words, exit 3, and nothing was moved."""
    binary, site = day.folder / "binary", day.folder / "site.json"
    binary.write_text("#!/bin/sh\necho \"route: unknown cluster 'v12'\" >&2\nexit 1\n")
    binary.chmod(0o755)
    site.write_text(day.bed.site.model_copy(update={"program": str(binary)}).model_dump_json(by_alias=True))
    said = _begins_no_run(day, site)
    assert "is refused by the proxy's own binary: route: unknown cluster 'v12'" in said


def test_a_live_file_on_another_file_system_begins_no_run(day: Day, another_file_system: Path) -> None:
    """A rollback would be no single move: exit 3, both files are named, no run is begun, and nothing was moved."""
    folder, site = day.folder / "edge", day.folder / "site.json"
    shutil.copytree(day.bed.site.folder, folder)
    (folder / "live").rename(folder / "live-before")
    shutil.copytree(folder / "live-before", another_file_system, dirs_exist_ok=True)
    (folder / "live").symlink_to(another_file_system, target_is_directory=True)
    site.write_text(day.bed.site.model_copy(update={"folder": folder}).model_dump_json(by_alias=True))
    said = _begins_no_run(day, site)
    assert "are on two file systems: a rollback could not be one move" in said
    assert str(folder / "way-back") in said


def test_the_command_begins_a_run_that_waits_for_the_data(day: Day) -> None:
    """No port is connected: it stops in phase 1, exit 4, says so, and `aurops gates` shows it."""
    done = aurops("cutover", str(day.file()), "--yes", "--json")
    assert done.returncode == 4, done.stderr
    said = json.loads(done.stdout)
    assert (said["ending"], said["why"]) == ("at a gate", "data equal is unknown: the port `equal` is not connected")
    assert "data equal  unknown" in aurops("gates", said["run"]).stdout
    records = Journal.open(day.store, said["run"], CLOCK).records
    assert waits_at(records, History(records)) is not None
    again = aurops("runs", "resume", said["run"])
    assert (again.returncode, "data equal is unknown" in again.stderr) == (4, True)
