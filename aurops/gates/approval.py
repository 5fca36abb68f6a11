"""Approvals: what is signed, where it is left, and when enough people have. Counting is pure.

What is signed names the run, its goal, the stage and the decisions taken so far, each by its digest. A plan made anew
from the same goal and decisions is the same plan, so a harmless re-plan voids no approval; everything else does.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from aurops.gates.finding import Finding, State
from aurops.journal import RecordKind, canonical
from aurops.numbered import Numbered, add, load, numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aurops.gates.signing import Signed
    from aurops.gates.spec import ApprovalGate
    from aurops.history import History
    from aurops.journal import Record
    from aurops.plan import Json
    from aurops.store import Store

MAX_SKEW_S = 30.0
"""How far two hosts' clocks may be apart; NTP keeps them within a second."""


class Binding(BaseModel):
    """What an approval is for.

    Args:
        run: The run.
        goal: Digest of the goal and arguments in the run's first record: the plan's file and the allowed signers are
            part of them.
        stage: The stage whose gates it opens.
        decisions: Digest of the decisions that the journal held.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    goal: str
    stage: str
    decisions: str

    def differs_from(self, other: Binding) -> str:
        """In what it is not the other; empty when it is."""
        words = {"run": "another run", "goal": "another plan", "stage": "another stage", "decisions": "other decisions"}
        return ", ".join(said for field, said in words.items() if getattr(self, field) != getattr(other, field))


def binding(records: Sequence[Record], history: History, stage: str) -> Binding:
    """What an approval of a stage of a run must be for, now."""
    first = next(record for record in records if record.kind is RecordKind.STARTED)
    return Binding(run=first.run, goal=_digest(first.data), stage=stage, decisions=_digest(history.decisions))


def _digest(value: dict[str, Json]) -> str:
    return hashlib.sha256(canonical(value)).hexdigest()


class Statement(BaseModel):
    """What is signed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    aurops: str = "approval"
    schema_: int = Field(default=1, alias="schema", ge=1, le=1)
    binding: Binding
    signed_at: AwareDatetime
    expires_at: AwareDatetime
    reason: str = ""

    def text(self) -> bytes:
        """The one spelling that is signed."""
        return canonical(self.model_dump(mode="json", by_alias=True))


class Approval(Numbered):
    """A statement with its signature, as it lies in the store; `who` left it, which proves nothing."""

    statement: Statement
    signature: str


@dataclass(frozen=True)
class Checked:
    """An approval, and whose it is.

    Args:
        n: Its number.
        statement: What was signed.
        signed: By whom, or why it does not count.
    """

    n: int
    statement: Statement
    signed: Signed


def leave(store: Store, approval: Approval) -> int:
    """Leave an approval for its run; its number."""
    return add(store, _prefix(approval.statement.binding.run), approval)


def left(store: Store, run: str) -> tuple[Approval, ...]:
    """Every approval that was left for a run, in order.

    Raises:
        BrokenRequestError: One cannot be read.
    """
    return tuple(load(store, _prefix(run), n, Approval) for n in numbers(store, _prefix(run)))


def _prefix(run: str) -> str:
    return f"runs/{run}/approvals"


def judge(gate: ApprovalGate, wanted: Binding, given: Iterable[Checked], now: datetime) -> Finding:
    """Whether enough distinct people have approved. Every approval that does not count is named with the reason.

    Args:
        gate: How many of whom.
        wanted: What an approval must be for.
        given: Approvals whose signature was checked.
        now: The time of day, with an offset.
    """
    counted, void = sift(gate, wanted, given, now)
    refused = [f"approval {n} does not count: {why}" for n, why in void.items()]
    evidence: dict[str, Json] = {"counted": [_said(each) for each in counted], "refused": list(refused)}
    have, names = f"{len(counted)} of {gate.need} approvals", [each.signed.who for each in counted]
    if len(counted) >= gate.need:
        return _finding(gate, State.OPEN, f"{have}: {', '.join(names)}", now, evidence)
    missing = ", ".join(who for who in gate.of if who not in names)
    return _finding(gate, State.CLOSED, "; ".join([f"{have}; asked: {missing}", *refused]), now, evidence)


def sift(
    gate: ApprovalGate, wanted: Binding, given: Iterable[Checked], now: datetime
) -> tuple[list[Checked], dict[int, str]]:
    """The approvals that count, in order, and by number why the others do not. Pure; arguments as for `judge`."""
    counted: list[Checked] = []
    void: dict[int, str] = {}
    for each in given:
        if why := _void(gate, wanted, each, counted, now):
            void[each.n] = why
        else:
            counted.append(each)
    return counted, void


def _void(gate: ApprovalGate, wanted: Binding, given: Checked, counted: list[Checked], now: datetime) -> str:
    signed = given.signed
    if other := given.statement.binding.differs_from(wanted):
        return f"it is for {other}"
    if signed.why_not:
        return signed.why_not
    if signed.who not in gate.of:
        return f"{signed.who} is none of those asked: {', '.join(gate.of)}"
    return _untimely(gate, given, now) or _twice(signed, [each.signed for each in counted])


def _untimely(gate: ApprovalGate, given: Checked, now: datetime) -> str:
    statement = given.statement
    ahead_s = (statement.signed_at - now).total_seconds()
    if ahead_s > MAX_SKEW_S:
        return f"it was signed {ahead_s:.0f} s in the future: this clock or {given.signed.who}'s is wrong"
    lasts_s = (statement.expires_at - statement.signed_at).total_seconds()
    if not 0 < lasts_s <= gate.valid_for_s:
        return f"it would last {lasts_s:.0f} s, allowed are {gate.valid_for_s:.0f} s"
    if statement.expires_at <= now:
        return f"it expired at {statement.expires_at:%Y-%m-%d %H:%M:%S} UTC"
    return ""


def _twice(signed: Signed, counted: list[Signed]) -> str:
    for other in counted:
        if other.who == signed.who:
            return f"{signed.who} has approved already"
        if other.fingerprint == signed.fingerprint:
            return f"{signed.who} and {other.who} used one key"
    return ""


def statement(wanted: Binding, gate: ApprovalGate, now: datetime, reason: str) -> Statement:
    """What a person would sign now."""
    signed_at = now.replace(microsecond=0)
    expires_at = signed_at + timedelta(seconds=gate.valid_for_s)
    return Statement(binding=wanted, signed_at=signed_at, expires_at=expires_at, reason=reason)


def _said(given: Checked) -> dict[str, Json]:
    said = given.statement
    return {
        "n": given.n,
        "who": given.signed.who,
        "key": given.signed.fingerprint,
        "signed_at": said.signed_at.isoformat(),
        "expires_at": said.expires_at.isoformat(),
        "reason": said.reason,
    }


def _finding(gate: ApprovalGate, state: State, why: str, now: datetime, evidence: dict[str, Json]) -> Finding:
    return Finding(gate.name, gate.kind, state, why, now.isoformat(timespec="seconds"), 0.0, evidence)
