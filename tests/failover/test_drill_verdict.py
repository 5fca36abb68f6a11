"""What a drill proved: one reason for every way not to pass."""

from dataclasses import replace
from typing import Any

import pytest

from aurops.report import Verdict
from failover.drill import DrillOrder
from failover.drill_report import report
from failover.drill_verdict import DrillResult, halted, verdict
from failover.faults import FAULTS, Answer, Event, FaultEvent, FaultRecord
from failover.ledger import Entry, Ledger, Outcome
from failover.measurement import Objective, measure

T0_S = 10.0
REGIONS = ("north", "south", "west")
WELL = {"well": True, "unprotected": {}}
BAD = range(96, 128)
"""Requests of the first second after t0."""


def ledger(*bad: int, epoch: int | None = None) -> Ledger:
    """Thirty-two requests a second for twelve seconds from 7 s on, all acknowledged but these."""
    return Ledger(
        tuple(
            Entry(
                f"r-{n}",
                at_s := 7 + n / 32,
                at_s,
                at_s + 0.01,
                Outcome.INFO if n in bad else Outcome.OK,
                epoch=epoch if n > 200 else 1,
            )
            for n in range(384)
        )
    )


def result(fault: str, region: str = "north", bad: range = range(0), **changes: Any) -> DrillResult:
    """A drill that went as it should: until 15 s with the fault in effect, then well again."""
    found = ledger(*bad)
    events = [(Event.ARMED, 9.9), (Event.SIGNALLED, T0_S), (Event.EFFECTIVE, 10.1)]
    events += [(Event.UNDOING, 15.1), (Event.UNDONE, 15.2)]
    order = DrillOrder(fault, region, REGIONS, serving="north")
    answer = order.case.answer
    stood = {"answer": answer.value, "why": "the reason", "after_s": 3.0 if answer is Answer.HOLD else None}
    made = DrillResult(
        run="r",
        order=order,
        fault=FaultRecord(tuple(FaultEvent(event=e, at_s=s, fault=fault, region=region) for e, s in events)),
        serving="north",
        measurement=measure(found, T0_S, {entry.id for entry in found.entries}, None, Objective(), steady_s=3.0),
        ledger=found,
        failover={"ending": "done"} if answer is Answer.FAIL_OVER else {},
        reprotected={"ending": "done"} if answer is Answer.FAIL_OVER else {},
        records=(),
        stood={} if answer is Answer.FAIL_OVER else stood,
        until_s=15.0,
        again=WELL,
        resumed={"ending": "done"} if order.case.halfway else {},
    )
    return replace(made, **changes)


@pytest.mark.parametrize("fault", FAULTS)
def test_the_right_answer_passes_in_words_of_its_own(fault: str) -> None:
    """Only a failover has an RTO; every report says what was done and what it deserves."""
    region = "north" if FAULTS[fault].serving else "south"
    made = result(fault, region)
    felt = made.order.case.felt
    made = result(fault, region, BAD if felt else range(0))
    assert verdict(made)[0] is Verdict.PASSED, verdict(made)
    told = report(made, versions={})
    names = [figure.name for figure in told.objectives]
    due = made.order.case.answer is Answer.FAIL_OVER
    assert ("RTO" in names) is due
    assert due or "RTO" not in told.to_json()
    assert str(made.order.case.answer) in told.summary
    assert ("Call" in names) is (made.order.case.answer is Answer.HOLD)


@pytest.mark.parametrize(
    ("fault", "region", "changes", "found", "because"),
    [
        ("cache", "north", {"stood": {"answer": "fail over", "why": "x"}}, "failed", "a needless failover: x"),
        (
            "kill",
            "south",
            {"stood": {"answer": "hold for a person", "why": "x", "after_s": 2.0}},
            "failed",
            "a person was called for nothing: x",
        ),
        ("double", "north", {"stood": {"answer": "do nothing", "why": ""}}, "failed", "nobody was called"),
        ("double", "north", {"stood": {"answer": "fail over", "why": "x"}}, "failed", "a needless failover: x"),
        ("cache", "north", {"again": {"well": False, "unprotected": {}}}, "failed", "not well again"),
        (
            "kill",
            "south",
            {"again": {"well": True, "unprotected": {"south": "does not answer"}}},
            "failed",
            "not every region is a copy again: south does not answer",
        ),
        ("cache", "north", {"stood": {}}, "inconclusive", "ended before the watch did"),
        (
            "second",
            "north",
            {"stood": halted({"ending": "done", "after_s": 2.0})},
            "inconclusive",
            "the failover ended before the second fault took effect",
        ),
        ("second", "north", {"stood": halted({"ending": "not begun", "why": "x"})}, "failed", "nobody was called"),
        (
            "second",
            "north",
            {"resumed": {"ending": "stuck", "why": "z"}},
            "failed",
            "resumed, the failover ended as stuck: z",
        ),
        ("cache", "north", {"until_s": 16.0}, "inconclusive", "the fault was undone after 5.10 s"),
        (
            "kill",
            "north",
            {"failover": {"ending": "not begun", "why": "a person was called: y"}},
            "failed",
            "the failover ended as not begun: a person was called: y",
        ),
        (
            "kill",
            "north",
            {"reprotected": {"ending": "stuck", "why": "z"}},
            "failed",
            "did not come back as a standby: stuck: z",
        ),
    ],
)
def test_every_wrong_answer_has_its_reason(
    fault: str, region: str, changes: dict[str, Any], found: str, because: str
) -> None:
    """Needless, missing, early, or not restored."""
    bad = BAD if FAULTS[fault].case(serves=region == "north").felt else range(0)
    said = verdict(result(fault, region, bad, **changes))
    assert said[0] == found, said
    assert because in said[1]


def undone(began_s: float, reason: str = "asked", **changes: Any) -> DrillResult:
    """A drill of a `kill` whose undo began then, and was carried out two seconds later."""
    made = result("kill", bad=BAD, **changes)
    events = made.fault.events[:3]
    for event, at_s in ((Event.UNDOING, began_s), (Event.UNDONE, began_s + 2.0)):
        events += (FaultEvent(event=event, at_s=at_s, fault="kill", region="north", reason=reason),)
    return replace(made, fault=FaultRecord(events))


def test_what_was_well_before_the_undo_began_owes_it_nothing() -> None:
    """On a busy machine the undo begins, and ends, long after the drill has ceased to look on."""
    assert verdict(undone(12.1, until_s=10.5))[0] is Verdict.PASSED


@pytest.mark.parametrize(
    ("until_s", "reason", "found", "because"),
    [
        (11.8, "asked", "failed", "not well again while the fault lasted: the drill looked on for 1.90 s"),
        (None, "the owner is gone", "inconclusive", "undone after 1.90 s (the owner is gone), before clients had seen"),
        (14.0, "expired", "inconclusive", "undone after 1.90 s (expired), before clients had seen"),
    ],
)
def test_a_good_second_that_was_not_over_when_the_undo_began_proves_no_failover(
    until_s: float | None, reason: str, found: str, because: str
) -> None:
    """Well from 11 s on, undone from 11.9 s on: the rest of that second may owe it to the undo."""
    said = verdict(undone(11.9, reason, until_s=until_s))
    assert said[0] == found, said
    assert because in said[1]


def test_requests_that_only_the_undo_answered_prove_no_failover() -> None:
    """A frozen region answers at once, when it may go on, what was sent just before: in time, and no recovery."""
    waiting = {n for n in range(384) if 14.7 <= 7 + n / 32 < 15.1}
    made = result("freeze", bad=range(96, min(waiting)))
    held = tuple(replace(e, end_s=15.11) if n in waiting else e for n, e in enumerate(made.ledger.entries))
    measured = measure(Ledger(held), T0_S, {entry.id for entry in held}, None, Objective(), steady_s=3.0)
    assert measured.rto_s is not None
    assert T0_S + measured.rto_s < 15.0
    said = verdict(replace(made, ledger=Ledger(held), measurement=measured, order=replace(made.order, rto_limit_s=60)))
    assert said[0] is Verdict.FAILED, said
    assert "not well again while the fault lasted" in said[1]


def test_what_clients_must_not_feel_fails_when_they_do() -> None:
    """One bad second is enough; when a client itself was held up, nobody can tell."""
    felt = result("cache", bad=BAD)
    assert verdict(felt) == (Verdict.FAILED, "missed: Bad time")
    held_up = replace(felt, measurement=replace(felt.measurement, send_delay_max_s=0.4))
    assert verdict(held_up)[0] is Verdict.INCONCLUSIVE
    needless = result("flapping", bad=BAD, stood={"answer": "fail over", "why": "x"})
    assert verdict(needless)[0] is Verdict.FAILED
    held_up = replace(needless, measurement=replace(needless.measurement, send_delay_max_s=0.4))
    assert verdict(held_up)[0] is Verdict.INCONCLUSIVE


def test_a_lost_write_and_an_old_epoch_fail_whatever_the_answer() -> None:
    """The right answer saves no drill that lost a write, or had two writers."""
    made = result("cache")
    readable = {entry.id for entry in made.ledger.entries} - {"r-5"}
    lost = measure(made.ledger, T0_S, readable, None, Objective(), steady_s=3.0)
    assert "RPO (1 acknowledged writes are lost)" in verdict(replace(made, measurement=lost))[1]
    two = replace(made.measurement, split_brain_ids=("r-300",))
    assert verdict(replace(made, measurement=two)) == (Verdict.FAILED, "1 writes were acknowledged by an older epoch")
