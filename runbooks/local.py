"""`aurops local`: test beds of real processes on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich import box
from rich.table import Table

from aurops.errors import OutsideError
from runbooks.terminal import Pipeable
from testbeds.local import bed

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbeds.local.state import BedState

app = typer.Typer(
    name="local",
    help="Test beds of real processes on this machine.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

AsJson = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
IdleS = Annotated[float, typer.Option(help="End the bed after so many seconds in which nobody used it.")]
FirstPort = Annotated[
    int | None, typer.Option(help="First of the consecutive ports to take; else free ones.", min=1, max=65535)
]
BedId = Annotated[str | None, typer.Argument(metavar="BED", help="Which bed; not needed when only one is up.")]
Everything = Annotated[bool, typer.Option("--all", help="End every bed of yours, and remove what dead ones have left.")]


@app.command()
def up(*, idle_s: IdleS = bed.IDLE_S, first_port: FirstPort = None, as_json: AsJson = False) -> None:
    """Bring up three regions: PostgreSQL, Valkey and two nodes each, and one Envoy before them."""
    err = Pipeable(stderr=True)
    with err.status("bringing up a test bed") as spinner:
        one = bed.up(idle_s=idle_s, first_port=first_port, progress=_teller(err, spinner.update))
    if as_json:
        typer.echo(one.model_dump_json())
        return
    typer.echo(f"Test bed {one.id} is up after {one.up_s:.1f} s; it ends after {idle_s:g} s without use.")
    typer.echo(f'  write    curl -s {one.proxy_url}/writes -d \'{{"id": "a", "amount": 1}}\'')
    typer.echo(f"  look     aurops local status\n  end      aurops local down {one.id}")


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """Show the test beds that are up, as their agents observe them."""
    seen = [(one, _observe(one)) for one in bed.beds()]
    if as_json:
        typer.echo(json.dumps([{"bed": one.model_dump(mode="json"), "observed": view} for one, view in seen]))
        return
    if not seen:
        typer.echo("No test bed is up. `aurops local up` brings one up.")
    for one, view in seen:
        _print(one, view)


@app.command()
def down(bed_id: BedId = None, *, everything: Everything = False, as_json: AsJson = False) -> None:
    """End a test bed: its processes, its shared memory, its folder."""
    if everything:
        ended = bed.down_all()
    else:
        one = bed.find(bed_id)
        bed.down(one)
        ended = (one.id,)
    typer.echo(json.dumps({"ended": ended}) if as_json else f"Ended: {', '.join(ended) or 'none was up'}.")


def _teller(err: Pipeable, update: Callable[[str], None]) -> Callable[[str], None]:
    """Says how far it is: in place on a terminal, line by line elsewhere."""
    return update if err.is_terminal else lambda text: err.print(text, highlight=False)


def _observe(one: BedState) -> dict[str, Any]:
    try:
        return bed.status(one)
    except OutsideError as error:
        return {"error": error.what}


def _print(one: BedState, view: dict[str, Any]) -> None:
    out = Pipeable(highlight=False, soft_wrap=True)
    if "error" in view:
        out.print(f"{one.id}: {view['error']}")
        return
    idle = f"ends after {view['idle_left_s']:.0f} s more without use"
    out.print(f"{one.id}  {one.proxy_url}  {one.folder}  {idle}")
    table = Table("region", "weight", "database", "follows", "cache", "nodes", "epoch", "", box=box.SIMPLE)
    weights = view["edge"].get("weights", {})
    for name, region in view["regions"].items():
        table.add_row(name, str(weights.get(name, "?")), *_cells(region))
    out.print(table)


def _cells(region: dict[str, Any]) -> list[str]:
    if "error" in region:
        return [region["error"]]
    serving = sum(node["epoch"] is not None for node in region["nodes"])
    return [
        region["database"]["role"],
        region["database"]["following"] or "",
        region["cache"]["role"],
        f"{serving} of {len(region['nodes'])}",
        str(region["highest_epoch"]),
        "fenced" if region["fenced"] else "",
    ]
