"""The target of real processes keeps the contract of every target."""

import os
import signal
from collections.abc import Iterator

import pytest

from aurops.clock import RealClock
from failover.targets.local import LocalEndpoints, LocalTarget
from testbeds.local import bed as beds
from testbeds.local import processes
from testbeds.local.state import BedState
from tests.contract.target import Service, TargetContract

pytestmark = pytest.mark.e2e


class Bed:
    """A bed of three regions."""

    def __init__(self, bed: BedState) -> None:
        self._bed = bed
        self.target = LocalTarget(LocalEndpoints(bed.agents, bed.edge_url), RealClock())

    def freeze(self, region: str) -> None:
        """Its agent stands still."""
        self._signal(region, signal.SIGSTOP)

    def thaw(self, region: str) -> None:
        """Its agent goes on."""
        self._signal(region, signal.SIGCONT)

    def _signal(self, region: str, signum: signal.Signals) -> None:
        wanted = {"testbeds.local.agent", f"--region={region}"}
        found = [each for each in processes.find(self._bed.id) if wanted <= processes.arguments(each)]
        assert found
        for process in found:
            os.kill(process.pid, signum)


class TestLocalTarget(TargetContract):
    """One bed for all of its tests."""

    @pytest.fixture(scope="class")
    def service(self) -> Iterator[Service]:
        """Born anew, and ended."""
        bed = beds.up(idle_s=120)
        service = Bed(bed)
        try:
            yield service
        finally:
            service.target.close()
            beds.down(bed)
