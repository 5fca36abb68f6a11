"""What the journal says so far, as a planner needs it. A pure view: it reads records and keeps nothing else."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aurops.journal import Record

RESTORE = "restore"
"""The goal that every playbook understands: back to where the run began."""


class Outcome(StrEnum):
    """How a call ended."""

    DONE = "done"
    WAITING = "waiting"
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Nobody knows whether it took effect (a time-out is never a failure)."""
    ADOPTED = "adopted"
    """An earlier holder made the call and died; the world shows that it took effect."""


@dataclass
class Tries:
    """All calls of one step so far.

    Args:
        first_intent_s: When the present holder of the run first announced a call, in seconds of its machine's clock;
            None when it has not. The time of an earlier holder, or of a pause, is no time of waiting.
        intents: How many calls were announced.
        outcomes: How they ended, in order; shorter than `intents` when an answer was lost with its holder.
        done_s: When the last call of the present holder was answered as done, in seconds of its machine's clock.
    """

    first_intent_s: float | None
    intents: int = 0
    outcomes: list[Outcome] = field(default_factory=list)
    done_s: float | None = None

    @property
    def open(self) -> bool:
        """A call was announced, and nothing says how it ended."""
        return self.intents > len(self.outcomes)


class History:
    """The journal of one run, read from its first record to its last.

    `kind` is the goal that it began with; `goal` changes when it is aborted.

    Args:
        records: The run's records in order.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self.kind = ""
        self.goal = ""
        self.arguments: dict[str, Any] = {}
        self.epoch = 0
        self.decisions: dict[str, Any] = {}
        self.reasons: dict[str, str] = {}
        self.skipped: dict[str, str] = {}
        self.past_no_return = False
        self.finished = ""
        self.requests_seen = 0
        self.tries: dict[str, Tries] = {}
        self.results: dict[str, Mapping[str, Any]] = {}
        self.moved: dict[str, str] = {}
        """When a step was last answered as done, or as on its way: time of day in UTC, ISO 8601. A call that failed, or
        of which nobody knows how it ended, moved nothing."""
        self.failed: dict[str, str] = {}
        """What failed for the present holder of the run, and why; who resumes a run tries again."""
        for record in records:
            self._read(record)

    def attempted(self, step: str) -> bool:
        """Whether a call of this step has ended, however it ended."""
        return step in self.tries and bool(self.tries[step].outcomes)

    def latched(self, step: str) -> bool:
        """Whether the journal holds that this step was done."""
        return step in self.tries and any(o in (Outcome.DONE, Outcome.ADOPTED) for o in self.tries[step].outcomes)

    def in_doubt(self, step: str) -> bool:
        """Whether a call was made whose effect nobody knows."""
        if step not in self.tries:
            return False
        tries = self.tries[step]
        return tries.open or tries.outcomes[-1] is Outcome.UNKNOWN

    def _read(self, record: Record) -> None:
        self.epoch = max(self.epoch, record.epoch or 0)
        reader = getattr(self, f"_read_{record.kind.value}", None)
        if reader is not None:
            reader(record)

    def _read_started(self, record: Record) -> None:
        self.kind = self.goal = str(record.data["goal"])
        self.arguments = cast("dict[str, Any]", record.data.get("arguments", {}))

    def _read_taken(self, _: Record) -> None:
        self.failed.clear()
        for tries in self.tries.values():
            tries.first_intent_s = tries.done_s = None

    def _read_goal(self, record: Record) -> None:
        self.goal = str(record.data["goal"])
        self._read_request(record)

    def _read_decision(self, record: Record) -> None:
        name = str(record.data["name"])
        if name not in self.decisions:
            self.decisions[name] = record.data["value"]
            self.reasons[name] = str(record.data["reason"])

    def _read_intent(self, record: Record) -> None:
        name = str(record.data["step"])
        tries = self.tries.setdefault(name, Tries(first_intent_s=None))
        if tries.open:
            tries.outcomes.append(Outcome.UNKNOWN)
        tries.intents += 1
        tries.first_intent_s = record.at_s if tries.first_intent_s is None else tries.first_intent_s
        self.past_no_return |= bool(record.data.get("no_return"))

    def _read_result(self, record: Record) -> None:
        name = str(record.data["step"])
        tries = self.tries.setdefault(name, Tries(first_intent_s=None))
        outcome = Outcome(str(record.data["outcome"]))
        if not tries.open and tries.outcomes:
            tries.outcomes[-1] = outcome
        else:
            tries.outcomes.append(outcome)
        tries.intents = max(tries.intents, len(tries.outcomes))
        tries.done_s = record.at_s if outcome is Outcome.DONE else None
        self.results[name] = record.data
        if outcome in (Outcome.DONE, Outcome.ADOPTED, Outcome.WAITING):
            self.moved[name] = record.at
        if outcome is Outcome.FAILED:
            self.failed[name] = str(record.data.get("error", ""))
        else:
            self.failed.pop(name, None)

    def _read_skipped(self, record: Record) -> None:
        self.skipped[str(record.data["step"])] = str(record.data["reason"])
        self._read_request(record)

    def _read_request(self, record: Record) -> None:
        self.requests_seen = max(self.requests_seen, int(str(record.data.get("request", 0))))

    _read_paused = _read_resumed = _read_note = _read_request

    def _read_finished(self, record: Record) -> None:
        self.finished = str(record.data["outcome"])
