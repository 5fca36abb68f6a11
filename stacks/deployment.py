"""Carries out `stacks.deploy`: engine operations in the background, the inventory, the gate between waves."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

from aurops import inventory
from aurops.errors import OutsideError
from aurops.plan import Answer, Stage, Step
from stacks import deploy
from stacks.deploy import Action, Order
from stacks.engine import EngineStack, Operation
from stacks.noting import take_note
from stacks.recovery import run_recovered
from stacks.survey import survey, without_exports

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aurops.history import History
    from aurops.inventories import Inventories
    from aurops.plan import Json
    from stacks.changes import Changes
    from stacks.engine import StackRun
    from stacks.health import HealthCheck
    from stacks.lookup.finder import Finder
    from stacks.site import Site

LOOK_S = 5.0
"""How long a call waits for its operation before it says how far that is."""


OPERATIONS = {
    Action.UP: Operation.UP,
    Action.SETTLE: Operation.SETTLE,
    Action.LIFT: Operation.LIFT,
    Action.DESTROY: Operation.DESTROY,
}
"""What the engine does for a step."""


class Deployment:
    """Brings stacks up or down (`aurops.plan.Playbook`).

    Args:
        site: Where the engine works.
        order: What was asked for.
        inventories: Gets each stack's inventory.
        health: The gate.
        finder: Looks for what a killed run may have created.
    """

    def __init__(
        self, site: Site, order: Order, *, inventories: Inventories, health: HealthCheck, finder: Finder
    ) -> None:
        self._site = site
        self._order = order
        self._inventories = inventories
        self._health = health
        self._finder = finder
        self._pool = ThreadPoolExecutor(thread_name_prefix="engine")
        self._running: dict[str, Future[dict[str, Json]]] = {}
        self._exports: dict[str, Mapping[str, Any]] = {}
        self.progress: dict[str, Changes] = {}
        """How far the operation on each stack is; for display."""

    def close(self) -> None:
        """Wait for the operations that still run: an engine that is left alone would keep its stack locked."""
        self._pool.shutdown(wait=True)

    def busy(self) -> tuple[str, ...]:
        """The steps whose operation is still running."""
        return tuple(name for name, future in self._running.items() if not future.done())

    def observe(self) -> None:
        """Nothing: what is done stands in the journal."""

    def plan(self, world: None, history: History) -> tuple[Stage[None], ...]:  # noqa: ARG002 (the protocol's)
        """`stacks.deploy.plan`."""
        return deploy.plan(self._order, history)

    def violations(self, world: None, history: History) -> tuple[str, ...]:  # noqa: ARG002 (the protocol's)
        """None: the engine's own lock keeps two from changing a stack."""
        return ()

    def safe_stop(self, world: None, history: History) -> Stage[None]:  # noqa: ARG002 (the protocol's)
        """Nothing to do."""
        return Stage("safe stop")

    def call(self, step: Step[None], epoch: int) -> Answer:  # noqa: ARG002 (no cloud refuses an older epoch)
        """Do a step, or look how far it is."""
        stack = str(step.arguments["stack"])
        match action := Action(step.action):
            case Action.RECORD:
                return self._record(stack)
            case Action.HEALTH:
                return self._look(stack)
            case Action.FORGET:
                self._inventories.forget(stack)
                return Answer()
            case _:
                return self._operation(step.name, stack, OPERATIONS[action])

    def _operation(self, name: str, stack: str, operation: Operation) -> Answer:
        """Begin the operation if it is not running; wait a little for its end."""
        if name not in self._running:
            self._running[name] = self._pool.submit(self._work, stack, operation)
        future = self._running[name]
        wait([future], timeout=LOOK_S)
        if not future.done():
            return Answer(waiting=self._how_far(stack))
        del self._running[name]
        return Answer(future.result())

    def _work(self, stack: str, operation: Operation) -> dict[str, Json]:
        engine = EngineStack(self._site, stack)
        mended: list[Json] = []
        if self._order.refresh:
            run_recovered(engine, Operation.REFRESH, self._finder, tell=mended.append)
        run = run_recovered(
            engine,
            operation,
            self._finder,
            listen=lambda changes: self.progress.update({stack: changes}),
            tell=mended.append,
            before=lambda: None if self._order.refresh else take_note(engine, operation, mended.append),
        )
        if operation is Operation.DESTROY:
            _forget_exports(engine)
        self.progress[stack] = run.changes
        self._exports[stack] = run.exports
        return _told(run) | ({"mended": mended} if mended else {})

    def _how_far(self, stack: str) -> str:
        changes = self.progress.get(stack)
        return f"{changes.done} resources done" if changes else "opening the stack"

    def _record(self, stack: str) -> Answer:
        exports = self._exports.get(stack) or EngineStack(self._site, stack).outputs()
        document = exports.get("inventory")
        if not isinstance(document, dict):
            raise OutsideError("the stack exports no inventory", where=f"stack {stack}", next_step=f"aurops up {stack}")
        return Answer({"key": self._inventories.record(inventory.read(document, f"stack {stack}"))})

    def _look(self, stack: str) -> Answer:
        found = self._inventories.latest(stack)
        if found is None:
            raise OutsideError("the store has no inventory", where=f"stack {stack}", next_step=f"aurops up {stack}")
        seen = self._health.look(found)
        return Answer({"seen": seen.what}) if seen.ok else Answer(waiting=seen.what)


def _forget_exports(engine: EngineStack) -> None:
    """A stack of which an archive is left would export its old inventory, and others would be built on it."""
    state = engine.state()
    if survey(engine.name, state).inventory is not None:
        engine.replace_state(state, without_exports(state))


def _told(run: StackRun) -> dict[str, Json]:
    counts: dict[str, Json] = {op.value: count for op, count in run.changes.counts.items()}
    return {"counts": counts, "seconds": round(run.seconds, 1)}
