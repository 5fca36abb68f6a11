"""What a person asks of a running run, the switch that halts all runs, the one that holds a watch; by creates alone."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from aurops.errors import UsageError
from aurops.numbered import BrokenRequestError, Numbered, add, load, numbers

if TYPE_CHECKING:
    from aurops.clock import Clock
    from aurops.store import Store

__all__ = ["BrokenRequestError", "Halt", "Request", "RequestKind", "ask", "halt", "halted", "held", "hold", "pending"]


class RequestKind(StrEnum):
    """What can be asked of a run."""

    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    SKIP = "skip"


class Request(Numbered):
    """One request to a run."""

    kind: RequestKind
    step: str | None = None
    """The step to skip; only with `skip`."""


class Halt(Numbered):
    """One turn of a switch: the one that halts all runs, or one that holds the watch of a service."""

    on: bool


def ask(  # noqa: PLR0913 (what a request says)
    store: Store,
    run: str,
    kind: RequestKind,
    *,
    who: str,
    reason: str,
    clock: Clock,
    step: str | None = None,
    above_n: int = 0,
) -> int:
    """Leave a request for the run; its number. The run looks before each call.

    Its number is above `above_n`, which the run has seen already: perhaps in another store (`failover.break_glass`).

    Raises:
        UsageError: `skip` without a step, or a step with anything else.
    """
    if (kind is RequestKind.SKIP) != (step is not None):
        raise UsageError("skip, and only skip, names a step", where=f"run {run}", next_step="name the step to skip")
    at = clock.wall().isoformat(timespec="milliseconds")
    return add(store, f"runs/{run}/requests", Request(kind=kind, step=step, reason=reason, who=who, at=at), above_n)


def pending(store: Store, run: str, after_n: int = 0) -> tuple[Request, ...]:
    """The requests with a number above `after_n`, in order.

    Raises:
        BrokenRequestError: One cannot be read.
    """
    prefix = f"runs/{run}/requests"
    return tuple(load(store, prefix, n, Request) for n in numbers(store, prefix) if n > after_n)


def halt(store: Store, *, on: bool, reason: str, who: str, clock: Clock) -> int:
    """Turn the switch that every run looks at before each call; the turn's number."""
    return _turn(store, "halt", on=on, reason=reason, who=who, clock=clock)


def halted(store: Store) -> Halt | None:
    """Why all runs are to stand still; None when they may go.

    Raises:
        BrokenRequestError: The latest turn cannot be read.
    """
    return _turned_on(store, "halt")


def hold(store: Store, service: str, *, on: bool, reason: str, who: str, clock: Clock) -> int:
    """Hold the watch of a service, so that it does not act by itself, or let it; the turn's number."""
    return _turn(store, f"hold/{service}", on=on, reason=reason, who=who, clock=clock)


def held(store: Store, service: str) -> Halt | None:
    """Why the watch of a service is not to act; None when it may.

    Raises:
        BrokenRequestError: The latest turn cannot be read.
    """
    return _turned_on(store, f"hold/{service}")


def _turn(store: Store, prefix: str, *, on: bool, reason: str, who: str, clock: Clock) -> int:
    at = clock.wall().isoformat(timespec="milliseconds")
    return add(store, prefix, Halt(on=on, reason=reason, who=who, at=at))


def _turned_on(store: Store, prefix: str) -> Halt | None:
    turns = numbers(store, prefix)
    latest = load(store, prefix, turns[-1], Halt) if turns else None
    return latest if latest and latest.on else None
