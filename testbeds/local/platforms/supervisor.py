"""The process that a stack of platforms lives and ends with: `python -m testbeds.local.platforms.supervisor …`.

It says on standard output, in JSON lines, when all are up or what went wrong; then it answers on the stack's control
port: POST /start {"name"} starts a member that was killed, POST /database {"up"} kills their database, or starts it
again. When its standard input closes, because whoever asked for
the stack ended, however that was, it ends; the bed's guardian then ends all else and removes the folder.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import psycopg
from aiohttp import web
from pydantic import TypeAdapter

from aurops.errors import AuropsError, OutsideError
from testbeds.local import components, postgres
from testbeds.local.commands import BadBodyError, RefusedError, choice, parse
from testbeds.local.database import Database
from testbeds.local.layout import BLOCK_SIZE, BORN_PRIMARY, LOOPBACK, Layout, Region
from testbeds.local.platforms import place as places
from testbeds.local.platforms.certificates import CURRENT, TLS, issue
from testbeds.local.platforms.members import Kind, Member, Running
from testbeds.local.platforms.place import Place
from testbeds.local.ports import claim
from testbeds.local.role import Role
from testbeds.local.serving import end_with_parent, forever
from testbeds.local.supervisor import Children, module, start_guardian

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

UP_S = 60.0
_POSTGRES_PORT, _FIRST_MEMBER, _MEMBER_PORTS = 1, 2, 3
MOST_MEMBERS = (BLOCK_SIZE - _FIRST_MEMBER) // _MEMBER_PORTS
Members = TypeAdapter(tuple[Member, ...])


class Stack:
    """All processes of a stack.

    Args:
        bed: Its id, by which the guardian knows its processes.
        folder: Its own.
        first_port: The first of its block.
        members: Its platforms.
    """

    def __init__(self, bed: str, folder: Path, first_port: int, members: Sequence[Member]) -> None:
        self._children = Children(folder)
        self._folder = folder
        self._members = {member.name: member for member in members}
        self._layout = _layout(bed, folder, first_port)
        self._database = Database(self._layout, self._layout.regions[0])
        firsts = range(first_port + _FIRST_MEMBER, first_port + BLOCK_SIZE, _MEMBER_PORTS)
        self._places = {each.name: self._place(each, first) for each, first in zip(members, firsts, strict=False)}

    async def bring_up(self) -> None:
        """Start everything; returns when every platform answers.

        Raises:
            OutsideError: A process did not do what it should.
        """
        for member in self._members.values():
            if member.tls:
                await asyncio.to_thread(issue, self._folder / TLS, member.name)
        if self._databases():
            await self._start_database()
        await asyncio.gather(*(self.start(name) for name in self._members))

    def running(self) -> list[Running]:
        """What was started."""
        return [
            Running(member=self._members[name], place=place, pid=self._children.running[name].pid)
            for name, place in self._places.items()
        ]

    async def start(self, name: str) -> None:
        """Start one platform, unless it runs; returns when it answers.

        Raises:
            OutsideError: It ended.
        """
        place = self._places[name]
        if not self._children.alive(name):
            file = places.save(place)
            await self._children.start(name, module(f"{__package__}.{self._members[name].kind}", f"--place={file}"))
        async with aiohttp.ClientSession() as session:
            while self._children.alive(name):
                try:
                    async with session.get(f"http://{LOOPBACK}:{place.control_port}/sockets"):
                        return
                except aiohttp.ClientError:
                    await asyncio.sleep(0.01)
        raise OutsideError(f"{name} ended: {self._children.said(name)}", where=place.folder)

    async def put_database(self, *, up: bool) -> None:
        """Kill PostgreSQL as in a crash, or start it again; returns when it is gone, or answers queries.

        Raises:
            RefusedError: It does not start.
        """
        await (self._database.start() if up else self._database.stop())

    def _place(self, member: Member, first_port: int) -> Place:
        grpc = member.kind is Kind.GRPC
        database = postgres.conninfo(self._layout.regions[0], member.name, member.database)
        return Place(
            name=member.name,
            folder=str(self._folder / member.name),
            port=first_port,
            control_port=first_port + 1,
            socket_port=first_port + 2 if grpc else 0,
            conninfo=database if grpc else "",
            tls=str(self._folder / TLS / member.name / CURRENT) if member.tls else "",
            claims=database if member.shares_keys else "",
            delay_s=member.delay_s,
        )

    def _databases(self) -> list[str]:
        members = self._members.values()
        return sorted({each.database for each in members if each.kind is Kind.GRPC or each.shares_keys})

    async def _start_database(self) -> None:
        """One PostgreSQL as the bed has it, without standbys, with the members' databases."""
        region = self._layout.regions[0]
        template = self._folder / "template"
        for made, mode in ((Path(region.folder), 0o755), (template, 0o700)):
            made.mkdir(mode=mode)
            postgres.own(self._layout, made)
        await postgres.make_template(self._layout, template)
        role = Role(fenced=False, following=None, voters=(), cache_following=None)
        await self._database.give_birth(role, template)
        info = postgres.conninfo(region, "stack")
        async with await psycopg.AsyncConnection.connect(info, autocommit=True) as connection:
            for name in self._databases():
                await connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))


def _layout(bed: str, folder: Path, first_port: int) -> Layout:
    """A bed of one region, of which only the database is there."""
    found = components.find()
    binaries, uid = components.prepare(found, folder)
    region = Region(
        name=BORN_PRIMARY,
        folder=str(folder / BORN_PRIMARY),
        agent_port=0,
        postgres_port=first_port + _POSTGRES_PORT,
        valkey_port=0,
        node_ports=(),
    )
    return Layout(
        bed=bed,
        folder=str(folder),
        control_port=first_port,
        proxy_port=0,
        admin_port=0,
        edge_port=0,
        regions=(region,),
        components=binaries,
        postgres_uid=uid,
    )


def app(stack: Stack) -> web.Application:
    """The control interface."""

    async def start(request: web.Request) -> web.Response:
        try:
            names = tuple(running.member.name for running in stack.running())
            await stack.start(choice(parse(await request.read()).get("name"), "name", names))
        except BadBodyError as error:
            return web.json_response({"error": str(error)}, status=400)
        except OutsideError as error:
            return web.json_response({"error": str(error)}, status=503)
        return await look(request)

    async def database(request: web.Request) -> web.Response:
        try:
            await stack.put_database(up=bool(parse(await request.read()).get("up")))
        except (BadBodyError, RefusedError) as error:
            return web.json_response({"error": str(error)}, status=503)
        return await look(request)

    async def look(_request: web.Request) -> web.Response:
        return web.json_response([each.model_dump(mode="json") for each in stack.running()])

    control = web.Application()
    control.add_routes([web.post("/start", start), web.post("/database", database), web.get("/", look)])
    return control


def _tell(**line: Any) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201  # standard output is the line to whoever asked for the stack


async def _run(stack: Stack, claimed: socket.socket) -> None:
    await asyncio.wait_for(stack.bring_up(), UP_S)
    runner = web.AppRunner(app(stack), access_log=None, handle_signals=False)
    await runner.setup()
    await web.SockSite(runner, claimed).start()
    _tell(ready=True, control_port=claimed.getsockname()[1])
    await forever()


def main() -> None:
    """Bring the stack up, then live until whoever asked for it ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bed", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--members", required=True)
    arguments = parser.parse_args()
    guardian = start_guardian(arguments.bed, arguments.folder)
    end_with_parent()
    try:
        claimed = claim(None)
        members = Members.validate_json(arguments.members)
        asyncio.run(_run(Stack(arguments.bed, arguments.folder, claimed.getsockname()[1], members), claimed))
    except TimeoutError:
        _tell(failed={"what": f"The platforms did not come up within {UP_S:g} s."})
    except (AuropsError, postgres.ProgramError) as error:
        _tell(failed={"what": str(error)})
    del guardian
    os._exit(0)  # at once: the guardian ends everything else


if __name__ == "__main__":
    main()
