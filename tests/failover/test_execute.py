"""Who may execute a run, and how it ends when it may no more."""

import pytest

from aurops.clock import ManualClock
from aurops.errors import ExitCode
from aurops.journal import Journal
from aurops.lease import HeldByAnotherError, Lease, LeaseLostError
from aurops.plan import Answer, StaleEpochError
from aurops.runner import Ending, Result
from aurops.store import Store, open_store
from failover.execute import begin, execute, service_of
from failover.planner import FailoverGoal
from failover.targets.simulated import REGIONS, SimulatedTarget


@pytest.fixture
def store() -> Store:
    """A store in memory."""
    return open_store("memory://")


@pytest.fixture
def clock() -> ManualClock:
    """Time that moves when somebody sleeps."""
    return ManualClock()


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
