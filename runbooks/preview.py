"""`aurops preview`: what a change would do to every stack, before it is merged."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aurops.errors import AnswerIsNoError, AuropsError
from runbooks.deployments import chosen
from runbooks.sites import AsJson, Lab, Stacks, open_site
from stacks import config as files
from stacks.changes import Op
from stacks.preview import StackPreview, preview

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stacks.changes import Change, Changes
    from stacks.preview import Listen

app = typer.Typer(name="preview", add_completion=False, rich_markup_mode=None)

SCHEMA = 1
COLUMNS = (Op.CREATE, Op.UPDATE, Op.REPLACE, Op.DELETE, Op.SAME)
_SHOWN = 6
_WIDTH = 100


class FailOn(StrEnum):
    """What makes the answer no."""

    STATEFUL_REPLACE = "stateful-replace"


Diff = Annotated[bool, typer.Option("--diff", help="Show each resource, with the values before and after.")]
Fail = Annotated[
    FailOn | None,
    typer.Option("--fail-on", help="Exit 1 if something that holds data would be replaced or deleted."),
]


@app.command(name="preview")
def command(
    stacks: Stacks = None, *, lab: Lab = False, diff: Diff = False, fail_on: Fail = None, as_json: AsJson = False
) -> None:
    """Say what `aurops up` would do to each stack; changes nothing."""
    with open_site(lab=lab) as opened:
        fleet = files.load(opened.site.stacks_dir)
        wanted = chosen(fleet, stacks or ())
        with progress(wanted) as listen:
            previews = preview(opened.site, fleet, wanted, listen=listen)
    typer.echo(json.dumps(document(previews), ensure_ascii=False) if as_json else text(previews, diff=diff))
    conclude(previews, fail_on)


@contextmanager
def progress(stacks: Sequence[str]) -> Iterator[Listen]:
    """On a terminal, a line for each stack that shows how far it is; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    from rich.console import Console  # noqa: PLC0415 (only a terminal needs it)
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn  # noqa: PLC0415

    columns = (SpinnerColumn(), TextColumn("{task.description:<22} {task.completed:>4} resources"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        tasks = {stack: shown.add_task(stack, total=None) for stack in stacks}
        yield lambda stack, changes: shown.update(tasks[stack], completed=changes.done)


def conclude(previews: Sequence[StackPreview], fail_on: FailOn | None) -> None:
    """Raise what the command ends with.

    Raises:
        AuropsError: A stack could not be previewed; the others' failures stand on standard error.
        AnswerIsNoError: `--fail-on` was met.
    """
    # Two stacks often fail for one reason.
    errors = {str(each.error): each.error for each in previews if each.error}
    failed = sorted(errors.values(), key=lambda error: error.exit_code)
    for error in failed[1:]:
        typer.echo(f"aurops: {error}", err=True)
    if failed:
        raise failed[0]
    losses = [f"{each.stack}: {change.name}" for each in previews for change in each.losses]
    if fail_on is FailOn.STATEFUL_REPLACE and losses:
        raise AnswerIsNoError(
            f"{len(losses)} that hold data would be replaced or deleted",
            where=", ".join(losses),
            next_step="aurops preview --diff says why",
        )


def text(previews: Sequence[StackPreview], *, diff: bool) -> str:
    """The summary, then what would be lost, then what to know about it, then the details."""
    lines = [*_table(previews), "", *_losses(previews), "", *_notes(previews)]
    for each in previews if diff else ():
        lines += ["", each.stack, *_details(each.changes)]
    return "\n".join(lines)


def _table(previews: Sequence[StackPreview]) -> Iterator[str]:
    width = max(len(each.stack) for each in previews)
    yield f"{'STACK':<{width}}" + "".join(f"{op.value:>9}" for op in COLUMNS) + f"{'seconds':>9}"
    for each in previews:
        counts = each.changes.counts
        figures = "".join(f"{counts.get(op, 0):>9}" for op in COLUMNS)
        note = "   failed" if each.error else "   new" if each.is_new else ""
        yield f"{each.stack:<{width}}{figures}{each.seconds:>9.1f}{note}"


def _losses(previews: Sequence[StackPreview]) -> Iterator[str]:
    losses = [(each.stack, change) for each in previews for change in each.losses]
    if not losses:
        yield "Nothing that holds data would be replaced or deleted."
        return
    yield f"{len(losses)} that hold data would be REPLACED or DELETED:"
    for stack, change in losses:
        because = f" because of {', '.join(change.replaces)}" if change.replaces else ""
        refused = "; protected: `up` will refuse" if change.protected else ""
        yield f"  {stack}  {change.op.value}  {change.name}  {change.type}{because}{refused}"


def _notes(previews: Sequence[StackPreview]) -> Iterator[str]:
    yield "Values of other stacks are those of their last `up`."
    for each in previews:
        for name, paths in each.upstream.items():
            more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
            yield f"  {each.stack} reads {name}, which would then export other values: {_few(paths)}{more}"
    new = [each.stack for each in previews if each.is_new]
    if new:
        yield f"Not in the backend, and not left there by this preview: {', '.join(new)}"
    failed = [each.stack for each in previews if each.error]
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
    whole = "nothing" if value is None else value
    return whole if len(whole) <= _WIDTH else f"{whole[: _WIDTH - 1]}…"


def document(previews: Sequence[StackPreview]) -> dict[str, Any]:
    """The result as data; docs/preview.md describes it, and `schema` grows with a change that breaks readers."""
    return {"schema": SCHEMA, "stacks": [_stack(each) for each in previews]}


def _stack(each: StackPreview) -> dict[str, Any]:
    counts = each.changes.counts
    return {
        "stack": each.stack,
        "seconds": round(each.seconds, 3),
        "is_new": each.is_new,
        "counts": {op.value: counts.get(op, 0) for op in COLUMNS},
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
