"""What a cutover sees of the proxies, and what it may ask of them: the seam between plan and target."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from aurops.plan import Answer, Observation

TOTAL_WEIGHT = 10_000
"""Weights of one proxy sum to this, or are all 0: closed."""
OLD, NEW = "v10", "v11"
"""The side that traffic leaves, and the one that it goes to."""


REHEARSAL = "rehearsal "
"""How the reason of a rehearsed rollback begins; that it is one says its latch."""


@dataclass(frozen=True)
class Latched:
    """A rollback that holds: nothing goes forward until a person releases it with a new plan.

    Args:
        epoch: Nothing of this epoch or below steers any more.
        reason: Why, for people.
        who: Who rolled back.
        at: When, in UTC, for people.
        rehearsal: It was left by a rehearsal: a rollback in earnest, of whatever words, would have taken its place.
    """

    epoch: int
    reason: str
    who: str
    at: str = ""
    rehearsal: bool = False


@dataclass(frozen=True)
class Held:
    """A hold: nothing goes forward at this proxy until a person lets go.

    Args:
        run: The cutover that is held.
        reason: Why, for people.
        who: Who holds.
    """

    run: str
    reason: str
    who: str


@dataclass(frozen=True)
class ProxyState:
    """What a proxy has in effect, as it says itself.

    Args:
        epoch: Of its steering.
        weights: Share of each side out of `TOTAL_WEIGHT`.
        latch: The rollback that holds; None: none does.
        under_way: Requests and WebSockets per side that are not over yet.
        hold: What keeps it from going forward; None: nothing does.
        changed: Why its steering, or the file it would start with, is not what aurops wrote; empty: it is.
        unheard: Whether the file it would start with is a later one that it has not heard of: whoever wrote that was
            killed, or the proxy did not answer.
    """

    epoch: int
    weights: Mapping[str, int]
    latch: Latched | None = None
    under_way: Mapping[str, int] = field(default_factory=dict)
    hold: Held | None = None
    changed: str = ""
    unheard: bool = False

    def weight(self, side: str) -> int:
        """The share of a side; 0 when it is not named."""
        return self.weights.get(side, 0)


@dataclass(frozen=True)
class World:
    """Everything observed at once.

    Args:
        now: The time of day in UTC.
        proxies: Each proxy by name; a value or unknown.
        probed: Whether the run's probes are sent from this host.
    """

    now: datetime
    proxies: Mapping[str, Observation[ProxyState]]
    probed: bool = False

    def state(self, proxy: str) -> ProxyState | None:
        """A proxy's state; None when unknown."""
        return self.proxies[proxy].value

    def highest_epoch(self) -> int:
        """The highest epoch that any proxy or latch is known to have."""
        states = [seen.value for seen in self.proxies.values() if seen.value is not None]
        return max((max(state.epoch, state.latch.epoch if state.latch else 0) for state in states), default=0)


class Target(Protocol):
    """The proxies of a cutover. Every command is idempotent, and refuses an older epoch.

    Each raises `CallUnknownError` when it may or may not have happened, `StaleEpochError` when a newer epoch is obeyed,
    and an `AuropsError` when it did not happen, with the reason.
    """

    def observe(self) -> Mapping[str, Observation[ProxyState]]:
        """Every proxy, as it says itself. Never raises."""
        ...

    def unwatched(self, proxy: str) -> str:
        """Why no watcher obeys this cutover at the proxy, if that stays so for a heartbeat or two; empty: one does."""
        ...

    def cut_off(self, timeout_s: float) -> str:
        """Why people could not roll back from every operators' host, as prepared; empty: they could."""
        ...

    def prepare(self, proxy: str, epoch: int, timeout_s: float) -> Answer:
        """Put in place all that a rollback of this proxy needs; that it loads, the rehearsals show."""
        ...

    def rehearse(self, proxy: str, reason: str, epoch: int, timeout_s: float) -> Answer:
        """Roll the proxy back, as in earnest, see that it took effect, and release its own latch, no other."""
        ...

    def shift(self, proxy: str, weights: Mapping[str, int], epoch: int, timeout_s: float) -> Answer:
        """Give sides their weights; those not named get none. Refused while a latch holds."""
        ...

    def drain(self, proxy: str, side: str, epoch: int, timeout_s: float) -> Answer:
        """Have what is left on a side without weight end; `waiting` while something is."""
        ...

    def roll_back(self, proxy: str, reason: str, epoch: int, timeout_s: float) -> Answer:
        """Latch, and send everything to the old side."""
        ...

    def hold(self, proxy: str, run: str, reason: str, timeout_s: float) -> Answer:
        """Let nothing go forward at the proxy until a person lets go; whoever watches it calls one."""
        ...

    def stand_down(self, reason: str) -> None:
        """What lies ready for a rollback says from now on that there is no way back, and why."""
        ...

    def stand_by(self) -> None:
        """What lies ready says again that there is a way back: it was not given up after all."""
        ...

    def release(self, proxy: str, latch_epoch: int, epoch: int, timeout_s: float) -> Answer:
        """Take the latch of exactly this epoch away, and no other; that it is gone already is fine."""
        ...
