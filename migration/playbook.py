"""A cutover as a run: the plan's steps, carried out on proxies and ports, its gates looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from aurops.gates import steps
from aurops.history import History
from aurops.plan import Answer
from migration import cutover as planner
from migration import hand_over
from migration.interruptions import moved_s
from migration.model import OLD, World
from migration.outline import Action

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aurops.clock import Clock
    from aurops.gates.keeper import Keeper
    from aurops.journal import Journal
    from aurops.plan import Stage, Step
    from aurops.ports import Ports
    from migration.cutover_file import Cutover
    from migration.model import Target
    from migration.probing import Probing
    from migration.rehearsals import Rehearsals


class CutoverPlaybook:
    """A cutover (`aurops.plan.Playbook`).

    Args:
        cutover: What is wanted.
        target: The proxies.
        probing: The probes.
        rehearsals: Rehearses rollbacks.
        ports: Data and canary.
        keeper: Looks at gates.
        journal: The run's; what an approval must be for is read from it.
        clock: Time.
        releases: It follows a rollback, whose latches it takes away.
    """

    def __init__(  # noqa: PLR0913 (what a run needs)
        self,
        cutover: Cutover,
        target: Target,
        probing: Probing,
        rehearsals: Rehearsals,
        *,
        ports: Ports,
        keeper: Keeper,
        journal: Journal,
        clock: Clock,
        releases: bool = False,
    ) -> None:
        self._cutover = cutover
        self._target = target
        self._probing = probing
        self._rehearsals = rehearsals
        self._ports = ports
        self._keeper = keeper
        self._journal = journal
        self._clock = clock
        self._releases = releases

    def observe(self) -> World:
        """The proxies, the time of day, and whether probes are sent, who are told when traffic began to move."""
        self._probing.count_from(moved_s(self._journal.records))
        return World(self._clock.wall(), self._target.observe(), self._probing.alive())

    def plan(self, world: World, history: History) -> tuple[Stage[World], ...]:
        """`migration.cutover.plan`."""
        return planner.plan(world, self._cutover, history, self._journal.run, releases=self._releases)

    def is_stopped(self) -> bool:
        """Whether the run goes nowhere any more, as the proxies are now: rolled back, held, or steered by others.

        Whoever waits at a gate is to say so, and not when that gate opens days later.
        """
        world, history = self.observe(), History(self._journal.records)
        return bool(self.violations(world, history)) or any(stage.hold for stage in self.plan(world, history))

    def violations(self, world: World, history: History) -> tuple[str, ...]:
        """`migration.cutover.violations`."""
        return planner.violations(world, self._cutover, history)

    def safe_stop(self, world: World, history: History) -> Stage[World]:
        """`migration.cutover.safe_stop`."""
        return planner.safe_stop(world, self._cutover, history)

    def call(self, step: Step[World], epoch: int) -> Answer:  # noqa: C901, PLR0911 (an action, its command)
        """Look at the step's gates, or ask its proxy."""
        if step.action == steps.ACTION:
            return self._look(step)
        proxy, reason = str(step.arguments.get("proxy", "")), str(step.arguments.get("reason", ""))
        match Action(step.action):
            case Action.SHIFT:
                weights = cast("Mapping[str, int]", step.arguments["weights"])
                return self._target.shift(proxy, weights, epoch, step.timeout_s)
            case Action.PREPARE:
                return self._target.prepare(proxy, epoch, step.timeout_s)
            case Action.REHEARSE:
                return self._rehearsals.rehearse(int(str(step.arguments["number"])), reason, epoch, step.timeout_s)
            case Action.DRAIN:
                return self._target.drain(proxy, OLD, epoch, step.timeout_s)
            case Action.ROLL_BACK:
                return self._target.roll_back(proxy, reason, epoch, step.timeout_s)
            case Action.HOLD:
                return self._target.hold(proxy, self._journal.run, reason, step.timeout_s)
            case Action.RELEASE:
                return self._target.release(proxy, int(str(step.arguments["latch"])), epoch, step.timeout_s)
            case Action.HAND_OVER:
                never = hand_over.never_stopped(self._journal.records, step.name)
                return hand_over.stop_writes(
                    self._target, self._ports.fence, self._journal.run, epoch, step.timeout_s, fenced_never=never
                )
            case Action.PROBE:
                return self._probing.start()
            case Action.STOP_PROBES:
                return self._probing.stop()
            case Action.CLOSE_PHASE:
                return Answer()

    def _look(self, step: Step[World]) -> Answer:
        records = self._journal.records
        stage, gates = str(step.arguments["stage"]), steps.read(step.arguments["gates"])
        # What this process wrote last is the intent of this very look.
        return steps.answer(self._keeper.look(steps.spot(records, History(records), stage, gates), records[-1]))
