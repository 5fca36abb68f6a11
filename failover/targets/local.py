"""The local target: real processes on this machine, spoken to through their region agents and the edge, over HTTP.

It proves RTO and RPO; every drill of `make drill` runs on it.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from aurops.errors import OutsideError
from aurops.plan import Answer, CallUnknownError, Json, Observation, StaleEpochError
from failover.model import (
    CacheRole,
    Capabilities,
    Capability,
    DatabaseRole,
    DatabaseState,
    EdgeState,
    RegionState,
    World,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aurops.clock import Clock

TRIED = "real processes on one machine"
_OBSERVE_WAIT_S = 0.08
"""How long an observation waits for an agent that answered last time; one that did not is not waited for again."""
_OBSERVE_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class LocalEndpoints:
    """Where the target's agents listen.

    Args:
        agents: Base URL of each region's agent, in order of preference.
        edge: Base URL of the edge's agent.
    """

    agents: Mapping[str, str]
    edge: str


class LocalTarget:
    """A `failover.model.Target` on a local bed.

    Args:
        endpoints: Where the agents listen.
        clock: Stamps the observations.
    """

    def __init__(self, endpoints: LocalEndpoints, clock: Clock) -> None:
        self._endpoints = endpoints
        self._clock = clock
        self._client = httpx.Client(trust_env=False)
        self._pool = ThreadPoolExecutor(max_workers=16, thread_name_prefix="observe")
        self._lock = threading.Lock()
        self._asked: dict[str, Future[Observation[dict[str, Any]]]] = {}

    def close(self) -> None:
        """Let go of connections and threads; no call is waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._client.close()

    def capabilities(self) -> Capabilities:
        """All of them; which regions are attached standbys now."""
        world = self.observe()
        seen = {region: world.database(region) for region in world.regions}
        promotable = {
            region: (bool(d and d.role is DatabaseRole.STANDBY), "no answer" if d is None else f"database is {d.role}")
            for region, d in seen.items()
        }
        return Capabilities(frozenset(Capability), promotable, TRIED)

    def observe(self) -> World:
        """Ask every agent at once; an agent that is still silent from last time is unknown at once."""
        urls = {**self._endpoints.agents, "": self._endpoints.edge}
        with self._lock:
            silent = {name for name, asked in self._asked.items() if not asked.done()}
            for name, url in urls.items():
                if name not in silent:
                    self._asked[name] = self._pool.submit(self._ask, url)
            asked = dict(self._asked)
        wait([future for name, future in asked.items() if name not in silent], timeout=_OBSERVE_WAIT_S)
        seen = {name: self._taken(future) for name, future in asked.items()}
        regions = {name: _mapped(seen[name], _region) for name in self._endpoints.agents}
        return World(regions, _mapped(seen[""], _edge))

    def fence(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """`POST /fence` at the region's agent."""
        return self._command(region, "fence", {"epoch": epoch}, timeout_s)

    def detach(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """`POST /detach`: answers when the wal receiver is gone."""
        return self._command(region, "detach", {"epoch": epoch}, timeout_s)

    def hold(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """`POST /hold`: answers when every node that lives holds."""
        return self._command(region, "hold", {"epoch": epoch}, timeout_s)

    def release(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """`POST /release`."""
        return self._command(region, "release", {"epoch": epoch}, timeout_s)

    def drain(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """`POST /drain` at the edge: answers when Envoy waits for no answer of the region, or after a second."""
        answer = self._command("", "drain", {"epoch": epoch, "region": region}, timeout_s)
        left = answer.data["under_way"]
        return Answer(waiting=f"{left} requests are still under way in {region}") if left else answer

    def demote(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """`POST /demote`: answers when PostgreSQL has started as a standby, with the end of its log."""
        return self._command(region, "demote", {"epoch": epoch}, timeout_s)

    def promote_database(self, region: str, voters: tuple[str, ...], epoch: int, timeout_s: float) -> Answer:
        """`POST /promote`: answers when it is writable under the epoch."""
        return self._command(region, "promote", {"epoch": epoch, "voters": list(voters)}, timeout_s)

    def promote_cache(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """`POST /promote_cache`."""
        return self._command(region, "promote_cache", {"epoch": epoch}, timeout_s)

    def reprotect(self, region: str, primary: str, epoch: int, timeout_s: float) -> Answer:
        """`POST /follow`: the agent repoints, rewinds or copies, and says which; copying may outlast the call."""
        try:
            return self._command(region, "follow", {"epoch": epoch, "primary": primary}, timeout_s)
        except CallUnknownError as error:
            if not isinstance(error.__cause__, httpx.ReadTimeout):
                raise
            return Answer(waiting=f"{region} was asked to follow {primary}, and has not finished after {timeout_s:g} s")

    def verify_write(self, region: str, epoch: int, timeout_s: float) -> Answer:
        """`POST /verify_write`: one commit through a node of the region, read back."""
        return self._command(region, "verify_write", {"epoch": epoch}, timeout_s)

    def shift(self, weights: Mapping[str, int], epoch: int, timeout_s: float) -> Answer:
        """`POST /shift` at the edge: answers when Envoy has the routes in effect."""
        full = {region: int(weights.get(region, 0)) for region in self._endpoints.agents}
        return self._command("", "shift", {"epoch": epoch, "weights": full}, timeout_s)

    def _ask(self, url: str) -> Observation[dict[str, Any]]:
        try:
            answer = self._client.get(f"{url}/observe", timeout=_OBSERVE_TIMEOUT_S)
            answer.raise_for_status()
            return Observation(answer.json(), self._clock.now_s(), "agent")
        except (httpx.HTTPError, ValueError) as error:
            return Observation(None, self._clock.now_s(), "agent", f"{type(error).__name__}: {error}")

    def _taken(self, future: Future[Observation[dict[str, Any]]]) -> Observation[dict[str, Any]]:
        if future.done():
            return future.result()
        return Observation(None, self._clock.now_s(), "agent", "no answer yet")

    def _command(self, region: str, path: str, body: dict[str, Any], timeout_s: float) -> Answer:
        url = self._endpoints.agents[region] if region else self._endpoints.edge
        who = region or "the edge"
        try:
            answer = self._client.post(f"{url}/{path}", json=body, timeout=timeout_s)
        except httpx.ConnectError as error:
            raise OutsideError(f"{who} cannot be reached", where=url) from error
        except httpx.HTTPError as error:
            raise CallUnknownError(f"{who} /{path}: {type(error).__name__}") from error
        if answer.status_code == httpx.codes.CONFLICT:
            raise StaleEpochError(f"{who} refused epoch {body['epoch']}: {answer.text}")
        if answer.is_server_error:
            raise CallUnknownError(f"{who} /{path}: {answer.status_code} {answer.text[:200]}")
        if answer.is_error:
            raise OutsideError(f"{who} refused /{path}: {answer.text[:200]}", where=url)
        data: dict[str, Json] = answer.json()
        return Answer(data)


def _mapped(seen: Observation[dict[str, Any]], make: Any) -> Observation[Any]:
    if seen.value is None:
        return Observation(None, seen.at_s, seen.observer, seen.why_unknown)
    return Observation(make(seen.value), seen.at_s, seen.observer)


def _region(view: dict[str, Any]) -> RegionState:
    found = view["database"]
    database = DatabaseState(
        role=DatabaseRole(found["role"]),
        receiving=found["receiving"],
        attached=found["attached"],
        following=found["following"],
        flush_lsn=found["flush_lsn"],
        fence_epoch=found["fence_epoch"],
        writable=found["writable"],
        voters=tuple(found["voters"]),
    )
    return RegionState(
        highest_epoch=view["highest_epoch"],
        fenced=view["fenced"],
        database=database,
        cache=CacheRole(view["cache"]["role"]),
        node_epochs=tuple(node["epoch"] for node in view["nodes"]),
        held_epochs=tuple(node["held"] for node in view["nodes"]),
    )


def _edge(view: dict[str, Any]) -> EdgeState:
    return EdgeState(view["highest_epoch"], view["weights"], view["stamp_epoch"], view["under_way"])
