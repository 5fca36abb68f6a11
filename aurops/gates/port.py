"""The gate that asks a port (aurops/ports.py)."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, TypeAlias

from aurops.gates.finding import Finding, State
from aurops.gates.seen import found, unseen
from aurops.ports import (
    Comparison,
    Drained,
    Interruption,
    Judgement,
    Lag,
    Operators,
    Rehearsed,
    Unsynced,
    Verdict,
    Watched,
)

if TYPE_CHECKING:
    from datetime import datetime

    from aurops.gates.spec import PortCheck
    from aurops.plan import Json, Observation
    from aurops.ports import Ports

Said: TypeAlias = Comparison | Lag | Unsynced | Drained | Judgement | Interruption | Rehearsed | Watched | Operators
_OF_VERDICT = {Verdict.PASS: State.OPEN, Verdict.ROLL_BACK: State.CLOSED, Verdict.UNDECIDED: State.UNKNOWN}


def look(check: PortCheck, ports: Ports) -> Observation[Said]:  # noqa: PLR0911 (a port, its question)
    """Ask the port."""
    match check.port:
        case "equal":
            return ports.equal.equal(check.timeout_s)
        case "lag":
            return ports.lag.lag(check.timeout_s)
        case "unsynced":
            return ports.unsynced.unsynced(check.timeout_s)
        case "drained":
            return ports.drained.drained(check.side, check.timeout_s)
        case "judge":
            return ports.judge.judge("", check.timeout_s)
        case "interruption":
            return ports.interruption.interruption(check.region, check.over_s, check.timeout_s)
        case "rehearsed":
            return ports.rehearsed.rehearsed(check.timeout_s)
        case "watched":
            return ports.watched.watched(check.proxy, check.timeout_s)
        case "operators":
            return ports.operators.operators(check.timeout_s)


def judge(check: PortCheck, seen: Observation[Said], now: datetime, now_s: float) -> Finding:
    """Whether what the port says opens the gate. Pure.

    Args:
        check: Which port.
        seen: Its answer.
        now: The time of day.
        now_s: The clock that the answer's time is of.
    """
    if seen.value is None:
        return unseen(check, seen, now)
    age_s = seen.age_s(now_s)
    state, why = _said(check, seen.value)
    if age_s > check.max_age_s:
        state, why = State.UNKNOWN, f"stale: its answer is {age_s:.0f} s old ({why})"
    evidence: dict[str, Json] = {"port": check.port, "observer": seen.observer, "said": _plain(seen.value)}
    return found(check, state, why, now, evidence, age_s)


def _said(check: PortCheck, said: Said) -> tuple[State, str]:  # noqa: C901, PLR0911 (a port, its words)
    match said:
        case Comparison():
            return _compared(said)
        case Lag():
            why = f"{said.to_v11_s:.3f} s behind towards V11, {said.to_v10_s:.3f} s towards V10"
            return _open_if(
                said.to_v11_s <= check.lag_s and said.to_v10_s <= check.lag_s
            ), f"{why}; allowed {check.lag_s:g} s"
        case Unsynced():
            some = f": {', '.join(said.some)} …" if said.some else ""
            return _open_if(said.count == 0), f"{said.count} acknowledged V11 writes are not in V10{some}"
        case Drained():
            if said.side is not check.side:
                return State.UNKNOWN, f"it speaks of {said.side}, asked was {check.side}"
            return _open_if(said.left == 0), f"{said.left} changes of {said.side} are on their way"
        case Judgement():
            return _OF_VERDICT[said.verdict], f"{said.verdict}: {said.why}"
        case Interruption():
            return _interrupted(check, said)
        case Rehearsed():
            why = f"{len(said.well)} of {check.times} rehearsed rollbacks ended well: {', '.join(said.well) or 'none'}"
            return _open_if(len(said.well) >= check.times), why
        case Watched():
            why = f"nobody watches {said.proxy} as it must be: {said.why_not}" if said.why_not else "its watcher looks"
            return _open_if(not said.why_not), why
        case Operators():
            well = f"from {', '.join(said.hosts)} every proxy can be rolled back; clocks agree, machines differ"
            return _open_if(not said.why_not), said.why_not or well


def _compared(said: Comparison) -> tuple[State, str]:
    counts = f"{said.compared} compared, {said.equal} equal, {said.in_flight} in flight"
    if said.unequal:
        kinds = {"missing in V10": said.missing_v10, "missing in V11": said.missing_v11, "different": said.different}
        kinds["parked"] = said.parked
        return State.CLOSED, f"{counts}, {', '.join(f'{count} {kind}' for kind, count in kinds.items() if count)}"
    if said.in_flight or not said.compared:
        return State.UNKNOWN, counts
    return State.OPEN, counts


def _interrupted(check: PortCheck, said: Interruption) -> tuple[State, str]:
    """Too long for certain closes for good once traffic moves; where nobody knows, it opens when enough is known."""
    asked = f"{said.ok} of {said.sent} probes answered"
    if said.failing_s > check.limit_s:
        opens = f"; nothing has moved: it opens when that is {check.over_s:g} s ago" if said.before else ""
        why = f"without an answer for {said.failing_s:.1f} s, more than {check.limit_s:g} s"
        return State.CLOSED, f"{why}; {asked}{opens}"
    if said.recent_s > check.limit_s:
        why = f"of {said.recent_s:.1f} s nobody knows whether there was an answer, and {check.limit_s:g} s are allowed"
        return State.UNKNOWN, f"{why}; {asked}"
    return State.OPEN, f"without an answer for at most {said.without_s:.1f} s; {asked}"


def _open_if(condition: bool) -> State:  # noqa: FBT001 (a condition)
    return State.OPEN if condition else State.CLOSED


def _plain(said: Said) -> dict[str, Json]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(said).items()}
