"""Whether a proxy's watcher obeys the cutover, as its gates ask it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aurops.clock import ManualClock
from aurops.gates import port
from aurops.gates.finding import State
from aurops.gates.spec import PortCheck
from aurops.ports import Watched
from migration.outline import outline
from migration.proxies import Proxies
from migration.watchers import Watchers
from tests.migration.cutovers import cutover
from traffic import heartbeat
from traffic.memory import MemoryDriver

if TYPE_CHECKING:
    from collections.abc import Callable


class StartedAnew(MemoryDriver):
    """Its watcher looks again when somebody has asked so often."""

    def __init__(self, asked: int) -> None:
        super().__init__({"v11": "v10", "v10": None}, {"v11": 10_000, "v10": 0})
        self.left = asked

    def unwatched(self) -> str:
        self.left -= 1
        return "its watcher is gone" if self.left >= 0 else ""


def watchers(driver: MemoryDriver, clock: ManualClock, changed: Callable[[str], str] = lambda _: "") -> Watchers:
    """Of one proxy."""
    proxies = Proxies({"west-1": driver}, clock, who="ann", drain_s=0, changed=changed)
    return Watchers(proxies, ("west-1",), clock)


@pytest.mark.parametrize(("asked", "why_not"), [(0, ""), (20, ""), (40, "its watcher is gone")])
def test_a_watcher_may_be_started_anew_but_not_be_gone(asked: int, why_not: str) -> None:
    """Within three seconds nobody minds, and nobody is waited for longer than that."""
    clock = ManualClock()
    began_s = clock.now_s()
    seen = watchers(StartedAnew(asked), clock).watched("west-1", 5.0)
    assert seen.value == Watched("west-1", why_not)
    assert seen.at_s == clock.now_s()
    assert clock.now_s() - began_s <= heartbeat.PATIENCE_S + 0.2


def test_a_watcher_that_obeys_something_else_is_none() -> None:
    """It looks, and somebody has changed what it goes by."""
    seen = watchers(StartedAnew(0), ManualClock(), lambda proxy: f"somebody changed {proxy}").watched("west-1", 5.0)
    assert seen.value == Watched("west-1", "somebody changed west-1")


def test_a_proxy_that_the_cutover_does_not_have_opens_nothing() -> None:
    """A gate of the file that names another one is unknown, and says which there are."""
    clock = ManualClock()
    check = PortCheck(kind="port", name="watcher", port="watched", proxy="west-9")
    seen = watchers(StartedAnew(0), clock).watched(check.proxy, 5.0)
    found = port.judge(check, seen, clock.wall(), clock.now_s())
    assert (found.state, found.why) == (State.UNKNOWN, "this cutover has no proxy `west-9`; it has west-1")


def test_every_gate_that_asks_whether_all_is_well_asks_for_every_watcher() -> None:
    """From the second step to the hand-over, all proxies of all regions: whoever is moved already, too."""
    parts = outline(cutover())
    asked = {
        part.name: [check.proxy for check in gate.checks if check.kind == "port" and check.port == "watched"]
        for part in parts
        for gate in part.gates
        if gate.kind == "soak"
    }
    assert set(asked) >= {"west 100%", "west drain", "north 5%", "north drain", "phase 2 over", "phase 3 over"}
    assert "hand over" in asked
    assert set(map(tuple, asked.values())) == {("west-1", "west-2", "north-1")}
