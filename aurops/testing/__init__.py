"""Fakes for the tests of those who build on aurops; public, and part of the product.

`Faulty` wraps any target, store or driver and makes one chosen call go wrong, so that a test can walk over *every*
call of a run and every way in which it can fail::

    for number in range(calls_of_a_clean_run):
        for how in Fault:
            target = Faulty(new_target(), at=number, how=how)
            ...

`HeldLease` is a lease that is always held, for tests of what comes above it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from aurops.errors import OutsideError
from aurops.plan import CallUnknownError

if TYPE_CHECKING:
    from collections.abc import Collection


class Fault(StrEnum):
    """How the chosen call goes wrong."""

    REFUSED = "refused"
    """An error, and nothing happened."""
    LOST_BEFORE = "lost before"
    """No answer, and nothing happened."""
    LOST_AFTER = "lost after"
    """No answer, but it happened."""
    CRASH_BEFORE = "crash before"
    """The caller dies before the call."""
    CRASH_AFTER = "crash after"
    """The caller dies after the effect, before it knows of it."""


class SimulatedCrash(BaseException):
    """Stands for SIGKILL: nothing may catch it but the test."""


class Faulty:
    """Passes every attribute on to `inner`, and makes the call numbered `at` go wrong, once.

    Args:
        inner: What is wrapped.
        at: Number of the call, from 0, counted over the methods in `methods`.
        how: How it goes wrong.
        methods: The names of the methods that count.
    """

    def __init__(self, inner: object, *, at: int | None, how: Fault, methods: Collection[str]) -> None:
        self._inner = inner
        self._at = at
        self._how = how
        self._methods = methods
        self._lock = threading.Lock()
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if name not in self._methods:
            return value

        def call(*args: object, **kwargs: object) -> object:
            with self._lock:
                number = len(self.calls)
                self.calls.append(name)
            if number != self._at:
                return value(*args, **kwargs)
            return self._fail(name, value, args, kwargs)

        return call

    def _fail(self, name: str, value: Any, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        if self._how in (Fault.LOST_AFTER, Fault.CRASH_AFTER):
            value(*args, **kwargs)
        if self._how in (Fault.CRASH_BEFORE, Fault.CRASH_AFTER):
            raise SimulatedCrash(name)
        if self._how is Fault.REFUSED:
            raise OutsideError(f"{name} was refused, as the test wants it")
        raise CallUnknownError(f"{name}: no answer, as the test wants it")


@dataclass
class HeldLease:
    """A lease that nobody contends for.

    Args:
        epoch: The epoch of every call.
    """

    epoch: int = 1

    def check(self, call_timeout_s: float) -> None:
        """Always held."""
