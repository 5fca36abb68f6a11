"""Calls under way in threads of a pool: whoever is stopped by a signal waits for them before it lets go of anything."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType


_P = ParamSpec("_P")
_T = TypeVar("_T")


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


class CallPool(ThreadPoolExecutor):
    """A pool whose block ends when its last call has ended, whatever ended the waiting; after a stop none begins."""

    def __init__(self, max_workers: int, thread_name_prefix: str) -> None:
        super().__init__(max_workers, thread_name_prefix)
        self._calls = Calls()

    def submit(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> Future[_T]:
        """`ThreadPoolExecutor.submit`, counted."""
        return super().submit(self._counted, fn, *args, **kwargs)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            super().__exit__(kind, error, traceback)
        finally:
            self._calls.stop()

    def _counted(self, fn: Callable[_P, _T], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        with self._calls.under_way():
            return fn(*args, **kwargs)
