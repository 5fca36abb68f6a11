"""A bed for one traffic driver: counting servers, the real proxy, its watcher; each can be killed and started again.

with up(Kind.ENVOY, requests=20_000) as bed:
    bed.driver.shift(Steering({"v11": 100, "v10": 9_900, "baseline": 0}, epoch=2))
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from aurops.clock import RealClock
from aurops.errors import OutsideError
from testbeds.local import components, ports
from testbeds.local.layout import LOOPBACK
from testbeds.local.processes import BED_MARK
from testbeds.local.steering.tally import Tally
from testbeds.local.supervisor import start_guardian
from traffic import heartbeat
from traffic.dialects import open_dialect, open_driver
from traffic.driver import TOTAL_WEIGHT, Steering
from traffic.site import Kind, Side, Site, Sticky

if TYPE_CHECKING:
    from collections.abc import Iterator

    from traffic.file_driver import FileDriver

SIDES = ("v11", "v10", "baseline")
OLD = "v10"
FIRST_EPOCH = 1
UP_S = 20.0
PROXY, WATCHER = "proxy", "watcher"
_PREFIX = "aurops-steering-"
_CLOCK = RealClock()


@dataclass
class Bed:
    """What is up.

    Args:
        site: The proxy, as its driver and watcher read it.
        folder: Everything's.
        delay_ms: How long a side takes for a request.
        running: Its processes by name: `PROXY`, `WATCHER`, and the sides.
        numbers: Of writes, for whoever shares the counting.
    """

    site: Site
    folder: Path
    delay_ms: float
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)

    @cached_property
    def driver(self) -> FileDriver:
        """The proxy's driver."""
        return open_driver(self.site)

    @property
    def port(self) -> int:
        """Where clients come."""
        return int(self.site.listens.rpartition(":")[2])

    def executed(self, *names: str) -> list[int]:
        """How often each request was executed, summed over these sides; without names over all."""
        tallies = [Tally(self.folder / name).read() for name in names or self.site.names]
        return [sum(counts) for counts in zip(*tallies, strict=True)]

    def start(self, *names: str) -> None:
        """Start `PROXY`, `WATCHER` or sides, side by side; returns when each answers.

        Raises:
            OutsideError: One does not.
        """
        for name in names:
            with self.log(name).open("ab") as log:
                self.running[name] = subprocess.Popen(
                    self._command(name),
                    stdin=subprocess.PIPE,  # the sides end when it closes
                    stdout=log,
                    stderr=log,
                    env={**os.environ, BED_MARK: self.folder.name.removeprefix(_PREFIX)},
                    start_new_session=True,
                )
        deadline_s = _CLOCK.now_s() + UP_S
        for name in names:
            while not self._is_up(name):
                if self.running[name].poll() is not None or _CLOCK.now_s() > deadline_s:
                    said = self.log(name).read_text(errors="replace")[-600:].strip()
                    raise OutsideError(f"{name} does not come up: {said}", where=str(self.folder))
                _CLOCK.sleep(0.02)

    def kill(self, name: str, signum: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to a process and its children; after SIGKILL it is gone when this returns."""
        process = self.running[name]
        os.killpg(process.pid, signum)
        if signum is signal.SIGKILL:
            process.communicate()

    def log(self, name: str) -> Path:
        """What a process says."""
        return self.folder / f"{name}.log"

    def _command(self, name: str) -> list[str]:
        if name == WATCHER:
            return [sys.executable, "-m", "traffic.watcher", f"--site={self.folder / 'site.json'}"]
        if name != PROXY:
            port = self.site.side(name).backends[0].rpartition(":")[2]
            shared = [f"--keyed={self.folder / 'keyed'}"] if self.site.shared_keys else []
            options = [f"--port={port}", f"--executed={self.folder / name}", f"--delay-ms={self.delay_ms}", *shared]
            return [sys.executable, "-m", "testbeds.local.steering.server", *options]
        command = open_dialect(self.site).start().command
        if self.site.kind is Kind.ENVOY:
            return [*command, "--disable-hot-restart", "--concurrency", "2"]
        # NGINX writes its title over its environment, and with it the bed's mark; its parent keeps that.
        keep = ["sh", "-c", '"$@"; exit $?', "sh"]
        *options, globals_ = command
        return [*keep, *options, globals_ + (" user root;" if os.geteuid() == 0 else "")]

    def _is_up(self, name: str) -> bool:
        if name == WATCHER:
            return heartbeat.is_watched(self.site.folder, _CLOCK)
        if name == PROXY:
            with suppress(OutsideError):
                return bool(self.driver.observe())
            return False
        with suppress(httpx.HTTPError):
            url = f"http://{self.site.side(name).backends[0]}/health"
            return httpx.get(url, trust_env=False).is_success
        return False

    def await_health(self, name: str) -> None:
        """Return when the proxy finds this side well, or does not look.

        Raises:
            OutsideError: It does not.
        """
        deadline_s = _CLOCK.now_s() + UP_S
        while self.driver.observe().flows[name].healthy == 0:
            if _CLOCK.now_s() > deadline_s:
                raise OutsideError(f"{name} is not well", where=self.site.admin)
            _CLOCK.sleep(0.02)


@contextmanager
def up(
    kind: Kind, *, requests: int, delay_ms: float = 0.0, shared_keys: bool = True, trusted_hops: int = 0
) -> Iterator[Bed]:
    """Bring a bed up, all sides well and all traffic at V10; at its end nothing is left, also when this process dies.

    Args:
        kind: Which proxy.
        requests: How many can be counted.
        delay_ms: How long a side takes for a request.
        shared_keys: The sides look idempotency keys up in one place.
        trusted_hops: Proxies in front that append to X-Forwarded-For.
    """
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    guardian = start_guardian(folder.name.removeprefix(_PREFIX), folder)
    running: dict[str, subprocess.Popen[bytes]] = {}
    try:
        with ports.claim(None) as claimed:
            first = claimed.getsockname()[1]
            site = _site(kind, folder, first + 1, shared_keys=shared_keys, sticky=Sticky(trusted_hops=trusted_hops))
            bed = Bed(site, folder, delay_ms, running)
            for name in (*bed.site.names, "keyed"):
                Tally.make(folder / name, requests)
            (folder / "site.json").write_text(bed.site.model_dump_json(by_alias=True))
            bed.driver.install(Steering({name: TOTAL_WEIGHT * (name == OLD) for name in SIDES}, FIRST_EPOCH))
            for name, text in open_dialect(bed.site).start().files.items():
                (bed.site.folder / name).write_text(text)
            bed.start(*SIDES, PROXY, WATCHER)
            for side in SIDES:
                bed.await_health(side)
            yield bed
    finally:
        guardian.communicate()
        for process in running.values():
            process.communicate()


def _site(kind: Kind, folder: Path, first_port: int, *, shared_keys: bool, sticky: Sticky) -> Site:
    ports_of = dict(zip(SIDES, range(first_port + 2, first_port + 2 + len(SIDES)), strict=True))
    sides = tuple(
        Side(
            name=name,
            backends=(f"{LOOPBACK}:{port}",),
            health_path="/health",
            instead=None if name == OLD else OLD,
            drain_urls=(f"http://{LOOPBACK}:{port}/drain",),
        )
        for name, port in ports_of.items()
    )
    return Site(
        kind=kind,
        folder=folder / "edge",
        listens=f"{LOOPBACK}:{first_port}",
        admin=f"{LOOPBACK}:{first_port + 1}",
        sides=sides,
        program=str((components.envoy() if kind is Kind.ENVOY else components.nginx()).path),
        sticky=sticky,
        shared_keys=shared_keys,
    )
