"""What a failover sees and what it may ask of a target: the seam between target and runner (design seam 5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aurops.plan import Answer, Observation


class DatabaseRole(StrEnum):
    """What a region's database is now."""

    PRIMARY = "primary"
    STANDBY = "standby"
    DOWN = "down"


class CacheRole(StrEnum):
    """What a region's cache is now."""

    PRIMARY = "primary"
    REPLICA = "replica"
    DOWN = "down"


@dataclass(frozen=True)
class DatabaseState:
    """One region's database.

    Args:
        role: What it is.
        receiving: A standby receives changes now (its wal receiver runs).
        attached: It has a wal receiver, in whatever state: what that still gets, it confirms.
        following: The region that it is set to follow; None when detached or primary.
        flush_lsn: The last position safe on its disk, in bytes of WAL; None when it does not say.
        fence_epoch: The epoch in its fence row; None when unreadable.
        writable: It is primary and accepts write transactions; whether a commit is acknowledged depends on its voters.
        voters: The regions whose acknowledgement a commit of this primary waits for.
    """

    role: DatabaseRole
    receiving: bool = False
    attached: bool = False
    following: str | None = None
    flush_lsn: int | None = None
    fence_epoch: int | None = None
    writable: bool = False
    voters: tuple[str, ...] = ()


@dataclass(frozen=True)
class RegionState:
    """What a region's agent says.

    Args:
        highest_epoch: The highest epoch that it has obeyed.
        fenced: It refuses to serve until it is promoted or re-protected.
        database: Its database.
        cache: Its cache.
        node_epochs: Per node the epoch that it serves; None for a node that serves nothing.
        held_epochs: Per node the epoch whose requests it holds until it serves them; None for a node that holds none.
    """

    highest_epoch: int
    fenced: bool
    database: DatabaseState
    cache: CacheRole
    node_epochs: tuple[int | None, ...] = ()
    held_epochs: tuple[int | None, ...] = ()


@dataclass(frozen=True)
class EdgeState:
    """What the traffic layer has in effect.

    Args:
        highest_epoch: The highest epoch that it has obeyed.
        weights: Weight per region, out of `traffic.driver.TOTAL_WEIGHT`.
        stamp_epoch: The epoch that it stamps on every request.
        under_way: Requests per region that it has sent there and that were not answered yet.
    """

    highest_epoch: int
    weights: Mapping[str, int]
    stamp_epoch: int
    under_way: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class World:
    """Everything observed at once; each part a value or unknown.

    Args:
        regions: One observation per region.
        edge: The traffic layer.
    """

    regions: Mapping[str, Observation[RegionState]]
    edge: Observation[EdgeState]

    def state(self, region: str) -> RegionState | None:
        """The region's state; None when unknown."""
        return self.regions[region].value

    def database(self, region: str) -> DatabaseState | None:
        """The region's database; None when unknown."""
        state = self.state(region)
        return state.database if state else None

    def weight(self, region: str) -> int | None:
        """The region's share of traffic; None when unknown."""
        return self.edge.value.weights.get(region, 0) if self.edge.value else None

    def serving(self) -> tuple[str, ...]:
        """Every region that clients are sent to; none when the traffic layer is unknown."""
        return tuple(region for region in self.regions if self.weight(region))

    def primaries(self) -> tuple[str, ...]:
        """Every region seen with a database that is primary."""
        return tuple(r for r in self.regions if (d := self.database(r)) and d.role is DatabaseRole.PRIMARY)

    def writers(self) -> tuple[str, ...]:
        """Every region seen to be able to acknowledge a write: primary, and a voter attached where voters are asked."""
        return tuple(region for region in self.primaries() if self._acknowledges(region))

    def _acknowledges(self, region: str) -> bool:
        database = self.database(region)
        if database is None or not database.writable:
            return False
        seen = [self.database(voter) for voter in database.voters if voter in self.regions]
        return not database.voters or any(d is not None and d.receiving and d.following == region for d in seen)

    def unprotected(self, primary: str) -> dict[str, str]:
        """Every region that does not copy the primary now, and why not; an acknowledged write is not in it."""
        found = {}
        for region in self.regions:
            state = self.state(region)
            if region == primary or (state and state.database.receiving and state.database.following == primary):
                continue
            fenced = ", and is fenced until it is re-protected" if state and state.fenced else ""
            found[region] = "does not answer" if state is None else f"does not follow {primary}{fenced}"
        return found

    def highest_epoch(self) -> int:
        """The highest epoch that anything observed has obeyed; 0 when nothing answers."""
        seen = [state.highest_epoch for r in self.regions if (state := self.state(r))]
        return max([*seen, self.edge.value.highest_epoch if self.edge.value else 0])


class Capability(StrEnum):
    """What a target may or may not be able to do."""

    REFUSES_OLD_EPOCHS = "refuses commands of an older epoch"
    QUORUM_DENIAL = "can detach standbys before a promotion"
    ZERO_LOSS = "acknowledges a write only when another region holds it"
    HOLDS_REQUESTS = "holds requests during a planned switchover, refuses none"


@dataclass(frozen=True)
class Capabilities:
    """What a target can do, and which regions it could promote now.

    Args:
        can: What it can.
        promotable: Per region whether it could be promoted now, and why or why not.
        tried: How far it was ever tried for real; `aurops doctor` says it.
    """

    can: frozenset[Capability]
    promotable: Mapping[str, tuple[bool, str]]
    tried: str


class Target(Protocol):
    """A service in several regions that can be failed over.

    Every command carries the epoch of the caller's lease. A command returns an `Answer`, or raises `CallUnknownError`
    (may or may not have happened), `StaleEpochError` (obeys a newer epoch) or an `AuropsError` (did not happen). All
    commands are idempotent; none takes longer than `timeout_s`.
    """

    def capabilities(self) -> Capabilities:
        """What it can do now."""
        ...

    def observe(self) -> World:
        """The world now; never raises for what cannot be seen, and does not wait for a region that is gone."""
        ...

    def fence(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """Stop a region's writers: its nodes refuse, its primary is stopped without releasing waiting commits."""
        ...

    def detach(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """Quorum denial: this standby stops receiving, so that no primary elsewhere gets its acknowledgement."""
        ...

    def hold(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """Have the region's nodes hold requests stamped with this epoch until they serve it.

        They go on serving what they serve. A request is held for a bounded time and then refused as not executed.
        """
        ...

    def release(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """End a hold: what is held and not served is refused, as not executed."""
        ...

    def drain(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """Wait, within bounds, until no request to this region, which has no weight, is under way any more."""
        ...

    def demote(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """Make a primary a standby that follows nobody: it sends what it has, ends, and starts as one.

        Its nodes serve nothing any more. Answers `flush_lsn`, the end of its log: nothing is written after it.
        """
        ...

    def promote_database(self, region: str, voters: tuple[str, ...], epoch: int, timeout_s: float) -> Answer:
        """Make this region's database the writer: voters first, then promotion, then the fence row."""
        ...

    def promote_cache(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """Make this region's cache the writer."""
        ...

    def reprotect(self, region: str, primary: str, epoch: int, timeout_s: float) -> Answer:
        """Make this region a standby of `primary`, by repointing, rewinding or copying, whatever is needed."""
        ...

    def verify_write(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """Commit one write through the region's own nodes and read it back."""
        ...

    def shift(self, weights: Mapping[str, int], epoch: int, timeout_s: float) -> Answer:
        """Put weights in effect, stamped with the epoch; they sum to `traffic.driver.TOTAL_WEIGHT`, or are all 0."""
        ...
