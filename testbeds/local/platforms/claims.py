"""How V10 looks idempotency keys up where V11 keeps them, so that a key is executed by one of both.

V11 writes the key in the transaction of what it executes. V10 inserts it, without an answer, before it executes: if a
transaction of V11 holds the key, that waits until V11 is done or undone; if V11 comes later, its transaction fails.
"""

from __future__ import annotations

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from testbeds.local.platforms.acts import Code, RefusedError
from testbeds.local.platforms.ledger import Remembered
from testbeds.local.platforms.postgres_store import schema

WAIT_S = 2.0
_CLAIM = "INSERT INTO idempotency VALUES (%s, %s, '') ON CONFLICT (key) DO NOTHING"
_LOOK = "SELECT digest, answer FROM idempotency WHERE key = %s"


class PostgresClaims:
    """The keys in a V11's database.

    Args:
        conninfo: How to reach it.
    """

    def __init__(self, conninfo: str) -> None:
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[DictRow]] = AsyncConnectionPool(
            conninfo, kwargs={"row_factory": dict_row, "autocommit": True}, min_size=1, max_size=16, open=False
        )

    async def open(self) -> None:
        """Connect, and make the tables that are not there."""
        await self._pool.open(wait=True)
        async with self._pool.connection() as connection:
            await connection.execute(schema())

    async def claim(self, key: str, digest: str) -> Remembered | None:
        """Claim a key for V10, now and after a crash; what V11 has answered to it if it was first.

        Raises:
            RefusedError: V11's database does not answer: whether the key was executed, nobody knows.
        """
        try:
            async with self._pool.connection(WAIT_S) as connection:
                await connection.execute(_CLAIM, (key, digest))
                row = await (await connection.execute(_LOOK, (key,))).fetchone()
        except (psycopg.Error, PoolTimeout) as error:
            raise RefusedError(Code.UNAVAILABLE, "idempotency keys cannot be looked up now") from error
        if row is None or not row["answer"]:
            return None  # V10's own claim: whether it was executed, V10's store knows
        return Remembered(row["digest"], row["answer"])
