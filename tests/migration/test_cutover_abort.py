"""A cutover that is aborted: all back, also from a hold; what its rehearsals left is gone, and no rollback's latch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aurops.clock import ManualClock
from aurops.errors import OutsideError, UsageError
from aurops.history import RESTORE, History
from aurops.plan import Answer, CallUnknownError, Observation
from aurops.requests import RequestKind, ask
from aurops.runner import Ending, Result
from aurops.testing import Fault, Faulty, SimulatedCrash
from migration.cutover import plan, rehearsal
from migration.execute import check_start
from migration.model import Held, Latched, ProxyState, World
from migration.proxies import Proxies
from runbooks.cutover import _ways_on
from tests.migration.cutovers import COMMANDS, Scene, cutover
from tests.traffic.played import Place, steering
from traffic.memory import MemoryDriver

if TYPE_CHECKING:
    from pathlib import Path

    from migration.simulated import SimulatedProxies


def abort(scene: Scene) -> Result:
    """A person does, and the run is taken up."""
    ask(scene.store, scene.journal.run, RequestKind.ABORT, reason="no", who="ann", clock=scene.clock)
    return scene.go()


def left_latched(scene: Scene, proxy: str, reason: str, *, rehearsal: bool) -> Latched:
    """A latch, as whoever raised it left it."""
    found = scene.proxies.proxies[proxy]
    found.epoch += 1
    found.latch = Latched(found.epoch, reason, "somebody", rehearsal=rehearsal)
    return found.latch


def before_the_first_percent() -> Scene:
    """Rehearsed, and waiting for people."""
    scene = Scene()
    scene.keeper.shut = frozenset({"people"})
    assert scene.go().ending is Ending.AT_GATE
    return scene


@pytest.mark.parametrize("steps", range(1, 15, 2))
def test_an_abort_brings_everything_back_before_the_point_of_no_return(steps: int) -> None:
    """After so many calls at proxies: all weights are V10's again, in one stage, and the run is restored."""
    scene = Scene()
    scene.target = Faulty(scene.proxies, at=12 + steps, how=Fault.CRASH_AFTER, methods=COMMANDS)
    with pytest.raises(SimulatedCrash):
        scene.go()
    ask(scene.store, scene.journal.run, RequestKind.ABORT, reason="no", who="ann", clock=scene.clock)
    assert scene.go() == Result(Ending.RESTORED)
    assert set(scene.weights().values()) == {0}
    assert scene.data.fenced == []


def test_after_the_hand_over_an_abort_is_refused() -> None:
    """Writes to V10 are stopped: there is only forward."""
    scene = Scene()
    scene.data.left = 7
    assert scene.go().ending is Ending.AT_GATE
    assert scene.data.fenced
    ask(scene.store, scene.journal.run, RequestKind.ABORT, reason="no", who="ann", clock=scene.clock)
    assert scene.go().ending is Ending.AT_GATE
    assert set(scene.weights().values()) == {10_000}
    assert scene.proxies.stood_down.endswith("stops writes to V10")
    assert any("abort refused" in str(record.data.get("text")) for record in scene.open().records)


def test_an_abort_goes_back_also_from_a_hold() -> None:
    """Nothing goes forward under it; back is another way."""
    scene = Scene()
    scene.keeper.shut = frozenset({"errors"})
    scene.go()
    scene.proxies.proxies["west-2"].hold = Held(scene.journal.run, "the runner is lost", "the watcher")
    ask(scene.store, scene.journal.run, RequestKind.ABORT, reason="no", who="ann", clock=scene.clock)
    assert scene.go() == Result(Ending.RESTORED)
    assert set(scene.weights().values()) == {0}


def test_an_abort_releases_what_rehearsals_of_this_run_left() -> None:
    """The runner died in one, at two proxies: the latches are gone, and the next cutover begins."""
    scene = before_the_first_percent()
    for proxy in ("west-1", "north-1"):
        left_latched(scene, proxy, rehearsal(3, scene.journal.run), rehearsal=True)
    with pytest.raises(UsageError, match="was rolled back by"):
        check_start(scene.file, World(scene.clock.wall(), scene.proxies.observe()))
    assert abort(scene) == Result(Ending.RESTORED)
    assert [proxy.latch for proxy in scene.proxies.proxies.values()] == [None] * 3
    check_start(scene.file, World(scene.clock.wall(), scene.proxies.observe()))
    steps = [str(record.data.get("step")) for record in scene.open().records]
    assert {"release the rehearsal at west-1", "release the rehearsal at north-1"} <= set(steps)
    assert "release the rehearsal at west-2" not in steps


def test_an_abort_releases_no_rollback_and_nobody_elses_rehearsal() -> None:
    """Also of a person who says the very words of a rehearsal; each stays as it was, and the run is restored."""
    scene = before_the_first_percent()
    own = rehearsal(3, scene.journal.run)
    left = {
        "west-1": left_latched(scene, "west-1", own, rehearsal=False),
        "west-2": left_latched(scene, "west-2", rehearsal(3, "another"), rehearsal=True),
        "north-1": left_latched(scene, "north-1", "orders look wrong", rehearsal=False),
    }
    assert abort(scene) == Result(Ending.RESTORED)
    assert {name: proxy.latch for name, proxy in scene.proxies.proxies.items()} == left


def test_a_rollback_that_takes_a_rehearsals_place_while_an_abort_releases_it_stays() -> None:
    """Seen as a rehearsal's, released too late: the rollback has another epoch, and holds."""
    scene = before_the_first_percent()
    left_latched(scene, "west-1", rehearsal(3, scene.journal.run), rehearsal=True)
    release = scene.proxies.release

    class Late:
        """A person is faster."""

        def __getattr__(self, name: str) -> object:
            return getattr(scene.proxies, name)

        def release(self, proxy: str, latch: int, epoch: int, timeout_s: float) -> object:
            scene.roll_back(proxy)
            return release(proxy, latch, epoch, timeout_s)

    scene.target = Late()
    assert abort(scene) == Result(Ending.RESTORED)
    held = scene.proxies.proxies["west-1"].latch
    assert held is not None
    assert (held.who, held.reason, held.rehearsal) == ("ann", "errors", False)


@pytest.mark.parametrize("is_rehearsal", [True, False])
def test_a_run_sees_at_a_real_driver_whether_a_latch_is_a_rehearsals(is_rehearsal: bool) -> None:  # noqa: FBT001
    """By what the latch says itself, not by its words."""
    driver = MemoryDriver({"v11": "v10", "v10": None}, {"v11": 0, "v10": 10_000})
    driver.roll_back(rehearsal(1, "run-1"), "ann", rehearsal=is_rehearsal)
    seen = Proxies({"west": driver}, ManualClock(), who="run", drain_s=0).observe()["west"].value
    assert seen is not None
    assert seen.latch is not None
    assert seen.latch.rehearsal is is_rehearsal


def test_an_abort_leaves_no_step_in_a_file_that_its_proxy_would_start_with(tmp_path: Path) -> None:
    """A step was written and not heard of: all is at V10, and 5% would be at V11 after the proxy's next start."""
    place = Place(tmp_path)
    target = Proxies(dict.fromkeys(cutover().proxies, place.driver), place.clock, who="ann", drain_s=0)
    (aborted := History(())).goal = RESTORE
    place.proxy.obeys = False
    with pytest.raises(CallUnknownError):
        target.shift("west-1", {"v11": 500, "v10": 9500}, 9, 20)
    place.proxy.obeys = True
    step = plan(World(place.clock.wall(), target.observe()), cutover(), aborted, "r")[0].steps[0]
    assert step.done(World(place.clock.wall(), target.observe())) is False
    target.shift("west-1", {"v11": 0, "v10": 10_000}, 10, 20)
    assert step.done(World(place.clock.wall(), target.observe())) is True
    place.proxy.take()
    assert place.driver.observe().steering == steering(0, 10)


@pytest.mark.parametrize("proxy", ["west-1", "north-1"])
def test_a_rehearsal_that_an_operators_host_makes_too_late_stops_no_step(proxy: str) -> None:
    """Its runner was dead, and the next had rehearsed by itself: its latch goes before the first step."""
    scene = before_the_first_percent()
    latch = left_latched(scene, proxy, rehearsal(3, scene.journal.run), rehearsal=True)
    scene.keeper.shut = frozenset()
    assert scene.go() == Result(Ending.DONE)
    assert scene.history().results[f"release the rehearsal at {proxy}"]["outcome"] == "done"
    assert scene.proxies.proxies[proxy].latch is None
    assert scene.proxies.proxies[proxy].epoch > latch.epoch


@pytest.mark.parametrize("is_rehearsal", [False, True])
def test_a_latch_that_is_no_rehearsal_of_this_run_stops_every_step(is_rehearsal: bool) -> None:  # noqa: FBT001
    """A rollback in earnest, and another run's rehearsal: the run holds, and nobody takes that latch away."""
    scene = before_the_first_percent()
    latch = left_latched(scene, "west-1", rehearsal(3, "another run"), rehearsal=is_rehearsal)
    scene.keeper.shut = frozenset()
    assert scene.go().ending is Ending.HELD
    assert scene.proxies.proxies["west-1"].latch == latch


class Dark:
    """Proxies of which one does not answer, whatever is asked.

    Args:
        proxies: All of them.
        name: That one.
    """

    def __init__(self, proxies: SimulatedProxies, name: str) -> None:
        self.proxies, self.name = proxies, name

    def __getattr__(self, name: str) -> object:
        return getattr(self.proxies, name)

    def observe(self) -> dict[str, Observation[ProxyState]]:
        """As they say themselves; of that one nothing."""
        return {**self.proxies.observe(), self.name: Observation(None, 0.0, self.name, "refused")}

    def prepare(self, proxy: str, *arguments: Any) -> Answer:
        """At the others."""
        self._refuse(proxy)
        return self.proxies.prepare(proxy, *arguments)

    def shift(self, proxy: str, *arguments: Any) -> Answer:
        """At the others."""
        self._refuse(proxy)
        return self.proxies.shift(proxy, *arguments)

    def _refuse(self, proxy: str) -> None:
        if proxy == self.name:
            raise OutsideError("The proxy does not answer")


@pytest.mark.parametrize("gone_before", ["phase 1", "prepare"])
def test_an_abort_needs_no_proxy_while_the_run_has_moved_and_rehearsed_nothing(gone_before: str) -> None:
    """It waits for phase 1, or cannot prepare a proxy that is down: it ends, and the journal says what was left."""
    scene = Scene()
    if gone_before == "phase 1":
        assert scene.once().ending is Ending.AT_GATE
        assert not any(step.startswith("prepare") for step in scene.history().tries)
    scene.target = Dark(scene.proxies, "west-1")
    if gone_before == "prepare":
        assert scene.go().ending is Ending.STUCK
        assert {"prepare west-1", "prepare west-2", "prepare north-1"} <= set(scene.history().tries)
    assert abort(scene) == Result(Ending.RESTORED)
    history = scene.history()
    assert [name for name in history.decisions if name.startswith("leave")] == ["leave west-1 as it is"]
    assert "refused" in history.reasons["leave west-1 as it is"]
    assert not any("shift" in step for step in history.tries)


@pytest.mark.parametrize("part", ["rehearse", "shift"])
def test_an_abort_waits_for_each_proxy_once_one_was_rehearsed_at(part: str) -> None:
    """Also when the runner died in its first rehearsal or step: a latch or weights may be left behind any of them."""
    scene = Scene()
    scene.target = Faulty(scene.proxies, at=0, how=Fault.CRASH_BEFORE, methods=(part,))
    with pytest.raises(SimulatedCrash):
        scene.go()
    scene.target = Dark(scene.proxies, "north-1")
    result = abort(scene)
    assert result.ending is Ending.STUCK
    assert "`shift north-1 back to v10`" in result.why
    assert "The proxy does not answer" in result.why
    said = _ways_on(scene.journal.run, result)
    assert "each proxy must answer, for this run may have moved weights there" in said
    assert f'aurops runs skip {scene.journal.run} "shift PROXY back to v10"' in said
    assert f"aurops runs resume {scene.journal.run}" in said
    scene.target = scene.proxies
    assert scene.go() == Result(Ending.RESTORED)
