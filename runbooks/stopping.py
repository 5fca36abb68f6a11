"""Ctrl-C, `kill` and a terminal that closes all end a command in the same way: it cleans up, then exits 128 + n."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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
    """The first signal, whether it must wait, and who is told at once."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.shields = 0
        self.tell: Callable[[str], None] = _to_nobody

    def __call__(self, signum: int, _frame: object) -> None:
        if self.first is not None:
            return  # it is known, and must not cut the clean-up short
        self.first = signum
        with suppress(RuntimeError):  # it interrupted a write to the same stream
            self.tell(f"{signal.Signals(signum).name}: ending what is under way, then cleaning up")
        if not self.shields:
            raise Stopped(signum)


def _to_nobody(_text: str) -> None:
    """What a command without a timeline does."""


_heard = _Heard()


@contextmanager
def announced(tell: Callable[[str], None]) -> Iterator[None]:
    """While this lasts, whoever stops the command is told at once that it was heard: a call may take its time."""
    _heard.tell = tell
    try:
        yield
    finally:
        _heard.tell = _to_nobody


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
