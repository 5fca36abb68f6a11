"""The driver in memory keeps the contract of every driver, and fails wherever it is told to."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from aurops.errors import OutsideError
from aurops.plan import CallUnknownError
from tests.contract.bench import Bench, Client, steering
from tests.contract.driver import DriverContract
from traffic.driver import TOTAL_WEIGHT, Driver
from traffic.hold import Hold
from traffic.memory import Failure, MemoryDriver
from traffic.watcher import judge

SIDES = {"v11": "v10", "v10": None, "baseline": "v10"}


def named(lines: tuple[str, ...]) -> str:
    """Whom a header names: its lines together, as proxies join them; nobody, where one of them is empty."""
    parts = [part.strip() for part in ",".join(lines).split(",")]
    return ",".join(parts) if all(parts) else ""


class InMemory:
    """A proxy in memory, with a watcher that looks after each request."""

    def __init__(self) -> None:
        self.driver = MemoryDriver(SIDES, {"v11": 0, "v10": TOTAL_WEIGHT, "baseline": 0})

    def ask(self, client: Client) -> str:
        """By the hash of the user, else the key, else the address."""
        self.look()
        name = named(client.user) or named(client.key) or client.source
        left = int(hashlib.sha256(name.encode()).hexdigest(), 16) % TOTAL_WEIGHT
        for side, weight in self.driver.observe().steering.weights.items():
            left -= weight
            if left < 0:
                by = self.driver.serve(side)
                self.look()
                return by
        return "refused"

    def look(self) -> None:
        """Roll back as the watcher would."""
        if self.driver.watched and self.driver.up:
            reason = judge(self.driver.observe(), self.driver.latch(), "v10")
            if reason:
                self.driver.roll_back(reason, "the watcher")
            if self.driver.changed() and not self.driver.latch():
                self.hold(self.driver.changed())

    def tamper(self) -> None:
        """Somebody did."""
        self.driver.tampered = True

    def kill(self, side: str) -> None:
        """Not well any more."""
        self.driver.set_flow(side, replace(self.driver.observe().flows[side], healthy=0))

    def revive(self, side: str) -> None:
        """Well again."""
        self.driver.set_flow(side, replace(self.driver.observe().flows[side], healthy=1))

    def stop(self) -> None:
        """Down."""
        self.driver.up = False

    def start(self) -> None:
        """Up."""
        self.driver.up = True

    def hold(self, reason: str) -> None:
        """Held."""
        self.driver.held = Hold(run="run-1", cause="the test", reason=reason, who="the watcher", at="now")

    def unwatch(self) -> None:
        """Nobody looks."""
        self.driver.watched = False

    def watch(self) -> None:
        """Somebody looks."""
        self.driver.watched = True
        self.look()

    def another(self) -> Driver:
        """The same."""
        return self.driver

    def stands_still(self, driver: Driver, meanwhile: Callable[[], object]) -> None:
        """Between its look and its write."""

        def once() -> None:
            self.driver.before_put = lambda: None
            meanwhile()

        assert driver is self.driver
        self.driver.before_put = once


class TestMemoryDriver(DriverContract):
    """One proxy for all of its tests."""

    @pytest.fixture(scope="class")
    def bench(self) -> Bench:
        """Made anew."""
        return InMemory()


@pytest.mark.parametrize("call", ["observe", "latch", "lay_way_back", "shift", "roll_back", "release", "drain"])
@pytest.mark.parametrize("how", Failure)
def test_each_call_fails_where_it_is_told_to(call: str, how: Failure) -> None:
    """Once: before, nothing is changed; after, it is done and nobody heard. The next call works."""
    driver = MemoryDriver(SIDES, {"v11": 0, "v10": TOTAL_WEIGHT, "baseline": 0})
    if call == "release":
        driver.roll_back("because", "bob")
    do = {
        "observe": driver.observe,
        "latch": driver.latch,
        "lay_way_back": driver.lay_way_back,
        "shift": lambda: driver.shift(steering(100, 2)),
        "roll_back": lambda: driver.roll_back("because", "bob"),
        "release": lambda: driver.release("alice", 9),
        "drain": lambda: driver.drain("v11", 9, spread_s=0, wait_s=0),
    }[call]
    before = driver.observe().steering, driver.latch()
    driver.fail(call, how)
    with pytest.raises(OutsideError if how is Failure.BEFORE else CallUnknownError):
        do()
    changed = (driver.observe().steering, driver.latch()) != before
    assert changed == (how is Failure.AFTER and call in ("shift", "roll_back", "release"))
    with suppress(CallUnknownError):
        do()
