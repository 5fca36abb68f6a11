"""The orchestrator dies, or is paused and wakes too late, at every point of every call of a failover."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import product
from math import inf
from pathlib import Path

import pytest

from aurops.clock import RealClock
from aurops.lease import DEFAULT_TTL_S
from failover.measurement import Objective, Recovery, measure, recovery_by
from failover.model import World
from testbeds.local import bed as beds
from testbeds.local.drillbed import LocalDrillBed
from tests.e2e.orchestrator import Point

pytestmark = pytest.mark.e2e
ROOT = Path(__file__).parents[2]
RTO_S = 10.0
STEPS = (
    "close traffic to north",
    "fence north",
    "detach south",
    "detach west",
    "promote database south",
    "promote cache south",
    "repoint west to south",
    "verify write south",
    "open traffic to south",
)
SAMPLE = {("promote database south", Point.AFTER_EFFECT)}
WAITS_S = 60.0
SERVED = Objective(p99_s=inf)
"""Acknowledged, however late: how fast a machine is that has other work says nothing of a failover."""
ANSWERED_S = 2.5
"""Clients give up after 2 s."""


class Scene:
    """A service under load whose region north was killed, and orchestrators about it."""

    def __init__(self, bed: beds.BedState, store: Path) -> None:
        self.clock = RealClock()
        self.bed = bed
        self.drill_bed = LocalDrillBed(bed, self.clock)
        self._env = {**os.environ, "AUROPS_STORE": store.as_uri()}

    def lose_north(self) -> None:
        """Sixty writes a second for a while, then SIGKILL to everything in north."""
        self.drill_bed.start_load("kills", 60.0, 1)
        self.until(lambda: sum(entry.is_ok for entry in self.drill_bed.ledger().entries) > 60)
        self.drill_bed.inject("kill", "north", 300.0)
        self.until(lambda: self.drill_bed.fault().effective_s is not None)

    def orchestrate(self, *stop: str) -> subprocess.Popen[str]:
        """`aurops failover north --to south --force`, with the arguments of tests/e2e/orchestrator.py that stop it."""
        command = ["failover", "north", "--to", "south", "--force", "--bed", self.bed.id, "--yes"]
        module = ["tests.e2e.orchestrator", *stop] if stop else ["runbooks"]
        return self._start(*module, *command)

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A command to its end."""
        process = self._start("runbooks", *arguments)
        out, err = process.communicate(timeout=100)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def run(self) -> str:
        """The failover's id."""
        rows = json.loads(self.ask("runs", "list", "--json").stdout)
        return str(next(row["run"] for row in rows if row["goal"] == "failover"))

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait for it."""
        deadline_s = self.clock.now_s() + WAITS_S
        while not condition():
            assert self.clock.now_s() < deadline_s
            self.clock.sleep(0.02)

    def look(self) -> World:
        """The world, with south and west known."""
        self.until(lambda: all(self.drill_bed.target.observe().state(region) for region in ("south", "west")))
        return self.drill_bed.target.observe()

    def well_again(self) -> None:
        """Clients are served by another region, and each write of a whole second was acknowledged."""
        self.until(lambda: self._recovered() and self.drill_bed.ledger().entries[-1].region == "south")

    def _recovered(self) -> bool:
        """Judged are requests that were sent so long ago that each has its outcome."""
        t0_s, by_s = self.drill_bed.fault().t0_s, self.clock.now_s() - ANSWERED_S
        assert t0_s is not None
        return recovery_by(self.drill_bed.ledger(), t0_s, by_s, SERVED) is Recovery.RECOVERED

    def judge(self) -> float | None:
        """Nothing acknowledged is lost, one region writes, clients are served; the RTO in seconds, if known."""
        self.well_again()
        ledger, t0_s = self.drill_bed.stop_load(), self.drill_bed.fault().t0_s
        assert t0_s is not None
        readable = self.drill_bed.readable_ids("south", "kills")
        measured = measure(ledger, t0_s, readable, None, Objective())
        assert measured.lost_ids == ()
        assert measured.split_brain_ids == ()
        world = self.look()
        assert world.writers() == ("south",)
        assert world.serving() == ("south",)
        assert "unbroken" in self.ask("runs", "verify", self.run()).stdout
        return measured.rto_s

    def _start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=ROOT,
            env=self._env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    """North is gone; nobody has done anything about it."""
    bed = beds.up(idle_s=300)
    made = Scene(bed, tmp_path)
    try:
        made.lose_north()
        yield made
    finally:
        made.drill_bed.close()
        beds.down(bed)


def marked(step: str, point: Point) -> object:
    """A sample in `make test`, all in `make campaign`."""
    marks = () if (step, point) in SAMPLE else (pytest.mark.campaign,)
    return pytest.param(step, point, marks=marks, id=f"{step}, {point}")


@pytest.mark.parametrize(("step", "point"), [marked(step, point) for step, point in product(STEPS, Point)])
def test_a_failover_whose_orchestrator_was_killed_is_finished_by_resume(
    step: str, point: Point, scene: Scene, request: pytest.FixtureRequest
) -> None:
    """Wherever it died: nothing acknowledged is lost, one region writes, clients are back within ten seconds."""
    killed = scene.orchestrate(point, step, "SIGKILL")
    said = killed.communicate(timeout=60)
    assert killed.returncode == -signal.SIGKILL, said
    resumed = scene.ask("runs", "resume", scene.run())
    assert resumed.returncode == 0, resumed.stderr
    rto_s = scene.judge()
    print(f"RTO {rto_s} s")  # noqa: T201 (`pytest -rP` shows the campaign's)
    if request.node.get_closest_marker("campaign"):  # times are asserted on a machine that does nothing else
        assert rto_s is not None
        assert rto_s < RTO_S


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("step", "point"), product(STEPS, (Point.BEFORE_INTENT, Point.AFTER_INTENT, Point.AFTER_EFFECT))
)
def test_an_orchestrator_that_slept_through_its_lease_changes_nothing(step: str, point: Point, scene: Scene) -> None:
    """Paused before or in a call, it wakes when another has finished: refused everywhere, it says who acts and ends."""
    paused = scene.orchestrate(point, step, "SIGSTOP")
    try:
        scene.until(lambda: stopped(paused.pid))
        asleep_s = scene.clock.now_s()
        scene.until(lambda: scene.clock.now_s() - asleep_s > DEFAULT_TTL_S)
        run = scene.run()
        resumed = scene.ask("runs", "resume", run, "--take-over")
        assert resumed.returncode == 0, resumed.stderr
        scene.well_again()
        before, journal = scene.look(), scene.ask("runs", "show", run).stdout
        paused.send_signal(signal.SIGCONT)
        said = paused.communicate(timeout=60)[1]
    finally:
        if paused.poll() is None:
            paused.kill()
            paused.communicate()
    assert paused.returncode == 4, said
    assert scene.ask("runs", "show", run).stdout == journal
    after = scene.look()
    for region in ("south", "west"):
        old, new = before.state(region), after.state(region)
        assert old is not None
        assert new is not None
        assert (old.highest_epoch, old.node_epochs, old.fenced) == (new.highest_epoch, new.node_epochs, new.fenced)
    assert steering(after) == steering(before)
    scene.judge()


def steering(world: World) -> tuple[int, dict[str, int], int]:
    """What the edge obeys and does; not how many requests are under way just now."""
    assert world.edge.value is not None
    return world.edge.value.highest_epoch, dict(world.edge.value.weights), world.edge.value.stamp_epoch


def stopped(pid: int) -> bool:
    """Whether every thread of a process stands still."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T"


def test_of_two_orchestrators_one_acts_and_the_other_says_who(scene: Scene) -> None:
    """The second comes before the first has promoted anything: its exit code is 4, and it names the first's process.

    The first is held there meanwhile: of two that are only begun together, one may be done before the other looks, and
    the other then rightly finds nothing to leave (exit code 2).
    """
    winner = scene.orchestrate(Point.AFTER_EFFECT, "detach south", "SIGSTOP")
    try:
        scene.until(lambda: winner.poll() is not None or stopped(winner.pid))
        assert winner.poll() is None, winner.communicate()[1]
        loser = scene.orchestrate()
        told = loser.communicate(timeout=60)[1]
    finally:
        winner.send_signal(signal.SIGCONT)
        told_by_winner = winner.communicate(timeout=60)[1]
    assert (winner.returncode, loser.returncode) == (0, 4), (told_by_winner, told)
    assert f"pid {winner.pid}" in told
    scene.judge()
