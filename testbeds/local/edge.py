"""The edge's agent, beside the one Envoy: `python -m testbeds.local.edge --layout FILE`.

It keeps its own highest epoch: traffic cannot be shifted by whoever holds an older lease.
"""

from __future__ import annotations

import argparse
import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

from aurops.errors import AuropsError, OutsideError, UsageError
from aurops.plan import CallUnknownError
from testbeds.local.commands import Answer, BadBodyError, Body, Commands, Epochs, RefusedError, choice, integer
from testbeds.local.layout import LOOPBACK, Layout, load
from testbeds.local.serving import end_with_parent, forever, serve
from testbeds.local.wiring import OUTSIDE, seen_from
from traffic.dialects import open_driver
from traffic.driver import Steering
from traffic.site import Kind, Side, Site

if TYPE_CHECKING:
    from traffic.driver import Active

CONNECT_TIMEOUT_S = 0.1
"""Loopback connects in well under 1 ms; what takes longer is a full backlog of frozen processes."""
ROUTE_TIMEOUT_S = 5.0
"""A request gives up after this: its outcome is then unknown (504)."""
DRAIN_S = 1.0
"""A request that takes longer is left to end as unknown to its client: who waits for it holds up all others."""


def site_of(place: Layout) -> Site:
    """The bed's proxy: regions as sides that stand for themselves, each request by itself."""
    regions = seen_from(place, OUTSIDE).regions
    sides = (Side(name=r.name, backends=tuple(f"{LOOPBACK}:{port}" for port in r.node_ports)) for r in regions)
    return Site(
        kind=Kind.ENVOY,
        folder=place.steering_folder,
        listens=f"{LOOPBACK}:{place.proxy_port}",
        admin=f"{LOOPBACK}:{place.admin_port}",
        sides=tuple(sides),
        sticky=None,
        timeout_s=ROUTE_TIMEOUT_S,
        connect_timeout_s=CONNECT_TIMEOUT_S,
    )


class Edge:
    """The edge's agent.

    Args:
        layout: The bed's.
    """

    def __init__(self, layout: Layout) -> None:
        self._epochs = Epochs(layout.steering_folder / "epoch")
        self._driver = open_driver(site_of(layout))
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
            active = await asyncio.to_thread(self._driver.observe)
        except OutsideError as error:
            return web.json_response({"error": str(error)}, status=503)
        under_way = {name: flow.under_way for name, flow in active.flows.items()}
        return web.json_response({"highest_epoch": self._epochs.highest, **_view(active), "under_way": under_way})

    async def shift(self, epoch: int, body: Body) -> Answer:
        """Steer by these weights, a region left out having none, and stamp this epoch."""
        weights = body.get("weights")
        if not isinstance(weights, dict):
            raise BadBodyError(f"weights is not an object: {weights!r}")
        for name in weights:
            choice(name, "weights", self._regions)
        wanted = {name: integer(weights, name, least=0) if name in weights else 0 for name in self._regions}
        try:
            steering = Steering(wanted, epoch)
            # Over whatever the file holds: no region stays without traffic because somebody edited a file.
            return _view(await asyncio.to_thread(self._driver.shift, steering, overwrite=True))
        except UsageError as error:
            raise BadBodyError(str(error)) from error
        except (AuropsError, CallUnknownError) as error:
            raise RefusedError(str(error)) from error

    async def drain(self, epoch: int, body: Body) -> Answer:
        """Wait until no request to this region is under way, for `DRAIN_S` at most; answers how many are."""
        region = choice(body.get("region"), "region", self._regions)
        try:
            drained = await asyncio.to_thread(self._driver.drain, region, epoch, spread_s=0.0, wait_s=DRAIN_S)
        except AuropsError as error:
            raise RefusedError(str(error)) from error
        return {"under_way": drained.left}


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
