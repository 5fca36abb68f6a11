"""`aurops runs`: list, show, verify and steer runs."""

from __future__ import annotations

import getpass
import json
from typing import TYPE_CHECKING, Annotated

import typer

from aurops import requests
from aurops.clock import RealClock
from aurops.errors import UsageError
from aurops.history import History
from aurops.journal import Journal, list_runs
from aurops.requests import RequestKind
from aurops.store import Store, default_store_url, open_store
from failover.drill import KIND
from failover.execute import execute
from failover.targets.local import LocalEndpoints, LocalTarget
from runbooks import drill
from runbooks.terminal import ended, timeline
from testbeds.local import bed as beds

if TYPE_CHECKING:
    from aurops.runner import Result

app = typer.Typer(
    name="runs",
    help="List, show, verify and steer runs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id; `aurops runs list` shows them.")]
Reason = Annotated[str, typer.Option(help="Why; it is journalled.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show every run, oldest first, with its goal and how it ended."""
    store = open_store(default_store_url())
    rows = []
    for run in list_runs(store):
        history = History(Journal.open(store, run, RealClock()).records)
        rows.append({"run": run, "goal": history.goal, "ended": history.finished or "open"})
    if as_json:
        typer.echo(json.dumps(rows))
        return
    for row in rows:
        typer.echo(f"{row['run']}  {row['goal']:<10} {row['ended']}")
    if not rows:
        typer.echo("No run yet. `aurops failover-test` makes one.")


@app.command()
def show(run: Run, *, as_json: AsJson = False) -> None:
    """Show a run's journal."""
    for record in _open(run).records:
        if as_json:
            typer.echo(record.model_dump_json(by_alias=True))
        else:
            said = " ".join(
                f"{key}={value}" for key, value in record.data.items() if key not in ("reason", "arguments")
            )
            typer.echo(f"{record.n:>4}  {record.at}  {record.kind.value:<9} {said}")


@app.command()
def verify(run: Run) -> None:
    """Check every record's hash, number and chain."""
    journal = _open(run)
    journal.verify()
    typer.echo(f"{len(journal.records)} records, unbroken; last hash {journal.head_hash}")


@app.command()
def pause(run: Run, *, reason: Reason) -> None:
    """Stop the run before its next stage."""
    _ask(run, RequestKind.PAUSE, reason)


@app.command()
def resume(
    run: Run, *, take_over: Annotated[bool, typer.Option("--take-over", help="Its holder cannot act any more.")] = False
) -> None:
    """Go on with a run that was paused, halted or killed.

    It observes, plans again under a new epoch, and finishes.
    """
    store = open_store(default_store_url())
    journal = _open(run)
    requests.ask(store, run, RequestKind.RESUME, who=getpass.getuser(), reason="resumed", clock=RealClock())
    result = _go_on(journal, store, take_over=take_over)
    if History(journal.records).kind != KIND:
        ended(run, result)


@app.command()
def abort(run: Run, *, reason: Reason) -> None:
    """Go back, if the point of no return is not passed."""
    _ask(run, RequestKind.ABORT, reason)


@app.command()
def skip(
    run: Run, step: Annotated[str, typer.Argument(metavar="STEP", help="The step's name.")], *, reason: Reason
) -> None:
    """Leave one step out."""
    _ask(run, RequestKind.SKIP, reason, step)


def _go_on(journal: Journal, store: Store, *, take_over: bool = False) -> Result:
    """Take a run up where it stands."""
    history = History(journal.records)
    if history.kind == KIND:
        return drill.resume(journal, store, take_over=take_over)
    bed = beds.find(history.arguments.get("bed"))
    clock = RealClock()
    target = LocalTarget(LocalEndpoints(bed.agents, bed.edge_url), clock)
    try:
        with timeline() as told:
            return execute(journal, target, store=store, clock=clock, listener=told.hear, take_over=take_over)
    finally:
        target.close()


def _ask(run: str, kind: RequestKind, reason: str, step: str | None = None) -> None:
    store = open_store(default_store_url())
    _known(store, run)
    requests.ask(store, run, kind, who=getpass.getuser(), reason=reason, clock=RealClock(), step=step)
    typer.echo(f"asked {run} to {kind.value}; it looks before each stage")


def _open(run: str) -> Journal:
    store = open_store(default_store_url())
    _known(store, run)
    return Journal.open(store, run, RealClock())


def _known(store: Store, run: str) -> None:
    if run not in list_runs(store):
        raise UsageError(f"there is no run `{run}`", where=store.url, next_step="aurops runs list")
