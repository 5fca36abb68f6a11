"""A driver in memory that can fail at every call, before or after it took effect; for tests of whoever uses drivers."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from aurops.errors import HeldError, OutsideError, UsageError
from aurops.plan import CallUnknownError, StaleEpochError
from traffic.driver import (
    TOTAL_WEIGHT,
    Active,
    Capabilities,
    Capability,
    Drained,
    Flow,
    LatchedError,
    OvertakenError,
    Standing,
    Steering,
    TamperedError,
    UnheardError,
)
from traffic.folder import Latch
from traffic.latching import refuse_rehearsal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from traffic.hold import Hold


class Failure(StrEnum):
    """How a call fails."""

    BEFORE = "nothing was done"
    AFTER = "it was done, and nobody heard"


class MemoryDriver:
    """A `traffic.driver.Driver` in memory.

    Args:
        sides: Each side with the one that serves when it dies, or None.
        weights: In effect at first, under epoch 1.
    """

    def __init__(self, sides: Mapping[str, str | None], weights: Mapping[str, int]) -> None:
        self.failures: dict[str, Failure] = {}
        self.calls: list[str] = []
        self.up = True
        self.tampered = False
        self.watched = True
        self.held: Hold | None = None
        self._sides = dict(sides)
        self.before_put: Callable[[], object] = lambda: None
        self._way_back = next((instead for instead in sides.values() if instead), None)
        self._flows = {side: Flow(healthy=1) for side in sides}
        self._steering = Steering(weights, 1)
        self._before = dict.fromkeys((side for side, instead in sides.items() if instead), 0)
        self._latch: Latch | None = None

    def fail(self, call: str, how: Failure) -> None:
        """Have the next call of this name fail so."""
        self.failures[call] = how

    def serve(self, side: str) -> str:
        """A request that the weights give this side; returns which one served it."""
        dead = self._flows[side].healthy == 0
        by = self._sides[side] if dead and self._sides[side] else side
        flow = self._flows[side]
        self._flows[side] = replace(flow, instead=flow.instead + 1) if by != side else flow
        self._flows[by or side] = replace(self._flows[by or side], requests=self._flows[by or side].requests + 1)
        return by or side

    def set_flow(self, side: str, flow: Flow) -> None:
        """What the proxy counts for a side from now on."""
        self._flows[side] = flow

    def capabilities(self) -> Capabilities:
        """All of them."""
        return Capabilities(frozenset(Capability), {}, "never: it is in memory")

    def observe(self) -> Active:
        """What is in effect."""
        self._begin("observe")
        self._end("observe")
        return self._active()

    def well(self, side: str) -> int | None:
        """As the flows say."""
        return self.observe().flows[side].healthy

    def latch(self) -> Latch | None:
        """The rollback that holds."""
        self._begin("latch", needs_proxy=False)
        self._end("latch")
        return self._latch

    def standing(self) -> Standing:
        """By the version in effect, and the latch."""
        return Standing(self._active().version, self._latch)

    def changed(self) -> str:
        """As a test has set it."""
        return "Somebody else changed what steers this proxy." if self.tampered else ""

    def lay_way_back(self) -> str:
        """There is nothing to lay."""
        if self._way_back is None:
            raise UsageError("No side of this proxy is a way back.")
        self._begin("lay_way_back")
        self._end("lay_way_back")
        return "in memory"

    def shift(self, wanted: Steering, *, overwrite: bool = False) -> Active:
        """Steer so."""
        self._check_names(wanted)
        self._begin("shift")
        if self._latch:
            raise LatchedError(f"A rollback holds: {self._latch.reason}.")
        if wanted.epoch < self._steering.epoch:
            raise StaleEpochError(f"epoch {self._steering.epoch} is in effect")
        self._check_ours(overwrite=overwrite)
        self._check_forward(wanted)
        self.before_put()
        self._put(wanted)
        if self._latch is not None:
            self._put(Steering(self._all_back(), max(wanted.epoch, self._latch.epoch)))
            raise LatchedError(f"A rollback came in between: {self._latch.reason}.")
        self._end("shift")
        return self._active()

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
        """Latch, then everything to the way back."""
        if self._way_back is None:
            raise UsageError("No side of this proxy is a way back.")
        self._begin("roll_back", needs_proxy=False)
        if standing not in (None, self.standing()):
            raise OvertakenError("Somebody has written since this rollback was decided on, so it went no further.")
        if rehearsal:
            refuse_rehearsal(self._steering, self._way_back, "in memory")
        known = self._steering.epoch
        if self._latch is None or (not rehearsal and (anew or self._latch.rehearsal)):
            above = max(known + 1, epoch or 0, self._latch.epoch + 1 if self._latch else 0)
            self._latch = Latch(epoch=above, reason=reason, who=who, at="now", rehearsal=rehearsal)
        if (
            self._steering.weight(self._way_back) != TOTAL_WEIGHT
            or self._steering.epoch < self._latch.epoch
            or self.tampered
        ):
            self._put(Steering(self._all_back(), max(known, self._latch.epoch)))
        self._end("roll_back")
        if not self.up:
            raise UnheardError("latched and written, but the proxy does not answer")
        return self._active()

    def release(self, who: str, epoch: int, *, overwrite: bool = False) -> None:
        """Take the latch away."""
        self._begin("release")
        if self._latch:
            self._check_ours(overwrite=overwrite)
            if epoch <= self._latch.epoch:
                raise StaleEpochError(f"the latch of {self._latch.who} has epoch {self._latch.epoch}, {who}")
            self._put(Steering(self._steering.weights, max(epoch, self._steering.epoch)))
            self._latch = None
        self._end("release")

    def hold(self) -> Hold | None:
        """The hold, if a test has set one."""
        return self.held

    def unwatched(self) -> str:
        """As a test has set it."""
        return "" if self.watched else "its watcher is gone"

    def put_hold(self, hold: Hold) -> None:
        """Held."""
        self.held = self.held or hold

    def release_hold(self, who: str, *, overwrite: bool = False) -> None:
        """Take it away."""
        self._begin("release_hold")
        if self.held:
            self._check_ours(overwrite=overwrite)
        self.held = None if who else self.held
        self._put(self._steering)
        self._end("release_hold")

    def drain(self, side: str, epoch: int, *, spread_s: float, wait_s: float) -> Drained:
        """Whatever is left on the side ends at once, and its WebSockets come back elsewhere."""
        if side not in self._sides:
            raise UsageError(f"There is no side {side!r}.")
        self._begin("drain")
        if epoch < self._steering.epoch:
            raise StaleEpochError(f"epoch {self._steering.epoch} is in effect")
        if self._steering.weight(side):
            raise HeldError(f"{side} has weight.")
        closed = self._flows[side].under_way if spread_s + wait_s >= 0 else 0
        self._flows[side] = replace(self._flows[side], under_way=0)
        self._end("drain")
        return Drained(left=0, closed=closed, reconnected=closed, asked=1)

    def _check_ours(self, *, overwrite: bool) -> None:
        if self.tampered and not overwrite:
            raise TamperedError("Somebody else changed what steers this proxy.")

    def _check_names(self, wanted: Steering) -> None:
        if set(wanted.weights) != set(self._sides):
            raise UsageError("These weights are of other sides.", allowed=", ".join(self._sides))

    def _check_forward(self, wanted: Steering) -> None:
        more = [side for side in self._sides if wanted.weight(side) > self._steering.weight(side)]
        if self.held and any(self._sides[side] for side in more):
            raise HeldError(f"A hold is on this proxy: {self.held.reason}.")
        for side, why in self._active().fallen().items():
            raise HeldError(f"{side} fell back: {why}.")
        for side in more:
            if self._flows[side].healthy == 0:
                raise HeldError(f"{side} is to get more, and is not well.")
        if self._way_back and self._flows[self._way_back].healthy == 0 and any(self._sides[side] for side in more):
            raise HeldError(f"{self._way_back} is the way back, and is not well.")
        if (why := self.unwatched()) and any(self._sides[side] for side in more):
            raise HeldError(f"Nobody watches this proxy: {why}.")

    def _all_back(self) -> Mapping[str, int]:
        return {side: TOTAL_WEIGHT * (side == self._way_back) for side in self._sides}

    def _put(self, steering: Steering) -> None:
        self._steering = Steering({side: steering.weight(side) for side in self._sides}, steering.epoch)
        self._before = {side: self._flows[side].instead for side in self._before}
        self.tampered = False

    def _active(self) -> Active:
        said = ",".join(f"{side}:{weight}" for side, weight in self._steering.weights.items())
        return Active(self._steering, f"{self._steering.epoch}-{said}", dict(self._flows), dict(self._before))

    def _begin(self, call: str, *, needs_proxy: bool = True) -> None:
        self.calls.append(call)
        if self.failures.get(call) is Failure.BEFORE or (needs_proxy and not self.up):
            self.failures.pop(call, None)
            raise OutsideError(f"{call}: {Failure.BEFORE}")

    def _end(self, call: str) -> None:
        if self.failures.pop(call, None) is Failure.AFTER:
            raise CallUnknownError(f"{call}: {Failure.AFTER}")
