"""`aurops preview`: what a change would do to every stack, before it is merged."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from aurops.errors import AnswerIsNoError
from runbooks.deployments import chosen
from runbooks.policy import own_rules
from runbooks.sites import AsJson, Lab, Stacks, open_site
from runbooks.terminal import raise_lowest
from stacks import config as files
from stacks.preview import preview
from stacks.review import Review
from stacks.review_document import document
from stacks.review_text import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from stacks.preview import Listen

app = typer.Typer(name="preview", add_completion=False, rich_markup_mode=None)


class FailOn(StrEnum):
    """What makes the answer no."""

    STATEFUL_REPLACE = "stateful-replace"


Diff = Annotated[bool, typer.Option("--diff", help="Show each resource, with the values before and after.")]
Fail = Annotated[
    FailOn | None,
    typer.Option("--fail-on", help="Exit 1 if something that holds data would be replaced or deleted."),
]
Policy = Annotated[
    bool, typer.Option("--policy", help="Judge by the rules in ci/policy; exit 1 on what breaks one without a waiver.")
]


@app.command(name="preview")
def command(
    stacks: Stacks = None,
    *,
    lab: Lab = False,
    diff: Diff = False,
    fail_on: Fail = None,
    policy: Policy = False,
    as_json: AsJson = False,
) -> None:
    """Say what `aurops up` would do to each stack; changes nothing."""
    rules = own_rules() if policy else None
    with open_site(lab=lab) as opened:
        fleet = files.load(opened.site.stacks_dir)
        wanted = chosen(fleet, stacks or ())
        with progress(wanted) as listen:
            review = Review(preview(opened.site, fleet, wanted, listen=listen))
    review = rules.judged(review, fleet.stacks) if rules else review
    typer.echo(json.dumps(document(review), ensure_ascii=False) if as_json else text(review, diff=diff))
    conclude(review, fail_on)


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


def conclude(review: Review, fail_on: FailOn | None) -> None:
    """Raise what the command ends with.

    Raises:
        AuropsError: A stack could not be previewed; the others' failures stand on standard error.
        AnswerIsNoError: Something is against policy, or `--fail-on` was met.
    """
    raise_lowest([each.error for each in review.previews if each.error])
    if review.violations:
        raise AnswerIsNoError(
            f"{len(review.violations)} against policy",
            where=", ".join(f"{each.stack}: {each.rule.id} {each.name}" for each in review.violations),
            next_step="mend them, or have them waived",
        )
    losses = [f"{stack}: {change.name}" for stack, change in review.losses]
    losses += [f"{each.stack}: {each.name}" for each in review.orphans]
    if fail_on is FailOn.STATEFUL_REPLACE and losses:
        raise AnswerIsNoError(
            f"{len(losses)} that hold data would be replaced, deleted or orphaned",
            where=", ".join(losses),
            next_step="aurops preview --diff says why",
        )
