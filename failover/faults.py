"""The faults that a drill can inject, the answer that each deserves, and what an injector writes down about one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from aurops.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


class Answer(StrEnum):
    """What the orchestrator should do about a fault; anything else fails the drill."""

    FAIL_OVER = "fail over"
    DO_NOTHING = "do nothing"
    HOLD = "hold for a person"


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault.

    Args:
        name: How it is called on the command line.
        does: What it does to the region, for people.
        undo: How it ends.
        answer: What the orchestrator should do.
        rights: What the user needs to inject it.
    """

    name: str
    does: str
    undo: str
    answer: Answer
    rights: str


FAULTS = {
    fault.name: fault
    for fault in (
        Fault(
            name="kill",
            does="every process of the region gets SIGKILL: power lost",
            undo="the region's agent is started again; nothing that could write starts by itself",
            answer=Answer.FAIL_OVER,
            rights="signal the region's processes: their own user, or root",
        ),
        Fault(
            name="freeze",
            does="every process of the region gets SIGSTOP: connections stay open, nothing answers",
            undo="SIGCONT: the region goes on with whatever it held, as if no time had passed",
            answer=Answer.FAIL_OVER,
            rights="signal the region's processes: their own user, or root",
        ),
    )
}


def fault_named(name: str) -> Fault:
    """The fault of this name.

    Raises:
        UsageError: There is none.
    """
    try:
        return FAULTS[name]
    except KeyError:
        raise UsageError(f"there is no fault {name!r}", where="--fault", allowed=", ".join(FAULTS)) from None


class Event(StrEnum):
    """What an injector journals, in this order."""

    ARMED = "armed"
    """Before anything is done."""
    SIGNALLED = "signalled"
    """The first signal was sent at `at_s`: t0 of the drill."""
    EFFECTIVE = "effective"
    """A scan proved that no process of the region runs any more."""
    FAILED = "failed"
    """It did not take effect, or could not be undone; `reason` says why."""
    UNDONE = "undone"
    """The undo was carried out; `reason` says what asked for it."""


class FaultEvent(BaseModel):
    """One line of an injector's journal; `at_s` is CLOCK_BOOTTIME in seconds."""

    model_config = ConfigDict(frozen=True)

    event: Event
    at_s: float
    fault: str
    region: str
    expires_s: float | None = None
    processes: int | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """What a journal says so far.

    Args:
        events: All of it, oldest first.
    """

    events: tuple[FaultEvent, ...]

    def at_s(self, event: Event) -> float | None:
        """When this event was first journalled as having happened; None: not yet."""
        return next((entry.at_s for entry in self.events if entry.event is event), None)

    @property
    def t0_s(self) -> float | None:
        """When the first signal was sent."""
        return self.at_s(Event.SIGNALLED)

    @property
    def effective_s(self) -> float | None:
        """When the fault was proved to be in effect."""
        return self.at_s(Event.EFFECTIVE)

    @property
    def left_behind(self) -> bool:
        """Whether the fault may still be in effect: armed, and the undo not journalled since."""
        turns = [entry.event for entry in self.events if entry.event in {Event.ARMED, Event.UNDONE}]
        return turns[-1:] == [Event.ARMED]


def read_journal(path: Path) -> FaultRecord:
    """Read an injector's journal; one that is not there yet is empty. A torn last line is left out.

    Raises:
        OutsideError: A line is broken, or the file cannot be read.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")[:-1]
        return FaultRecord(tuple(FaultEvent.model_validate_json(line) for line in lines))
    except FileNotFoundError:
        return FaultRecord(())
    except (OSError, ValidationError) as error:
        raise OutsideError("the fault injector's journal cannot be read", where=str(path)) from error
