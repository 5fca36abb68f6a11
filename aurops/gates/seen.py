"""How a look at a check becomes a finding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.gates.finding import Finding, State

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aurops.gates.spec import Check, Gate
    from aurops.plan import Json, Observation


def unseen(check: Check, seen: Observation[object], now: datetime) -> Finding:
    """What nobody could see opens nothing."""
    return found(check, State.UNKNOWN, seen.why_unknown, now, {"asked": seen.observer})


def found(
    gate: Gate, state: State, why: str, now: datetime, evidence: Mapping[str, Json], age_s: float = 0.0
) -> Finding:
    """A finding of a gate, made now."""
    return Finding(gate.name, gate.kind, state, why, now.isoformat(timespec="seconds"), age_s, evidence)
