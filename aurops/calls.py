"""Calls under way in threads of a pool: whoever is stopped by a signal waits for them before it lets go of anything."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Calls:
    """Counts the calls under way.

    A pool's own waiting is not enough: a signal that reaches the main thread inside `submit` leaves a thread that the
    pool does not know of, and its `shutdown` returns while that thread still calls.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._under_way = 0
        self._stopping = False

    @contextmanager
    def under_way(self) -> Iterator[None]:
        """One call, counted while it lasts.

        Raises:
            CancelledError: The work is being stopped; the call must not begin.
        """
        with self._changed:
            if self._stopping:
                raise CancelledError
            self._under_way += 1
        try:
            yield
        finally:
            with self._changed:
                self._under_way -= 1
                self._changed.notify_all()

    def stop(self) -> None:
        """Let none begin any more, and wait until the last has ended."""
        with self._changed:
            self._stopping = True
            self._changed.wait_for(lambda: not self._under_way)
