"""What Envoy is told, and what it says: its configuration for steering, rendered and read back. Pure.

- Steering is by routes (RDS from a file, replaced by a *move*: Envoy ignores an edit in place) over clusters that are
  static. Hosts never leave a cluster, so that the trap of removed healthy hosts that keep their traffic cannot happen.
- Where sides stand for themselves (regions), nothing checks health and nothing is sent again: which region serves is
  the orchestrator's decision alone. The lost node of a pair costs half of the requests, each answered at once.
- Where a side has a fallback (platforms), it is an aggregate of itself and, under a name of its own, of the fallback:
  what that one is given is counted apart. `traffic/envoy_routes.py` says what may be sent again.
- A reply that certainly means "no backend has seen this request" carries `NOT_SENT_HEADER`; one to a request that was
  sent and not answered carries `NO_ANSWER_HEADER`: it may have been executed.

Facts: Envoy 1.40, config/route/v3/route_components.proto, http_connection_manager.proto (local_reply_config),
https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/aggregate_cluster,
https://www.envoyproxy.io/docs/envoy/latest/configuration/observability/access_log/usage (response flags).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from traffic.headers import EMPTY_LINE, KEY_HEADER, NO_ANSWER_HEADER, NOT_SENT_HEADER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from traffic.site import Side, Site

ROUTES = "service"
"""The name of the routes and of the listener."""
FOLDER = "live"
"""In the site's folder: what Envoy watches; nothing else may be moved there."""
STEERING_FILE = "steering.json"
HEALTH_EVERY_S = 0.2
HEALTH_ANSWER_S = 0.5
UPSTREAM_IDLE_S = 30.0
"""Below the servers' keep-alive (75 s): Envoy closes idle connections, so that no server closes one under a request."""
SOCKET_IDLE_S = 3600.0
MOST_REQUESTS = 10_000
"""Requests in flight per side before Envoy refuses: far above what waits within a request's time-out."""
NEVER_SENT_FLAGS = ("UF", "UH", "UO", "NR")
"""Connection failed, no healthy host, circuit breaker open, no route: nothing left Envoy."""
NO_ANSWER_FLAGS = ("UC", "UR", "UT", "LR")
"""Connection ended, reset, timed out, reset by Envoy: it was sent."""

COMMANDS = tuple(
    f"x-envoy-{name}"
    for name in (
        "retry-on",
        "retry-grpc-on",
        "max-retries",
        "retriable-status-codes",
        "retriable-header-names",
        "hedge-on-per-try-timeout",
        "upstream-rq-timeout-ms",
        "upstream-rq-per-try-timeout-ms",
        "upstream-alt-stat-name",
    )
)
"""Request headers that the router obeys (envoyproxy.io, router filter, HTTP headers consumed from downstream)."""

_NAMESPACE = "envoy"
TYPE = f"type.googleapis.com/{_NAMESPACE}"
Object = Mapping[str, object]


def steering_file(folder: Path) -> Path:
    """The file that steers a site's Envoy."""
    return folder / FOLDER / STEERING_FILE


def aggregate(side: Side) -> str:
    """The cluster that a side's share goes to."""
    return f"{side.name}+" if side.instead else side.name


def fallback(side: Side) -> str:
    """The cluster of what a side's fallback is given in its place."""
    return f"{side.name}+{side.instead}"


def bootstrap(site: Site) -> str:
    """Envoy's start configuration (JSON)."""
    return json.dumps(_started(site, listener(site)))


def _started(site: Site, coming: Object) -> Object:
    return {
        "node": {"id": "edge", "cluster": "aurops"},
        "admin": {"address": address(site.admin)},
        "static_resources": {"listeners": [coming], "clusters": clusters(site)},
    }


def trial(site: Site, steering: str) -> str:
    """A start configuration (JSON) that has a steering file's routes in it, so that `--mode validate` looks at them.

    In that mode Envoy reads no file that it would watch. Nothing else differs from `bootstrap`.

    Raises:
        ValueError: It is no steering file.
    """
    try:
        (routes,) = json.loads(steering)["resources"]
        routes = {key: value for key, value in routes.items() if key != "@type"}
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"not a steering file: {steering[:200]}") from error
    return json.dumps(_started(site, _listener(site, {"route_config": routes})))


def listener(site: Site) -> Object:
    """The listener that clients come to; routes and weights follow in the steering file."""
    return _listener(
        site, {"rds": {"route_config_name": ROUTES, "config_source": _watched(steering_file(site.folder))}}
    )


def _listener(site: Site, routes: Object) -> Object:
    manager = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "service",
        **routes,
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "use_remote_address": True,
        "early_header_mutation_extensions": [deaf()],
        "xff_num_trusted_hops": site.sticky.trusted_hops if site.sticky else 0,
        **request_ids(),
        "server_header_transformation": "PASS_THROUGH",
        "local_reply_config": {"mappers": local_replies(shared_keys=site.shared_keys)},
        "http_filters": [router()],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"name": ROUTES, "address": address(site.listens), "filter_chains": [{"filters": filters}]}


def deaf() -> Object:
    """Take away the headers by which clients could have a write sent again; Envoy obeys them from private addresses."""
    mutation = {"mutations": [{"remove": name} for name in COMMANDS]}
    kind = f"{TYPE}.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    return {
        "name": "envoy.http.early_header_mutation.header_mutation",
        "typed_config": {"@type": kind, **mutation},
    }


def request_ids() -> Object:
    """A client's `x-request-id` stays as it is, bit by bit: executions are counted by it."""
    options = {"@type": f"{TYPE}.extensions.request_id.uuid.v3.UuidRequestIdConfig", "pack_trace_reason": False}
    return {"preserve_external_request_id": True, "request_id_extension": {"typed_config": options}}


def router() -> Object:
    """The last HTTP filter."""
    options = {"@type": f"{TYPE}.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": True}
    return {"name": "envoy.filters.http.router", "typed_config": options}


def local_replies(*, shared_keys: bool = False) -> list[Object]:
    """Marks on Envoy's own replies, for `local_reply_config`; a gateway between edge and backends sets them, too.

    Args:
        shared_keys: Writes with an idempotency key are sent again even if they may have been executed: their last
            failure says nothing of the first.
    """
    never_sent: Object = {"response_flag_filter": {"flags": list(NEVER_SENT_FLAGS)}}
    if shared_keys:
        plain = {"header_filter": {"header": filled(KEY_HEADER, invert=True)}}
        never_sent = {"and_filter": {"filters": [never_sent, plain]}}
    no_answer = {"response_flag_filter": {"flags": list(NO_ANSWER_FLAGS)}}
    return [
        {"filter": no_answer, "headers_to_add": [header(NO_ANSWER_HEADER, "1")]},
        {"filter": never_sent, "headers_to_add": [header(NOT_SENT_HEADER, "1")]},
    ]


def clusters(site: Site) -> list[Object]:
    """Each side's cluster; for one with a fallback also the fallback's and the aggregate of both."""
    found = [_cluster(site, side.name, side) for side in site.sides]
    for side in site.sides:
        if side.instead:
            # Its hosts are checked in their own cluster; here they are what is left.
            spare = site.side(side.instead).model_copy(update={"health_path": None})
            found += [_cluster(site, fallback(side), spare), _aggregate(site, side)]
    return found


def header(name: str, value: str) -> Object:
    """A header to set; what somebody else set is overwritten: nobody but this proxy stamps an epoch or names a side."""
    return {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


def filled(name: str, *, invert: bool = False) -> Object:
    """What a request with something in this header matches; with `invert` one without it, or with an empty line of it.

    Matched is what is *not* wanted, by line as by all lines with commas between them: Envoys differ in which they look
    at (1.40 at each line), and a match of one full line would say nothing of the others.
    """
    empty = {"string_match": {"safe_regex": {"regex": EMPTY_LINE}}, "treat_missing_header_as_empty": True}
    return {"name": name, **empty, "invert_match": not invert}


def address(text: str) -> Object:
    """host:port as Envoy has it."""
    host, _, port = text.rpartition(":")
    return {"socket_address": {"address": host, "port_value": int(port)}}


def _watched(file: Path) -> Object:
    return {
        "resource_api_version": "V3",
        "path_config_source": {"path": str(file), "watched_directory": {"path": str(file.parent)}},
    }


def _cluster(site: Site, name: str, side: Side) -> Object:
    options = {
        "@type": f"{TYPE}.extensions.upstreams.http.v3.HttpProtocolOptions",
        "common_http_protocol_options": {"idle_timeout": f"{UPSTREAM_IDLE_S}s"},
        "explicit_http_config": {"http_protocol_options": {}},
    }
    named = {"filter_metadata": {"aurops": {"side": side.name}}}
    hosts = [{"endpoint": {"address": address(each)}, "metadata": named} for each in side.backends]
    return {
        "name": name,
        "type": _discovery(side.backends),
        "lb_policy": "ROUND_ROBIN",
        "ignore_health_on_host_removal": True,
        # A side of which nobody is well gets nothing: its fallback does. Envoy's workers hear of health at once: by
        # default they hear up to a second later, and what the statistics say is well still gets nothing.
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}, "update_merge_window": "0s"},
        "typed_extension_protocol_options": {f"{_NAMESPACE}.extensions.upstreams.http.v3.HttpProtocolOptions": options},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}]},
        **_limits(site),
        **(_health(side.health_path) if side.health_path else {}),
    }


def _aggregate(site: Site, side: Side) -> Object:
    members = {
        "@type": f"{TYPE}.extensions.clusters.aggregate.v3.ClusterConfig",
        "clusters": [side.name, fallback(side)],
    }
    kind = {"name": "envoy.clusters.aggregate", "typed_config": members}
    return {"name": aggregate(side), "lb_policy": "CLUSTER_PROVIDED", "cluster_type": kind, **_limits(site)}


def _limits(site: Site) -> Object:
    limits = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests", "max_retries"), MOST_REQUESTS)
    return {"connect_timeout": f"{site.connect_timeout_s}s", "circuit_breakers": {"thresholds": [limits]}}


def _health(path: str) -> Object:
    every = f"{HEALTH_EVERY_S}s"
    check = {
        "timeout": f"{HEALTH_ANSWER_S}s",
        "interval": every,
        "no_traffic_interval": every,  # its default, 60 s, finds a side that gets nothing well for that long
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "http_health_check": {"path": path},
    }
    return {"health_checks": [check]}


def _discovery(backends: Sequence[str]) -> str:
    numeric = all(each.rpartition(":")[0].replace(".", "").isdigit() for each in backends)
    return "STATIC" if numeric else "STRICT_DNS"
