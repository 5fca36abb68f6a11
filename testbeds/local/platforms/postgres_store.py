"""The sample V11's store: PostgreSQL, a typed table for each entity. One atomic change is one transaction."""

# ruff: noqa: S608 (every name in a statement is one of messages.py; every value is a parameter)
from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, LiteralString

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool

from testbeds.local.platforms.acts import Code, RefusedError, Row
from testbeds.local.platforms.fields import Kind
from testbeds.local.platforms.ledger import Caller, Everything, Remembered, TakenError
from testbeds.local.platforms.messages import ENTITIES, Message
from testbeds.local.platforms.operations import INDEXED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

POOL_LEAST, POOL_MOST = 2, 24
TYPES = {
    Kind.TEXT: "text",
    Kind.INT64: "bigint",
    Kind.INT32: "integer",
    Kind.REAL: "double precision",
    Kind.YES_NO: "boolean",
    Kind.CHOICE: "text",
    Kind.TEXTS: "text[]",
}
_BOOKS = """
CREATE TABLE IF NOT EXISTS idempotency (
    key text PRIMARY KEY, digest text NOT NULL, answer text NOT NULL);
CREATE TABLE IF NOT EXISTS executions (request_id text PRIMARY KEY, times bigint NOT NULL);
"""
_COUNT = """INSERT INTO executions VALUES (%s, 1)
ON CONFLICT (request_id) DO UPDATE SET times = executions.times + 1"""
_REMEMBER = "INSERT INTO idempotency VALUES (%s, %s, %s)"
Pool = AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]


class PostgresStore:
    """A ledger in PostgreSQL.

    Args:
        pool: Connections to its database.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, conninfo: str) -> PostgresStore:
        """Connect, and make the tables that are not there."""
        pool: Pool = AsyncConnectionPool(
            conninfo, kwargs={"row_factory": dict_row}, min_size=POOL_LEAST, max_size=POOL_MOST, open=False
        )
        await pool.open(wait=True)
        async with pool.connection() as connection:
            await connection.execute(schema())
        return cls(pool)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[PostgresChange]:
        """Reads only; one statement, or several that each see what is committed."""
        async with self._pool.connection() as connection:
            await connection.set_autocommit(True)
            try:
                yield PostgresChange(connection)
            except psycopg.DataError as error:
                raise _invalid(error) from error
            finally:
                await connection.set_autocommit(False)

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[PostgresChange]:
        """One transaction."""
        try:
            async with self._pool.connection() as connection:
                yield PostgresChange(connection)
        except psycopg.errors.NumericValueOutOfRange as error:
            raise RefusedError(Code.FUNDS, "a sum would not fit into 64 bits") from error
        except psycopg.DataError as error:
            raise _invalid(error) from error

    async def replace(self, everything: Everything) -> None:
        """Put all this in the place of what is stored."""
        async with self._pool.connection() as connection:
            tables = ", ".join(_quoted(name) for name in (*_STATEMENTS, "idempotency", "executions"))
            await connection.execute(_sql(f"TRUNCATE {tables}"))
            change = PostgresChange(connection)
            for entity, key, row in everything.rows:
                await change.put(entity, key, row)
            for key, remembered in everything.remembered.items():
                await connection.execute(_REMEMBER, (key, remembered.digest, remembered.answer))
            for request, times in everything.executions.items():
                await connection.execute("INSERT INTO executions VALUES (%s, %s)", (request, times))

    async def close(self) -> None:
        """Close all connections."""
        await self._pool.close()

    async def executions(self) -> dict[str, int]:
        """How often each counted request was executed."""
        async with self._pool.connection() as connection:
            rows = await (await connection.execute("SELECT request_id, times FROM executions")).fetchall()
        return {row["request_id"]: row["times"] for row in rows}


class PostgresChange:
    """One transaction.

    Args:
        connection: In it.
    """

    def __init__(self, connection: psycopg.AsyncConnection[DictRow]) -> None:
        self._connection = connection

    async def get(self, entity: Message, key: str, *, lock: bool = False) -> Row | None:
        """The row of this key; locked until the end against other changes."""
        row = await (await self._connection.execute(_STATEMENTS[entity.table].get[lock], (key,))).fetchone()
        return None if row is None else _row(row)

    async def insert(self, entity: Message, key: str, row: Row) -> bool:
        """Store a new row; False when there is one of this key."""
        done = await self._connection.execute(_STATEMENTS[entity.table].insert, _values(entity, key, row))
        return done.rowcount == 1

    async def put(self, entity: Message, key: str, row: Row) -> None:
        """Store a row in place of any other of its key."""
        await self._connection.execute(_STATEMENTS[entity.table].put, _values(entity, key, row))

    async def delete(self, entity: Message, key: str) -> None:
        """Remove a row."""
        await self._connection.execute(_STATEMENTS[entity.table].delete, (key,))

    async def find(self, entity: Message, by: tuple[str, object] | None, after: str, limit: int) -> list[Row]:
        """Rows in the order of their keys, those only whose field has this value, after this key."""
        name, values = (by[0], (by[1], after, limit)) if by else (None, (after, limit))
        found = await self._connection.execute(_STATEMENTS[entity.table].find[name], values)
        return [_row(row) for row in await found.fetchall()]

    async def last(self, entity: Message) -> Row | None:
        """The row of the greatest key, with all changes of this entity held off until the end."""
        if not self._connection.autocommit:
            await self._connection.execute(_STATEMENTS[entity.table].hold)
        row = await (await self._connection.execute(_STATEMENTS[entity.table].last)).fetchone()
        return None if row is None else _row(row)

    async def count(self, entity: Message) -> int:
        """How many rows there are."""
        row = await (await self._connection.execute(_STATEMENTS[entity.table].count)).fetchone()
        return 0 if row is None else int(row["count"])

    async def add(self, entity: Message, key: str, row: Row, field: str) -> None:
        """Add `row[field]` to the stored row's, or store the row."""
        await self._connection.execute(_STATEMENTS[entity.table].add[field], _values(entity, key, row))

    async def remembered(self, key: str) -> Remembered | None:
        """What was answered to this idempotency key."""
        found = await self._connection.execute("SELECT digest, answer FROM idempotency WHERE key = %s", (key,))
        row = await found.fetchone()
        return None if row is None else Remembered(row["digest"], row["answer"])

    async def executed(self, caller: Caller, remembered: Remembered) -> None:
        """Count this execution, and remember its answer.

        Raises:
            TakenError: Somebody else used the key in the meantime.
        """
        if caller.request_id:
            await self._connection.execute(_COUNT, (caller.request_id,))
        if caller.idempotency_key:
            try:
                await self._connection.execute(
                    _REMEMBER, (caller.idempotency_key, remembered.digest, remembered.answer)
                )
            except psycopg.errors.UniqueViolation as error:
                raise TakenError from error


class _Statements:
    """The statements of one table; names come from the table of messages alone, and are quoted.

    Args:
        entity: What the table holds.
    """

    def __init__(self, entity: Message) -> None:
        table, names = _quoted(entity.table), [_quoted(name) for name in ("key", *(f.name for f in entity.fields))]
        columns, places = ", ".join(names), ", ".join(["%s"] * len(names))
        select, end = f"SELECT {columns} FROM {table}", "key > %s ORDER BY key LIMIT %s"
        insert = f"INSERT INTO {table} ({columns}) VALUES ({places}) ON CONFLICT (key) DO"
        self.get = {lock: _sql(f"{select} WHERE key = %s{' FOR UPDATE' if lock else ''}") for lock in (False, True)}
        self.insert = _sql(f"{insert} NOTHING")
        self.put = _sql(f"{insert} UPDATE SET {', '.join(f'{name} = EXCLUDED.{name}' for name in names[1:])}")
        self.delete = _sql(f"DELETE FROM {table} WHERE key = %s")
        self.find = {None: _sql(f"{select} WHERE {end}")} | {
            field: _sql(f"{select} WHERE {_quoted(field)} = %s AND {end}") for field in INDEXED[entity.table]
        }
        self.hold = _sql(f"LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE")
        self.last = _sql(f"{select} ORDER BY key DESC LIMIT 1")
        self.count = _sql(f"SELECT count(*) FROM {table}")
        self.add = {
            field.name: _sql(f"{insert} UPDATE SET {column} = {table}.{column} + EXCLUDED.{column}")
            for field, column in zip(entity.fields, names[1:], strict=True)
            if field.kind is Kind.INT64
        }


def _quoted(name: str) -> str:
    return f'"{name}"'


def _sql(text: str) -> LiteralString:
    return text


_STATEMENTS = {entity.table: _Statements(entity) for entity in ENTITIES}


def schema() -> LiteralString:
    """All tables; each is made once, by whoever comes first."""
    texts = ["SELECT pg_advisory_xact_lock(11);", _BOOKS]
    for entity in ENTITIES:
        columns = "".join(f", {_quoted(field.name)} {TYPES[field.kind]} NOT NULL" for field in entity.fields)
        texts.append(f'CREATE TABLE IF NOT EXISTS {_quoted(entity.table)} (key text COLLATE "C" PRIMARY KEY{columns});')
        texts += [
            f"CREATE INDEX IF NOT EXISTS {_quoted(f'{entity.table}_{field}')} ON {_quoted(entity.table)} "
            f"({_quoted(field)}, key);"
            for field in INDEXED[entity.table]
        ]
    return _sql("\n".join(texts))


def _values(entity: Message, key: str, row: Row) -> Sequence[Any]:
    return [key, *(row[field.name] for field in entity.fields)]


def _row(row: DictRow) -> Row:
    return {name: value for name, value in row.items() if name != "key"}


def _invalid(error: psycopg.DataError) -> RefusedError:
    return RefusedError(Code.INVALID, f"the database refuses a value: {str(error).splitlines()[0]}")
