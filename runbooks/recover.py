"""`aurops recover`: finish what a killed engine left on a stack, with a person's answers where nobody else has one."""

from __future__ import annotations

from typing import Annotated

import typer

from aurops.errors import UsageError
from runbooks.finders import finder_of
from runbooks.sites import Lab, open_site
from stacks import config as files
from stacks import recovery
from stacks.engine import EngineStack
from stacks.lookup.finder import Told

app = typer.Typer(name="recover", add_completion=False, rich_markup_mode=None)

Found = Annotated[list[str] | None, typer.Option("--found", metavar="URN=ID", help="This object exists: adopt it.")]
Never = Annotated[list[str] | None, typer.Option("--never-made", metavar="URN", help="This object does not exist.")]


@app.command()
def recover(
    stack: Annotated[str, typer.Argument(help="Which stack.")],
    *,
    found: Found = None,
    never_made: Never = None,
    lab: Lab = False,
) -> None:
    """Finish what a killed `up` left on a stack; `up` does it by itself, unless it cannot find an object again."""
    answers = dict(_pair(each) for each in found or ())
    with open_site(lab=lab) as opened:
        known = files.load(opened.site.stacks_dir).stacks
        if stack not in known:
            raise UsageError(f"there is no stack {stack}", where="STACK", allowed=", ".join(sorted(known)))
        finder = Told(finder_of(opened), answers, frozenset(never_made or ()))
        done: list[str] = []
        recovery.recover(EngineStack(opened.site, stack), finder, tell=done.append)
    for line in done or ["nothing was left"]:
        typer.echo(line)


def _pair(given: str) -> tuple[str, str]:
    urn, equals, id_ = given.partition("=")
    if not (urn.startswith("urn:pulumi:") and equals and id_):
        raise UsageError(f"{given!r} is no answer", where="--found", allowed="URN=ID")
    return urn, id_
