"""A drill as a run (`aurops.plan.Playbook`): load, lose, fail over, watch, undo, re-protect, measure.

Whoever resumes a drill finds what its dead holder left: clients, vantage points and injector live on without it, and
the child runs' ids follow from the drill's own. Detection and failover are one step, so that between the quorum's
verdict and the first command the store is asked for nothing but what the failover itself needs.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self, cast

from aurops.errors import HeldError, OutsideError
from aurops.history import History
from aurops.journal import Journal, JournalTakenError
from aurops.plan import Answer, CallUnknownError, Stage, Step
from aurops.runner import Ending
from failover.drill_plan import (
    EFFECT_S,
    FAIL_OVER,
    GO_ON,
    OBSERVE,
    STAND_BY,
    STEADY_AGAIN,
    Action,
    DrillWorld,
    plan,
    undo,
)
from failover.drill_verdict import DrillResult, halted, verdict
from failover.execute import begin, execute
from failover.faults import Answer as Deserved
from failover.goal import FailoverGoal
from failover.measurement import Recovery, measure, recovery_by, well_before
from failover.policy import Action as Decided
from failover.standing_by import stand_by
from failover.watching import wait_for_decision

if TYPE_CHECKING:
    from collections.abc import Callable

    from aurops.clock import Clock
    from aurops.plan import Json
    from aurops.runner import Listener
    from aurops.store import Store
    from failover.drill import DrillBed, DrillOrder, Tell
    from failover.standing_by import Watch

_POLL_S = 0.02
_LOOK_POLL_S = 0.25
"""Whoever looks at minutes of a ledger looks less often."""
_LOOK_S = 5.0
_DETECT_S = 15.0
_BOTH_BACK_S = 30.0
_WELL_AGAIN_S = 20.0
"""How long the service may take to be well: after its traffic was opened, and after the undo to be steady again."""
_ANSWERED_S = 2.5
"""By then each request has its outcome in the ledger: clients give one up after 2 s (`DrillBed.start_load`)."""


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
        self._held = ExitStack()
        self._watch: Watch | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the watch, where the drill ended before it did."""
        self._held.close()

    def observe(self) -> DrillWorld:
        """The injector's journal, and what this process has done."""
        fault = self._bed.fault()
        injecting = fault.effective_s is None and self._bed.injecting()
        return DrillWorld(fault, injecting, self.result is not None)

    def plan(self, world: DrillWorld, history: History) -> tuple[Stage[DrillWorld], ...]:
        """See `failover.drill_plan`."""
        del world
        return plan(self._order, history)

    def call(self, step: Step[DrillWorld], epoch: int) -> Answer:  # noqa: C901, PLR0911, PLR0912 (one case per action)
        """Dispatch a step: the one place that knows which action is which call."""
        del epoch  # the child runs have leases and epochs of their own
        order, bed = self._order, self._bed
        match Action(step.action):
            case Action.START_VANTAGES:
                return Answer(dict(bed.start_vantages(order.in_force)))
            case Action.START_CLIENTS:
                bed.start_load(self._run, order.rate_per_s, order.seed)
                return Answer()
            case Action.SETTLE:
                return self._settle()
            case Action.INJECT:
                return self._lose()
            case Action.FAIL_OVER:
                return self._fail_over()
            case Action.STAND_BY:
                return self._stand_by()
            case Action.OBSERVE:
                return self._look_on()
            case Action.GO_ON:
                return self._go_on()
            case Action.UNDO:
                bed.undo_fault()
                return Answer()
            case Action.REPROTECT:
                return self._bring_back(str(step.arguments["to"]))
            case Action.STEADY_AGAIN:
                return self._steady_again()
            case Action.STOP_CLIENTS:
                bed.stop_load()
                return Answer()
            case Action.MEASURE:
                return self._measure()

    def violations(self, world: DrillWorld, history: History) -> tuple[str, ...]:
        """None of its own: the child runs guard the service."""
        del world, history
        return ()

    def safe_stop(self, world: DrillWorld, history: History) -> Stage[DrillWorld]:
        """Undo the fault."""
        del world, history
        return Stage("safe stop", (undo(),))

    def _settle(self) -> Answer:
        """Wait until clients were served for the whole steady time; whether they were served well, the verdict says."""
        order = self._order
        wanted = int(order.rate_per_s * order.steady_s * 0.8)

        def served() -> bool:
            return sum(entry.is_ok for entry in self._bed.ledger().entries[-wanted:]) >= wanted

        if not self._await(served, within_s=_LOOK_S):
            return Answer(waiting="clients are not served")
        self._tell(f"steady: {wanted} writes acknowledged; {order.fault} in {order.region}")
        return Answer()

    def _steady_again(self) -> Answer:
        """Wait until every region copies the writer again and clients were well for the whole steady time."""
        order, bed = self._order, self._bed
        since_s = self._clock.now_s()
        well: bool | None = None
        unprotected: dict[str, str] = {}

        def restored() -> bool:
            nonlocal well, unprotected
            entries = sorted(bed.ledger().entries, key=lambda entry: entry.intended_s)
            last_s = entries[-1].intended_s if entries else since_s
            well = well_before(entries, last_s, order.steady_after_s, order.objective)
            world = bed.target.observe()
            writers = world.writers()
            unprotected = world.unprotected(writers[0]) if len(writers) == 1 else dict.fromkeys(writers, "writes, too")
            return bool(well and writers and not unprotected) and last_s - since_s >= order.steady_after_s

        self._await(restored, within_s=_WELL_AGAIN_S + order.steady_after_s, every_s=_LOOK_POLL_S)
        return Answer({"well": well, "unprotected": cast("Json", unprotected)})

    def _lose(self) -> Answer:
        order = self._order
        if order.case.answer is not Deserved.FAIL_OVER and not order.case.halfway:
            self._watching()  # it must live through the moment of the fault
        self._bed.inject(order.fault, order.region, order.fault_expires_s)
        proved = self._await(lambda: self._bed.fault().effective_s is not None, within_s=EFFECT_S)
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
        return self._ended(journal)

    def _look_on(self) -> Answer:
        """Look on for the time that was asked for and, after a failover, until clients are seen to be well again.

        How long that takes is the RTO's to say: a drill that undid its fault before could not tell what brought the
        service back. Judged are requests that were sent so long ago that each has its outcome in the ledger.
        """
        order = self._order
        self._clock.sleep(order.after_s)

        def well() -> bool:
            by_s = self._clock.now_s() - _ANSWERED_S
            return recovery_by(self._bed.ledger(), self._t0_s(), by_s, order.objective) is Recovery.RECOVERED

        if order.case.answer is Deserved.FAIL_OVER and self._failed_over():
            self._await(lambda: well() or self._over(), within_s=_WELL_AGAIN_S, every_s=_LOOK_POLL_S)
            self._tell(f"clients are {'well again' if well() else 'not well'}; now the fault is undone")
        return Answer({"until_s": self._clock.now_s()})

    def _failed_over(self) -> bool:
        journal = self._begun(child(self._run, "failover"))
        return journal is not None and History(journal.records).finished == Ending.DONE.value

    def _go_on(self) -> Answer:
        """Resume the failover that stopped."""
        journal = self._begun(child(self._run, "failover"))
        return Answer({"ending": "not begun"}) if journal is None else self._ended(journal)

    def _ended(self, journal: Journal) -> Answer:
        ending, why = self._finish(journal)
        serving = History(journal.records).decisions.get("target")
        after_s = self._clock.now_s() - self._t0_s()
        return Answer({"run": journal.run, "ending": ending, "why": why, "serving": serving, "after_s": after_s})

    def _stand_by(self) -> Answer:
        """Look on while the fault is in effect; what the watch decides is what it would have done."""
        order = self._order
        limit_s = _DETECT_S if order.case.answer is Deserved.HOLD else order.after_s
        stood = stand_by(self._watching(), self._clock, limit_s=limit_s, after_s=order.after_s, over=self._over)
        self._held.close()
        after_s = None if stood.at_s is None else stood.at_s - self._t0_s()
        if after_s is not None:
            self._tell(f"{after_s:.2f} s after the fault: the watch says {stood.answer}: {stood.why}")
        said: dict[str, Json] = {"answer": stood.answer.value, "why": stood.why, "until_s": stood.until_s}
        return Answer(said | {"after_s": after_s})

    def _watching(self) -> Watch:
        """The watch of this drill, begun when it is first needed."""
        if self._watch is None:
            self._watch = self._held.enter_context(self._bed.watching(self._order.in_force))
        return self._watch

    def _over(self) -> bool:
        return self._bed.fault().undo_began is not None

    def _bring_back(self, primary: str) -> Answer:
        order, run = self._order, child(self._run, "reprotect")

        def both_back() -> bool:
            world = self._bed.target.observe()
            return world.state(order.region) is not None and primary in world.writers()

        if not self._await(both_back, within_s=_BOTH_BACK_S):
            why = f"{order.region} and {primary} did not both answer within {_BOTH_BACK_S:g} s of the undo"
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
        serving = str(history.decisions["target"]) if history.past_no_return else order.in_force
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
            failover=results.get(FAIL_OVER, {}),
            stood=halted(results.get(FAIL_OVER, {})) if order.case.halfway else results.get(STAND_BY, {}),
            until_s=cast("float | None", results.get(STAND_BY, results.get(OBSERVE, {})).get("until_s")),
            reprotected=results.get(f"re-protect {order.region}", {}),
            again=results.get(STEADY_AGAIN, {}),
            resumed=results.get(GO_ON, {}),
            records=records,
        )
        found, because = verdict(self.result)
        said: dict[str, Json] = {"verdict": found.value, "because": because, "serving": serving}
        return Answer(said | {"rto_s": measurement.rto_s, "lost": measurement.rpo_count})

    def _t0_s(self) -> float:
        return cast("float", self._bed.fault().t0_s)

    def _await(self, condition: Callable[[], bool], *, within_s: float, every_s: float = _POLL_S) -> bool:
        deadline_s = self._clock.now_s() + within_s
        while not condition():
            if self._clock.now_s() > deadline_s:
                return False
            self._clock.sleep(every_s)
        return True
