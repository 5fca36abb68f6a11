"""What people leave for a run or a watch: numbered records under a prefix of the store, by creates alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aurops.errors import OutsideError
from aurops.store import claim

if TYPE_CHECKING:
    from aurops.store import Store

SCHEMA = 1
_TRIES = 3


class BrokenRequestError(OutsideError):
    """A record that a person left cannot be read; a run that meets one stops rather than guess."""


class Numbered(BaseModel):
    """One record."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    schema_: int = Field(default=SCHEMA, alias="schema", ge=SCHEMA - 1, le=SCHEMA)
    n: int = Field(default=0, exclude=True)
    """Its number, from its key: 1 is the first."""
    reason: str
    who: str
    at: str
    """Time of day in UTC, ISO 8601, for people."""
    nonce: str = Field(default_factory=lambda: uuid4().hex)


_T = TypeVar("_T", bound=Numbered)


def numbers(store: Store, prefix: str) -> list[int]:
    """The numbers that exist under a prefix, in order."""
    names = [key.rsplit("/", 1)[-1] for key in store.keys(prefix)]
    return sorted(int(name) for name in names if name.isdecimal())


def add(store: Store, prefix: str, wanted: Numbered, above_n: int = 0) -> int:
    """Leave a record under the next free number above `above_n`; its number."""
    data = wanted.model_dump_json(by_alias=True).encode()
    n = max(numbers(store, prefix), default=0)
    n = max(n, above_n) + 1
    tries = iter(range(_TRIES - 1))
    while claim(store, f"{prefix}/{n:06}", data, may_retry=lambda: next(tries, None) is not None) != data:
        n += 1
    return n


def load(store: Store, prefix: str, n: int, model: type[_T]) -> _T:
    """One record.

    Raises:
        BrokenRequestError: It cannot be read.
    """
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
