"""One region's database as its agent commands it: observe, detach, follow, promote. Nothing here cancels a commit."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from psycopg.rows import TupleRow

from testbeds.local.commands import RefusedError
from testbeds.local.evidence import OnlyHere, keep, kept
from testbeds.local.layout import LOOPBACK, Layout, Region
from testbeds.local.postgres import ProgramError, Server, conninfo

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from testbeds.local.role import Role

Connection = psycopg.AsyncConnection[TupleRow]
POLL_S = 0.005
START_S = 30.0
"""Crash recovery of a bed's few megabytes takes well under a second; the rest is for a busy machine."""
DETACH_S = 5.0
PROMOTE_S = 20.0
REPOINT_S = 8.0
"""A standby that can follow streams within 0.2 s; one that still does not has diverged and must be rewound. Only such
a one waits for it, and nobody waits for such a one."""
ATTACH_S = 20.0
LISTED = 100
"""Transactions that an answer lists, and a journal then holds; the rest are in the evidence."""

SCHEMA = """
SET synchronous_commit = local;
CREATE TABLE fence (single bool PRIMARY KEY DEFAULT true CHECK (single), epoch bigint NOT NULL);
INSERT INTO fence (epoch) VALUES (0);
CREATE TABLE ledger (
    id text PRIMARY KEY, amount bigint NOT NULL, epoch bigint NOT NULL, region text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE TABLE probe (
    vantage text PRIMARY KEY, region text NOT NULL, n bigint NOT NULL, epoch bigint NOT NULL,
    page bytea NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp());
ALTER TABLE probe ALTER COLUMN page SET STORAGE EXTERNAL;
"""
_STATE = """
SELECT pg_is_in_recovery(),
    (CASE WHEN pg_is_in_recovery()
        THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())
        ELSE pg_current_wal_flush_lsn() END - '0/0'::pg_lsn)::bigint,
    EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming'),
    EXISTS (SELECT FROM pg_stat_wal_receiver),
    to_regclass('fence') IS NOT NULL
"""
_STREAMS = "SELECT FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'"
_RECEIVES = """
SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming' AND sender_host = %s AND sender_port = %s
"""
_HISTORY = """
SELECT pg_read_file('pg_wal/' || name) FROM pg_ls_waldir() WHERE name LIKE '%.history' ORDER BY name DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseView:
    """A database as it is now; field by field the contract of `GET /observe`.

    Args:
        running: Whether the server process lives.
        role: `primary`, `standby`, or `down`: it answers no query (also while it starts).
        receiving: Whether it streams from another.
        attached: Whether it has a wal receiver, in whatever state: only without one does it confirm nothing any more.
        following: Region it is told to stream from.
        flush_lsn: Position in the log, in bytes, up to which everything is on its disk.
        fence_epoch: Epoch in its fence row.
        writable: Whether it accepts write transactions.
        voters: Regions of which one must confirm each of its commits.
    """

    running: bool
    role: str
    receiving: bool
    attached: bool
    following: str | None
    flush_lsn: int | None
    fence_epoch: int | None
    writable: bool
    voters: tuple[str, ...]


class Database:
    """One region's database.

    Args:
        layout: The bed's.
        region: Which region.
    """

    def __init__(self, layout: Layout, region: Region) -> None:
        self.server = Server(layout, region)
        self._layout = layout
        self._region = region
        self._watching: Connection | None = None

    async def observe(self, role: Role) -> DatabaseView:
        """The database now, over a connection that is kept open.

        Args:
            role: The role that was last commanded.
        """
        row: tuple[Any, ...] | None = None
        epoch: int | None = None
        if self.server.running:
            with suppress(psycopg.Error, RefusedError):
                connection = await self._watch()
                row = await _one(connection, _STATE)
                epoch = (await _one(connection, "SELECT epoch FROM fence"))[0] if row[4] else None
        recovering, flush_lsn, receiving, attached, _ = row or (None, None, False, False, False)
        return DatabaseView(
            running=self.server.running,
            role="down" if row is None else "standby" if recovering else "primary",
            receiving=receiving,
            attached=attached,
            following=role.following,
            flush_lsn=flush_lsn,
            fence_epoch=epoch,
            writable=recovering is False,
            voters=role.voters,
        )

    async def give_birth(self, role: Role, template: Path) -> None:
        """Make the first start from a fresh data folder, as primary or as standby by `role`.

        Raises:
            RefusedError: It does not start.
        """
        self.server.adopt(template)
        self.server.configure(role)
        if role.following:
            self.server.become_standby()
        await self.start()
        if not role.following:
            async with await _connect(self._region) as connection:
                if (await _one(connection, "SELECT to_regclass('fence') IS NULL"))[0]:
                    await connection.execute(SCHEMA)

    async def start(self) -> None:
        """Start the server and wait until it answers queries.

        Raises:
            RefusedError: It ended, or did not answer in time; with the end of its log.
        """
        if not self.server.running:
            await self.server.start()
        if not await _until(self._answers, START_S):
            raise RefusedError(f"PostgreSQL of {self._region.name} does not start: {_tail(self.server.log_file)}")

    async def detach(self, role: Role) -> int:
        """Stop streaming from the primary, whoever that is; then this standby confirms no commit any more.

        Args:
            role: The role with `following` None.

        Returns:
            Position in the log, in bytes, up to which everything is on this standby's disk.

        Raises:
            RefusedError: It is no standby that answers, or it still streams after `DETACH_S`.
        """
        self.server.configure(role)
        self.server.reload()
        async with await _connect(self._region) as connection:
            if not (await _one(connection, "SELECT pg_is_in_recovery()"))[0]:
                raise RefusedError(f"the database of {self._region.name} is a primary, not a standby")

            async def detached() -> bool:
                return bool((await _one(connection, "SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)"))[0])

            if not await _until(detached, DETACH_S):
                raise RefusedError(f"the database of {self._region.name} still streams after {DETACH_S} s")
            return int((await _one(connection, _STATE))[1])

    async def demote(self, role: Role) -> int:
        """Make a primary a standby that streams from nobody; a clean stop hands all to the standbys that are attached.

        One that dies while it stops loses nothing either: as a standby it first replays the whole of its own log
        (xlogrecovery.c: crash recovery up to the end of pg_wal comes before archive recovery).

        Args:
            role: The role with `following` None.

        Returns:
            Position in the log, in bytes, of its end: nothing is written after it.

        Raises:
            RefusedError: It does not start again.
        """
        if self.server.running and self.server.standby:
            return await self.detach(role)
        await self.stop(cleanly=True)
        self.server.configure(role)
        self.server.become_standby()
        await self.start()
        async with await _connect(self._region) as connection:
            return int((await _one(connection, _STATE))[1])

    async def promote(self, role: Role, epoch: int) -> None:
        """Make this the writable primary, its quorum set before; a stopped former primary is started as such.

        The fence row is committed locally: a standby may come to follow only after the promotion, and every later
        commit waits for one.

        Args:
            role: The role with `following` None and the voters.
            epoch: Written to the fence row.

        Raises:
            RefusedError: It is not writable after `PROMOTE_S`.
        """
        self.server.configure(role)
        self.server.reload()
        await self.start()
        async with await _connect(self._region) as connection:

            async def primary() -> bool:
                return not (await _one(connection, "SELECT pg_is_in_recovery()"))[0]

            if not await primary():
                # Without waiting: pg_promote's own wait looks only every 100 ms (xlogfuncs.c, WAITS_PER_SECOND).
                await connection.execute("SELECT pg_promote(false)")
            if not await _until(primary, PROMOTE_S):
                raise RefusedError(f"the database of {self._region.name} was not promoted within {PROMOTE_S} s")
            await connection.execute("SET synchronous_commit = local")
            await connection.execute("UPDATE fence SET epoch = %s WHERE epoch < %s", (epoch, epoch))

    async def follow(self, role: Role, primary: Region, evidence: Path) -> dict[str, Any]:
        """Make this a standby that streams from `primary`, by the least that does.

        Args:
            role: The role with `following` set.
            primary: Whom to follow; it must answer, else nothing is changed.
            evidence: Folder for the log that only this database has, kept before a rewind destroys it.

        Returns:
            `method`: repoint, rewind or basebackup; after the last two `diverged_commits`: how many transactions only
            this database had, and if any `only_here`: the first `LISTED` of them, `evidence`: the folder that has them
            all and their log; after the last `why_not_rewind`.

        Raises:
            RefusedError: The primary does not answer, or in the end this database does not stream.
        """
        history = await self._history(primary)
        if self.server.running and not self.server.standby:
            await self.stop()
        self.server.configure(role)
        if self.server.standby and await self._repoint(primary):
            return {
                "method": "repoint",
                **_listed(kept(evidence), evidence),
            }  # by an earlier call, not answered in time
        await self.stop()
        only_here = await keep(self._layout, self._region.data, history, evidence)
        done = await self._rebuild(primary)
        self.server.become_standby()
        await self.start()
        if not await self.streams(primary):
            raise RefusedError(f"{self._region.name} does not stream from {primary.name} after its {done['method']}")
        return {**done, "diverged_commits": 0, **_listed(only_here, evidence)}

    async def stop(self, *, cleanly: bool = False) -> None:
        """End the server; a primary by SIGQUIT, so that no waiting commit is let go, unless it is to hand over."""
        if self._watching is not None:
            await self._watching.close()
            self._watching = None
        await self.server.stop(cleanly=cleanly)

    async def streams(self, primary: Region, within_s: float = ATTACH_S) -> bool:
        """Whether both ends say, within so many seconds, that this database streams from `primary`.

        Each end alone can be a remnant: of a stream that has just ended, or of one that is refused at once.
        """
        deadline_s = _now_s() + within_s
        while True:
            try:
                async with await _connect(self._region) as here, await _connect(primary) as there:
                    return await _until(lambda: self._both_stream(here, there, primary), deadline_s - _now_s())
            except (RefusedError, psycopg.Error):
                if _now_s() > deadline_s:
                    return False
                await asyncio.sleep(POLL_S)

    async def _both_stream(self, here: Connection, there: Connection, primary: Region) -> bool:
        receives = await (await here.execute(_RECEIVES, (LOOPBACK, primary.postgres_port))).fetchone()
        sends = await (await there.execute(_STREAMS, (self._region.name,))).fetchone()
        return receives is not None and sends is not None

    async def _repoint(self, primary: Region) -> bool:
        if self.server.running:
            self.server.reload()
        else:
            await self.start()
        return await self.streams(primary, REPOINT_S)

    async def _rebuild(self, primary: Region) -> dict[str, str]:
        try:
            await self.server.rewind(primary)
        except ProgramError as error:
            why_not = str(error)
        else:
            return {"method": "rewind"}
        try:
            await self.server.copy_from(primary)
        except ProgramError as error:
            raise RefusedError(f"{self._region.name} can neither be rewound nor copied: {why_not}; {error}") from error
        return {"method": "basebackup", "why_not_rewind": why_not}

    async def _history(self, primary: Region) -> str:
        """The timeline history of `primary`; empty when it has none.

        Raises:
            RefusedError: It does not answer.
        """
        async with await _connect(primary) as connection:
            row = await (await connection.execute(_HISTORY)).fetchone()
            return str(row[0]) if row else ""

    async def _answers(self) -> bool:
        if not self.server.running:
            raise RefusedError(f"PostgreSQL of {self._region.name} ended: {_tail(self.server.log_file)}")
        try:
            async with await _connect(self._region):
                return True
        except RefusedError:
            return False

    async def _watch(self) -> Connection:
        if self._watching is None or self._watching.closed:
            self._watching = await _connect(self._region)
        return self._watching


async def _connect(region: Region) -> Connection:
    try:
        return await psycopg.AsyncConnection.connect(conninfo(region, "agent"), autocommit=True)
    except psycopg.OperationalError as error:
        raise RefusedError(f"the database of {region.name} does not answer: {str(error).strip()}") from error


async def _until(condition: Callable[[], Awaitable[bool]], within_s: float) -> bool:
    """Whether the condition came true within so many seconds."""
    deadline_s = _now_s() + within_s
    while not await condition():
        if _now_s() > deadline_s:
            return False
        await asyncio.sleep(POLL_S)
    return True


def _now_s() -> float:
    return asyncio.get_running_loop().time()


async def _one(connection: Connection, query: str) -> tuple[Any, ...]:
    row = await (await connection.execute(query)).fetchone()
    if row is None:
        raise psycopg.DataError(f"no row: {query}")
    return row


def _listed(only_here: tuple[OnlyHere, ...], evidence: Path) -> dict[str, Any]:
    if not only_here:
        return {}
    listed = [asdict(each) for each in only_here[:LISTED]]
    return {"diverged_commits": len(only_here), "only_here": listed, "evidence": str(evidence)}


def _tail(file: Path, characters: int = 500) -> str:
    return file.read_text(errors="replace")[-characters:].strip() if file.exists() else "no log"
