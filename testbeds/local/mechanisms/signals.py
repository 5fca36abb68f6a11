"""Faults by signals: what is killed, what is frozen, what is frozen again and again."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from aurops.clock import RealClock
from aurops.errors import OutsideError
from testbeds.local import processes

if TYPE_CHECKING:
    from collections.abc import Callable

    from aurops.processes import Process
    from testbeds.local.mechanisms.scopes import Scope

EFFECT_LIMIT_S = 5.0
"""How long it may take until everything that was signalled stands still."""
_STOPPED = {"T", "t", None}  # stopped, traced, gone


class Freeze:
    """SIGSTOP for everything in a scope.

    Args:
        scope: What is hit.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._hit: frozenset[Process] = frozenset()

    def ready(self) -> None:
        """Something runs that can be hit."""
        if not self._scope():
            raise OutsideError("there is no running process to hit")

    def inject(self) -> int:
        """Stop everything, until a scan finds no new process and all stand still."""
        self._hit = stop_all(self._scope)
        return len(self._hit)

    def proved(self) -> bool:
        """Everything hit stands still."""
        return _all_stopped(self._hit)

    def undo(self) -> None:
        """Let everything in the scope go on."""
        processes.send(self._scope(), signal.SIGCONT)


class Kill:
    """SIGKILL for everything in a scope. All is stopped first: what is stopped forks no child that escapes the kill.

    Args:
        scope: What is hit.
        amends: How it is brought back.
    """

    def __init__(self, scope: Scope, amends: Callable[[], None]) -> None:
        self._freeze = Freeze(scope)
        self._scope = scope
        self._amends = amends
        self._hit: frozenset[Process] = frozenset()

    def ready(self) -> None:
        """Something runs that can be hit."""
        self._freeze.ready()

    def inject(self) -> int:
        """Stop, then kill."""
        self._hit = stop_all(self._scope)
        processes.send(self._hit, signal.SIGKILL)
        return len(self._hit)

    def proved(self) -> bool:
        """Nothing hit is left."""
        return not any(processes.state(process) for process in self._hit)

    def undo(self) -> None:
        """Let go on whatever was stopped and not killed, then bring back what was killed."""
        self._freeze.undo()
        self._amends()


class Flap:
    """SIGSTOP and SIGCONT in turns, by a thread, until undone.

    A vantage point that fails three times in a row, a quarter of a second apart, says that the region is lost: a
    freeze lasts for less than that. What is well for a second is seen to be well again.

    Args:
        scope: What is hit.
    """

    FROZEN_S = 0.4
    THAWED_S = 1.2

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._over = threading.Event()
        self._stood_still = threading.Event()
        self._thread: threading.Thread | None = None
        self._hit: frozenset[Process] = frozenset()

    def ready(self) -> None:
        """Something runs that can be hit."""
        Freeze(self._scope).ready()

    def inject(self) -> int:
        """Begin."""
        self._hit = self._scope()
        self._thread = threading.Thread(target=self._flap, daemon=True)
        self._thread.start()
        return len(self._hit)

    def proved(self) -> bool:
        """Everything stood still at once, at the end of a freeze."""
        return self._stood_still.is_set()

    def undo(self) -> None:
        """Stop flapping; everything goes on."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        processes.send(self._scope(), signal.SIGCONT)

    def _flap(self) -> None:
        hit = self._hit
        while not self._over.is_set():
            processes.send(hit, signal.SIGSTOP)
            self._over.wait(self.FROZEN_S)
            if _all_stopped(hit):
                self._stood_still.set()
            processes.send(hit, signal.SIGCONT)
            hit = self._scope() or hit  # found while it runs: the next freeze is not longer for the search
            self._over.wait(self.THAWED_S)


def stop_all(scope: Scope) -> frozenset[Process]:
    """Stop everything in a scope, until a scan finds no new process and all stand still; returns what was hit.

    Raises:
        OutsideError: Some still ran after `EFFECT_LIMIT_S`.
    """
    clock = RealClock()
    deadline_s = clock.now_s() + EFFECT_LIMIT_S
    known: frozenset[Process] = frozenset()
    while True:
        new = scope() - known
        if not new and _all_stopped(known):
            return known
        processes.send(new, signal.SIGSTOP)
        known |= new
        if clock.now_s() > deadline_s:
            raise OutsideError(f"some processes still run {EFFECT_LIMIT_S:g} s after they were told to stop")


def _all_stopped(hit: frozenset[Process]) -> bool:
    return all(processes.state(process) in _STOPPED for process in hit)
