"""Closed-loop load on keep-alive connections, every request with an outcome.

    python -m testbeds.local.steering.load --port PORT --ledger FILE --answered FILE --sides v11,v10 --result FILE

Each connection sends its next request when it has the answer to the last one, and none is ever sent again. WebSockets
stay open all the time, say something ten times a second and want to hear it back; closed by the service with a code,
they come back as a client should. Writes a `Result` when all requests have an outcome, or on SIGTERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import signal
from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from itertools import count
from pathlib import Path

from testbeds.local.layout import LOOPBACK
from testbeds.local.steering import websocket
from testbeds.local.steering.tally import Tally

USERS = 3_000
_SAYS_EACH_S = 0.1
_BACK_WITHIN_S = 0.2
_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_SIDE = re.compile(rb"\r\nx-aurops-side: *([^\r]+)", re.IGNORECASE)
_HANGS_UP = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_OK = b"200"


class Kind(StrEnum):
    """What is asked."""

    POST = "post"
    GET = "get"
    KEYED = "keyed"
    """A POST with an idempotency key."""


class Outcome(IntEnum):
    """What is known of a request, by its client."""

    NOT_SENT = 0
    UNDER_WAY = 1
    ACKNOWLEDGED = 2
    REFUSED = 3
    """An answer that is not 200."""
    BROKEN = 4
    """The connection ended without an answer."""


@dataclass
class Result:
    """What the whole load saw.

    Args:
        outcomes: Requests by kind and outcome, as `kind outcome`.
        statuses: Answers other than 200, by status.
        longest_silence_s: The longest time without an acknowledgement.
        seconds: From the first request to the last answer.
        opened: WebSockets that came about, those that came back included.
        dropped: WebSockets that ended without a close frame, or did not come about.
        closed: WebSockets that the service closed, by close code.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    statuses: Counter[str] = field(default_factory=Counter)
    longest_silence_s: float = 0.0
    seconds: float = 0.0
    opened: int = 0
    dropped: int = 0
    closed: Counter[str] = field(default_factory=Counter)


class Load:
    """What all connections share.

    Args:
        port: The proxy's.
        kinds: Request N is of kind N modulo their number.
        ledger: The outcome of each request; its length is how many are sent.
        answered: Which side gave each answer: its place in `sides`, from 1 on; 0 unknown.
        sides: Their names.
    """

    def __init__(self, port: int, kinds: tuple[Kind, ...], ledger: Tally, answered: Tally, sides: list[str]) -> None:
        self.port = port
        self.result = Result()
        self.ended = asyncio.Event()
        self._kinds = kinds
        self._ledger = ledger
        self._answered = answered
        self._sides = {name.encode(): place for place, name in enumerate(sides, start=1)}
        self._next = 0
        self._loop = asyncio.get_running_loop()
        self._begun_s = self._heard_s = self._loop.time()

    @property
    def exhausted(self) -> bool:
        """Whether nothing more is to be sent."""
        return self._next >= len(self._ledger) or self.ended.is_set()

    def take(self) -> tuple[int, bytes] | None:
        """The next request's number and bytes; None when nothing more is to be sent."""
        if self.exhausted:
            return None
        number, self._next = self._next, self._next + 1
        self._ledger[number] = Outcome.UNDER_WAY
        return number, _request(number, self._kinds[number % len(self._kinds)])

    def note(self, number: int, head: bytes | None) -> None:
        """How a request ended: the head of its answer, or None for none."""
        outcome = Outcome.BROKEN
        if head is not None:
            status = head[9:12]
            outcome = Outcome.ACKNOWLEDGED if status == _OK else Outcome.REFUSED
            found = _SIDE.search(head)
            self._answered[number] = self._sides.get(found[1], 0) if found else 0
            if outcome is Outcome.REFUSED:
                self.result.statuses[status.decode()] += 1
        self._ledger[number] = outcome
        self.result.outcomes[f"{self._kinds[number % len(self._kinds)]} {outcome.name.lower()}"] += 1
        if outcome is Outcome.ACKNOWLEDGED:
            now_s = self._loop.time()
            self.result.longest_silence_s = max(self.result.longest_silence_s, now_s - self._heard_s)
            self._heard_s = now_s

    def finish(self) -> Result:
        """All of it."""
        self.result.seconds = self._loop.time() - self._begun_s
        return self.result


class Connection(asyncio.Protocol):
    """One keep-alive connection: one request at a time."""

    def __init__(self, load: Load) -> None:
        self.over = asyncio.get_running_loop().create_future()
        self._load = load
        self._number: int | None = None
        self._buffer = b""
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """What was asked last has no answer."""
        if self._number is not None:
            self._load.note(self._number, None)
        self.over.set_result(None)

    def data_received(self, data: bytes) -> None:
        """Part of an answer, mostly all of it."""
        self._buffer += data
        end = self._buffer.find(_END)
        if end < 0 or self._number is None or self._transport is None:
            return
        head = self._buffer[: end + 2]
        found = _LENGTH.search(head)
        if len(self._buffer) < end + len(_END) + (int(found[1]) if found else 0):
            return
        self._buffer = b""
        self._load.note(self._number, head)
        self._number = None
        if _HANGS_UP.search(head):
            self._transport.close()
        else:
            self._send()

    def _send(self) -> None:
        wanted = self._load.take()
        if self._transport is None:
            return
        if wanted is None:
            self._transport.close()
            return
        self._number, request = wanted
        self._transport.write(request)


def _request(number: int, kind: Kind) -> bytes:
    user = f"host: ledger\r\nx-user-id: user-{number % USERS}\r\n"
    if kind is Kind.GET:
        return f"GET /reads/{number} HTTP/1.1\r\n{user}\r\n".encode()
    key = f"idempotency-key: {number}\r\n" if kind is Kind.KEYED else ""
    return f"POST /writes/{number} HTTP/1.1\r\n{user}{key}content-length: 2\r\n\r\n{{}}".encode()


async def _connect(load: Load) -> None:
    """One connection after the other, until nothing more is to be sent."""
    while not load.exhausted:
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                lambda: Connection(load), LOOPBACK, load.port
            )
        except OSError:
            await asyncio.sleep(0.01)
        else:
            await connection.over


async def _keep_socket(load: Load, user: str) -> None:
    """One WebSocket after the other, until the load ends."""
    while not load.ended.is_set():
        code = await _open_socket(load, user)
        if load.ended.is_set():
            return
        if code is None:
            load.result.dropped += 1
        else:
            load.result.closed[str(code)] += 1
        await asyncio.sleep(random.uniform(0, _BACK_WITHIN_S))  # noqa: S311 - a spread, no secret


async def _open_socket(load: Load, user: str) -> int | None:
    """Open one and talk; the code with which it was closed, None when it was not closed but ended."""
    writer = None
    try:
        reader, writer = await asyncio.open_connection(LOOPBACK, load.port)
        writer.write(websocket.asked("/socket", "ledger", user))
        head = await reader.readuntil(_END)
        if not head.startswith(b"HTTP/1.1 101"):
            return None
        load.result.opened += 1
        return await _talk(load, reader, writer)
    except (OSError, asyncio.IncompleteReadError):
        return None
    finally:
        if writer is not None:
            writer.close()


async def _talk(load: Load, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int | None:
    for number in count():
        if load.ended.is_set():
            break
        said = str(number).encode()
        writer.write(websocket.text(said, masked=True))
        while (frame := await _frame(reader)).payload != said:
            if frame.opcode == websocket.CLOSE:
                writer.write(websocket.close(frame.code, masked=True))
                return frame.code
        await asyncio.sleep(_SAYS_EACH_S)
    return None


async def _frame(reader: asyncio.StreamReader) -> websocket.Frame:
    head = await reader.readexactly(2)
    frame, _ = websocket.take(head + await reader.readexactly(head[1]))  # a server masks nothing
    if frame is None:
        raise asyncio.IncompleteReadError(head, None)
    return frame


async def run(asked: argparse.Namespace) -> Result:
    """Send all of it."""
    kinds = tuple(Kind(each) for each in asked.kinds.split(","))
    load = Load(asked.port, kinds, Tally(asked.ledger), Tally(asked.answered), asked.sides.split(","))
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, load.ended.set)
    sockets = [asyncio.create_task(_keep_socket(load, f"socket-{n}")) for n in range(asked.sockets)]
    await asyncio.gather(*(_connect(load) for _ in range(asked.connections)))
    result = load.finish()
    if asked.until_told:
        await load.ended.wait()
    load.ended.set()
    await asyncio.gather(*sockets)
    return result


def main() -> None:
    """Read the arguments, send the load, write what came of it."""
    parser = argparse.ArgumentParser(description="Closed-loop load with an outcome for every request.")
    parser.add_argument("--port", type=int, required=True, help="the proxy")
    parser.add_argument("--ledger", type=Path, required=True, help="tally of outcomes; as many requests are sent")
    parser.add_argument("--answered", type=Path, required=True, help="tally of the sides that answered")
    parser.add_argument("--sides", required=True, help="their names, by commas")
    parser.add_argument("--kinds", default="post", help=f"by commas, of {', '.join(Kind)}; taken in turn")
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--sockets", type=int, default=8)
    parser.add_argument("--until-told", action="store_true", help="keep the WebSockets open until SIGTERM")
    parser.add_argument("--result", type=Path, required=True, help="what came of it is written here, as JSON")
    asked = parser.parse_args()
    asked.result.write_text(json.dumps(vars(asyncio.run(run(asked)))))


if __name__ == "__main__":
    main()
