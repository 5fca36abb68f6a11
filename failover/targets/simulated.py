"""Three regions in memory, with the rules of PostgreSQL that a failover depends on; proves plans, never times.

A write goes to the region with traffic, is acknowledged when another region holds it, and a standby sends on what it
has to whoever follows it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aurops.errors import OutsideError
from aurops.plan import Answer, CallUnknownError, Observation, StaleEpochError
from failover.model import (
    CacheRole,
    Capabilities,
    Capability,
    DatabaseRole,
    DatabaseState,
    EdgeState,
    RegionState,
    World,
)
from traffic.driver import TOTAL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping

REGIONS = ("north", "south", "west")


@dataclass
class _Region:
    log: list[str] = field(default_factory=list)
    role: DatabaseRole = DatabaseRole.STANDBY
    following: str | None = None
    voters: tuple[str, ...] = ()
    fence_epoch: int = 1
    node_epoch: int | None = None
    held_epoch: int | None = None
    held: list[str] = field(default_factory=list)
    cache: CacheRole = CacheRole.REPLICA
    highest_epoch: int = 1
    fenced: bool = False
    reachable: bool = True
    alive: bool = True


class SimulatedTarget:
    """A `failover.model.Target` in memory.

    Args:
        now_s: Returns the time of observations, in seconds.
    """

    def __init__(self, now_s: float = 0.0) -> None:
        self._now_s = now_s
        self._lock = threading.RLock()
        self.regions = {name: _Region(following="north") for name in REGIONS}
        self.weights: dict[str, int] = {"north": TOTAL_WEIGHT}
        self.stamp_epoch = 1
        self.edge_epoch = 1
        self.acknowledged: list[str] = []
        self.refused: list[str] = []
        self.under_way: dict[str, int] = {}
        self._waiting: list[tuple[_Region, str]] = []
        north = self.regions["north"]
        north.role, north.following, north.cache = DatabaseRole.PRIMARY, None, CacheRole.PRIMARY
        north.voters, north.node_epoch = ("south", "west"), 1

    def capabilities(self) -> Capabilities:
        """Everything, on paper."""
        standby = {n: (r.alive and r.role is DatabaseRole.STANDBY, str(r.role)) for n, r in self.regions.items()}
        return Capabilities(frozenset(Capability), standby, "in memory only: proves plans, never times")

    def kill(self, region: str) -> None:
        """The region's processes end."""
        self.regions[region].alive = self.regions[region].reachable = False

    def isolate(self, region: str) -> None:
        """The region lives on, but the orchestrator cannot reach it (frozen agent, cut)."""
        self.regions[region].reachable = False

    def heal(self, region: str) -> None:
        """Power and network are back; a database that was killed stays down until it is told what to be."""
        found = self.regions[region]
        if not found.alive:
            found.role, found.following, found.fenced, found.node_epoch = DatabaseRole.DOWN, None, True, None
        found.alive = found.reachable = True

    def write(self, identifier: str, region: str | None = None) -> bool:
        """A client's write through the edge (or straight at a region, past the edge); True when acknowledged at once.

        One that is not may be held or wait for a voter; then it is among the acknowledged or the refused ones later.
        """
        with self._lock:
            served = region or next((name for name, weight in self.weights.items() if weight), None)
            found = self.regions[served] if served else _Region(alive=False)
            if found.alive and region is None and found.node_epoch != self.stamp_epoch == found.held_epoch:
                found.held.append(identifier)
            else:
                self._serve(found, identifier, anyhow=region is not None)
            return identifier in self.acknowledged

    def lag(self, region: str) -> None:
        """This standby misses the changes that come until it follows somebody again."""
        self.regions[region].following = None

    def observe(self) -> World:
        """What the agents that can be reached say."""
        with self._lock:
            regions = {name: self._observe(name) for name in REGIONS}
            edge = EdgeState(self.edge_epoch, dict(self.weights), self.stamp_epoch, dict(self.under_way))
            return World(regions, Observation(edge, self._now_s, "simulated"))

    def fence(self, region: str, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002 (nothing takes time here)
        """Stop it."""
        with self._command(region, epoch) as found:
            if found.role is DatabaseRole.PRIMARY:
                found.role = DatabaseRole.DOWN
            found.node_epoch, found.fenced = None, True
        return Answer()

    def detach(self, region: str, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """Follow nobody."""
        with self._command(region, epoch) as found:
            found.following = None
            return Answer({"flush_lsn": len(found.log)})

    def hold(self, region: str, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """Let requests of this epoch wait."""
        with self._command(region, epoch) as found:
            if found.held_epoch != epoch:
                self._let_go(found)
            found.held_epoch = epoch
        return Answer()

    def release(self, region: str, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """Refuse what waits."""
        with self._command(region, epoch) as found:
            self._let_go(found)
        return Answer()

    def drain(self, region: str, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """Say what is under way."""
        with self._lock:
            self._steer(epoch)
            left = self.under_way.get(region, 0)
        return Answer(waiting=f"{left} requests are under way in {region}") if left else Answer()

    def demote(self, region: str, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """End it; it is a standby that follows nobody when it is back."""
        with self._command(region, epoch) as found:
            found.node_epoch, found.fenced = None, True
            found.role, found.following = DatabaseRole.STANDBY, None
            self._replicate()
            return Answer({"flush_lsn": len(found.log)})

    def promote_database(self, region: str, voters: tuple[str, ...], epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """Make it primary."""
        with self._command(region, epoch) as found:
            found.role, found.following, found.voters = DatabaseRole.PRIMARY, None, voters
            found.fence_epoch = found.node_epoch = epoch
            found.fenced = False
            self._let_go(found)
        return Answer()

    def promote_cache(self, region: str, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """Make it the cache's writer."""
        with self._command(region, epoch) as found:
            found.cache = CacheRole.PRIMARY
        return Answer()

    def reprotect(self, region: str, primary: str, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """Make it a standby; what only it had is gone, as after pg_rewind."""
        with self._command(region, epoch) as found:
            source = self.regions[primary].log
            diverged = found.log != source[: len(found.log)]
            if diverged:
                found.log = []
            found.role, found.following, found.fenced = DatabaseRole.STANDBY, primary, False
            found.cache, found.node_epoch = CacheRole.REPLICA, None
            self._replicate()
        return Answer({"method": "rewind" if diverged else "repoint"})

    def verify_write(self, region: str, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """One write past the edge."""
        with self._command(region, epoch) as found:
            if found.node_epoch != epoch or not self.write(f"verify-{epoch}", region):
                raise OutsideError(f"{region} does not commit a write")
        return Answer({"id": f"verify-{epoch}"})

    def shift(self, weights: Mapping[str, int], epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002
        """Steer."""
        with self._lock:
            self._steer(epoch)
            self.stamp_epoch = epoch
            self.weights = dict(weights)
        return Answer()

    def _steer(self, epoch: int) -> None:
        if epoch < self.edge_epoch:
            raise StaleEpochError(f"the edge obeys epoch {self.edge_epoch}")
        self.edge_epoch = epoch

    def _serve(self, found: _Region, identifier: str, *, anyhow: bool = False) -> None:
        current = found.node_epoch == self.stamp_epoch == found.fence_epoch
        if not found.alive or found.role is not DatabaseRole.PRIMARY or not (current or anyhow):
            self.refused.append(identifier)
            return
        found.log.append(identifier)
        self._waiting.append((found, identifier))
        self._replicate()

    def _let_go(self, found: _Region) -> None:
        """What is held is served if it can be, and refused if not."""
        held, found.held, found.held_epoch = found.held, [], None
        for identifier in held:
            self._serve(found, identifier)

    def _observe(self, name: str) -> Observation[RegionState]:
        found = self.regions[name]
        if not found.reachable:
            return Observation(None, self._now_s, "simulated", "no answer")
        primary = found.role is DatabaseRole.PRIMARY
        writable = primary and found.alive
        down = found.role is DatabaseRole.DOWN
        database = DatabaseState(
            role=found.role,
            receiving=self._receives(name, found.following),
            attached=found.role is DatabaseRole.STANDBY and found.following is not None,
            following=found.following,
            flush_lsn=None if down else len(found.log),
            fence_epoch=None if down else found.fence_epoch,
            writable=writable,
            voters=found.voters if primary else (),
        )
        nodes = (found.node_epoch,) * 2, (found.held_epoch,) * 2
        state = RegionState(found.highest_epoch, found.fenced, database, found.cache, *nodes)
        return Observation(state, self._now_s, "simulated")

    def _receives(self, region: str, source: str | None) -> bool:
        found = self.regions[region]
        if source is None or found.following != source or not found.alive or found.role is not DatabaseRole.STANDBY:
            return False
        return self.regions[source].alive and self.regions[source].role is not DatabaseRole.DOWN

    def _replicate(self) -> None:
        for _ in REGIONS:
            for name, found in self.regions.items():
                if self._receives(name, found.following):
                    found.log = list(self.regions[str(found.following)].log)
                    found.fence_epoch = max(found.fence_epoch, self.regions[str(found.following)].fence_epoch)
        for primary, identifier in list(self._waiting):
            if primary.role is DatabaseRole.PRIMARY and self._confirmed(primary, identifier):
                self._waiting.remove((primary, identifier))
                self.acknowledged.append(identifier)

    def _confirmed(self, primary: _Region, identifier: str) -> bool:
        return identifier in primary.log and any(identifier in self.regions[voter].log for voter in primary.voters)

    def _command(self, region: str, epoch: int) -> _Command:
        return _Command(self._lock, self.regions[region], region, epoch)


class _Command:
    """Checks reach and epoch as a region's agent does, and holds the lock while the command acts."""

    def __init__(self, lock: threading.RLock, found: _Region, region: str, epoch: int) -> None:
        self._lock, self._found, self._region, self._epoch = lock, found, region, epoch

    def __enter__(self) -> _Region:
        self._lock.acquire()
        try:
            if not self._found.reachable:
                raise CallUnknownError(f"{self._region} does not answer")  # noqa: TRY301
            if self._epoch < self._found.highest_epoch:
                raise StaleEpochError(f"{self._region} obeys epoch {self._found.highest_epoch}")  # noqa: TRY301
        except BaseException:
            self._lock.release()
            raise
        self._found.highest_epoch = self._epoch
        return self._found

    def __exit__(self, *_: object) -> None:
        self._lock.release()
