"""A region's agent: `python -m testbeds.local.agent --layout FILE --region R`.

It is the region's init: it alone starts and stops the region's PostgreSQL, Valkey and nodes. It ends with the
supervisor that started it; a new one (the power is back) starts nothing that could write.

Commands carry an epoch (testbeds.local.commands). Observing waits for no command.
"""

from __future__ import annotations

import argparse
import asyncio
from dataclasses import asdict
from pathlib import Path

import psycopg
from aiohttp import web

from testbeds.local.cache import Cache
from testbeds.local.commands import Act, Answer, BadBodyError, Body, Commands, Epochs, Handler, RefusedError, choice
from testbeds.local.database import Database
from testbeds.local.layout import Layout, Region, load
from testbeds.local.nodes import Nodes
from testbeds.local.role import Role, RoleKeeper
from testbeds.local.serving import end_with_parent, forever, serve
from testbeds.local.wiring import seen_from

OBSERVE_S = 1.0
"""A database that answers no query for so long is reported as not answering, which is not the same as down."""


class Agent:
    """One region's agent.

    Args:
        layout: The bed's.
        region: Which region.
    """

    def __init__(self, layout: Layout, region: Region) -> None:
        self._layout = layout
        self._region = region
        folder = Path(region.folder)
        unborn = Role(fenced=False, following=None, voters=layout.others(region.name), cache_following=None)
        self._epochs = Epochs(folder / "epoch")
        self._role = RoleKeeper(folder / "role.json", unborn)
        self._database = Database(layout, region)
        self._cache = Cache(layout, region)
        self._nodes = Nodes(layout, region)

    def app(self) -> web.Application:
        """The agent's HTTP interface."""
        commands = Commands(self._epochs)
        acts: dict[str, Act] = {
            "/birth": self.birth,
            "/fence": self.fence,
            "/detach": self.detach,
            "/hold": self.hold,
            "/release": self.release,
            "/demote": self.demote,
            "/follow": self.follow,
            "/promote": self.promote,
            "/promote_cache": self.promote_cache,
            "/verify_write": self.verify_write,
        }
        app = web.Application()
        app.add_routes([web.post(path, _handler(commands, act)) for path, act in acts.items()])
        app.add_routes([web.get("/observe", self.observe)])
        return app

    async def resume(self) -> None:
        """After a start: what was a standby is one again; what was primary stays down and fenced until it follows."""
        role = self._role.now
        if not self._database.server.born:
            return
        if not self._database.server.standby:
            self._role.change(fenced=True)
        else:
            self._database.server.configure(role)
            await self._database.start()
        if role.cache_following:
            await self._cache.follow(self._layout.region(role.cache_following))

    async def start_nodes(self) -> None:
        """Start the nodes; they hold no epoch and refuse everything until this region is promoted."""
        await self._nodes.start()

    async def observe(self, _request: web.Request) -> web.Response:
        """What is so now; 503 when the database hangs: nothing is known then."""
        try:
            database = await asyncio.wait_for(self._database.observe(self._role.now), OBSERVE_S)
        except TimeoutError:
            return web.json_response({"error": f"PostgreSQL of {self._region.name} hangs"}, status=503)
        view = {
            "region": self._region.name,
            "highest_epoch": self._epochs.highest,
            "fenced": self._role.now.fenced,
            "database": asdict(database),
            "cache": {"running": self._cache.running, "role": await self._cache.role()},
            "nodes": self._nodes.observe(),
        }
        return web.json_response(view)

    async def birth(self, epoch: int, body: Body) -> Answer:
        """From the supervisor, once: the first start, as primary or as a standby of `primary`."""
        primary = self._layout.region(self._known(body, "primary"))
        born_primary = primary.name == self._region.name
        following = None if born_primary else primary.name
        role = self._role.change(following=following, cache_following=following)
        await self._database.give_birth(role, Path(self._layout.folder, f"template-{self._region.name}"))
        if born_primary:
            await self._database.promote(role, epoch)
            await self._cache.promote()
            await self._nodes.set_epoch(epoch)
        else:
            await self._cache.follow(primary)
            if not await self._database.streams(primary):
                raise RefusedError(f"{self._region.name} does not stream from {primary.name}")
        return {}

    async def fence(self, _epoch: int, _body: Body) -> Answer:
        """This region writes no more: nodes refuse everything, and a primary database is ended."""
        self._role.change(fenced=True)
        await self._nodes.hold(None)
        await self._nodes.set_epoch(None)
        if self._database.server.running and not self._database.server.standby:
            await self._database.stop()
        return {}

    async def detach(self, _epoch: int, _body: Body) -> Answer:
        """This standby confirms no commit any more; answers the position up to which it has the log."""
        if not (self._database.server.running and self._database.server.standby):
            raise RefusedError(f"the database of {self._region.name} is no running standby")
        return {"flush_lsn": await self._database.detach(self._role.change(following=None))}

    async def hold(self, epoch: int, _body: Body) -> Answer:
        """The nodes hold requests of this epoch until they serve it; what they serve now they go on serving."""
        await self._nodes.hold(epoch)
        return {}

    async def release(self, _epoch: int, _body: Body) -> Answer:
        """The nodes hold nothing any more."""
        await self._nodes.hold(None)
        return {}

    async def demote(self, _epoch: int, _body: Body) -> Answer:
        """The nodes serve nothing, and the database becomes a standby of nobody; answers the end of its log."""
        role = self._role.change(fenced=True, following=None)
        await self._nodes.set_epoch(None)
        return {"flush_lsn": await self._database.demote(role)}

    async def follow(self, epoch: int, body: Body) -> Answer:
        """Database and cache become copies of another region's; the region is then no longer fenced."""
        primary = self._layout.region(self._known(body, "primary"))
        if primary.name == self._region.name:
            raise BadBodyError(f"{primary.name} cannot follow itself")
        await self._nodes.set_epoch(None)
        await self._nodes.start()
        role = self._role.change(following=primary.name, cache_following=primary.name)
        done = await self._database.follow(role, primary, Path(self._region.folder, f"only-here-{epoch}"))
        await self._cache.follow(primary)
        self._role.change(fenced=False)
        return done

    async def promote(self, epoch: int, body: Body) -> Answer:
        """The database becomes the writable primary, with its quorum set before, and the nodes serve the epoch."""
        voters = body.get("voters")
        if not isinstance(voters, list) or not voters:
            raise BadBodyError(f"voters is not a list of regions: {voters!r}")
        allowed = self._layout.others(self._region.name)
        names = tuple(sorted({choice(voter, "voters", allowed) for voter in voters}))
        if not self._database.server.born:
            raise RefusedError(f"{self._region.name} has no database")
        role = self._role.change(following=None, voters=names)
        await self._database.promote(role, epoch)
        await self._nodes.set_epoch(epoch)
        self._role.change(fenced=False)
        return {}

    async def promote_cache(self, _epoch: int, _body: Body) -> Answer:
        """The cache accepts writes."""
        await self._cache.promote()
        self._role.change(cache_following=None)
        return {}

    async def verify_write(self, epoch: int, _body: Body) -> Answer:
        """A committed write through one of the nodes, read back."""
        return {"id": await self._nodes.verify_write(epoch)}

    def _known(self, body: Body, name: str) -> str:
        return choice(body.get(name), name, tuple(region.name for region in self._layout.regions))


def _handler(commands: Commands, act: Act) -> Handler:
    async def refusing(epoch: int, body: Body) -> Answer:
        try:
            return await act(epoch, body)
        except psycopg.Error as error:
            raise RefusedError(f"the database failed: {error}") from error

    return commands.handler(refusing)


async def main() -> None:
    """Run until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layout", required=True)
    parser.add_argument("--region", required=True)
    arguments = parser.parse_args()
    end_with_parent()
    layout = load(arguments.layout)
    region = layout.region(arguments.region)
    agent = Agent(seen_from(layout, region.name), region)
    await agent.start_nodes()
    await agent.resume()
    await serve(agent.app(), region.agent_port)
    await forever()


if __name__ == "__main__":
    asyncio.run(main())
