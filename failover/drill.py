"""A drill: do a fault on purpose, watch for the answer that it deserves, measure, restore.

The processes that inject, load and watch are not this one: killing a drill kills nothing else, the injector undoes
its fault by itself, and `aurops runs resume` finishes what is left (failover/drill_playbook.py). `DrillBed` is what a
drill asks of a test bed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from pydantic import TypeAdapter

from aurops.execution import begin, drive
from aurops.history import History
from aurops.journal import Journal, RecordKind, list_runs, new_run_id
from aurops.lease import Lease
from failover.drill_playbook import DrillPlaybook, child
from failover.faults import fault_named
from failover.measurement import Objective

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from aurops.clock import Clock
    from aurops.runner import Listener, Result
    from aurops.store import Store
    from failover.drill_verdict import DrillResult
    from failover.faults import Case, FaultRecord
    from failover.ledger import Ledger
    from failover.model import Target
    from failover.standing_by import Watch

KIND = "measure"
"""The goal of a drill's run."""
LEASE_TTL_S = 180.0
"""Longer than a drill's longest step. A holder that died on this machine is not waited for."""


@dataclass(frozen=True)
class DrillOrder:
    """What to do.

    Args:
        fault: Name of a fault of `failover.faults`.
        region: The region that it happens to.
        regions: All regions, in order of preference.
        rate_per_s: Client writes per second, open loop.
        steady_s: Load before the fault, in seconds.
        after_s: Load after the answer, in seconds, with the fault still in effect: after traffic is open again (and on
            until clients are well, for 20 s at most), after a person was called, or for so long when nobody may move.
        seed: Of arrivals.
        objective: What counts as served.
        fault_expires_s: The injector undoes its fault after so many seconds, whatever happens.
        bed: Id of the bed, so that a resume finds it.
        rto_limit_s: Longest RTO that passes.
        rpo_limit: Acknowledged writes that may be lost.
        serving: The region that serves before the fault; empty: `region`.
        steady_after_s: For so long, in seconds, clients must be well again after the fault was undone.
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
    bed: str = ""
    rto_limit_s: float = 3.0
    rpo_limit: int = 0
    serving: str = ""
    steady_after_s: float = 3.0

    @property
    def in_force(self) -> str:
        """The region that serves before the fault: the one that is watched."""
        return self.serving or self.region

    @property
    def case(self) -> Case:
        """What the fault deserves in this region.

        Raises:
            UsageError: It makes no sense there, or there is no such fault.
        """
        return fault_named(self.fault).case(serves=self.region == self.in_force)

    @classmethod
    def of(cls, journal: Journal) -> DrillOrder:
        """The order that a drill's first record holds."""
        return _ORDER.validate_python(journal.records[0].data["arguments"])


_ORDER = TypeAdapter(DrillOrder)


class DrillBed(Protocol):
    """What a drill needs of a test bed. Everything that is started finds what was started before, by whomever."""

    @property
    def target(self) -> Target:
        """The service."""
        ...

    def start_vantages(self, region: str) -> Mapping[str, str]:
        """Start those vantage points that are not up; the URLs of all by name."""
        ...

    def watching(self, region: str) -> AbstractContextManager[Watch]:
        """The watch over the region in force, as the daemon has it, with a store and a clock that faults can hit."""
        ...

    def start_load(self, run: str, rate_per_s: float, seed: int) -> None:
        """Start the clients, unless they are at work. They give up a request that has no answer after 2 s.

        Raises:
            OutsideError: They have ended: what they would go on with is no evidence.
        """
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

    def injecting(self) -> bool:
        """Whether an injector is at work."""
        ...

    def undo_fault(self) -> None:
        """Ask the injector to undo its fault, or undo what a dead one left behind; returns when it is undone."""
        ...

    def readable_ids(self, region: str, run: str) -> frozenset[str] | None:
        """The ids of this run that the region's database holds; None when it cannot be read."""
        ...

    def cached_ids(self, region: str, run: str) -> frozenset[str] | None:
        """The ids of this run that the region's cache holds; None when it cannot be read."""
        ...


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
        journal: Of a drill that was begun before; None begins one.
    """

    def __init__(
        self,
        bed: DrillBed,
        order: DrillOrder,
        *,
        store: Store,
        clock: Clock,
        tell: Tell,
        listener: Listener,
        journal: Journal | None = None,
    ) -> None:
        self.journal = journal or _begin(order, store, clock)
        self.result: DrillResult | None = None
        """What was measured; None until `run` ended as done."""
        self._playbook = DrillPlaybook(
            self.journal.run, bed, order, store=store, clock=clock, tell=tell, listener=listener
        )
        self._store = store
        self._clock = clock

    def run(self, *, take_over: bool = False) -> Result:
        """Do what is left of the drill.

        Raises:
            HeldByAnotherError: Another process is at it.
            StoreError: The store was lost.
        """
        journal, playbook = self.journal, self._playbook
        lease = Lease(self._store, journal.run, self._clock, LEASE_TTL_S)
        with playbook:
            result = drive(playbook, journal, lease, store=self._store, clock=self._clock, take_over=take_over)
        self.result = playbook.result and replace(playbook.result, head_hash=journal.head_hash)
        return result


def _begin(order: DrillOrder, store: Store, clock: Clock) -> Journal:
    """A new drill's journal, with its order in its first record."""
    return begin(store, clock, KIND, _ORDER.dump_python(order, mode="json"), run=new_run_id("drill", clock))


def conclude(store: Store, clock: Clock, run: str, why: str) -> None:
    """Close the journals of a drill whose bed is gone, and of its children: nothing can be proved any more."""
    known = set(list_runs(store))
    for name in (child(run, "reprotect"), child(run, "failover"), run):
        if name in known and not History((journal := Journal.open(store, name, clock)).records).finished:
            journal.append(RecordKind.FINISHED, {"outcome": "inconclusive", "why": why})
