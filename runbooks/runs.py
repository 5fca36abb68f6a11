"""`aurops runs`: list, show, verify and steer runs."""

from __future__ import annotations

import getpass
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from aurops import report_rows, requests
from aurops.clock import RealClock
from aurops.errors import AuropsError, HeldError, UsageError
from aurops.gates.steps import GATES_OF, waits_at
from aurops.history import History
from aurops.journal import Journal, RecordKind, list_runs
from aurops.lease import Lease
from aurops.requests import RequestKind
from aurops.runner import Ending
from aurops.store import Store, default_store_url, open_store
from failover import break_glass
from failover.lost import Lost, lost
from runbooks import kinds
from runbooks.kinds import MODULES, kind_of
from runbooks.reasons import refuse_silence
from runbooks.serve import serve
from runbooks.terminal import alarm, ending_json
from runbooks.words import said

if TYPE_CHECKING:
    from aurops.lease_record import LeaseRecord
    from aurops.runner import Result

app = typer.Typer(
    name="runs",
    help="List, show, verify and steer runs.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

app.command("serve")(serve)

Run = Annotated[str, typer.Argument(metavar="RUN", help="The run's id; `aurops runs list` shows them.")]
Reason = Annotated[str, typer.Option(help="Why; it is journalled.")]
JOURNALLED = "the journal says it"
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_(*, as_json: AsJson = False) -> None:
    """Show every run, oldest first: its goal, when it began, how it ended or who acts on it."""
    store = open_store(default_store_url())
    rows = [_row(store, run) for run in list_runs(store)]
    if as_json:
        typer.echo(json.dumps(rows))
        return
    if not rows:
        typer.echo("No run yet. `aurops failover-test` makes one.")
        return
    width = max(len(row["run"]) for row in rows)
    typer.echo(f"{'run':<{width}}  {'goal':<9}  {'began (UTC)':<19}  state")
    for row in rows:
        state = f"{row['process']} acts on it" if row["process"] else row["ended"]
        typer.echo(f"{row['run']:<{width}}  {row['goal']:<9}  {row['began'][:19].replace('T', ' '):<19}  {state}")


def _row(store: Store, run: str) -> dict[str, str]:
    """One line of the list; a journal that cannot be read hides no other."""
    try:
        journal = Journal.open(store, run, RealClock())
    except AuropsError as error:
        return {"run": run, "goal": "?", "began": "?", "ended": f"unreadable: {error.what}", "process": ""}
    history = History(journal.records)
    known = history.kind in MODULES
    acting = _acting(store, journal) if known and not history.finished else None
    spot, waits = waits_at(journal.records, history), "stopped" if report_rows.stop(journal.records) else "waits"
    return {
        "run": run,
        "goal": history.kind,
        "began": journal.records[0].at,
        "ended": history.finished or (f"{waits} before {spot.stage}" if spot else "open"),
        "process": _process(acting),
    }


@app.command()
def show(run: Run, *, as_json: AsJson = False) -> None:
    """Show a run's journal: what was decided, called, answered and asked, in order."""
    records = _open(run).records
    if as_json:
        typer.echo("\n".join(record.model_dump_json(by_alias=True) for record in records))
        return
    typer.echo(f"{'n':>4}  {'time (UTC)':<12}  {'kind':<9}  what")
    for record in records:
        typer.echo(f"{record.n:>4}  {record.at[11:23]:<12}  {record.kind.value:<9}  {said(record)}")


@app.command("lost")
def lost_(run: Run, *, as_json: AsJson = False) -> None:
    """Show which transactions only the region that a failover left had, and where its log is kept."""
    journal = _open(run)
    found = lost(journal, open_store(default_store_url()), RealClock())
    if found is None:
        raise UsageError("the run is no failover that left a region", where=f"run {run}", next_step="aurops runs list")
    typer.echo(json.dumps(asdict(found)) if as_json else _lost_text(found))


def _lost_text(found: Lost) -> str:
    region = found.region
    if found.count is None and found.run is not None:
        return (
            f"not known: {region} was brought back by a call that was not answered (run {found.run})\n"
            "  next: its log and the list are in only-here-* in its folder of the bed, if it had any"
        )
    if found.count is None:
        return f"not known yet: {region} was not brought back\n  next: aurops reprotect {region}"
    if not found.count:
        return f"nothing: {region} had no transaction that no other region has (run {found.run})"
    lines = [f"{found.count} transactions only {region} had (run {found.run}); none is merged", f"  {found.voters}"]
    lines += [f"  {'xid':>10}  {'position':<12}  {'committed':<30}  rows of the ledger"]
    for each in found.transactions:
        ids = each["ledger_ids"]
        rows = "not readable" if ids is None else " ".join(ids) or "none"
        lines.append(f"  {each['xid']:>10}  {each['lsn']:<12}  {each['at']:<30}  {rows}")
    left = found.count - len(found.transactions)
    lines += [f"  and {left} more in transactions.json"] if left else []
    return "\n".join([*lines, f"  kept in {found.evidence}, as long as its bed is up"])


@app.command()
def verify(run: Run, *, as_json: AsJson = False) -> None:
    """Check every record's hash, number and chain."""
    journal = _open(run)
    journal.verify()
    _tell_whole(journal, ", unbroken", as_json=as_json)


def _tell_whole(journal: Journal, what: str, *, as_json: bool) -> None:
    """How many records a journal has, what is said of them, and the hash that stands for them all."""
    records_n, last_hash = len(journal.records), journal.head_hash
    document = {"run": journal.run, "records_n": records_n, "last_hash": last_hash}
    typer.echo(json.dumps(document) if as_json else f"{records_n} records{what}; last hash {last_hash}")


@app.command()
def pause(run: Run, *, reason: Reason, as_json: AsJson = False) -> None:
    """Stop the run before its next stage; one that waits at a gate stops waiting."""
    refuse_silence(reason, JOURNALLED)
    store = open_store(default_store_url())
    journal = _unended(store, run)
    waits = waits_at(journal.records, History(journal.records))
    if waits is None and _acting(store, journal) is None:
        text = f"no process acts on {run}: it stands still until `aurops runs resume {run}`"
        typer.echo(json.dumps({"run": run, "asked": None, "process": ""}) if as_json else text)
        return
    _tell_asked(_ask(store, journal, RequestKind.PAUSE, reason), as_json=as_json)


@app.command()
def resume(
    run: Run,
    *,
    take_over: Annotated[bool, typer.Option("--take-over", help="Its holder cannot act any more.")] = False,
    glass: Annotated[bool, typer.Option("--break-glass", help="If the store is lost, go on without it.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Stay at shut gates, holding nothing, and go on.")] = False,
    as_json: AsJson = False,
) -> None:
    """Go on with a run that was paused, halted or killed, or that waits at a gate.

    It observes, plans again under a new epoch, and finishes.
    """

    def act(journal: Journal, store: Store, leap: int) -> Result:
        kinds.refuse_gone(journal)
        return kinds.resume(journal, store, take_over=take_over, leap=leap, as_json=as_json, wait=wait)

    _, result = break_glass.run(default_store_url(), lambda store: _unended(store, run), act, allowed=glass, warn=alarm)
    _tell_restored(run, result, as_json=as_json)


@app.command("bring-back")
def bring_back(run: Run, *, as_json: AsJson = False) -> None:
    """Copy the journal of a run that went on under --break-glass to the store; nothing there is overwritten."""
    local = break_glass.local_store()
    journal = Journal.open(local, run, RealClock()).copy_to(open_store(default_store_url()))
    _tell_whole(journal, " are in the store", as_json=as_json)


@app.command()
def abort(run: Run, *, reason: Reason, as_json: AsJson = False) -> None:
    """Go back to where the run began, at once or by its process, if the point of no return is not passed.

    A run that was left open while another one has acted on its service, and a rehearsal whose platforms are gone, are
    only closed: nothing is called.
    """
    refuse_silence(reason, JOURNALLED)
    store = open_store(default_store_url())
    journal = _unended(store, run)
    if _acting(store, journal) is None and (closed := _only_closed(journal, store)):
        _close(journal, reason, *closed, as_json=as_json)
        return
    if History(journal.records).past_no_return:
        raise HeldError(
            "the run is past its point of no return: only forward",
            where=f"run {run}",
            next_step=f"aurops runs resume {run}",
        )
    asked = _ask(store, journal, RequestKind.ABORT, reason)
    if asked.process:
        _tell_asked(asked, as_json=as_json)
        return
    typer.echo(asked.text, err=as_json)
    result = kinds.resume(journal, store, take_over=False, leap=0, as_json=as_json)
    _tell_restored(run, result, as_json=as_json)


def _only_closed(journal: Journal, store: Store) -> tuple[str, str] | None:
    """Why nobody can take a run up any more, and what it ends as; None: somebody can."""
    if kinds.is_gone(journal):
        return "it was a rehearsal, and its platforms are gone", "given up"
    if newer := kinds.overtaken_by(journal, store, RealClock()):
        return f"run {newer} has acted on its service since", "overtaken"
    return None


def _close(journal: Journal, reason: str, why: str, outcome: str, *, as_json: bool) -> None:
    """End a run that nobody can take up, and what it has running here."""
    kinds.leave(journal)
    journal.append(RecordKind.NOTE, {"text": f"closed by {getpass.getuser()}, nothing was called: {why}; {reason}"})
    journal.append(RecordKind.FINISHED, {"outcome": outcome})
    text = f"closed: run {journal.run}; {why}, so nothing was called"
    typer.echo(ending_json(journal.run, outcome, why) if as_json else text)


@app.command()
def skip(
    run: Run,
    step: Annotated[str, typer.Argument(metavar="STEP", help="The step's name.")],
    *,
    reason: Reason,
    later: Annotated[bool, typer.Option("--later", help="It is a step that was not called yet.")] = False,
    as_json: AsJson = False,
) -> None:
    """Leave one step out."""
    refuse_silence(reason, JOURNALLED)
    store = open_store(default_store_url())
    journal = _unended(store, run)
    called = History(journal.records).tries
    if step.startswith(GATES_OF):
        raise UsageError(
            "nobody skips a gate", where=f"run {run}: {step}", next_step="open it; or begin a new run by another plan"
        )
    if why := kinds.may_not_skip(journal, step):
        raise UsageError(
            f"nobody leaves this step out: {why}",
            where=f"run {run}: {step}",
            next_step=f"mend what it names, then aurops runs resume {run}; or go back, if it can: "
            f"aurops runs abort {run} --reason …",
        )
    if step not in called and not later:
        raise UsageError(
            f"no step `{step}` was called in this run",
            where=f"run {run}",
            allowed=", ".join(f"`{name}`" for name in called) or "none was called yet",
            next_step="for one that comes later: --later, with the name as the plan spells it (--dry-run)",
        )
    _tell_asked(_ask(store, journal, RequestKind.SKIP, reason, step), as_json=as_json)


def _tell_restored(run: str, result: Result, *, as_json: bool) -> None:
    if result.ending is Ending.RESTORED:
        typer.echo(ending_json(run, result.ending, result.why) if as_json else f"restored: run {run}")


@dataclass(frozen=True)
class Asked:
    """A request that was left.

    Args:
        run: The run that it is for.
        kind: What it is asked to do.
        step: The step that it is about; None: it is about none.
        process: Who acts on the run, and will see it; empty: nobody does.
    """

    run: str
    kind: RequestKind
    step: str | None
    process: str

    @property
    def text(self) -> str:
        """For people."""
        asked = f"asked {self.run} to {self.kind.value}"
        if not self.process:
            return f"{asked}; no process acts on it: whoever takes it up obeys first"
        return (
            f"{asked}; {self.process} looks before each stage. "
            f"If it cannot act any more: aurops runs resume {self.run} --take-over, which obeys first"
        )


def _tell_asked(asked: Asked, *, as_json: bool) -> None:
    step = {"step": asked.step} if asked.step else {}
    document = {"run": asked.run, "asked": asked.kind.value, **step, "process": asked.process}
    typer.echo(json.dumps(document) if as_json else asked.text)


def _ask(store: Store, journal: Journal, kind: RequestKind, reason: str, step: str | None = None) -> Asked:
    """Leave a request for whoever acts on the run now, or takes it up next."""
    run = journal.run
    seen_n = History(journal.records).requests_seen
    requests.ask(store, run, kind, who=getpass.getuser(), reason=reason, clock=RealClock(), step=step, above_n=seen_n)
    return Asked(run, kind, step, _process(_acting(store, journal)))


def _process(acting: LeaseRecord | None) -> str:
    """The process that acts, in words; empty: none does."""
    return f"pid {acting.holder.pid} on {acting.holder.host}" if acting else ""


def _acting(store: Store, journal: Journal) -> LeaseRecord | None:
    """Who acts on this run now, as far as can be known from here."""
    return Lease(store, kind_of(journal).service_of(journal), RealClock()).acting(journal.run)


def _unended(store: Store, run: str) -> Journal:
    """The journal of a run that can still be steered."""
    _known(store, run)
    journal = Journal.open(store, run, RealClock())
    if outcome := History(journal.records).finished:
        raise UsageError(f"the run has ended: {outcome}", where=f"run {run}", next_step=f"aurops runs show {run}")
    return journal


def _open(run: str) -> Journal:
    store = open_store(default_store_url())
    _known(store, run)
    return Journal.open(store, run, RealClock())


def _known(store: Store, run: str) -> None:
    if run in list_runs(store):
        return
    away = break_glass.holds(run)
    next_step = f"it went on without the store: aurops runs bring-back {run}" if away else "aurops runs list"
    raise UsageError(f"there is no run `{run}`", where=store.url, next_step=next_step)
