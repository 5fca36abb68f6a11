"""`aurops failover-test`: lose a region on purpose and measure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from aurops.clock import RealClock
from aurops.errors import AnswerIsNoError, UsageError
from aurops.store import default_store_url, open_store
from failover.drill import Drill, DrillOrder, DrillResult
from failover.drill_report import report
from failover.faults import FAULTS, fault_named
from runbooks.stopping import shielded
from runbooks.terminal import Timeline, timeline, verdict
from testbeds.local import bed as beds
from testbeds.local.drillbed import LocalDrillBed

app = typer.Typer(name="failover-test", add_completion=False, rich_markup_mode=None)

Fault = Annotated[str, typer.Option(help=f"{' or '.join(FAULTS)}.", autocompletion=lambda: list(FAULTS))]
Region = Annotated[str, typer.Option(help="The region to lose: the one that serves, north in a new bed.")]
Rto = Annotated[float, typer.Option(help="Longest time to recover, in seconds.", min=0)]
Rpo = Annotated[int, typer.Option(help="Acknowledged writes that may be lost.", min=0)]
Rate = Annotated[float, typer.Option(help="Client writes per second.", min=20, max=1000)]
Seed = Annotated[int, typer.Option(help="Of the clients' arrivals.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the report as JSON on standard output.")]
ReportFile = Annotated[Path | None, typer.Option("--report", help="Write the HTML report to this file.")]


@app.command()
def failover_test(  # noqa: PLR0913 (each an option)
    *,
    fault: Fault = "kill",
    region: Region = "north",
    rto: Rto = 3.0,
    rpo: Rpo = 0,
    rate: Rate = 60.0,
    seed: Seed = 1,
    as_json: AsJson = False,
    report_file: ReportFile = None,
) -> None:
    """Bring a bed up, lose a region of it for real, measure RTO and RPO from the clients' ledger, end the bed."""
    fault_named(fault)
    if region != "north":
        raise UsageError(f"region `{region}` does not serve in a new bed", where="--region", allowed="north")
    if report_file is not None:
        _check_writable(report_file)
    with timeline() as told:
        result, versions = _run(told, fault, region, rate_per_s=rate, seed=seed)
    made = report(result, fault=fault, region=region, rto_limit_s=rto, rpo_limit=rpo, versions=versions)
    if report_file is not None:
        report_file.write_text(made.to_html(), encoding="utf-8")
    typer.echo(made.to_json() if as_json else verdict(made, report_file), nl=False)
    if made.verdict.value != "passed":
        raise AnswerIsNoError(made.because, where=f"run {result.run}", next_step=f"aurops runs show {result.run}")


def _check_writable(file: Path) -> None:
    """Find out before the drill, not after it.

    Raises:
        UsageError: The report cannot be written there.
    """
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.open("a").close()
    except OSError as error:
        raise UsageError(f"the report cannot be written: {error.strerror}", where=f"--report {file}") from error


def _run(
    told: Timeline, fault: str, region: str, *, rate_per_s: float, seed: int
) -> tuple[DrillResult, dict[str, str]]:
    clock = RealClock()
    store = open_store(default_store_url())
    told.tell("bringing up three regions")
    bed = beds.up(idle_s=300)
    try:
        told.tell(f"bed {bed.id} is up after {bed.up_s:.1f} s")
        drill_bed = LocalDrillBed(bed, clock)
        told.watch(drill_bed.ledger_file, drill_bed.loaded)
        try:
            order = DrillOrder(
                fault, region, tuple(bed.agents), rate_per_s=rate_per_s, seed=seed, about={"bed": bed.id}
            )
            return Drill(
                drill_bed, order, store=store, clock=clock, tell=told.tell, listener=told.hear
            ).run(), bed.versions
        finally:
            drill_bed.close()
    finally:
        with shielded():
            told.tell(f"ending bed {bed.id}")
            beds.down(bed)
