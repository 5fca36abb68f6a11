"""What the runbooks ask of parts that are built elsewhere: whether data is equal and in step, and what a canary says.

Each port is a protocol of one method. Who has nothing to connect to it leaves the stand-in: it says "not connected",
which opens no gate. Observing methods never raise: what cannot be seen is unknown.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from aurops.clock import RealClock
from aurops.errors import OutsideError
from aurops.plan import Observation

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aurops.clock import Clock
    from aurops.plan import Answer, Json

Value = TypeVar("Value")


class Side(StrEnum):
    """One of the two platforms."""

    V10 = "v10"
    V11 = "v11"


@dataclass(frozen=True)
class Comparison:
    """The records of both sides, counted exactly; a record is in one of the counts.

    Args:
        equal: Alike on both sides.
        in_flight: Changed while it was compared: not known to differ, not known to be equal.
        missing_v10: Only V11 has it.
        missing_v11: Only V10 has it.
        different: Both have it, and they differ.
        parked: Set aside for a person by the synchronisation.
        digest: Of the comparison, for the journal.
    """

    equal: int
    in_flight: int = 0
    missing_v10: int = 0
    missing_v11: int = 0
    different: int = 0
    parked: int = 0
    digest: str = ""

    @property
    def unequal(self) -> int:
        """Records that are known to differ, or wait for a person."""
        return self.missing_v10 + self.missing_v11 + self.different + self.parked

    @property
    def compared(self) -> int:
        """All records."""
        return self.equal + self.in_flight + self.unequal


@dataclass(frozen=True)
class Lag:
    """How far each way is behind: the age of the oldest change that was acknowledged and is not readable there yet.

    Args:
        to_v11_s: From V10 to V11, seconds.
        to_v10_s: From V11 to V10, seconds.
    """

    to_v11_s: float
    to_v10_s: float


@dataclass(frozen=True)
class Unsynced:
    """Acknowledged writes of V11 that V10 does not have.

    Args:
        count: How many.
        oldest_s: The age of the oldest, seconds; 0 when there is none.
        some: Names of the first of them.
    """

    count: int
    oldest_s: float = 0.0
    some: tuple[str, ...] = ()


@dataclass(frozen=True)
class Drained:
    """After a fence: what the fenced side acknowledged and the other does not have yet.

    Args:
        side: The fenced side.
        left: How many changes are still on their way; 0: drained.
    """

    side: Side
    left: int


@dataclass(frozen=True)
class SideSeen:
    """What probes from outside saw lately of one side of a region.

    Args:
        side: Which, as its answers say.
        sent: Probes that it answered.
        ok: Those with success.
        p50_s: Median latency of these, from when each was due; None: there was none.
        p99_s: Their 99th percentile.
    """

    side: str
    sent: int
    ok: int
    p50_s: float | None
    p99_s: float | None


@dataclass(frozen=True)
class Interruption:
    """How long a region was without an answer, as probes from outside and clients wrote down.

    Args:
        region: Which.
        began_s: When the first probe was due, Unix time.
        last_s: When the last one was.
        failing_s: At least so long: the longest stretch in which requests failed one after the other, seconds; of what
            reaches into the time since traffic began to move.
        without_s: At most so long: the longest time between two successes, whatever was between, seconds.
        recent_s: The same of what reaches into the time that was asked for.
        unasked_s: Time within which nobody asked: nothing is known of it.
        sent: Probes that are over.
        ok: Those with success.
        clients: Requests of clients' ledgers.
        sides: What was seen lately of each side.
        before: Traffic had not begun to move: `failing_s` and `without_s` are of the time that was asked for alone.
    """

    region: str
    began_s: float
    last_s: float
    failing_s: float
    without_s: float
    recent_s: float
    unasked_s: float
    sent: int
    ok: int
    clients: int = 0
    sides: tuple[SideSeen, ...] = ()
    before: bool = False

    def data(self) -> dict[str, Json]:
        """For the journal."""
        return {**asdict(self), "sides": [asdict(side) for side in self.sides]}

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> Self:
        """Read what `data` wrote."""
        return cls(**{**data, "sides": tuple(SideSeen(**side) for side in data["sides"])})


@dataclass(frozen=True)
class Rehearsed:
    """The rehearsed rollbacks of a run.

    Args:
        well: Runs that ended well at every proxy.
        not_well: Those that did not, or have not ended.
    """

    well: tuple[str, ...]
    not_well: tuple[str, ...] = ()


@dataclass(frozen=True)
class Watched:
    """Whether somebody watches a proxy.

    Args:
        proxy: Which.
        why_not: Why nobody does as it must be; empty: somebody does.
    """

    proxy: str
    why_not: str = ""


@dataclass(frozen=True)
class Operators:
    """Whether people could roll back now, from each of the hosts where they would.

    Args:
        hosts: The operators' hosts.
        why_not: Why not from one of them, or what is wrong with its clock or its machine; empty: from all.
    """

    hosts: tuple[str, ...]
    why_not: str = ""


class Verdict(StrEnum):
    """What a canary's statistics say."""

    PASS = "pass"  # noqa: S105 (a verdict, no password)
    ROLL_BACK = "roll back"
    UNDECIDED = "undecided"
    """It cannot tell yet; never taken for a pass."""


@dataclass(frozen=True)
class Judgement:
    """What the judge says of a region.

    Args:
        verdict: Pass, roll back, undecided.
        why: In words, with the evidence.
    """

    verdict: Verdict
    why: str


class EqualPort(Protocol):
    """Compares the data of both sides."""

    def equal(self, timeout_s: float) -> Observation[Comparison]:
        """The latest comparison, and when it was made."""
        ...


class LagPort(Protocol):
    """Measures how far each side is behind the other."""

    def lag(self, timeout_s: float) -> Observation[Lag]:
        """The lag now."""
        ...


class UnsyncedPort(Protocol):
    """Knows what V10 lacks."""

    def unsynced(self, timeout_s: float) -> Observation[Unsynced]:
        """Acknowledged V11 writes that V10 does not have, now."""
        ...


class FencePort(Protocol):
    """Stops the writes of one side."""

    def fence(self, side: Side, epoch: int, timeout_s: float) -> Answer:
        """From the answer on the side refuses every write of an older epoch, also after its restart. Idempotent.

        Raises:
            CallUnknownError: It may or may not have happened.
            StaleEpochError: It obeys a newer epoch.
            AuropsError: It did not happen, and why.
        """
        ...


class DrainedPort(Protocol):
    """Knows whether everything before a fence has arrived."""

    def drained(self, side: Side, timeout_s: float) -> Observation[Drained]:
        """What is still on its way from the fenced side."""
        ...


class JudgePort(Protocol):
    """Judges V11 against V10 by the traffic that both get."""

    def judge(self, region: str, timeout_s: float) -> Observation[Judgement]:
        """The verdict on a region, now; empty region: on all."""
        ...


class InterruptionPort(Protocol):
    """Asks a region from outside all the time."""

    def interruption(self, region: str, over_s: float, timeout_s: float) -> Observation[Interruption]:
        """What was seen of a region, and lately: within the last `over_s` seconds."""
        ...


class RehearsedPort(Protocol):
    """Knows which rollbacks were rehearsed."""

    def rehearsed(self, timeout_s: float) -> Observation[Rehearsed]:
        """Those of this run."""
        ...


class WatchedPort(Protocol):
    """Knows whether a watcher looks after a proxy."""

    def watched(self, proxy: str, timeout_s: float) -> Observation[Watched]:
        """Whether one does now."""
        ...


class OperatorsPort(Protocol):
    """Knows the operators' hosts."""

    def operators(self, timeout_s: float) -> Observation[Operators]:
        """Whether from each of them every proxy could be rolled back now."""
        ...


class NotConnected:
    """Every port, when nothing stands behind it: unknown for whoever asks, a refusal for whoever commands.

    Args:
        clock: Gives the time of an observation.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def equal(self, timeout_s: float) -> Observation[Comparison]:  # noqa: ARG002 (the protocol's)
        """Unknown."""
        return self._unknown("equal")

    def lag(self, timeout_s: float) -> Observation[Lag]:  # noqa: ARG002
        """Unknown."""
        return self._unknown("lag")

    def unsynced(self, timeout_s: float) -> Observation[Unsynced]:  # noqa: ARG002
        """Unknown."""
        return self._unknown("unsynced")

    def drained(self, side: Side, timeout_s: float) -> Observation[Drained]:  # noqa: ARG002
        """Unknown."""
        return self._unknown("drained")

    def judge(self, region: str, timeout_s: float) -> Observation[Judgement]:  # noqa: ARG002
        """Unknown."""
        return self._unknown("judge")

    def interruption(self, region: str, over_s: float, timeout_s: float) -> Observation[Interruption]:  # noqa: ARG002
        """Unknown."""
        return self._unknown("interruption")

    def rehearsed(self, timeout_s: float) -> Observation[Rehearsed]:  # noqa: ARG002
        """Unknown."""
        return self._unknown("rehearsed")

    def watched(self, proxy: str, timeout_s: float) -> Observation[Watched]:  # noqa: ARG002
        """Unknown."""
        return self._unknown("watched")

    def operators(self, timeout_s: float) -> Observation[Operators]:  # noqa: ARG002
        """Unknown."""
        return self._unknown("operators")

    def fence(self, side: Side, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """Refused."""
        raise OutsideError(
            f"the port `fence` is not connected: nothing here can stop writes to {side}",
            where="aurops/ports.py",
            next_step="connect the data synchronisation; stopped by hand, no watcher knows of it, and would go back",
        )

    def _unknown(self, port: str) -> Observation[Value]:
        return Observation(None, self._clock.now_s(), port, f"the port `{port}` is not connected")


@dataclass(frozen=True)
class Ports:
    """What a runbook was given for each port."""

    equal: EqualPort
    lag: LagPort
    unsynced: UnsyncedPort
    fence: FencePort
    drained: DrainedPort
    judge: JudgePort
    interruption: InterruptionPort = field(default_factory=lambda: NotConnected(RealClock()))
    rehearsed: RehearsedPort = field(default_factory=lambda: NotConnected(RealClock()))
    watched: WatchedPort = field(default_factory=lambda: NotConnected(RealClock()))
    operators: OperatorsPort = field(default_factory=lambda: NotConnected(RealClock()))


def not_connected(clock: Clock) -> Ports:
    """Stand-ins for all of them."""
    nothing = NotConnected(clock)
    return Ports(*(nothing,) * 10)
