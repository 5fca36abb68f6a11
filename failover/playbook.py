"""Failover and re-protection as runs: the planner's steps, carried out on a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from failover import planner, switchover
from failover.goal import FailoverGoal, Mode
from failover.planner import Action

if TYPE_CHECKING:
    from collections.abc import Callable

    from aurops.history import History
    from aurops.plan import Answer, Stage, Step
    from failover.model import Target, World


class FailoverPlaybook:
    """A failover, forced or planned (`aurops.plan.Playbook`).

    Args:
        target: The service to fail over.
        goal: What to leave, and where to go.
    """

    def __init__(self, target: Target, goal: FailoverGoal) -> None:
        self._target = target
        self._goal = goal

    def observe(self) -> World:
        """The target's world."""
        return self._target.observe()

    def plan(self, world: World, history: History) -> tuple[Stage[World], ...]:
        """`failover.switchover.plan` when it is planned, else `failover.planner.plan`."""
        if self._goal.mode is Mode.PLANNED:
            return switchover.plan(world, self._goal, history)
        return planner.plan(world, self._goal, history)

    def violations(self, world: World, history: History) -> tuple[str, ...]:
        """`failover.planner.violations`."""
        return planner.violations(world, history)

    def safe_stop(self, world: World, history: History) -> Stage[World]:
        """`failover.planner.safe_stop`."""
        return planner.safe_stop(world, history)

    def call(self, step: Step[World], epoch: int) -> Answer:
        """The target's command of the step's name."""
        return command(self._target, step, epoch)


class ReprotectPlaybook(FailoverPlaybook):
    """Brings the lost region of a goal back as a standby of `goal.to`."""

    def plan(self, world: World, history: History) -> tuple[Stage[World], ...]:  # noqa: ARG002 (the protocol's)
        """`failover.planner.plan_reprotect`."""
        return planner.plan_reprotect(self._goal.regions, self._goal.lost, str(self._goal.to))


def command(target: Target, step: Step[World], epoch: int) -> Answer:
    """Dispatch a planner's step to the target: the one place that knows which action is which command."""
    region = str(step.arguments.get("region", ""))
    match Action(step.action):
        case Action.PROMOTE_DATABASE:
            voters = tuple(cast("list[str]", step.arguments["voters"]))
            return target.promote_database(region, voters, epoch, step.timeout_s)
        case Action.REPROTECT:
            return target.reprotect(region, str(step.arguments["primary"]), epoch, step.timeout_s)
        case Action.SHIFT:
            return target.shift(cast("dict[str, int]", step.arguments["weights"]), epoch, step.timeout_s)
        case action:
            return _of_one_region(target, action)(region, epoch, step.timeout_s)


def _of_one_region(target: Target, action: Action) -> Callable[[str, int, float], Answer]:
    """The commands that need to know nothing but their region."""
    return {
        Action.FENCE: target.fence,
        Action.DETACH: target.detach,
        Action.HOLD: target.hold,
        Action.RELEASE: target.release,
        Action.DRAIN: target.drain,
        Action.DEMOTE: target.demote,
        Action.PROMOTE_CACHE: target.promote_cache,
        Action.VERIFY_WRITE: target.verify_write,
    }[action]
