"""Plans a forced failover. Pure: observed world, goal and journal in; stages with reasons out.

Why nothing acknowledged is lost. A commit is acknowledged when the primary and at least one of n = 2 voters hold it
(k = 1). Both voters are detached *before* positions are read: from then on the old primary, frozen, cut off or merely
slow, gets no acknowledgement any more (quorum denial), and n - k + 1 = 2 detached voters are sure to include one that
holds every acknowledged commit. The most advanced of them is promoted, or first streamed from by the wanted region.
Every other region is a voter, a dead one too: the other confirms, so no commit waits for it, and none is safer without
it. A failover that cannot read it holds for a person; to go on unattended it would have to know that this one was no
voter any more, from a record that outlives the primary, and no such record is kept. So voters are narrowed by detaching
them and widened by following, and in this order: both leave, one is promoted, the other follows, and only then is the
lost region's copy touched, which coming back may destroy.
(Tried on PostgreSQL 18: without detaching first, 197 to 636 acknowledged writes were lost in 4 of 4 runs; with it, 0.)
"""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING

from aurops.errors import UsageError
from aurops.history import RESTORE, History
from aurops.plan import Decision, Lasting, Stage, Step
from failover.goal import FAILOVERS, FailoverGoal
from failover.model import CacheRole, DatabaseRole, World
from traffic.driver import TOTAL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from failover.model import RegionState

FENCE_OF_LOST_TIMEOUT_S = 0.1
"""An unreachable fence is bounded: quorum denial, not the lost region, is what makes the promotion safe."""


class Action(StrEnum):
    """What the planner asks of a target; one of `failover.model.Target`'s commands each."""

    FENCE = "fence"
    DETACH = "detach"
    HOLD = "hold"
    RELEASE = "release"
    DRAIN = "drain"
    DEMOTE = "demote"
    PROMOTE_DATABASE = "promote_database"
    PROMOTE_CACHE = "promote_cache"
    REPROTECT = "reprotect"
    VERIFY_WRITE = "verify_write"
    SHIFT = "shift"


def plan(world: World, goal: FailoverGoal, history: History) -> tuple[Stage[World], ...]:
    """The stages from here to the goal of `history`, or to `goal` when the journal says nothing else.

    Before a decision is journalled the plan shows the one that would be taken now.
    """
    if history.goal == RESTORE:
        return _restore(goal, history)
    target = str(history.decisions.get("target") or _choose(world, goal)[0])
    return (
        _fence(goal, history),
        _decide(world, goal, history),
        *_catch_up(world, target, history),
        promote(goal, target, history),
        verify(target),
        _open(target, history.epoch),
        _protect(world, goal, target),
    )


def _fence(goal: FailoverGoal, history: History) -> Stage[World]:
    """Traffic off, writers stopped, quorum denied. Finished for good once a target is promoted."""
    lost, epoch = goal.lost, history.epoch
    if history.past_no_return:
        return Stage("fence", (_still_off(lost),))
    off = shift(f"close traffic to {lost}", dict.fromkeys(goal.regions, 0), epoch, f"{lost} must get no more requests")
    fence: Step[World] = Step(
        name=f"fence {lost}",
        action=Action.FENCE,
        arguments={"region": lost},
        required=False,
        reason=f"stops writers in {lost} if its agent can be reached; {FENCE_OF_LOST_TIMEOUT_S:g} s, never waited for",
        done=seen(lost, lambda state: state.fenced),
        timeout_s=FENCE_OF_LOST_TIMEOUT_S,
    )
    return Stage("fence", (off, fence, *(_detach(region, lost) for region in goal.standbys)))


def _still_off(lost: str) -> Step[World]:
    """After the promotion the fence is only kept: no weight may go back to the lost region."""
    return Step(
        name=f"keep traffic off {lost}",
        action=Action.SHIFT,
        arguments={"weights": {}},
        reason=f"{lost} stays fenced until it is re-protected",
        done=lambda world: None if (weight := world.weight(lost)) is None else weight == 0,
    )


def _detaching(region: str) -> str:
    return f"detach {region}"


def _detach(region: str, lost: str) -> Step[World]:
    def done(world: World) -> bool | None:
        """A database that is down, or does not say what it holds, is no voter that was read."""
        database = world.database(region)
        if database is None:
            return None
        standby = database.role is DatabaseRole.STANDBY and not database.attached and database.following is None
        return standby and database.flush_lsn is not None

    return Step(
        name=_detaching(region),
        action=Action.DETACH,
        arguments={"region": region},
        done=done,
        timeout_s=2.0,
        reason=f"quorum denial: without {region}, {lost} cannot acknowledge a write, dead, frozen or cut off",
    )


def _decide(world: World, goal: FailoverGoal, history: History) -> Stage[World]:
    """Only with the position of every voter that no person has left out: the one not read may hold the most."""
    target, reason = _choose(world, goal)
    positions = _positions(world, goal)
    left_out = [region for region in goal.standbys if _detaching(region) in history.skipped]
    unread = [region for region in goal.standbys if region not in positions and region not in left_out]
    others = ", ".join(f"{region} at {lsn}" for region, lsn in positions.items()) or "none was read"
    every = "every voter of the lost primary was detached and read"
    if left_out:
        said = ", ".join(f"{region} ({history.skipped[_detaching(region)]})" for region in left_out)
        every = (
            f"left out by a person: {said}; writes that only the lost primary and {' or '.join(left_out)} hold are lost"
        )
    decided = "position" in history.decisions
    return Stage(
        "decide",
        decisions=(
            Decision("target", target, reason),
            Decision("position", max(positions.values(), default=0), f"flushed on detached standbys: {others}"),
            Decision("standbys", list(goal.standbys), every),
            Decision("mode", "forced", f"{goal.lost} is lost, so it cannot hand over"),
        ),
        hold="" if decided or not unread else _unread(unread, goal),
    )


def _unread(regions: list[str], goal: FailoverGoal) -> str:
    names = " and ".join(regions)
    skips = ", ".join(f'`aurops runs skip RUN "{_detaching(region)}"`' for region in regions)
    return (
        f"the position of {names} was not read: it may hold acknowledged writes that no other region has. Bring it "
        f"back and resume; or leave it out with {skips} and resume: writes that only {goal.lost} and {names} hold are "
        "lost then"
    )


def _choose(world: World, goal: FailoverGoal) -> tuple[str, str]:
    """The region to promote, and why; the wanted one, else the most advanced, else the first in order."""
    if goal.to is not None:
        return goal.to, "named by the person who asked"
    positions = _positions(world, goal)
    if not positions:
        return goal.standbys[0], "first in order of preference; no position is known yet"
    best = max(positions, key=lambda region: (positions[region], -goal.regions.index(region)))
    return best, "the most advanced standby; first in order of preference among equals"


def _positions(world: World, goal: FailoverGoal) -> Mapping[str, int]:
    seen = {region: world.database(region) for region in goal.standbys}
    return {r: d.flush_lsn for r, d in seen.items() if d is not None and d.flush_lsn is not None}


def _catch_up(world: World, target: str, history: History) -> tuple[Stage[World], ...]:
    """Only when the chosen region is behind: it first streams from the most advanced standby."""
    position, standbys = history.decisions.get("position"), history.decisions.get("standbys")
    if position is None or standbys is None or history.past_no_return:
        return ()
    ahead = next((r for r in standbys if (d := world.database(r)) and (d.flush_lsn or 0) >= position), None)
    if ahead is None or ahead == target:
        return ()
    return (
        Stage(
            "catch up",
            (
                Step(
                    name=f"stream {ahead} to {target}",
                    action=Action.REPROTECT,
                    done=reached(target, position),
                    arguments={"region": target, "primary": ahead},
                    reason=f"{target} is behind {ahead}, which holds writes that were acknowledged",
                ),
            ),
        ),
    )


def seen(region: str, is_so: Callable[[RegionState], bool]) -> Callable[[World], bool | None]:
    """A step's predicate on one region: unknown while the region is."""
    return lambda world: None if (state := world.state(region)) is None else is_so(state)


def reached(region: str, position: int) -> Callable[[World], bool | None]:
    """A step's predicate: the region's database holds everything up to a position; unknown while it does not say."""

    def done(world: World) -> bool | None:
        database = world.database(region)
        return None if database is None or database.flush_lsn is None else database.flush_lsn >= position

    return done


def promote(goal: FailoverGoal, target: str, history: History) -> Stage[World]:
    """The target becomes the writer, and the other standbys follow it: the point of no return."""
    epoch = history.epoch
    voters = tuple(region for region in goal.regions if region != target)

    def promoted(world: World) -> bool | None:
        database = world.database(target)
        if database is None:
            return None
        return database.role is DatabaseRole.PRIMARY and database.writable and database.fence_epoch == epoch

    database = Step(
        name=f"promote database {target}",
        action=Action.PROMOTE_DATABASE,
        done=promoted,
        timeout_s=4.0,
        arguments={"region": target, "voters": list(voters)},
        no_return=True,
        reason=f"{target} becomes the only writer, under this lease's epoch; any 1 of {', '.join(voters)} acknowledges",
    )
    cache: Step[World] = Step(
        name=f"promote cache {target}",
        action=Action.PROMOTE_CACHE,
        arguments={"region": target},
        required=False,
        reason="a cache never blocks a database: best effort, its loss is reported apart",
        done=seen(target, lambda state: state.cache is CacheRole.PRIMARY),
    )
    others = (follow(region, target) for region in goal.standbys if region != target)
    return Stage("promote", (database, cache, *others))


def follow(region: str, primary: str) -> Step[World]:
    """One region becomes a standby of the primary."""
    return Step(
        name=f"repoint {region} to {primary}",
        action=Action.REPROTECT,
        done=seen(region, lambda state: state.database.receiving and state.database.following == primary),
        timeout_s=6.0,
        deadline_s=120.0,
        arguments={"region": region, "primary": primary},
        reason=f"{primary} acknowledges a write only when another region holds it",
    )


def verify(target: str) -> Stage[World]:
    """A write is committed in the target and read back."""
    return Stage(
        "verify",
        (
            Step(
                name=f"verify write {target}",
                action=Action.VERIFY_WRITE,
                arguments={"region": target},
                reason="a region that has not committed a write gets no traffic",
                lasting=Lasting.LATCHED,
                done=lambda _: None,
            ),
        ),
    )


def _open(target: str, epoch: int) -> Stage[World]:
    return Stage(
        "open",
        (
            shift(
                f"open traffic to {target}",
                {target: TOTAL_WEIGHT},
                epoch,
                "the write was verified: clients may come back",
            ),
        ),
    )


def shift(name: str, weights: dict[str, int], epoch: int, reason: str) -> Step[World]:
    """These weights are in effect, and this run's epoch is stamped on every request."""
    wanted = {region: weight for region, weight in weights.items() if weight}

    def done(world: World) -> bool | None:
        edge = world.edge.value
        if edge is None:
            return None
        return {r: w for r, w in edge.weights.items() if w} == wanted and edge.stamp_epoch == epoch

    return Step(name=name, action=Action.SHIFT, arguments={"weights": dict(weights)}, reason=reason, done=done)


def _protect(world: World, goal: FailoverGoal, target: str) -> Stage[World]:
    """Bring the lost region back as a standby, if it answers; else it stays fenced and the run says so."""
    if world.state(goal.lost) is None:
        return Stage("re-protect")
    return Stage("re-protect", (replace(follow(goal.lost, target), required=False),))


def _restore(goal: FailoverGoal, history: History) -> tuple[Stage[World], ...]:
    """Back to the old primary; only ever planned before the point of no return."""
    back = promote(replace(goal, lost=""), goal.lost, history)
    return (Stage("restore", back.steps), verify(goal.lost), _open(goal.lost, history.epoch))


def plan_reprotect(regions: tuple[str, ...], region: str, primary: str) -> tuple[Stage[World], ...]:
    """Bring one region back as a standby of the primary that serves now."""
    if region not in regions or primary not in regions or region == primary:
        raise UsageError(f"`{region}` cannot follow `{primary}`", allowed=", ".join(regions))
    return (Stage("re-protect", (follow(region, primary),)),)


def violations(world: World, history: History) -> tuple[str, ...]:
    """At most one writable primary; no traffic to a fenced region; weights sum to their total.

    Before the promotion a failover may find traffic at its lost region, fenced by itself or by its last call: closing
    that traffic is what it does next. One that goes back sends requests there first, where they are held.
    """
    broken = []
    writable = world.writers()
    if len(writable) > 1:
        broken.append(f"more than one writable primary: {', '.join(writable)}")
    edge = world.edge.value
    if edge is not None:
        served = [region for region, weight in edge.weights.items() if weight]
        leaving = history.kind in FAILOVERS and (history.goal == RESTORE or not history.past_no_return)
        closing = history.arguments.get("lost") if leaving else None
        fenced = [region for region in served if (state := world.state(region)) and state.fenced and region != closing]
        broken += [f"traffic goes to {region}, which is fenced" for region in fenced]
        if sum(edge.weights.values()) not in (0, TOTAL_WEIGHT):
            broken.append(f"weights sum to {sum(edge.weights.values())}, not to {TOTAL_WEIGHT} or 0")
    return tuple(broken)


def safe_stop(world: World, history: History) -> Stage[World]:
    """Close traffic: when two could write, nobody is served until a person has looked."""
    regions = dict.fromkeys(world.regions, 0)
    return Stage("safe stop", (shift("close all traffic", regions, history.epoch, "an invariant is broken"),))
