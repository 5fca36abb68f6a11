"""Plans a planned switchover: a region hands over, requests are held, none is refused. Pure, as failover/planner.py is.

Why nothing acknowledged is lost, and nothing is done twice:

- From its demotion on the old primary's database is in recovery, so nothing is written anywhere. Its log ends at a
  position that it says after it was stopped; that position is decided (journalled) before anything is promoted.
- A region is promoted only when it has reached that position. The log is one line up to there, so it then holds every
  write that the old primary has committed, acknowledged or not. No quorum is asked about, other than in a forced
  failover: the one that knows everything is alive, and has answered.
- The target's nodes hold requests that bear this run's epoch, and only they serve it later: a held request has touched
  no database. One that waited too long is refused as not executed.
- Every region that has not gone past the position follows without a rewind, the old primary too.

Nothing has to go well for that: an old primary that is killed while it stops replays its whole log when it starts as a
standby, and the others stream the rest from it. What goes wrong costs time, in which requests are refused.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aurops.history import RESTORE, History
from aurops.plan import Decision, Stage, Step
from failover import planner
from failover.model import DatabaseRole
from failover.planner import Action
from traffic.driver import TOTAL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aurops.journal import Record
    from failover.goal import FailoverGoal
    from failover.model import RegionState, World

DEMOTE_TIMEOUT_S = 8.0
"""A clean stop takes up to 5 s when a standby hangs; what takes longer than this is asked for again, and found done."""


def plan(world: World, goal: FailoverGoal, history: History) -> tuple[Stage[World], ...]:
    """The stages from here to the goal of `history`, or to `goal` when the journal says nothing else."""
    target = str(history.decisions.get("target") or _choose(goal)[0])
    if history.goal == RESTORE:
        return _restore(goal, target, history)
    hand_over = () if history.past_no_return else _hand_over(world, goal, history)
    return (
        _decide(goal),
        *_hold(target, history),
        *hand_over,
        _promote(goal, target, history),
        planner.verify(target),
    )


def held_s(records: Sequence[Record]) -> float | None:
    """How long requests were held, at most: from the shift of traffic to the end of the promotion, in seconds.

    Args:
        records: The run's journal.

    Returns:
        None when the run did not get so far.
    """
    target = History(records).decisions.get("target")
    begun = [r.at_s for r in records if r.data.get("step") == f"send traffic to {target}"]
    ended = [r.at_s for r in records if r.data.get("step") == f"promote database {target}" and "outcome" in r.data]
    return ended[-1] - begun[0] if begun and ended else None


def _choose(goal: FailoverGoal) -> tuple[str, str]:
    if goal.to is not None:
        return goal.to, "named by the person who asked"
    return goal.standbys[0], "first in order of preference; every standby streams"


def _decide(goal: FailoverGoal) -> Stage[World]:
    return Stage(
        "decide",
        decisions=(
            Decision("target", *_choose(goal)),
            Decision("standbys", list(goal.standbys), "they stream: each of them will hold all that is written"),
            Decision("mode", goal.mode.value, f"{goal.lost} answers, so it can hand over"),
        ),
    )


def _hold(region: str, history: History) -> tuple[Stage[World], ...]:
    """Requests go to this region and wait there. Kept so until the end: its nodes serve the epoch, then."""
    epoch = history.epoch
    hold: Step[World] = Step(
        name=f"hold requests in {region}",
        action=Action.HOLD,
        arguments={"region": region},
        reason=f"requests of this run's epoch wait in {region} until it can serve them: none is refused",
        done=planner.seen(region, lambda state: epoch in (*state.held_epochs, *state.node_epochs)),
    )
    why = "from here on clients wait"
    shift = planner.shift(f"send traffic to {region}", {region: TOTAL_WEIGHT}, epoch, why)
    return Stage("hold", (hold,)), Stage("shift", (shift,))


def _hand_over(world: World, goal: FailoverGoal, history: History) -> tuple[Stage[World], ...]:
    """The old primary writes its last, says where its log ends, and everybody gets there."""
    old = goal.lost

    def drained(world: World) -> bool | None:
        edge = world.edge.value
        return None if edge is None else not edge.under_way.get(old)

    drain: Step[World] = Step(
        name=f"drain {old}",
        action=Action.DRAIN,
        arguments={"region": old},
        required=False,
        reason=f"requests under way in {old} get their answers; after a second the outcome of those left is unknown",
        done=drained,
    )
    demote: Step[World] = Step(
        name=f"demote database {old}",
        action=Action.DEMOTE,
        arguments={"region": old},
        reason=f"{old} sends all it has to its standbys, ends, and starts as a standby: nothing is written any more",
        done=_demoted(old),
        timeout_s=DEMOTE_TIMEOUT_S,
    )
    return Stage("drain", (drain,)), Stage("demote", (demote,)), _catch_up(world, goal, demote, history)


def _demoted(region: str) -> Callable[[World], bool | None]:
    def demoted(state: RegionState) -> bool:
        database = state.database
        standby = database.role is DatabaseRole.STANDBY and not database.attached and database.following is None
        return standby and database.flush_lsn is not None and not any(state.node_epochs)

    return planner.seen(region, demoted)


def _catch_up(world: World, goal: FailoverGoal, demote: Step[World], history: History) -> Stage[World]:
    """The position is decided when the old primary is seen demoted; before that the plan shows where it is now."""
    old, database = goal.lost, world.database(goal.lost)
    seen = (database.flush_lsn if database else None) or 0
    position = int(history.decisions.get("position", seen))
    decision = Decision("position", seen, f"the end of the log of {old}: nothing is written after it")
    hold = ""
    if demote.name in history.skipped and "position" not in history.decisions and not demote.done(world):
        hold = f"{old} is not demoted, so nobody knows where its log ends: abort this run, and leave {old} by force"
    return Stage("catch up", tuple(_reach(region, old, position) for region in goal.standbys), (decision,), hold)


def _reach(region: str, old: str, position: int) -> Step[World]:
    return Step(
        name=f"stream {old} to {region}",
        action=Action.REPROTECT,
        arguments={"region": region, "primary": old},
        reason=f"{region} must hold all that {old} has written; a demoted primary sends on, too",
        done=planner.reached(region, position),
        timeout_s=6.0,
    )


def _promote(goal: FailoverGoal, target: str, history: History) -> Stage[World]:
    """As a forced failover does, and the old primary follows at once: its log ends where the target's goes on."""
    stage = planner.promote(goal, target, history)
    reason = f"its log ends where {target} goes on: it follows without a rewind"
    return replace(stage, steps=(*stage.steps, replace(planner.follow(goal.lost, target), reason=reason)))


def _restore(goal: FailoverGoal, target: str, history: History) -> tuple[Stage[World], ...]:
    """Back to the old primary, in the same order; only ever planned before the point of no return."""
    if "target" not in history.decisions:
        return ()
    old = goal.lost
    promote = planner.promote(replace(goal, lost=""), old, history)
    release: Step[World] = Step(
        name=f"release requests in {target}",
        action=Action.RELEASE,
        arguments={"region": target},
        required=False,
        reason=f"what waits in {target} is refused as not executed; it would be in a moment anyway",
        done=planner.seen(target, lambda state: not any(state.held_epochs)),
    )
    # Whoever does not follow is said afterwards; that a write is committed, and so has a second copy, is verified.
    restore = Stage("restore", tuple(replace(s, required=s.no_return) for s in promote.steps))
    return (*_hold(old, history), restore, planner.verify(old), Stage("let go", (release,)))
