"""`aurops destroy`: take stacks down, in the reverse order of their creation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from aurops.errors import HeldError, UsageError
from aurops.store import default_store_url, open_store
from runbooks import deployments
from runbooks.sites import AsJson, Lab, Stacks, open_site
from runbooks.terminal import confirm, timeline
from stacks import config as files
from stacks import deploy
from stacks.engine import deployed

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from stacks.fleet import Fleet
    from stacks.survey import Survey

app = typer.Typer(name="destroy", add_completion=False, rich_markup_mode=None)

Lift = Annotated[bool, typer.Option("--lift-protection", help="What holds data may go; asked for apart from --yes.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask whether to destroy.")]


@app.command()
def destroy(
    stacks: Stacks = None, *, lift_protection: Lift = False, lab: Lab = False, yes: Yes = False, as_json: AsJson = False
) -> None:
    """Destroy stacks; says what holds data first, and leaves locked archives standing."""
    with open_site(lab=lab) as opened:
        fleet = files.load(opened.site.stacks_dir)
        there = deployments.look(opened, sorted(deployed(opened.site) & set(fleet.stacks)))
        wanted = set(deployments.chosen(fleet, stacks or ())) & {found.stack for found in there}
        if not wanted:
            document: dict[str, object] = {"run": None, "stacks": [], "stays": []}
            typer.echo(json.dumps(document) if as_json else "Nothing to destroy: none of these stacks is up.")
            return
        refuse_readers(fleet, wanted, there)
        surveys = [found for found in there if found.stack in wanted]
        typer.echo(told(surveys), err=as_json)
        confirm(f"Destroy {', '.join(sorted(wanted))}{' in the lab' if lab else ''}?", yes=yes)
        protected = [each for found in surveys for each in found.protected()]
        if protected:
            confirm_lift(len(protected), given=lift_protection, may_ask=not yes)
        order = deploy.order_destroy(
            fleet, wanted, is_lab=lab, lift={found.stack for found in surveys if found.protected()}
        )
        store = open_store(default_store_url())
        journal = deployments.start(order, fleet, store)
        with timeline() as shown:
            result = deployments.carry_out(journal, store, opened, shown)
        deployments.conclude(journal, result)
        deployments.tell(journal, opened, as_json=as_json)


def refuse_readers(fleet: Fleet, wanted: Collection[str], there: Sequence[Survey]) -> None:
    """Refuse to destroy what another stack is built on.

    Args:
        fleet: All stacks.
        wanted: Those to destroy.
        there: All of which something stands; what a destroyed stack leaves, such as an archive, is no reader.

    Raises:
        UsageError: One that stays reads what one of `wanted` exports.
    """
    stay = {each.stack for each in there if each.inventory is not None or each.protected()} - set(wanted)
    for stack in sorted(wanted):
        if readers := sorted(each for each in stay if stack in fleet.upstream(each)):
            raise UsageError(
                f"{', '.join(readers)} would stay and needs what {stack} exports",
                where=f"destroy {stack}",
                next_step=f"aurops destroy {' '.join(sorted({*wanted, *readers}))}",
            )


def told(surveys: Sequence[Survey]) -> str:
    """What the stacks hold, for the person who decides."""
    lines = []
    for found in surveys:
        lines.append(f"{found.stack}: {len(found.resources)} resources")
        lines += [f"  holds data   {each.type:<52} {each.id}" for each in found.data()]
        lines += [f"  stays        {each.type:<52} {each.id}" for each in found.locked()]
    return "\n".join(lines)


def confirm_lift(count: int, *, given: bool, may_ask: bool) -> None:
    """A decision of its own: from here on data is lost.

    Raises:
        HeldError: Nobody said so.
    """
    if given:
        return
    if not may_ask:
        raise HeldError(
            f"{count} resources are protected", next_step="--lift-protection says that what holds data may go"
        )
    confirm(f"Lift the protection of {count} resources? Their data is lost for good.", yes=False)
