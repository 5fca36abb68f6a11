"""What `aurops cutover FILE --dry-run` prints of a plan."""

from __future__ import annotations

import json
from textwrap import wrap
from typing import TYPE_CHECKING

from aurops.gates.approval import MAX_SKEW_S
from aurops.gates.quantity import CommandNumber, HttpNumber, PrometheusQuery, SqlQuery
from aurops.gates.spec import (
    ApprovalGate,
    CapacityCheck,
    CommandCheck,
    HoldGate,
    HttpCheck,
    PortCheck,
    PrometheusCheck,
    SoakGate,
    SqlCheck,
    TimeGate,
    WindowGate,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aurops.gates.quantity import Quantity
    from aurops.gates.spec import Check, Gate, Limits
    from migration.cutover_file import Cutover
    from migration.outline import Timed

WIDTH = 120
"""Lines are not longer than this, but for one long word."""


def plan_text(cutover: Cutover, rows: tuple[Timed, ...]) -> str:
    """For people: a line for each part, then what goes back and how."""
    lines = [f"cutover of {cutover.service}: {', '.join(region.name for region in cutover.regions)}"]
    lines += [f"after a rollback, because: {cutover.because}"] if cutover.because else []
    phase = 0
    known: set[Gate] = set()
    for row in rows:
        if row.part.phase != phase:
            phase = row.part.phase
            lines.append(f"phase {phase}")
        lines += _lines(f"  {_when(row)}  {row.part.name}: {row.part.reason}")
        lines += ["    THE POINT OF NO RETURN: after it nothing goes back to V10"] if row.part.no_return else []
        lines += _gates(row.part.gates, cutover, known)
    lines += [
        f"with no runner, the watcher beside each proxy goes back when `{gate.check}` says no for {gate.for_s:g} s"
        for gate in cutover.critical
    ]
    from_ = ", ".join(cutover.operator_hosts) or "NOWHERE: operator_hosts is missing"
    return "\n".join([*lines, f"before the point of no return, at any time: aurops rollback --reason …, from {from_}"])


def _when(row: Timed) -> str:
    return f"{row.not_before:%Y-%m-%d %H:%M:%S %z}" if row.not_before else "NEVER (window)          "


def _gates(gates: Iterable[Gate], cutover: Cutover, known: set[Gate], indent: str = "    ") -> Iterator[str]:
    """Each gate in one clause, the first time; with the same limits again by its name alone."""
    again = [f"{gate.kind} `{gate.name}`" for gate in gates if gate in known]
    for gate in (each for each in gates if each not in known):
        known.add(gate)
        yield from _lines(f"{indent}{gate.kind} `{gate.name}`: {_opens(gate, cutover)}")
        if isinstance(gate, SoakGate):
            asked = (check for check in gate.checks if not isinstance(check, PortCheck))
            yield from _gates(tuple(check for check in asked if check not in known), cutover, known, f"{indent}  ")
    if again:
        yield from _lines(f"{indent}as above: {', '.join(again)}")


def _lines(text: str) -> list[str]:
    return wrap(text, WIDTH, subsequent_indent=" " * 8, break_long_words=False, break_on_hyphens=False)


def _opens(gate: Gate, cutover: Cutover) -> str:
    """When a gate is open, in one clause."""
    match gate:
        case ApprovalGate():
            return f"{gate.need} of {', '.join(gate.of)}, each good for {gate.valid_for_s / 3600:g} h"
        case TimeGate():
            return f"from {gate.at.astimezone(cutover.start.tzinfo):%Y-%m-%d %H:%M:%S %z} on"
        case WindowGate():
            return _window(gate)
        case SoakGate():
            return f"{gate.for_s:g} s without a break, looked at every {gate.every_s:g} s: {_checks(gate)}"
        case HoldGate():
            return f"until a person lets go: {gate.reason}"
        case _:
            return _says(gate)


def _says(check: Check) -> str:
    """What a check must say, and who is asked."""
    match check:
        case HttpCheck():
            matches = f" and {check.matches}" if check.matches else ""
            return f"{' or '.join(map(str, check.status))}{matches} from {check.url}"
        case PrometheusCheck():
            over = f", for the last {check.over_s:g} s" if check.over_s else ""
            return f"{_limits(check.value)}{over}: {check.query}"
        case SqlCheck():
            return f"{_limits(check.value)}: {check.query}"
        case CommandCheck():
            return f"`{' '.join(check.argv)}` ends with 0 within {check.timeout_s:g} s"
        case CapacityCheck():
            times = f" {check.headroom:g} times" if check.headroom != 1 else ""
            return f"{_asked(check.can_take)} is at least{times} {_asked(check.peak)}, in {check.unit}"
        case PortCheck():
            return _port(check)


def _asked(quantity: Quantity) -> str:
    """Who gives a number."""
    match quantity:
        case PrometheusQuery() | SqlQuery():
            return quantity.query
        case CommandNumber():
            return f"`{' '.join(quantity.argv)}`"
        case HttpNumber():
            return quantity.url


def _port(check: PortCheck) -> str:
    """What each port must say."""
    return {
        "equal": "V10 and V11 have the same, nothing is in flight",
        "lag": f"neither is more than {check.lag_s:g} s behind the other",
        "unsynced": "no acknowledged write of V11 is missing in V10",
        "drained": f"no change of {check.side} is on its way any more",
        "judge": "the canary passes",
        "interruption": f"{check.region} failed to answer for no more than {check.limit_s:g} s at a time, in the last "
        f"{check.over_s:g} s and since traffic moved",
        "rehearsed": f"{check.times} of them ended well on every proxy",
        "watched": f"a watcher beside {check.proxy} obeys this cutover",
        "operators": "from each every proxy can be rolled back; its clock is this host's within "
        f"{MAX_SKEW_S:g} s; it is a machine of its own",
    }[check.port]


def _checks(gate: SoakGate) -> str:
    """What a soak contains: checks by name, what is asked of each region or proxy once."""
    words = {"interruption": "interruption of every region", "watched": "a watcher beside every proxy"}
    names = (words.get(each.port, each.name) if isinstance(each, PortCheck) else each.name for each in gate.checks)
    return ", ".join(dict.fromkeys(names))


def _window(gate: WindowGate) -> str:
    spans = "; ".join(
        f"{' '.join((*each.days, *map(str, each.dates))) or 'daily'} {each.opens:%H:%M} to {each.closes:%H:%M} "
        f"{each.zone}"
        for each in gate.windows
    )
    freezes = ", ".join(dict.fromkeys(each.reason for each in gate.freezes))
    needs = f", with {gate.needs_s:g} s left" if gate.needs_s else ""
    return (spans or "always") + needs + (f", but in no freeze ({freezes})" if freezes else "")


def _limits(value: Limits) -> str:
    return " and ".join(f"{word} {limit:g}" for word, limit in value.named().items())


def plan_json(rows: tuple[Timed, ...]) -> str:
    """For programs: a list of the parts."""
    return json.dumps(
        [
            {
                "part": row.part.name,
                "phase": row.part.phase,
                "not_before": row.not_before.isoformat() if row.not_before else None,
                "reason": row.part.reason,
                "proxies": row.part.proxies,
                "weight": row.part.weight,
                "no_return": row.part.no_return,
                "gates": [gate.model_dump(mode="json", by_alias=True) for gate in row.part.gates],
            }
            for row in rows
        ]
    )
