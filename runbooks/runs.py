"""`aurops runs`: list, show, verify and steer runs."""

from __future__ import annotations

import getpass
import json
from typing import TYPE_CHECKING, Annotated

import typer

from aurops import requests
from aurops.clock import RealClock
from aurops.errors import HeldError, UsageError
from aurops.history import History
from aurops.journal import Journal, list_runs
from aurops.lease import Lease
from aurops.requests import RequestKind
from aurops.runner import Ending
from aurops.store import Store, default_store_url, open_store
from failover.drill import KIND
from failover.execute import execute, service_of
from failover.targets.local import LocalEndpoints, LocalTarget
from runbooks import deployments, drill
from runbooks.terminal import Timeline, ended
from testbeds.local import bed as beds

if TYPE_CHECKING:
    from aurops.lease_record import LeaseRecord
    from aurops.runner import Result

app = typer.Typer(name="runs", help="List, show, verify and steer runs.", no_args_is_help=True)

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
    store, journal = _unended(run)
    if _acting(store, journal) is None:
        typer.echo(f"no process acts on {run}: it stands still until `aurops runs resume {run}`")
        return
    _ask(store, journal, RequestKind.PAUSE, reason)


@app.command()
def resume(
    run: Run, *, take_over: Annotated[bool, typer.Option("--take-over", help="Its holder cannot act any more.")] = False
) -> None:
    """Go on with a run that was paused, halted or killed: observe, plan again, and finish."""
    store, journal = _unended(run)
    requests.ask(store, run, RequestKind.RESUME, who=getpass.getuser(), reason="resumed", clock=RealClock())
    result = _go_on(journal, store, take_over=take_over)
    kind = History(journal.records).kind
    if kind in deployments.KINDS:
        deployments.conclude(journal, result)
        typer.echo(f"done: run {run}")
    elif kind != KIND:
        ended(run, result)


@app.command()
def abort(run: Run, *, reason: Reason) -> None:
    """Go back to where the run began, at once or by its process, if the point of no return is not passed."""
    store, journal = _unended(run)
    if History(journal.records).past_no_return:
        raise HeldError(
            "the run is past its point of no return: only forward",
            where=f"run {run}",
            next_step=f"aurops runs resume {run}",
        )
    _ask(store, journal, RequestKind.ABORT, reason)
    if _acting(store, journal) is None:
        result = _go_on(journal, store)
        if result.ending is not Ending.RESTORED:
            ended(run, result)
        typer.echo(f"restored: run {run}")


@app.command()
def skip(run: Run, step: Annotated[str, typer.Argument(help="The step's name.")], *, reason: Reason) -> None:
    """Leave one step out."""
    _ask(*_unended(run), RequestKind.SKIP, reason, step)


def _go_on(journal: Journal, store: Store, *, take_over: bool = False) -> Result:
    """Take a run up where it stands."""
    history = History(journal.records)
    if history.kind == KIND:
        return drill.resume(journal, store, take_over=take_over)
    if history.kind in deployments.KINDS:
        return deployments.resume(journal, take_over=take_over)
    bed = beds.find(history.arguments.get("bed"))
    clock = RealClock()
    target = LocalTarget(LocalEndpoints(bed.agents, bed.edge_url), clock)
    try:
        return execute(journal, target, store=store, clock=clock, listener=Timeline().hear, take_over=take_over)
    finally:
        target.close()


def _ask(store: Store, journal: Journal, kind: RequestKind, reason: str, step: str | None = None) -> None:
    """Leave a request, and say who will see it."""
    run = journal.run
    requests.ask(store, run, kind, who=getpass.getuser(), reason=reason, clock=RealClock(), step=step)
    acting = _acting(store, journal)
    if acting is None:
        typer.echo(f"asked {run} to {kind.value}; no process acts on it: whoever takes it up obeys first")
        return
    who = f"pid {acting.holder.pid} on {acting.holder.host}"
    typer.echo(
        f"asked {run} to {kind.value}; {who} looks before each stage. "
        f"If it cannot act any more: aurops runs resume {run} --take-over, which obeys first"
    )


def _acting(store: Store, journal: Journal) -> LeaseRecord | None:
    """Who acts on this run now, as far as can be known from here."""
    is_deployment = History(journal.records).kind in deployments.KINDS
    service = deployments.service_of(journal) if is_deployment else service_of(journal)
    return Lease(store, service, RealClock()).acting(journal.run)


def _unended(run: str) -> tuple[Store, Journal]:
    """The store, and the journal of a run that can still be steered."""
    journal = _open(run)
    if outcome := History(journal.records).finished:
        raise UsageError(f"the run has ended: {outcome}", where=f"run {run}", next_step=f"aurops runs show {run}")
    return open_store(default_store_url()), journal


def _open(run: str) -> Journal:
    store = open_store(default_store_url())
    _known(store, run)
    return Journal.open(store, run, RealClock())


def _known(store: Store, run: str) -> None:
    if run not in list_runs(store):
        raise UsageError(f"there is no run `{run}`", where=store.url, next_step="aurops runs list")
