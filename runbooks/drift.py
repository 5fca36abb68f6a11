"""`aurops drift`: what is not in the cloud what it is in the state, and why."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aurops.clock import RealClock
from aurops.errors import AnswerIsNoError, OutsideError, UsageError
from aurops.store import default_store_url, open_store
from aurops.store_errors import StoreError
from runbooks import deployments, drift_output
from runbooks.outputs import STDOUT, check_writable
from runbooks.preview import progress
from runbooks.sites import AsJson, Lab, open_site
from runbooks.terminal import raise_lowest
from stacks import config as files
from stacks import moves
from stacks.drift import Cause, Grounds, look
from stacks.drift_table import load_table
from stacks.engine import deployed
from stacks.moves import Moves
from stacks.site import repository
from stacks.values import masked

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from runbooks.sites import OpenSite
    from stacks.drift import StackDrift
    from stacks.fleet import Fleet

app = typer.Typer(name="drift", add_completion=False, rich_markup_mode=None)

Stacks = Annotated[list[str] | None, typer.Argument(metavar="[STACK]...", help="Which stacks; else all that are up.")]
Diff = Annotated[bool, typer.Option("--diff", help="Show the values before and after, and what is noise.")]
Markdown = Annotated[
    Path | None,
    typer.Option(
        "--markdown", metavar="FILE|-", help="Write the result as Markdown, for a job's summary; - for stdout."
    ),
]


@app.command()
def drift(
    stacks: Stacks = None, *, lab: Lab = False, diff: Diff = False, markdown: Markdown = None, as_json: AsJson = False
) -> None:
    """Compare the state with the cloud, changing neither, and say why they differ and what mends it.

    Exit 1 when something is gone, or changed by hand or by a failover; what only the provider makes of it is no drift.
    Exit 3 when no stack is up.
    """
    if markdown == STDOUT and as_json:
        raise UsageError("JSON and Markdown cannot both go to standard output", where="--json, --markdown -")
    check_writable("--markdown", markdown)
    with open_site(lab=lab) as opened:
        fleet = files.load(opened.site.stacks_dir)
        there = deployed(opened.site)
        wanted, absent = split(deployments.chosen(fleet, stacks or ()), there)
        if stacks and absent:
            allowed = ", ".join(each for each in fleet.stacks if each in there) or "none is up"
            raise UsageError(f"not up: {', '.join(absent)}", where="STACK", allowed=allowed)
        found = observed(opened, fleet, wanted)
    if as_json:
        typer.echo(json.dumps(drift_output.document(found, absent), ensure_ascii=False))
    elif markdown != STDOUT:
        typer.echo(drift_output.text(found, absent, diff=diff))
    if markdown == STDOUT:
        typer.echo(drift_output.markdown(found, absent))
    elif markdown:
        markdown.write_text(f"{drift_output.markdown(found, absent)}\n", encoding="utf-8")
    conclude(found, lab=lab)


def split(stacks: Sequence[str], there: Collection[str]) -> tuple[list[str], list[str]]:
    """The stacks that are up, and those that are not."""
    return [stack for stack in stacks if stack in there], [stack for stack in stacks if stack not in there]


def observed(opened: OpenSite, fleet: Fleet, stacks: Sequence[str]) -> tuple[StackDrift, ...]:
    """What drifted of these stacks.

    Raises:
        UsageError: A team's own table is wrong.
    """
    if not stacks:
        return ()
    grounds = Grounds(fleet, load_table(repository(Path.cwd())), _moves(fleet, is_lab=opened.lab is not None))
    with progress(stacks) as listen:
        return look(opened.site, stacks, grounds, listen=listen)


def _moves(fleet: Fleet, *, is_lab: bool) -> Moves:
    """What the store knows; a store that cannot be read explains nothing, and that is said."""
    name = next(iter(fleet.stacks.values())).fleet
    try:
        return moves.read(open_store(default_store_url()), RealClock(), name, is_lab=is_lab)
    except StoreError as error:
        return Moves(unread=error.what)


def conclude(found: Sequence[StackDrift], *, lab: bool) -> None:
    """Raise what the command ends with.

    Raises:
        OutsideError: No stack is up: the question has no answer, least of all that all is well.
        AuropsError: A stack could not be compared; the others' failures stand on standard error.
        AnswerIsNoError: Something drifted.
    """
    if not found:
        url = os.environ.get("PULUMI_BACKEND_URL")
        raise OutsideError(
            drift_output.NOTHING,
            where="the lab" if lab else f"backend {masked(url or 'that pulumi is logged in to')}",
            next_step=f"aurops up{' --lab' if lab else '; or, if stacks should be up, look at PULUMI_BACKEND_URL'}",
        )
    raise_lowest([each.error for each in found if each.error])
    drifted = {each.stack: [one for one in each.drifted if one.cause is not Cause.NOISE] for each in found}
    if names := [stack for stack, those in drifted.items() if those]:
        total = sum(map(len, drifted.values()))
        raise AnswerIsNoError(
            f"the cloud differs from the state in {total} place{'s' * (total > 1)}",
            where=", ".join(names),
            next_step="what mends each stands beside it; --diff shows the values",
        )
