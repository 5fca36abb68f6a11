"""The edge's agent, beside the one Envoy: `python -m testbeds.local.edge --layout FILE`.

It keeps its own highest epoch: traffic cannot be shifted by whoever holds an older lease.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

import aiohttp
from aiohttp import web

from aurops.errors import OutsideError
from testbeds.local.commands import Answer, BadBodyError, Body, Commands, Epochs, RefusedError, choice, integer
from testbeds.local.layout import LOOPBACK, Layout, load
from testbeds.local.serving import end_with_parent, forever, serve
from traffic import envoy
from traffic.driver import Active, Steering

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

ACTIVE_S = 3.0
ANSWER_S = 1.0
DRAIN_S = 1.0
"""A request that takes longer is left to end as unknown to its client: who waits for it holds up all others."""
_DUMP = "config_dump?resource=dynamic_route_configs"
_STATS = "stats?format=json&filter=upstream_rq_(pending_)?active$"


class EnvoyDriver:
    """Steers one Envoy through its routes file, and believes only what Envoy says is active (`traffic.driver.Driver`).

    Args:
        routes_file: The file that Envoy watches.
        admin_url: Envoy's admin interface.
    """

    def __init__(self, routes_file: Path, admin_url: str) -> None:
        self._routes_file = routes_file
        self._admin_url = admin_url

    async def observe(self) -> Active:
        """The steering that Envoy has in effect.

        Raises:
            OutsideError: Envoy does not answer, or has no routes yet.
        """
        active = await self._ask(_DUMP, envoy.active)
        if active is None:
            raise OutsideError("Envoy has no routes yet.", where=self._admin_url)
        return active

    async def under_way(self, regions: tuple[str, ...]) -> dict[str, int]:
        """Requests per region that Envoy has no answer to yet.

        Raises:
            OutsideError: Envoy does not answer.
        """
        return await self._ask(_STATS, lambda text: envoy.under_way(text, regions))

    async def _ask(self, path: str, read: Callable[[str], T]) -> T:
        try:
            async with (
                aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER_S)) as session,
                session.get(f"{self._admin_url}/{path}") as answer,
            ):
                return read(await answer.text())
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise OutsideError(f"Envoy does not say how it steers: {error}", where=self._admin_url) from error

    async def shift(self, wanted: Steering) -> Active:
        """Have Envoy steer so; returns once it is in effect.

        Raises:
            OutsideError: Not within `ACTIVE_S`.
        """
        version = f"{wanted.epoch}-{uuid4().hex[:8]}"
        temporary = self._routes_file.with_name(f".{version}")
        temporary.write_text(envoy.routes(wanted, version))
        temporary.replace(self._routes_file)
        deadline_s = asyncio.get_running_loop().time() + ACTIVE_S
        while (active := await self.observe()).version != version:
            if asyncio.get_running_loop().time() > deadline_s:
                raise OutsideError(f"Envoy has not taken new routes within {ACTIVE_S} s.", where=str(self._routes_file))
            await asyncio.sleep(0.002)
        return active


class Edge:
    """The edge's agent.

    Args:
        layout: The bed's.
    """

    def __init__(self, layout: Layout) -> None:
        self._epochs = Epochs(layout.routes_file.parent.with_name("edge-epoch"))
        self._driver = EnvoyDriver(layout.routes_file, f"http://{LOOPBACK}:{layout.admin_port}")
        self._regions = tuple(region.name for region in layout.regions)

    def app(self) -> web.Application:
        """The edge's HTTP interface."""
        app = web.Application()
        app.add_routes([web.get("/observe", self.observe)])
        commands = Commands(self._epochs)
        app.add_routes([web.post("/shift", commands.handler(self.shift))])
        app.add_routes([web.post("/drain", commands.handler(self.drain))])
        return app

    async def observe(self, _request: web.Request) -> web.Response:
        """The weights in effect, the epoch stamped, Envoy's name for them, and the requests under way per region."""
        try:
            active, under_way = await asyncio.gather(self._driver.observe(), self._driver.under_way(self._regions))
            view = {"highest_epoch": self._epochs.highest, **_view(active), "under_way": under_way}
            return web.json_response(view)
        except OutsideError as error:
            return web.json_response({"error": str(error)}, status=503)

    async def shift(self, epoch: int, body: Body) -> Answer:
        """Steer by these weights, a region left out having none, and stamp this epoch."""
        weights = body.get("weights")
        if not isinstance(weights, dict):
            raise BadBodyError(f"weights is not an object: {weights!r}")
        for name in weights:
            choice(name, "weights", self._regions)
        wanted = {name: integer(weights, name, least=0) if name in weights else 0 for name in self._regions}
        try:
            return _view(await self._driver.shift(Steering(wanted, epoch)))
        except OutsideError as error:
            raise RefusedError(str(error)) from error

    async def drain(self, _epoch: int, body: Body) -> Answer:
        """Wait until no request to this region is under way, for `DRAIN_S` at most; answers how many are."""
        region = choice(body.get("region"), "region", self._regions)
        deadline_s = asyncio.get_running_loop().time() + DRAIN_S
        while left := (await self._under_way())[region]:
            if asyncio.get_running_loop().time() > deadline_s:
                break
            await asyncio.sleep(0.005)
        return {"under_way": left}

    async def _under_way(self) -> dict[str, int]:
        try:
            return await self._driver.under_way(self._regions)
        except OutsideError as error:
            raise RefusedError(str(error)) from error


def _view(active: Active) -> Answer:
    return {
        "weights": dict(active.steering.weights),
        "stamp_epoch": active.steering.epoch,
        "active_version": active.version,
    }


async def main() -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layout", required=True)
    end_with_parent()
    layout = load(parser.parse_args().layout)
    await serve(Edge(layout).app(), layout.edge_port)
    await forever()


if __name__ == "__main__":
    asyncio.run(main())
