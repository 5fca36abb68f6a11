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
    from aurops.plan import Json
    from aurops.store import Store


class Turn(Numbered):
    """One turn: hold, or let go."""

    on: bool
    stage: str = ""
    """The stage whose gates it is about; empty: every stage of the run."""
    gate: str = ""
    """Only when letting go: the gate of the plan, of that stage, that it opens; it lets go of no hold then."""


def turn(  # noqa: PLR0913 (what a turn says)
    store: Store, run: str, *, on: bool, stage: str, reason: str, who: str, clock: Clock, gate: str = ""
) -> int:
    """Hold the gates of a stage (empty: of all stages) of a run, or let go; with `gate` open that one; its number."""
    at = clock.wall().isoformat(timespec="milliseconds")
    return add(store, _prefix(run), Turn(on=on, stage=stage, gate=gate, reason=reason, who=who, at=at))


def turns(store: Store, run: str) -> tuple[Turn, ...]:
    """All turns, in order.

    Raises:
        BrokenRequestError: One cannot be read.
    """
    return tuple(load(store, _prefix(run), n, Turn) for n in numbers(store, _prefix(run)))


def standing(given: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns that hold something now: the latest of each stage, and the latest of the whole run."""
    latest = {turn.stage: turn for turn in given if not turn.gate}
    return tuple(turn for turn in latest.values() if turn.on)


def holding(given: Sequence[Turn], stage: str) -> tuple[Turn, ...]:
    """Those of them that keep a stage's gates shut."""
    return tuple(turn for turn in standing(given) if turn.stage in ("", stage))


def judge_turns(given: Sequence[Turn], stage: str, now: datetime) -> tuple[Finding, ...]:
    """What people hold, as findings; nothing when nobody does. Pure."""
    at = now.isoformat(timespec="seconds")
    return tuple(
        Finding("hold", "hold", State.CLOSED, f"{turn.who} holds it since {turn.at[:19]} UTC: {turn.reason}", at)
        for turn in holding(given, stage)
    )


def judge(gate: HoldGate, given: Sequence[Turn], stage: str, before: Finding | None, now: datetime) -> Finding:
    """Whether a person has opened a gate that waits for one: by its name, and since it was first looked at. Pure.

    Args:
        gate: What a person is to look at.
        given: All turns of the run, in order. Letting go of a hold, though it be of this stage, opens no gate.
        stage: The stage behind the gate.
        before: What the last look found; None: this is the first.
        now: The time of day.
    """
    latest = given[-1].n if given else 0
    since = latest if before is None else int(str(before.evidence.get("since_turn", 0)))
    opened = [
        turn for turn in given if turn.n > since and not turn.on and (turn.stage, turn.gate) == (stage, gate.name)
    ]
    evidence: dict[str, Json] = {"since_turn": since}
    if opened:
        last = opened[-1]
        why = f"{last.who} let go at {last.at[:19]} UTC: {last.reason}"
        return found(gate, State.OPEN, why, now, evidence | {"who": last.who, "reason": last.reason})
    return found(gate, State.CLOSED, f"waits for a person: {gate.reason}", now, evidence)


def _prefix(run: str) -> str:
    return f"runs/{run}/holds"
