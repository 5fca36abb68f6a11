"""What Envoy is told, and what it says: its configuration for regional steering, rendered and read back. Pure.

- Steering is by routes (RDS from a file, replaced by a *move*: Envoy ignores an edit in place) over clusters that are
  static. Hosts never leave a cluster, so that the trap of removed healthy hosts that keep their traffic cannot happen.
- No active health checks: which region serves is the orchestrator's decision alone, and a balancer that also decides
  would be a second brain in every drill. The lost node of a pair costs half of the requests, each answered at once.
- No retries: a POST that may have been executed is never sent twice.
- A reply that certainly means "no node has seen this request" carries `NOT_SENT_HEADER`: the answer of a closed route,
  and Envoy's own replies for a connection that never came about. Everything else that fails may have been executed.

Facts: Envoy 1.40, config/route/v3/route_components.proto, http_connection_manager.proto (local_reply_config),
https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage (response flags).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from traffic.driver import Active, Steering

if TYPE_CHECKING:
    from pathlib import Path

EPOCH_HEADER = "x-aurops-epoch"
"""On each request: the epoch that the proxy stamps."""
REGION_HEADER = "x-aurops-region"
"""On each response that a region gave: which one."""
PROBE_HEADER = "x-aurops-probe-region"
"""On a request: send it to this region only, and only while the region has weight."""
NOT_SENT_HEADER = "x-aurops-not-sent"
"""On a response: the request was certainly not executed."""

ROUTES = "service"
CONNECT_TIMEOUT_S = 0.1
"""Loopback connects in well under 1 ms; what takes longer is a full backlog of frozen processes."""
ROUTE_TIMEOUT_S = 5.0
"""A request gives up after this: its outcome is then unknown (504)."""
UPSTREAM_IDLE_S = 30.0
"""Below the nodes' keep-alive (75 s): Envoy closes idle connections, so that a node closes none under a request."""
MOST_REQUESTS = 10_000
"""Requests in flight per region before Envoy refuses: far above what a drill sends in `ROUTE_TIMEOUT_S`."""
NEVER_SENT_FLAGS = ("UF", "UH", "UO", "NR")
"""Connection failed, no healthy host, circuit breaker open, no route: nothing left Envoy."""

_NAMESPACE = "envoy"
_TYPE = f"type.googleapis.com/{_NAMESPACE}"
_Json = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listening:
    """Where one Envoy listens on loopback, and the files it watches.

    Args:
        proxy_port: Clients come here.
        admin_port: Envoy's admin interface.
        routes_file: The RDS file; replaced by a move within its folder.
    """

    proxy_port: int
    admin_port: int
    routes_file: Path


def bootstrap(listening: Listening, regions: Mapping[str, Sequence[int]]) -> str:
    """Envoy's start configuration (JSON).

    Args:
        listening: Ports and files.
        regions: For each region the loopback ports of its nodes.
    """
    return json.dumps(
        {
            "node": {"id": "edge", "cluster": "aurops"},
            "admin": {"address": _address(listening.admin_port)},
            "static_resources": {
                "listeners": [_listener(listening)],
                "clusters": [_cluster(region, ports) for region, ports in regions.items()],
            },
        }
    )


def routes(wanted: Steering, version: str) -> str:
    """The RDS file (JSON) for this steering.

    Args:
        wanted: Weights and epoch.
        version: Reported back by Envoy once the routes are in effect; unique per change.
    """
    probes = [_probe_route(region, weight) for region, weight in wanted.weights.items()]
    stray_probe = _refusal({"prefix": "/", "headers": [{"name": PROBE_HEADER, "present_match": True}]})
    host = {
        # Named by the version: Envoy takes no note of routes that it has already, and would never report this version.
        "name": f"{ROUTES}-{version}",
        "domains": ["*"],
        "routes": [*probes, stray_probe, _main_route(wanted)],
    }
    configuration = {
        "@type": f"{_TYPE}.config.route.v3.RouteConfiguration",
        "name": ROUTES,
        "request_headers_to_add": [_header(EPOCH_HEADER, str(wanted.epoch))],
        "virtual_hosts": [host],
    }
    return json.dumps({"version_info": version, "resources": [configuration]})


def active(config_dump: str) -> Active | None:
    """The steering in effect, from the answer of `/config_dump?resource=dynamic_route_configs`; None: none yet.

    The weights are read from the route that decides them, so that they cannot differ from what Envoy does.

    Raises:
        ValueError: The dump is not one of routes that this module rendered.
    """
    try:
        entries = json.loads(config_dump).get("configs", [])
        if not entries:
            return None
        entry = entries[0]
        configuration = entry["route_config"]
        stamp = configuration["request_headers_to_add"][0]["header"]["value"]
        weights = _weights(configuration["virtual_hosts"][0]["routes"])
        return Active(Steering(weights, int(stamp)), entry["version_info"])
    except (AttributeError, KeyError, IndexError, TypeError) as error:
        raise ValueError(f"not a dump of our routes: {config_dump[:200]}") from error


def under_way(stats: str, regions: Iterable[str]) -> dict[str, int]:
    """Requests per region that have no answer yet, from the answer of `/stats?format=json`.

    Those that wait for a connection are counted apart by Envoy (`upstream_rq_pending_active`), and are under way, too.
    https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats

    Raises:
        ValueError: It is not such an answer, or one of the regions is not in it.
    """
    try:
        values = {each["name"]: int(each["value"]) for each in json.loads(stats)["stats"] if "name" in each}
        counted = ("upstream_rq_active", "upstream_rq_pending_active")
        return {region: sum(values[f"cluster.{region}.{name}"] for name in counted) for region in regions}
    except (KeyError, TypeError) as error:
        raise ValueError(f"these statistics do not say what is under way: {stats[:200]}") from error


def _weights(entries: Sequence[Any]) -> dict[str, int]:
    """Every region has a probe's route; the last route says what each is given."""
    headers = [header for entry in entries for header in entry["match"].get("headers", ())]
    regions = [header["string_match"]["exact"] for header in headers if "string_match" in header]
    clusters = entries[-1].get("route", {}).get("weighted_clusters", {}).get("clusters", ())
    given = {cluster["name"]: int(cluster["weight"]) for cluster in clusters}
    return {region: given.get(region, 0) for region in regions}


def _main_route(wanted: Steering) -> _Json:
    if wanted.closed:
        return _refusal({"prefix": "/"})
    clusters = [
        {"name": region, "weight": weight, "response_headers_to_add": [_header(REGION_HEADER, region)]}
        for region, weight in wanted.weights.items()
        if weight
    ]
    return {"match": {"prefix": "/"}, "route": {"weighted_clusters": {"clusters": clusters}, **_timeout()}}


def _probe_route(region: str, weight: int) -> _Json:
    match = {"prefix": "/", "headers": [{"name": PROBE_HEADER, "string_match": {"exact": region}}]}
    if not weight:
        return _refusal(match)
    return {
        "match": match,
        "route": {"cluster": region, **_timeout()},
        "response_headers_to_add": [_header(REGION_HEADER, region)],
    }


def _refusal(match: _Json) -> _Json:
    return {
        "match": match,
        "direct_response": {"status": 503, "body": {"inline_string": '{"error":"closed"}'}},
        "response_headers_to_add": [_header(NOT_SENT_HEADER, "1")],
    }


def _timeout() -> _Json:
    return {"timeout": f"{ROUTE_TIMEOUT_S}s"}


def _header(name: str, value: str) -> _Json:
    # Overwrite: nobody but this proxy stamps an epoch or names a region.
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def _address(port: int) -> _Json:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _listener(listening: Listening) -> _Json:
    manager = {
        "@type": f"{_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "service",
        "rds": {"route_config_name": ROUTES, "config_source": _watched(listening.routes_file)},
        "local_reply_config": {"mappers": [_never_sent()]},
        "http_filters": [
            {
                "name": "envoy.filters.http.router",
                "typed_config": {"@type": f"{_TYPE}.extensions.filters.http.router.v3.Router"},
            }
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": "service", "address": _address(listening.proxy_port), "filter_chains": [{"filters": filters}]}


def _watched(file: Path) -> _Json:
    return {
        "resource_api_version": "V3",
        "path_config_source": {"path": str(file), "watched_directory": {"path": str(file.parent)}},
    }


def _never_sent() -> _Json:
    return {
        "filter": {"response_flag_filter": {"flags": list(NEVER_SENT_FLAGS)}},
        "headers_to_add": [_header(NOT_SENT_HEADER, "1")],
    }


def _cluster(region: str, ports: Sequence[int]) -> _Json:
    limits = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), MOST_REQUESTS)
    options = {
        "@type": f"{_TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
        "common_http_protocol_options": {"idle_timeout": f"{UPSTREAM_IDLE_S}s"},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    return {
        "name": region,
        "type": "STATIC",
        "connect_timeout": f"{CONNECT_TIMEOUT_S}s",
        "lb_policy": "ROUND_ROBIN",
        "ignore_health_on_host_removal": True,
        "circuit_breakers": {"thresholds": [limits]},
        "typed_extension_protocol_options": {f"{_NAMESPACE}.extensions.upstreams.http.v3.HttpProtocolOptions": options},
        "load_assignment": {
            "cluster_name": region,
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address(port)}} for port in ports]}],
        },
    }
