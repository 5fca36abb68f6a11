"""A drill's result in the report's words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from aurops import report_rows
from aurops.report import Mark, Report
from failover.drill_verdict import ending, verdict
from failover.faults import Event, fault_named
from failover.summary import requests, series

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aurops.journal import Record
    from failover.drill_verdict import DrillResult


def report(result: DrillResult, *, versions: dict[str, str]) -> Report:
    """The report of one drill; times are seconds since t0, the first harm that the fault did."""
    order = result.order
    found, because = verdict(result)
    fault = fault_named(order.fault)

    def at_s(record: Record) -> float:
        return record.at_s - result.t0_s

    return Report(
        title=f"{order.fault} in {order.region}: {order.case.answer}",
        run=result.run,
        made_at=datetime.now(UTC),
        verdict=found,
        because=because,
        summary=f"Under load, in {order.region}: {fault.does}. It deserves: {order.case.answer}. "
        f"{result.serving} serves now.",
        objectives=result.figures,
        steps=report_rows.steps(result.records, at_s),
        decisions=report_rows.decisions(result.records, at_s),
        requests=requests(result.measurement),
        series=series(result.ledger, result.t0_s, order.objective),
        marks=tuple(_marks(result)),
        notes=tuple(_notes(result)),
        versions=versions,
        journal_head=result.head_hash,
    )


def _marks(result: DrillResult) -> Iterable[Mark]:
    if result.fault.effective_s is not None:
        yield Mark(at_s=result.fault.effective_s - result.t0_s, name="fault proved")
    if result.detection_s is not None:
        yield Mark(at_s=result.detection_s, name="detected")
    if result.stood.get("after_s") is not None:
        yield Mark(at_s=float(result.stood["after_s"]), name="person called")
    if (undone_s := result.fault.at_s(Event.UNDONE)) is not None:
        yield Mark(at_s=undone_s - result.t0_s, name="undone")


def _notes(result: DrillResult) -> Iterable[str]:
    if result.fault.effective_s is not None:
        proved_s = result.fault.effective_s - result.t0_s
        proof = fault_named(result.order.fault).proof
        yield f"t0 is the first harm done; {proved_s:.3f} s later the fault was proved: {proof}."
    if result.records:
        arguments = cast("dict[str, Any]", result.records[0].data["arguments"])
        yield f"Detection: {arguments['evidence']}"
        yield f"The failover's own run is {result.records[0].run}."
    if result.reprotected:
        yield f"{result.order.region} came back as a standby: {ending(result.reprotected)}."
    if result.stood:
        decided = result.stood.get("why") or "nothing was decided"
        looked_s = (result.until_s or result.t0_s) - result.t0_s
        who = "failover" if result.order.case.halfway else "watch"
        yield f"The {who}, for {looked_s:.1f} s after the fault: {decided}."
    if result.resumed:
        yield f"After the undo the failover was resumed, as a person would: {ending(result.resumed)}."
    yield "A time-out is counted as info: nobody knows whether that write was executed."
