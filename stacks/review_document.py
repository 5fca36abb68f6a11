"""The review of a change as data, for programs: docs/preview.md describes it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stacks.changes import Op

if TYPE_CHECKING:
    from aurops.errors import AuropsError
    from stacks.changes import Change
    from stacks.preview import StackPreview
    from stacks.review import Baseline, Finding, Review, Waiver

SCHEMA = 1
"""Grows with a change that breaks readers; new keys may come without."""

_COUNTED = (Op.CREATE, Op.UPDATE, Op.REPLACE, Op.DELETE, Op.SAME)


def document(review: Review) -> dict[str, Any]:
    """The whole review as JSON values."""
    return {
        "schema": SCHEMA,
        "stacks": [_stack(each) for each in review.previews],
        "findings": None if review.findings is None else [_finding(each) for each in review.findings],
        "left_out": list(review.left_out),
        "removed": list(review.removed),
        "baseline": _baseline(review.baseline),
        "notes": list(review.notes),
        "orphans": [{**vars(each), "name": each.name} for each in review.orphans],
    }


def _stack(each: StackPreview) -> dict[str, Any]:
    counts = each.changes.counts
    return {
        "stack": each.stack,
        "seconds": round(each.seconds, 3),
        "is_new": each.is_new,
        "counts": {op.value: counts.get(op, 0) for op in _COUNTED},
        "losses": [change.urn for change in each.losses],
        "changes": [_change(change) for change in each.changes.changes],
        "upstream": {name: list(paths) for name, paths in each.upstream.items()},
        "error": _error(each.error),
    }


def _change(change: Change) -> dict[str, Any]:
    return {
        "urn": change.urn,
        "name": change.name,
        "type": change.type,
        "op": change.op.value,
        "keys": list(change.keys),
        "replaces": list(change.replaces),
        "loses_data": change.loses_data,
        "protected": change.protected,
        "differences": [vars(each) for each in change.differences],
    }


def _error(error: AuropsError | None) -> dict[str, Any] | None:
    if error is None:
        return None
    said = {key: getattr(error, key) for key in ("what", "where", "allowed", "next_step")}
    return said | {"exit_code": int(error.exit_code)}


def _finding(each: Finding) -> dict[str, Any]:
    return {
        "rule": vars(each.rule),
        "stack": each.stack,
        "urn": each.urn,
        "name": each.name,
        "type": each.type,
        "what": each.what,
        "waiver": _waiver(each.waiver),
    }


def _waiver(waiver: Waiver | None) -> dict[str, Any] | None:
    return None if waiver is None else {**vars(waiver), "until": waiver.until.isoformat()}


def _baseline(baseline: Baseline | None) -> dict[str, Any] | None:
    return None if baseline is None else {**vars(baseline), "seconds": round(baseline.seconds, 3)}
