"""Measured numbers for a gate of the kind capacity: the peak that proxies count, and what somebody measured."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from aurops.errors import AuropsError
from aurops.files import write_durably

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from aurops.clock import Clock
    from traffic.driver import Driver

EVERY_S = 1.0
"""The peak is the busiest of such spans."""


def write(file: Path, per_s: float, clock: Clock) -> None:
    """Write a number down, measured now."""
    write_durably(file, json.dumps({"value": per_s, "measured_at": clock.wall().isoformat()}))


class Meter:
    """Writes down the peak of what some proxies pass to all of their sides, requests a second; a context manager.

    The file holds the most in any `EVERY_S` since the meter began, and is written anew after each: one that is old says
    that nobody measures. A proxy that starts anew counts from 0 again: that span says nothing.

    Args:
        drivers: The proxies; their requests are added up.
        file: Where it is written.
        clock: Time.
    """

    def __init__(self, drivers: Iterable[Driver], file: Path, clock: Clock) -> None:
        self.peak_per_s = 0.0
        self._drivers = tuple(drivers)
        self._file = file
        self._clock = clock
        self._over = threading.Event()
        self._before: tuple[float, int] | None = None
        self._thread = threading.Thread(target=self._go_on, name="meter", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self._over.wait(EVERY_S if self._before else 0.0):
            with suppress(AuropsError):
                self.read()

    def read(self) -> None:
        """Read the proxies' counters once.

        Raises:
            AuropsError: A proxy does not answer.
        """
        at_s = self._clock.now_s()
        count = sum(flow.requests for driver in self._drivers for flow in driver.observe().flows.values())
        before_s, before = self._before or (at_s, count)
        if at_s > before_s and count >= before:
            self.peak_per_s = max(self.peak_per_s, (count - before) / (at_s - before_s))
            write(self._file, self.peak_per_s, self._clock)
        self._before = at_s, count
