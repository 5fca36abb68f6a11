"""WebSockets of clients that stay open throughout a rehearsal: who closed them, and where they came back to."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import aiohttp

from migration.model import NEW
from testbeds.local.platforms.sockets import SERVICE_RESTART

if TYPE_CHECKING:
    from collections.abc import Iterable

_AGAIN_S = 0.2


@dataclass
class Seen:
    """What became of a proxy's sockets.

    Args:
        opened: So many were to stay open.
        closed: Closed with 1012, as a drain does, and come back.
        dropped: Ended otherwise, or could not come about.
        at_v11: So many are at V11 at the end.
    """

    opened: int
    closed: int = 0
    dropped: int = 0
    at_v11: int = 0

    @property
    def said(self) -> str:
        """In words."""
        return (
            f"{self.opened} WebSockets: {self.dropped} dropped, {self.closed} closed by the drain, {self.at_v11} at V11"
        )


@dataclass
class Sockets:
    """Holds sockets open at a proxy; a context manager.

    Args:
        url: Where they begin, ws://….
        users: Whose they are, one each.
    """

    url: str
    users: Iterable[str]
    sides: dict[str, str] = field(default_factory=dict)
    """Where each user's socket is now."""

    def __post_init__(self) -> None:
        self.users = tuple(self.users)
        self.seen = Seen(len(self.users))
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._all(),), name="sockets")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> Seen:
        """Close all; what became of them."""
        if self._thread.is_alive():
            self.seen.at_v11 = sum(side == NEW for side in self.sides.values())
            self._loop.call_soon_threadsafe(self._over.set)
            self._thread.join()
            self._loop.close()
        return self.seen

    async def _all(self) -> None:
        async with aiohttp.ClientSession() as session:
            holding = [asyncio.create_task(self._hold(session, user)) for user in self.users]
            await self._over.wait()
            for each in holding:
                each.cancel()
            await asyncio.gather(*holding, return_exceptions=True)

    async def _hold(self, session: aiohttp.ClientSession, user: str) -> None:
        while True:
            try:
                async with session.ws_connect(self.url, headers={"x-user-id": user}) as one:
                    async for message in one:
                        if (said := message.json())["type"] == "hello":
                            self.sides[user] = said["side"]
                    self._note(one.close_code == SERVICE_RESTART)
            except (aiohttp.ClientError, OSError):
                self._note(is_drain=False)
            self.sides.pop(user, None)
            await asyncio.sleep(_AGAIN_S)

    def _note(self, is_drain: bool) -> None:  # noqa: FBT001 (how it ended)
        if is_drain:
            self.seen.closed += 1
        else:
            self.seen.dropped += 1
