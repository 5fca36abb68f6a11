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
class Case:
    """What a fault deserves in one kind of region.

    Args:
        answer: What the orchestrator should do.
        felt: Whether clients may feel it; when not, the objective must hold throughout.
        halfway: A failover is begun, rightly, and must stop for a person before its end.
    """

    answer: Answer
    felt: bool
    halfway: bool = False


LOST = Case(Answer.FAIL_OVER, felt=True)
SPARED = Case(Answer.DO_NOTHING, felt=False)
SUFFERED = Case(Answer.DO_NOTHING, felt=True)
HELD = Case(Answer.HOLD, felt=True)
HELD_HALFWAY = Case(Answer.HOLD, felt=True, halfway=True)

_SIGNALS = "signal the bed's processes: their own user, or root"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One kind of fault.

    Args:
        name: How it is called on the command line.
        does: What it does, for people.
        undo: How it ends.
        proof: What shows that it took effect, before the drill's clock starts.
        serving: What it deserves in the region that serves; None: it makes no sense there.
        standby: What it deserves in a standby; None: it makes no sense there.
        rights: What the user needs to inject it.
        linked: Whether it needs links between the places of a bed, which are only there when it is brought up for it.
        limited: Whether it needs a small volume under the region's database, which is only there likewise.
    """

    name: str
    does: str
    undo: str
    proof: str
    serving: Case | None = LOST
    standby: Case | None = SPARED
    rights: str = _SIGNALS
    linked: bool = False
    limited: bool = False

    def case(self, *, serves: bool) -> Case:
        """What it deserves in a region that serves, or in a standby.

        Raises:
            UsageError: It makes no sense there.
        """
        case = self.serving if serves else self.standby
        if case is None:
            kind, allowed = ("the region that serves", "a standby") if serves else ("a standby", "the one that serves")
            raise UsageError(f"the fault `{self.name}` makes no sense in {kind}", where="region", allowed=allowed)
        return case


_BACK = "a standby's agent makes it one again; a former primary waits until it is re-protected"

FAULTS = {
    fault.name: fault
    for fault in (
        Fault(
            name="kill",
            does="every process of the region gets SIGKILL: power lost",
            undo="the region's agent is started again; nothing that could write starts by itself",
            proof="none of the region's processes is left",
        ),
        Fault(
            name="freeze",
            does="every process of the region gets SIGSTOP: connections stay open, nothing answers",
            undo="SIGCONT: the region goes on with whatever it held, as if no time had passed",
            proof="every process of the region is stopped, and a scan finds no other",
        ),
        Fault(
            name="database",
            does="the region's PostgreSQL gets SIGKILL; its agent, nodes and cache live on",
            undo=_BACK,
            proof="no process works in PostgreSQL's data folder",
        ),
        Fault(
            name="nodes",
            does="the region's nodes get SIGKILL; its database and cache live on",
            undo=_BACK,
            proof="none of the nodes' processes is left",
        ),
        Fault(
            name="cache",
            does="the region's Valkey gets SIGKILL: what it held is gone",
            undo="the region's agent starts it again, empty",
            proof="Valkey's process is gone",
            serving=SPARED,
        ),
        Fault(
            name="slow-replica",
            does="a standby's PostgreSQL gets SIGSTOP: it confirms nothing any more, and its streams stay open",
            undo="SIGCONT",
            proof="every process of that PostgreSQL is stopped",
            serving=None,
        ),
        Fault(
            name="mute",
            does="one vantage point gets SIGSTOP: it says nothing any more, and its last report goes stale",
            undo="SIGCONT",
            proof="its process is stopped",
            serving=SPARED,
            standby=None,
        ),
        Fault(
            name="all-sick",
            does="every process of every region gets SIGSTOP: there is nowhere to go",
            undo="SIGCONT",
            proof="every process of every region is stopped",
            serving=SUFFERED,
            standby=None,
        ),
        Fault(
            name="double",
            does="the region and one standby get SIGSTOP together: that standby may hold what no other region does",
            undo="SIGCONT",
            proof="every process of both regions is stopped",
            serving=HELD,
            standby=None,
        ),
        Fault(
            name="flapping",
            does="the region gets SIGSTOP for a moment and goes on, again and again, never long enough to be lost",
            undo="SIGCONT",
            proof="every process of the region was stopped once",
            serving=HELD,
        ),
        Fault(
            name="cut",
            does="nothing passes the region's border in either direction; connections stay open, inside all runs on",
            undo="the links are opened: what was sent meanwhile arrives, late",
            proof="the region's agent answers inside, and not from outside",
            rights="none",
            linked=True,
        ),
        Fault(
            name="disk-full",
            does="the volume of the region's database has not a byte left, and what is freed is taken again",
            undo="the space is given back, and a PostgreSQL that ended for lack of it is started by its agent",
            proof="a byte more cannot be written to it",
            rights="mount a tmpfs in a namespace: root, or a user who may make user namespaces",
            limited=True,
        ),
        Fault(
            name="slow-disk",
            does="the region's PostgreSQL may write two blocks a second to its disk",
            undo="PostgreSQL leaves the control group that slowed it down",
            proof="four blocks written and flushed in that control group take longer than half a second",
            standby=None,  # on one machine a slow standby holds up the file system that all regions share
            rights="limit input and output by control groups: root, on a disk of the machine's own",
        ),
        Fault(
            name="blind",
            does="one vantage point gets no answer to any probe, of any region",
            undo="the links are opened",
            proof="the proxy answers, and not by that vantage point's link",
            serving=SPARED,
            standby=None,
            rights="none",
            linked=True,
        ),
        Fault(
            name="one-way",
            does="answers do not reach one vantage point, nor another's reports the orchestrator: no quorum either way",
            undo="the links are opened",
            proof="proxy and vantage point answer, and not by those links",
            serving=Case(Answer.HOLD, felt=False),
            standby=None,
            rights="none",
            linked=True,
        ),
        Fault(
            name="second",
            does="the region gets SIGKILL, and the region that is promoted in its place SIGSTOP at that moment",
            undo="both live again; then the failover that stopped is resumed",
            proof="none of the first region's processes is left; that the second was hit, the failover shows",
            serving=HELD_HALFWAY,
            standby=None,
        ),
        Fault(
            name="store",
            does="the store of the watch is gone",
            undo="the store is back",
            proof="it can be neither opened nor read",
            serving=SPARED,
            standby=None,
            rights="none",
        ),
        Fault(
            name="clock",
            does="the clock that the watch reads jumps an hour ahead, as after a machine slept",
            undo="whoever watches from then on has the right time",
            proof="the watch has read the other time",
            serving=SPARED,
            standby=None,
            rights="none",
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
    """The first harm (the first signal, the first byte swallowed) was done at `at_s`: t0 of the drill."""
    EFFECTIVE = "effective"
    """It was proved, from the processes or the world, that the fault is in effect (`Fault.proof`)."""
    FAILED = "failed"
    """It did not take effect, or could not be undone; `reason` says why."""
    UNDOING = "undoing"
    """The undo begins: what clients see from now on may owe it something. `reason` says what asked for it."""
    UNDONE = "undone"
    """The undo was carried out; `reason` as above."""


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
        """When the first harm was done."""
        return self.at_s(Event.SIGNALLED)

    @property
    def effective_s(self) -> float | None:
        """When the fault was proved to be in effect."""
        return self.at_s(Event.EFFECTIVE)

    @property
    def undo_began(self) -> FaultEvent | None:
        """The first event that tells of an undo; None: none was begun."""
        return next((entry for entry in self.events if entry.event in {Event.UNDOING, Event.UNDONE}), None)

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
