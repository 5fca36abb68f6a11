"""One way to steer traffic: between regions for failover, between platforms for migration.

A driver steers by *weights* over *sides* that are configured beforehand. Nothing here adds or removes a backend, so
that weights and backend sets cannot change in one step: whoever wants other backends describes another proxy.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from aurops.errors import HeldError, OutsideError, UsageError
from aurops.plan import CallUnknownError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traffic.folder import Latch
    from traffic.hold import Hold

TOTAL_WEIGHT = 10_000
"""Weights sum to this, or are all 0: closed."""


class TamperedError(OutsideError):
    """Somebody else changed the file that steers the proxy; nothing was changed."""


class LatchedError(HeldError):
    """A rollback holds: no traffic goes forward until a person releases its latch."""


class OvertakenError(HeldError):
    """Somebody else wrote after this rollback was decided on: whoever looks again decides anew."""


class UnheardError(CallUnknownError):
    """A rollback is latched and written, so the proxy starts with it; that it obeys by now nobody has heard."""


@dataclass(frozen=True, slots=True)
class Steering:
    """Where requests go: as wanted, or as read back from what steers them.

    Args:
        weights: Share of each side out of `TOTAL_WEIGHT`; all 0 means closed: every request is refused.
        epoch: Fencing number (≥ 0), stamped on every request.

    Raises:
        UsageError: The weights do not sum to `TOTAL_WEIGHT`, or one is negative.
    """

    weights: Mapping[str, int]
    epoch: int

    def __post_init__(self) -> None:
        total = sum(self.weights.values())
        if not self.weights or min(self.weights.values()) < 0 or (total not in (0, TOTAL_WEIGHT)):
            said = ", ".join(f"{side} {weight}" for side, weight in self.weights.items()) or "none"
            raise UsageError(
                f"The weights sum to {total}, not to {TOTAL_WEIGHT}: {said}.",
                allowed=f"a whole number from 0 for each side, {TOTAL_WEIGHT} together; or 0 for all: closed",
            )
        if self.epoch < 0:
            raise UsageError(f"The epoch {self.epoch} is negative.", allowed="0 or more")

    @property
    def closed(self) -> bool:
        """Whether no side gets any request."""
        return not any(self.weights.values())

    def weight(self, side: str) -> int:
        """The share of a side; 0 when it is not named."""
        return self.weights.get(side, 0)


@dataclass(frozen=True, slots=True)
class Flow:
    """What a proxy counts for one side, since it started.

    Args:
        requests: Sent to the side itself, probes and repetitions included.
        under_way: Sent and not over yet, open WebSockets included.
        sockets: WebSockets that came about there, or at its fallback.
        instead: Requests that its fallback was given in its place.
        healthy: Backends that answer health checks now; None: nobody checks.
        starting: Whether the proxy has started just now, and has not asked often enough to know that nobody is well.
    """

    requests: int = 0
    under_way: int = 0
    sockets: int = 0
    instead: int = 0
    healthy: int | None = None
    starting: bool = False


@dataclass(frozen=True, slots=True)
class Active:
    """What is in effect.

    Args:
        steering: Read back from what steers, never from what was asked for.
        version: The name of this state; it follows from what it says.
        flows: What each side got.
        instead_before: `Flow.instead` of each side when this steering was made: what fell back before was known then.
        foreign: Why it is not what aurops wrote; empty: it is.
    """

    steering: Steering
    version: str
    flows: Mapping[str, Flow] = field(default_factory=dict)
    instead_before: Mapping[str, int] = field(default_factory=dict)
    foreign: str = ""

    def fallen(self) -> dict[str, str]:
        """Every side whose fallback serves, or served since this steering was made, and how that is known.

        A proxy that restarts counts from 0 again: any other number than the one before is news.
        """
        found = {}
        for side, flow in self.flows.items():
            if flow.instead not in (0, self.instead_before.get(side, 0)):
                found[side] = f"its fallback was given {flow.instead} requests in its place"
            elif flow.healthy == 0 and not flow.starting and side in self.instead_before and self.steering.weight(side):
                found[side] = "none of its backends answers health checks"
        return found


PUT_RIGHT = (
    "Roll back; or move what aurops wrote (`written` in the site's folder) over the file that steers, "
    "and have NGINX read it (POST /steering on its admin)."
)
"""What to do about a steering that is foreign."""
_FOREIGN = "+changed"


def decided(steering: Steering, instead_before: Mapping[str, int]) -> str:
    """A digest of what was decided, which a steering file carries: whoever reads it back makes it again.

    A side that is not named gets nothing, as one of weight 0.
    """
    weights = sorted((side, weight) for side, weight in steering.weights.items() if weight)
    said = [steering.epoch, weights, sorted(instead_before.items())]
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def read_back(
    steering: Steering, version: str, flows: Mapping[str, Flow], instead_before: Mapping[str, int], digest: object
) -> Active:
    """What is in effect: under the version that it says, if it is what was `decided`; else foreign.

    Args:
        steering: In effect.
        version: Of it, by its own word.
        flows: What each side got.
        instead_before: As it says.
        digest: Of what was decided, by its own word.
    """
    if digest == decided(steering, instead_before):
        return Active(steering, version, flows, instead_before)
    weights = ", ".join(f"{side} {weight}" for side, weight in steering.weights.items())
    why = f"Somebody else has steered: {weights} (epoch {steering.epoch}) are in effect, and aurops did not write that."
    return Active(steering, version + _FOREIGN, flows, instead_before, why)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is written beside a proxy, whatever it obeys so far: another one means that somebody wrote in between.

    Args:
        version: Of the steering file; empty: somebody else changed it.
        latch: The one that holds.
    """

    version: str
    latch: Latch | None


class Capability(StrEnum):
    """What a driver may or may not be able to do."""

    STICKY = "sticky: a user, else an API key, else a source address keeps its side while no weight moves past it"
    INSTANT = "instant: new weights hold for every request within a second"
    ZERO_LOSS = "zero loss: a change of weights fails no request and ends no connection"
    REFUSES_OLD_EPOCHS = "refuses an older epoch"
    FALLS_BACK = "falls back: a side that dies is replaced by another, without a step"
    CHECKS_HEALTH = "checks health: knows whether a side answers before it gets a request"
    CLOSES = "closes: all weights 0 refuses every request, as not executed"
    DRAINS = "drains: has the applications of a side close their WebSockets"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a driver can do here.

    Args:
        can: What it can.
        cannot: The others, each with the reason.
        tried: How far it was ever tried for real.
    """

    can: frozenset[Capability]
    cannot: Mapping[Capability, str]
    tried: str


@dataclass(frozen=True, slots=True)
class Drained:
    """How far a drain is.

    Args:
        left: Requests and WebSockets that are still under way at the side.
        closed: WebSockets and requests that ended since the drain began.
        reconnected: WebSockets that came about at the other sides since then.
        asked: Applications that were asked to close theirs.
        silent: Those of them without an answer within `traffic.draining.ANSWER_S`: one may answer only when it has
            closed all of them, or hang. What is left there is what the proxy counts, whoever answers.
        failed: Those that could not be asked, or refuse, each with why; the next call asks them again.
    """

    left: int
    closed: int = 0
    reconnected: int = 0
    asked: int = 0
    silent: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class Driver(Protocol):
    """What can steer one proxy, or one thing that acts as one. All calls are idempotent.

    A call that returns is in effect. One that raises `aurops.plan.CallUnknownError` may be; after any other error
    nothing was changed.
    """

    def capabilities(self) -> Capabilities:
        """What it can do here."""
        ...

    def observe(self) -> Active:
        """What is in effect now, as the proxy says itself.

        Raises:
            OutsideError: It does not answer.
        """
        ...

    def well(self, side: str) -> int | None:
        """How many backends of a side answer health checks now; None: there is nothing to ask them.

        Where the proxy does not look itself, or not for long enough yet, they are asked from here.

        Raises:
            OutsideError: The proxy does not answer.
        """
        ...

    def latch(self) -> Latch | None:
        """The rollback that holds; None: none does."""
        ...

    def standing(self) -> Standing:
        """What is written now; for `roll_back`, by whoever looks first and decides then. Never raises."""
        ...

    def changed(self) -> str:
        """Why what the proxy would start with is not what was written here, and what to do; empty: it is. Never raises.

        Needs no proxy: also one that is down says so before it comes up.
        """
        ...

    def lay_way_back(self) -> str:
        """Prepare the rollback, and have what steers check it without using it; returns what that says.

        Raises:
            UsageError: No side is a way back.
            OutsideError: It is found wrong, in the proxy's own words; a rollback could not be one move; or the proxy
                does not answer.
        """
        ...

    def shift(self, wanted: Steering, *, overwrite: bool = False) -> Active:
        """Steer so, and return once it is in effect.

        Args:
            wanted: Every side of the proxy and no other, by name.
            overwrite: Also over a file that somebody else changed.

        Raises:
            UsageError: Other sides than the proxy has.
            LatchedError: A rollback holds.
            StaleEpochError: A newer epoch is in effect.
            TamperedError: Somebody else changed the proxy's file.
            HeldError: A side fell back unnoticed, or one that is to get more has no healthy backend, is held, or is
                not watched; or the way back has none while others are to get more.
            OutsideError: The proxy does not answer; or its own binary finds the way back wrong, unless the step is one
                back.
            CallUnknownError: The proxy was told, and has not said in time that it obeys.
        """
        ...

    def roll_back(
        self,
        reason: str,
        who: str,
        *,
        epoch: int | None = None,
        rehearsal: bool = False,
        anew: bool = False,
        standing: Standing | None = None,
    ) -> Active:
        """Latch, and send everything to the side that others fall back to; goes ahead whatever the file holds.

        Args:
            reason: Why, for people.
            who: Who says so.
            epoch: Of the latch; None: one more than in effect. A lower one than in effect is raised to that.
            rehearsal: It is only to see whether it works, and moves no traffic: refused unless all of it is at the way
                back, as seen by whoever keeps every step out. A latch that holds already stays; but one in earnest
                takes the place of a rehearsal's, under a higher epoch, so that who rehearsed cannot release it.
            anew: A person says so: also a latch in earnest gives way to one of a higher epoch, so that a release that
                was approved for the old one does not take this away. Without (the watcher, who says it again and
                again) one in earnest that holds already stays.
            standing: What was written when whoever decided on this began to look; None: a person wants it, whatever
                was written since. A latch that a person released meanwhile is not raised again by what was seen before.

        Raises:
            OvertakenError: Something else than `standing` is written by now; a latch that it raised before it saw that
                stays.
            HeldError: A rehearsal, and not everything is at the way back; or a rollback came in between.
            UnheardError: It is latched and written, and the proxy has not said that it obeys.
            CallUnknownError: Nobody knows.
            OutsideError: Nothing could be written.
        """
        ...

    def release(self, who: str, epoch: int, *, overwrite: bool = False) -> None:
        """Take the latch away, for a new plan of this epoch; `overwrite` as for `shift`.

        Raises:
            TamperedError: Somebody else changed the proxy's file.
            StaleEpochError: The epoch is not above the latch's.
        """
        ...

    def hold(self) -> Hold | None:
        """The hold that keeps sides with a fallback from getting more; None: there is none."""
        ...

    def unwatched(self) -> str:
        """Why nobody watches the proxy as it must be, now; empty: somebody does. Never raises."""
        ...

    def put_hold(self, hold: Hold) -> None:
        """Hold, unless somebody does already.

        Raises:
            OutsideError: It cannot be written.
        """
        ...

    def release_hold(self, who: str, *, overwrite: bool = False) -> None:
        """Take the hold away; what fell back until now is known then. A hold that is not there is fine.

        `overwrite` as for `shift`: the watcher would put the hold again while the file is not as it was written.

        Raises:
            TamperedError: Somebody else changed the proxy's file.
            OutsideError: The proxy does not answer, or the hold cannot be taken away.
        """
        ...

    def drain(self, side: str, epoch: int, *, spread_s: float, wait_s: float) -> Drained:
        """Have what is left on a side without weight end; again and again until nothing is left.

        Args:
            side: It has no weight.
            epoch: The caller's.
            spread_s: Its applications close their WebSockets over so many seconds. Each is asked once, and again
                whenever something is left some seconds after they should be done.
            wait_s: Return after so long at most, with what is left then.

        Raises:
            HeldError: The side has weight.
            StaleEpochError: A newer epoch is in effect.
            OutsideError: The proxy does not answer, or none of the applications can be asked.
        """
        ...
