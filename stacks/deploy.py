"""What `aurops up` and `aurops destroy` do, wave by wave. Pure: the waves and the journal in, stages out.

A stack's step is latched: that it is done stands in the journal of the run. Whether the cloud still looks like that
is the question of `aurops drift`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from aurops.history import RESTORE
from aurops.plan import Lasting, Stage, Step
from stacks.fleet import Kind, settling, waves

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from aurops.history import History
    from aurops.plan import Json
    from stacks.fleet import Fleet

CALL_S = 20.0
"""Longest time that one call may take, seconds. An operation that lasts longer is asked for again and again."""
OPERATION_WITHIN_S = 4 * 3600.0
"""An EKS cluster takes 10 to 15 minutes, an Aurora global database with members half an hour; a person looks after
four hours."""
HEALTHY_WITHIN_S = 15 * 60.0
"""How long a service may take to become healthy after its stack is up."""


class Goal(StrEnum):
    """What a deployment run is for."""

    UP = "up"
    DESTROY = "destroy"


class Action(StrEnum):
    """What a step asks of the deployment."""

    UP = "up"
    SETTLE = "settle"
    RECORD = "record"
    HEALTH = "health"
    LIFT = "lift"
    DESTROY = "destroy"
    FORGET = "forget"


@dataclass(frozen=True)
class Order:
    """What a run was asked to do; it stands in the run's first record.

    Args:
        goal: Up or destroy.
        kind: Which order of waves.
        waves: The stacks, wave by wave; those of one wave run side by side.
        is_lab: Whether it acts on the lab.
        lift: The stacks whose protection is lifted just before they are destroyed; only when a person said so.
        refresh: Look at the cloud before each `up`, so that drift is taken back.
        settle: Stacks that come up a second time at the end: what they lacked, the waves before have made.
    """

    goal: Goal
    kind: Kind
    waves: tuple[tuple[str, ...], ...]
    is_lab: bool
    lift: tuple[str, ...] = ()
    refresh: bool = False
    settle: tuple[str, ...] = ()

    def arguments(self) -> dict[str, Json]:
        """For the journal."""
        rows: list[Json] = [list(wave) for wave in self.waves]
        flags: dict[str, Json] = {"lab": self.is_lab, "lift": list(self.lift), "refresh": self.refresh}
        flags |= {"settle": list(self.settle)}
        return {"kind": self.kind.value, "waves": rows, **flags}

    @classmethod
    def read(cls, goal: str, arguments: Mapping[str, Any]) -> Self:
        """Read what `arguments` wrote."""
        rows = tuple(tuple(wave) for wave in arguments["waves"])
        is_lab, refresh = bool(arguments["lab"]), bool(arguments["refresh"])
        lift, settle = tuple(arguments["lift"]), tuple(arguments.get("settle", ()))
        return cls(Goal(goal), Kind(arguments["kind"]), rows, is_lab, lift, refresh, settle)


def order_up(
    fleet: Fleet,
    wanted: Collection[str],
    deployed: Collection[str],
    *,
    is_lab: bool,
    refresh: bool = False,
    settled: Collection[str] = (),
) -> Order:
    """The order of `aurops up`: the stacks that are up, as a change; then the new ones, as a creation; then global.

    Args:
        fleet: All stacks.
        wanted: Those to bring up; each is in the fleet.
        deployed: Those that export an inventory. One whose home does not is as good as new: it waits for its home.
        is_lab: Whether it acts on the lab.
        refresh: Take drift back.
        settled: Those of the deployed that have settled once (`stacks.fleet.settling`).
    """
    known = {stack for stack in wanted if stack in deployed and fleet.home_of(stack) in deployed}
    regions = set(fleet.regions())
    order = [
        *_only(known & regions, waves(fleet, Kind.CHANGE)),
        *_only(regions & set(wanted) - known, waves(fleet, Kind.CREATE)),
        *_only(set(wanted) - regions, waves(fleet, Kind.CHANGE)),
    ]
    settle = settling(fleet, wanted, deployed, settled)
    return Order(Goal.UP, Kind.CHANGE if known else Kind.CREATE, tuple(order), is_lab, refresh=refresh, settle=settle)


def order_destroy(fleet: Fleet, wanted: Collection[str], *, is_lab: bool, lift: Collection[str]) -> Order:
    """The order of `aurops destroy`: creation, backwards."""
    return Order(Goal.DESTROY, Kind.DESTROY, _only(wanted, waves(fleet, Kind.DESTROY)), is_lab, tuple(sorted(lift)))


def lifted(history: History) -> tuple[str, ...]:
    """The stacks whose protection a run has lifted, or may have, and that still stand."""
    begun = (name.removeprefix("lift ") for name in history.tries if name.startswith("lift "))
    return tuple(stack for stack in begun if not history.latched(f"destroy {stack}"))


def plan(order: Order, history: History) -> tuple[Stage[None], ...]:
    """The stages from here to the end.

    A stack that failed holds the run: nothing of a later wave begins, and a person decides. `aurops runs resume` tries
    it again. Aborted, the run just ends: what is up stays up.
    """
    if history.goal == RESTORE:
        return ()
    stages = _destroy(order) if order.goal is Goal.DESTROY else _up(order)
    for stage in stages:
        failed = [step.name for step in stage.steps if step.name in history.failed]
        if failed:
            return (Stage(stage.name, hold="; ".join(f"{name}: {history.failed[name]}" for name in failed)),)
    return stages


def _up(order: Order) -> tuple[Stage[None], ...]:
    stages: list[Stage[None]] = []
    for number, wave in enumerate(order.waves, 1):
        why = f"wave {number} of {len(order.waves)}, in the order of a {_WORD[order.kind]}"
        stages += [
            Stage(f"wave {number}", tuple(_step(Action.UP, stack, why, OPERATION_WITHIN_S) for stack in wave)),
            Stage(f"record {number}", tuple(_step(Action.RECORD, stack, _RECORDED) for stack in wave)),
            Stage(f"gate {number}", tuple(_step(Action.HEALTH, stack, _GATE, HEALTHY_WITHIN_S) for stack in wave)),
        ]
    if order.settle:
        settle = tuple(_step(Action.SETTLE, stack, _SETTLED, OPERATION_WITHIN_S) for stack in order.settle)
        record = tuple(replace(_step(Action.RECORD, s, _RECORDED), name=f"record settled {s}") for s in order.settle)
        stages += [Stage("settle", settle), Stage("record settled", record)]
    return tuple(stages)


def _destroy(order: Order) -> tuple[Stage[None], ...]:
    stages: list[Stage[None]] = []
    for number, wave in enumerate(order.waves, 1):
        # Not all at once before the first: when the run ends early, what it has not reached is protected as before.
        if lift := [stack for stack in wave if stack in order.lift]:
            steps = tuple(_step(Action.LIFT, stack, _LIFTED, OPERATION_WITHIN_S) for stack in lift)
            stages.append(Stage(f"lift {number}", steps))
        why = f"wave {number} of {len(order.waves)}: creation, backwards"
        stages += [
            Stage(f"wave {number}", tuple(_step(Action.DESTROY, stack, why, OPERATION_WITHIN_S) for stack in wave)),
            Stage(
                f"forget {number}", tuple(_step(Action.FORGET, stack, "nothing is left to fail over") for stack in wave)
            ),
        ]
    return tuple(stages)


_SETTLED = "what could not be made in one pass: it needs what the waves before have made"
_RECORDED = "failover reads the inventory from the store"
_LIFTED = "a person confirmed that what holds data may go"
_GATE = "the next wave waits until this one serves"
_WORD = {Kind.CREATE: "creation", Kind.CHANGE: "change", Kind.DESTROY: "destruction"}


def _step(action: Action, stack: str, reason: str, deadline_s: float = 60.0) -> Step[None]:
    return Step(
        f"{action.value} {stack}",
        action.value,
        reason,
        done=lambda _: None,
        arguments={"stack": stack},
        timeout_s=CALL_S,
        deadline_s=deadline_s,
        lasting=Lasting.LATCHED,
    )


def _only(wanted: Collection[str], order: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
    kept = (tuple(stack for stack in wave if stack in wanted) for wave in order)
    return tuple(wave for wave in kept if wave)
