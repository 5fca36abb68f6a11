"""The target in memory keeps the contract of every target."""

import pytest

from failover.targets.simulated import SimulatedTarget
from tests.contract.target import Service, TargetContract


class InMemory:
    """Three regions in memory."""

    def __init__(self) -> None:
        self.target = SimulatedTarget()
        assert self.target.write("first")

    def freeze(self, region: str) -> None:
        """Nobody reaches it."""
        self.target.isolate(region)

    def thaw(self, region: str) -> None:
        """It is reached again."""
        self.target.heal(region)


class TestSimulatedTarget(TargetContract):
    """One service for all of its tests."""

    @pytest.fixture(scope="class")
    def service(self) -> Service:
        """Born anew."""
        return InMemory()
