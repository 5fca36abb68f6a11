"""A drill as a run (`aurops.plan.Playbook`): load, lose, fail over, watch, undo, re-protect, measure.

Whoever resumes a drill finds what its dead holder left: clients, vantage points and injector live on without it, and
the child runs' ids follow from the drill's own. Detection and failover are one step, so that between the quorum's
verdict and the first command the store is asked for nothing but what the failover itself needs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, cast

from aurops.errors import HeldError, OutsideError
from aurops.history import RESTORE, History
from aurops.journal import Journal, JournalTakenError
from aurops.plan import Answer, CallUnknownError, Lasting, Repeat, Stage, Step
from aurops.runner import Ending
from failover.drill_report import DrillResult, verdict
from failover.execute import begin, execute
from failover.faults import Event
from failover.measurement import measure
from failover.planner import FailoverGoal
from failover.policy import Action as Decided
from failover.watching import wait_for_decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from aurops.clock import Clock
    from aurops.plan import Json
    from aurops.runner import Listener
    from aurops.store import Store
    from failover.drill import DrillBed, DrillOrder, Tell
    from failover.faults import FaultRecord

_POLL_S = 0.02
_SETTLE_S = 30.0
_LOOK_S = 5.0
_EFFECT_S = 10.0
_DETECT_S = 15.0
_BOTH_BACK_S = 30.0
STEP_S = 100.0
"""A step of a drill may hold a whole failover; the drill's lease lasts longer."""


class Action(StrEnum):
    """What a drill does."""

    START_VANTAGES = "start_vantages"
    START_CLIENTS = "start_clients"
    SETTLE = "settle"
    INJECT = "inject"
    FAIL_OVER = "fail_over"
    STOP_CLIENTS = "stop_clients"
    UNDO = "undo"
    REPROTECT = "reprotect"
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
        """Whether the region was lost. An injector is armed, on disk, before its first signal: no trace is a no."""
        if self.fault.effective_s is not None:
            return True
        return None if self.injecting or self.fault.at_s(Event.ARMED) is not None else False


def child(run: str, kind: str) -> str:
    """The id of a drill's child run; it can be named before that run exists, and after a crash."""
    return f"{run}-{kind}"


class DrillPlaybook:
    """One drill.

    Args:
        run: The drill's run id.
        bed: Where.
        order: What.
        store: Holds the child runs.
        clock: Time.
        tell: Told each event as it happens.
        listener: Told every record of the child runs.
    """

    def __init__(
        self, run: str, bed: DrillBed, order: DrillOrder, *, store: Store, clock: Clock, tell: Tell, listener: Listener
    ) -> None:
        self.result: DrillResult | None = None
        self._run = run
        self._bed = bed
        self._order = order
        self._store = store
        self._clock = clock
        self._tell = tell
        self._listener = listener

    def observe(self) -> DrillWorld:
        """The injector's journal, and what this process has done."""
        fault = self._bed.fault()
        injecting = fault.effective_s is None and self._bed.injecting()
        return DrillWorld(fault, injecting, self.result is not None)

    def plan(self, world: DrillWorld, history: History) -> tuple[Stage[DrillWorld], ...]:
        """From load to measurement; to restore, the fault is undone and the clients stop."""
        del world
        after_s = 0.0 if history.goal == RESTORE else self._order.after_s
        why = "every request needs its outcome before anything is counted"
        stop = _step(Action.STOP_CLIENTS, "stop clients", why, after_s=after_s)
        if history.goal == RESTORE:
            return (Stage("restore", (_undo(), stop)),)
        watch = (
            _step(Action.START_VANTAGES, "start vantage points", "a quorum of them decides that a region is lost"),
            _step(Action.START_CLIENTS, "start clients", "their ledger is the only evidence"),
        )
        settle = _step(Action.SETTLE, "settle", "a service that is not well before its fault proves nothing after it")
        settle = replace(settle, deadline_s=_SETTLE_S + self._order.steady_s)
        lost = self._order.region
        fail_over = _step(Action.FAIL_OVER, "fail over", f"when a quorum says that {lost} is lost: its own run")
        return (
            Stage("watch", watch),
            Stage("steady", (settle,)),
            Stage("lose", (self._inject(),)),
            Stage("fail over", (fail_over,)),
            Stage("observe", (stop,)),
            Stage("undo", (_undo(),)),
            *self._reprotect(history),
            Stage("measure", (_measure(),)),
        )

    def call(self, step: Step[DrillWorld], epoch: int) -> Answer:  # noqa: PLR0911 (one line per action)
        """Dispatch a step: the one place that knows which action is which call."""
        del epoch  # the child runs have leases and epochs of their own
        order, bed = self._order, self._bed
        match Action(step.action):
            case Action.START_VANTAGES:
                return Answer(dict(bed.start_vantages(order.region)))
            case Action.START_CLIENTS:
                bed.start_load(self._run, order.rate_per_s, order.seed)
                return Answer()
            case Action.SETTLE:
                return self._settle()
            case Action.INJECT:
                return self._lose()
            case Action.FAIL_OVER:
                return self._fail_over()
            case Action.STOP_CLIENTS:
                self._clock.sleep(cast("float", step.arguments["after_s"]))
                bed.stop_load()
                return Answer()
            case Action.UNDO:
                bed.undo_fault()
                return Answer()
            case Action.REPROTECT:
                return self._bring_back(str(step.arguments["to"]))
            case Action.MEASURE:
                return self._measure()

    def violations(self, world: DrillWorld, history: History) -> tuple[str, ...]:
        """None of its own: the child runs guard the service."""
        del world, history
        return ()

    def safe_stop(self, world: DrillWorld, history: History) -> Stage[DrillWorld]:
        """Undo the fault."""
        del world, history
        return Stage("safe stop", (_undo(),))

    def _inject(self) -> Step[DrillWorld]:
        order = self._order
        return Step(
            name=f"lose {order.region}",
            action=Action.INJECT,
            arguments={"fault": order.fault, "expires_s": order.fault_expires_s},
            reason="a fault that happened twice would be measured as none",
            done=lambda world: world.injected,
            repeat=Repeat.AT_MOST_ONCE,
            lasting=Lasting.LATCHED,
            timeout_s=_EFFECT_S,
        )

    def _reprotect(self, history: History) -> tuple[Stage[DrillWorld], ...]:
        """Only when a failover ended well: else the lost region has nobody to follow."""
        failover = history.results.get("fail over", {})
        if failover.get("ending") != Ending.DONE.value:
            return ()
        lost, to = self._order.region, str(failover["serving"])
        step = _step(Action.REPROTECT, f"re-protect {lost}", f"{to} needs its second copy back: its own run", to=to)
        return (Stage("re-protect", (step,)),)

    def _settle(self) -> Answer:
        """Wait until clients were served for the whole steady time; whether they were served well, the verdict says."""
        order = self._order
        wanted = int(order.rate_per_s * order.steady_s * 0.8)

        def served() -> bool:
            return sum(entry.is_ok for entry in self._bed.ledger().entries[-wanted:]) >= wanted

        if not self._await(served, within_s=_LOOK_S):
            return Answer(waiting="clients are not served")
        self._tell(f"steady: {wanted} writes acknowledged; losing {order.region} by {order.fault}")
        return Answer()

    def _lose(self) -> Answer:
        order = self._order
        self._bed.inject(order.fault, order.region, order.fault_expires_s)
        proved = self._await(lambda: self._bed.fault().effective_s is not None, within_s=_EFFECT_S)
        fault = self._bed.fault()
        if not proved:
            said = ", ".join(f"{event.event.value} {event.reason or ''}" for event in fault.events) or "nothing"
            raise CallUnknownError(f"the fault was not proved to be in effect; the injector said: {said}")
        return Answer({"t0_s": fault.t0_s, "effective_s": fault.effective_s})

    def _fail_over(self) -> Answer:
        """Go on with the failover that a dead holder began; else wait for the quorum, and begin it."""
        order, bed, run = self._order, self._bed, child(self._run, "failover")
        journal = self._begun(run)
        if journal is None:
            vantages = bed.start_vantages(order.region)
            found = wait_for_decision(bed.target, vantages, self._clock, order.region, limit_s=_DETECT_S)
            if found is None:
                return Answer({"ending": "not begun", "why": f"no quorum for a loss within {_DETECT_S:g} s"})
            if found.action is not Decided.FAIL_OVER:
                return Answer({"ending": "not begun", "why": f"a person was called: {found.why}"})
            self._tell(f"{found.at_s - self._t0_s():.2f} s after the fault: {found.evidence}")
            about: dict[str, Json] = {"evidence": found.evidence, "detected_at_s": found.at_s}
            goal = FailoverGoal(order.regions, order.region)
            journal = begin(self._store, self._clock, "failover", goal, about | {"bed": order.bed}, run=run)
        ending, why = self._finish(journal)
        serving = History(journal.records).decisions.get("target")
        return Answer({"run": run, "ending": ending, "why": why, "serving": serving})

    def _bring_back(self, primary: str) -> Answer:
        order, run = self._order, child(self._run, "reprotect")
        if not self._await(lambda: self._bed.target.observe().state(order.region) is not None, within_s=_BOTH_BACK_S):
            why = f"{order.region} did not answer within {_BOTH_BACK_S:g} s after the fault was undone"
            return Answer({"ending": "not begun", "why": why})
        goal = FailoverGoal(order.regions, order.region, to=primary)
        journal = self._begun(run) or begin(self._store, self._clock, "reprotect", goal, {"bed": order.bed}, run=run)
        ending, why = self._finish(journal)
        return Answer({"run": run, "ending": ending, "why": why})

    def _finish(self, journal: Journal) -> tuple[str, str]:
        """Run a child to its end, unless it has one."""
        if ended := History(journal.records).finished:
            return ended, ""
        target, clock = self._bed.target, self._clock
        result = execute(journal, target, store=self._store, clock=clock, listener=self._listener)
        if result.ending is Ending.HALTED:
            raise HeldError(result.why)  # no answer: the drill is halted as well, and asks again when it may
        return result.ending.value, result.why

    def _begun(self, run: str) -> Journal | None:
        """A child's journal; None when it was not begun."""
        try:
            Journal.create(self._store, run, self._clock)
        except JournalTakenError:
            return Journal.open(self._store, run, self._clock)
        return None

    def _measure(self) -> Answer:
        order, bed = self._order, self._bed
        ledger, fault = bed.ledger(), bed.fault()
        if fault.t0_s is None:
            raise OutsideError("no fault was injected, so there is nothing to measure", where=f"run {self._run}")
        drill = Journal.open(self._store, self._run, self._clock)
        failover = self._begun(child(self._run, "failover"))
        records = failover.records if failover else ()
        history = History(records)
        serving = str(history.decisions["target"]) if history.past_no_return else order.region
        results = History(drill.records).results
        measurement = measure(
            ledger,
            fault.t0_s,
            bed.readable_ids(serving, self._run),
            bed.cached_ids(serving, self._run),
            order.objective,
            steady_s=order.steady_s,
        )
        self.result = DrillResult(
            run=self._run,
            order=order,
            fault=fault,
            serving=serving,
            measurement=measurement,
            ledger=ledger,
            failover=results.get("fail over", {}),
            reprotected=results.get(f"re-protect {order.region}", {}),
            records=records,
        )
        found, because = verdict(self.result)
        said: dict[str, Json] = {"verdict": found.value, "because": because, "serving": serving}
        return Answer(said | {"rto_s": measurement.rto_s, "lost": measurement.rpo_count})

    def _t0_s(self) -> float:
        return cast("float", self._bed.fault().t0_s)

    def _await(self, condition: Callable[[], bool], *, within_s: float) -> bool:
        deadline_s = self._clock.now_s() + within_s
        while not condition():
            if self._clock.now_s() > deadline_s:
                return False
            self._clock.sleep(_POLL_S)
        return True


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


def _undo() -> Step[DrillWorld]:
    return Step(
        name="undo fault",
        action=Action.UNDO,
        reason="the lost region lives again",
        done=lambda world: not world.fault.left_behind,
        timeout_s=STEP_S,
    )


def _measure() -> Step[DrillWorld]:
    return Step(
        name="measure",
        action=Action.MEASURE,
        reason="RTO and RPO come from the clients' ledger and from what can be read back",
        done=lambda world: world.measured,
        timeout_s=STEP_S,
    )
