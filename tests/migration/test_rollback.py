"""What a rollback does at several proxies, one of which is not like the others."""

from dataclasses import replace
from functools import partial
from unittest.mock import Mock

import pytest

from aurops.clock import RealClock
from aurops.errors import HeldError, OutsideError, UsageError
from aurops.plan import CallUnknownError
from migration import fitness, rollback
from traffic.driver import Active, Flow, Steering
from traffic.memory import MemoryDriver

SIDES = {"v11": "v10", "v10": None}
WEIGHTS = {"v11": 10_000, "v10": 0}
CLOCK = RealClock()


class Saying(MemoryDriver):
    """A proxy that says of each side how many are well."""

    def __init__(self, v11: int | None, v10: int | None) -> None:
        super().__init__(SIDES, WEIGHTS)
        self.said = {"v11": Flow(healthy=v11), "v10": Flow(healthy=v10)}

    def observe(self) -> Active:
        """As it was told."""
        return Active(Steering(WEIGHTS, 1), "1-x", self.said)


def test_whatever_fails_at_one_proxy_hinders_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other is rolled back, and it is told which was not, and why."""
    drivers = {"west": MemoryDriver(SIDES, WEIGHTS), "north": MemoryDriver(SIDES, WEIGHTS)}
    monkeypatch.setattr(drivers["west"], "roll_back", Mock(side_effect=OSError(30, "Read-only file system")))
    west, north = rollback.roll_back(drivers, "because", "bob", RealClock(), within_s=2)
    assert (west.ok, north.ok) == (False, True)
    assert "Read-only file system" in west.why
    assert drivers["north"].latch() is not None


@pytest.mark.parametrize(
    ("v11", "v10", "refused"), [(1, 0, True), (None, 0, True), (0, 0, False), (1, 1, False), (1, None, False)]
)
def test_only_a_v10_that_is_worse_speaks_against_going_back(v11: int | None, v10: int | None, *, refused: bool) -> None:
    """Nobody of V10 is well, and V11 is not known to be as dead."""
    ready = rollback.Ready(service="s", run="r", at="", proxies=())
    assert bool(fitness.refusal(ready, "west", Saying(v11, v10))) is refused


def test_one_dead_v10_keeps_no_other_proxy_from_going_back() -> None:
    """It is refused where it would be worse, and there alone; past the point of no return it is everywhere."""
    ready = rollback.Ready(service="s", run="r", at="", proxies=())
    drivers = {"west": Saying(1, 0), "north": Saying(1, 1)}
    west, north = (fitness.refusal(ready, name, driver) for name, driver in drivers.items())
    assert west is not None
    assert north is None
    assert (west.proxy, west.refused, west.ok) == ("west", True, False)
    over = ready.model_copy(update={"over": "handed over"})
    for name, driver in drivers.items():
        refused_there = fitness.refusal(over, name, driver)
        assert refused_there is not None
        assert refused_there.why == "past the point of no return: handed over"
    back = rollback.Back("north", ok=True, took_s=0.1, written=True)
    with pytest.raises(HeldError, match="west: no backend of V10") as refused:
        rollback.refuse_unfinished([west, back])
    assert "--force --proxy west" in str(refused.value)
    rollback.refuse_unfinished([back])
    with pytest.raises(OutsideError, match="east: it burns"):
        rollback.refuse_unfinished([west, back, rollback.Back("east", ok=False, took_s=0.1, why="it burns")])


def test_one_proxy_that_hangs_when_it_is_looked_at_delays_no_other() -> None:
    """The other is latched while the silent one still says nothing of its sides' health."""
    ready, north, seen = rollback.Ready(service="s", run="r", at="", proxies=()), Saying(1, 1), []

    class Hanging(Saying):
        def well(self, side: str) -> int | None:
            until_s = CLOCK.now_s() + 5
            while (back := north.latch() is not None) is False and CLOCK.now_s() < until_s:
                CLOCK.sleep(0.01)
            seen.append((side, back))
            raise OutsideError("the proxy has not answered within 1 s")

    drivers = {"west": Hanging(1, 1), "north": north}
    refusal = partial(fitness.refusal, ready)
    rollback.roll_back(drivers, "because", "bob", CLOCK, within_s=0.5, refusal=refusal)
    assert seen == [("v10", True)]
    assert drivers["west"].latch() is not None, "who cannot be asked speaks against nothing"


def test_a_rehearsal_where_traffic_is_moved_is_refused_with_what_to_do() -> None:
    """The proxy is left alone, the other is rehearsed; the command's end says why, and nothing of a worse V10."""
    drivers = {"west": MemoryDriver(SIDES, WEIGHTS), "north": MemoryDriver(SIDES, {"v11": 0, "v10": 10_000})}
    west, north = rollback.roll_back(drivers, "rehearsal 1", "bob", RealClock(), within_s=2, rehearsal=True)
    assert (west.ok, west.refused, west.written, north.ok) == (False, True, False, True)
    assert drivers["west"].latch() is None
    with pytest.raises(HeldError, match="v11 10000") as refused:
        rollback.refuse_unfinished([west, north])
    assert "Rehearse before the first step" in str(refused.value.next_step)
    assert "--force" not in str(refused.value)
    assert rollback.Back(**west.data()).next_step == west.next_step, "another host tells it, too"  # type: ignore[arg-type]


def test_a_person_who_rolls_back_takes_an_epoch_of_his_own() -> None:
    """Also where a rollback holds: a release that was approved for that one finds another."""
    driver = MemoryDriver(SIDES, WEIGHTS)
    driver.roll_back("v11 fell back", "the watcher")
    first = driver.latch()
    rollback.roll_back({"west": driver}, "because", "bob", RealClock(), within_s=2)
    second = driver.latch()
    assert first is not None
    assert second is not None
    assert (second.who, second.epoch > first.epoch) == ("bob", True)


class Busy(MemoryDriver):
    """A proxy that does not answer some looks after it was rolled back."""

    def __init__(self, missed: int, error: Exception | None = None) -> None:
        super().__init__(SIDES, WEIGHTS)
        self.missed, self.error = missed, error or OutsideError("the proxy has not answered within 1 s")

    def observe(self) -> Active:
        """Late, so often; then as it is."""
        if self.latch() and self.missed:
            self.missed -= 1
            raise self.error
        return super().observe()


def test_a_look_that_a_busy_proxy_misses_ends_no_rollback() -> None:
    """It is latched and V11 idle: that it was seen a little later makes it no failure."""
    (west,) = rollback.roll_back({"west": Busy(3)}, "because", "bob", RealClock(), within_s=2)
    assert (west.ok, west.written) == (True, True)


class Hung(MemoryDriver):
    """A proxy that keeps a request waiting at V11, which answers nobody."""

    def observe(self) -> Active:
        """One is under way there, always."""
        seen = super().observe()
        return replace(seen, flows={**seen.flows, "v11": replace(seen.flows["v11"], under_way=1)})


def test_what_hangs_at_v11_is_told_before_it_is_waited_for() -> None:
    """Nothing new reaches V11: that is said at once, once, and not only when the wait for the rest ends."""
    told: list[tuple[rollback.Back, float]] = []
    began_s = CLOCK.now_s()
    drivers = {"west": Hung(SIDES, WEIGHTS), "north": MemoryDriver(SIDES, WEIGHTS)}
    west, north = rollback.roll_back(
        drivers, "r", "bob", CLOCK, within_s=1.5, tell=lambda back: told.append((back, CLOCK.now_s() - began_s))
    )
    ((early, after_s),) = told
    assert (early.proxy, early.ok, early.left) == ("west", True, 1)
    assert after_s < 1.5 < CLOCK.now_s() - began_s
    assert (west.ok, west.left, north.left) == (True, 1, 0)


def test_a_proxy_that_never_answers_again_is_known_to_be_latched() -> None:
    """Nobody saw V11 idle, so it is no success; but its file and latch say V10, and so does the command."""
    (west,) = rollback.roll_back({"west": Busy(10**9)}, "because", "bob", RealClock(), within_s=0.5)
    assert (west.ok, west.written) == (False, True)
    assert "has not answered" in west.why
    assert 0.5 < west.took_s < 2


@pytest.mark.parametrize("error", [CallUnknownError("reset by peer"), KeyError("v11"), UsageError("no such side")])
def test_whatever_fails_once_it_went_back_it_is_said_to_be_latched(error: Exception) -> None:
    """Never "NOT rolled back": its latch and file say V10, whatever became of the looks at its counters."""
    driver = Busy(10**9, error)
    (west,) = rollback.roll_back({"west": driver}, "because", "bob", CLOCK, within_s=0.3)
    assert driver.latch() is not None
    assert (west.ok, west.written) == (False, True)
    assert str(getattr(error, "what", error)) in west.why


def test_an_answer_that_is_cut_off_once_ends_no_rollback() -> None:
    """The next look finds V11 idle."""
    (west,) = rollback.roll_back({"west": Busy(1, CallUnknownError("reset"))}, "because", "bob", CLOCK, within_s=2)
    assert (west.ok, west.written) == (True, True)


def test_a_proxy_that_is_down_is_told_to_start_with_it() -> None:
    """It is latched and written, which is more than nothing."""
    driver = MemoryDriver(SIDES, WEIGHTS)
    driver.up = False
    (west,) = rollback.roll_back({"west": driver}, "because", "bob", RealClock(), within_s=2)
    assert (west.ok, west.written) == (False, True)
