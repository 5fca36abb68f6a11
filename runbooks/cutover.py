"""`aurops cutover FILE`: move traffic from V10 to V11 by a plan; `aurops cutover release FILE` after a rollback."""

from __future__ import annotations

import getpass
import json
import os
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from aurops import documents
from aurops.clock import RealClock
from aurops.errors import AnswerIsNoError, AuropsError, UsageError
from aurops.history import History
from aurops.journal import Journal, readable
from aurops.ports import not_connected
from aurops.runner import Ending
from aurops.store import default_store_url, open_store
from migration import cutover_file, execute
from migration.beside import Beside, held_for
from migration.cutover import BACK, KIND, PAST_NO_RETURN, ROLLED_BACK, never_skipped
from migration.laying import Laying
from migration.model import World
from migration.outline import outline, timetable
from migration.probing import Probes
from migration.proxies import Proxies, check_sides
from migration.readiness import check
from runbooks.combinations import refuse_beside, refuse_without
from runbooks.cutover_reports import report_of, write_report
from runbooks.kinds import LetGo, refuse_without_store
from runbooks.outputs import check_writable
from runbooks.telling import listening
from runbooks.terminal import confirm, ended, timeline
from runbooks.timetables import plan_json, plan_text
from traffic import heartbeat
from traffic.dialects import open_driver
from traffic.site import Site

if TYPE_CHECKING:
    from aurops.journal import Record
    from aurops.runner import Result
    from aurops.store import Store
    from migration.cutover_file import Cutover
    from runbooks.terminal import Timeline
    from testbeds.local.rehearsal.play import Played

LEAST = "run"


class RunByDefault(TyperGroup):
    """`aurops cutover FILE` is `aurops cutover run FILE`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the default command in where none is named."""
        named = args and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if named or not args else [LEAST, *args])


app = typer.Typer(
    name="cutover",
    cls=RunByDefault,
    help="Move traffic from V10 to V11 by a plan: `aurops cutover FILE` is `aurops cutover run FILE`.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

File = Annotated[Path, typer.Argument(metavar="FILE", help="The plan (YAML): docs/runbooks/cutover.md.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print times, gates, approvals, the point of no return.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay at shut gates, holding nothing, and go on by itself.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
service_of = execute.service_of
"""The lease that a run acts under (`runbooks.kinds.Kind`)."""


ReportFile = Annotated[
    Path | None, typer.Option("--report", help="Write the HTML report to this file when the command ends.")
]
Rehearse = Annotated[bool, typer.Option("--rehearse", help="Play it here in minutes: real proxies, real load.")]
Lasts = Annotated[
    float | None,
    typer.Option("--lasts", help="Of a rehearsal: seconds to the end of phase 3, else 60.", min=10, max=540),
]
LASTS_S = 60.0
"""How long a rehearsal lasts of which nobody says it, seconds."""


@app.command()
def run(  # noqa: PLR0913 (each an option)
    file: File,
    *,
    dry_run: DryRun = False,
    rehearse: Rehearse = False,
    lasts_s: Lasts = None,
    wait: Wait = False,
    as_json: AsJson = False,
    yes: Yes = False,
    report_file: ReportFile = None,
) -> None:
    """Move traffic from V10 to V11: regions, steps, gates.

    Region by region, step by step, each step behind its gates. At a shut gate it ends (exit 4) and holds nothing;
    `aurops runs resume RUN` goes on, with --wait by itself.
    """
    if rehearse:
        others = {"--dry-run": dry_run, "--wait": wait, "--yes": yes}
        refuse_beside("--rehearse", others, "it plays the plan here, to its end, and asks nobody")
        _rehearse(file, lasts_s or LASTS_S, report_file, as_json=as_json)
        return
    refuse_without("--rehearse", {"--lasts": lasts_s})
    _carry_out(file, report_file, dry_run=dry_run, wait=wait, as_json=as_json, yes=yes)


@app.command()
def release(
    file: File,
    *,
    dry_run: DryRun = False,
    wait: Wait = False,
    as_json: AsJson = False,
    yes: Yes = False,
    report_file: ReportFile = None,
) -> None:
    """After a rollback: begin again by a new plan.

    It takes away just the latches that hold now, once people have approved that.
    """
    _carry_out(file, report_file, dry_run=dry_run, wait=wait, as_json=as_json, yes=yes, releases=True)


@app.command("report")
def report_(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run's id; `aurops runs list` shows them.")],
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Where the HTML goes.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Write the report of a cutover: HTML or JSON.

    It is made from the run's journal, as that stands now: HTML to FILE, or with --json to standard output.
    """
    if file is None and not as_json:
        raise UsageError("nothing to write", where="FILE", next_step="give a file for HTML, or --json")
    check_writable("FILE", file)
    store = open_store(default_store_url())
    made = report_of(Journal.open(store, run, RealClock()), store)
    if file is not None:
        file.write_text(made.to_html(), encoding="utf-8")
    typer.echo(made.to_json() if as_json else f"{made.verdict.value}: {made.because}\n  report  {file}\n", nl=False)


def _carry_out(
    file: Path, report_file: Path | None, *, dry_run: bool, wait: bool, as_json: bool, yes: bool, releases: bool = False
) -> None:
    if dry_run:
        refuse_beside("--dry-run", {"--wait": wait, "--yes": yes, "--report": report_file}, "it begins nothing")
    check_writable("--report", report_file)
    clock = RealClock()
    cutover, signers = cutover_file.read(file)
    if dry_run:  # the plan can be read where it cannot be carried out; what is missing there follows
        _print_plan(cutover, file, as_json=as_json, releases=releases)
    if releases:
        _refuse_unexplained(cutover, file)
    check(cutover, signers, str(file), now=clock.wall(), env=os.environ)
    if dry_run:
        return
    target = _target(cutover)
    execute.check_start(cutover, World(clock.wall(), target.observe()), releases=releases)
    store = open_store(default_store_url())
    _refuse_old_plan(cutover, store) if releases else execute.refuse_second(cutover, store, clock)
    confirm(f"Begin the cutover of {cutover.service}? Traffic moves from {cutover.start.isoformat()} on.", yes=yes)
    journal = execute.begin(store, clock, cutover, signers, releases=releases)
    typer.echo(f"run {journal.run}", err=True)
    with timeline() as told:
        result = _drive(journal, store, told, wait=wait)
    write_report(report_file, journal.run, store)
    ended(journal.run, result, as_json=as_json, ways=_ways_on(journal.run, result))


def _ways_on(run: str, result: Result) -> str:
    """What a person can do with a cutover that goes neither on nor back by itself; empty: as with any other run."""
    if result.ending is Ending.VIOLATION and PAST_NO_RETURN in result.why:
        return f"mend V11, then aurops runs resume {run}"
    if result.ending is Ending.VIOLATION or ROLLED_BACK in result.why:
        return f"aurops cutover report {run} FILE shows what happened; find out why, then: aurops cutover release FILE"
    if result.ending is Ending.STUCK and f" {BACK}`" in result.why:
        return (
            "mend what it names: each proxy must answer, for this run may have moved weights there, or a rehearsal "
            f"of it may have left a latch; then aurops runs resume {run}. Of a proxy that is gone for good: "
            f'`aurops runs skip {run} "shift PROXY {BACK}" --reason …`, resume'
        )
    return ""


def _rehearse(file: Path, lasts_s: float, report_file: Path | None, *, as_json: bool) -> None:
    """Play the plan; exit 1 when it did not pass.

    Raises:
        AnswerIsNoError: The run did not reach its end, or clients lost something.
    """
    from testbeds.local.rehearsal.play import play  # noqa: PLC0415 (only who rehearses needs the bed)

    check_writable("--report", report_file)
    cutover, _ = cutover_file.read(file)
    store = open_store(default_store_url())
    with timeline() as told:
        played = play(cutover, store, lasts_s=lasts_s, listener=told.hear, tell=told.tell)
    write_report(report_file, played.run, store)
    typer.echo(json.dumps(asdict(played) | {"why_not": played.why_not}) if as_json else _played_text(played, lasts_s))
    if played.why_not:
        raise AnswerIsNoError(f"the rehearsal did not pass: {played.why_not}", where=f"run {played.run}")


def _played_text(played: Played, lasts_s: float) -> str:
    lines = [f"{'NOT PASSED' if played.why_not else 'PASSED'}: the rehearsal of {played.run}"]
    for name, load in played.loads.items():
        lines += [f"  {name}: {load.said}", f"  {name}: {played.sockets[name].said}"]
    lines += [f"  {name}: {capacity.said}" for name, capacity in played.capacities.items()]
    for name, interruption_s in played.interruption_s.items():
        lines.append(f"  {name}: clients without an answer for at most {interruption_s:.2f} s")
    if played.lasted_s is not None:
        late = f", longer than --lasts {lasts_s:g}: this machine is busy" if played.lasted_s > lasts_s else ""
        lines.append(f"  {played.lasted_s:.0f} s from the first percent to the end of phase 3{late}")
    worst = max(played.rollbacks_s, default=0.0)
    lines.append(f"  {len(played.rollbacks_s)} rehearsed rollbacks, the slowest {worst:.3f} s")
    lines.append("  nobody compared data; capacity and watch asked the sides of this machine")
    return "\n".join([*lines, *(f"  not played: {each}" for each in played.left_out)])


def _drive(journal: Journal, store: Store, told: Timeline, *, wait: bool, take_over: bool = False) -> Result:
    clock = RealClock()
    cutover = execute.cutover_of(History(journal.records))
    folders = [documents.load(Path(path), Site).folder for path in cutover.sites.values()]
    with (
        listening(told, journal) as hear,
        heartbeat.Attendance(folders, journal.run, clock) as attendance,
    ):

        def listener(record: Record) -> None:
            attendance.begin()
            hear(record)

        return execute.execute(
            journal,
            _target(cutover, journal.run),
            store=store,
            clock=clock,
            ports=not_connected(clock),
            listener=listener,
            tell=told.tell,
            take_over=take_over,
            wait=wait,
        )


def resume(journal: Journal, store: Store, *, take_over: bool, leap: int, as_json: bool, wait: bool = False) -> Result:
    """Go on with a cutover (`runbooks.kinds.Kind.resume`)."""
    refuse_without_store(journal, leap)
    with timeline() as told:
        result = _drive(journal, store, told, wait=wait, take_over=take_over)
    if result.ending is not Ending.RESTORED:
        ended(journal.run, result, as_json=as_json, ways=_ways_on(journal.run, result))
    return result


def holds(journal: Journal) -> tuple[str, ...]:
    """The proxies that are held for this run, and why; and those that nobody knows of (`runbooks.kinds.Waiting`)."""
    held, nobody_knows = held_for(journal), "a proxy, perhaps, which is not known here"
    return (
        *(f"{proxy}: {latch}" for proxy, latch in held.latched.items()),
        *(f"{proxy}: {hold.who}: {hold.reason}" for proxy, (_, hold) in held.found.items()),
        *(f"{nobody_knows}: {proxy}: {error.what} ({error.where})" for proxy, error in held.unseen.items()),
        *(f"{nobody_knows}: {proxy} is on {host}" for proxy, host in held.elsewhere.items()),
    )


def release_holds(journal: Journal, reason: str) -> LetGo:
    """Let go of them, proxy by proxy (`runbooks.kinds.Waiting`)."""
    held = held_for(journal)
    done, left = list[str](), dict(held.unseen)
    for proxy, (driver, hold) in held.found.items():
        try:
            driver.release_hold(f"{getpass.getuser()}: {reason}")
            done.append(f"{proxy} ({hold.reason})")
        except AuropsError as error:
            left[proxy] = error
    for proxy, why in left.items():
        why.what = f"{proxy} may still be held: {why.what}"
    elsewhere = tuple(f"{proxy} is on {host}" for proxy, host in held.elsewhere.items())
    return LetGo(tuple(done), tuple(left.values()), elsewhere)


def gated(journal: Journal) -> tuple[str, ...]:
    """The stages that have gates (`runbooks.kinds.Waiting`)."""
    history = History(journal.records)
    parts = outline(execute.cutover_of(history), releases=bool(history.arguments["releases"]))
    return tuple(part.name for part in parts if part.gates)


def may_not_skip(journal: Journal, step: str) -> str:
    """Why this step is never left out (`runbooks.kinds.Waiting`)."""
    history = History(journal.records)
    releases = bool(history.arguments["releases"])
    return never_skipped(execute.cutover_of(history), history, journal.run, releases=releases).get(step, "")


def leave(journal: Journal) -> None:
    """End its probes, if they are sent from here (`runbooks.kinds.Waiting`)."""
    Probes(execute.cutover_of(History(journal.records)), journal.run, RealClock()).stop()


def _target(cutover: Cutover, run: str = "") -> Proxies:
    """The proxies of a cutover, on this host.

    Raises:
        UsageError: A site's file is wrong, or a proxy lacks a side.
        OutsideError: A proxy does not answer.
    """
    clock = RealClock()
    sites = {name: documents.load(Path(path), Site) for name, path in cutover.sites.items()}
    drivers = {name: open_driver(site) for name, site in sites.items()}
    if not run:
        check_sides(drivers)
    laying = Laying(cutover, run, drivers, clock)
    beside = Beside(cutover, run, drivers, {name: site.folder for name, site in sites.items()}, clock)
    return Proxies(
        drivers,
        clock,
        who=getpass.getuser(),
        drain_s=cutover.drain_s,
        lay_ready=lambda proxy, within_s: {**laying.lay(within_s), **beside.lay(proxy)},
        elsewhere=laying.rehearse,
        stand_down=laying.stand_down,
        changed=beside.changed,
        cut_off=laying.cut_off,
    )


def _refuse_unexplained(cutover: Cutover, file: Path) -> None:
    """People who approve a release approve a reason, too.

    Raises:
        UsageError: The plan gives none.
    """
    if not cutover.because.strip():
        what = "a plan that releases a rollback says what was found and mended since"
        allowed = "because: a text; approvals cover it, --dry-run and the report show it"
        raise UsageError(what, where=f"{file}: because", allowed=allowed)


def _refuse_old_plan(cutover: Cutover, store: Store) -> None:
    """A latch is released by a new plan, not by the one that was rolled back.

    Raises:
        UsageError: A run had this very plan, but for its start.
    """
    for journal in readable(store, RealClock()):
        history = History(journal.records)
        if history.kind == KIND and _is_plan_of(history, cutover):
            what = "this is the plan that was rolled back, not a new one"
            raise UsageError(what, where=f"run {journal.run}", next_step="change what led to the rollback")


def _is_plan_of(history: History, cutover: Cutover) -> bool:
    """Whether a run had this plan; one that is taken no more is another."""
    with suppress(UsageError):
        return execute.cutover_of(history).model_copy(update={"start": cutover.start}) == cutover
    return False


def _print_plan(cutover: Cutover, file: Path, *, as_json: bool, releases: bool) -> None:
    """Times, gates, approvals, the point of no return.

    Raises:
        UsageError: It cannot be laid out at all.
    """
    try:
        now = RealClock().wall().astimezone(cutover.start.tzinfo)
        rows = timetable(outline(cutover, releases=releases), now)
    except ValueError as cause:
        raise UsageError(str(cause), where=f"{file}: gates", allowed="names that no other gate has") from cause
    typer.echo(plan_json(rows) if as_json else plan_text(cutover, rows))
