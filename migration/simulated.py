"""Proxies and probes in memory, with the rules that a cutover depends on: epochs, a latch, a lock; never times."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aurops.errors import HeldError, OutsideError
from aurops.plan import Answer, CallUnknownError, Observation, StaleEpochError
from aurops.ports import Interruption, SideSeen
from migration.model import NEW, OLD, TOTAL_WEIGHT, Held, Latched, ProxyState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from aurops.clock import Clock


@dataclass
class _Proxy:
    epoch: int = 0
    weights: dict[str, int] = field(default_factory=lambda: {NEW: 0, OLD: TOTAL_WEIGHT})
    latch: Latched | None = None
    left: int = 3
    """WebSockets on the old side."""
    prepared: bool = False
    rehearsed: int = 0
    reachable: bool = True
    hold: Held | None = None
    changed: str = ""
    """Why its steering is not what was written; empty: it is."""
    unwatched: str = ""
    """Why nobody watches it; empty: somebody does."""
    past: list[int] = field(default_factory=lambda: [0])
    """Every weight that the new side ever had, in order."""


class SimulatedProxies:
    """A `migration.model.Target` in memory.

    Args:
        names: The proxies.
        clock: Gives the time of observations.
    """

    def __init__(self, names: tuple[str, ...], clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self.proxies = {name: _Proxy() for name in names}
        self.stood_down = ""
        self.why_cut_off = ""

    def observe(self) -> Mapping[str, Observation[ProxyState]]:
        """What those say that can be reached."""
        with self._lock:
            return dict(self._states())

    def _states(self) -> Iterator[tuple[str, Observation[ProxyState]]]:
        now_s = self._clock.now_s()
        for name, found in self.proxies.items():
            state = ProxyState(
                found.epoch, dict(found.weights), found.latch, {OLD: found.left}, found.hold, found.changed
            )
            seen = Observation(state, now_s, name) if found.reachable else Observation(None, now_s, name, "no answer")
            yield name, seen

    def cut_off(self, timeout_s: float) -> str:  # noqa: ARG002 (nothing takes time here)
        """As it is set."""
        return self.why_cut_off

    def unwatched(self, proxy: str) -> str:
        """As it is set."""
        with self._lock:
            return self.proxies[proxy].unwatched

    def prepare(self, proxy: str, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002 (nothing takes time here)
        """Note it."""
        with self._lock:
            self._obeys(proxy, epoch).prepared = True
        return Answer()

    def rehearse(self, proxy: str, reason: str, epoch: int, timeout_s: float) -> Answer:
        """Roll back, and release under the next epoch, if that is not above the caller's."""
        with self._lock:
            found = self._obeys(proxy, epoch)
            if not found.prepared:
                raise OutsideError(f"nothing is prepared at {proxy}")
            if found.weights[NEW]:
                raise HeldError(f"a rehearsal moves no traffic, and {proxy} sends {found.weights[NEW]} to {NEW}")
            self.roll_back(proxy, reason, 0, timeout_s, rehearsal=True)
            latch = found.latch
            if latch is None or not latch.rehearsal:
                raise HeldError(f"a rollback holds at {proxy}: {latch.reason if latch else ''}")
            self.release(proxy, latch.epoch, epoch, timeout_s)
            found.rehearsed += 1
        return Answer()

    def shift(self, proxy: str, weights: Mapping[str, int], epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """Steer, unless a latch holds."""
        with self._lock:
            found = self._obeys(proxy, epoch)
            if found.latch:
                raise HeldError(f"a rollback holds at {proxy}: {found.latch.reason}")
            if found.hold and weights[NEW] > found.weights[NEW]:
                raise HeldError(f"a hold is on {proxy}: {found.hold.reason}")
            found.epoch, found.weights = epoch, dict(weights)
            found.past.append(weights[NEW])
        return Answer({"weights": dict(weights)})

    def drain(self, proxy: str, side: str, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """One WebSocket ends with each call."""
        with self._lock:
            found = self._obeys(proxy, epoch)
            if found.weights.get(side):
                raise HeldError(f"{side} still has weight at {proxy}")
            found.left = max(0, found.left - 1)
            return Answer(waiting=f"{found.left} are left") if found.left else Answer()

    def roll_back(
        self,
        proxy: str,
        reason: str,
        epoch: int,
        timeout_s: float,  # noqa: ARG002
        who: str = "the run",
        *,
        rehearsal: bool = False,
    ) -> Answer:
        """Latch and go back, whatever holds; an epoch that is not above what is in effect is raised.

        A latch that holds stays, unless it is a rehearsal's: what is in earnest takes its place.
        """
        with self._lock:
            found = self.proxies[proxy]
            if not found.reachable:
                raise CallUnknownError(f"{proxy} does not answer")
            if found.latch is None or (found.latch.rehearsal and not rehearsal):
                found.epoch = max(found.epoch + 1, epoch)
                found.latch = Latched(found.epoch, reason, who, rehearsal=rehearsal)
            found.weights = {NEW: 0, OLD: TOTAL_WEIGHT}
            found.past.append(0)
        return Answer()

    def hold(self, proxy: str, run: str, reason: str, timeout_s: float) -> Answer:  # noqa: ARG002 (nothing takes time)
        """Note it."""
        with self._lock:
            self.proxies[proxy].hold = self.proxies[proxy].hold or Held(run, reason, "the run")
        return Answer()

    def stand_down(self, reason: str) -> None:
        """Note it."""
        self.stood_down = reason

    def stand_by(self) -> None:
        """Forget it."""
        self.stood_down = ""

    def release(self, proxy: str, latch_epoch: int, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """Take exactly this latch away, under the next epoch."""
        with self._lock:
            found = self._obeys(proxy, epoch)
            if found.latch is None:
                return Answer()
            if found.latch.epoch != latch_epoch:
                raise HeldError(f"another rollback holds at {proxy}: {found.latch.reason}")
            if epoch <= latch_epoch:
                raise StaleEpochError(f"the latch of {proxy} has epoch {latch_epoch}")
            found.latch, found.epoch = None, latch_epoch + 1
        return Answer()

    def _obeys(self, proxy: str, epoch: int) -> _Proxy:
        found = self.proxies[proxy]
        if not found.reachable:
            raise CallUnknownError(f"{proxy} does not answer")
        if epoch < found.epoch:
            raise StaleEpochError(f"{proxy} obeys epoch {found.epoch}")
        return found


class SimulatedProbing:
    """A `migration.probing.Probing` in memory: everything is answered at once, unless said otherwise.

    Args:
        clock: Time.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began_s = 0.0
        self.sending = False
        self.started = 0
        self.failing_s: dict[str, float] = {}
        """By region, how long it was without an answer."""
        self.recent_s: dict[str, float] = {}
        """By region, of how long nobody knows."""
        self.sides: tuple[SideSeen, ...] = ()
        """What is seen of each side."""
        self.moved_s: float | None = None
        """When traffic began to move."""

    def alive(self) -> bool:
        """Whether they are sent."""
        return self.sending

    def died(self) -> bool:
        """Whether they should be sent and are not."""
        return bool(self.started) and not self.sending

    def start(self) -> Answer:
        """Note it."""
        self._began_s = self._began_s if self.started else self._clock.now_s()
        self.sending = True
        self.started += 1
        return Answer()

    def stop(self) -> Answer:
        """Note it."""
        self.sending = False
        return Answer()

    def count_from(self, moved_s: float | None) -> None:
        """Note it."""
        self.moved_s = moved_s

    def interruption(self, region: str, over_s: float, timeout_s: float) -> Observation[Interruption]:  # noqa: ARG002
        """As it is set; unknown while nothing is sent."""
        now_s = self._clock.now_s()
        if not self.sending:
            return Observation(None, now_s, region, "no probe is sent")
        failing_s = self.failing_s.get(region, 0.0)
        recent_s = self.recent_s.get(region, failing_s)
        seen = Interruption(
            region, self._began_s, now_s, failing_s, max(failing_s, recent_s), recent_s, recent_s, 20, 20
        )
        seen = replace(seen, sides=self.sides, before=self.moved_s is None)
        return Observation(seen, now_s, region)
