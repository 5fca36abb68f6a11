"""When a watcher rolls back, and when it does not."""

from pathlib import Path

import pytest

from aurops.clock import ManualClock
from tests.traffic.sites import platforms
from traffic import heartbeat
from traffic.driver import TOTAL_WEIGHT, Active, Flow, Steering
from traffic.folder import Latch
from traffic.memory import Failure, MemoryDriver
from traffic.watcher import Watcher, judge

HELD = Latch(epoch=3, reason="because", who="bob", at="now")


def seen(v11: int = 100, *, instead: int = 0, before: int = 0, healthy: int | None = 1) -> Active:
    """A proxy with so much at V11."""
    weights = {"v11": v11, "v10": TOTAL_WEIGHT - v11}
    flows = {"v11": Flow(instead=instead, healthy=healthy), "v10": Flow(healthy=1)}
    return Active(Steering(weights, 2), "2-x", flows, {"v11": before})


@pytest.mark.parametrize(
    ("now", "held", "why"),
    [
        (seen(), None, None),
        (seen(healthy=None), None, None),
        (seen(instead=1), None, "was given 1 requests"),
        (seen(instead=7, before=7), None, None),
        (seen(instead=8, before=7), None, "was given 8 requests"),
        (seen(instead=0, before=7), None, None),
        (seen(instead=2, before=7), None, "was given 2 requests"),
        (seen(healthy=0), None, "none of its backends"),
        (seen(0, healthy=0), None, None),
        (seen(), HELD, "a latch holds"),
        (seen(0), HELD, None),
        (seen(0, instead=5, healthy=0), HELD, None),
    ],
)
def test_it_rolls_back_for_a_reason(now: Active, held: Latch | None, why: str | None) -> None:
    """Its fallback was given something new, nobody is well, or somebody wrote after a rollback; else never."""
    said = judge(now, held, "v10")
    assert (why is None) == (said is None)
    assert why is None or why in str(said)


def test_what_fails_is_said_once_and_tried_again(tmp_path: Path) -> None:
    """A rollback that fails, before or after it took effect, is done by the next look; each look is a heartbeat."""
    clock, told = ManualClock(), list[str]()
    driver = MemoryDriver({"v11": "v10", "v10": None}, {"v11": TOTAL_WEIGHT, "v10": 0})
    watcher = Watcher(platforms(folder=tmp_path), driver, told.append, clock)
    watcher.look()
    assert heartbeat.is_watched(tmp_path, clock)
    assert told == []
    driver.set_flow("v11", Flow(instead=1, healthy=1))
    for _ in range(2):
        driver.fail("roll_back", Failure.BEFORE)
        watcher.look()
    assert driver.latch() is None
    assert len(told) == 1
    driver.fail("roll_back", Failure.AFTER)
    watcher.look()
    watcher.look()
    assert driver.latch() is not None
    assert driver.observe().steering.weight("v10") == TOTAL_WEIGHT
    assert len(told) == 2


def test_a_proxy_that_is_down_is_looked_at_again(tmp_path: Path) -> None:
    """Said once; nothing is done on a guess."""
    told = list[str]()
    driver = MemoryDriver({"v11": "v10", "v10": None}, {"v11": TOTAL_WEIGHT, "v10": 0})
    watcher = Watcher(platforms(folder=tmp_path), driver, told.append, ManualClock())
    driver.up = False
    for _ in range(3):
        watcher.look()
    assert len(told) == 1
    assert driver.calls == ["observe"] * 3
