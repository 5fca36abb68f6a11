"""What a failover is to reach, and what is refused before anything is called. Pure: observed world in, errors out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from aurops.errors import OutsideError, UsageError
from failover.model import Capability, DatabaseRole

if TYPE_CHECKING:
    from collections.abc import Callable

    from failover.model import Capabilities, World


FAILOVERS = ("failover", "failback")
"""The kinds of runs that leave a region; a failback is a planned failover to the region that was born primary."""


class Mode(StrEnum):
    """How a region is left."""

    FORCED = "forced"
    """It is lost, or taken for lost: it is not asked for anything (failover/planner.py)."""
    PLANNED = "planned"
    """It hands over: requests are held, none is refused (failover/switchover.py)."""


@dataclass(frozen=True)
class FailoverGoal:
    """Serve from another region than the lost one.

    Args:
        regions: All regions of the service, in order of preference.
        lost: The region to leave.
        to: The region to serve from; None lets the planner choose.
        mode: How the region is left.
    """

    regions: tuple[str, ...]
    lost: str
    to: str | None = None
    mode: Mode = Mode.FORCED

    @property
    def standbys(self) -> tuple[str, ...]:
        """The regions that can take over."""
        return tuple(region for region in self.regions if region != self.lost)


def check_goal(goal: FailoverGoal, world: World) -> None:
    """Refuse a goal that cannot be meant.

    Raises:
        UsageError: An unknown region, one that does not serve, a failover to itself, or to a region that is down.
    """
    known = ", ".join(goal.regions)
    for region in (goal.lost, goal.to):
        if region is not None and region not in goal.regions:
            raise UsageError(f"there is no region `{region}`", allowed=known, next_step="aurops local status")
    if goal.to == goal.lost:
        raise UsageError(f"`{goal.lost}` cannot fail over to itself", allowed=", ".join(goal.standbys))
    serving = [region for region in goal.regions if world.weight(region) and not _is_standby(world, region)]
    if serving and goal.lost not in serving:  # leaving it would interrupt the region that serves, for nothing
        raise UsageError(f"`{goal.lost}` does not serve", allowed=", ".join(serving), next_step="aurops local status")
    if goal.to is not None:
        database = world.database(goal.to)
        if database is None or database.role is not DatabaseRole.STANDBY:
            seen = "does not answer" if database is None else f"has a database that is {database.role}"
            others = [r for r in goal.standbys if (d := world.database(r)) and d.role is DatabaseRole.STANDBY]
            raise UsageError(f"`{goal.to}` cannot take over: it {seen}", allowed=", ".join(others) or "none now")


def _is_standby(world: World, region: str) -> bool:
    """It holds requests, if it has traffic: a switchover to it was left half-way, and the old region may have died."""
    database = world.database(region)
    return database is not None and database.role is DatabaseRole.STANDBY


def check_follower(world: World, region: str, primary: str | None = None) -> str:
    """The region to follow: the one that can acknowledge a write.

    Args:
        world: As it is now.
        region: To be made a standby.
        primary: Whom it was to follow when that was decided; None: whoever writes now.

    Raises:
        UsageError: There is no such region, it is the writer itself, or the writer is another by now.
        OutsideError: It does not answer, or not exactly one region can write.
    """
    if region not in world.regions:
        raise UsageError(f"there is no region `{region}`", allowed=", ".join(world.regions))
    writers = world.writers()
    if len(writers) != 1:
        silent = ", ".join(name for name in world.regions if world.state(name) is None)
        seen = (", ".join(writers) or "none") + (f"; no answer from {silent}" if silent else "")
        raise OutsideError("not exactly one region is seen that can write", where=seen, next_step="aurops local status")
    if region in writers:
        others = ", ".join(name for name in world.regions if name not in writers)
        raise UsageError(f"`{region}` is the writer: it follows nobody", allowed=others)
    if primary not in (None, writers[0]):
        raise UsageError(f"`{primary}` is no longer the writer", allowed=writers[0], next_step="aurops local status")
    if world.state(region) is None:
        raise OutsideError(f"{region} does not answer", next_step="bring its agent back first; aurops local status")
    return writers[0]


def check_switchover(goal: FailoverGoal, world: World, capabilities: Callable[[], Capabilities]) -> None:
    """Refuse a planned switchover that could not be carried out without refusing requests; no other goal.

    Args:
        goal: What is wanted.
        world: As it is now.
        capabilities: Says what the target can; it looks at every region for that, and a forced failover, which is in a
            hurry, does not ask.

    Raises:
        UsageError: The target cannot hold requests, the region does not answer or does not write, or a standby does not
            stream from it.
    """
    if goal.mode is not Mode.PLANNED:
        return
    why, mend = _cannot_hand_over(goal, world)
    if Capability.HOLDS_REQUESTS not in capabilities().can:
        why, mend = "this target cannot hold requests", ""
    if why:
        force = f"aurops failover {goal.lost} --force: {at_risk(goal, world)}"
        raise UsageError(
            f"a planned switchover cannot be made: {why}", next_step=f"{mend}; else {force}" if mend else force
        )


def check_failback(regions: tuple[str, ...], world: World, capabilities: Callable[[], Capabilities]) -> FailoverGoal:
    """The goal of a failback: a planned switchover to the first in order of preference.

    Raises:
        UsageError: That one serves already, does not stream yet, or another standby does not.
        OutsideError: Not exactly one region serves, or nobody can say.
    """
    first, serving = regions[0], list(world.serving())
    if len(serving) != 1:
        seen = ", ".join(serving) or "none, as far as can be seen"
        raise OutsideError("not exactly one region serves", where=seen, next_step="aurops local status")
    if serving == [first]:
        raise UsageError(f"nothing to fail back: {first} serves", next_step="aurops local status")
    standby = world.database(first)
    if standby is None or not (standby.receiving and standby.following == serving[0]):
        seen = "does not answer" if standby is None else f"does not stream from {serving[0]}"
        raise UsageError(f"{first} cannot take over: it {seen}", next_step=f"aurops reprotect {first}")
    goal = FailoverGoal(regions, serving[0], first, Mode.PLANNED)
    check_switchover(goal, world, capabilities)
    return goal


def _cannot_hand_over(goal: FailoverGoal, world: World) -> tuple[str, str]:
    """Why not, and what mends it; both empty when it can."""
    lost = goal.lost
    primary = world.database(lost)
    if primary is None:
        return f"{lost} does not answer, so it cannot hand over", ""
    if primary.role is not DatabaseRole.PRIMARY or not primary.writable:
        return f"the database of {lost} is {primary.role}, and has nothing to hand over", ""
    if world.edge.value is None:
        return "the edge does not answer, so no request could be held", ""
    for region in goal.standbys:
        standby = world.database(region)
        if standby is None:
            return f"{region} does not answer", f"bring {region} back"
        if not (standby.receiving and standby.following == lost):
            return f"{region} does not stream from {lost}", f"aurops reprotect {region}"
    return "", ""


def at_risk(goal: FailoverGoal, world: World) -> str:
    """What a forced failover may lose, as far as can be seen now, in words with numbers.

    A commit is acknowledged when the primary and one of its voters hold it. So when every voter can be read, one of
    them holds every acknowledged write (failover/planner.py). When one cannot, the primary's position bounds the loss;
    without that, nothing does.
    """
    unread = [region for region in goal.standbys if _position(world, region) is None]
    if not unread:
        return "every voter can be read, so no acknowledged write is lost"
    primary = _position(world, goal.lost)
    read = [lsn for region in goal.standbys if (lsn := _position(world, region)) is not None]
    names = " and ".join(unread)
    if primary is None or not read:
        return f"{names} cannot be read: how many acknowledged writes are lost has no bound"
    ahead_bytes = max(0, primary - max(read))
    return f"{names} cannot be read: up to {ahead_bytes} bytes of log, and what is written until it is fenced, are lost"


def _position(world: World, region: str) -> int | None:
    database = world.database(region)
    return None if database is None else database.flush_lsn
