"""The sides and proxies of a rehearsal: sample platforms, and before them for each proxy of the plan a real Envoy.

V11 is one platform (gRPC, PostgreSQL, mTLS); each region has a V10 of its own (REST, RocksDB), as its WebSockets are
closed by region. Idempotency keys are claimed in one place, so that no key is executed by both. All began as copies.
"""

from __future__ import annotations

import json
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from aurops import documents
from aurops.clock import RealClock
from aurops.errors import OutsideError
from migration.model import NEW, OLD
from testbeds.local.platforms import gateways, stack
from testbeds.local.platforms.members import Kind, Member
from traffic import heartbeat
from traffic.dialects import open_driver
from traffic.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from migration.cutover_file import Cutover
    from testbeds.local.platforms.stack import Stack
    from traffic.driver import Driver

READ, WRITE, SOCKET = "/v1/transactions/seed", "/v1/transactions", "/v1/events"
SEED = {"id": "seed", "sender": "a", "recipient": "b", "assetId": "gold", "amount": 1}
_READY_S = 30.0
_CLOCK = RealClock()


@dataclass(frozen=True)
class Edge:
    """A proxy that is up, all of its traffic at V10, watched.

    Args:
        name: The plan's name of it.
        site: The file that describes it.
        listens: Where clients come.
        v11: A URL that says whether V11 is well, through the gateway.
        v10: The same of V10.
        old: Where V10 itself is asked.
        driver: Steers it.
    """

    name: str
    site: Path
    listens: str
    v11: str
    v10: str
    old: str
    driver: Driver

    @property
    def url(self) -> str:
        """Where clients come."""
        return f"http://{self.listens}"


@contextmanager
def up(cutover: Cutover) -> Iterator[tuple[Stack, dict[str, Edge]]]:
    """Bring up what a plan needs; at the end nothing of it is left, also when this process dies.

    Raises:
        OutsideError: This machine lacks a component, or one does not start.
    """
    old = {region.name: f"{OLD}-{region.name}" for region in cutover.regions}
    v10s = [Member(name=name, kind=Kind.REST, shares_keys=True) for name in old.values()]
    with ExitStack() as held:
        platforms = held.enter_context(stack.up(*v10s, Member(name=NEW, kind=Kind.GRPC, tls=True)))
        first = next(iter(old.values()))
        httpx.post(f"{platforms[first].url}{WRITE}", json=SEED, trust_env=False).raise_for_status()
        platforms.restore(first, *(name for name in (*old.values(), NEW) if name != first))
        edges = {
            proxy: held.enter_context(edge(platforms, proxy, old[region.name]))
            for region in cutover.regions
            for proxy in region.proxies
        }
        yield platforms, edges


@contextmanager
def edge(platforms: Stack, proxy: str, old: str) -> Iterator[Edge]:
    """Envoy with edge and gateway before V11 and a V10, all traffic at V10, and its watcher."""
    with gateways.up(platforms, NEW, edge=True, old=old, to=OLD) as started:
        site_file = Path(json.loads(started.file.read_text())["edge"])
        site = documents.load(site_file, Site)
        driver = open_driver(site)
        _await(
            lambda: all(driver.observe().flows[side].healthy for side in (OLD, NEW)), f"the sides of {proxy} are well"
        )
        platforms.run(f"watcher-{proxy}", [sys.executable, "-m", "traffic.watcher", f"--site={site_file}"])
        _await(lambda: heartbeat.is_watched(site.folder, _CLOCK), f"{proxy} is watched")
        v11, v10 = f"{started.url}{gateways.HEALTH_PATH}", f"{platforms[old].url}{gateways.HEALTH_PATH}"
        yield Edge(proxy, site_file, site.listens, v11, v10, platforms[old].url, driver)


def _await(is_so: Callable[[], bool], what: str) -> None:
    deadline_s = _CLOCK.now_s() + _READY_S
    while not is_so():
        if _CLOCK.now_s() > deadline_s:
            raise OutsideError(f"not within {_READY_S:g} s: {what}")
        _CLOCK.sleep(0.02)
