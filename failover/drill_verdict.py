"""What a drill proved: a failover where one was due, a person where one was needed, and else nothing, each with why."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf
from typing import TYPE_CHECKING, Any, cast

from aurops.report import Figure, Verdict
from aurops.runner import Ending
from failover.faults import Answer
from failover.measurement import Recovery, recovery_by
from failover.summary import figures, standing_figures

if TYPE_CHECKING:
    from collections.abc import Mapping

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
        stood: What the watch decided where no failover was due, as the drill's journal has it: answer, why, after_s;
            empty where one was.
        until_s: So long the drill looked on, on the clock of the events, before it asked for the undo; None: it did
            not come to that.
        resumed: How a failover that had to stop ended when it was resumed; empty where none had to.
        again: How the service was after the undo: well, and the regions that protect nothing, each with its reason.
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
    stood: Mapping[str, Any] = field(default_factory=dict)
    until_s: float | None = None
    resumed: Mapping[str, Any] = field(default_factory=dict)
    again: Mapping[str, Any] = field(default_factory=dict)
    head_hash: str = ""

    @property
    def t0_s(self) -> float:
        """When the fault did its first harm."""
        return self.measurement.t0_s

    @property
    def detection_s(self) -> float | None:
        """Seconds from t0 to the quorum's verdict; None when there was none."""
        if not self.records:
            return None
        arguments = cast("dict[str, Any]", self.records[0].data["arguments"])
        return float(arguments["detected_at_s"]) - self.t0_s

    @property
    def unaided(self) -> Recovery:
        """What clients saw of the recovery until the fault's undo began, which may have helped from then on."""
        began = self.fault.undo_began
        by_s = inf if began is None else began.at_s
        return recovery_by(self.ledger, self.t0_s, by_s, self.order.objective)

    @property
    def is_needless(self) -> bool:
        """Whether a failover was decided that the fault does not deserve."""
        return self.stood.get("answer") == Answer.FAIL_OVER

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The measured figures against their limits; an RTO only where a failover was due."""
        order = self.order
        if order.case.answer is Answer.FAIL_OVER:
            detection_s = self.detection_s
            return figures(
                self.measurement, rto_limit_s=order.rto_limit_s, rpo_limit=order.rpo_limit, detection_s=detection_s
            )
        called_s = self.stood.get("after_s") if self.stood.get("answer") == Answer.HOLD else None
        return standing_figures(self.measurement, rpo_limit=order.rpo_limit, felt=order.case.felt, called_s=called_s)


def verdict(result: DrillResult) -> tuple[Verdict, str]:
    """What the drill proved, and why. A lost write is a lost write; every other figure needs undoubted evidence."""
    if harm := _harm(result):
        return Verdict.FAILED, harm
    if doubt := _doubt(result):
        return Verdict.INCONCLUSIVE, doubt
    if shortfall := _wrong_answer(result) or _shortfall(result) or _left_behind(result):
        return Verdict.FAILED, shortfall
    return Verdict.PASSED, _passed(result)


def halted(failover: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a failover decided that had to stop for a person, in the words of `DrillResult.stood`."""
    if not failover:
        return {}
    answers = {Ending.STUCK: Answer.HOLD, Ending.HELD: Answer.HOLD, Ending.DONE: Answer.FAIL_OVER}
    answer = answers.get(failover["ending"], Answer.DO_NOTHING)
    return {"answer": answer.value, "why": failover.get("why"), "after_s": failover.get("after_s")}


def _passed(result: DrillResult) -> str:
    match result.order.case.answer:
        case Answer.FAIL_OVER:
            return f"the service came back in {result.measurement.rto_s:.2f} s with every acknowledged write"
        case Answer.HOLD:
            called_s = float(result.stood["after_s"])
            if result.order.case.halfway:
                return f"the failover stopped for a person after {called_s:.2f} s, and was resumed with nothing lost"
            return f"a person was called after {called_s:.2f} s, nobody moved, and every acknowledged write is there"
        case Answer.DO_NOTHING:
            saw = "the service was well again after it" if result.order.case.felt else "clients noticed nothing"
            return f"nobody moved, {saw}, and every acknowledged write is there"


def _harm(result: DrillResult) -> str:
    """What must never happen, whatever else is in doubt; empty when it did not."""
    if doubled := len(result.measurement.split_brain_ids):
        return f"{doubled} writes were acknowledged by an older epoch"
    lost = result.measurement.rpo_count or 0
    return f"missed: RPO ({lost} acknowledged writes are lost)" if lost > result.order.rpo_limit else ""


def _wrong_answer(result: DrillResult) -> str:
    """What was decided that the fault does not deserve; empty when the answer was right."""
    wanted = result.order.case.answer
    if wanted is Answer.FAIL_OVER:
        ended = result.failover.get("ending") == Ending.DONE.value
        return "" if ended else f"the failover ended as {ending(result.failover)}"
    given, why = result.stood.get("answer"), result.stood.get("why")
    if given == wanted:
        return ""
    if given == Answer.FAIL_OVER:
        return f"a needless failover: {why}"
    return f"a person was called for nothing: {why}" if given == Answer.HOLD else "nobody was called"


def _shortfall(result: DrillResult) -> str:
    """What clients saw that they should not have; empty when nothing."""
    missed = ", ".join(figure.name for figure in result.figures if figure.met is False)
    if result.order.case.answer is not Answer.FAIL_OVER:
        return f"missed: {missed}" if missed else ""
    rto_s = result.measurement.rto_s
    if rto_s is None or missed:
        return f"missed: {missed or 'the service did not come back'}"
    if result.unaided is Recovery.RECOVERED:
        return ""
    looked_on_s = _looked_on_s(result)
    return f"the service was not well again while the fault lasted: the drill looked on for {looked_on_s:.2f} s"


def _left_behind(result: DrillResult) -> str:
    """What the fault left behind after its undo; empty when nothing."""
    due = result.order.case.answer is Answer.FAIL_OVER
    if due and result.reprotected.get("ending") != Ending.DONE.value:
        return f"the lost region did not come back as a standby: {ending(result.reprotected)}"
    if result.order.case.halfway and result.resumed.get("ending") != Ending.DONE.value:
        return f"resumed, the failover ended as {ending(result.resumed)}"
    if unprotected := cast("dict[str, str]", result.again.get("unprotected")):
        said = "; ".join(f"{region} {why}" for region, why in unprotected.items())
        return f"after the undo not every region is a copy again: {said}"
    return "" if result.again.get("well") else "the service was not well again after the fault was undone"


def _doubt(result: DrillResult) -> str:
    """Why the evidence cannot bear a verdict; empty when it can."""
    measurement = result.measurement
    if measurement.rpo_count is None:
        return "the database could not be read back"
    if measurement.steady_before is not True:
        return "the service was not well before the fault, or too few requests show that it was"
    if measurement.recovery is Recovery.UNKNOWN:
        return f"the clients' ledger cannot bear a verdict: {measurement.recovery.value}"
    doubt = _doubt_of_failover if result.order.case.answer is Answer.FAIL_OVER else _doubt_of_standing
    return doubt(result)


def _doubt_of_failover(result: DrillResult) -> str:
    measurement = result.measurement
    if measurement.recovery is Recovery.NO_EFFECT:
        return f"the clients' ledger cannot bear a verdict: {measurement.recovery.value}"
    last_s = result.t0_s + measurement.observed_after_s
    if measurement.rto_s is None and result.records and last_s < result.records[-1].at_s + result.order.after_s / 2:
        return "the clients ended before the failover did"
    unaided = result.unaided
    if unaided is Recovery.RECOVERED:
        return ""
    if doubt := _undone_early(result, "before clients had seen a whole good second"):
        return doubt
    doubtful = unaided is not Recovery.NOT_RECOVERED
    return f"the clients' ledger until the fault was undone cannot bear a verdict: {unaided.value}" if doubtful else ""


def _doubt_of_standing(result: DrillResult) -> str:
    if not result.stood:
        return "the drill ended before the watch did"
    if result.order.case.halfway and result.stood["answer"] == Answer.FAIL_OVER:
        return "the failover ended before the second fault took effect"
    late_s, order = result.measurement.send_delay_max_s, result.order
    missed = result.measurement.recovery is not Recovery.NO_EFFECT and not order.case.felt
    if (missed or _wrong_answer(result)) and late_s > order.objective.p99_s / 2:
        return f"the machine was too busy to tell: a client sent {late_s:.2f} s later than it intended"
    return _undone_early(result, "before the watch had ended")


def _undone_early(result: DrillResult, what: str) -> str:
    """The fault ended by itself, before the drill undid it, while it was still needed; empty when it did not."""
    began = result.fault.undo_began
    if began is None or (result.until_s is not None and began.at_s >= result.until_s):
        return ""
    return f"the fault was undone after {began.at_s - result.t0_s:.2f} s ({began.reason}), {what}"


def _looked_on_s(result: DrillResult) -> float:
    """How long after the fault the drill began to undo it."""
    began = result.fault.undo_began
    return (result.t0_s + result.measurement.observed_after_s if began is None else began.at_s) - result.t0_s


def ending(said: Mapping[str, Any]) -> str:
    """How a child run ended, in words."""
    return ": ".join(str(part) for part in (said.get("ending", "not begun"), said.get("why")) if part)
