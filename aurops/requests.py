"""What a person asks of a running run, the switch that halts all runs, the one that holds a watch; by creates alone."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aurops.errors import OutsideError, UsageError
from aurops.store import claim

if TYPE_CHECKING:
    from aurops.clock import Clock
    from aurops.store import Store

SCHEMA = 1
_TRIES = 3


class RequestKind(StrEnum):
    """What can be asked of a run."""

    PAUSE = "pause"
    RESUME = "resume"
    ABORT = "abort"
    SKIP = "skip"


class BrokenRequestError(OutsideError):
    """A request or the halt switch cannot be read; a run that meets one stops rather than guess."""


class _Numbered(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    schema_: int = Field(default=SCHEMA, alias="schema", ge=SCHEMA - 1, le=SCHEMA)
    n: int = Field(default=0, exclude=True)
    """Its number, from its key: 1 is the first."""
    reason: str
    who: str
    at: str
    """Time of day in UTC, ISO 8601, for people."""
    nonce: str = Field(default_factory=lambda: uuid4().hex)


class Request(_Numbered):
    """One request to a run."""

    kind: RequestKind
    step: str | None = None
    """The step to skip; only with `skip`."""


class Halt(_Numbered):
    """One turn of a switch: the one that halts all runs, or one that holds the watch of a service."""

    on: bool


_T = TypeVar("_T", bound=_Numbered)


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
    return _add(store, f"runs/{run}/requests", Request(kind=kind, step=step, reason=reason, who=who, at=at), above_n)


def pending(store: Store, run: str, after_n: int = 0) -> tuple[Request, ...]:
    """The requests with a number above `after_n`, in order.

    Raises:
        BrokenRequestError: One cannot be read.
    """
    prefix = f"runs/{run}/requests"
    return tuple(_load(store, prefix, n, Request) for n in _numbers(store, prefix) if n > after_n)


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
    return _add(store, prefix, Halt(on=on, reason=reason, who=who, at=at))


def _turned_on(store: Store, prefix: str) -> Halt | None:
    numbers = _numbers(store, prefix)
    latest = _load(store, prefix, numbers[-1], Halt) if numbers else None
    return latest if latest and latest.on else None


def _numbers(store: Store, prefix: str) -> list[int]:
    names = [key.rsplit("/", 1)[-1] for key in store.keys(prefix)]
    return sorted(int(name) for name in names if name.isdecimal())


def _add(store: Store, prefix: str, wanted: _Numbered, above_n: int = 0) -> int:
    data = wanted.model_dump_json(by_alias=True).encode()
    n = max(_numbers(store, prefix), default=0)
    n = max(n, above_n) + 1
    tries = iter(range(_TRIES - 1))
    while claim(store, f"{prefix}/{n:06}", data, may_retry=lambda: next(tries, None) is not None) != data:
        n += 1
    return n


def _load(store: Store, prefix: str, n: int, model: type[_T]) -> _T:
    key = f"{prefix}/{n:06}"
    try:
        loaded = model.model_validate_json(store.read(key) or b"")
    except ValidationError as error:
        raise BrokenRequestError(
            "a request cannot be read, or was written by another version of aurops",
            where=f"{store.url}: {key}",
            next_step="look at the file; remove it if it says nothing, or install the version that wrote it",
        ) from error
    return loaded.model_copy(update={"n": n})
