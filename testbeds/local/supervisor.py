"""The process with which a bed lives and ends: `python -m testbeds.local.supervisor --bed ID --folder FOLDER …`.

It brings the bed up, saying how far it is in JSON lines on standard output, then answers on the bed's control port:
GET /status, POST /touch, POST /revive {"region"}, POST /down. It cleans nothing up: the guardian does, when this
process is gone, for whatever reason.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import web

from aurops.clock import RealClock
from aurops.errors import AuropsError, OutsideError
from aurops.files import write_durably
from testbeds.local import components, layout, ports, postgres, processes, state, volumes, wiring
from testbeds.local.commands import BadBodyError, choice, parse
from testbeds.local.edge import site_of
from testbeds.local.layout import BORN_PRIMARY, LOOPBACK, Layout, Region
from testbeds.local.processes import BED_MARK, REGION_MARK
from traffic import envoy
from traffic.dialects import open_driver
from traffic.driver import TOTAL_WEIGHT, Steering

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

FIRST_EPOCH = 1
UP_S = 60.0
REVIVE_S = 30.0
OBSERVE_S = 2.0
_TICK_S = 0.5


@dataclass(slots=True)
class Children:
    """The processes that the supervisor has started.

    Args:
        log_folder: Where their output goes.
    """

    log_folder: Path
    running: dict[str, asyncio.subprocess.Process] = field(default_factory=dict)

    async def start(self, name: str, command: list[str], marks: Mapping[str, str] | None = None) -> None:
        """Start a process; it ends by itself when this one is gone, because its standard input closes."""
        with self._log(name) as log:
            self.running[name] = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.PIPE,
                stdout=log,
                stderr=log,
                cwd=self.log_folder,
                env={**os.environ, **(marks or {})},
                start_new_session=True,
            )

    def alive(self, name: str) -> bool:
        """Whether the process of this name lives."""
        return name in self.running and self.running[name].returncode is None

    def said(self, name: str) -> str:
        """The end of what it said."""
        return (self.log_folder / f"{name}.log").read_text(errors="replace")[-600:].strip()

    def _log(self, name: str) -> Any:
        return (self.log_folder / f"{name}.log").open("ab")


class Supervisor:
    """One bed's supervisor.

    Args:
        place: The bed's layout.
        idle_s: Ends the bed after so many seconds without a touch.
        say: Told how far the bed is.
    """

    def __init__(self, place: Layout, idle_s: float, say: Callable[[str], None]) -> None:
        self._place = place
        self._idle_s = idle_s
        self._say = say
        self._clock = RealClock()
        self._touched_s = self._clock.now_s()
        self._children = Children(Path(place.folder))
        self._reviving = asyncio.Lock()
        self.ended = asyncio.Event()

    async def bring_up(self) -> None:
        """From nothing to a committed write through the primary region.

        Raises:
            OutsideError: A process of the bed did not do what it should in time.
        """
        self._say("starting Envoy, three agents and a fresh PostgreSQL")
        if self._place.wiring is not None:
            await self._children.start("links", module("testbeds.local.links", f"--layout={self._place.file}"))
        await self._start_edge()
        for region in self._place.regions:
            await self._start_agent(region)
        await self._make_templates()
        self._say(f"{BORN_PRIMARY} becomes primary, the others its standbys")
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(UP_S)) as session:
            body = {"epoch": FIRST_EPOCH, "primary": BORN_PRIMARY}
            births = (self._ask(session, f"agent-{r.name}", f"{r.agent_url}/birth", body) for r in self._place.regions)
            await asyncio.gather(*births)
            self._say(f"opening traffic to {BORN_PRIMARY}")
            body = {"epoch": FIRST_EPOCH, "weights": {BORN_PRIMARY: TOTAL_WEIGHT}}
            await self._ask(session, "edge", f"http://{LOOPBACK}:{self._place.edge_port}/shift", body)
            primary = self._place.region(BORN_PRIMARY)
            await self._ask(
                session, f"agent-{BORN_PRIMARY}", f"{primary.agent_url}/verify_write", {"epoch": FIRST_EPOCH}
            )

    def app(self) -> web.Application:
        """The control interface."""
        app = web.Application()
        app.add_routes(
            [
                web.get("/status", self.status),
                web.post("/touch", self.touch),
                web.post("/revive", self.revive),
                web.post("/down", self.down),
            ]
        )
        return app

    async def status(self, _request: web.Request) -> web.Response:
        """What every agent and the edge observe now; an agent that does not answer is an error, not a state."""
        urls = {region.name: f"{region.agent_url}/observe" for region in self._place.regions}
        urls["edge"] = f"http://{LOOPBACK}:{self._place.edge_port}/observe"
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(OBSERVE_S)) as session:
            views = await asyncio.gather(*(_observe(session, url) for url in urls.values()))
        seen = dict(zip(urls, views, strict=True))
        edge = seen.pop("edge")
        idle_left_s = round(self._idle_s - (self._clock.now_s() - self._touched_s), 1)
        return web.json_response({"id": self._place.bed, "idle_left_s": idle_left_s, "edge": edge, "regions": seen})

    async def touch(self, _request: web.Request) -> web.Response:
        """Somebody needs the bed: the idle time starts anew."""
        self._touched_s = self._clock.now_s()
        return web.json_response({})

    async def revive(self, request: web.Request) -> web.Response:
        """The power of a region is back: its agent starts again. Answers when the agent does."""
        try:
            name = choice(parse(await request.read()).get("region"), "region", layout.REGIONS)
            async with self._reviving:
                await self._revive(self._place.region(name))
        except BadBodyError as error:
            return web.json_response({"error": str(error)}, status=400)
        except OutsideError as error:
            return web.json_response({"error": str(error)}, status=503)
        return web.json_response({})

    async def down(self, _request: web.Request) -> web.Response:
        """End the bed."""
        asyncio.get_running_loop().call_later(0.05, self.ended.set)  # after this answer has left
        return web.json_response({})

    async def live(self, guardian: subprocess.Popen[bytes]) -> None:
        """Return when the bed is to end: asked, idle, or without its guardian, which then is started anew to clean."""
        self._touched_s = self._clock.now_s()
        while not self.ended.is_set() and guardian.poll() is None:
            if self._clock.now_s() - self._touched_s > self._idle_s:
                return
            try:
                await asyncio.wait_for(self.ended.wait(), _TICK_S)
            except TimeoutError:
                continue

    async def _revive(self, region: Region) -> None:
        name = f"agent-{region.name}"
        if not self._children.alive(name):
            while left := processes.find(self._place.bed, region.name, folder=region.data):
                processes.send(left, signal.SIGKILL)
                await asyncio.sleep(0.01)
            await self._start_agent(region)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(REVIVE_S)) as session:
            await self._ask(session, name, f"{region.agent_url}/observe")

    async def _start_agent(self, region: Region) -> None:
        command = module("testbeds.local.agent", f"--layout={self._place.file}", f"--region={region.name}")
        if region.limited:
            region.volume.mkdir(parents=True, exist_ok=True)
            command = volumes.enclosed(region, command)
        await self._children.start(f"agent-{region.name}", command, {REGION_MARK: region.name})

    async def _start_edge(self) -> None:
        configuration = _configure_envoy(self._place)
        # Without hot restart Envoy keeps no shared memory and no socket that a kill would leave behind.
        options = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]
        await self._children.start("envoy", [self._place.components.envoy, "-c", str(configuration), *options])
        await self._children.start("edge", module("testbeds.local.edge", f"--layout={self._place.file}"))

    async def _make_templates(self) -> None:
        """One cluster, copied for each region: the standbys are copies of a clean start."""
        folders = [Path(self._place.folder, f"template-{name}") for name in layout.REGIONS]
        for region, folder in zip(self._place.regions, folders, strict=True):
            for made in (Path(region.folder), folder):
                made.mkdir(mode=0o700 if made == folder else 0o755, exist_ok=True)
                postgres.own(self._place, made)
        try:
            await postgres.make_template(self._place, folders[0])
        except postgres.ProgramError as error:
            raise OutsideError(
                f"PostgreSQL makes no data folder: {error}",
                where=str(folders[0]),
                next_step="If it says that the user does not exist: give your user id a line in /etc/passwd.",
            ) from error
        copies = [asyncio.create_subprocess_exec("cp", "-a", f"{folders[0]}/.", str(copy)) for copy in folders[1:]]
        for copy in await asyncio.gather(*copies):
            if await copy.wait():
                raise OutsideError(
                    "A data folder could not be copied.", where=self._place.folder, next_step="Is it full?"
                )

    async def _ask(
        self, session: aiohttp.ClientSession, name: str, url: str, body: Mapping[str, Any] | None = None
    ) -> None:
        """Ask a child, POST with a body and else GET, as soon as it listens.

        Raises:
            OutsideError: It ended or refused.
        """
        while True:
            if not self._children.alive(name):
                raise OutsideError(f"{name} ended: {self._children.said(name)}", where=self._place.folder)
            try:
                async with session.request("GET" if body is None else "POST", url, json=body) as answer:
                    if answer.ok:
                        return
                    raise OutsideError(f"{name} refused: {await answer.text()}", where=url)
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.01)
            except (aiohttp.ClientError, TimeoutError) as error:
                raise OutsideError(f"{name} does not answer: {error!r}", where=url) from error


def _configure_envoy(place: Layout) -> Path:
    """Write Envoy's files, with traffic closed; returns its start configuration."""
    site = site_of(place)
    open_driver(site).install(Steering(dict.fromkeys(layout.REGIONS, 0), 0))
    configuration = Path(place.folder, "envoy.json")
    configuration.write_text(envoy.bootstrap(site))
    return configuration


def module(name: str, *arguments: str) -> list[str]:
    """The command that runs a module of this environment."""
    return [sys.executable, "-m", name, *arguments]


async def _observe(session: aiohttp.ClientSession, url: str) -> dict[str, Any]:
    try:
        async with session.get(url) as answer:
            view: dict[str, Any] = await answer.json()
            return view
    except (aiohttp.ClientError, TimeoutError) as error:
        return {"error": f"no answer: {error!r}"}


def start_guardian(bed: str, folder: Path) -> subprocess.Popen[bytes]:
    """Start the process that cleans up after this one. It carries no mark and has a session of its own."""
    environment = {name: value for name, value in os.environ.items() if name != BED_MARK}
    return subprocess.Popen(
        module("testbeds.local.guardian", f"--bed={bed}", f"--folder={folder}"),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env=environment,
        cwd="/",
        start_new_session=True,
    )


def _tell(**line: Any) -> None:
    print(json.dumps(line), flush=True)  # noqa: T201  # standard output is the line to whoever brings the bed up


async def _run(arguments: argparse.Namespace, place: Layout, claimed: socket.socket, versions: dict[str, str]) -> None:
    guardian = start_guardian(place.bed, Path(place.folder))
    supervisor = Supervisor(place, arguments.idle_s, lambda text: _tell(progress=text))
    await asyncio.wait_for(supervisor.bring_up(), UP_S)
    runner = web.AppRunner(supervisor.app(), access_log=None, handle_signals=False)
    await runner.setup()
    await web.SockSite(runner, claimed).start()
    up_s = RealClock().now_s() - arguments.asked_at_s
    bed = state.describe(place, versions, up_s)
    write_durably(Path(place.folder, state.FILE), bed.model_dump_json())
    _tell(ready=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # from here on nobody listens
    await supervisor.live(guardian)
    if guardian.poll() is not None:
        start_guardian(place.bed, Path(place.folder))


def main() -> None:
    """Bring the bed up, then live until it is to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bed", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("--idle-s", required=True, type=float)
    parser.add_argument("--asked-at-s", required=True, type=float)
    parser.add_argument("--first-port", type=int)
    parser.add_argument("--linked", action="store_true")
    parser.add_argument("--limited", choices=layout.REGIONS)
    arguments = parser.parse_args()
    try:
        claimed = ports.claim(arguments.first_port)
        wired = [ports.claim(None) for _ in range(wiring.BLOCKS if arguments.linked else 0)]
        found = components.find()
        binaries, uid = components.prepare(found, arguments.folder)
        place = layout.plan(arguments.bed, arguments.folder, claimed.getsockname()[1], binaries, uid, arguments.limited)
        if wired:  # these sockets are held until the end: they are the claim of their blocks
            place = wiring.wire(place, [each.getsockname()[1] for each in wired])
        layout.save(place)
        versions = {name: f"{component.version} from {component.origin}" for name, component in found.items()}
        asyncio.run(_run(arguments, place, claimed, versions))
    except TimeoutError:
        _tell(failed={"what": f"The bed did not come up within {UP_S:g} s."})
    except AuropsError as error:
        fields = {"what": error.what, "where": error.where, "allowed": error.allowed, "next_step": error.next_step}
        _tell(failed=fields)
    os._exit(0)  # at once: the guardian ends everything else


if __name__ == "__main__":
    main()
