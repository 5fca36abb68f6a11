"""A side of the traffic bed that counts what it executes: `python -m testbeds.local.steering.server --port P …`.

HTTP/1.1, as little of it as a proxy needs: the load of a million requests shares two cores with it.

| request | answer |
|---|---|
| `POST /writes/N` | after the delay N is executed, once more each time: 200 |
| `POST /writes/N` with `idempotency-key` | the same, unless the tally of keys has N already: 200 |
| `GET /reads/N` | 200 after the delay |
| `GET /health` | 200 at once |
| `GET /socket`, WebSocket | says back what it is told |
| `GET /sockets` | how many WebSockets ever came about |
| `POST /drain` `{"over_s": S}` | begins to close the sockets with 1012, spread over S seconds; says how many are open |
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING

from testbeds.local.layout import LOOPBACK
from testbeds.local.serving import end_with_parent, forever
from testbeds.local.steering import websocket
from testbeds.local.steering.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_KEYED = re.compile(rb"\r\nidempotency-key:", re.IGNORECASE)
_OK = b"HTTP/1.1 200 OK\r\ncontent-length: "
_WRITES = frozenset((b"POST", b"PUT", b"PATCH", b"DELETE"))
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


class Side:
    """What all connections of one server share.

    Args:
        executed: How often each request was executed here.
        keyed: The requests whose idempotency key was used, by whoever shares the file; None: keys mean nothing.
        delay_s: How long a request takes.
    """

    def __init__(self, executed: Tally, keyed: Tally | None, delay_s: float) -> None:
        self.delay_s = delay_s
        self.sockets: set[Connection] = set()
        self.opened = 0
        self._executed = executed
        self._keyed = keyed

    def execute(self, number: int, *, keyed: bool) -> None:
        """Commit a write."""
        if keyed and self._keyed is not None:
            if self._keyed[number]:
                return
            self._keyed[number] = 1
        self._executed.add(number)

    def drain(self, spread_s: float) -> int:
        """Begin to close every socket that is open now and not being closed already; how many are open."""
        loop = asyncio.get_running_loop()
        for each in self.sockets:
            if not each.closing:
                each.closing = True
                loop.call_later(random.uniform(0, spread_s), each.close_socket)  # noqa: S311 - a spread, no secret
        return len(self.sockets)


class Connection(asyncio.Protocol):
    """One connection, and its WebSocket once it was upgraded."""

    def __init__(self, side: Side) -> None:
        self.closing = False
        self._side = side
        self._buffer = b""
        self._upgraded = False
        self._transport: asyncio.WriteTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Somebody connects."""
        if isinstance(transport, asyncio.WriteTransport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        """It is over."""
        self._side.sockets.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        """Part of a request or of a frame."""
        self._buffer += data
        while self._buffer and (self._take_frame() if self._upgraded else self._take_request()):
            pass

    def close_socket(self) -> None:
        """Say that the service restarts, if the socket is still open; the other side hangs up."""
        self._write(websocket.close(websocket.SERVICE_RESTART))

    def _take_request(self) -> bool:
        end = self._buffer.find(_END)
        if end < 0:
            return False
        head = self._buffer[: end + 2]
        found = _LENGTH.search(head)
        whole = end + len(_END) + (int(found[1]) if found else 0)
        if len(self._buffer) < whole:
            return False
        body, self._buffer = self._buffer[end + len(_END) : whole], self._buffer[whole:]
        self._answer(head, body)
        return True

    def _take_frame(self) -> bool:
        frame, self._buffer = websocket.take(self._buffer)
        if frame is None:
            return False
        if frame.opcode == websocket.CLOSE and self._transport is not None:
            self._transport.close()
        elif frame.opcode == websocket.TEXT:
            self._write(websocket.text(frame.payload))
        return True

    def _answer(self, head: bytes, body: bytes) -> None:
        method, path, _ = head.split(b" ", 2)
        if path.startswith(b"/writes/") and method in _WRITES:
            number, keyed = int(path[8:]), _KEYED.search(head) is not None
            self._later(lambda: self._executed(number, keyed=keyed))
        elif path.startswith(b"/reads/"):
            self._later(lambda: self._say(path[7:]))
        elif path == b"/socket":
            self._write(websocket.accepted(head))
            self._upgraded = True
            self._side.sockets.add(self)
            self._side.opened += 1
        elif path == b"/sockets":
            self._say(b"%d" % self._side.opened)
        elif path == b"/drain":
            self._say(b"%d" % self._side.drain(float(json.loads(body)["over_s"])))
        elif path == b"/health":
            self._say(b"ok")
        else:
            self._write(_NOT_FOUND)

    def _later(self, act: Callable[[], None]) -> None:
        if self._side.delay_s:
            asyncio.get_running_loop().call_later(self._side.delay_s, act)
        else:
            act()

    def _executed(self, number: int, *, keyed: bool) -> None:
        self._side.execute(number, keyed=keyed)
        self._say(b"%d" % number)

    def _say(self, body: bytes) -> None:
        self._write(b"%s%d%s%s" % (_OK, len(body), _END, body))

    def _write(self, data: bytes) -> None:
        if self._transport is not None:
            self._transport.write(data)


async def main() -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(description="A side of the traffic bed.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--executed", type=Path, required=True, help="tally of what is executed here")
    parser.add_argument("--keyed", type=Path, help="tally of idempotency keys")
    parser.add_argument("--delay-ms", type=float, default=0.0)
    asked = parser.parse_args()
    end_with_parent()
    side = Side(Tally(asked.executed), Tally(asked.keyed) if asked.keyed else None, asked.delay_ms / 1000)
    await asyncio.get_running_loop().create_server(lambda: Connection(side), LOOPBACK, asked.port, backlog=512)
    await forever()


if __name__ == "__main__":
    asyncio.run(main())
