"""A journal in the rows of a report."""

from aurops import report_rows
from aurops.clock import ManualClock
from aurops.journal import Journal, RecordKind
from aurops.store import open_store


def test_a_step_is_one_row_with_its_tries_and_the_time_between_them() -> None:
    """Start of the first call, end of the last, calls after the first, and how long no call was under way."""
    clock = ManualClock()
    journal = Journal.create(open_store("memory://"), "run", clock)

    def note(kind: RecordKind, step: str, after_s: float, **data: str) -> None:
        clock.advance(after_s)
        journal.append(kind, {"step": step, "stage": "s", "reason": "why", **data})

    note(RecordKind.INTENT, "detach", 1.0)
    note(RecordKind.INTENT, "shift", 0.0)
    note(RecordKind.RESULT, "shift", 0.5, outcome="done")
    note(RecordKind.RESULT, "detach", 0.5, outcome="failed", error="no answer")
    note(RecordKind.INTENT, "detach", 0.25)
    note(RecordKind.INTENT, "detach", 2.0)  # its holder died: the call counts as under way until the next
    note(RecordKind.RESULT, "detach", 1.0, outcome="done")
    rows = {row.name: row for row in report_rows.steps(journal.records, lambda record: record.at_s - 1000.0)}
    detach, shift = rows["detach"], rows["shift"]
    assert (detach.start_s, detach.end_s, detach.wait_s, detach.retries) == (1.0, 5.25, 0.25, 2)
    assert (shift.start_s, shift.end_s, shift.wait_s, shift.retries) == (1.0, 1.5, 0.0, 0)
    assert (detach.outcome, detach.reason) == ("done", "why")
