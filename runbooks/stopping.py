"""Ctrl-C, `kill` and a terminal that closes all end a command in the same way: it cleans up, then exits 128 + n."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal asked the command to stop. No error: like KeyboardInterrupt it passes everything but `runbooks.cli`.

    Args:
        signum: Which.
    """

    def __init__(self, signum: int) -> None:
        self.signum = signal.Signals(signum)
        super().__init__(self.signum.name)

    @property
    def exit_code(self) -> int:
        """What a shell says of a program that a signal ended."""
        return 128 + self.signum


class _Heard:
    """The first signal, and whether it must wait."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.shields = 0

    def __call__(self, signum: int, _frame: object) -> None:
        if self.first is not None:
            return  # it is known, and must not cut the clean-up short
        self.first = signum
        if not self.shields:
            raise Stopped(signum)


_heard = _Heard()


@contextmanager
def stoppable() -> Iterator[None]:
    """While this lasts, the first signal raises `Stopped` in the main thread, and later ones do nothing.

    A signal that the caller ignores (`nohup`) stays ignored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    _heard.first = None
    before = {signum: signal.getsignal(signum) for signum in SIGNALS}
    ours = [signum for signum in SIGNALS if before[signum] is not signal.SIG_IGN]
    for signum in ours:
        signal.signal(signum, _heard)
    try:
        yield
    finally:
        for signum in ours:
            signal.signal(signum, before[signum])


@contextmanager
def shielded() -> Iterator[None]:
    """For clean-up: a first signal that comes while this lasts raises `Stopped` at its end."""
    known = _heard.first
    _heard.shields += 1
    try:
        yield
    finally:
        _heard.shields -= 1
    if known is None and _heard.first is not None:
        raise Stopped(_heard.first)
