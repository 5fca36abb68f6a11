"""What the bed asks a platform beside its service, on a port of its own.

GET /executions: how often each request that had an `x-request-id` was executed, as JSON; GET /sockets: how many
WebSockets are open, were ever accepted, were closed by command; POST /drain {"over_s"}: close the open with 1012.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from testbeds.local.commands import parse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from testbeds.local.platforms.sockets import Sockets

SOCKET_PATH = "/v1/events"
"""Where a platform's WebSockets begin."""


def app(executions: Callable[[], Awaitable[dict[str, int]]], sockets: Sockets) -> web.Application:
    """The control interface.

    Args:
        executions: Counts them.
        sockets: The platform's.
    """

    async def count(_request: web.Request) -> web.Response:
        return web.json_response(await executions())

    async def look(_request: web.Request) -> web.Response:
        seen = {"open": sockets.count, "accepted": sockets.accepted, "closed_by_command": sockets.closed_by_command}
        return web.json_response(seen)

    async def drain(request: web.Request) -> web.Response:
        over_s = float(parse(await request.read()).get("over_s", 0))
        return web.json_response({"closed": await sockets.drain(over_s)})

    control = web.Application()
    control.add_routes([web.get("/executions", count), web.get("/sockets", look), web.post("/drain", drain)])
    return control
