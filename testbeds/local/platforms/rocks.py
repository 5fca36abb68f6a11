"""The sample V10's store: RocksDB. One atomic change is one WriteBatch.

Nothing here awaits anything, so changes never interleave: the process that serves is the one writer (RocksDB has no
other). What is acknowledged is in the write-ahead log with the operating system: a killed process loses none of it. It
is not synced to the disk, because this bed loses processes and never the machine.
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast

from rocksdict import AccessType, Options, Rdict, WriteBatch

from testbeds.local.platforms.acts import Code, RefusedError, Row
from testbeds.local.platforms.fields import INT64
from testbeds.local.platforms.ledger import Caller, Everything, Remembered
from testbeds.local.platforms.messages import ENTITIES
from testbeds.local.platforms.operations import INDEXED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from testbeds.local.platforms.messages import Message

_IDEMPOTENCY, _EXECUTIONS = "idempotency", "executions"


class RocksStore:
    """A ledger in RocksDB.

    Args:
        folder: The database's; made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        options = Options(raw_mode=True)
        options.create_if_missing(True)  # noqa: FBT003 (rocksdict's signature)
        self._db = Rdict(str(folder), options=options, access_type=AccessType.read_write())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[RocksChange]:
        """Reads only."""
        yield RocksChange(self._db)

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[RocksChange]:
        """One WriteBatch."""
        change = RocksChange(self._db)
        yield change
        change.keep()

    async def executions(self) -> dict[str, int]:
        """How often each counted request was executed."""
        found = RocksChange(self._db).under(f"{_EXECUTIONS}\0", "")
        return {key: int(value) for key, value in found}

    def everything(self) -> Everything:
        """All that is stored."""
        look = RocksChange(self._db)
        rows = [
            (entity, key, json.loads(value))
            for entity in ENTITIES
            for key, value in look.under(f"{entity.table}\0", "")
        ]
        remembered = {key: Remembered(*json.loads(value)) for key, value in look.under(f"{_IDEMPOTENCY}\0", "")}
        executions = {key: int(value) for key, value in look.under(f"{_EXECUTIONS}\0", "")}
        return Everything(rows, remembered, executions)

    def close(self) -> None:
        """Close the database, with all that was written on disk."""
        self._db.close()


class RocksChange:
    """One atomic change.

    Args:
        db: The database.
    """

    def __init__(self, db: Rdict) -> None:
        self._db = db
        self._new: dict[bytes, bytes | None] = {}

    def keep(self) -> None:
        """Write all of it."""
        batch = WriteBatch(raw_mode=True)
        for key, value in self._new.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
        if self._new:
            self._db.write(batch)

    def under(self, prefix: str, after: str) -> Iterator[tuple[str, bytes]]:
        """What is stored under a prefix, after this key, as it was before this change; keys without the prefix."""
        start, first = prefix.encode(), f"{prefix}{after}".encode()
        for key, value in self._items(first):
            if not key.startswith(start):
                return
            if key != first or not after:
                yield key[len(start) :].decode(), value

    def _items(self, first: bytes, *, backwards: bool = False) -> Iterator[tuple[bytes, bytes]]:
        """Raw mode has bytes only."""
        return cast("Iterator[tuple[bytes, bytes]]", self._db.items(backwards=backwards, from_key=first))

    def _value(self, key: bytes) -> bytes | None:
        if key in self._new:
            return self._new[key]
        return cast("bytes | None", self._db.get(key))

    async def get(self, entity: Message, key: str, *, lock: bool = False) -> Row | None:  # noqa: ARG002 (alone anyway)
        """The row of this key."""
        return self._row(entity, key)

    def _row(self, entity: Message, key: str) -> Row | None:
        value = self._value(_key(entity, key))
        return None if value is None else json.loads(value)

    async def insert(self, entity: Message, key: str, row: Row) -> bool:
        """Store a new row; False when there is one of this key."""
        if self._row(entity, key) is not None:
            return False
        await self.put(entity, key, row)
        return True

    async def put(self, entity: Message, key: str, row: Row) -> None:
        """Store a row in place of any other of its key."""
        await self.delete(entity, key)
        self._new[_key(entity, key)] = json.dumps(row).encode()
        for field in INDEXED[entity.table]:
            self._new[f"{_index(entity, field, row[field])}{key}".encode()] = b""

    async def delete(self, entity: Message, key: str) -> None:
        """Remove a row, and its places in the indexes."""
        if (row := self._row(entity, key)) is None:
            return
        self._new[_key(entity, key)] = None
        for field in INDEXED[entity.table]:
            self._new[f"{_index(entity, field, row[field])}{key}".encode()] = None

    async def find(self, entity: Message, by: tuple[str, object] | None, after: str, limit: int) -> list[Row]:
        """Rows in the order of their keys, those only whose field has this value, after this key."""
        prefix = _index(entity, *by) if by else f"{entity.table}\0"
        rows: list[Row] = []
        for key, value in self.under(prefix, after):
            if len(rows) == limit:
                break
            row = self._row(entity, key) if by else json.loads(value)
            rows += [] if row is None else [row]
        return rows

    async def last(self, entity: Message) -> Row | None:
        """The row of the greatest key."""
        for key, value in self._items(f"{entity.table}\0\x7f".encode(), backwards=True):
            return json.loads(value) if key.startswith(f"{entity.table}\0".encode()) else None
        return None

    async def count(self, entity: Message) -> int:
        """How many rows there are."""
        return sum(1 for _ in self.under(f"{entity.table}\0", ""))

    async def add(self, entity: Message, key: str, row: Row, field: str) -> None:
        """Add `row[field]` to the stored row's, or store the row."""
        stored = self._row(entity, key) or {**row, field: 0}
        total = stored[field] + row[field]
        if not -INT64 <= total < INT64:
            raise RefusedError(Code.FUNDS, "a sum would not fit into 64 bits")
        await self.put(entity, key, {**stored, field: total})

    async def remembered(self, key: str) -> Remembered | None:
        """What was answered to this idempotency key."""
        value = self._value(f"{_IDEMPOTENCY}\0{key}".encode())
        return None if value is None else Remembered(*json.loads(value))

    async def executed(self, caller: Caller, remembered: Remembered) -> None:
        """Count this execution, and remember its answer."""
        if caller.request_id:
            count = f"{_EXECUTIONS}\0{caller.request_id}".encode()
            self._new[count] = str(int(self._value(count) or 0) + 1).encode()
        if caller.idempotency_key:
            said = json.dumps([remembered.digest, remembered.answer]).encode()
            self._new[f"{_IDEMPOTENCY}\0{caller.idempotency_key}".encode()] = said


def _key(entity: Message, key: str) -> bytes:
    return f"{entity.table}\0{key}".encode()


def _index(entity: Message, field: str, value: object) -> str:
    return f"{entity.table}:{field}\0{value}\0"
