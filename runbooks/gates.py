"""`aurops gates RUN`: the gates that a run waits at, and what the commands about them share."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from aurops import report_rows
from aurops.clock import RealClock
from aurops.errors import UsageError
from aurops.gates import holds
from aurops.gates.finding import State
from aurops.gates.spec import HoldGate
from aurops.gates.steps import waits_at
from aurops.history import History
from aurops.journal import Journal, list_runs
from aurops.store import default_store_url, open_store
from runbooks import kinds

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aurops.gates.finding import Finding
    from aurops.gates.keeper import Spot
    from aurops.store import Store

app = typer.Typer(name="gates", add_completion=False, rich_markup_mode=None)

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id; `aurops runs list` shows them.")]
Stage = Annotated[str, typer.Option(help="The stage that it must wait before; else the one that it waits before now.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def gates(run: Run, *, as_json: AsJson = False) -> None:
    """Show the gates that a run waits at, as its last look found them, who holds them, and why it stopped if it did."""
    store, journal = open_run(run)
    held, proxies = holds.standing(holds.turns(store, run)), kinds.holds(journal)
    spot, stop = waits_at(journal.records, History(journal.records)), stopped(journal)
    if said := _as_json(run, spot, held, proxies, stop) if as_json else _as_text(run, spot, held, proxies, stop):
        typer.echo(said)
    if spot is None:
        raise _waits_nowhere(run)


def stopped(journal: Journal) -> str:
    """When a run stopped otherwise than at a gate, and why: nobody has looked at its gates since. Empty: it did not."""
    stop = report_rows.stop(journal.records)
    return f"{report_rows.why(stop)} (since {stop.at[:19]} UTC)" if stop else ""


def _as_json(run: str, spot: Spot | None, held: Iterable[holds.Turn], proxies: tuple[str, ...], stop: str) -> str:
    found = [each.data() for each in spot.before.values()] if spot else []
    holders = [{"who": turn.who, "reason": turn.reason, "stage": turn.stage, "at": turn.at} for turn in held]
    said = {"run": run, "stage": spot.stage if spot else None, "gates": found, "held": holders}
    return json.dumps(said | {"proxies_held": proxies, "opened_by": opened_by(spot) if spot else {}, "stopped": stop})


def _as_text(run: str, spot: Spot | None, held: Iterable[holds.Turn], proxies: tuple[str, ...], stop: str) -> str:
    lines = [stop] if stop else []
    lines += [f"held at {proxy}" for proxy in proxies]
    if spot:
        lines += [f"run {run} waits before: {spot.stage}", table(spot.before.values())]
    for turn in held:
        what = f"the stage {turn.stage}" if turn.stage else "the whole run"
        lines.append(f"{turn.who} holds {what} since {turn.at[:19]} UTC: {turn.reason}")
    opens = opened_by(spot) if spot else {}
    return "\n".join([*lines, *(f"who has looked opens `{gate}` with: {command}" for gate, command in opens.items())])


def opened_by(spot: Spot) -> dict[str, str]:
    """By gate that waits for a person now: the command that opens it."""
    shut = [
        gate.name
        for gate in spot.gates
        if isinstance(gate, HoldGate)
        and (before := spot.before.get(gate.name)) is not None
        and before.state is not State.OPEN
    ]
    return {gate: f"aurops release {spot.binding.run} --gate {shlex.quote(gate)} --reason …" for gate in shut}


def table(findings: Iterable[Finding]) -> str:
    """Findings for people, a line each."""
    found = list(findings)
    width = max((len(each.gate) for each in found), default=0)
    rows = [f"  {each.gate:<{width}}  {each.state:<7}  {each.at[11:19]}  {each.why}" for each in found]
    return "\n".join(rows) or "  no gate was looked at yet"


def open_run(run: str) -> tuple[Store, Journal]:
    """The store and the journal of a run that has not ended.

    Raises:
        UsageError: There is no such run, or it has ended.
    """
    store = open_store(default_store_url())
    if run not in list_runs(store):
        raise UsageError(f"there is no run `{run}`", where=store.url, next_step="aurops runs list")
    journal = Journal.open(store, run, RealClock())
    if outcome := History(journal.records).finished:
        raise UsageError(f"the run has ended: {outcome}", where=f"run {run}", next_step=f"aurops runs show {run}")
    return store, journal


def waiting(journal: Journal, stage: str) -> Spot:
    """Where a run waits.

    Args:
        journal: The run.
        stage: It must be before this stage; empty: wherever it is.

    Raises:
        UsageError: It waits at no gate, or before another stage.
    """
    spot = waits_at(journal.records, History(journal.records))
    if spot is None:
        raise _waits_nowhere(journal.run)
    if stage and stage != spot.stage:
        raise UsageError(f"the run does not wait before `{stage}`", where=f"run {journal.run}", allowed=spot.stage)
    return spot


def _waits_nowhere(run: str) -> UsageError:
    return UsageError("the run waits at no gate", where=f"run {run}", next_step=f"aurops runs show {run}")
