"""`aurops archive`: what concerns records that must be kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from runbooks.sites import AsJson  # noqa: TC001 (Typer reads it)
from runbooks.terminal import alarm, confirm_by_name
from stacks import archive_lock
from stacks import config as files
from stacks.site import Site, repository

app = typer.Typer(name="archive", add_completion=False, rich_markup_mode=None, no_args_is_help=True)

Stack = Annotated[str, typer.Argument(metavar="STACK", help="The region's stack that has the archive.")]
Sure = Annotated[str, typer.Option("--sure", metavar="STACK", help="The stack's name again, instead of typing it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the stack file as it would be; change nothing.")]


@app.callback()
def archive() -> None:
    """Records that must be kept."""


@app.command()
def lock(stack: Stack, *, sure: Sure = "", dry_run: DryRun = False, as_json: AsJson = False) -> None:
    """Lock an archive's retention for good: nobody, not even the account's owner, can shorten or lift it again.

    Writes `locked: true` into the stack file; `aurops up STACK` then carries it out.
    """
    folder = Site(repository(Path.cwd())).stacks_dir
    years = archive_lock.check(files.load(folder), stack)
    file = folder / f"Pulumi.{stack}.yaml"
    before = file.read_text()
    after = archive_lock.locked(before, f"stacks/{file.name}")
    changes = after != before
    if dry_run:
        typer.echo(after, nl=False)
        return
    if changes:
        alarm(
            f"{stack}: every object is kept for {years} years from its writing, and so is the bill; nobody can undo it."
        )
        confirm_by_name(f"To lock it for good, type {stack}:", stack, given=sure, option="--sure")
        file.write_text(after)
    next_step = f"aurops up {stack}"
    if as_json:
        typer.echo(json.dumps({"stack": stack, "years": years, "written": changes, "next": next_step}))
        return
    typer.echo(
        f"{f'wrote stacks/{file.name}' if changes else f'stacks/{file.name} says so already'}; next: {next_step}"
    )
