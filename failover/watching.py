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
    from failover.detector import Verdict
    from failover.model import Target, World
    from failover.policy import Finding

_LOOK_EVERY_S = 0.1
"""How often the regions are looked at while the one in force is not well: at the verdict, nothing waits for them."""
_LOOK_WHEN_WELL_S = 1.0


class Watching:
    """The watch over one service; a context manager, its threads end with it.

    Args:
        target: The service.
        vantages: Base URL of each vantage point by name; all of them watch the region in force.
        clock: The reader's clock.
        region: The region in force.
        policy: When to act.
        busy: Says who acts on the service now; empty: nobody.
        held: Says who wants nothing done by itself, and why; empty: nobody.
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
        held: Callable[[], str] = lambda: "",
    ) -> None:
        self.region = region
        self.last: Finding | None = None
        self.world: World | None = None
        """The regions and the edge as last seen."""
        self.verdict: Verdict | None = None
        """What the vantage points last said."""
        self._target = target
        self._board = Board(vantages, clock)
        self._clock = clock
        self._policy = policy or Policy()
        self._busy = busy
        self._held = held
        self._memory = Memory()
        self._looked_s = 0.0

    def __enter__(self) -> Self:
        self._board.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._board.__exit__()

    def look(self) -> Finding:
        """Judge once, now."""
        self.verdict = self._board.judge(self.region, self._policy.rule)
        self._see(_LOOK_WHEN_WELL_S if self.verdict.state is Quorum.WELL else _LOOK_EVERY_S)
        self._memory, self.last = policies.judge(
            self.verdict, self.world, self._memory, self._policy, busy=self._busy(), held=self._held()
        )
        return self.last

    def wait(self) -> None:
        """Return when a vantage point has news, or after a moment."""
        self._board.wait_for_news()

    def findings(self, limit_s: float) -> Iterator[Finding]:
        """Every finding that differs from the one before, for so many seconds."""
        before, deadline_s = self.last, self._clock.now_s() + limit_s
        while self._clock.now_s() < deadline_s:
            if not (found := self.look()).like(before):
                yield found
            before = found
            self.wait()

    def decided(self, limit_s: float) -> Finding | None:
        """The first finding that asks for a failover or a person; None when none did within so many seconds."""
        return next((found for found in self.findings(limit_s) if found.action is not Action.NOTHING), None)

    def turn_to(self, region: str) -> None:
        """Another region is in force now: forget the old one, and cool down."""
        self.region = region
        self._memory = replace(Memory(), acted_s=self._clock.now_s())

    def _see(self, every_s: float) -> None:
        if self.world is None or self._clock.now_s() - self._looked_s >= every_s:
            self.world, self._looked_s = self._target.observe(), self._clock.now_s()


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
