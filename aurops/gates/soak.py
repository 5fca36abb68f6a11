"""Something must stay well for a while. Pure: what the last look found and what this one finds in, a finding out.

The start is kept in the journal, from look to look. A check that is closed breaks the soak. One that is unknown is no
look at all: the soak goes on when the next good look comes soon enough. Nobody looked for longer than that: it begins
anew, unless every check can say how it was meanwhile. One that says that nobody knows, and never will, ends the soak.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from aurops.gates.finding import Finding, State
from aurops.gates.prometheus import HOLE
from aurops.gates.seen import found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aurops.gates.spec import SoakGate
    from aurops.plan import Json

PATIENCE = 3.0
"""So many times `every_s` may pass without a look, or as long as a look may take when that is longer."""


def patience_s(gate: SoakGate) -> float:
    """How long nobody may look at a soak before it begins anew, seconds.

    A check may take all of its `timeout_s`: who asks for looks that come sooner than they can be answered would never
    see the end of a soak on a machine that is busy.
    """
    return PATIENCE * max(gate.every_s, *(check.timeout_s for check in gate.checks))


def last_look(before: Finding | None) -> datetime | None:
    """When a soak that is under way was last found well; None: none is."""
    at = before.evidence.get("well_at") if before else None
    return datetime.fromisoformat(str(at)) if at else None


def judge(
    gate: SoakGate, before: Finding | None, checks: Sequence[Finding], now: datetime, *, bridged: bool = False
) -> Finding:
    """How long all checks have been open without a break.

    Args:
        gate: For how long they must.
        before: What the journal says of the last look; None: nothing.
        checks: What this look found.
        now: The time of day.
        bridged: Each check also says how it was since the last look.
    """
    said: list[Json] = [dict(each.data()) for each in checks]
    closed = [f"{each.gate}: {each.why}" for each in checks if each.state is State.CLOSED]
    if closed:
        why = f"{'; '.join(closed)}; the {gate.for_s:g} s begin anew when all is well"
        return found(gate, State.CLOSED, why, now, {"checks": said})
    kept = dict(before.evidence) if before and not any(each.evidence.get(HOLE) for each in checks) else {}
    unknown = [f"{each.gate}: {each.why}" for each in checks if each.state is State.UNKNOWN]
    if unknown:
        return found(gate, State.UNKNOWN, "; ".join(unknown), now, kept | {"checks": said})
    started_at, again = _start(gate, before, now, bridged=bridged)
    lasted_s = (now - started_at).total_seconds()
    looks = 1 if started_at == now else int(str(kept.get("looks", 0))) + 1
    evidence: dict[str, Json] = {"started_at": started_at.isoformat(), "well_at": now.isoformat(), "looks": looks}
    state = State.OPEN if lasted_s >= gate.for_s else State.CLOSED
    why = f"well for {lasted_s:.0f} s of {gate.for_s:g} s{again}"
    return found(gate, state, why, now, evidence | {"checks": said})


def _start(gate: SoakGate, before: Finding | None, now: datetime, *, bridged: bool) -> tuple[datetime, str]:
    """When the soak began, and why that is now although one was under way."""
    well_at = last_look(before)
    if before is None or well_at is None:
        return now, ""
    gap_s = (now - well_at).total_seconds()
    if gap_s <= patience_s(gate) or bridged:
        return datetime.fromisoformat(str(before.evidence["started_at"])), ""
    return now, f": it began anew, for nobody looked for {gap_s:.0f} s"
