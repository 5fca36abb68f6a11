"""A drill on a bed in memory: cut off at every call and resumed, it injects once and ends with a verdict."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import pytest

from aurops.clock import ManualClock
from aurops.history import History
from aurops.journal import Journal, list_runs
from aurops.plan import Answer, CallUnknownError
from aurops.report import Verdict
from aurops.requests import RequestKind, ask, halt
from aurops.runner import Ending
from aurops.store import Store
from aurops.testing import Fault, Faulty, SimulatedCrash
from failover import drill_playbook
from failover.drill import Drill, DrillOrder, conclude
from failover.drill_report import report
from failover.drill_verdict import verdict
from failover.faults import Event, FaultEvent, FaultRecord
from failover.ledger import Entry, Ledger, Outcome
from failover.model import DatabaseRole, Target
from failover.policy import Action, Finding, State
from failover.targets.simulated import REGIONS, SimulatedTarget

GAP_S = 1 / 64
ORDER = DrillOrder("kill", "north", REGIONS, rate_per_s=64, bed="in-memory")
CALLS = ("start_vantages", "start_load", "inject", "stop_load", "undo_fault", "readable_ids", "cached_ids")


class Looking:
    """Stands in for the watch: finds one thing after a moment, then nothing more."""

    def __init__(self, bed: "Bed") -> None:
        self._bed = bed
        self._found = False

    def findings(self, limit_s: float) -> Iterator[Finding]:
        """For so many seconds."""
        self._bed.clock.advance(limit_s)
        self._bed.ledger()
        if not self._found:
            self._found = True
            yield Finding("north", State.LOST, self._bed.decides, "the reason", self._bed.clock.now_s(), "")


class Bed:
    """`failover.drill.DrillBed` in memory. Clients write whenever somebody looks at their ledger."""

    def __init__(self, clock: ManualClock) -> None:
        self.target = SimulatedTarget()
        self.injections = 0
        self.events: list[FaultEvent] = []
        self.decides = Action.NOTHING
        self.watches = 0
        self.clock = self._clock = clock
        self._entries: list[Entry] = []
        self._next_s: float | None = None
        self._run = ""
        self.slow_s = 0.0
        """For so long after the fault began, and no longer than it lasts, an answer takes longer than is allowed."""

    def start_vantages(self, region: str) -> Mapping[str, str]:
        return {f"vantage-{number}": f"http://{region}/{number}" for number in (1, 2, 3)}

    @contextmanager
    def watching(self, region: str) -> Iterator[Looking]:
        assert region == "north"
        self.watches += 1
        yield Looking(self)
        self.watches -= 1

    def start_load(self, run: str, rate_per_s: float, seed: int) -> None:
        del rate_per_s, seed
        self._run = run
        self._next_s = self._next_s or self._clock.now_s()

    def ledger(self) -> Ledger:
        while self._next_s is not None and self._next_s < self._clock.now_s():
            identifier = f"{self._run}-{len(self._entries)}"
            outcome = Outcome.OK if self.target.write(identifier) else Outcome.FAIL
            fault = self.fault()
            slow = fault.left_behind and self._next_s < (fault.t0_s or 0.0) + self.slow_s
            end_s = self._next_s + (0.75 if slow else GAP_S)
            self._entries.append(Entry(identifier, self._next_s, self._next_s, end_s, outcome))
            self._next_s += GAP_S
        return Ledger(tuple(self._entries))

    def stop_load(self) -> Ledger:
        self.ledger()
        self._next_s = None
        return self.ledger()

    def inject(self, fault: str, region: str, expires_s: float) -> None:
        del expires_s
        self.ledger()
        self.injections += 1
        self.target.kill(region)
        for event in (Event.ARMED, Event.SIGNALLED, Event.EFFECTIVE):
            self._note(event, fault, region)

    def injecting(self) -> bool:
        return False

    def fault(self) -> FaultRecord:
        return FaultRecord(tuple(self.events))

    def undo_fault(self, reason: str = "asked") -> None:
        if self.fault().left_behind:
            self.ledger()
            region = self.events[-1].region
            standby = self.target.regions[region].role is DatabaseRole.STANDBY
            following = self.target.regions[region].following
            self.target.heal(region)
            if standby:  # its agent starts it again as what it was
                self.target.reprotect(region, str(following), self.target.stamp_epoch, 1.0)
            self._note(Event.UNDOING, "kill", region, reason)
            self._note(Event.UNDONE, "kill", region, reason)

    def readable_ids(self, region: str, run: str) -> frozenset[str]:
        return frozenset(name for name in self.target.regions[region].log if name.startswith(run))

    def cached_ids(self, region: str, run: str) -> None:
        """This bed has no cache to read."""

    def _note(self, event: Event, fault: str, region: str, reason: str | None = None) -> None:
        at_s = self._clock.now_s()
        self.events.append(FaultEvent(event=event, at_s=at_s, fault=fault, region=region, reason=reason))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[ManualClock]:
    """Time that moves when somebody sleeps; detecting a region that is down takes one second of it."""
    clock = ManualClock()

    def watch(
        target: Target, urls: Mapping[str, str], clock: ManualClock, region: str, *, limit_s: float
    ) -> Finding | None:
        assert len(urls) == 3
        lost = target.observe().state(region) is None or not BEDS[-1].target.write("probe")
        clock.advance(1.0 if lost else limit_s)
        BEDS[-1].ledger()
        return Finding(region, State.LOST, Action.FAIL_OVER, "lost", clock.now_s(), "two say so") if lost else None

    monkeypatch.setattr(drill_playbook, "wait_for_decision", watch)
    yield clock
    BEDS.clear()


BEDS: list[Bed] = []


@pytest.fixture
def bed(clock: ManualClock) -> Bed:
    """The bed of one test, which the stand-in for the vantage points looks at."""
    BEDS.append(Bed(clock))
    return BEDS[-1]


def drill(
    bed: object, store: Store, clock: ManualClock, journal: Journal | None = None, order: DrillOrder = ORDER
) -> Drill:
    """A drill that tells nobody."""
    silent = {"tell": lambda _: None, "listener": lambda _: None}
    return Drill(bed, order, store=store, clock=clock, journal=journal, **silent)  # type: ignore[arg-type]


def test_a_drill_ends_with_a_verdict_and_the_region_back(bed: Bed, store: Store, clock: ManualClock) -> None:
    """Lost, failed over, measured, undone, re-protected: passed, and its journals hold the verdict."""
    one = drill(bed, store, clock)
    assert one.run().ending is Ending.DONE
    assert one.result is not None
    assert verdict(one.result)[0] is Verdict.PASSED, verdict(one.result)
    assert bed.target.regions["north"].following == "south"
    told = report(one.result, versions={})
    assert {figure.name: figure.measured for figure in told.objectives}["Detection"] == 1.0
    assert told.journal_head == one.journal.head_hash
    assert History(one.journal.records).results["measure"]["verdict"] == "passed"
    assert list_runs(store) == [one.journal.run, f"{one.journal.run}-failover", f"{one.journal.run}-reprotect"]


@pytest.mark.parametrize(("slow_s", "found"), [(9.0, Verdict.PASSED), (300.0, Verdict.FAILED)])
def test_a_drill_looks_on_until_the_service_is_well_or_was_given_its_time(
    slow_s: float, found: Verdict, bed: Bed, store: Store, clock: ManualClock
) -> None:
    """Slow long after its traffic was opened: what it took is its RTO; never well while the fault lasted is a no."""
    bed.slow_s = slow_s
    one = drill(bed, store, clock, order=replace(ORDER, rto_limit_s=60))
    assert one.run().ending is Ending.DONE
    assert one.result is not None
    said = verdict(one.result)
    assert said[0] is found, said
    assert one.result.measurement.rto_s is not None
    if found is Verdict.PASSED:
        assert one.result.measurement.rto_s == pytest.approx(slow_s, abs=2 * GAP_S)
    else:
        assert "not well again while the fault lasted" in said[1]


@pytest.mark.parametrize("how", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
@pytest.mark.parametrize("at", range(8))
def test_a_drill_that_is_killed_at_any_call_is_finished_by_the_next(
    at: int, how: Fault, bed: Bed, store: Store, clock: ManualClock
) -> None:
    """The fault is injected once, the injector undoes it when its owner is gone, and the resumed drill concludes."""
    faulty = Faulty(bed, at=at, how=how, methods=CALLS)
    one = drill(faulty, store, clock)
    with pytest.raises(SimulatedCrash):
        one.run()
    bed.undo_fault("the owner is gone")
    again = drill(bed, store, clock, Journal.open(store, one.journal.run, clock))
    assert again.run().ending is Ending.DONE
    assert bed.injections == 1
    assert again.result is not None
    found, because = verdict(again.result)
    undone_early = "the owner is gone" in because
    assert found is (Verdict.INCONCLUSIVE if undone_early else Verdict.PASSED), because
    assert not bed.fault().left_behind
    for run in list_runs(store):
        journal = Journal.open(store, run, clock)
        journal.verify()
        assert History(journal.records).finished == "done"


def test_a_fault_that_was_undone_before_the_service_came_back_proves_nothing(
    bed: Bed, store: Store, clock: ManualClock
) -> None:
    """Killed between injection and detection: the failover is finished, and the verdict says why it is none."""
    one = drill(Faulty(bed, at=3, how=Fault.CRASH_AFTER, methods=CALLS), store, clock)
    with pytest.raises(SimulatedCrash):
        one.run()
    assert bed.injections == 1
    clock.advance(0.1)
    bed.undo_fault("the owner is gone")
    again = drill(bed, store, clock, Journal.open(store, one.journal.run, clock))
    assert again.run().ending is Ending.DONE
    assert again.result is not None
    found, because = verdict(again.result)
    assert found is Verdict.INCONCLUSIVE
    assert "undone after 0.10 s (the owner is gone)" in because
    assert bed.target.weights == {"south": 10_000}
    assert bed.target.regions["north"].following == "south"


def test_an_injection_that_left_its_trace_half_way_holds_the_drill(
    bed: Bed, store: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Armed and never proved: nobody knows what was hit, so it is not hit again, and the reason names the injector."""

    def armed_only(fault: str, region: str, expires_s: float) -> None:
        del expires_s
        bed.injections += 1
        bed._note(Event.ARMED, fault, region)
        bed._note(Event.FAILED, fault, region, "no right to signal")

    monkeypatch.setattr(bed, "inject", armed_only)
    one = drill(bed, store, clock)
    result = one.run()
    assert result.ending is Ending.HELD
    assert "no right to signal" in result.why
    assert bed.injections == 1


def test_an_aborted_drill_undoes_its_fault_and_measures_nothing(bed: Bed, store: Store, clock: ManualClock) -> None:
    """`runs abort` of a drill whose process was killed: the fault is undone, the clients stop."""
    one = drill(Faulty(bed, at=3, how=Fault.CRASH_AFTER, methods=CALLS), store, clock)
    with pytest.raises(SimulatedCrash):
        one.run()
    ask(store, one.journal.run, RequestKind.ABORT, reason="enough", who="me", clock=clock)
    again = drill(bed, store, clock, Journal.open(store, one.journal.run, clock))
    assert again.run().ending is Ending.RESTORED
    assert again.result is None
    assert not bed.fault().left_behind
    sent = len(bed.ledger().entries)
    clock.advance(1.0)
    assert len(bed.ledger().entries) == sent


def test_a_halted_drill_goes_on_where_it_was_halted(
    bed: Bed, store: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The halt switch stops drill and failover before the next call; with it off, the drill goes on and passes."""
    watch = drill_playbook.wait_for_decision

    def halting(
        target: Target, urls: Mapping[str, str], clock: ManualClock, region: str, *, limit_s: float
    ) -> Finding | None:
        halt(store, on=True, reason="wait", who="on-call", clock=clock)
        return watch(target, urls, clock, region, limit_s=limit_s)

    monkeypatch.setattr(drill_playbook, "wait_for_decision", halting)
    one = drill(bed, store, clock)
    assert one.run().ending is Ending.HALTED
    assert bed.target.weights == {"north": 10_000}
    halt(store, on=False, reason="go on", who="on-call", clock=clock)
    again = drill(bed, store, clock, Journal.open(store, one.journal.run, clock))
    assert again.run().ending is Ending.DONE
    assert again.result is not None
    assert verdict(again.result)[0] is Verdict.PASSED, verdict(again.result)


def test_a_loss_that_nobody_notices_fails_the_drill(
    bed: Bed, store: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a quorum there is no failover: the drill still measures, undoes, and says what was missing."""

    def blind(target: Target, urls: Mapping[str, str], clock: ManualClock, region: str, *, limit_s: float) -> None:
        del target, urls, region
        clock.advance(limit_s)
        bed.ledger()

    monkeypatch.setattr(drill_playbook, "wait_for_decision", blind)
    one = drill(bed, store, clock)
    assert one.run().ending is Ending.DONE
    assert one.result is not None
    assert verdict(one.result) == (Verdict.FAILED, "the failover ended as not begun: no quorum for a loss within 15 s")
    assert not bed.fault().left_behind
    assert report(one.result, versions={}).steps == ()


STANDBY_ORDER = DrillOrder("kill", "south", REGIONS, rate_per_s=64, bed="in-memory", after_s=6.0, serving="north")


@pytest.mark.parametrize(
    ("decided", "found"),
    [(Action.NOTHING, Verdict.PASSED), (Action.CALL, Verdict.FAILED), (Action.FAIL_OVER, Verdict.FAILED)],
)
def test_the_loss_of_a_standby_moves_nobody(
    decided: Action, found: Verdict, bed: Bed, store: Store, clock: ManualClock
) -> None:
    """No failover is begun, whatever is decided: a needless one fails the drill, and traffic stays where it is."""
    bed.decides = decided
    one = drill(bed, store, clock, order=STANDBY_ORDER)
    assert one.run().ending is Ending.DONE
    assert one.result is not None
    assert verdict(one.result)[0] is found, verdict(one.result)
    assert bed.target.weights == {"north": 10_000}
    assert bed.target.regions["south"].following == "north"
    assert list_runs(store) == [one.journal.run]
    assert bed.watches == 0


@pytest.mark.parametrize("at", range(7))
def test_a_drill_in_which_nobody_may_move_is_resumed_like_any_other(
    at: int, bed: Bed, store: Store, clock: ManualClock
) -> None:
    """Killed at any call and resumed: the fault is injected once, and when it ended early the drill proved nothing."""
    one = drill(Faulty(bed, at=at, how=Fault.CRASH_AFTER, methods=CALLS), store, clock, order=STANDBY_ORDER)
    with pytest.raises(SimulatedCrash):
        one.run()
    bed.undo_fault("the owner is gone")
    again = drill(bed, store, clock, Journal.open(store, one.journal.run, clock), order=STANDBY_ORDER)
    assert again.run().ending is Ending.DONE
    assert bed.injections == 1
    assert again.result is not None
    found, because = verdict(again.result)
    assert found is (Verdict.INCONCLUSIVE if "the owner is gone" in because else Verdict.PASSED), because
    assert not bed.fault().left_behind


def test_a_failover_that_a_second_fault_stops_is_resumed_after_it(
    bed: Bed, store: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chosen region stands still as it takes over: no third one is chosen, a person is needed, and can go on."""
    verify_write = bed.target.verify_write

    def silent_until_undone(region: str, epoch: int, timeout_s: float) -> Answer:
        if bed.fault().left_behind:
            raise CallUnknownError(f"{region} does not answer")
        return verify_write(region, epoch, timeout_s)

    monkeypatch.setattr(bed.target, "verify_write", silent_until_undone)
    one = drill(bed, store, clock, order=replace(ORDER, fault="second"))
    assert one.run().ending is Ending.DONE
    assert one.result is not None
    assert verdict(one.result)[0] is Verdict.PASSED, verdict(one.result)
    assert "verify write south" in one.result.stood["why"]
    assert one.result.resumed["ending"] == "done"
    assert bed.target.weights == {"south": 10_000}
    assert bed.target.regions["north"].following == "south"


def test_a_service_that_was_not_well_before_gives_no_verdict(bed: Bed, store: Store, clock: ManualClock) -> None:
    """What was bad before the fault cannot be blamed on it: inconclusive, however the failover went."""
    one = drill(bed, store, clock)
    inject = bed.inject

    def late(fault: str, region: str, expires_s: float) -> None:
        bed.ledger()
        bed.target.weights = {}
        clock.advance(1.0)
        bed.ledger()
        bed.target.weights = {"north": 10_000}
        inject(fault, region, expires_s)

    bed.inject = late  # type: ignore[method-assign]
    assert one.run().ending is Ending.DONE
    assert one.result is not None
    assert verdict(one.result)[0] is Verdict.INCONCLUSIVE
    assert "not well before the fault" in verdict(one.result)[1]


def test_a_drill_whose_bed_is_gone_is_closed(bed: Bed, store: Store, clock: ManualClock) -> None:
    """Without the clients' ledger nothing can be proved: the drill and its open children say so, once."""
    one = drill(Faulty(bed, at=4, how=Fault.CRASH_AFTER, methods=CALLS), store, clock)
    with pytest.raises(SimulatedCrash):
        one.run()
    for _ in range(2):
        conclude(store, clock, one.journal.run, "its bed is gone")
    ended = {run: History(Journal.open(store, run, clock).records).finished for run in list_runs(store)}
    assert ended == {one.journal.run: "inconclusive", f"{one.journal.run}-failover": "done"}
