"""`aurops failover-test`: do a fault on purpose, judge the answer, measure."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aurops.clock import RealClock
from aurops.errors import AnswerIsNoError, AuropsError, HeldError, OutsideError, UsageError
from aurops.report import Verdict
from aurops.runner import Ending
from aurops.store import default_store_url, open_store
from failover import experiments
from failover.drill import Drill, DrillOrder, conclude
from failover.drill_report import report
from failover.experiments import RTO_S, Experiment, Load, Objectives
from failover.faults import FAULTS, fault_named
from runbooks import campaign
from runbooks.kinds import refuse_without_store
from runbooks.outputs import check_writable
from runbooks.stopping import shielded
from runbooks.terminal import Timeline, timeline, verdict
from testbeds.local import bed as beds
from testbeds.local.drillbed import LocalDrillBed
from testbeds.local.layout import BORN_PRIMARY, REGIONS
from testbeds.local.mechanisms import lacking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aurops.journal import Journal
    from aurops.runner import Result
    from aurops.store import Store
    from testbeds.local.state import BedState

app = typer.Typer(name="failover-test", add_completion=False, rich_markup_mode=None)
IDLE_S = 300.0
"""A bed whose drill was killed or paused ends after so many seconds."""

ExperimentFile = Annotated[
    Path | None, typer.Option("--experiment", help="A file that says fault, region, load and objectives.")
]
Fault = Annotated[
    str | None, typer.Option(help=f"{', '.join(FAULTS)}; kill when not given.", autocompletion=lambda: list(FAULTS))
]
Region = Annotated[
    str | None, typer.Option(help=f"Where; a new bed serves in {BORN_PRIMARY}, which most faults are for.")
]
Rto = Annotated[float | None, typer.Option(help="Longest time to recover, in seconds; 3 when not given.", min=0)]
Rpo = Annotated[int | None, typer.Option(help="Acknowledged writes that may be lost; 0 when not given.", min=0)]
Rate = Annotated[float | None, typer.Option(help="Client writes per second; 60 when not given.", min=20, max=1000)]
Seed = Annotated[int | None, typer.Option(help="Of the clients' arrivals; 1 when not given.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON on standard output.")]
ReportFile = Annotated[Path | None, typer.Option("--report", help="Write the HTML report to this file.")]
Runs = Annotated[
    int | None, typer.Option(help="A campaign: so many drills with random faults, regions, load, moments.", min=1)
]
JUnitFile = Annotated[Path | None, typer.Option("--junit", help="Write a campaign's result as JUnit XML.")]


@app.command()
def failover_test(  # noqa: PLR0913 (each an option)
    *,
    experiment: ExperimentFile = None,
    fault: Fault = None,
    region: Region = None,
    rto: Rto = None,
    rpo: Rpo = None,
    rate: Rate = None,
    seed: Seed = None,
    as_json: AsJson = False,
    report_file: ReportFile = None,
    runs: Runs = None,
    junit: JUnitFile = None,
) -> None:
    """Bring a bed up, do a fault to it for real, judge the answer, measure from the clients' ledger, end the bed.

    With --runs many times: each drill's seed repeats it alone, and bounds say what they prove together.
    """
    asked = {"fault": fault, "region": region, "rto": rto, "rpo": rpo, "rate": rate, "seed": seed}
    options = {name: value for name, value in asked.items() if value is not None}
    check_writable("--report", report_file)
    check_writable("--junit", junit)
    store = open_store(default_store_url())
    if runs is not None:
        _campaign(runs, experiment, options, store, campaign.Outputs(as_json, junit, report_file))
        return
    if junit is not None:
        raise UsageError("JUnit XML is a campaign's", where="--junit", next_step="give --runs too")
    order = _order(experiment, options)
    _check_possible(order.fault)
    with timeline() as told:
        told.tell("bringing up three regions")
        bed = _bring_up(order)
        result, drill = _conduct(bed, replace(order, bed=bed.id), store, told)
    _conclude(result, drill, bed, as_json=as_json, report_file=report_file)


def _check_possible(fault: str) -> None:
    """A drill that cannot be done here is skipped, and skipped is not passed.

    Raises:
        OutsideError: What is lacking.
    """
    if why := lacking(fault):
        rights = fault_named(fault).rights
        raise OutsideError(f"skipped: `{fault}` cannot be done here: {why}", where=f"--fault {fault}", next_step=rights)


def _bring_up(order: DrillOrder) -> BedState:
    """A bed with what the fault needs."""
    named = fault_named(order.fault)
    return beds.up(idle_s=IDLE_S, linked=named.linked, limited=order.region if named.limited else None)


def _campaign(
    runs: int, file: Path | None, options: Mapping[str, Any], store: Store, outputs: campaign.Outputs
) -> None:
    """Many drills.

    Raises:
        UsageError: What a campaign draws was given.
    """
    drawn = ["--experiment"] * (file is not None) + [f"--{name}" for name in ("region", "rate") if name in options]
    if drawn:
        raise UsageError(
            "a campaign draws that itself",
            where=", ".join(drawn),
            allowed="--fault, --seed, --rto, --rpo, or no --runs",
        )
    if "fault" in options:
        _check_possible(fault_named(options["fault"]).name)
    order = campaign.Order(
        runs, options.get("seed", 1), options.get("rto", RTO_S), options.get("rpo", 0), options.get("fault")
    )

    def conduct(order: DrillOrder, told: Timeline) -> tuple[Result, Drill, BedState]:
        bed = _bring_up(order)
        result, drill = _conduct(bed, replace(order, bed=bed.id), store, told)
        return result, drill, bed

    with timeline() as told:
        campaign.run(order, conduct, store, told, outputs)


def _order(file: Path | None, options: Mapping[str, Any]) -> DrillOrder:
    """What is asked: by a file, or by options, which say the same in short.

    Raises:
        UsageError: Both were given, or what is asked cannot be done.
    """
    if file is not None and options:
        given = ", ".join(f"--{name}" for name in options)
        raise UsageError("the experiment says it all", where=f"--experiment, {given}", allowed="one or the other")
    experiment = experiments.read(file) if file else _shorthand(options)
    where = "" if file is None else str(file)
    return experiment.order(regions=REGIONS, serving=BORN_PRIMARY, where=where)


def _shorthand(options: Mapping[str, Any]) -> Experiment:
    load = {key: options[name] for name, key in (("rate", "rate_per_s"), ("seed", "seed")) if name in options}
    objectives = {key: options[name] for name, key in (("rto", "rto_s"), ("rpo", "rpo")) if name in options}
    return Experiment(
        fault=options.get("fault", "kill"),
        region=options.get("region"),
        load=Load(**load),
        objectives=Objectives(**objectives),
    )


def service_of(journal: Journal) -> str:
    """A drill acts under a lease of its own; only the failover in it touches the service."""
    return journal.run


def resume(journal: Journal, store: Store, *, take_over: bool, leap: int, as_json: bool) -> Result:
    """Finish a drill that was killed, paused or halted, or close it when its bed is gone; print the verdict.

    Raises:
        AnswerIsNoError: It proved nothing, or missed its limits.
        HeldError: It was stopped again, or another process is at it.
    """
    refuse_without_store(journal, leap)
    order = DrillOrder.of(journal)
    bed = next((bed for bed in beds.beds() if bed.id == order.bed), None)
    if bed is None:
        why = f"its bed {order.bed} is gone, and the clients' ledger with it"
        conclude(store, RealClock(), journal.run, why)
        raise AnswerIsNoError(f"INCONCLUSIVE: {why}", where=f"run {journal.run}", next_step="aurops failover-test")
    beds.touch(bed)
    with timeline() as told:
        result, drill = _conduct(bed, order, store, told, journal, take_over=take_over)
    if result.ending is not Ending.RESTORED:
        _conclude(result, drill, bed, as_json=as_json)
    return result


def _conduct(
    bed: BedState,
    order: DrillOrder,
    store: Store,
    told: Timeline,
    journal: Journal | None = None,
    *,
    take_over: bool = False,
) -> tuple[Result, Drill]:
    """Run what is left, then end the bed; it stays when the run can go on, or is another's."""
    drill_bed: LocalDrillBed | None = None
    drill: Drill | None = None
    stays, why = False, "it was given up, and its bed was ended"
    try:
        told.tell(f"bed {bed.id} is up after {bed.up_s:.1f} s" if journal is None else f"going on with bed {bed.id}")
        drill_bed = LocalDrillBed(bed, RealClock())
        told.watch(drill_bed.ledger_file, drill_bed.loaded)
        drill = Drill(
            drill_bed, order, store=store, clock=RealClock(), tell=told.tell, listener=told.hear, journal=journal
        )
        result = drill.run(take_over=take_over)
        stays, why = result.ending in (Ending.PAUSED, Ending.HALTED), result.why or why
    except HeldError:
        stays = True  # somebody else is at it
        raise
    finally:
        with shielded():
            if not stays:
                told.tell(f"ending bed {bed.id}")
                _end(bed, drill_bed)
                if drill is not None and drill.result is None:
                    _close(drill.journal, store, why)
            if drill_bed is not None:
                drill_bed.close()
    return result, drill


def _end(bed: BedState, drill_bed: LocalDrillBed | None) -> None:
    try:
        if drill_bed is not None:
            drill_bed.undo_fault()
    finally:
        beds.down(bed)


def _close(journal: Journal, store: Store, why: str) -> None:
    with suppress(AuropsError):  # whoever comes later finds the bed gone, and closes it then
        conclude(store, RealClock(), journal.run, why)


def _conclude(
    result: Result,
    drill: Drill,
    bed: BedState,
    *,
    as_json: bool = False,
    report_file: Path | None = None,
) -> None:
    """Print the verdict.

    Raises:
        AnswerIsNoError: It is not `passed`.
        HeldError: A person stopped it, or is needed.
        OutsideError: It is stuck.
    """
    run = drill.journal.run
    if drill.result is None:
        kind = OutsideError if result.ending is Ending.STUCK else HeldError
        next_step = f"aurops runs show {run}"
        if result.ending in (Ending.PAUSED, Ending.HALTED):
            next_step = f"aurops runs resume {run}, within {IDLE_S:g} s: then its bed ends"
        raise kind(f"the drill ended as {result.ending}: {result.why}", where=f"run {run}", next_step=next_step)
    made = report(drill.result, versions=bed.versions)
    if report_file is not None:
        report_file.write_text(made.to_html(), encoding="utf-8")
    typer.echo(made.to_json() if as_json else verdict(made, report_file), nl=False)
    if made.verdict is not Verdict.PASSED:
        raise AnswerIsNoError(made.because, where=f"run {run}", next_step=f"aurops runs show {run}")
