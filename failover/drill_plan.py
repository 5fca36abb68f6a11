"""The plan of a drill, pure: load, harm, the answer, undo, re-protect, steady again, measure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from aurops.history import RESTORE
from aurops.plan import Lasting, Repeat, Stage, Step
from aurops.runner import Ending
from failover.faults import Answer, Event

if TYPE_CHECKING:
    from aurops.history import History
    from aurops.plan import Json
    from failover.drill import DrillOrder
    from failover.faults import FaultRecord

SETTLE_S = 30.0
EFFECT_S = 10.0
"""How long an injector may take until it has proved its fault."""
STEP_S = 100.0
"""A step of a drill may hold a whole failover; the drill's lease lasts longer."""
FAIL_OVER, OBSERVE, STAND_BY, GO_ON, STEADY_AGAIN = "fail over", "observe", "stand by", "go on", "steady again"
"""Steps whose results the measurement needs."""


class Action(StrEnum):
    """What a drill does."""

    START_VANTAGES = "start_vantages"
    START_CLIENTS = "start_clients"
    SETTLE = "settle"
    INJECT = "inject"
    FAIL_OVER = "fail_over"
    STAND_BY = "stand_by"
    OBSERVE = "observe"
    GO_ON = "go_on"
    UNDO = "undo"
    REPROTECT = "reprotect"
    STEADY_AGAIN = "steady_again"
    STOP_CLIENTS = "stop_clients"
    MEASURE = "measure"


@dataclass(frozen=True)
class DrillWorld:
    """What a drill sees.

    Args:
        fault: What the injector wrote down.
        injecting: An injector is at work that has not proved its fault yet.
        measured: This process has measured; what another one measured is gone with it.
    """

    fault: FaultRecord
    injecting: bool
    measured: bool

    @property
    def injected(self) -> bool | None:
        """Whether the fault was done. An injector is armed, on disk, before it does harm: no trace is a no."""
        if self.fault.effective_s is not None:
            return True
        return None if self.injecting or self.fault.at_s(Event.ARMED) is not None else False


def plan(order: DrillOrder, history: History) -> tuple[Stage[DrillWorld], ...]:
    """From load to measurement; to restore, the fault is undone and the clients stop."""
    why = "every request needs its outcome before anything is counted"
    stop = _step(Action.STOP_CLIENTS, "stop clients", why)
    if history.goal == RESTORE:
        return (Stage("restore", (undo(), stop)),)
    watch = (
        _step(Action.START_VANTAGES, "start vantage points", "a quorum of them decides that a region is lost"),
        _step(Action.START_CLIENTS, "start clients", "their ledger is the only evidence"),
    )
    settle = _step(Action.SETTLE, "settle", "a service that is not well before its fault proves nothing after it")
    settle = replace(settle, deadline_s=SETTLE_S + order.steady_s)
    again = "a fault that is over must leave nothing behind: every region a copy, and clients served"
    return (
        Stage("watch", watch),
        Stage("steady", (settle,)),
        Stage("lose", (_inject(order),)),
        *_answer(order),
        Stage("undo", (undo(),)),
        *_go_on(order),
        *_reprotect(order, history),
        Stage(STEADY_AGAIN, (_step(Action.STEADY_AGAIN, STEADY_AGAIN, again),)),
        Stage("stop", (stop,)),
        Stage("measure", (_measure(),)),
    )


def undo() -> Step[DrillWorld]:
    """The step that ends the fault."""
    return Step(
        name="undo fault",
        action=Action.UNDO,
        reason="what was done to the bed is undone, whatever came of it",
        done=lambda world: not world.fault.left_behind,
        timeout_s=STEP_S,
    )


def _answer(order: DrillOrder) -> tuple[Stage[DrillWorld], ...]:
    """What the orchestrator does about the fault: its own decisions, watched for what the fault deserves."""
    if order.case.answer is Answer.FAIL_OVER or order.case.halfway:
        why = f"when a quorum says that {order.region} is lost: its own run"
        fail_over = _step(Action.FAIL_OVER, FAIL_OVER, why)
        observe = _step(Action.OBSERVE, OBSERVE, "clients must stay well while the region is still lost")
        return (Stage(FAIL_OVER, (fail_over,)), Stage(OBSERVE, (observe,)))
    wanted = "a person must be called, and nobody may move" if order.case.answer is Answer.HOLD else "nobody may move"
    return (Stage(STAND_BY, (_step(Action.STAND_BY, STAND_BY, wanted),)),)


def _go_on(order: DrillOrder) -> tuple[Stage[DrillWorld], ...]:
    """What a person does with a failover that stopped, once what stopped it is mended."""
    if not order.case.halfway:
        return ()
    return (Stage(GO_ON, (_step(Action.GO_ON, GO_ON, "a failover that stopped for a person can be resumed"),)),)


def _inject(order: DrillOrder) -> Step[DrillWorld]:
    return Step(
        name=f"{order.fault} {order.region}",
        action=Action.INJECT,
        arguments={"fault": order.fault, "expires_s": order.fault_expires_s},
        reason="a fault that happened twice would be measured as none",
        done=lambda world: world.injected,
        repeat=Repeat.AT_MOST_ONCE,
        lasting=Lasting.LATCHED,
        timeout_s=EFFECT_S,
    )


def _reprotect(order: DrillOrder, history: History) -> tuple[Stage[DrillWorld], ...]:
    """Only when a failover ended well: else the lost region has nobody to follow."""
    failover = history.results.get(GO_ON, history.results.get(FAIL_OVER, {}))
    if failover.get("ending") != Ending.DONE.value:
        return ()
    lost, to = order.region, str(failover["serving"])
    step = _step(Action.REPROTECT, f"re-protect {lost}", f"{to} needs its second copy back: its own run", to=to)
    return (Stage("re-protect", (step,)),)


def _step(action: Action, name: str, reason: str, **arguments: Json) -> Step[DrillWorld]:
    """A step that the journal remembers; asked again, it finds what it did before."""
    return Step(
        name=name,
        action=action,
        reason=reason,
        arguments=arguments,
        done=lambda _: None,
        lasting=Lasting.LATCHED,
        timeout_s=STEP_S,
    )


def _measure() -> Step[DrillWorld]:
    return Step(
        name="measure",
        action=Action.MEASURE,
        reason="every figure comes from the clients' ledger and from what can be read back",
        done=lambda world: world.measured,
        timeout_s=STEP_S,
    )
