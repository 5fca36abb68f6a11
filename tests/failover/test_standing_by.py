"""Looking on while nobody may move."""

from collections.abc import Iterator

import pytest

from aurops.clock import ManualClock
from failover.faults import Answer
from failover.policy import Action, Finding, State
from failover.standing_by import stand_by


class Watch:
    """Finds what it was told to, at the time it was told to."""

    def __init__(self, clock: ManualClock, **found_at_s: Action) -> None:
        self._clock = clock
        self._start_s = clock.now_s()
        self._due = [(float(at.removeprefix("at")), action) for at, action in found_at_s.items()]

    def findings(self, limit_s: float) -> Iterator[Finding]:
        """For so many seconds."""
        assert limit_s > 0
        self._clock.advance(limit_s)
        now_s = self._clock.now_s()
        while self._due and self._start_s + self._due[0][0] <= now_s:
            _, action = self._due.pop(0)
            yield Finding("north", State.LOST, action, f"because {action}", now_s, "")


@pytest.mark.parametrize(
    ("found", "answer", "looked_s"),
    [
        ({}, Answer.DO_NOTHING, 8.0),
        ({"at1": Action.NOTHING}, Answer.DO_NOTHING, 8.0),
        ({"at1": Action.CALL, "at2": Action.CALL}, Answer.HOLD, 4.0),
        ({"at7": Action.CALL}, Answer.HOLD, 10.0),
        ({"at1": Action.FAIL_OVER}, Answer.FAIL_OVER, 1.0),
        ({"at1": Action.CALL, "at3": Action.FAIL_OVER}, Answer.FAIL_OVER, 3.0),
        ({"at1": Action.CALL, "at5": Action.FAIL_OVER}, Answer.HOLD, 4.0),
    ],
)
def test_the_gravest_decision_is_the_answer(found: dict[str, Action], answer: Answer, looked_s: float) -> None:
    """A failover ends it at once; a call is looked on for its time, and a failover after it is one."""
    clock = ManualClock()
    start_s = clock.now_s()
    stood = stand_by(Watch(clock, **found), clock, limit_s=8.0, after_s=3.0, over=lambda: False)
    assert (stood.answer, stood.until_s - start_s) == (answer, looked_s)
    assert stood.why == ("" if answer is Answer.DO_NOTHING else stood.why)
    assert (stood.at_s is None) is (answer is Answer.DO_NOTHING)


def test_a_fault_that_has_ended_is_looked_at_no_longer() -> None:
    """What is seen after it shows nothing."""
    clock = ManualClock()
    start_s = clock.now_s()
    stood = stand_by(Watch(clock), clock, limit_s=60.0, after_s=3.0, over=lambda: clock.now_s() - start_s >= 2.0)
    assert stood.until_s - start_s == 2.0
