"""The review of a change as plain text for a terminal or a log. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.changes import Op
from stacks.dangers import LOSSES, Kind
from stacks.markdown import visible
from stacks.values import readable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stacks.changes import Changes
    from stacks.dangers import Danger
    from stacks.preview import StackPreview
    from stacks.review import Finding, Review

COLUMNS = (Op.CREATE, Op.UPDATE, Op.REPLACE, Op.DELETE, Op.SAME)
_SHOWN = 6
_WIDTH = 100


def text(review: Review, *, diff: bool) -> str:
    """The summary, then what would be lost or is less safe, then what policy says, what to know, and the details."""
    lines = [*_table(review), "", *_losses(review), *_less_safe(review), "", *_findings(review), *_notes(review)]
    for each in review.previews if diff else ():
        lines += ["", each.stack, *_details(each.changes)]
    # Names and sentences are the change's: none moves a terminal's cursor or makes a line of its own.
    return "\n".join(visible(line).rstrip() for line in lines)


def _table(review: Review) -> Iterator[str]:
    stacks = [*(each.stack for each in review.previews), *review.left_out, *review.removed]
    width = max(len(stack) for stack in stacks)
    yield f"{'STACK':<{width}}" + "".join(f"{op.value:>9}" for op in COLUMNS) + f"{'seconds':>9}"
    for each in review.previews:
        counts = each.changes.counts
        figures = "".join(f"{counts.get(op, 0):>9}" for op in COLUMNS)
        yield f"{each.stack:<{width}}{figures}{each.seconds:>9.1f}{_remark(each)}"
    for stack in review.left_out:
        yield f"{stack:<{width}}   left out: its graph is the same before and after"
    for stack in review.removed:
        yield f"{stack:<{width}}   its file is gone; what it has up stays up"


def _remark(each: StackPreview) -> str:
    return "   failed" if each.error else "   new" if each.is_new else ""


def _losses(review: Review) -> Iterator[str]:
    if review.orphans:
        yield f"{len(review.orphans)} that hold data would be ORPHANED: the file of their stack is gone, they stay up:"
        yield from (f"  {each.stack}  {each.name}  {each.type}" for each in review.orphans)
    if not review.losses:
        yield "Nothing that holds data would be replaced or deleted."
        return
    yield f"{len(review.losses)} that hold data would be REPLACED or DELETED:"
    for stack, change in review.losses:
        because = f" because of {', '.join(change.replaces)}" if change.replaces else ""
        refused = "; protected: `up` will refuse" if change.protected else ""
        yield f"  {stack}  {change.op.value}  {change.name}  {change.type}{because}{refused}"


def _less_safe(review: Review) -> Iterator[str]:
    found = [each for each in review.dangers if each.kind not in (*LOSSES, Kind.ORPHANED)]
    if found:
        yield f"{len(found)} would be moved, guarded less or unprotected:"
    for danger in found:
        yield f"  {danger.stack}  {danger.kind.value}  {danger.change.name}  {danger.change.type}{_why(danger)}"


def _why(danger: Danger) -> str:
    said = [
        f"{each.says}: " * bool(each.says) + f"{each.key} {_short(each.before)} → {_short(each.after)}" * bool(each.key)
        for each in danger.reasons
    ]
    return f": {'; '.join(each.removesuffix(': ') for each in said)}" if said else ""


def _findings(review: Review) -> Iterator[str]:
    if review.findings is None:
        return
    waived, new = [each for each in review.findings if each.waiver], review.newly_waived
    yield f"{len(review.violations)} against policy, {len(waived)} waived"
    for each in review.violations:
        yield f"  {_about(each)}: {each.what}"
        yield f"      {each.rule.mend}"
    for each in waived:
        ours = "; the change itself brings this waiver" * (each in new)
        yield f"  {_about(each)}: {each.what}{_leave(each)}{ours}"
    yield ""


def _about(finding: Finding) -> str:
    """Stack, rule, and the resource where there is one."""
    return "  ".join(filter(None, (finding.stack, finding.rule.id, finding.name)))


def _leave(finding: Finding) -> str:
    waiver = finding.waiver
    return f"; waived by {waiver.who} until {waiver.until}: {waiver.why}" if waiver else ""


def _notes(review: Review) -> Iterator[str]:
    if review.baseline:
        yield f"Compared with {review.baseline.revision} ({review.baseline.commit[:12]})."
    if review.judges:
        yield f"The change itself changes what it is judged by: {', '.join(review.judges)}."
    yield from review.notes
    yield "Values of other stacks are those of their last `up`."
    for each in review.previews:
        for name, paths in each.upstream.items():
            more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
            yield f"  {each.stack} reads {name}, which would then export other values: {_few(paths)}{more}"
    new = [each.stack for each in review.previews if each.is_new]
    if new:
        yield f"Not in the backend, and not left there by this preview: {', '.join(new)}"
    failed = [each.stack for each in review.previews if each.error]
    if failed:
        yield f"Failed, and counted only as far as it went: {', '.join(failed)}"


def _few(paths: Sequence[str]) -> str:
    return ", ".join(paths[:_SHOWN])


def _details(changes: Changes) -> Iterator[str]:
    for change in changes.changes:
        yield f"  {change.op.value:<8} {change.name}  {change.type}"
        for each in change.differences:
            forces = "  (forces the replacement)" if each.key in change.replaces else ""
            yield f"             {each.key}: {_short(each.before)} → {_short(each.after)}{forces}"


def _short(value: str | None) -> str:
    whole = readable(value)
    return whole if len(whole) <= _WIDTH else f"{whole[: _WIDTH - 1]}…"
