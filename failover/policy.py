"""What to do about a region that clients cannot use: nothing, fail over, or call a person. Pure.

Why there is no needless failover. It takes all of: a quorum of vantage points that each failed several times in a row
and are still looking; a region that is not flapping; a traffic layer that answers, sends clients to that region, and is
not in anybody else's hands; every other region's position readable, so that nothing acknowledged is left behind; a
policy that says *automatic* for this kind of loss; and no failover within the cool-down. Whatever is missing turns the
failover into a call for a person, who is told what is missing and the command that goes on without it. When no other
region can take over, nobody moves: traffic at a sick region may still heal, traffic at none cannot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from failover.detector import Rule, Vote
from failover.detector import State as Quorum
from failover.model import DatabaseRole

if TYPE_CHECKING:
    from failover.detector import Verdict
    from failover.model import World


class Loss(StrEnum):
    """How much of a region is lost, as far as it can be seen from outside."""

    REGION = "region"
    """Nothing of it answers, or its database hangs."""
    DATABASE = "database"
    """It answers; its database does not write."""
    NODES = "nodes"
    """Its database writes; none of its nodes serves."""
    PATH = "path"
    """It looks well from inside, and no client gets a write through."""


class Mode(StrEnum):
    """Who decides about a failover."""

    AUTOMATIC = "automatic"
    ASK = "ask"
    NEVER = "never"


class Policy(BaseModel):
    """When the watch acts by itself."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    mode: Mode = Mode.AUTOMATIC
    """Who decides, where `losses` says nothing: automatic, ask, never."""
    losses: dict[Loss, Mode] = Field(default_factory=dict)
    """Who decides, by kind of loss: region, database, nodes, path."""
    quorum: int = Field(default=2, ge=2)
    """So many vantage points must say that the region is lost; at least 2, because one alone may be blind."""
    failures: int = Field(default=3, ge=1)
    """So many failed probes in a row make a vantage point say so; at least 1."""
    cool_down_s: float = Field(default=300.0, ge=0)
    """After a failover no other follows by itself for so many seconds."""
    flapping_turns: int = Field(default=4, ge=2)
    """So many turns from well to sick within `flapping_window_s` are flapping; at least 2."""
    flapping_window_s: float = Field(default=15.0, gt=0)
    """Seconds; a region that was steadily well or lost for so long flaps no more."""
    patience_s: float = Field(default=2.0, ge=0)
    """A loss waits so many seconds for an agent that does not answer, before a person is called."""
    uncertain_s: float = Field(default=5.0, gt=0)
    """Vantage points that cannot agree for so many seconds call a person."""

    def mode_for(self, loss: Loss) -> Mode:
        """Who decides about this kind of loss."""
        return self.losses.get(loss, self.mode)

    @property
    def rule(self) -> Rule:
        """When the vantage points say that a region is lost."""
        return Rule(quorum=self.quorum, failures=self.failures)


class State(StrEnum):
    """What is known of the region in force."""

    WELL = "well"
    SUSPECT = "suspect"
    """Not well, and not lost yet."""
    UNCERTAIN = "uncertain"
    """The vantage points cannot agree, or say nothing."""
    FLAPPING = "flapping"
    LOST = "lost"
    NOWHERE_TO_GO = "nowhere to go"
    """Lost, and so is every other region."""
    BUSY = "busy"
    """Somebody acts on the service already."""


class Action(StrEnum):
    """What to do."""

    NOTHING = "nothing"
    FAIL_OVER = "fail over"
    CALL = "call a person"


@dataclass(frozen=True, slots=True)
class Finding:
    """What is known, and what follows.

    Args:
        region: The region in force.
        state: What is known of it.
        action: What to do.
        why: The reason, and what a person can do, in one or two sentences.
        at_s: When this was judged, on the reader's clock.
        evidence: Every vantage point's vote.
        loss: How much is lost; None unless it is lost.
    """

    region: str
    state: State
    action: Action
    why: str
    at_s: float
    evidence: str
    loss: Loss | None = None

    def like(self, other: Finding | None) -> bool:
        """Whether nothing has changed since."""
        return other is not None and (self.region, self.state, self.action, self.loss) == (
            other.region,
            other.state,
            other.action,
            other.loss,
        )


@dataclass(frozen=True, slots=True)
class Memory:
    """What the next judgement needs of the ones before.

    Args:
        sick: The region was sick and has not been well since.
        turns_s: When it turned from well to sick, within the window that counts.
        undecided_since_s: Since when the vantage points cannot agree; None: they do.
        lost_since_s: Since when it is lost; None: it is not.
        acted_s: When the last failover began; None: never.
    """

    sick: bool = False
    turns_s: tuple[float, ...] = ()
    undecided_since_s: float | None = None
    lost_since_s: float | None = None
    acted_s: float | None = None


def judge(
    verdict: Verdict, world: World | None, memory: Memory, policy: Policy, *, busy: str = "", held: str = ""
) -> tuple[Memory, Finding]:
    """Judge once.

    Args:
        verdict: What the vantage points say of the region in force.
        world: The regions and the edge as observed just before; None only while the verdict is `well`.
        memory: From the judgement before.
        policy: When to act.
        busy: Who acts on the service now; empty: nobody.
        held: Who said that nothing is to be done by itself, and why; empty: nobody.

    Returns:
        What to remember, and what is found.
    """
    memory = _remember(verdict, memory, policy)
    state, action, why = _found(verdict, world, memory, policy, busy)
    if held and action is Action.FAIL_OVER:
        action, why = Action.CALL, f"{why}; but {held}"
    lost = verdict.state is Quorum.LOST and world is not None
    loss = classify(world, verdict.region) if lost and world is not None else None
    return memory, Finding(verdict.region, state, action, why, verdict.detected_at_s, verdict.text, loss)


def classify(world: World, region: str) -> Loss:
    """How much of a lost region is lost."""
    state = world.state(region)
    if state is None:
        return Loss.REGION
    if state.database.role is not DatabaseRole.PRIMARY or not state.database.writable:
        return Loss.DATABASE
    if state.node_epochs and all(epoch is None for epoch in state.node_epochs):
        return Loss.NODES
    return Loss.PATH


def _remember(verdict: Verdict, memory: Memory, policy: Policy) -> Memory:
    now_s = verdict.detected_at_s
    votes = [evidence.vote for evidence in verdict.evidence]
    sick = votes.count(Vote.LOST) + votes.count(Vote.FAILING) >= policy.quorum
    turns_s = tuple(turn_s for turn_s in memory.turns_s if now_s - turn_s < policy.flapping_window_s)
    if sick and not memory.sick:
        turns_s += (now_s,)
    undecided = verdict.state is Quorum.UNDECIDED
    lost = verdict.state is Quorum.LOST
    return replace(
        memory,
        sick=sick or (memory.sick and verdict.state is not Quorum.WELL),
        turns_s=turns_s,
        undecided_since_s=_since(memory.undecided_since_s, now_s) if undecided else None,
        lost_since_s=_since(memory.lost_since_s, now_s) if lost else None,
    )


def _since(since_s: float | None, now_s: float) -> float:
    return now_s if since_s is None else since_s


def _found(
    verdict: Verdict, world: World | None, memory: Memory, policy: Policy, busy: str
) -> tuple[State, Action, str]:
    region, now_s = verdict.region, verdict.detected_at_s
    if busy:
        return State.BUSY, Action.NOTHING, f"{busy} acts on the service"
    if len(memory.turns_s) >= policy.flapping_turns:
        turns = f"{len(memory.turns_s)} times within {policy.flapping_window_s:g} s"
        why = (
            f"{region} turned sick {turns}, and may be about to be well; `aurops failover {region} --force` to leave it"
        )
        return State.FLAPPING, Action.CALL, why
    if verdict.state is Quorum.WELL:
        return State.WELL, Action.NOTHING, _dissent(verdict)
    if verdict.state is Quorum.UNDECIDED or world is None:
        undecided_s = now_s - _since(memory.undecided_since_s, now_s)
        if undecided_s < policy.uncertain_s:
            return State.SUSPECT, Action.NOTHING, f"{region} is not well, and no quorum says that it is lost"
        why = f"for {undecided_s:.0f} s no quorum of vantage points says whether {region} is well or lost"
        return State.UNCERTAIN, Action.CALL, f"{why}: look at the vantage points, and at {region} from another place"
    return _lost(region, world, memory, policy, now_s)


def _lost(region: str, world: World, memory: Memory, policy: Policy, now_s: float) -> tuple[State, Action, str]:
    loss = classify(world, region)
    mode = policy.mode_for(loss)
    command = f"`aurops failover {region} --force`"
    if mode is Mode.NEVER:
        return State.LOST, Action.NOTHING, f"the policy never fails over for a loss of the kind `{loss}`; {command}"
    if why := _impossible(region, world):
        state, what = (State.NOWHERE_TO_GO, Action.NOTHING) if _everywhere(region, world) else (State.LOST, Action.CALL)
        waited_s = now_s - _since(memory.lost_since_s, now_s)
        if waited_s < policy.patience_s:
            return State.LOST, Action.NOTHING, f"{why}; waiting {policy.patience_s:g} s for it"
        return state, what, why
    if memory.acted_s is not None and now_s - memory.acted_s < policy.cool_down_s:
        ago_s = now_s - memory.acted_s
        why = f"the last failover was {ago_s:.0f} s ago, and the cool-down is {policy.cool_down_s:g} s"
        return State.LOST, Action.CALL, f"{why}; {command} goes on without it"
    if mode is Mode.ASK:
        return State.LOST, Action.CALL, f"the policy asks a person about a loss of the kind `{loss}`; {command}"
    return State.LOST, Action.FAIL_OVER, f"{region} is lost ({loss}), and every other region's position can be read"


def _impossible(region: str, world: World) -> str:
    """Why a failover cannot be made without a person; empty when it can."""
    if world.edge.value is None:
        return "the traffic layer does not answer: a failover could not move clients"
    if world.edge.value.weights.get(region, 0) == 0:
        return f"clients are not sent to {region}: traffic was closed or moved; `aurops runs list` shows by which run"
    unread = _unread(region, world)
    if not unread:
        return ""
    if _everywhere(region, world):
        return f"no other region can take over: nobody reads {' or '.join(unread)}"
    names = " and ".join(unread)
    return (
        f"{names} cannot be read, and may hold acknowledged writes that no other region has: bring it back, or "
        f"`aurops failover {region} --force` says what may be lost"
    )


def _unread(region: str, world: World) -> list[str]:
    """The other regions that are no standby whose position can be read."""
    seen = {other: world.database(other) for other in world.regions if other != region}
    return [
        other
        for other, database in seen.items()
        if database is None or database.role is not DatabaseRole.STANDBY or database.flush_lsn is None
    ]


def _everywhere(region: str, world: World) -> bool:
    return len(_unread(region, world)) == len(world.regions) - 1


def _dissent(verdict: Verdict) -> str:
    others = [str(evidence) for evidence in verdict.evidence if evidence.vote is not Vote.WELL]
    return f"{verdict.region} is well; not so for {'; '.join(others)}" if others else f"{verdict.region} is well"
