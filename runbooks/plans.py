"""A plan that has not begun, as `--dry-run` shows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

from runbooks.words import plain

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aurops.plan import Stage

World = TypeVar("World")


def shown(stages: Iterable[Stage[World]], *, as_json: bool) -> str:
    """For people, or as JSON."""
    return _as_json(stages) if as_json else _as_text(stages)


def _as_json(stages: Iterable[Stage[World]]) -> str:
    """A list of stages, in order."""
    return json.dumps([_stage(stage) for stage in stages])


def _stage(stage: Stage[World]) -> dict[str, object]:
    return {
        "stage": stage.name,
        "hold": stage.hold,
        "decisions": [{"name": d.name, "value": d.value, "reason": d.reason} for d in stage.decisions],
        "steps": [
            {"name": s.name, "reason": s.reason, "required": s.required, "no_return": s.no_return} for s in stage.steps
        ],
    }


def _as_text(stages: Iterable[Stage[World]]) -> str:
    """Stages, decisions and steps, each with its reason."""
    lines = []
    for number, stage in enumerate(stages, 1):
        lines.append(f"{number}. {stage.name}")
        lines += [f"   held: {stage.hold}"] if stage.hold else []
        for decision in stage.decisions:
            lines += [f"   decide {decision.name} = {plain(decision.value)}", f"      {decision.reason}"]
        for step in stage.steps:
            remark = "" if step.required else " (best effort)"
            remark += " (no way back after this)" if step.no_return else ""
            lines += [f"   {step.name}{remark}", f"      {step.reason}"]
    return "\n".join(lines)
