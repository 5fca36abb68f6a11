"""A drill's result in the report's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING, Any, cast

from aurops.journal import RecordKind
from aurops.report import DecisionRow, Figure, Mark, Report, StepRow, Verdict
from aurops.runner import Ending
from failover.faults import Event
from failover.measurement import Recovery
from failover.summary import figures, requests, series

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aurops.journal import Record
    from failover.drill import DrillOrder
    from failover.faults import FaultRecord
    from failover.ledger import Ledger
    from failover.measurement import Measurement


@dataclass(frozen=True)
class DrillResult:
    """What a drill gave.

    Args:
        run: The drill's run id.
        order: What was asked.
        fault: What the injector wrote down.
        serving: The region that serves now.
        measurement: What the clients saw.
        ledger: Their ledger.
        failover: How the failover ended, as the drill's journal has it: run, ending, why.
        reprotected: How the lost region came back; empty when that was not tried.
        records: The failover's journal; empty when there was none.
        head_hash: Hash of the drill's last journal record.
    """

    run: str
    order: DrillOrder
    fault: FaultRecord
    serving: str
    measurement: Measurement
    ledger: Ledger
    failover: Mapping[str, Any]
    reprotected: Mapping[str, Any]
    records: tuple[Record, ...]
    head_hash: str = ""

    @property
    def t0_s(self) -> float:
        """When the first signal of the fault was sent."""
        return self.measurement.t0_s

    @property
    def detection_s(self) -> float | None:
        """Seconds from t0 to the quorum's verdict; None when there was none."""
        if not self.records:
            return None
        arguments = cast("dict[str, Any]", self.records[0].data["arguments"])
        return float(arguments["detected_at_s"]) - self.t0_s


def report(result: DrillResult, *, versions: dict[str, str]) -> Report:
    """The report of one drill; times are seconds since t0, the first signal of the fault."""
    order = result.order
    found, because = verdict(result)
    return Report(
        title=f"{order.region} lost by {order.fault}",
        run=result.run,
        made_at=datetime.now(UTC),
        verdict=found,
        because=because,
        summary=f"Every process of {order.region} was hit by {order.fault} under load; {result.serving} serves now.",
        objectives=_figures(result),
        steps=tuple(_steps(result.records, result.t0_s)),
        decisions=tuple(_decisions(result.records, result.t0_s)),
        requests=requests(result.measurement),
        series=series(result.ledger, result.t0_s, order.objective),
        marks=tuple(_marks(result)),
        notes=tuple(_notes(result)),
        versions=versions,
        journal_head=result.head_hash,
    )


def verdict(result: DrillResult) -> tuple[Verdict, str]:
    """What the drill proved, and why. A lost write is a lost write; every other figure needs undoubted evidence."""
    if harm := _harm(result):
        return Verdict.FAILED, harm
    if doubt := _doubt(result):
        return Verdict.INCONCLUSIVE, doubt
    if shortfall := _shortfall(result):
        return Verdict.FAILED, shortfall
    return Verdict.PASSED, f"the service came back in {result.measurement.rto_s:.2f} s with every acknowledged write"


def _harm(result: DrillResult) -> str:
    """What must never happen, whatever else is in doubt; empty when it did not."""
    if doubled := len(result.measurement.split_brain_ids):
        return f"{doubled} writes were acknowledged by an older epoch"
    lost = result.measurement.rpo_count or 0
    return f"missed: RPO ({lost} acknowledged writes are lost)" if lost > result.order.rpo_limit else ""


def _shortfall(result: DrillResult) -> str:
    """What did not go as it should; empty when all did."""
    missed = [figure.name for figure in _figures(result) if figure.met is False]
    if result.failover.get("ending") != Ending.DONE.value:
        return f"the failover ended as {_ending(result.failover)}"
    if missed or result.measurement.rto_s is None:
        return f"missed: {', '.join(missed) or 'the service did not come back'}"
    if result.reprotected.get("ending") != Ending.DONE.value:
        return f"the lost region did not come back as a standby: {_ending(result.reprotected)}"
    return ""


def _doubt(result: DrillResult) -> str:
    """Why the evidence cannot bear a verdict; empty when it can."""
    measurement = result.measurement
    if measurement.recovery not in (Recovery.RECOVERED, Recovery.NOT_RECOVERED):
        return f"the clients' ledger cannot bear a verdict: {measurement.recovery.value}"
    if measurement.rpo_count is None:
        return "the database could not be read back"
    if measurement.steady_before is not True:
        return "the service was not well before the fault, or too few requests show that it was"
    last_s = result.t0_s + measurement.observed_after_s
    if measurement.rto_s is None and result.records and last_s < result.records[-1].at_s + result.order.after_s / 2:
        return "the clients ended before the failover did"
    well_s = last_s if measurement.rto_s is None else result.t0_s + measurement.rto_s
    undone = next((event for event in result.fault.events if event.event is Event.UNDONE), None)
    if undone is not None and undone.at_s < well_s:
        after_s = undone.at_s - result.t0_s
        return f"the fault was undone after {after_s:.2f} s ({undone.reason}), before the service was well again"
    return ""


def _ending(said: Mapping[str, Any]) -> str:
    return ": ".join(str(part) for part in (said.get("ending", "not begun"), said.get("why")) if part)


def _figures(result: DrillResult) -> tuple[Figure, ...]:
    order = result.order
    return figures(
        result.measurement,
        rto_limit_s=order.rto_limit_s,
        rpo_limit=order.rpo_limit,
        detection_s=result.detection_s,
    )


def _steps(records: Iterable[Record], t0_s: float) -> Iterable[StepRow]:
    """One row per step that ended: from its first call to the end of its last."""
    calls: dict[str, list[Record]] = {}
    ends: dict[str, list[Record]] = {}
    for record in records:
        if record.kind is RecordKind.INTENT:
            calls.setdefault(str(record.data["step"]), []).append(record)
        elif record.kind is RecordKind.RESULT:
            ends.setdefault(str(record.data["step"]), []).append(record)
    for name, results in ends.items():
        intents, last = calls[name], results[-1]
        yield StepRow(
            name=name,
            stage=str(intents[0].data["stage"]),
            start_s=intents[0].at_s - t0_s,
            end_s=last.at_s - t0_s,
            wait_s=_idle_s(intents, results),
            retries=len(intents) - 1,
            outcome=str(last.data["outcome"]),
            reason=str(last.data.get("error") or intents[0].data["reason"]),
        )


def _idle_s(intents: list[Record], results: list[Record]) -> float:
    """Seconds between an answer and the next call. A call without an answer counts as under way until the next."""
    answered = {result.n: result.at_s for result in results}
    called = {intent.n: intent.at_s for intent in intents}
    numbers = sorted(answered | called)
    pairs = pairwise(numbers)
    return sum(called[after] - answered[before] for before, after in pairs if before in answered and after in called)


def _decisions(records: Iterable[Record], t0_s: float) -> Iterable[DecisionRow]:
    for record in records:
        if record.kind is RecordKind.DECISION:
            yield DecisionRow(
                at_s=record.at_s - t0_s,
                name=str(record.data["name"]),
                value=str(record.data["value"]),
                reason=str(record.data["reason"]),
            )


def _marks(result: DrillResult) -> Iterable[Mark]:
    if result.fault.effective_s is not None:
        yield Mark(at_s=result.fault.effective_s - result.t0_s, name="fault proved")
    if result.detection_s is not None:
        yield Mark(at_s=result.detection_s, name="detected")


def _notes(result: DrillResult) -> Iterable[str]:
    if result.fault.effective_s is not None:
        proved_s = result.fault.effective_s - result.t0_s
        yield f"t0 is the first signal sent; the fault was proved {proved_s:.3f} s later."
    if result.records:
        arguments = cast("dict[str, Any]", result.records[0].data["arguments"])
        yield f"Detection: {arguments['evidence']}"
        yield f"The failover's own run is {result.records[0].run}."
    yield f"{result.order.region} came back as a standby: {_ending(result.reprotected)}."
    yield "A time-out is counted as info: nobody knows whether that write was executed."
