"""A drill: lose a region on purpose, watch the service come back, measure, restore.

The processes that inject, load and watch are not this one: killing a drill kills nothing else, and the injector undoes
its fault by itself. This module decides what happens in which order; `DrillBed` is what it asks of a test bed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, cast

from aurops.errors import AnswerIsNoError, OutsideError
from aurops.history import History
from aurops.journal import Journal, Record, RecordKind, new_run_id
from aurops.runner import Ending, Result
from failover.detector import Verdict, watch_reports
from failover.execute import begin, execute
from failover.measurement import Measurement, Objective, Recovery, measure
from failover.planner import FailoverGoal

if TYPE_CHECKING:
    from aurops.clock import Clock
    from aurops.plan import Json
    from aurops.runner import Listener
    from aurops.store import Store
    from failover.faults import FaultRecord
    from failover.ledger import Ledger
    from failover.model import Target

_POLL_S = 0.02
_BOTH_BACK_S = 30.0
_EFFECT_S = 10.0


@dataclass(frozen=True)
class DrillOrder:
    """What to do.

    Args:
        fault: Name of a fault of `failover.faults`.
        region: The region to lose; it must be the one that serves.
        regions: All regions, in order of preference.
        rate_per_s: Client writes per second, open loop.
        steady_s: Load before the fault, in seconds.
        after_s: Load after traffic is open again, in seconds.
        seed: Of arrivals.
        objective: What counts as served.
        fault_expires_s: The injector undoes its fault after so many seconds, whatever happens.
        about: What the runs' first records should say besides: the bed.
    """

    fault: str
    region: str
    regions: tuple[str, ...]
    rate_per_s: float = 60.0
    steady_s: float = 3.0
    after_s: float = 3.0
    seed: int = 1
    objective: Objective = field(default_factory=Objective)
    fault_expires_s: float = 60.0
    about: Mapping[str, str] = field(default_factory=dict)


class DrillBed(Protocol):
    """What a drill needs of a test bed."""

    @property
    def target(self) -> Target:
        """The service."""
        ...

    def start_vantages(self, region: str) -> Mapping[str, str]:
        """Start the vantage points; their URLs by name."""
        ...

    def start_load(self, run: str, rate_per_s: float, seed: int) -> None:
        """Start the clients."""
        ...

    def ledger(self) -> Ledger:
        """The clients' ledger so far."""
        ...

    def stop_load(self) -> Ledger:
        """Stop the clients, wait for their last answers, and give the whole ledger."""
        ...

    def inject(self, fault: str, region: str, expires_s: float) -> None:
        """Start the fault injector."""
        ...

    def fault(self) -> FaultRecord:
        """The injector's journal."""
        ...

    def undo_fault(self) -> None:
        """Ask the injector to undo its fault."""
        ...

    def readable_ids(self, region: str, run: str) -> frozenset[str] | None:
        """The ids of this run that the region's database holds; None when it cannot be read."""
        ...

    def cached_ids(self, region: str, run: str) -> frozenset[str] | None:
        """The ids of this run that the region's cache holds; None when it cannot be read."""
        ...


@dataclass(frozen=True)
class DrillResult:
    """What a drill gave.

    Args:
        run: The drill's run id; `failover_run` is its child's.
        t0_s: First signal of the fault, boot-clock seconds; `effective_s` when it was proved.
        detected: The detector's verdict.
        serving: The region that serves now.
        measurement: What the clients saw.
        ledger: Their ledger.
        reprotected: How the lost region came back.
        failover: The failover's journal, for its steps.
        head_hash: Hash of the drill's last journal record.
    """

    run: str
    failover_run: str
    t0_s: float
    effective_s: float
    detected: Verdict
    serving: str
    measurement: Measurement
    ledger: Ledger
    reprotected: Result
    failover: tuple[Record, ...]
    head_hash: str

    @property
    def conclusive(self) -> bool:
        """Whether the clients' ledger can bear a verdict."""
        return self.measurement.recovery in (Recovery.RECOVERED, Recovery.NOT_RECOVERED)


Tell = Callable[[str], None]


class Drill:
    """One drill on one bed.

    Args:
        bed: Where.
        order: What.
        store: Holds the runs.
        clock: Time.
        tell: Told each event as it happens, for the live timeline.
        listener: Told every record of the failover and the re-protection.
    """

    def __init__(
        self, bed: DrillBed, order: DrillOrder, *, store: Store, clock: Clock, tell: Tell, listener: Listener
    ) -> None:
        self._bed = bed
        self._order = order
        self._store = store
        self._clock = clock
        self._tell = tell
        self._listener = listener

    def run(self) -> DrillResult:
        """Do it; the fault is undone whatever happens.

        Raises:
            AnswerIsNoError: The fault was not detected, or the failover did not end well.
            OutsideError: Steady state was not reached, or the fault took no effect.
        """
        order = self._order
        journal = self._begin()
        vantages = self._bed.start_vantages(order.region)
        self._bed.start_load(journal.run, order.rate_per_s, order.seed)
        self._settle()
        try:
            return self._lose(journal, vantages)
        finally:
            self._bed.undo_fault()

    def _lose(self, journal: Journal, vantages: Mapping[str, str]) -> DrillResult:
        order = self._order
        journal.append(RecordKind.INTENT, {"step": "inject", "fault": order.fault, "region": order.region})
        self._bed.inject(order.fault, order.region, order.fault_expires_s)
        fault = self._await_effect()
        t0_s, effective_s = cast("float", fault.t0_s), cast("float", fault.effective_s)
        detected = watch_reports(order.region, dict(vantages), self._clock, limit_s=15.0)
        if detected is None:
            raise AnswerIsNoError(f"the loss of {order.region} was not detected within 15 s", where=journal.run)
        self._tell(f"{detected.detected_at_s - t0_s:.2f} s after the fault: {detected.text}")
        failover = self._failover(detected)
        serving = str(History(failover.records).decisions["target"])
        self._clock.sleep(order.after_s)
        ledger = self._bed.stop_load()
        self._bed.undo_fault()
        reprotected = self._reprotect(serving)
        measurement = measure(
            ledger,
            t0_s,
            self._bed.readable_ids(serving, journal.run),
            self._bed.cached_ids(serving, journal.run),
            order.objective,
        )
        figures: dict[str, Json] = {"rto_s": measurement.rto_s, "lost": measurement.rpo_count, "serving": serving}
        journal.append(RecordKind.FINISHED, {"outcome": measurement.recovery.value, **figures})
        return DrillResult(
            journal.run,
            failover.run,
            t0_s,
            effective_s,
            detected,
            serving,
            measurement,
            ledger,
            reprotected,
            failover.records,
            journal.head_hash,
        )

    def _failover(self, detected: Verdict) -> Journal:
        order = self._order
        goal = FailoverGoal(order.regions, order.region)
        journal = begin(self._store, self._clock, "failover", goal, {"evidence": detected.text, **order.about})
        result = self._execute(journal)
        if result.ending is not Ending.DONE:
            raise AnswerIsNoError(f"the failover ended as {result.ending}: {result.why}", where=journal.run)
        return journal

    def _reprotect(self, serving: str) -> Result:
        goal = FailoverGoal(self._order.regions, self._order.region, to=serving)
        self._await_answer(self._order.region)
        return self._execute(begin(self._store, self._clock, "reprotect", goal, dict(self._order.about)))

    def _execute(self, journal: Journal) -> Result:
        return execute(journal, self._bed.target, store=self._store, clock=self._clock, listener=self._listener)

    def _begin(self) -> Journal:
        order = self._order
        arguments: dict[str, Json] = {"fault": order.fault, "region": order.region, "seed": order.seed, **order.about}
        journal = Journal.create(self._store, new_run_id("drill", self._clock), self._clock)
        journal.append(RecordKind.STARTED, {"goal": "measure", "arguments": arguments})
        return journal

    def _settle(self) -> None:
        """Wait until clients have been served for the whole steady time."""
        order = self._order
        wanted = int(order.rate_per_s * order.steady_s * 0.8)

        def served() -> bool:
            return sum(entry.is_ok for entry in self._bed.ledger().entries[-wanted:]) >= wanted

        if not self._await(served, within_s=30.0 + order.steady_s):
            raise OutsideError("steady state was not reached: clients are not served", where="before the fault")
        self._tell(f"steady: {wanted} writes acknowledged; losing {order.region} by {order.fault}")

    def _await_effect(self) -> FaultRecord:
        """The fault's record, once it is proved to be in effect."""
        proved = self._await(lambda: self._bed.fault().effective_s is not None, within_s=_EFFECT_S)
        fault = self._bed.fault()
        if not proved:
            said = ", ".join(f"{event.event.value} {event.reason or ''}" for event in fault.events) or "nothing"
            raise OutsideError(f"the fault was not proved to be in effect; the injector said: {said}")
        return fault

    def _await_answer(self, region: str) -> None:
        if not self._await(lambda: self._bed.target.observe().state(region) is not None, within_s=_BOTH_BACK_S):
            raise OutsideError(f"{region} did not come back after the fault was undone", where=region)

    def _await(self, condition: Callable[[], bool], *, within_s: float) -> bool:
        deadline_s = self._clock.now_s() + within_s
        while not condition():
            if self._clock.now_s() > deadline_s:
                return False
            self._clock.sleep(_POLL_S)
        return True
