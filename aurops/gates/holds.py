"""A person keeps the gates of a run shut, or lets go; by creates alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.gates.finding import Finding, State
from aurops.gates.seen import found
from aurops.numbered import Numbered, add, load, numbers

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from aurops.clock import Clock
    from aurops.gates.spec import HoldGate
    from aurops.store import Store


class Turn(Numbered):
    """One turn: hold, or let go."""

    on: bool
    stage: str = ""
    """The stage whose gates it is about; empty: every stage of the run."""


def turn(store: Store, run: str, *, on: bool, stage: str, reason: str, who: str, clock: Clock) -> int:
    """Hold the gates of a stage (empty: of all stages) of a run, or let go; the turn's number."""
    at = clock.wall().isoformat(timespec="milliseconds")
    return add(store, _prefix(run), Turn(on=on, stage=stage, reason=reason, who=who, at=at))


def turns(store: Store, run: str) -> tuple[Turn, ...]:
    """All turns, in order.

    Raises:
        BrokenRequestError: One cannot be read.
    """
    return tuple(load(store, _prefix(run), n, Turn) for n in numbers(store, _prefix(run)))


def holding(given: Sequence[Turn], stage: str) -> tuple[Turn, ...]:
    """The turns that keep a stage's gates shut now: the latest of the stage, and the latest of the whole run."""
    latest = {turn.stage: turn for turn in given if turn.stage in ("", stage)}
    return tuple(turn for turn in latest.values() if turn.on)


def judge_turns(given: Sequence[Turn], stage: str, now: datetime) -> tuple[Finding, ...]:
    """What people hold, as findings; nothing when nobody does. Pure."""
    at = now.isoformat(timespec="seconds")
    return tuple(
        Finding("hold", "hold", State.CLOSED, f"{turn.who} holds it since {turn.at[:19]} UTC: {turn.reason}", at)
        for turn in holding(given, stage)
    )


def judge(gate: HoldGate, given: Sequence[Turn], stage: str, now: datetime) -> Finding:
    """Whether a person has let go of a stage that waits for one. Pure."""
    released = [turn for turn in given if turn.stage == stage]
    if released and not released[-1].on:
        last = released[-1]
        why = f"{last.who} let go at {last.at[:19]} UTC: {last.reason}"
        return found(gate, State.OPEN, why, now, {"who": last.who, "reason": last.reason})
    return found(gate, State.CLOSED, f"waits for a person: {gate.reason}", now, {})


def _prefix(run: str) -> str:
    return f"runs/{run}/holds"
