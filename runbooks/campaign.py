"""`aurops failover-test --runs N`: many drills with random faults, and what they prove together."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import typer

from aurops.clock import RealClock
from aurops.errors import AnswerIsNoError, HeldError, OutsideError
from aurops.history import History
from aurops.journal import readable
from aurops.report import Verdict, seconds
from aurops.runner import Ending
from failover.campaign import CampaignReport, Draw, Trial, draw, scores
from failover.campaign_output import html, junit, repeat
from failover.drill_report import report as drill_report
from failover.experiments import Experiment, Load, Objectives, Steady
from failover.faults import FAULTS, Answer
from runbooks.stopping import Stopped
from runbooks.terminal import Timeline
from testbeds.local import processes
from testbeds.local.layout import BORN_PRIMARY, REGIONS
from testbeds.local.mechanisms import lacking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from aurops.journal import Record
    from aurops.runner import Result
    from aurops.store import Store
    from failover.drill import Drill, DrillOrder
    from testbeds.local.state import BedState

    Conduct = Callable[[DrillOrder, Timeline], tuple[Result, Drill, BedState]]


class Quiet(Timeline):
    """Hears what a drill tells and prints none of it: a campaign says one line for each."""

    def tell(self, text: str) -> None:
        """Nothing."""

    def hear(self, record: Record) -> None:
        """Nothing."""


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a campaign's result goes.

    Args:
        as_json: As JSON on standard output.
        junit: JUnit XML for a CI; None: none.
        html: A page for people; None: none.
    """

    as_json: bool
    junit: Path | None
    html: Path | None


@dataclass(frozen=True, slots=True)
class Order:
    """What a campaign is to do.

    Args:
        runs: So many drills.
        seed: Of the first.
        rto_s: Longest RTO that passes, in seconds.
        rpo: Acknowledged writes that may be lost.
        fault: Only this one; None: all.
    """

    runs: int
    seed: int
    rto_s: float
    rpo: int
    fault: str | None = None


def run(order: Order, conduct: Conduct, store: Store, told: Timeline, outputs: Outputs) -> None:
    """Do the drills, one after another, and say what they prove; Ctrl-C says what those prove that were done.

    Args:
        order: What to do.
        conduct: Brings a bed up, does one drill on it, ends the bed.
        store: Holds the runs.
        told: Told one line for each drill.
        outputs: Where the result goes.

    Raises:
        AnswerIsNoError: A drill failed, or none proved anything.
        HeldError: A person halted the drills.
    """
    trials: list[Trial] = []
    versions: dict[str, str] = {}
    ended: Stopped | HeldError | None = None
    try:
        for trial, known in _trials(order, conduct):
            trials.append(trial)
            versions = known or versions
            told.tell(f"{len(trials)} of {order.runs}: {_line(trial)}")
    except (Stopped, HeldError) as stop:
        ended = stop
    report = CampaignReport(
        seed=order.seed,
        asked=order.runs,
        trials=tuple(trials),
        skipped={} if order.fault else {name: why for name in FAULTS if (why := lacking(name))},
        rto_limit_s=order.rto_s,
        scores=scores(_past(store)),
        versions=versions,
        stopped=str(ended) if ended else "",
    )
    _write(report, outputs)
    if ended is not None:
        raise ended
    if report.verdict is not Verdict.PASSED:
        failed = report.first_failing
        raise AnswerIsNoError(report.because, next_step=repeat(failed) if failed else "aurops failover-test --runs 1")


def places(only: str | None) -> Mapping[str, Sequence[str]]:
    """For each fault that can be done here the regions of a new bed where it makes sense."""
    standbys = [region for region in REGIONS if region != BORN_PRIMARY]
    return {
        name: [*([BORN_PRIMARY] if fault.serving else []), *(standbys if fault.standby else [])]
        for name, fault in FAULTS.items()
        if only in (None, name) and not lacking(name)
    }


def _trials(order: Order, conduct: Conduct) -> Iterator[tuple[Trial, dict[str, str]]]:
    """Each drill, with the versions of what it ran on.

    Raises:
        HeldError: A person halted it.
    """
    drawable = places(order.fault)
    for number in range(order.runs):
        drawn = draw(order.seed, number, drawable)
        clock = RealClock()
        begun_s = clock.now_s()
        blank = Trial(
            seed=drawn.seed,
            fault=drawn.fault,
            region=drawn.region,
            rate_per_s=drawn.rate_per_s,
            verdict=Verdict.INCONCLUSIVE,
            because="",
        )
        try:
            result, drill, bed = conduct(_experiment(drawn, order), Quiet())
        except OutsideError as error:
            trial, versions = _with(blank, because=error.what), {}
        else:
            trial, versions = _judged(blank, result, drill, bed), bed.versions
        yield _with(trial, took_s=clock.now_s() - begun_s), versions


def _with(trial: Trial, **changes: object) -> Trial:
    """The same with these changes."""
    return trial.model_copy(update=changes)


def _experiment(drawn: Draw, order: Order) -> DrillOrder:
    serves = drawn.region == BORN_PRIMARY
    due = FAULTS[drawn.fault].case(serves=serves).answer is Answer.FAIL_OVER
    experiment = Experiment(
        fault=drawn.fault,
        region=drawn.region,
        load=Load(rate_per_s=drawn.rate_per_s, seed=drawn.seed),
        objectives=Objectives(rto_s=order.rto_s if due else None, rpo=order.rpo),
        steady=Steady(before_s=drawn.steady_s),
    )
    return replace(experiment.order(regions=REGIONS, serving=BORN_PRIMARY), seed=drawn.seed)


def _judged(blank: Trial, result: Result, drill: Drill, bed: BedState) -> Trial:
    """What a drill that came to an end proves.

    Raises:
        HeldError: A person paused or halted it.
    """
    if result.ending in (Ending.PAUSED, Ending.HALTED):
        raise HeldError(f"the campaign was stopped: {result.why}", where=f"run {drill.journal.run}")
    left = tuple(str(one.pid) for one in processes.find(bed.id)) + ((str(bed.folder),) if bed.folder.exists() else ())
    if drill.result is None:
        why = f"the drill ended as {result.ending.value}: {result.why}"
        return _with(blank, run=drill.journal.run, verdict=Verdict.FAILED, because=why, leftovers=left)
    made = drill_report(drill.result, versions=bed.versions)
    measured = drill.result.measurement
    due = drill.result.order.case.answer is Answer.FAIL_OVER
    verdict, because = made.verdict, made.because
    if left and verdict is Verdict.PASSED:
        verdict, because = Verdict.FAILED, f"something was left of its bed: {', '.join(left)}"
    return _with(
        blank,
        run=made.run,
        verdict=verdict,
        because=because,
        rto_s=measured.rto_s if due else None,
        acknowledged=measured.totals.ok,
        lost=measured.rpo_count,
        older_epoch=len(measured.split_brain_ids),
        needless=drill.result.is_needless,
        leftovers=left,
    )


def _past(store: Store) -> Iterator[tuple[str, str, Verdict]]:
    """Every drill in the store that was measured, oldest first: when it began, its run, its verdict."""
    for journal in sorted(readable(store, RealClock()), key=lambda journal: journal.records[0].at):
        history = History(journal.records)
        said = history.results.get("measure", {}).get("verdict")
        if history.kind == "measure" and said is not None:
            yield journal.records[0].at, journal.run, Verdict(str(said))


def _line(trial: Trial) -> str:
    rto = "" if trial.rto_s is None else f", RTO {seconds(trial.rto_s)}"
    why = "" if trial.verdict is Verdict.PASSED else f": {trial.because}"
    return f"{trial.fault} in {trial.region} (seed {trial.seed}): {trial.verdict.value}{rto}{why}"


def _write(report: CampaignReport, outputs: Outputs) -> None:
    if outputs.junit is not None:
        outputs.junit.write_text(junit(report), encoding="utf-8")
    if outputs.html is not None:
        outputs.html.write_text(html(report), encoding="utf-8")
    if outputs.as_json:
        said = {"verdict": report.verdict.value, "because": report.because}
        bounds = {name: bound.model_dump() for name, bound in report.bounds.items()}
        rows = [row.model_dump() for row in report.rows]
        body = report.model_dump(mode="json", by_alias=True)
        typer.echo(json.dumps(said | {"bounds": bounds, "faults": rows} | body, indent=2))
        return
    typer.echo(_text(report, outputs))


def _text(report: CampaignReport, outputs: Outputs) -> str:
    lines = [f"{report.verdict.value.upper()}: {report.because}"]
    width = max(len(name) for name in report.bounds)
    for name, bound in report.bounds.items():
        at_most = f"at most {bound.at_most:.1%}, anytime {bound.at_most_anytime:.1%}"
        lines.append(f"  {name:<{width}}  {bound.times} of {bound.trials} ({at_most})")
    for row in report.rows:
        rto = f", RTO median {seconds(row.rto_median_s)}, max {seconds(row.rto_max_s)}" if row.rtos_s else ""
        unsure = f", {row.inconclusive} inconclusive" if row.inconclusive else ""
        lines.append(f"  {row.fault:<{width}}  {row.passed} passed, {row.failed} failed{unsure}{rto}")
    if report.scores:
        lines.append(
            f"  {'resilience score':<{width}}  {report.scores[-1].score:g} of 100 ({len(report.scores)} drills)"
        )
    if failed := report.first_failing:
        lines.append(f"  {'first that failed':<{width}}  {_line(failed)}\n  {'':<{width}}  alone: {repeat(failed)}")
    lines += [f"  {'written':<{width}}  {file}" for file in (outputs.html, outputs.junit) if file is not None]
    return "\n".join(lines)
