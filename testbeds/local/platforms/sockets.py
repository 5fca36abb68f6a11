"""A platform's WebSockets: they answer pings, hear what is created, and are closed by command."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

SERVICE_RESTART = 1012
"""Close code for "come back at once, to another" (IANA WebSocket Close Code Number Registry)."""
BEHIND_MOST = 1000
"""Events that a socket may be behind; then events are left out for it."""


@dataclass(frozen=True, slots=True, eq=False)
class _Open:
    """One open WebSocket.

    Args:
        socket: It.
        queue: What it is still to be told.
        leave: Set when it is to be closed.
    """

    socket: web.WebSocketResponse
    queue: asyncio.Queue[str] = field(default_factory=lambda: asyncio.Queue(BEHIND_MOST))
    leave: asyncio.Event = field(default_factory=asyncio.Event)


class Sockets:
    """The open WebSockets of one platform.

    Args:
        side: The platform's name; each hello says it.
    """

    def __init__(self, side: str) -> None:
        self._side = side
        self._open: set[_Open] = set()
        self.accepted = 0
        self.closed_by_command = 0

    @property
    def count(self) -> int:
        """How many are open."""
        return len(self._open)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """One WebSocket, until either end closes it."""
        one = _Open(web.WebSocketResponse())
        await one.socket.prepare(request)
        self.accepted += 1
        self._open.add(one)
        _put(one.queue, json.dumps({"type": "hello", "side": self._side}))
        reading, leaving = asyncio.create_task(self._read(one)), asyncio.create_task(one.leave.wait())
        sending = asyncio.create_task(_send(one))
        try:
            await asyncio.wait((reading, leaving), return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                # By nobody but whoever reads: aiohttp then waits until the other side has read why, else it would not.
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
                await one.socket.close(code=SERVICE_RESTART, message=b"moved")
        finally:
            self._open.discard(one)
            for task in (reading, leaving, sending):
                task.cancel()
        return one.socket

    async def _read(self, one: _Open) -> None:
        async for message in one.socket:
            if message.type is WSMsgType.TEXT:
                _put(one.queue, self._answer(message.data))

    def _answer(self, text: str) -> str:
        try:
            asked = json.loads(text)
        except ValueError:
            asked = None
        if not isinstance(asked, dict) or asked.get("type") != "ping":
            return json.dumps({"type": "error", "message": 'send {"type": "ping", "n": …}'})
        return json.dumps({"type": "pong", "n": asked.get("n"), "side": self._side})

    def tell(self, kind: str, row: Any) -> None:
        """Tell every open socket what was created."""
        if self._open:
            text = json.dumps({"type": kind, "row": row})
            for one in self._open:
                _put(one.queue, text)

    async def drain(self, over_s: float) -> int:
        """Close all that are open now with 1012, evenly spread; returns how many, when the last is told.

        Args:
            over_s: From the first to the last, seconds ≥ 0.
        """
        leaving = [one for one in self._open if not one.leave.is_set()]
        for n, one in enumerate(leaving):
            if n:
                await asyncio.sleep(over_s / len(leaving))
            one.leave.set()
        self.closed_by_command += len(leaving)
        return len(leaving)


def _put(queue: asyncio.Queue[str], text: str) -> None:
    if not queue.full():
        queue.put_nowait(text)


async def _send(one: _Open) -> None:
    while not one.socket.closed:
        await one.socket.send_str(await one.queue.get())
