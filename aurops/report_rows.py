"""A run's journal in the rows of a report. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from aurops.history import History
from aurops.journal import RecordKind
from aurops.report import DecisionRow, Report, StepRow, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aurops.journal import Record

    Moment = Callable[[Record], float]

STOPS = {
    RecordKind.STUCK: "stopped",
    RecordKind.VIOLATION: "an invariant was broken",
    RecordKind.PAUSED: "paused",
    RecordKind.HALTED: "halted",
}
"""After these a run stands still until somebody takes it up."""


def since(start: datetime) -> Moment:
    """Seconds from a time of day to a record's: for runs that last days, and more than one machine."""
    return lambda record: (datetime.fromisoformat(record.at) - start).total_seconds()


def steps(records: Sequence[Record], at_s: Moment, *, by: str = "step") -> tuple[StepRow, ...]:
    """One row per step: from its first call to the end of its last.

    Args:
        records: The journal.
        at_s: A record's place on the time axis.
        by: `step`; or `stage`: one row for all steps of a stage.
    """
    names: dict[str, str] = {}
    calls: dict[str, list[Record]] = {}
    ends: dict[str, list[Record]] = {}
    for record in records:
        if record.kind is RecordKind.INTENT:
            name = names.setdefault(str(record.data["step"]), str(record.data[by]))
            calls.setdefault(name, []).append(record)
        elif record.kind is RecordKind.RESULT and str(record.data["step"]) in names:
            ends.setdefault(names[str(record.data["step"])], []).append(record)
    return tuple(_row(name, calls[name], ends.get(name, []), at_s) for name in (*ends, *(calls.keys() - ends)))


def _row(name: str, intents: list[Record], results: list[Record], at_s: Moment) -> StepRow:
    last = results[-1].data if results else {}
    is_open = not results or results[-1].n < intents[-1].n
    return StepRow(
        name=name,
        stage=str(intents[0].data["stage"]),
        start_s=at_s(intents[0]),
        end_s=None if is_open else at_s(results[-1]),
        wait_s=_idle_s(intents, results, at_s),
        retries=len(intents) - len({str(intent.data["step"]) for intent in intents}),
        outcome="no answer yet" if is_open else str(last["outcome"]),
        reason=str(last.get("error") or intents[0].data["reason"]),
    )


def _idle_s(intents: list[Record], results: list[Record], at_s: Moment) -> float:
    """Seconds between an answer and the next call. A call without an answer counts as under way until the next."""
    answered = {result.n: at_s(result) for result in results}
    called = {intent.n: at_s(intent) for intent in intents}
    pairs = pairwise(sorted(answered | called))
    return sum(called[after] - answered[before] for before, after in pairs if before in answered and after in called)


def decisions(records: Sequence[Record], at_s: Moment) -> tuple[DecisionRow, ...]:
    """Every decision, in order."""
    return tuple(
        DecisionRow(
            at_s=at_s(record),
            name=str(record.data["name"]),
            value=str(record.data["value"]),
            reason=str(record.data["reason"]),
        )
        for record in records
        if record.kind is RecordKind.DECISION
    )


def stop(records: Sequence[Record]) -> Record | None:
    """What a run's last process said when it stopped; None when it did not say that it stops."""
    taken = max((place for place, record in enumerate(records) if record.kind is RecordKind.TAKEN), default=0)
    return next((record for record in reversed(records[taken:]) if record.kind in STOPS), None)


def why(stop: Record) -> str:
    """Why a run stopped, in words."""
    said = stop.data.get("why") or stop.data.get("reason") or stop.data.get("invariants")
    return f"{STOPS[stop.kind]}: {'; '.join(map(str, said)) if isinstance(said, list) else said}"


def stopped(records: Sequence[Record]) -> str:
    """Why a run stands still, as its last process said; empty when that did not say that it stops."""
    last = stop(records)
    return "" if last is None else why(last)


def report(records: Sequence[Record], *, now: datetime | None = None) -> Report:
    """The report of any run, from its journal alone; times are seconds since its first record.

    Args:
        records: The journal; at least one record.
        now: When it is made; None: now.
    """
    first, history = records[0], History(records)
    at_s = since(datetime.fromisoformat(first.at))
    outcome, standing = history.finished, stopped(records)
    return Report(
        title=f"{history.kind}, {outcome or 'not over'}",
        run=first.run,
        made_at=now or datetime.now(UTC),
        verdict=Verdict.PASSED if outcome == "done" else Verdict.FAILED if outcome else Verdict.OPEN,
        because=f"The run ended as {outcome}." if outcome else standing or f"{len(records)} records so far.",
        t0="the run began",
        steps=steps(records, at_s),
        decisions=decisions(records, at_s),
        journal_head=records[-1].hash,
    )
