"""`aurops drift`: what somebody changed behind the program's back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aurops.errors import AnswerIsNoError
from runbooks import deployments
from runbooks.sites import Lab, open_site
from stacks import config as files
from stacks.abreast import abreast, first_error
from stacks.engine import EngineStack, Operation, deployed
from stacks.survey import is_expected, survey

if TYPE_CHECKING:
    from stacks.changes import Change
    from stacks.site import Site

app = typer.Typer(name="drift")

Stacks = Annotated[list[str] | None, typer.Argument(metavar="[STACK]...", help="Which stacks; else all that are up.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]


@app.command()
def drift(stacks: Stacks = None, *, lab: Lab = False, as_json: AsJson = False) -> None:
    """Compare the state with the cloud, changing neither; exit 1 when they differ.

    What the program leaves to others (desired counts, weights, who is writable) is counted, and is no drift.
    """
    with open_site(lab=lab) as opened:
        fleet = files.load(opened.site.stacks_dir)
        there = deployed(opened.site)
        wanted = [stack for stack in deployments.chosen(fleet, stacks or ()) if stack in there]
        found, errors = abreast(wanted, lambda stack: compare(opened.site, stack))
    if as_json:
        typer.echo(json.dumps({"stacks": {stack: rows(*pair) for stack, pair in found.items()}}))
    else:
        for stack, (drifted, expected) in found.items():
            typer.echo(f"{stack:<22} {len(drifted)} drifted, {len(expected)} moved as the program allows")
            for change in drifted:
                typer.echo(f"  {change.op.value:<7} {change.type} {change.name}: {', '.join(change.keys) or 'gone'}")
    if error := first_error(errors):
        raise error
    drifted_stacks = [stack for stack, (drifted, _) in found.items() if drifted]
    if drifted_stacks:
        raise AnswerIsNoError(
            "the cloud differs from the state",
            where=", ".join(drifted_stacks),
            next_step="take it back with `aurops up`, or take it over into the program",
        )


def compare(site: Site, stack: str) -> tuple[list[Change], list[Change]]:
    """What drifted, and what moved as the program allows."""
    engine = EngineStack(site, stack)
    known = {each.urn: each for each in survey(stack, engine.state()).resources}
    changes = engine.run(Operation.DRIFT).changes.changes
    expected = [change for change in changes if is_expected(change, known.get(change.urn))]
    return [change for change in changes if change not in expected], expected


def rows(drifted: list[Change], expected: list[Change]) -> dict[str, Any]:
    """For `--json`."""

    def row(change: Change) -> dict[str, Any]:
        return {"urn": change.urn, "type": change.type, "op": change.op.value, "keys": change.keys}

    return {"drifted": [row(each) for each in drifted], "allowed": [row(each) for each in expected]}
