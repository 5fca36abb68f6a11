"""A whole day: runner, operators' hosts over OpenSSH, watcher and probes together on a real proxy under clients."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import pytest

from aurops.clock import RealClock
from aurops.gates import steps
from aurops.history import History
from aurops.journal import Journal, RecordKind, list_runs
from migration.cutover import PROBES
from migration.execute import cutover_of
from migration.probe_ledger import Ledger
from migration.prober import FILE as TASK
from migration.probes import READ, WRITE
from migration.probing import KEPT_S, Probes
from runbooks.cutover_reports import report_of
from testbeds.local.steering.bed import WATCHER, Bed, up
from testbeds.local.steering.writers import Writers
from tests.aurops.gates.people import needs_ssh_keygen
from tests.e2e.commands import until
from tests.e2e.test_cutover import REQUESTS, Day
from tests.e2e.test_hosts import AUROPS, EDGE, OPERATORS, Hosts, hosts
from tests.receivers import Receiver, receiving
from traffic import heartbeat
from traffic.driver import TOTAL_WEIGHT
from traffic.site import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from aurops.gates.keeper import Spot

pytestmark = [pytest.mark.e2e, pytest.mark.campaign, needs_ssh_keygen]
__all__ = ["hosts"]  # a fixture
CLOCK = RealClock()
NOBODY = "page: {argv: ['true']}\n"
BEGINS_S = 30
"""Before T0: phase 1 with three rehearsals over ssh fits, also beside other work."""


@pytest.fixture
def bed(request: pytest.FixtureRequest) -> Iterator[Bed]:
    """A real proxy with its watcher, all traffic at V10, and sides that count."""
    with up(request.param, requests=REQUESTS, shared_keys=True) as one:
        yield one


@pytest.fixture
def person() -> Iterator[Receiver]:
    """Whom the watcher calls."""
    with receiving() as one:
        yield one


class Whole(Day):
    """A day of three hosts: the proxy and its runner on `edge-1`, people on `ops-1` and `ops-2`."""

    def __init__(self, folder: Path, bed: Bed, hosts: Hosts, person: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(folder, bed, monkeypatch)
        self.hosts = hosts
        for key, value in hosts.env(EDGE).items():
            monkeypatch.setenv(key, value)
        monkeypatch.setenv("AUROPS_STORE", str(folder / "store"))
        ways = "".join(f"- {{name: {name}, ssh: '{at}', aurops: {AUROPS}}}\n" for name, at in hosts.at.items())
        self.plan = self.file(after_s=BEGINS_S)
        self.plan.write_text(
            f"{self.plan.read_text().replace(NOBODY, '')}proxy_hosts: {{edge: {EDGE}}}\nhosts:\n{ways}"
            "critical: [{check: V11 well, for_s: 2, every_s: 0.1}]\n"
            f"page: {{url: '{person.url}'}}\nheartbeat_s: 10\n"
        )
        self.moves = False
        """Traffic may move: whatever is wrong with the watcher from now on is noted."""
        self.unwatched, self.latched = set[str](), set[str]()

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """`aurops cutover FILE --wait` on `edge-1`, with the ports connected; gone at the end."""
        command = [sys.executable, "-m", "tests.e2e.connected", "cutover", str(self.plan), "--yes", "--wait"]
        command += [f"--report={self.folder / 'report.html'}"]
        with (self.folder / "runner.log").open("w") as log:
            runner = subprocess.Popen(command, stdout=log, stderr=log, env=os.environ)
        try:
            yield runner
        finally:
            runner.kill()
            runner.wait()
            for task in (self.hosts.base / EDGE / "state/aurops/probes").glob(f"*/{TASK}"):
                task.unlink()

    @property
    def journal(self) -> Journal:
        """The run's, as it stands."""
        (run,) = (each for each in list_runs(self.store) if "-cutover-" in each)
        return Journal.open(self.store, run, CLOCK)

    def said(self) -> str:
        """What the runner printed."""
        return (self.folder / "runner.log").read_text()

    def until_asked(self, runner: subprocess.Popen[bytes], stage: str, limit_s: float) -> None:
        """Go on until people are asked before a stage; note each look at which nobody watched, or a rollback held."""

        def asked() -> bool:
            assert runner.poll() is None, self.said()
            if self.moves:
                self._note()
            spot = self._spot()
            return spot is not None and spot.stage == stage and "people" in spot.before and self._only_people(spot)

        until(asked, limit_s=limit_s, what=f"people are asked before {stage}: {self.said()[-600:]}")

    @staticmethod
    def _only_people(spot: Spot) -> bool:
        shut = {name for name, found in spot.before.items() if found.state != "open"}
        return "people" in shut and shut <= {"people", "the time has come", "well"}

    def _spot(self) -> Spot | None:
        if not [each for each in list_runs(self.store) if "-cutover-" in each]:
            return None
        records = self.journal.records
        return steps.waits_at(records, History(records))

    def _note(self) -> None:
        folder = self.bed.site.folder
        if why := heartbeat.unwatched(folder, CLOCK):
            self.unwatched.add(why)
        latch = self.bed.driver.latch()
        if latch is not None and not latch.rehearsal:
            self.latched.add(latch.reason)


@pytest.mark.parametrize(
    ("bed", "hosts"), [(Kind.ENVOY, "sshd"), (Kind.NGINX, "a script for ssh")], indirect=True, ids=["envoy", "nginx"]
)
def test_a_whole_day_ends_with_a_rollback_from_an_operators_host(
    bed: Bed, hosts: Hosts, person: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Phases 1 to 3 with nothing lost, watched and probed throughout; before the last approval ops-2 goes back."""
    day = Whole(tmp_path, bed, hosts, person, monkeypatch)
    with Writers(bed, pause_s=0.02) as clients, day.running() as runner:
        day.until_asked(runner, "west 5%", 120)
        run = day.journal.run
        _is_prepared(day)
        day.moves = True
        day.approve(run)
        day.until_asked(runner, "hand over", 180)
        assert bed.driver.observe().steering.weight("v11") == TOTAL_WEIGHT
        assert (day.unwatched, day.latched, bed.driver.hold(), person.got) == (set(), set(), None, [])
        assert bed.running[WATCHER].poll() is None
        _was_probed(day)
        _is_phase_3_over(day)

        before = len(clients.ok)
        back = hosts.aurops("ops-2", "rollback", "ledger", "--reason", "orders look wrong", "--json")
        assert back.returncode == 0, back.stderr
        executed = bed.executed("v11")
        until(lambda: len(clients.ok) > before + 100, limit_s=20, what="clients go on, at V10")
        assert bed.executed("v11") == executed, "V11 got something after the command had ended"
        assert runner.wait(60) == 4, day.said()
    assert "edge was rolled back by" in day.said()
    latch = bed.driver.latch()
    assert latch is not None
    assert (latch.reason, latch.who.endswith(" on ops-2")) == ("orders look wrong", True)
    assert bed.driver.observe().steering.weight("v10") == TOTAL_WEIGHT
    assert clients.bad == []
    executed = bed.executed()
    assert {executed[number] for number in clients.ok} == {1}
    assert "rolled back" in (tmp_path / "report.html").read_text()


def _is_prepared(day: Whole) -> None:
    """At both operators' hosts, and each of them reaches the proxy; rehearsed from them in turn."""
    for name in OPERATORS:
        assert (day.hosts.base / name / "state/aurops/rollback/ledger/rollback.json").is_file()
        checked = day.hosts.aurops(name, "rollback", "--check")
        assert (checked.returncode, checked.stdout) == (0, f"edge on {EDGE}: ready\n"), checked.stderr
    assert day.bed.driver.observe().steering.weight("v10") == TOTAL_WEIGHT
    kept = [json.loads(file.read_text()) for file in day.bed.site.folder.glob("latch-*.json")]
    by = [latch["who"].rpartition(" on ")[2] for latch in sorted(kept, key=lambda each: each["epoch"])]
    assert by == ["ops-1", "ops-2", "ops-1"]
    assert all(latch["rehearsal"] and latch["released"] for latch in kept)


def _was_probed(day: Whole) -> None:
    """From before phase 2's first gate on, from the runner's host, still now; both kinds, answered by both sides."""
    records = day.journal.records
    done = [str(each.data.get("step")) for each in records if each.kind is RecordKind.RESULT]
    assert done.index(PROBES) < done.index(steps.name("west 5%"))
    probes = Probes(cutover_of(History(records)), day.journal.run, CLOCK)
    assert probes.folder.is_relative_to(day.hosts.base / EDGE)
    assert probes.alive()
    ledger = Ledger(probes.ledger("west"), KEPT_S)
    ledger.read_on()
    assert {each.side for each in ledger.recent()} == {"v10", "v11"}
    assert all(each.ok for each in ledger.recent())
    assert all(ledger.streams[kind].seen > 0 for kind in (READ, WRITE))


def _is_phase_3_over(day: Whole) -> None:
    """By its gates; nothing was taken from V10, so there is a way back."""
    history = History(day.journal.records)
    assert not any("stop writes" in step for step in history.results)
    report = report_of(day.journal, day.store)
    (interruption,) = [each for each in report.objectives if each.name == "Interruption"]
    assert interruption.met
    assert cast("float", interruption.measured) < 1
