"""What `aurops cutover FILE --dry-run` prints of a plan."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aurops.gates.spec import ApprovalGate

if TYPE_CHECKING:
    from aurops.gates.spec import Gate
    from migration.cutover_file import Cutover
    from migration.outline import Timed


def plan_text(cutover: Cutover, rows: tuple[Timed, ...]) -> str:
    """For people: a line for each part, then what goes back and how."""
    lines = [f"cutover of {cutover.service}: {', '.join(region.name for region in cutover.regions)}"]
    phase = 0
    for row in rows:
        if row.part.phase != phase:
            phase = row.part.phase
            lines.append(f"phase {phase}")
        lines.append(f"  {_when(row)}  {row.part.name}: {row.part.reason}")
        lines += ["    THE POINT OF NO RETURN: after it nothing goes back to V10"] if row.part.no_return else []
        lines += [f"    {_gate(gate)}" for gate in row.part.gates]
    lines += [
        f"with no runner, the watcher beside each proxy goes back when `{gate.check}` says no for {gate.for_s:g} s"
        for gate in cutover.critical
    ]
    from_ = ", ".join(cutover.operator_hosts) or "NOWHERE: operator_hosts is missing"
    return "\n".join([*lines, f"before the point of no return, at any time: aurops rollback --reason …, from {from_}"])


def _when(row: Timed) -> str:
    return f"{row.not_before:%Y-%m-%d %H:%M:%S %z}" if row.not_before else "NEVER (window)          "


def _gate(gate: Gate) -> str:
    if isinstance(gate, ApprovalGate):
        return f"approval `{gate.name}`: {gate.need} of {', '.join(gate.of)}"
    return f"{gate.kind} `{gate.name}`"


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
