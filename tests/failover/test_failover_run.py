"""A whole failover on the simulated target: every call made to fail in every way, every step interrupted."""

from dataclasses import replace

import pytest

from aurops.clock import ManualClock
from aurops.errors import UsageError
from aurops.history import History
from aurops.journal import Journal, RecordKind, new_run_id
from aurops.requests import RequestKind, ask, halt
from aurops.runner import Ending, Result, Runner
from aurops.store import Store
from aurops.testing import Fault, Faulty, HeldLease, SimulatedCrash
from failover.goal import FailoverGoal, check_goal
from failover.model import DatabaseRole, World
from failover.planner import plan, violations
from failover.playbook import FailoverPlaybook
from failover.targets.simulated import REGIONS, SimulatedTarget
from tests.failover.writes import lost_writes

COMMANDS = ("fence", "detach", "promote_database", "promote_cache", "reprotect", "verify_write", "shift")
GOAL = FailoverGoal(REGIONS, lost="north")


class Checked:
    """Passes on to the target and checks after each command that one region at most can write."""

    def __init__(self, target: SimulatedTarget) -> None:
        self._target = target

    def __getattr__(self, name: str) -> object:
        value = getattr(self._target, name)
        if name in COMMANDS:

            def call(*args: object, **kwargs: object) -> object:
                answer = value(*args, **kwargs)
                assert violations(self._target.observe(), History([])) == ()
                return answer

            return call
        return value


def begin(store: Store, clock: ManualClock) -> Journal:
    """A run whose journal says what it is for."""
    journal = Journal.create(store, new_run_id("failover", clock), clock)
    journal.append(RecordKind.STARTED, {"goal": "failover", "arguments": {"lost": "north"}})
    return journal


def execute(
    target: object, store: Store, journal: Journal, clock: ManualClock, *, epoch: int = 2, goal: FailoverGoal = GOAL
) -> Result:
    """One runner on this journal, until it ends."""
    playbook = FailoverPlaybook(target, goal)  # type: ignore[arg-type]
    return Runner(playbook, store=store, journal=journal, lease=HeldLease(epoch), clock=clock).run()


def test_a_killed_region_is_replaced_and_nothing_acknowledged_is_lost(
    target: SimulatedTarget, store: Store, clock: ManualClock
) -> None:
    """After a failover the service writes elsewhere, with a second copy, and every acknowledged write is there."""
    target.kill("north")
    journal = begin(store, clock)
    assert execute(target, store, journal, clock) == Result(Ending.DONE)
    assert target.weights == {"south": 10_000}
    assert target.write("after")
    assert "after" in target.regions["west"].log
    assert not lost_writes(target, "south")


def test_no_copy_is_rebuilt_before_another_region_follows(
    target: SimulatedTarget, store: Store, clock: ManualClock
) -> None:
    """Voters leave before positions are read and come back one by one.

    The lost region's copy, which coming back may destroy, is touched only when another region holds what it held.
    """
    target.kill("north")
    target.heal("north")
    journal = begin(store, clock)
    assert execute(target, store, journal, clock) == Result(Ending.DONE)
    steps = [(r.kind, str(r.data["step"])) for r in journal.records if r.kind in (RecordKind.INTENT, RecordKind.RESULT)]
    promoted = steps.index((RecordKind.INTENT, "promote database south"))
    left = [steps.index((RecordKind.RESULT, f"detach {region}")) for region in ("south", "west")]
    third = steps.index((RecordKind.RESULT, "repoint west to south"))
    assert max(left) < promoted < third < steps.index((RecordKind.INTENT, "repoint north to south"))


def test_a_region_that_is_alive_but_unreachable_cannot_acknowledge_any_more(
    target: SimulatedTarget, store: Store, clock: ManualClock
) -> None:
    """Quorum denial: the old primary lives on behind a cut and gets not one acknowledgement after the failover."""
    target.isolate("north")
    execute(target, store, begin(store, clock), clock)
    assert not target.write("split", region="north")
    assert not lost_writes(target, "south")


def test_the_most_advanced_standby_is_promoted(target: SimulatedTarget, store: Store, clock: ManualClock) -> None:
    """The region that holds more acknowledged writes wins over the order of preference."""
    target.lag("south")
    assert target.write("only in west")
    target.kill("north")
    execute(target, store, begin(store, clock), clock)
    assert target.weights == {"west": 10_000}
    assert not lost_writes(target, "west")


def test_a_wanted_region_that_is_behind_first_catches_up(
    target: SimulatedTarget, store: Store, clock: ManualClock
) -> None:
    """`--to` a region that lacks acknowledged writes streams them from the other standby before it is promoted."""
    target.lag("south")
    assert target.write("only in west")
    target.kill("north")
    goal = FailoverGoal(REGIONS, lost="north", to="south")
    assert execute(target, store, begin(store, clock), clock, goal=goal) == Result(Ending.DONE)
    assert target.weights == {"south": 10_000}
    assert not lost_writes(target, "south")


def test_a_decision_is_never_taken_again(target: SimulatedTarget, store: Store, clock: ManualClock) -> None:
    """A resumed run promotes the region that the journal names, whatever it would choose now."""
    target.kill("north")
    journal = begin(store, clock)
    for name, value in (("target", "west"), ("position", 5), ("standbys", ["south", "west"]), ("mode", "forced")):
        journal.append(RecordKind.DECISION, {"name": name, "value": value, "reason": "journalled before the crash"})
    execute(target, store, journal, clock)
    assert target.weights == {"west": 10_000}


@pytest.mark.parametrize("how", list(Fault))
@pytest.mark.parametrize("at", range(9))
@pytest.mark.parametrize("loss", ["kill", "isolate"])
def test_a_failover_survives_any_one_call_going_wrong(
    loss: str, at: int, how: Fault, target: SimulatedTarget, store: Store, clock: ManualClock
) -> None:
    """Refused, unanswered or cut off by a crash, at every call: after a resume all is well and one region writes."""
    getattr(target, loss)("north")
    faulty = Faulty(Checked(target), at=at, how=how, methods=COMMANDS)
    journal = begin(store, clock)
    try:
        result = execute(faulty, store, journal, clock)
    except SimulatedCrash:
        result = execute(faulty, store, Journal.open(store, journal.run, clock), clock, epoch=3)
    assert len(faulty.calls) > at
    assert result == Result(Ending.DONE)
    serving = next(iter(target.weights))
    assert target.write("after")
    assert not lost_writes(target, serving)
    assert not target.write("split", region="north")
    Journal.open(store, journal.run, clock).verify()


def test_a_standby_that_does_not_answer_holds_the_failover(
    target: SimulatedTarget, store: Store, clock: ManualClock
) -> None:
    """With one of two voters unreachable a promotion could lose writes: the run stops and names the step."""
    target.kill("north")
    target.isolate("west")
    result = execute(target, store, begin(store, clock), clock)
    assert result.ending is Ending.STUCK
    assert "detach west" in result.why
    assert all(region.role.value != "primary" for name, region in target.regions.items() if name != "north")


class Blind(SimulatedTarget):
    """West's database, once detached, does not say what it holds the first time it is looked at."""

    looked = 0

    def observe(self) -> World:
        world = super().observe()
        west = world.regions["west"].value
        if west is None or west.database.following is not None or self.looked:
            return world
        self.looked += 1
        database = replace(west.database, role=DatabaseRole.DOWN, receiving=False, flush_lsn=None)
        unread = replace(world.regions["west"], value=replace(west, database=database))
        return replace(world, regions={**world.regions, "west": unread})


def test_nothing_is_decided_before_every_voter_was_read(store: Store, clock: ManualClock) -> None:
    """A detached standby that does not say its position at first is asked again; it may hold the most."""
    target = Blind()
    target.lag("south")
    assert target.write("only in west")
    target.kill("north")
    assert execute(target, store, begin(store, clock), clock) == Result(Ending.DONE)
    assert target.looked
    assert target.weights == {"west": 10_000}
    assert not lost_writes(target, "west")


def test_a_voter_that_is_down_holds_the_failover_until_a_person_leaves_it_out(
    target: SimulatedTarget, store: Store, clock: ManualClock
) -> None:
    """Its step is named, the plan says in words what may be lost, and the journal says who took the risk and why."""
    target.kill("west")
    target.heal("west")
    target.kill("north")
    journal = begin(store, clock)
    assert "detach west" in execute(target, store, journal, clock).why
    assert "position" not in History(journal.records).decisions
    decide = plan(target.observe(), GOAL, History(journal.records))[1]
    assert 'skip RUN "detach west"' in decide.hold
    assert "only north and west hold are lost" in decide.hold
    ask(store, journal.run, RequestKind.SKIP, step="detach west", reason="its disk is gone", who="me", clock=clock)
    reopened = Journal.open(store, journal.run, clock)
    assert execute(target, store, reopened, clock, epoch=3) == Result(Ending.DONE)
    assert "left out by a person: west (its disk is gone)" in History(reopened.records).reasons["standbys"]


def test_an_abort_before_the_promotion_goes_back(target: SimulatedTarget, store: Store, clock: ManualClock) -> None:
    """Aborted in time, the old primary serves again with both standbys attached."""
    journal = begin(store, clock)
    faulty = Faulty(target, at=2, how=Fault.CRASH_AFTER, methods=COMMANDS)
    with pytest.raises(SimulatedCrash):
        execute(faulty, store, journal, clock)
    ask(store, journal.run, RequestKind.ABORT, reason="false alarm", who="on-call", clock=clock)
    result = execute(target, store, Journal.open(store, journal.run, clock), clock, epoch=3)
    assert result.ending is Ending.RESTORED
    assert target.weights == {"north": 10_000}
    assert target.write("after")
    assert not lost_writes(target, "north")


def test_an_abort_after_the_promotion_is_refused(target: SimulatedTarget, store: Store, clock: ManualClock) -> None:
    """Past the point of no return the run only goes forward, and says so in the journal."""
    target.kill("north")
    journal = begin(store, clock)
    execute(target, store, journal, clock)
    ask(store, journal.run, RequestKind.ABORT, reason="too late", who="on-call", clock=clock)
    reopened = Journal.open(store, journal.run, clock)
    assert execute(target, store, reopened, clock, epoch=3).ending is Ending.DONE
    assert any("abort refused" in str(record.data.get("text")) for record in reopened.records)
    assert target.weights == {"south": 10_000}


def test_the_halt_switch_stops_a_run_before_its_next_call(
    target: SimulatedTarget, store: Store, clock: ManualClock
) -> None:
    """With the switch on nothing is called; with it off again the same run goes on."""
    target.kill("north")
    journal = begin(store, clock)
    halt(store, on=True, reason="stop everything", who="on-call", clock=clock)
    faulty = Faulty(target, at=None, how=Fault.REFUSED, methods=COMMANDS)
    assert execute(faulty, store, journal, clock).ending is Ending.HALTED
    assert faulty.calls == []
    halt(store, on=False, reason="go on", who="on-call", clock=clock)
    assert execute(target, store, Journal.open(store, journal.run, clock), clock).ending is Ending.DONE


def test_a_skipped_step_is_not_called(target: SimulatedTarget, store: Store, clock: ManualClock) -> None:
    """`skip` with a reason takes one step out of the run."""
    target.kill("north")
    journal = begin(store, clock)
    ask(store, journal.run, RequestKind.SKIP, step="promote cache south", reason="no cache", who="me", clock=clock)
    faulty = Faulty(target, at=None, how=Fault.REFUSED, methods=COMMANDS)
    assert execute(faulty, store, journal, clock).ending is Ending.DONE
    assert "promote_cache" not in faulty.calls


def test_two_writers_close_the_traffic_and_stop_the_run(
    target: SimulatedTarget, store: Store, clock: ManualClock
) -> None:
    """A broken invariant runs the safe stop and ends the run with the invariant's name."""
    north, south, west = (target.regions[region] for region in REGIONS)
    north.voters = ()
    south.role, south.voters, west.following = north.role, ("west",), "south"
    target.weights = {"north": 5_000, "south": 4_000}
    result = execute(target, store, begin(store, clock), clock)
    assert result.ending is Ending.VIOLATION
    assert "more than one writable primary: north, south" in result.why
    assert "weights sum to 9000" in result.why
    assert not any(target.weights.values())


def test_a_lost_region_that_came_back_fenced_is_left_all_the_same(
    target: SimulatedTarget, store: Store, clock: ManualClock
) -> None:
    """Traffic that still points at a fenced region is what a failover closes first, not a reason to stop it."""
    target.kill("north")
    target.heal("north")
    assert target.regions["north"].fenced
    assert execute(target, store, begin(store, clock), clock) == Result(Ending.DONE)
    assert target.weights == {"south": 10_000}


@pytest.mark.parametrize("at", range(9))
def test_a_refused_call_is_made_again_when_the_lost_region_answers(
    at: int, target: SimulatedTarget, store: Store, clock: ManualClock
) -> None:
    """With the lost region alive, its fence may be in effect before its traffic is closed: the run goes on."""
    faulty = Faulty(Checked(target), at=at, how=Fault.REFUSED, methods=COMMANDS)
    assert execute(faulty, store, begin(store, clock), clock) == Result(Ending.DONE)
    assert not lost_writes(target, next(region for region, weight in target.weights.items() if weight))


@pytest.mark.parametrize(
    ("goal", "wrong"),
    [
        (FailoverGoal(REGIONS, "east"), "no region `east`"),
        (FailoverGoal(REGIONS, "north", "nowhere"), "no region `nowhere`"),
        (FailoverGoal(REGIONS, "north", "north"), "cannot fail over to itself"),
        (FailoverGoal(REGIONS, "north", "west"), "cannot take over"),
    ],
)
def test_a_goal_that_cannot_be_meant_is_refused(goal: FailoverGoal, wrong: str, target: SimulatedTarget) -> None:
    """Unknown regions, a failover to itself or to a region that is down: refused with what is allowed."""
    target.kill("west")
    with pytest.raises(UsageError, match=wrong) as caught:
        check_goal(goal, target.observe())
    assert caught.value.allowed
