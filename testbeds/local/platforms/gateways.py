"""A gateway before a sample V11, with V10's ways as its people would write them down; and the edge before both."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx

from aurops.clock import RealClock
from aurops.errors import OutsideError
from migration.gateway import configuration
from migration.gateway.build import build
from migration.gateway.envoy import BOOTSTRAP
from testbeds.local import components
from testbeds.local.layout import LOOPBACK
from testbeds.local.platforms.certificates import TLS, issue
from testbeds.local.platforms.control import SOCKET_PATH
from testbeds.local.platforms.operations import OPERATIONS
from testbeds.local.platforms.protos import FOLDER
from testbeds.local.ports import claim
from traffic.dialects import open_driver
from traffic.driver import TOTAL_WEIGHT, Steering

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from testbeds.local.platforms.stack import Stack

READY_S = 20.0
EDGE_S = 15.0
"""So long the edge waits for a whole answer, and no stream behind it may take longer, seconds."""
GATEWAY, EDGE = "gateway", "edge"
HEALTH_PATH = "/v1/system/health"
_MESSAGES = "Envoy finds other words than V10 for a value that does not fit; nobody reads them by program"
WAYS: dict[str, Any] = {
    "status": {"*.Create*": 201},
    "error": {"error": {"code": "{code}", "message": "{message}", "requestId": "{request_id}"}},
    "reasons": {
        "WRONG_STATE": {"status": 409},
        "INSUFFICIENT_FUNDS": {"status": 422},
        "IDEMPOTENCY_KEY_REUSED": {"status": 422},
    },
}
"""How the sample V10 speaks."""


@dataclass(frozen=True, slots=True)
class Started:
    """A gateway that runs.

    Args:
        file: Its file, as `aurops gateway` reads it.
        out: What was built.
        url: The gateway's address.
        admin_url: Envoy's own interface.
        edge_port: Where clients come, when it has an edge; else 0.
        pid: Envoy's process.
    """

    file: Path
    out: Path
    url: str
    admin_url: str
    edge_port: int
    pid: int

    def statistics(self, prefix: str) -> dict[str, int]:
        """Envoy's counters and gauges whose names begin so."""
        said = httpx.get(f"{self.admin_url}/stats", params={"format": "json"}, trust_env=False).json()["stats"]
        return {each["name"]: each["value"] for each in said if str(each.get("name", "")).startswith(prefix)}


def document(
    stack: Stack, name: str, ports: range, *, edge: bool = False, tls: bool = False, old: str = "v10"
) -> dict[str, Any]:
    """A gateway's file for the V11 of this name.

    Args:
        stack: Its platforms.
        name: V11's.
        ports: The gateway's own, at least three.
        edge: With an edge before it and V10, all traffic at V11.
        tls: The edge has a certificate.
        old: The V10 that the edge has beside it.
    """
    v11 = stack[name]
    mtls = {"folder": str(stack.folder / TLS / GATEWAY), "server_name": f"{name}.local"}
    admin = f"{LOOPBACK}:{ports[1]}"
    return {
        "schema": 1,
        "protos": [str(FOLDER)],
        "listens": f"{LOOPBACK}:{ports[0]}",
        **({"edge": str(_edge(stack, name, ports, old))} if edge else {"admin": admin}),
        "timeouts": {"stream_s": EDGE_S},
        **({"edge_tls": {"folder": str(stack.folder / TLS / EDGE)}} if tls else {}),
        "v11": {
            "hosts": [v11.target],
            "sockets": [f"{LOOPBACK}:{v11.socket_port}"],
            "socket_paths": [SOCKET_PATH],
            **({"tls": mtls} if v11.member.tls else {}),
        },
        "v10": WAYS,
        "accept": [{"status": 400, "field": "error.message", "because": _MESSAGES}],
        "openapi": str(_openapi(stack.folder)),
    }


def _edge(stack: Stack, name: str, ports: range, old: str) -> Path:
    """The file of an edge before the gateway and V10."""
    v11 = {
        "name": name,
        "backends": [f"{LOOPBACK}:{ports[0]}"],
        "health_path": HEALTH_PATH,
        "instead": "v10",
        "drain_urls": [f"{stack[name].control_url}/drain"],
    }
    drain_urls = [f"{stack[old].control_url}/drain"]
    v10 = {"name": "v10", "backends": [stack[old].target], "health_path": HEALTH_PATH, "drain_urls": drain_urls}
    site = {
        "kind": "envoy",
        "folder": str(stack.folder / f"edge-{name}-{ports[0]}"),
        "listens": f"{LOOPBACK}:{ports[2]}",
        "admin": f"{LOOPBACK}:{ports[1]}",
        "sides": [v11, v10],
        "timeout_s": EDGE_S,
        "shared_keys": stack[old].member.shares_keys,
        "program": str(components.envoy().path),
    }
    file = stack.folder / f"edge-{name}-{ports[0]}.yaml"
    file.write_text(json.dumps(site))
    return file


@contextmanager
def up(
    stack: Stack,
    name: str = "v11",
    changes: dict[str, Any] | None = None,
    *,
    edge: bool = False,
    tls: bool = False,
    old: str = "v10",
    to: str = "",
) -> Iterator[Started]:
    """Build and start a gateway before a V11; it ends with this, or with the stack.

    Args:
        stack: Its platforms.
        name: V11's.
        changes: Other values of keys of its file; with another `v11` nobody waits until that is well.
        edge: With an edge before it and the V10 of the stack, all traffic at V11.
        tls: The edge has a certificate of the stack's authority.
        old: The V10 that the edge has beside it.
        to: The side that has all traffic; empty: V11.

    Raises:
        UsageError: The changes are wrong.
        OutsideError: Envoy does not start.
    """
    with claim(None) as claimed:
        ports = range(claimed.getsockname()[1] + 1, claimed.getsockname()[1] + 4)
        if stack[name].member.tls:
            issue(stack.folder / TLS, GATEWAY)
        if tls:
            issue(stack.folder / TLS, EDGE)
        own = stack.folder / f"gateway-{name}-{ports[0]}"
        file, out = own.with_suffix(".yaml"), own
        described = document(stack, name, ports, edge=edge, tls=tls, old=old)
        file.write_text(json.dumps({**described, **(changes or {})}))
        gateway = configuration.load(file)
        if site := gateway.site:
            open_driver(site).install(Steering({side: TOTAL_WEIGHT * (side == (to or name)) for side in site.names}, 1))
        build(gateway, out, None)
        command = [str(components.envoy().path), "-c", str(out / BOOTSTRAP), "--disable-hot-restart"]
        pid = stack.run(own.name, [*command, "--concurrency", "1", "--log-level", "warning"])
        admin = site.admin if site else gateway.admin
        edge_port = int(site.listens.rpartition(":")[2]) if site else 0
        started = Started(file, out, f"http://{gateway.listens}", f"http://{admin}", edge_port, pid)
        try:
            _await_ready(stack, name, started, well="v11" not in (changes or {}))
            yield started
        finally:
            stack.end(pid)


def _await_ready(stack: Stack, name: str, started: Started, *, well: bool) -> None:
    """Until Envoy serves, and V11 is well behind it.

    Args:
        stack: Envoy's.
        name: V11's.
        started: Its gateway.
        well: Whether V11 is to be well.

    Raises:
        OutsideError: It does not in time.
    """
    clock = RealClock()
    deadline_s = clock.now_s() + READY_S
    while clock.now_s() < deadline_s:
        try:
            url = f"{started.url}{HEALTH_PATH}" if well else f"{started.admin_url}/ready"
            side = f"cluster.{name}.membership_healthy"
            at_edge = not started.edge_port or started.statistics(side)[side] > 0
            if httpx.get(url, trust_env=False).is_success and at_edge:
                return
        except httpx.HTTPError:
            pass
        clock.sleep(0.01)
    said = (stack.folder / f"{started.out.name}.log").read_text(errors="replace")[-600:]
    raise OutsideError(f"Envoy does not serve: {said}", where=str(started.out))


def _openapi(folder: Path) -> Path:
    """The sample V10's OpenAPI document: its paths and methods."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        described = {"operationId": operation.name, "responses": {str(operation.success): {"description": "done"}}}
        paths.setdefault(operation.path, {})[operation.method.lower()] = described
    file = folder / "openapi.json"
    file.write_text(json.dumps({"openapi": "3.1.0", "info": {"title": "V10", "version": "10"}, "paths": paths}))
    return file
