"""Who may execute a run, and how it ends when it may no more."""

import pytest

from aurops.clock import ManualClock
from aurops.errors import ExitCode, UsageError
from aurops.journal import Journal, RecordKind
from aurops.lease import HeldByAnotherError, Lease, LeaseLostError
from aurops.plan import Answer, StaleEpochError
from aurops.requests import RequestKind, ask, pending
from aurops.runner import Ending, Result
from aurops.store import Store, open_store
from failover.execute import OvertakenError, begin, execute, newer_run, service_of
from failover.goal import FailoverGoal
from failover.model import DatabaseRole, World
from failover.targets.simulated import REGIONS, SimulatedTarget


def failover(store: Store, clock: ManualClock, bed: str) -> Journal:
    """A failover of one bed that was begun."""
    return begin(store, clock, "failover", FailoverGoal(REGIONS, "north"), {"bed": bed})


def go(journal: Journal, target: SimulatedTarget, store: Store, clock: ManualClock) -> Result:
    """Execute it, heard by nobody."""
    return execute(journal, target, store=store, clock=clock, listener=lambda _: None)


class Overtaken(SimulatedTarget):
    """Obeys a newer epoch as soon as it is asked for something."""

    def detach(self, region: str, epoch: int, timeout_s: float) -> Answer:
        del timeout_s
        raise StaleEpochError(f"{region} obeys {epoch + 1}")


def test_who_is_overtaken_at_a_target_has_lost_the_lease(store: Store, clock: ManualClock) -> None:
    """Exit 4 with the target's words, no bug; and the lease is free for the next."""
    journal = failover(store, clock, "a")
    with pytest.raises(LeaseLostError, match="obeys 3") as caught:
        go(journal, Overtaken(), store, clock)
    assert caught.value.exit_code is ExitCode.DECLINED
    assert go(journal, SimulatedTarget(), store, clock).ending is Ending.DONE


def test_one_acts_on_a_service_and_another_service_is_not_held_up(store: Store, clock: ManualClock) -> None:
    """Two beds that share a store are two services: each has one holder, and neither waits for the other."""
    mine, second, other = failover(store, clock, "a"), failover(store, clock, "a"), failover(store, clock, "b")
    held = Lease(store, service_of(mine), clock)
    held.take(mine.run)
    with pytest.raises(HeldByAnotherError, match=mine.run):
        go(second, SimulatedTarget(), store, clock)
    assert go(other, SimulatedTarget(), store, clock) == Result(Ending.DONE)
    held.release()
    assert go(second, SimulatedTarget(), store, clock) == Result(Ending.DONE)


class FailsToVerify(SimulatedTarget):
    """South is promoted and then answers nobody, once."""

    def verify_write(self, region: str, epoch: int, timeout_s: float) -> Answer:
        if region == "south":
            self.isolate("south")
        return super().verify_write(region, epoch, timeout_s)


def left_open(store: Store, clock: ManualClock) -> tuple[Journal, Journal, SimulatedTarget]:
    """A run that got stuck past its point of no return, a later one that left its region, and what serves now."""
    target = FailsToVerify()
    assert target.write("a")
    target.kill("north")
    old = failover(store, clock, "a")
    assert go(old, target, store, clock).ending is Ending.STUCK
    target.kill("south")
    target.heal("north")
    new = begin(store, clock, "failover", FailoverGoal(REGIONS, "south"), {"bed": "a"})
    go(new, target, store, clock)
    target.heal("south")
    return old, new, target


def test_a_run_that_another_has_overtaken_is_not_resumed(store: Store, clock: ManualClock) -> None:
    """It would undo what the newer run did, with the writes acknowledged since: refused, nothing called."""
    old, new, target = left_open(store, clock)
    assert newer_run(old, store, clock) == new.run
    assert newer_run(new, store, clock) is None
    before = repr((target.regions, target.weights))
    with pytest.raises(OvertakenError, match=f"run {new.run} has acted") as caught:
        go(Journal.open(store, old.run, clock), target, store, clock)
    assert f"aurops runs abort {old.run}" in str(caught.value.next_step)
    assert repr((target.regions, target.weights)) == before


def test_what_targets_obeyed_is_enough_to_know_of_another_run(store: Store, clock: ManualClock) -> None:
    """A newer run that this store does not hold shows at the targets."""
    old, _, target = left_open(store, clock)
    alone = open_store("memory://")
    with pytest.raises(OvertakenError, match="another run has acted") as caught:
        go(old.copy_to(alone), target, alone, clock)
    assert "bring-back" in str(caught.value.next_step)


def test_a_run_that_has_not_acted_is_judged_as_a_new_one(store: Store, clock: ManualClock) -> None:
    """Left before its first call, taken up after the region stopped serving: refused as the command would."""
    target, late = SimulatedTarget(), failover(store, clock, "a")
    target.kill("north")
    assert go(failover(store, clock, "a"), target, store, clock).ending is Ending.DONE
    with pytest.raises(UsageError, match="does not serve"):
        go(late, target, store, clock)


def test_a_resume_that_is_refused_leaves_a_pause_in_force(store: Store, clock: ManualClock) -> None:
    """Only who holds the lease ends a pause: the run that another process acts on still stops before its next stage."""
    journal = failover(store, clock, "a")
    held = Lease(store, service_of(journal), clock)
    held.take(journal.run)
    journal.append(RecordKind.TAKEN, {"epoch": held.epoch}, epoch=held.epoch)
    ask(store, journal.run, RequestKind.PAUSE, who="ana", reason="wait", clock=clock)
    with pytest.raises(HeldByAnotherError):
        go(Journal.open(store, journal.run, clock), SimulatedTarget(), store, clock)
    assert [request.kind for request in pending(store, journal.run)] == [RequestKind.PAUSE]
    held.release()
    assert go(Journal.open(store, journal.run, clock), SimulatedTarget(), store, clock) == Result(Ending.DONE)


def test_a_holder_without_a_journal_is_followed_like_any_other(store: Store, clock: ManualClock) -> None:
    """`aurops recover` of a fleet that no run deployed holds a lease and journals nothing; killed, it stops nobody."""
    journal = failover(store, clock, "a")
    Lease(store, service_of(journal), clock).take("a-run-that-journals-nothing")
    result = execute(journal, SimulatedTarget(), store=store, clock=clock, listener=lambda _: None, take_over=True)
    assert result == Result(Ending.DONE)


def test_a_reprotection_whose_primary_is_no_longer_the_writer_calls_nothing(store: Store, clock: ManualClock) -> None:
    """Somebody failed over between the question and the lease: the new writer is not told to follow the old one."""
    target = SimulatedTarget()
    assert target.write("a")
    goal = FailoverGoal(REGIONS, "south", "north")
    late = begin(store, clock, "reprotect", goal, {"bed": "a"})
    assert go(failover(store, clock, "a"), target, store, clock) == Result(Ending.DONE)
    assert target.write("after the failover")
    with pytest.raises(UsageError, match="is the writer"):
        go(late, target, store, clock)
    assert target.observe().writers() == ("south",)
    assert set(target.acknowledged) <= set(target.regions["south"].log)


class FailedOverMeanwhile(SimulatedTarget):
    """Somebody else's failover ends right after the first look at it."""

    looks = 0

    def observe(self) -> World:
        seen = super().observe()
        self.looks += 1
        if self.looks == 1:
            self.weights = {"south": 10_000}
            self.regions["south"].role, self.regions["north"].role = DatabaseRole.PRIMARY, DatabaseRole.DOWN
        return seen


def test_a_failover_that_came_too_late_is_judged_under_the_lease(store: Store, clock: ManualClock) -> None:
    """Another one has ended since this one looked: the region that serves by now is not taken off the traffic."""
    target = FailedOverMeanwhile()
    with pytest.raises(UsageError, match="does not serve"):
        go(failover(store, clock, "a"), target, store, clock)
    assert target.weights == {"south": 10_000}
