"""Three regions in memory, and a store for the runs about them."""

import pytest

from aurops.clock import ManualClock
from aurops.store import Store, open_store
from failover.targets.simulated import SimulatedTarget


@pytest.fixture
def target() -> SimulatedTarget:
    """Three regions with some writes in them."""
    target = SimulatedTarget()
    for number in range(5):
        assert target.write(f"before-{number}")
    return target


@pytest.fixture
def clock() -> ManualClock:
    """Time that moves only when somebody sleeps."""
    return ManualClock()


@pytest.fixture
def store() -> Store:
    """A store in memory."""
    return open_store("memory://")
