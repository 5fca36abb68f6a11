"""Looks on while a fault is in effect that deserves no failover, and says what the watch decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from failover.faults import Answer
from failover.policy import Action

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aurops.clock import Clock
    from failover.policy import Finding

_SLICE_S = 0.25


class Watch(Protocol):
    """What is asked of `failover.watching.Watching`."""

    def findings(self, limit_s: float) -> Iterator[Finding]:
        """Every finding that differs from the one before, for so many seconds."""
        ...


@dataclass(frozen=True, slots=True)
class Stood:
    """What was decided meanwhile.

    Args:
        answer: The gravest: a failover, a call, or nothing.
        why: The reason that was given; empty for nothing.
        at_s: When it was decided; None for nothing.
        until_s: How long it was looked on, on the reader's clock.
    """

    answer: Answer
    why: str
    at_s: float | None
    until_s: float


def stand_by(watch: Watch, clock: Clock, *, limit_s: float, after_s: float, over: Callable[[], bool]) -> Stood:
    """Look on; nothing that is decided is done.

    Args:
        watch: The watch over the region in force.
        clock: The reader's clock.
        limit_s: Look on for so long while nothing is decided.
        after_s: After a person was called look on for so long: nobody may move then either.
        over: Whether the fault has ended before its time.

    Returns:
        At once when a failover is decided.
    """
    called: Finding | None = None
    called_s = 0.0
    deadline_s = clock.now_s() + limit_s
    while (now_s := clock.now_s()) < deadline_s and not over():
        for found in watch.findings(min(_SLICE_S, deadline_s - now_s)):
            if found.action is Action.FAIL_OVER:
                return Stood(Answer.FAIL_OVER, found.why, clock.now_s(), clock.now_s())
            if found.action is Action.CALL and called is None:
                called, called_s = found, clock.now_s()  # the watch's own clock may be wrong
                deadline_s = called_s + after_s
    if called is not None:
        return Stood(Answer.HOLD, called.why, called_s, clock.now_s())
    return Stood(Answer.DO_NOTHING, "", None, clock.now_s())
