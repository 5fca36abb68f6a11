"""`aurops drift`: what somebody changed behind the program's back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aurops.errors import AnswerIsNoError, UsageError
from runbooks import deployments
from runbooks.sites import AsJson, Lab, open_site
from stacks import config as files
from stacks.abreast import abreast, raise_first
from stacks.engine import EngineStack, Operation, deployed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stacks.changes import Change
    from stacks.site import Site

app = typer.Typer(name="drift", add_completion=False, rich_markup_mode=None)

Stacks = Annotated[list[str] | None, typer.Argument(metavar="[STACK]...", help="Which stacks; else all that are up.")]


@app.command()
def drift(stacks: Stacks = None, *, lab: Lab = False, as_json: AsJson = False) -> None:
    """Compare the state with the cloud, changing neither; exit 1 when they differ.

    What the program leaves to others (desired counts, weights, who is writable) is no drift: the engine passes over it.
    """
    with open_site(lab=lab) as opened:
        fleet = files.load(opened.site.stacks_dir)
        there = deployed(opened.site)
        chosen = deployments.chosen(fleet, stacks or ())
        wanted = [stack for stack in chosen if stack in there]
        if stacks and (absent := [stack for stack in chosen if stack not in there]):
            raise UsageError(f"not up: {', '.join(absent)}", where="STACK", allowed=", ".join(wanted) or "none is up")
        found, errors = abreast(wanted, lambda stack: compare(opened.site, stack))
    if as_json:
        typer.echo(json.dumps({"stacks": {stack: [row(each) for each in drifted] for stack, drifted in found.items()}}))
    else:
        typer.echo("\n".join([*lines(found), *(f"{stack:<22} not up" for stack in chosen if stack not in there)]))
    raise_first(errors)
    if names := [stack for stack, drifted in found.items() if drifted]:
        raise AnswerIsNoError(
            "the cloud differs from the state",
            where=", ".join(names),
            next_step="take it back with `aurops up --refresh`, or take it over into the stack files",
        )


def lines(found: Mapping[str, Sequence[Change]]) -> list[str]:
    """What drifted, for a person."""
    told = []
    for stack, drifted in found.items():
        told.append(f"{stack:<22} {len(drifted)} drifted")
        told += [f"  {each.op.value:<7} {each.type} {each.name}: {', '.join(each.keys) or 'gone'}" for each in drifted]
    return told


def compare(site: Site, stack: str) -> tuple[Change, ...]:
    """What drifted."""
    return EngineStack(site, stack).run(Operation.DRIFT).changes.changes


def row(change: Change) -> dict[str, Any]:
    """For `--json`."""
    return {"urn": change.urn, "type": change.type, "op": change.op.value, "keys": change.keys}
