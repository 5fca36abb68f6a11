"""Time, injected: real, or moved by hand in tests.

`now_s` counts seconds of *this boot* (CLOCK_BOOTTIME: it never jumps, and it runs on while the machine sleeps), so
readings of different processes on one machine compare. Wall time is for people only and decides nothing.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What aurops asks of time."""

    def now_s(self) -> float:
        """Seconds since this machine booted; never goes back."""
        ...

    def wall(self) -> datetime:
        """The time of day in UTC, for people; may jump."""
        ...

    def sleep(self, seconds: float) -> None:
        """Return after `seconds` (≥ 0) of this clock."""
        ...


class RealClock:
    """The machine's own clock."""

    def now_s(self) -> float:
        """Seconds since boot, from CLOCK_BOOTTIME (Linux clock_gettime(2))."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def wall(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Sleep for real."""
        time.sleep(max(0.0, seconds))


class ManualClock:
    """A clock for tests: it moves when told to, or when somebody sleeps on it.

    Args:
        start_s: First value of `now_s`.
        wall_start: First value of `wall`.
    """

    def __init__(self, start_s: float = 1000.0, wall_start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._lock = threading.Lock()
        self._start_s = start_s
        self._now_s = start_s
        self._wall_start = wall_start

    def now_s(self) -> float:
        """The seconds it was moved to."""
        with self._lock:
            return self._now_s

    def wall(self) -> datetime:
        """Wall time that moves with `now_s`."""
        return self._wall_start + timedelta(seconds=self.now_s() - self._start_s)

    def sleep(self, seconds: float) -> None:
        """Move the clock by `seconds` at once."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move the clock forward.

        Raises:
            ValueError: `seconds` is negative; this clock never goes back either.
        """
        if seconds < 0:
            raise ValueError(f"a clock never goes back: {seconds}")
        with self._lock:
            self._now_s += seconds
