"""A vantage point: probes the region in force with committed writes through the proxy and says what it saw.

It decides nothing; failover/detector.py counts the votes of several. A process of its own, outside the regions.

    python -m testbeds.local.vantage --name one --region north --url PROXY --ready FILE --log FILE [--phase-s 0.0]

GET /report → failover.detector.Report; POST /watch {"region": R}: probe R from now on, counting from zero.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from aurops.clock import RealClock
from aurops.files import write_durably
from failover.detector import Report
from testbeds.local.commands import BadBodyError, choice, parse
from testbeds.local.layout import LOOPBACK, REGIONS
from traffic.headers import PROBE_HEADER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import TextIO


@dataclass(frozen=True, slots=True)
class Probe:
    """One probe, as it is logged. Times are seconds of CLOCK_BOOTTIME."""

    vantage: str
    region: str
    at_s: float
    end_s: float
    ok: bool
    error: str | None


@dataclass(frozen=True)
class Probing:
    """How to probe.

    Args:
        interval_s: Probes start on a grid of this step; one that takes longer makes the next start late, not twice.
        timeout_s: A probe without an answer by then has failed, and its socket is closed.
        phase_s: Shifts the grid, so that several vantage points do not probe at the same moment.
    """

    interval_s: float = 0.25
    timeout_s: float = 0.25
    phase_s: float = 0.0


class Vantage:
    """Probes one region at a time and keeps count.

    Args:
        name: Its name.
        region: The region in force.
        url: The proxy.
        probing: How to probe.
        log: Where each probe goes, one JSON line each.
    """

    def __init__(self, name: str, region: str, url: str, probing: Probing, log: TextIO) -> None:
        self._name = name
        self._url = f"{url}/probe"
        self._probing = probing
        self._log = log
        self._clock = RealClock()
        self._watch(region)

    def _watch(self, region: str) -> None:
        self._region = region
        self._failures = 0
        self._last_ok_s: float | None = None
        self._last_failure_s: float | None = None
        self._error: str | None = None

    def application(self) -> web.Application:
        """The HTTP application; it probes while it runs."""
        application = web.Application()
        application.add_routes([web.get("/report", self._report), web.post("/watch", self._change)])
        application.cleanup_ctx.append(self._while_running)
        return application

    async def _while_running(self, _: web.Application) -> AsyncIterator[None]:
        probing = asyncio.create_task(self._probe_for_ever())
        yield
        probing.cancel()
        await asyncio.wait([probing])

    async def _report(self, _: web.Request) -> web.Response:
        report = Report(
            vantage=self._name,
            region=self._region,
            consecutive_failures=self._failures,
            last_ok_s=self._last_ok_s,
            last_failure_s=self._last_failure_s,
            now_s=self._clock.now_s(),
            error=self._error,
        )
        return web.json_response(text=report.model_dump_json(exclude={"received_s"}))

    async def _change(self, request: web.Request) -> web.Response:
        try:
            region = choice(parse(await request.read()).get("region"), "region", REGIONS)
        except BadBodyError as error:
            return web.json_response({"error": str(error)}, status=HTTPStatus.BAD_REQUEST)
        self._watch(region)
        return web.json_response({"region": region})

    async def _probe_for_ever(self) -> None:
        timeout = aiohttp.ClientTimeout(total=self._probing.timeout_s)
        start_s = self._clock.now_s() + self._probing.phase_s
        number = 0
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                await asyncio.sleep(start_s + number * self._probing.interval_s - self._clock.now_s())
                self._note(await self._probe(session, number))
                steps = (self._clock.now_s() - start_s) / self._probing.interval_s
                # The grid point that has come meanwhile is used late; the ones before it are left out.
                number = max(number + 1, int(steps))

    async def _probe(self, session: aiohttp.ClientSession, number: int) -> Probe:
        region = self._region
        at_s = self._clock.now_s()
        error: str | None = None
        body = {"vantage": self._name, "n": number}
        try:
            async with session.post(self._url, json=body, headers={PROBE_HEADER: region}) as response:
                text = await response.text()
                if response.status != HTTPStatus.OK:
                    error = f"HTTP {response.status}: {text[:100]}"
        except TimeoutError:
            error = f"no answer in {self._probing.timeout_s:g} s"
        except aiohttp.ClientError as problem:
            error = f"{type(problem).__name__}: {problem}"
        return Probe(self._name, region, at_s, self._clock.now_s(), error is None, error)

    def _note(self, probe: Probe) -> None:
        self._log.write(json.dumps(asdict(probe)) + "\n")
        if probe.region != self._region:  # it was under way when the region in force changed
            return
        if probe.ok:
            self._failures, self._last_ok_s = 0, probe.end_s
        else:
            self._failures, self._last_failure_s, self._error = self._failures + 1, probe.end_s, probe.error


async def _serve(vantage: Vantage, port: int, ready: Path) -> None:
    runner = web.AppRunner(vantage.application(), access_log=None, handle_signals=True)
    await runner.setup()
    site = web.TCPSite(runner, LOOPBACK, port)
    await site.start()
    bound = runner.addresses[0][1]
    write_durably(ready, json.dumps({"url": f"http://{LOOPBACK}:{bound}"}))
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """Read the arguments and probe until SIGTERM."""
    parser = argparse.ArgumentParser(description="Probe the region in force through the proxy.")
    parser.add_argument("--name", required=True)
    parser.add_argument("--region", required=True, choices=REGIONS)
    parser.add_argument("--url", required=True, help="the proxy")
    parser.add_argument("--ready", required=True, type=Path, help='{"url": …} is written here once it listens')
    parser.add_argument("--log", required=True, type=Path, help="JSON lines are appended here")
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--interval-s", type=float, default=Probing.interval_s)
    parser.add_argument("--timeout-s", type=float, default=Probing.timeout_s)
    parser.add_argument("--phase-s", type=float, default=Probing.phase_s)
    asked = parser.parse_args()
    probing = Probing(asked.interval_s, asked.timeout_s, asked.phase_s)
    with asked.log.open("a", buffering=1, encoding="utf-8") as log:
        try:
            asyncio.run(_serve(Vantage(asked.name, asked.region, asked.url, probing, log), asked.port, asked.ready))
        except (web.GracefulExit, KeyboardInterrupt):
            return


if __name__ == "__main__":
    main()
