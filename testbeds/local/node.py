"""One node of the ledger service: `python -m testbeds.local.node --layout FILE --region R --port N`.

What an answer means, and it never means more:

- 200: committed without any WARNING, confirmed by the quorum, and read back.
- 202: the outcome is unknown (a WARNING, or the connection was lost while committing).
- 503 with `x-aurops-not-sent`: certainly not executed.

A waiting commit is never cancelled, whoever hangs up: PostgreSQL turns a cancelled wait for the quorum into a success
with a WARNING and shows the row. psycopg cancels when its task is cancelled, so every write runs shielded in a task
of its own, and nothing here has a time-out on a statement.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from aiohttp import web
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout
from valkey.asyncio import Valkey
from valkey.exceptions import ValkeyError

from testbeds.local import commands
from testbeds.local.commands import BadBodyError, Body
from testbeds.local.layout import LOOPBACK, Region, load
from testbeds.local.postgres import conninfo
from testbeds.local.serving import end_with_parent, forever, serve
from traffic.headers import EPOCH_HEADER, NOT_SENT_HEADER

POOL_LEAST, POOL_MOST = 2, 30
HOLD_S = 3.0
"""How long a request waits for a region that is about to take over; then it is refused, as not executed."""
POOL_WAIT_S = 2.0
"""How long a write waits for a connection; it has done nothing yet, so giving up is safe."""
CACHE_S = 0.2
WRITE = "INSERT INTO ledger (id, amount, epoch, region) VALUES (%(id)s, %(amount)s, %(epoch)s, %(region)s)"
READ_WRITE = "SELECT FROM ledger WHERE id = %(id)s AND amount = %(amount)s AND epoch = %(epoch)s"
PROBE = """
INSERT INTO probe (vantage, region, n, epoch, page) VALUES (%(vantage)s, %(region)s, %(n)s, %(epoch)s, %(page)s)
ON CONFLICT (vantage) DO UPDATE
SET region = EXCLUDED.region, n = EXCLUDED.n, epoch = EXCLUDED.epoch, page = EXCLUDED.page, at = clock_timestamp()
"""
PAGE_BYTES = 7000
"""What a probe writes takes new pages each time: a row that fits where it lay notices no full disk."""
READ_PROBE = "SELECT FROM probe WHERE vantage = %(vantage)s AND n >= %(n)s AND epoch = %(epoch)s"


class NotExecutedError(Exception):
    """The write was certainly not executed; the text says why."""


class UnknownOutcomeError(Exception):
    """The write may or may not have been executed, or may not be confirmed by the quorum."""


@dataclass(frozen=True, slots=True)
class Statements:
    """A write and how it is read back."""

    write: LiteralString
    read_back: LiteralString
    values: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Hold:
    """Requests of an epoch that is to come wait.

    Args:
        epoch: The epoch.
        over: Set when the node serves it, or is not to hold any more.
    """

    epoch: int
    over: asyncio.Event


Pool = AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]]
Act = Callable[[Body, int], Awaitable[web.Response]]


class Node:
    """One node; it serves while it holds an epoch.

    Args:
        region: Whose database and cache it uses.
    """

    def __init__(self, region: Region) -> None:
        self._region = region
        self._epoch: int | None = None
        self._pool: Pool | None = None
        self._hold: Hold | None = None
        self._cache = Valkey(
            host=LOOPBACK, port=region.valkey_port, socket_timeout=CACHE_S, socket_connect_timeout=CACHE_S
        )

    def app(self) -> web.Application:
        """The node's HTTP interface."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/writes", self.write),
                web.post("/probe", self.probe),
                web.get("/health", self.health),
                web.put("/epoch", self.take_epoch),
                web.put("/hold", self.take_hold),
            ]
        )
        return app

    async def take_epoch(self, request: web.Request) -> web.Response:
        """From the region's agent: serve this epoch; null: refuse everything.

        Each epoch has a pool of its own, so that no connection to a database's former life is met later.
        """
        epoch = await _epoch(request)
        if epoch != self._epoch:
            self._epoch = None
            if self._pool is not None:
                await self._pool.close(timeout=0)  # connections in use stay with their commits
            self._pool = None if epoch is None else await self._connect()
            self._epoch = epoch if self._pool is not None else None
        if self._epoch is not None:
            self._let_go()
        return web.json_response({"epoch": self._epoch})

    async def take_hold(self, request: web.Request) -> web.Response:
        """From the region's agent: hold the requests of this epoch, which is to come; null: hold none any more."""
        epoch = await _epoch(request)
        if self._hold is None or self._hold.epoch != epoch:
            self._let_go()
            if epoch not in (None, self._epoch):
                self._hold = Hold(epoch, asyncio.Event())
        return web.json_response({"epoch": self._hold.epoch if self._hold else None})

    def _let_go(self) -> None:
        if self._hold is not None:
            self._hold.over.set()
            self._hold = None

    async def health(self, _request: web.Request) -> web.Response:
        """200 when it holds an epoch and its database answers."""
        pool = self._pool
        if self._epoch is None or pool is None:
            return _not_executed("epoch")
        try:
            async with pool.connection(POOL_WAIT_S) as connection:
                await connection.execute("SELECT 1")
        except (PoolTimeout, psycopg.Error):
            return _not_executed("database")
        return web.json_response({"epoch": self._epoch})

    async def write(self, request: web.Request) -> web.Response:
        """A client's write."""

        async def act(body: Body, epoch: int) -> web.Response:
            values = {"id": _text(body, "id"), "amount": commands.integer(body, "amount", least=-(2**62))}
            await self._commit(Statements(WRITE, READ_WRITE, values), epoch)
            cached = await self._remember(str(values["id"]))
            answer = {"id": values["id"], "epoch": epoch, "region": self._region.name, "cached": cached}
            return web.json_response(answer)

        return await self._shielded(request, act)

    async def probe(self, request: web.Request) -> web.Response:
        """A vantage point's write: one row for each, so that the ledger holds clients' writes only."""

        async def act(body: Body, epoch: int) -> web.Response:
            values = {"vantage": _text(body, "vantage"), "n": commands.integer(body, "n", least=0)}
            written = {**values, "page": os.urandom(PAGE_BYTES)}
            await self._commit(Statements(PROBE, READ_PROBE, written), epoch)
            return web.json_response({**values, "epoch": epoch, "region": self._region.name})

        return await self._shielded(request, act)

    async def _shielded(self, request: web.Request, act: Act) -> web.Response:
        async def run(raw: bytes) -> web.Response:
            try:
                return await self._checked(request, act, raw)
            except BadBodyError as error:
                return web.json_response({"error": str(error)}, status=400)
            except NotExecutedError as error:
                return _not_executed(str(error))
            except UnknownOutcomeError as error:
                return web.json_response({"outcome": "info", "error": str(error)}, status=202)

        return await asyncio.shield(run(await request.read()))

    async def _checked(self, request: web.Request, act: Act, raw: bytes) -> web.Response:
        body = commands.parse(raw)
        stamp, hold = request.headers.get(EPOCH_HEADER), self._hold
        if hold is not None and stamp == str(hold.epoch):
            try:
                await asyncio.wait_for(hold.over.wait(), HOLD_S)
            except TimeoutError as error:
                raise NotExecutedError(f"held for {HOLD_S:g} s") from error
        epoch = self._epoch
        if epoch is None or stamp != str(epoch):
            raise NotExecutedError("epoch")
        return await act(body, epoch)

    async def _commit(self, statements: Statements, epoch: int) -> None:
        """Write, commit and read back.

        Raises:
            NotExecutedError: No connection, the fence has another epoch, or a statement failed before the commit.
            UnknownOutcomeError: The commit had a WARNING, was not answered, or could not be read back.
        """
        pool = self._pool
        if pool is None:
            raise NotExecutedError("epoch")
        values = {**statements.values, "epoch": epoch, "region": self._region.name}
        committing = False
        try:
            async with pool.connection(POOL_WAIT_S) as connection:
                await _in_epoch(connection, epoch)
                await connection.execute(statements.write, values)
                committing = True
                await _commit_silently(connection)
                if await (await connection.execute(statements.read_back, values)).fetchone() is None:
                    raise UnknownOutcomeError("not read back")
        except PoolTimeout as error:
            raise NotExecutedError("busy") from error
        except psycopg.errors.UniqueViolation as error:
            raise BadBodyError(f"there is such a write already: {values}") from error
        except psycopg.Error as error:
            if committing:
                raise UnknownOutcomeError(f"lost while committing: {error}") from error
            raise NotExecutedError(f"database: {error}") from error

    async def _remember(self, write_id: str) -> bool:
        try:
            await self._cache.set(f"w:{write_id}", "1")
        except (ValkeyError, OSError):
            return False
        return True

    async def _connect(self) -> Pool | None:
        """A pool with its first connections made; None: the database does not answer."""
        pool: Pool = AsyncConnectionPool(
            conninfo(self._region, "node"),
            kwargs={"options": "-c synchronous_commit=on"},
            min_size=POOL_LEAST,
            max_size=POOL_MOST,
            open=False,
        )
        try:
            await pool.open(wait=True, timeout=POOL_WAIT_S)
        except PoolTimeout:
            await pool.close(timeout=0)
            return None
        return pool


async def _in_epoch(connection: psycopg.AsyncConnection[TupleRow], epoch: int) -> None:
    """Hold the fence row for this transaction: the epoch cannot change before it ends."""
    row = await (await connection.execute("SELECT epoch FROM fence FOR SHARE")).fetchone()
    if row is None or row[0] != epoch:
        raise NotExecutedError("epoch")


async def _commit_silently(connection: psycopg.AsyncConnection[TupleRow]) -> None:
    """Commit; a WARNING means that the quorum did not confirm, though PostgreSQL says success."""
    warnings: list[str] = []

    def note(diagnostic: psycopg.errors.Diagnostic) -> None:
        if diagnostic.severity_nonlocalized == "WARNING":
            warnings.append(diagnostic.message_primary or "")

    connection.add_notice_handler(note)
    try:
        await connection.commit()
    finally:
        connection.remove_notice_handler(note)
    if warnings:
        raise UnknownOutcomeError(f"committed with a warning: {warnings[0]}")


def _not_executed(error: str) -> web.Response:
    return web.json_response({"error": error}, status=503, headers={NOT_SENT_HEADER: "1"})


async def _epoch(request: web.Request) -> int | None:
    body = commands.parse(await request.read())
    return None if body.get("epoch") is None else commands.integer(body, "epoch", least=1)


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise BadBodyError(f"{name} is not a text: {value!r}")
    return value


async def main() -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layout", required=True)
    parser.add_argument("--region", required=True)
    parser.add_argument("--port", required=True, type=int)
    arguments = parser.parse_args()
    end_with_parent()
    await serve(Node(load(arguments.layout).region(arguments.region)).app(), arguments.port)
    await forever()


if __name__ == "__main__":
    asyncio.run(main())
