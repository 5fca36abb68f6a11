"""The watch of a drill, as `aurops watch` has it, with a store and a clock of its own that faults can hit."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from aurops.errors import UsageError
from aurops.store import StoreError, open_store
from failover.execute import service_named
from failover.standing import Desk
from failover.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from aurops.clock import Clock
    from failover.model import Target

STORE, SKEW, SEEN = "watch-store", "watch-skew", "watch-skew-seen"
"""In the bed's folder: the watch's store; by how many seconds its clock is wrong; by how many it was seen to be."""


class SkewedClock:
    """A clock that jumps by what a file says, once the file is there.

    Args:
        clock: The right time.
        folder: Where the file may appear.
    """

    def __init__(self, clock: Clock, folder: Path) -> None:
        self._clock = clock
        self._folder = folder
        self._skew_s = 0.0

    def now_s(self) -> float:
        """The wrong time."""
        with suppress(FileNotFoundError, ValueError):
            skew_s = float((self._folder / SKEW).read_text())
            if skew_s != self._skew_s:
                self._skew_s = skew_s
                (self._folder / SEEN).write_text(str(skew_s))
        return self._clock.now_s() + self._skew_s

    def wall(self) -> datetime:
        """The right time of day: it is for people, and decides nothing."""
        return self._clock.wall()

    def sleep(self, seconds: float) -> None:
        """Sleep for as long as by the right clock."""
        self._clock.sleep(seconds)


@contextmanager
def watch(
    bed: str, folder: Path, target: Target, vantages: Mapping[str, str], clock: Clock, region: str
) -> Iterator[Watching]:
    """Watch a region with what the daemon has; nothing that it decides is done."""
    skewed = SkewedClock(clock, folder)
    with ExitStack() as stack:
        try:
            desk = stack.enter_context(Desk(open_store((folder / STORE).as_uri()), service_named(bed), skewed))
        except (StoreError, UsageError) as error:  # whoever comes back to a drill may find it gone already
            lost = f"the store is lost: {error.what}"
            held = busy = lambda: lost
        else:
            held, busy = (lambda: desk.standing.hands_off), (lambda: desk.standing.busy)
        yield stack.enter_context(Watching(target, vantages, skewed, region, busy=busy, held=held))
