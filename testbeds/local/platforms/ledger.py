"""The sample ledger: each write at most once for an idempotency key, and every execution counted with the write itself.

The count lies in the same atomic change as what was written, so that it survives a kill of the platform and says
what was really executed: once, or twice.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from testbeds.local.platforms.acts import ACTS, Asked, Code, RefusedError, Row, Transaction
from testbeds.local.platforms.operations import WITHOUT_STORE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

    from testbeds.local.platforms.messages import Message
    from testbeds.local.platforms.operations import Operation


@dataclass(frozen=True, slots=True)
class Remembered:
    """What was answered to an idempotency key.

    Args:
        digest: Of what was asked.
        answer: The answer, as JSON; empty: the other platform has it.
    """

    digest: str
    answer: str


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, as the headers say.

    Args:
        request_id: Names the request for the count of executions; empty: it is not counted.
        idempotency_key: The same key again gets the same answer, and nothing is executed; empty: none.
    """

    request_id: str = ""
    idempotency_key: str = ""


@dataclass(frozen=True, slots=True)
class Everything:
    """All that a store holds.

    Args:
        rows: Entity, key, row.
        remembered: Answers by idempotency key.
        executions: Times by request.
    """

    rows: Sequence[tuple[Message, str, Row]]
    remembered: Mapping[str, Remembered]
    executions: Mapping[str, int]


class Change(Transaction, Protocol):
    """An atomic change that also knows what was executed."""

    async def remembered(self, key: str) -> Remembered | None:
        """What was answered to this idempotency key."""
        ...

    async def executed(self, caller: Caller, remembered: Remembered) -> None:
        """Count this execution for its request, and remember the answer for its key.

        Raises:
            TakenError: Somebody else used the key in the meantime; nothing of this change is kept.
        """
        ...


class TakenError(Exception):
    """Another change with the same idempotency key was first."""


class Store(Protocol):
    """Where a platform keeps its ledger."""

    def reading(self) -> AbstractAsyncContextManager[Change]:
        """Reads only."""
        ...

    def changing(self) -> AbstractAsyncContextManager[Change]:
        """Kept at the end as a whole; an exception keeps nothing."""
        ...

    async def executions(self) -> dict[str, int]:
        """How often each counted request was executed."""
        ...


class Claims(Protocol):
    """The one place where both platforms look an idempotency key up before they execute."""

    async def claim(self, key: str, digest: str) -> Remembered | None:
        """Claim a key for this platform, now and after a crash; what the other has answered to it if it was first.

        Raises:
            RefusedError: The place does not answer: nobody knows.
        """
        ...


class Ledger:
    """The ledger over a store.

    Args:
        store: Where it is kept.
        claims: Where keys are claimed first; None: this platform's own memory is all there is.
    """

    def __init__(self, store: Store, claims: Claims | None = None) -> None:
        self._store = store
        self._claims = claims

    async def do(self, operation: Operation, inputs: Mapping[str, Any], now_ms: int, caller: Caller) -> Row | list[Row]:
        """Do what is asked, and return the answer once it is kept.

        Raises:
            RefusedError: It was not done.
        """
        asked = Asked(operation, inputs, now_ms)
        if operation.act in WITHOUT_STORE:
            return await ACTS[operation.act](_NO_CHANGE, asked)
        if operation.reads:
            async with self._store.reading() as change:
                return await ACTS[operation.act](change, asked)
        while True:
            try:
                return await self._write(asked, caller)
            except TakenError:
                continue  # the other one's answer is remembered now

    async def _write(self, asked: Asked, caller: Caller) -> Row | list[Row]:
        digest = _digest(asked) if caller.idempotency_key else ""
        if self._claims and digest and (first := await self._claims.claim(caller.idempotency_key, digest)):
            return _again(first, digest)
        async with self._store.changing() as change:
            if caller.idempotency_key and (known := await change.remembered(caller.idempotency_key)):
                return _again(known, digest)
            answer = await ACTS[asked.operation.act](change, asked)
            said = json.dumps(answer) if caller.idempotency_key else ""
            await change.executed(caller, Remembered(digest, said))
            return answer


_NO_CHANGE: Any = None


def _digest(asked: Asked) -> str:
    """Of what was asked, the same on both platforms: one of them cannot tell what was not given from a default."""
    defaults = {field.name: field.default for field in asked.operation.inputs}
    given = {name: value for name, value in asked.inputs.items() if value != defaults[name]}
    return hashlib.sha256(json.dumps([asked.operation.name, given], sort_keys=True).encode()).hexdigest()


def _again(known: Remembered, digest: str) -> Row:
    if known.digest != digest:
        raise RefusedError(Code.KEY_REUSED, "this idempotency key came with another request before")
    if not known.answer:
        raise RefusedError(Code.ELSEWHERE, "the other platform has executed this idempotency key")
    answer: Row = json.loads(known.answer)
    return answer
