"""Failover and re-protection as runs: the planner's steps, carried out on a target."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from failover import planner
from failover.planner import Action, FailoverGoal

if TYPE_CHECKING:
    from aurops.history import History
    from aurops.plan import Answer, Stage, Step
    from failover.model import Target, World


class FailoverPlaybook:
    """A forced failover (`aurops.plan.Playbook`).

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
        """`failover.planner.plan`."""
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


def command(target: Target, step: Step[World], epoch: int) -> Answer:  # noqa: PLR0911 (one line per action)
    """Dispatch a planner's step to the target: the one place that knows which action is which command."""
    region = str(step.arguments.get("region", ""))
    match Action(step.action):
        case Action.FENCE:
            return target.fence(region, epoch, step.timeout_s)
        case Action.DETACH:
            return target.detach(region, epoch, step.timeout_s)
        case Action.PROMOTE_DATABASE:
            voters = tuple(cast("list[str]", step.arguments["voters"]))
            return target.promote_database(region, voters, epoch, step.timeout_s)
        case Action.PROMOTE_CACHE:
            return target.promote_cache(region, epoch, step.timeout_s)
        case Action.REPROTECT:
            return target.reprotect(region, str(step.arguments["primary"]), epoch, step.timeout_s)
        case Action.VERIFY_WRITE:
            return target.verify_write(region, epoch, step.timeout_s)
        case Action.SHIFT:
            return target.shift(cast("dict[str, int]", step.arguments["weights"]), epoch, step.timeout_s)
