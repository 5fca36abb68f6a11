"""Serves a bed's links, and cuts them: `python -m testbeds.local.links --layout FILE`.

A cut holds bytes and connections, it loses none: as with TCP over a dead network, both ends see open connections on
which nothing comes, and what was sent arrives, late, when the cut is healed. A connection that is begun during a cut
would never have come about: it is held, and closed when the cut is healed.

POST /cut {"cuts": [{"port": P, "way": "both|there|back"}]} replaces what is cut; GET /state says what is, and how many
bytes and connections wait. An empty list heals.
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING

from aiohttp import web

from testbeds.local.commands import BadBodyError, choice, integer, parse
from testbeds.local.layout import LOOPBACK, Link, load
from testbeds.local.serving import end_with_parent, forever, serve

if TYPE_CHECKING:
    from collections.abc import Mapping

_CHUNK_BYTES = 65536


class Way(StrEnum):
    """Which direction of a link is cut."""

    BOTH = "both"
    THERE = "there"
    """What the one who connected sends."""
    BACK = "back"
    """What is answered."""


class Valve:
    """Lets bytes of one direction pass, or holds them."""

    def __init__(self) -> None:
        self._open = asyncio.Event()
        self._open.set()
        self.held_bytes = 0

    @property
    def is_open(self) -> bool:
        """Whether bytes pass."""
        return self._open.is_set()

    def set(self, *, is_open: bool) -> None:
        """Open or close it."""
        if is_open:
            self._open.set()
        else:
            self._open.clear()

    async def passes(self, count_bytes: int) -> None:
        """Return when so many bytes may pass."""
        self.held_bytes += count_bytes
        try:
            await self._open.wait()
        finally:
            self.held_bytes -= count_bytes


class Served:
    """One link.

    Args:
        link: From where to where.
    """

    def __init__(self, link: Link) -> None:
        self.link = link
        self.there, self.back = Valve(), Valve()
        self.waiting = 0

    async def start(self) -> None:
        """Listen; returns once connections are accepted."""
        await asyncio.start_server(self._connected, LOOPBACK, self.link.port, backlog=512, limit=_CHUNK_BYTES)

    def cut(self, way: Way | None) -> None:
        """Cut it in this way; None heals."""
        self.there.set(is_open=way not in (Way.BOTH, Way.THERE))
        self.back.set(is_open=way not in (Way.BOTH, Way.BACK))

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not (self.there.is_open and self.back.is_open):
            await self._never_came_about()
        else:
            with suppress(OSError):
                far_reader, far_writer = await asyncio.open_connection(LOOPBACK, self.link.to_port, limit=_CHUNK_BYTES)
                await asyncio.gather(
                    _pump(reader, far_writer, self.there), _pump(far_reader, writer, self.back), return_exceptions=True
                )
                far_writer.close()
        writer.close()

    async def _never_came_about(self) -> None:
        self.waiting += 1
        try:
            await self.there.passes(0)
            await self.back.passes(0)
        finally:
            self.waiting -= 1


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, valve: Valve) -> None:
    """Hand on what comes, and its end."""
    try:
        while data := await reader.read(_CHUNK_BYTES):
            await valve.passes(len(data))
            writer.write(data)
            await writer.drain()
        await valve.passes(0)
        writer.write_eof()
    except OSError:
        await valve.passes(0)
        writer.transport.abort()  # a reset is handed on as one, in both directions


class Links:
    """All links of a bed, with their control interface.

    Args:
        links: From where to where.
    """

    def __init__(self, links: tuple[Link, ...]) -> None:
        self._served = {link.port: Served(link) for link in links}
        self._cut: Mapping[int, Way] = {}

    async def start(self) -> None:
        """Serve every link."""
        for served in self._served.values():
            await served.start()

    def app(self) -> web.Application:
        """The control interface."""
        app = web.Application()
        app.add_routes([web.post("/cut", self.cut), web.get("/state", self.state)])
        return app

    async def cut(self, request: web.Request) -> web.Response:
        """Cut exactly these links, and heal all others."""
        try:
            wanted = self._wanted(await request.read())
        except BadBodyError as error:
            return web.json_response({"error": str(error)}, status=400)
        for port, served in self._served.items():
            served.cut(wanted.get(port))
        self._cut = wanted
        return await self.state(request)

    def _wanted(self, raw: bytes) -> dict[int, Way]:
        cuts = parse(raw).get("cuts")
        if not isinstance(cuts, list) or not all(isinstance(cut, dict) for cut in cuts):
            raise BadBodyError(f"cuts is not a list of objects: {cuts!r}")
        wanted = {integer(cut, "port", least=1): Way(choice(cut.get("way"), "way", tuple(Way))) for cut in cuts}
        if unknown := set(wanted) - set(self._served):
            raise BadBodyError(f"no link listens on {sorted(unknown)}")
        return wanted

    async def state(self, _request: web.Request) -> web.Response:
        """What is cut, and what waits."""
        held_bytes = sum(one.there.held_bytes + one.back.held_bytes for one in self._served.values())
        waiting = sum(one.waiting for one in self._served.values())
        return web.json_response({"cut": self._cut, "held_bytes": held_bytes, "waiting": waiting})


async def main() -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layout", required=True)
    end_with_parent()
    wiring = load(parser.parse_args().layout).wiring
    if wiring is None:
        raise SystemExit("this bed has no links")
    links = Links(wiring.links)
    await links.start()
    await serve(links.app(), wiring.control_port)
    await forever()


if __name__ == "__main__":
    asyncio.run(main())
