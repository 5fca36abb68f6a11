"""`aurops status`: what is up, what was never finished, and whether the store knows it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from aurops import inventory
from aurops.inventories import Inventories
from aurops.store import default_store_url, open_store
from runbooks import deployments
from runbooks.sites import AsJson, Lab, Stacks, open_site
from stacks import config as files
from stacks.engine import deployed

if TYPE_CHECKING:
    from stacks.survey import Survey

app = typer.Typer(name="status", add_completion=False, rich_markup_mode=None)


@app.command()
def status(stacks: Stacks = None, *, lab: Lab = False, as_json: AsJson = False) -> None:
    """Show each stack: its resources, what was never finished, and whether its inventory is in the store."""
    with open_site(lab=lab) as opened:
        fleet = files.load(opened.site.stacks_dir)
        wanted = deployments.chosen(fleet, stacks or ())
        there = deployed(opened.site)
        surveys = {
            found.stack: found for found in deployments.look(opened, [stack for stack in wanted if stack in there])
        }
    recorded = Inventories(open_store(default_store_url()), is_lab=lab)
    rows = [row(stack, surveys.get(stack), recorded) for stack in wanted]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    table = Table(box=box.SIMPLE)
    for name in ("stack", "resources", "holding data", "unfinished", "inventory"):
        table.add_column(name)
    for each in rows:
        unfinished = ", ".join(each["unfinished"]) or "none"
        table.add_row(each["stack"], str(each["resources"]), str(each["data"]), unfinished, each["inventory"])
    Console().print(table)


def row(stack: str, found: Survey | None, recorded: Inventories) -> dict[str, Any]:
    """One line of the table."""
    resources = len(found.resources) if found else 0
    data = len(found.data()) + len(found.locked()) if found else 0
    unfinished = list(found.pending) if found else []
    said = _inventory(stack, found, recorded)
    return {"stack": stack, "resources": resources, "data": data, "unfinished": unfinished, "inventory": said}


def _inventory(stack: str, found: Survey | None, recorded: Inventories) -> str:
    exported = found.inventory if found else None
    stored = recorded.latest(stack)
    if exported is None:
        return "not up" if stored is None else "in the store, but the stack exports none"
    if stored is None:
        return "not in the store: aurops up"
    return "in the store" if stored == inventory.read(exported, f"stack {stack}") else "older in the store: aurops up"
