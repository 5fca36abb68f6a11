"""Time windows and freezes. Pure: what a file says and the time of day in, when it opens and closes out.

Times of day are turned into instants by their zone (PEP 495). Where a clock is put back a time of day occurs twice: a
window then opens at the later and closes at the earlier one. Where it is put forward, one that does not exist is the
moment of the change; a window that lies inside of the gap does not open that day.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aurops.gates.finding import Finding, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import time

    from aurops.gates.spec import Freeze, TimeGate, Window, WindowGate
    from aurops.plan import Json

HORIZON_DAYS = 400
"""How far ahead a window is looked for: more than a year, so that none that comes once a year is missed."""

Span = tuple[datetime, datetime]
"""From (inclusive) to (exclusive), both in UTC."""


def openings(gate: WindowGate, now: datetime) -> tuple[Span, ...]:
    """When the gate is open from now on, in order, for the next `HORIZON_DAYS`.

    Args:
        gate: Its windows and freezes. A calendar that was not read yet is no freeze.
        now: With an offset.
    """
    now = now.astimezone(UTC)
    end = now + timedelta(days=HORIZON_DAYS)
    spans = _merged(_windows(gate.windows, now, end)) if gate.windows else [(now, end)]
    for freeze in gate.freezes:
        spans = [left for span in spans for left in _without(span, span_of(freeze))]
    ahead = [(max(opens, now), closes) for opens, closes in spans if closes > now]
    return tuple(span for span in ahead if (span[1] - span[0]).total_seconds() >= max(gate.needs_s, 1.0))


def never_opens(gate: WindowGate, now: datetime) -> str:
    """Why the gate can never open; empty when it can."""
    if openings(gate, now):
        return ""
    without = gate.model_copy(update={"freezes": ()})
    if gate.freezes and openings(without, now):
        reasons = ", ".join(dict.fromkeys(freeze.reason for freeze in gate.freezes))
        return f"within {HORIZON_DAYS} days every window lies in a freeze ({reasons})"
    if gate.needs_s and openings(without.model_copy(update={"needs_s": 0.0}), now):
        return f"none of its windows lasts the {gate.needs_s:g} s that are needed"
    return f"none of its windows opens within {HORIZON_DAYS} days"


def judge(gate: WindowGate, now: datetime) -> Finding:
    """Whether the gate is open at a moment; else why, and when it will be."""
    ahead = openings(gate, now)
    at = now.astimezone(UTC)
    evidence: dict[str, Json] = {}
    if ahead:
        evidence = {"opens": ahead[0][0].isoformat(), "closes": ahead[0][1].isoformat()}
    if ahead and ahead[0][0] <= at:
        state, why = State.OPEN, f"until {ahead[0][1]:%Y-%m-%d %H:%M} UTC"
    else:
        state = State.CLOSED
        freeze = next((each for each in gate.freezes if _within(at, span_of(each))), None)
        why = f"a freeze: {freeze.reason}; " if freeze else ""
        why += f"it opens at {ahead[0][0]:%Y-%m-%d %H:%M} UTC" if ahead else never_opens(gate, now)
    return Finding(gate.name, gate.kind, state, why, at.isoformat(timespec="seconds"), 0.0, evidence)


def judge_time(gate: TimeGate, now: datetime) -> Finding:
    """Whether a moment has come. Pure."""
    at, moment = now.astimezone(UTC), gate.at.astimezone(UTC)
    state = State.OPEN if at >= moment else State.CLOSED
    why = f"{'since' if state is State.OPEN else 'not before'} {moment:%Y-%m-%d %H:%M:%S} UTC"
    return Finding(gate.name, gate.kind, state, why, at.isoformat(timespec="seconds"))


def _windows(windows: Sequence[Window], now: datetime, end: datetime) -> Iterator[Span]:
    for window in windows:
        zone = ZoneInfo(window.zone)
        first = now.astimezone(zone).date() - timedelta(days=1)  # yesterday's may last past midnight
        for number in range((end - now).days + 3):
            day = first + timedelta(days=number)
            if window.begins_on(day):
                last = day if window.closes > window.opens else day + timedelta(days=1)
                opens, closes = _instant(day, window.opens, zone, fold=1), _instant(last, window.closes, zone, fold=0)
                if opens < closes and opens < end:
                    yield opens, closes


def _instant(day: date, at: time, zone: ZoneInfo, *, fold: int) -> datetime:
    """A time of day as an instant; one that does not exist is the moment of the change."""
    local = datetime.combine(day, at, zone)
    instants = [local.replace(fold=each).astimezone(UTC) for each in (0, 1)]
    exists = instants[0].astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None)
    if exists:
        return instants[fold]
    # In a gap the readings before and after it lie on its two sides: the change is as far from both as they are apart.
    return _change_between(min(instants), max(instants), zone)


def _change_between(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The moment in which the zone's offset changes, to the second."""
    before = low.astimezone(zone).utcoffset()
    while (high - low).total_seconds() > 1:
        middle = low + (high - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def _merged(spans: Iterator[Span]) -> list[Span]:
    """Windows that touch are one."""
    found: list[Span] = []
    for opens, closes in sorted(spans):
        if found and opens <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], closes)
        else:
            found.append((opens, closes))
    return found


def span_of(freeze: Freeze) -> Span:
    """From when to when a freeze lasts, in UTC."""
    zone = ZoneInfo(freeze.zone)
    return _moment(freeze.begins, zone), _moment(freeze.ends, zone, is_end=True)


def _moment(at: datetime | date, zone: ZoneInfo, *, is_end: bool = False) -> datetime:
    """A freeze's edge; of a day its begin, or its end. What occurs twice is taken so that the freeze is the longer."""
    if not isinstance(at, datetime):
        at = datetime.combine(at + timedelta(days=is_end), datetime.min.time())
    if at.tzinfo is None:
        return _instant(at.date(), at.time(), zone, fold=int(is_end))
    return at.astimezone(UTC)


def _within(at: datetime, span: Span) -> bool:
    return span[0] <= at < span[1]


def _without(span: Span, freeze: Span) -> Iterator[Span]:
    if freeze[0] >= span[1] or freeze[1] <= span[0]:
        yield span
        return
    if span[0] < freeze[0]:
        yield span[0], freeze[0]
    if freeze[1] < span[1]:
        yield freeze[1], span[1]
