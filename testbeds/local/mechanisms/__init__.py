"""How each fault is done to a local bed: one small class per mechanism, and the one table that knows which is which."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from testbeds.local import volumes
from testbeds.local.layout import VANTAGES
from testbeds.local.links import Way
from testbeds.local.mechanisms import scopes
from testbeds.local.mechanisms.amends import Restart, Revive
from testbeds.local.mechanisms.cuts import Cut, Witness
from testbeds.local.mechanisms.full_disk import DiskFull
from testbeds.local.mechanisms.second import Second
from testbeds.local.mechanisms.signals import Flap, Freeze, Kill
from testbeds.local.mechanisms.slow_disk import SlowDisk, throttle_lacking
from testbeds.local.mechanisms.watchers import ClockJump, StoreLost
from testbeds.local.wiring import EDGE, OUTSIDE, at_the_border, between

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbeds.local.layout import Layout

MUTED, SILENCED = VANTAGES[:2]
"""The vantage point that says nothing or sees nothing; another, whose reports do not arrive."""


class Mechanism(Protocol):
    """One fault, ready to be done. Every method may be called in another process than the one before."""

    def ready(self) -> None:
        """Do no harm yet.

        Raises:
            OutsideError: There is nothing to hit, or something that it needs is missing.
        """
        ...

    def inject(self) -> int:
        """Do it; returns how many processes (links, files) were hit.

        Raises:
            OutsideError: It could not be done in time; some harm may have been done.
        """
        ...

    def proved(self) -> bool:
        """Whether it is seen to be in effect: in the processes or in the world, not in what was sent."""
        ...

    def undo(self) -> None:
        """End it, whoever began it. Repeatable.

        Raises:
            OutsideError: It could not be ended.
        """
        ...


def mechanism(fault: str, region: str, place: Layout) -> Mechanism:
    """The mechanism of a fault of `failover.faults.FAULTS`, at a region of a bed."""
    return _TABLE[fault](place, region)


def _cut(place: Layout, region: str) -> Mechanism:
    links = tuple(at_the_border(place, region))
    agent = place.region(region).agent_port
    return Cut(place, links, Way.BOTH, [Witness(link, "/observe") for link in links if link.to_port == agent])


def _blind(place: Layout, _region: str) -> Mechanism:
    probes = between(place, MUTED, EDGE)
    return Cut(place, [probes], Way.BOTH, [Witness(probes, "/")])


def _one_way(place: Layout, _region: str) -> Mechanism:
    probes, reports = between(place, MUTED, EDGE), between(place, OUTSIDE, SILENCED)
    return Cut(place, [probes, reports], Way.BACK, [Witness(probes, "/"), Witness(reports, "/report")])


def lacking(fault: str) -> str:
    """What this user or machine lacks to do a fault; empty: nothing. Signals and links need no right of their own."""
    look = _LACKING.get(fault)
    return look() if look else ""


_LACKING: dict[str, Callable[[], str]] = {
    "disk-full": volumes.lacking,
    "slow-disk": lambda: throttle_lacking(Path(tempfile.gettempdir())),
}
_TABLE: dict[str, Callable[[Layout, str], Mechanism]] = {
    "kill": lambda place, region: Kill(scopes.regions(place, region), Revive(place, region)),
    "freeze": lambda place, region: Freeze(scopes.regions(place, region)),
    "database": lambda place, region: Kill(scopes.database(place, region), Restart(place, region)),
    "nodes": lambda place, region: Kill(scopes.nodes(place, region), Restart(place, region)),
    "cache": lambda place, region: Kill(scopes.cache(place, region), Restart(place, region)),
    "slow-replica": lambda place, region: Freeze(scopes.database(place, region)),
    "mute": lambda place, _: Freeze(scopes.vantage(place, MUTED)),
    "all-sick": lambda place, _: Freeze(scopes.regions(place, *(region.name for region in place.regions))),
    "double": lambda place, region: Freeze(scopes.regions(place, region, place.others(region)[0])),
    "disk-full": DiskFull,
    "slow-disk": SlowDisk,
    "cut": _cut,
    "blind": _blind,
    "one-way": _one_way,
    "second": lambda place, region: Second(place, region, Revive(place, region)),
    "store": lambda place, _: StoreLost(place),
    "clock": lambda place, _: ClockJump(place),
    "flapping": lambda place, region: Flap(scopes.regions(place, region)),
}
