"""A drill's result in the report's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from aurops.journal import RecordKind
from aurops.report import DecisionRow, Mark, Report, StepRow, Verdict
from aurops.runner import Ending
from failover.measurement import Objective
from failover.summary import figures, requests, series

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aurops.journal import Record
    from failover.drill import DrillResult


def report(
    result: DrillResult, *, fault: str, region: str, rto_limit_s: float, rpo_limit: int, versions: dict[str, str]
) -> Report:
    """The report of one drill; times are seconds since t0, the first signal of the fault."""
    detection_s = result.detected.detected_at_s - result.t0_s
    told = figures(result.measurement, rto_limit_s=rto_limit_s, rpo_limit=rpo_limit, detection_s=detection_s)
    verdict, because = _verdict(result, [figure.name for figure in told if figure.met is False])
    return Report(
        title=f"{region} lost by {fault}",
        run=result.run,
        made_at=datetime.now(UTC),
        verdict=verdict,
        because=because,
        summary=f"Every process of {region} was hit by {fault} under load; {result.serving} serves now.",
        objectives=told,
        steps=tuple(_steps(result.failover, result.t0_s)),
        decisions=tuple(_decisions(result.failover, result.t0_s)),
        requests=requests(result.measurement),
        series=series(result.ledger, result.t0_s, Objective()),
        marks=(
            Mark(at_s=result.effective_s - result.t0_s, name="fault proved"),
            Mark(at_s=detection_s, name="detected"),
        ),
        notes=_notes(result, region),
        versions=versions,
        journal_head=result.head_hash,
    )


def _verdict(result: DrillResult, missed: list[str]) -> tuple[Verdict, str]:
    measurement = result.measurement
    if not result.conclusive:
        return Verdict.INCONCLUSIVE, f"the clients' ledger cannot bear a verdict: {measurement.recovery.value}"
    if measurement.rpo_count is None:
        return Verdict.INCONCLUSIVE, "the database could not be read back"
    if measurement.split_brain_ids:
        return Verdict.FAILED, f"{len(measurement.split_brain_ids)} writes were acknowledged by an older epoch"
    if missed or measurement.rto_s is None:
        return Verdict.FAILED, f"missed: {', '.join(missed) or 'the service did not come back'}"
    if result.reprotected.ending is not Ending.DONE:
        return Verdict.FAILED, f"the lost region did not come back as a standby: {result.reprotected.why}"
    return Verdict.PASSED, f"the service came back in {measurement.rto_s:.2f} s with every acknowledged write"


def _steps(records: Iterable[Record], t0_s: float) -> Iterable[StepRow]:
    begun: dict[str, Record] = {}
    calls: dict[str, int] = {}
    for record in records:
        name = str(record.data.get("step", ""))
        if record.kind is RecordKind.INTENT:
            begun.setdefault(name, record)
            calls[name] = calls.get(name, 0) + 1
        elif record.kind is RecordKind.RESULT and name in begun:
            first = begun.pop(name)
            yield StepRow(
                name=name,
                stage=str(first.data["stage"]),
                start_s=first.at_s - t0_s,
                end_s=record.at_s - t0_s,
                retries=calls[name] - 1,
                outcome=str(record.data["outcome"]),
                reason=str(record.data.get("error") or first.data["reason"]),
            )


def _decisions(records: Iterable[Record], t0_s: float) -> Iterable[DecisionRow]:
    for record in records:
        if record.kind is RecordKind.DECISION:
            yield DecisionRow(
                at_s=record.at_s - t0_s,
                name=str(record.data["name"]),
                value=str(record.data["value"]),
                reason=str(record.data["reason"]),
            )


def _notes(result: DrillResult, region: str) -> tuple[str, ...]:
    return (
        f"t0 is the first signal sent; the fault was proved {result.effective_s - result.t0_s:.3f} s later.",
        f"Detection: {result.detected.text}",
        f"{region} came back as a standby: {result.reprotected.ending.value}.",
        f"The failover's own run is {result.failover_run}.",
        "A time-out is counted as info: nobody knows whether that write was executed.",
    )
