"""Rollbacks with the database and the store killed: `python benchmarks/rollback_down.py [TIMES]` (default 40).

The sample platforms (V10: REST and RocksDB; V11: gRPC and PostgreSQL behind the generated gateway) behind a real Envoy
with its watcher. Each time 50 writes a second go to V11, open loop; PostgreSQL and the store (S3, by moto) serve.
Both are killed; then at once the command begins. From before its process is made: until the proxy counted V11's last
new request, and until the command ended, which waits for what hangs at V11 for its lost database (`--within 1` here).

V10's RocksDB is a part of V10's process and lives: it is where traffic goes back to. A V11 without its database answers
no health checks, so the proxy and its watcher act, too: who latched first is counted.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Self

import httpx
from rollback import tell

from aurops import documents
from aurops.clock import RealClock
from migration import rollback
from migration.model import NEW, OLD
from migration.proxies import Proxies
from testbeds.local.platforms import stack
from testbeds.local.platforms.members import Kind, Member
from testbeds.local.rehearsal import edges
from traffic.driver import TOTAL_WEIGHT, Steering
from traffic.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from testbeds.local.platforms.stack import Stack
    from testbeds.local.rehearsal.edges import Edge

RATE_PER_S = 50
WITHIN_S = 1.0
"""So long the command waits for what hangs at V11; by default it waits for 10 s."""
WELL_S = 30.0
_CLOCK = RealClock()


class Clients:
    """Writes without a retry or a key, sent when due, whatever became of those before: a V11 that hangs gets more."""

    def __init__(self, url: str) -> None:
        self.ok, self.bad = list[str](), Counter[str]()
        self._url, self._stop = url, threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send()))

    async def _send(self) -> None:
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        began_s = time.monotonic()
        async with (
            httpx.AsyncClient(trust_env=False, timeout=20, limits=limits) as client,
            asyncio.TaskGroup() as group,
        ):
            for number in count():
                await asyncio.sleep(max(0.0, began_s + number / RATE_PER_S - time.monotonic()))
                if self._stop.is_set():
                    return
                group.create_task(self._write(client, f"write-{number}"))

    async def _write(self, client: httpx.AsyncClient, name: str) -> None:
        try:
            answer = await client.post(self._url, json=edges.SEED | {"id": name}, headers={"x-request-id": name})
        except httpx.HTTPError as error:
            self.bad[type(error).__name__] += 1
            return
        if answer.is_success:
            self.ok.append(name)
        else:
            self.bad[str(answer.status_code)] += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


class Trial:
    """One rollback after the other on one bed."""

    def __init__(self, platforms: Stack, edge: Edge, clients: Clients) -> None:
        self._platforms, self._edge, self._clients = platforms, edge, clients
        self._released = 0
        self.left = list[int]()
        """Requests that hung at V11 when the command had ended."""
        self.firsts = Counter[str]()
        """Who latched."""

    def once(self) -> tuple[float, float]:
        """Seconds from before the command until V11's last new request, and until its end."""
        driver = self._edge.driver
        with _store() as port:
            self._forward()
            _await(lambda: _listens(port), "the store serves")
            before = len(self._clients.ok)
            _await(lambda: len(self._clients.ok) > before + 50, "clients write to V11")
            self._platforms.put_database(up=False)
        command = [sys.executable, "-m", "runbooks", "rollback", "bench", "--reason", "benchmark", "--json"]
        command += ["--within", str(WITHIN_S)]
        last, requests = 0.0, driver.observe().flows[NEW].requests
        latched, began = driver.latch() is not None, time.monotonic()
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            while child.poll() is None:
                flow, now_s = driver.observe().flows[NEW], time.monotonic() - began
                if flow.requests != requests:
                    last, requests = now_s, flow.requests
                time.sleep(0.01)
            ended = time.monotonic() - began
            self.left.append(driver.observe().flows[NEW].under_way)
            if child.returncode:
                sys.exit(f"exit code {child.returncode}: {child.communicate()[1].decode()}")
        time.sleep(0.2)
        if driver.observe().flows[NEW].requests != requests:
            sys.exit("V11 got something after the command had ended")
        others = len(self._latches()) - self._released
        self.firsts["the watcher, before it" if latched else "the watcher, during it" if others else "the command"] += 1
        self._platforms.put_database(up=True)
        return last, ended

    def _latches(self) -> list[Path]:
        """Those that were released, or replaced by a later one."""
        return list(documents.load(self._edge.site, Site).folder.glob("latch-*.json"))

    def _forward(self) -> None:
        """All traffic at V11, which is well again, and a rollback laid ready."""
        driver, site = self._edge.driver, documents.load(self._edge.site, Site)
        _await(lambda: bool(driver.observe().flows[NEW].healthy), "V11 is well")
        driver.release_hold("benchmark")
        if latch := driver.latch():
            driver.release("benchmark", latch.epoch + 1)
        made = rollback.ready("bench", "benchmark", {"edge": str(self._edge.site)}, _CLOCK)
        Proxies({"edge": driver}, _CLOCK, who="benchmark", drain_s=0).prepare("edge", 10**9, 1.0)
        rollback.lay(made, (rollback.home("bench"), site.folder))
        driver.shift(Steering({NEW: TOTAL_WEIGHT, OLD: 0}, driver.observe().steering.epoch + 1))
        self._released = len(self._latches())


def main() -> None:
    """Print medians, 95% and maxima."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    members = (Member(name=OLD, kind=Kind.REST), Member(name=NEW, kind=Kind.GRPC, tls=True))
    with tempfile.TemporaryDirectory() as state, stack.up(*members) as platforms:
        os.environ |= {"XDG_STATE_HOME": state, "AUROPS_STORE": "s3://ledger/aurops"}
        httpx.post(f"{platforms[OLD].url}{edges.WRITE}", json=edges.SEED, trust_env=False).raise_for_status()
        platforms.restore(OLD, NEW)
        with edges.edge(platforms, "edge", OLD) as edge:
            with Clients(f"{edge.url}{edges.WRITE}") as clients:
                trial = Trial(platforms, edge, clients)
                taken = [trial.once() for _ in range(times)]
            executed = platforms.executions(OLD, NEW)
    last, ended = zip(*taken, strict=True)
    tell("V11's last new request", last)
    tell("command ended", ended)
    lost = sum(executed[name] == 0 for name in clients.ok)
    twice = sum(often > 1 for often in executed.values())
    unheard = len(executed.keys() - set(clients.ok))
    print(f"hanging at V11 when the command had ended: {trial.left}")
    print(f"latched first: {dict(trial.firsts)}")
    print(f"{len(clients.ok)} writes answered, {lost} of them not executed; {twice} executed twice")
    print(f"{unheard} executed and not answered")
    print(f"refused or not answered: {dict(clients.bad)}")


@contextmanager
def _store() -> Iterator[int]:
    """An S3 server and its port; killed at the end."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = one.getsockname()[1]
    os.environ |= {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
        try:
            yield port
        finally:
            server.kill()


def _listens(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def _await(is_so: Callable[[], bool], what: str) -> None:
    deadline_s = time.monotonic() + WELL_S
    while not is_so():
        if time.monotonic() > deadline_s:
            sys.exit(f"not within {WELL_S:g} s: {what}")
        time.sleep(0.02)


if __name__ == "__main__":
    main()
