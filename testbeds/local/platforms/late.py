"""A V11 and a REST that take exactly so long: `python -m testbeds.local.platforms.late PORT DELAY_MS`.

Every gRPC call gets the same transaction, every other request the same as JSON, `DELAY_MS` after its last byte. For
measuring what stands before it: timers finer than the milliseconds of epoll (select(2) takes microseconds), and so
little work that it is never what one waits for. For nothing else: it answers every stream alike, so it reads no
headers, and it relies on clients that give its window back in time, as gRPC's and Envoy do.
"""

from __future__ import annotations

import asyncio
import json
import selectors
import sys

from google.protobuf import json_format

from testbeds.local.layout import LOOPBACK
from testbeds.local.platforms.v11 import messages

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, PING, WINDOW_UPDATE = 0, 1, 4, 6, 8
ACK = END_STREAM = 1
END_HEADERS = 4
FRAME = 9
WINDOW = (2**31 - 1 - 65_535).to_bytes(4, "big")
"""What the connection's window grows by at its start: to all that it can be (RFC 9113, 6.9.1)."""
_TRANSACTION = {"id": "bench", "sender": "a", "recipient": "b", "asset_id": "gold", "amount": 2**53 + 1}


def _frame(kind: int, flags: int, stream: bytes, payload: bytes = b"") -> bytes:
    return len(payload).to_bytes(3, "big") + bytes((kind, flags)) + stream + payload


def _literal(name: str, value: str) -> bytes:
    """A header as HPACK has it without any table (RFC 7541, 6.2.2)."""
    return bytes((0, len(name))) + name.encode() + bytes((len(value),)) + value.encode()


_NONE = bytes(4)
_STATUS_200 = b"\x88"
_HEAD = _STATUS_200 + _literal("content-type", "application/grpc")
_TAIL = _literal("grpc-status", "0")


class Late(asyncio.Protocol):
    """One connection, HTTP/1.1 or HTTP/2.

    Args:
        delay_s: How long an answer takes.
        rest: The answer to HTTP/1.1.
        message: The answer to a call, with its length before it.
    """

    def __init__(self, delay_s: float, rest: bytes, message: bytes) -> None:
        self._delay_s, self._rest, self._message = delay_s, rest, message
        self._later = asyncio.get_running_loop().call_later
        self._held = b""
        self._http2 = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it."""
        if not isinstance(transport, asyncio.Transport):
            raise TypeError(transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer what is whole."""
        held = self._held + data
        if not self._http2 and held.startswith(PREFACE):
            self._http2, held = True, held[len(PREFACE) :]
            self._write(_frame(SETTINGS, 0, _NONE) + _frame(WINDOW_UPDATE, 0, _NONE, WINDOW))
        self._held = self._frames(held) if self._http2 else self._requests(held)

    def _requests(self, held: bytes) -> bytes:
        """Requests without bodies."""
        while (end := held.find(b"\r\n\r\n")) >= 0 and not PREFACE.startswith(held[: end + 4]):
            held = held[end + 4 :]
            self._later(self._delay_s, self._write, self._rest)
        return held

    def _frames(self, held: bytes) -> bytes:
        while len(held) >= FRAME and len(held) >= (end := FRAME + int.from_bytes(held[:3], "big")):
            kind, flags, stream = held[3], held[4], held[5:FRAME]
            if kind in {DATA, HEADERS} and flags & END_STREAM:
                self._later(self._delay_s, self._answer, stream)
            elif kind in {SETTINGS, PING} and not flags & ACK:
                self._write(_frame(kind, ACK, stream, held[FRAME:end] if kind == PING else b""))
            held = held[end:]
        return held

    def _answer(self, stream: bytes) -> None:
        head = _frame(HEADERS, END_HEADERS, stream, _HEAD)
        tail = _frame(HEADERS, END_HEADERS | END_STREAM, stream, _TAIL)
        self._write(head + _frame(DATA, 0, stream, self._message) + tail)

    def _write(self, said: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(said)


async def _serve(port: int, delay_s: float) -> None:
    made = messages()["Transaction"](**_TRANSACTION, memo="a memo", created_at_ms=1_700_000_000_000)
    text = json.dumps(json_format.MessageToDict(made, always_print_fields_with_no_presence=True)).encode()
    rest = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(text) + text
    said = made.SerializeToString()
    message = b"\0" + len(said).to_bytes(4, "big") + said  # gRPC's length-prefixed message
    server = await asyncio.get_running_loop().create_server(
        lambda: Late(delay_s, rest, message), LOOPBACK, port, backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        runner.run(_serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))
