"""A whole planned switchover on the simulated target: every call made to fail in every way, every step interrupted."""

import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest

from aurops.clock import ManualClock
from aurops.errors import UsageError
from aurops.history import History
from aurops.journal import Journal
from aurops.plan import Answer
from aurops.requests import RequestKind, ask
from aurops.runner import Ending, Result, Runner
from aurops.store import Store
from aurops.testing import Fault, Faulty, HeldLease, SimulatedCrash
from failover.execute import begin
from failover.execute import execute as carry_out
from failover.goal import FailoverGoal, Mode, at_risk, check_switchover
from failover.model import Capabilities, DatabaseRole
from failover.planner import violations
from failover.playbook import FailoverPlaybook
from failover.switchover import plan
from failover.targets.simulated import REGIONS, SimulatedTarget
from tests.failover.writes import lost_writes

COMMANDS = (
    *("hold", "release", "shift", "drain", "demote", "promote_database", "promote_cache", "reprotect"),
    *("verify_write", "fence", "detach"),
)
GOAL = FailoverGoal(REGIONS, "north", mode=Mode.PLANNED)
CALLS = 8
"""Of a switchover in which nothing goes wrong and nothing is left to drain."""


class Busy:
    """Passes on to the target; after each command a client writes, and one region at most can acknowledge it."""

    def __init__(self, target: SimulatedTarget) -> None:
        self._target = target
        self._writing = threading.Lock()  # steps of one stage run side by side
        self.written = 0

    def __getattr__(self, name: str) -> object:
        value = getattr(self._target, name)
        if name not in COMMANDS:
            return value

        def call(*args: object, **kwargs: object) -> object:
            answer = value(*args, **kwargs)
            assert len(self._target.observe().writers()) <= 1
            with self._writing:
                self._target.write(f"during-{self.written}")
                self.written += 1
            return answer

        return call


@pytest.fixture
def journal(store: Store, clock: ManualClock) -> Journal:
    """A switchover that was begun."""
    return begin(store, clock, "failover", GOAL, {"bed": "b"})


def execute(target: object, store: Store, journal: Journal, *, epoch: int = 2, goal: FailoverGoal = GOAL) -> Result:
    """One runner on this journal, until it ends."""
    playbook = FailoverPlaybook(target, goal)  # type: ignore[arg-type]
    reopened = Journal.open(store, journal.run, ManualClock())
    return Runner(playbook, store=store, journal=reopened, lease=HeldLease(epoch), clock=ManualClock()).run()


def history(store: Store, journal: Journal) -> History:
    """What the journal says now."""
    return History(Journal.open(store, journal.run, ManualClock()).records)


def test_a_region_hands_over_and_no_request_is_refused(target: SimulatedTarget, store: Store, journal: Journal) -> None:
    """What clients write meanwhile is acknowledged once, by the old region or by the new one; all follow unrewound."""
    busy = Busy(target)
    assert execute(busy, store, journal) == Result(Ending.DONE)
    assert target.weights == {"south": 10_000}
    assert target.refused == []
    writes = [f"during-{n}" for n in range(busy.written)]
    assert busy.written == CALLS
    assert sorted(w for w in target.acknowledged if w.startswith("during")) == writes
    assert sorted(w for w in target.regions["south"].log if w.startswith("during")) == writes
    assert target.observe().unprotected("south") == {}
    results = history(store, journal).results
    assert {results[f"repoint {region} to south"]["method"] for region in ("north", "west")} == {"repoint"}


def test_requests_wait_only_while_nobody_can_serve_them(target: SimulatedTarget) -> None:
    """The plan's order: hold, traffic, drain, the old primary's end, its position reached, then a promotion."""
    stages = plan(target.observe(), GOAL, History([]))
    assert [stage.name for stage in stages] == [
        *("decide", "hold", "shift", "drain", "demote", "catch up", "promote", "verify")
    ]
    assert [step.name for stage in stages for step in stage.steps if step.no_return] == ["promote database south"]
    assert {d.name: d.value for stage in stages for d in stage.decisions} == {
        "target": "south",
        "standbys": ["south", "west"],
        "mode": "planned",
        "position": 5,
    }


@pytest.mark.parametrize("how", list(Fault))
@pytest.mark.parametrize("at", range(CALLS))
def test_a_switchover_survives_any_one_call_going_wrong(
    at: int, how: Fault, target: SimulatedTarget, store: Store, journal: Journal
) -> None:
    """Refused, unanswered or cut off by a crash, at every call: after a resume one region writes, nothing is lost."""
    faulty = Faulty(Busy(target), at=at, how=how, methods=COMMANDS)
    try:
        result = execute(faulty, store, journal)
    except SimulatedCrash:
        result = execute(faulty, store, journal, epoch=3)
    assert len(faulty.calls) > at
    assert result == Result(Ending.DONE)
    assert target.weights == {"south": 10_000}
    assert target.write("after")
    assert not lost_writes(target, "south")
    assert target.observe().unprotected("south") == {}
    assert not set(target.refused) & set(target.regions["south"].log)
    logged = [write for write in target.regions["south"].log if not write.startswith("verify")]
    assert len(logged) == len(set(logged))


@pytest.mark.parametrize("how", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
@pytest.mark.parametrize("at", range(CALLS))
def test_an_abort_brings_the_old_primary_back_or_comes_too_late(
    at: int, how: Fault, target: SimulatedTarget, store: Store, journal: Journal, clock: ManualClock
) -> None:
    """Killed and aborted at any call: before the promotion north serves again under the epoch, after it south does."""
    faulty = Faulty(Busy(target), at=at, how=how, methods=COMMANDS)
    with pytest.raises(SimulatedCrash):
        execute(faulty, store, journal)
    before = not history(store, journal).past_no_return
    ask(store, journal.run, RequestKind.ABORT, reason="not now", who="on-call", clock=clock)
    result = execute(Busy(target), store, journal, epoch=3)
    serving = "north" if before else "south"
    assert result.ending is (Ending.RESTORED if before else Ending.DONE)
    assert target.weights == {serving: 10_000}
    assert target.write("after")
    assert not lost_writes(target, serving)
    assert target.observe().unprotected(serving) == {}
    assert violations(target.observe(), History([])) == ()
    state = target.observe().state("south")
    assert state is not None
    assert not any(state.held_epochs)


def test_requests_that_do_not_end_do_not_hold_it_up(target: SimulatedTarget, store: Store, journal: Journal) -> None:
    """A request that hangs in the old region is waited for once, within bounds, and the journal says so."""
    target.under_way = {"north": 2}
    assert execute(target, store, journal) == Result(Ending.DONE)
    assert "2 requests" in str(history(store, journal).results["drain north"]["waiting"])


class Torn(SimulatedTarget):
    """West misses what south gets from north in its last moment."""

    def demote(self, region: str, epoch: int, timeout_s: float) -> Answer:
        self.lag("south")
        assert self.write("the last one", region="north")
        return super().demote(region, epoch, timeout_s)


def test_a_target_that_lacks_the_end_of_the_log_gets_it_before_it_is_promoted(store: Store, journal: Journal) -> None:
    """The old primary, demoted, sends on what the target has not; it is promoted with all of it."""
    target = Torn()
    assert target.write("first")
    assert execute(target, store, journal) == Result(Ending.DONE)
    assert "stream north to south" in history(store, journal).tries
    assert "the last one" in target.regions["south"].log
    assert not lost_writes(target, "south")


def test_without_the_end_of_the_old_log_nothing_is_promoted(
    target: SimulatedTarget, store: Store, journal: Journal, clock: ManualClock
) -> None:
    """An old primary that dies before it has said its position, and whose step a person leaves out, holds the run."""

    class Dies(SimulatedTarget):
        def demote(self, region: str, epoch: int, timeout_s: float) -> Answer:
            self.kill(region)
            return super().demote(region, epoch, timeout_s)

    target = Dies()
    assert target.write("first")
    assert "demote database north" in execute(target, store, journal).why
    ask(store, journal.run, RequestKind.SKIP, step="demote database north", reason="dead", who="me", clock=clock)
    result = execute(target, store, journal, epoch=3)
    assert result.ending is Ending.HELD
    assert "leave north by force" in result.why
    assert all(region.role is not DatabaseRole.PRIMARY for name, region in target.regions.items() if name != "north")


class DiesHandingOver(SimulatedTarget):
    """North is lost as soon as it is to hand over."""

    def demote(self, region: str, epoch: int, timeout_s: float) -> Answer:
        if region == "north":
            self.kill("north")
        return super().demote(region, epoch, timeout_s)


def test_a_region_that_dies_while_it_hands_over_is_left_by_force(store: Store, clock: ManualClock) -> None:
    """It can neither go on nor back, and says so with the command that works; that one loses nothing acknowledged."""
    target = DiesHandingOver()
    assert target.write("first")

    def run(goal: FailoverGoal) -> Result:
        journal = begin(store, clock, "failover", goal, {"bed": "b"})
        return carry_out(journal, target, store=store, clock=clock, listener=lambda _: None)

    stuck = run(GOAL)
    assert stuck.ending is Ending.STUCK
    assert "aurops failover north --force" in stuck.why
    assert target.weights == {"south": 10_000}
    assert run(replace(GOAL, mode=Mode.FORCED)) == Result(Ending.DONE)
    assert target.weights == {"south": 10_000}
    assert target.write("after")
    assert not lost_writes(target, "south")


def test_the_third_region_is_taken_when_it_is_named(target: SimulatedTarget, store: Store, clock: ManualClock) -> None:
    """`--to west` serves from west."""
    goal = FailoverGoal(REGIONS, "north", "west", Mode.PLANNED)
    assert execute(target, store, begin(store, clock, "failover", goal, {"bed": "b"}), goal=goal).ending is Ending.DONE
    assert target.weights == {"west": 10_000}


def broken() -> Iterator[tuple[str, list[str], str]]:
    """What is done to which regions, and what is then said."""
    yield "kill", ["north"], "north does not answer, so it cannot hand over"
    yield "isolate", ["south"], "south does not answer"
    yield "lag", ["west"], "west does not stream from north"


@pytest.mark.parametrize(("does", "regions", "says"), broken())
def test_what_cannot_be_handed_over_is_refused_with_what_would_work(
    does: str, regions: list[str], says: str, target: SimulatedTarget
) -> None:
    """The reason, what mends it, and --force with what that may lose; nothing is called."""
    check_switchover(GOAL, target.observe(), target.capabilities)
    for region in regions:
        getattr(target, does)(region)
    with pytest.raises(UsageError, match=says) as caught:
        check_switchover(GOAL, target.observe(), target.capabilities)
    assert "aurops failover north --force: " in str(caught.value.next_step)


def test_a_target_that_cannot_hold_requests_is_left_by_force_only(target: SimulatedTarget) -> None:
    """Its capabilities say so; a forced goal asks for none of that."""
    with pytest.raises(UsageError, match="cannot hold requests"):
        check_switchover(GOAL, target.observe(), lambda: Capabilities(frozenset(), {}, ""))
    check_switchover(replace(GOAL, mode=Mode.FORCED), target.observe(), lambda: pytest.fail("it was asked"))


def test_what_a_forced_failover_may_lose_is_said_in_numbers(target: SimulatedTarget) -> None:
    """Nothing when every voter can be read; else the primary's lead bounds it; without that nothing does."""
    assert "no acknowledged write is lost" in at_risk(GOAL, target.observe())
    target.lag("south")
    assert target.write("west has it")
    target.isolate("west")
    assert "west cannot be read: up to 1 bytes" in at_risk(GOAL, target.observe())
    target.kill("north")
    assert "west cannot be read: how many acknowledged writes are lost has no bound" in at_risk(GOAL, target.observe())
