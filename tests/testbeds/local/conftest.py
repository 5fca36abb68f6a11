"""A stand-in for the proxy and the service behind it, and real processes started against it."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from aurops.processes import Process
from testbeds.local import processes
from traffic.headers import NOT_SENT_HEADER, PROBE_HEADER

DEADLINE_S = 20.0
WaitFor = Callable[[Callable[[], bool]], None]


@pytest.fixture
def wait_for() -> WaitFor:
    """Returns when a condition holds; fails after a deadline."""
    return _wait_for


def _wait_for(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, "the condition did not come true"
        threading.Event().wait(0.01)


@dataclass
class FakeProxy:
    """Answers as `mode` says: ok, closed, gateway, reset, hang; keeps the ids that it executed."""

    url: str = ""
    mode: str = "ok"
    seen: list[str] = field(default_factory=list)
    probed: list[str] = field(default_factory=list)

    async def write(self, request: web.Request) -> web.StreamResponse:
        """POST /writes."""
        request_id = (await request.json())["id"]
        self.seen.append(request_id)
        return await self._answer(request, {"id": request_id, "epoch": 4, "region": "north", "cached": True})

    async def probe(self, request: web.Request) -> web.StreamResponse:
        """POST /probe."""
        self.probed.append(request.headers[PROBE_HEADER])
        return await self._answer(request, {})

    async def _answer(self, request: web.Request, fine: dict[str, object]) -> web.StreamResponse:
        if self.mode == "hang":
            await asyncio.sleep(60)
        if self.mode == "reset":
            assert request.transport is not None
            request.transport.close()
        answers = {
            "closed": web.json_response({"error": "closed"}, status=503, headers={NOT_SENT_HEADER: "1"}),
            "gateway": web.json_response({"error": "upstream"}, status=503),
        }
        return answers.get(self.mode, web.json_response(fine))


@pytest.fixture
def proxy() -> Iterator[FakeProxy]:
    """A fake proxy that listens on a free port."""
    fake = FakeProxy()
    loops: list[asyncio.AbstractEventLoop] = []
    stop = asyncio.Event()
    up = threading.Event()

    async def serve() -> None:
        loops.append(asyncio.get_running_loop())
        application = web.Application()
        application.add_routes([web.post("/writes", fake.write), web.post("/probe", fake.probe)])
        runner = web.AppRunner(application, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        up.set()
        await stop.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))  # which ends the handlers that hang
    thread.start()
    assert up.wait(DEADLINE_S)
    yield fake
    loops[0].call_soon_threadsafe(stop.set)
    thread.join(DEADLINE_S)


Run = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def run_module() -> Iterator[Run]:
    """Starts `python -m MODULE ARGUMENTS`; ends what still runs."""
    started: list[subprocess.Popen[bytes]] = []

    def run(module: str, *arguments: object, stdin: bool = False, **environment: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", module, *map(str, arguments)]
        root = Path(__file__).parents[3]
        pipe = subprocess.PIPE if stdin else None  # what ends with its parent notices that this pipe closes
        started.append(subprocess.Popen(command, cwd=root, env={**os.environ, **environment}, stdin=pipe))
        return started[-1]

    yield run
    for process in started:
        process.kill()
        process.communicate(timeout=DEADLINE_S)


Start = Callable[..., Process]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a sleeping process with the environment given; ends all of them."""
    started: list[subprocess.Popen[bytes]] = []

    def run(
        code: str = "import signal; print(flush=True); signal.pause()",
        cwd: Path | None = None,
        *arguments: str,
        **marks: str,
    ) -> Process:
        child = subprocess.Popen(
            [sys.executable, "-c", code, *arguments],
            env={**os.environ, **marks},
            cwd=cwd,
            stdout=subprocess.PIPE,
        )
        started.append(child)
        assert child.stdout is not None
        child.stdout.readline()
        process = processes.identity(child.pid)
        assert process is not None
        return process

    yield run
    for child in started:
        child.kill()
        child.communicate()
