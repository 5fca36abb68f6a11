"""`aurops preview`: what a change would do to every stack, before it is merged."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aurops.errors import AnswerIsNoError, UsageError
from runbooks import since as revisions
from runbooks.deployments import chosen
from runbooks.policy import own_rules
from runbooks.preview_output import Outputs
from runbooks.sites import AsJson, Lab, Stacks, open_site
from runbooks.terminal import raise_lowest
from stacks import config as files
from stacks import residency
from stacks.changes import Op
from stacks.model import EdgeConfig
from stacks.preview import preview
from stacks.review import Review
from stacks.site import repository

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stacks.engine import Served
    from stacks.fleet import Fleet
    from stacks.preview import Listen, StackPreview
    from stacks.site import Site

app = typer.Typer(name="preview", add_completion=False, rich_markup_mode=None)


class FailOn(StrEnum):
    """What makes the answer no."""

    STATEFUL_REPLACE = "stateful-replace"
    """Something that holds data would be replaced or deleted."""
    DANGER = "danger"
    """That, or it would be moved, guarded less or unprotected."""


Diff = Annotated[bool, typer.Option("--diff", help="Show each resource, with the values before and after.")]
Fail = Annotated[
    FailOn | None,
    typer.Option(
        "--fail-on", help="Exit 1 if what holds data would be replaced or deleted; danger: or moved, or guarded less."
    ),
]


Markdown = Annotated[
    Path | None,
    typer.Option(
        "--markdown", metavar="FILE|-", help="Write a comment for a pull request, dangers first; - for stdout."
    ),
]
FullReport = Annotated[
    Path | None, typer.Option("--full-report", metavar="FILE", help="Write the comment with nothing cut or shortened.")
]
FullReportUrl = Annotated[
    str | None, typer.Option("--full-report-url", metavar="URL", help="Where that will be; the comment links to it.")
]
Sarif = Annotated[
    Path | None, typer.Option("--sarif", metavar="FILE", help="Write what policy found as SARIF, for code scanning.")
]
Policy = Annotated[
    bool, typer.Option("--policy", help="Judge by the rules in ci/policy; exit 1 on what breaks one without a waiver.")
]
Since = Annotated[
    str | None,
    typer.Option(
        metavar="REV",
        help="Only what the work tree changes since this revision; with --lab, against the stacks as it has them up.",
    ),
]
Refresh = Annotated[
    bool, typer.Option("--refresh", help="Look at the cloud first: what drifted shows as taken back. Writes nothing.")
]


@app.command(name="preview")
def command(  # noqa: PLR0913 (each is an option)
    stacks: Stacks = None,
    *,
    lab: Lab = False,
    since: Since = None,
    refresh: Refresh = False,
    diff: Diff = False,
    fail_on: Fail = None,
    policy: Policy = False,
    markdown: Markdown = None,
    full_report: FullReport = None,
    full_report_url: FullReportUrl = None,
    sarif: Sarif = None,
    as_json: AsJson = False,
) -> None:
    """Say what `aurops up` would do to each stack; changes nothing."""
    outputs = Outputs(as_json, diff, markdown, full_report, full_report_url, sarif, policy)
    outputs.check()
    check_revision(since)
    rules = own_rules() if policy else None
    root = repository(Path.cwd())
    fleet = files.load(root / "stacks")
    residency.check(fleet, root)
    wanted = chosen(fleet, stacks or ())
    review = compared(fleet, wanted, since, lab=lab, refresh=refresh, policy=policy)
    review = rules.judged(review, fleet.stacks) if rules else review
    review = replace(review, notes=(*review.notes, *uncertified(fleet, review.previews)))
    outputs.write(review, root / "stacks")
    conclude(review, fail_on)


def check_revision(since: str | None) -> None:
    """An empty one is a variable that nobody has set: without `--since` quite another question would be answered.

    Raises:
        UsageError: It is empty.
    """
    if since is not None and not since.strip():
        raise UsageError(
            "the revision is empty",
            where="--since",
            allowed="a branch, a tag or a commit",
            next_step="give one, or leave --since out to compare with what is up",
        )


def compared(
    fleet: Fleet, stacks: Sequence[str], since: str | None, *, lab: bool, refresh: bool, policy: bool
) -> Review:
    """Stacks against what is up; or those that differ from a revision, against that or what is up."""

    def shown(site: Site, touched: Sequence[str], served: Mapping[str, Served]) -> Sequence[StackPreview]:
        with progress(touched) as listen:
            return preview(site, fleet, touched, listen=listen, served=served, refresh=refresh)

    if since is not None:
        question = revisions.ask(repository(Path.cwd()), since, stacks, sorted(fleet.stacks), policy=policy)
        return replace(revisions.review(question, shown, lab=lab), is_lab=lab)
    with open_site(lab=lab) as opened:
        return Review(shown(opened.site, stacks, {}), is_lab=lab)


def uncertified(fleet: Fleet, previews: Sequence[StackPreview]) -> Iterator[str]:
    """Names of the edge that come up, and for which somebody must see to certificates: no stack makes them."""
    for each in previews:
        config = fleet.stacks.get(each.stack)
        if isinstance(config, EdgeConfig) and Op.CREATE in each.changes.counts:
            names = ", ".join(record.name for record in config.edge.records)
            yield (
                f"{each.stack}: no stack makes certificates for {names}: before users call them, each cloud's entrance"
                " must have one (docs/components/edge.md, Certificates)."
            )


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
            where=", ".join(each.about for each in review.violations),
            next_step="mend them, or have them waived",
        )
    losses = [f"{stack}: {change.name}" for stack, change in review.losses]
    losses += [f"{each.stack}: {each.name}" for each in review.orphans]
    if fail_on and losses:
        raise AnswerIsNoError(
            f"{len(losses)} that hold data would be replaced, deleted or orphaned",
            where=", ".join(losses),
            next_step="aurops preview --diff says why",
        )
    if fail_on is FailOn.DANGER and review.dangers:
        raise AnswerIsNoError(
            f"{len(review.dangers)} would be moved, guarded less or unprotected",
            where=", ".join(f"{each.stack}: {each.change.name}" for each in review.dangers),
            next_step="aurops preview --diff says why",
        )
