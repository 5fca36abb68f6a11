"""The gate that asks PostgreSQL."""

from __future__ import annotations

import math
import os
import socket
import threading
from contextlib import contextmanager, suppress
from decimal import Decimal
from importlib.util import find_spec
from typing import TYPE_CHECKING

from aurops.gates.finding import Finding, State
from aurops.gates.seen import found, unseen
from aurops.plan import Observation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    import psycopg

    from aurops.clock import Clock
    from aurops.gates.quantity import SqlQuery
    from aurops.gates.spec import SqlCheck

HOW_TO_GET = "uv sync --group local, or pip install 'psycopg[binary]'"
_MOST_CHARS = 300
_SERVER_SAYS_S = 0.5
"""A server that runs ends the statement itself when the time is over, and says so: it gets so long for that."""


def available() -> bool:
    """Whether psycopg is installed."""
    return find_spec("psycopg") is not None


def look(check: SqlQuery, clock: Clock) -> Observation[float]:
    """Ask once, in a read-only transaction. A server that stands still is hung up on when the time is over."""
    at_s, dsn = clock.now_s(), os.environ.get(check.dsn_env, "")
    if not dsn:
        return Observation(None, at_s, check.dsn_env, f"{check.dsn_env} is not set here")
    if not available():
        return Observation(None, at_s, check.dsn_env, f"psycopg is not installed: {HOW_TO_GET}")
    import psycopg  # noqa: PLC0415 (in the group `local`: only who asks a database needs it)

    is_over = threading.Event()
    try:
        connection = psycopg.connect(dsn, connect_timeout=max(2, round(check.timeout_s)))
        # Around the connection's own block, which ends with a commit that is answered or not, too.
        with _hung_up_on(connection, at_s + check.timeout_s + _SERVER_SAYS_S - clock.now_s(), is_over), connection:
            connection.read_only = True
            limit_ms = str(round(check.timeout_s * 1000))
            connection.execute("select set_config('statement_timeout', %s, true)", (limit_ms,))
            cursor = connection.execute(check.query.encode())
            rows = cursor.fetchmany(2) if cursor.description else []
    except psycopg.Error as error:
        if is_over.is_set():
            return Observation(None, at_s, check.dsn_env, f"no whole answer within {check.timeout_s:g} s")
        said = " ".join(str(error).split()) or type(error).__name__
        return Observation(None, at_s, check.dsn_env, said[:_MOST_CHARS])
    return _number(rows, at_s, check.dsn_env)


@contextmanager
def _hung_up_on(connection: psycopg.Connection, after_s: float, is_over: threading.Event) -> Iterator[None]:
    """Shut the connection's socket when the time is over: libpq has no limit of its own for an answer.

    The server's `statement_timeout` is a limit only while the server runs.
    """
    line = socket.socket(fileno=os.dup(connection.fileno()))

    def hang_up() -> None:
        is_over.set()
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(max(0.0, after_s), hang_up)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        line.close()


def _number(rows: list[tuple[object, ...]], at_s: float, observer: str) -> Observation[float]:
    if len(rows) != 1 or len(rows[0]) != 1:
        shape = "no row" if not rows else f"{'more than one row' if len(rows) > 1 else 'one row'} of {len(rows[0])}"
        return Observation(None, at_s, observer, f"the query gives {shape}, not one row of one column")
    value = rows[0][0]
    if not isinstance(value, int | float | Decimal):
        return Observation(None, at_s, observer, f"the query gives {'NULL' if value is None else repr(value)}")
    return Observation(float(value), at_s, observer)


def judge(check: SqlCheck, seen: Observation[float], now: datetime) -> Finding:
    """Whether the number opens the gate. Pure."""
    if seen.value is None:
        return unseen(check, seen, now)
    broken, evidence = check.value.broken_by(seen.value), {"query": check.query, "value": repr(seen.value)}
    if math.isnan(seen.value):
        return found(check, State.UNKNOWN, "the query gives NaN", now, evidence)
    return found(check, State.CLOSED if broken else State.OPEN, broken or f"{seen.value:g}", now, evidence)
