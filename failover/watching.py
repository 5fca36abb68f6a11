"""Watches the region in force: reads the vantage points, looks at the regions when it is not well, and judges.

One piece for the drill and for `aurops watch`: what a drill proves of a decision is what the daemon does.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Self

from failover import policy as policies
from failover.detector import Board
from failover.detector import State as Quorum
from failover.policy import Action, Memory, Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from aurops.clock import Clock
    from failover.model import Target, World
    from failover.policy import Finding

_LOOK_EVERY_S = 0.1
"""How often the regions are looked at while the one in force is not well: at the verdict, nothing waits for them."""


class Watching:
    """The watch over one service; a context manager, its threads end with it.

    Args:
        target: The service.
        vantages: Base URL of each vantage point by name; all of them watch the region in force.
        clock: The reader's clock.
        region: The region in force.
        policy: When to act.
        busy: Says who acts on the service now; empty: nobody. Asked only while the region is not well.
    """

    def __init__(
        self,
        target: Target,
        vantages: Mapping[str, str],
        clock: Clock,
        region: str,
        policy: Policy | None = None,
        *,
        busy: Callable[[], str] = lambda: "",
    ) -> None:
        self.region = region
        self.last: Finding | None = None
        self._target = target
        self._board = Board(vantages, clock)
        self._clock = clock
        self._policy = policy or Policy()
        self._busy = busy
        self._memory = Memory()
        self._world: World | None = None
        self._looked_s = 0.0

    def __enter__(self) -> Self:
        self._board.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._board.__exit__()

    def look(self) -> Finding:
        """Judge once, now."""
        verdict = self._board.judge(self.region, self._policy.rule)
        is_well = verdict.state is Quorum.WELL
        world = None if is_well else self._see()
        busy = "" if is_well else self._busy()
        self._memory, self.last = policies.judge(verdict, world, self._memory, self._policy, busy=busy)
        return self.last

    def findings(self, limit_s: float) -> Iterator[Finding]:
        """Every finding that differs from the one before, for so many seconds."""
        before, deadline_s = self.last, self._clock.now_s() + limit_s
        while self._clock.now_s() < deadline_s:
            if not (found := self.look()).like(before):
                yield found
            before = found
            self._board.wait_for_news()

    def decided(self, limit_s: float) -> Finding | None:
        """The first finding that asks for a failover or a person; None when none did within so many seconds."""
        return next((found for found in self.findings(limit_s) if found.action is not Action.NOTHING), None)

    def acted(self, region: str) -> None:
        """A failover was begun, and this region is in force now: forget the old one, and cool down."""
        self.region = region
        self._memory = replace(Memory(), acted_s=self._clock.now_s())

    def _see(self) -> World:
        now_s = self._clock.now_s()
        if self._world is None or now_s - self._looked_s >= _LOOK_EVERY_S:
            self._world, self._looked_s = self._target.observe(), self._clock.now_s()
        return self._world


def wait_for_decision(
    target: Target,
    vantages: Mapping[str, str],
    clock: Clock,
    region: str,
    *,
    limit_s: float,
    policy: Policy | None = None,
) -> Finding | None:
    """Watch until a failover or a person is needed; None when neither was within so many seconds."""
    with Watching(target, vantages, clock, region, policy) as watching:
        return watching.decided(limit_s)
