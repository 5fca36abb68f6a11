"""`aurops halt`: one switch that every run looks at before each call."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from aurops import requests
from aurops.clock import RealClock
from aurops.store import default_store_url, open_store
from runbooks.reasons import refuse_silence

app = typer.Typer(name="halt", add_completion=False, rich_markup_mode=None)


@app.command()
def halt(
    *,
    reason: Annotated[str, typer.Option(help="Why; it is shown to everybody. Needed to halt.")] = "",
    off: Annotated[bool, typer.Option("--off", help="Let runs go on again.")] = False,
) -> None:
    """Halt every run before its next call; `--off` lets them go on."""
    if not off:
        refuse_silence(reason, "it is shown to everybody")
    store = open_store(default_store_url())
    requests.halt(store, on=not off, reason=reason, who=getpass.getuser(), clock=RealClock())
    typer.echo("runs may go on" if off else "every run stops before its next call; `aurops halt --off` lets them go on")
