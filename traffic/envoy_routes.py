"""Envoy's routes: which request goes where, and which may be sent again. Pure.

| request | sent again, at another backend and then at the fallback, when |
|---|---|
| of a side without fallback | never |
| any | it was certainly not sent: no connection, refused stream, or a gateway says so (`NOT_SENT_HEADER`) |
| GET, HEAD, OPTIONS | also when there was no answer |
| a write with an idempotency key, where both sides look keys up in one place | also when there was no answer |

A backend's own answer, 5xx included, is an answer and is passed on.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from aurops.errors import UsageError
from traffic.driver import Active, Flow, Steering, decided, read_back
from traffic.envoy import ROUTES, SOCKET_IDLE_S, TYPE, Object, aggregate, fallback, filled, header
from traffic.folder import Rendered
from traffic.headers import EPOCH_HEADER, KEY_HEADER, NO_ANSWER_HEADER, NOT_SENT_HEADER, PROBE_HEADER, SIDE_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from traffic.site import Side, Site

_TRIES = 3
_UNTIL_FALLBACK = 2
"""Tries at the side itself before its fallback is tried: one pod that restarts is not a side that has died."""
_NOT_SENT = "connect-failure,refused-stream,reset-before-request,retriable-headers"
_FEW = 10
"""Health checks of a side that was never well since Envoy started, before that counts. A gateway in the same Envoy does
not listen yet when it is asked first."""
_NOT_OURS = (AttributeError, KeyError, IndexError, TypeError)
"""What reading something of another shape raises."""
_COUNTED = ("upstream_rq_total", "upstream_rq_active", "upstream_rq_pending_active")


def render(site: Site, wanted: Steering, instead_before: Mapping[str, int]) -> Rendered:
    """The steering file (RDS, JSON).

    Args:
        site: The proxy.
        wanted: Weights and epoch.
        instead_before: What each side's fallback was given in its place until now.
    """
    configuration: dict[str, Any] = {
        "@type": f"{TYPE}.config.route.v3.RouteConfiguration",
        "name": ROUTES,
        "request_headers_to_add": [header(EPOCH_HEADER, str(wanted.epoch))],
        "virtual_hosts": [
            {
                "domains": ["*"],
                "routes": _routes(site, wanted, instead_before),
                "response_headers_to_add": [header(SIDE_HEADER, "%UPSTREAM_METADATA(aurops:side)%")],
            }
        ],
    }
    version = _version(configuration)
    # Named by the version: Envoy takes no note of routes that it has already, and would never report this version.
    configuration["virtual_hosts"][0]["name"] = _host_name(version)
    return Rendered(json.dumps({"version_info": version, "resources": [configuration]}), version)


def version_of(text: str) -> str:
    """The version of a steering file, if it is as `render` wrote it.

    Raises:
        ValueError: It is not.
    """
    try:
        file = json.loads(text)
        version, (configuration,) = str(file["version_info"]), file["resources"]
        name = configuration["virtual_hosts"][0].pop("name")
        if (_version(configuration), name) == (version, _host_name(version)):
            return version
    except (AttributeError, KeyError, IndexError, TypeError, ValueError):
        pass
    raise ValueError("not as aurops wrote it")


def sides_of(text: str) -> tuple[str, ...]:
    """The sides that a steering file knows: each has a route for probes, whatever its weight.

    Raises:
        ValueError: It is none.
    """
    try:
        (configuration,) = json.loads(text)["resources"]
        matched = [each["match"].get("headers", [{}])[0] for each in configuration["virtual_hosts"][0]["routes"]]
        return tuple(str(each["string_match"]["exact"]) for each in matched if _is_probe(each))
    except _NOT_OURS as error:
        raise ValueError(f"not a steering file: {text[:200]}") from error


def _is_probe(header: Mapping[str, Any]) -> bool:
    return header.get("name") == PROBE_HEADER and "string_match" in header


def active(site: Site, config_dump: str, stats: str) -> Active | None:
    """What is in effect; None: Envoy has no routes yet.

    Args:
        site: The proxy.
        config_dump: The answer of `/config_dump?resource=dynamic_route_configs`. The weights are read from the routes
            that decide them, so that they cannot differ from what Envoy does.
        stats: The answer of `/stats?format=json`.

    Raises:
        ValueError: The dump is not one of routes that this module rendered, or the statistics lack a side.
    """
    dumped = _dumped(config_dump)
    if dumped is None:
        return None
    try:
        return _read_back(site, *dumped, flows(site, stats))
    except _NOT_OURS as error:
        raise ValueError(f"not a dump of our routes: {config_dump[:200]}") from error


def _dumped(config_dump: str) -> tuple[str, Mapping[str, Any]] | None:
    """The version and the routes that Envoy has, whoever wrote them; None: it has none yet.

    Raises:
        ValueError: It is not a dump of routes.
    """
    try:
        entries = json.loads(config_dump).get("configs", [])
        return (str(entries[0]["version_info"]), entries[0].get("route_config", {})) if entries else None
    except _NOT_OURS as error:
        raise ValueError(f"not a dump of routes: {config_dump[:200]}") from error


def _read_back(site: Site, version: str, configuration: Mapping[str, Any], flows: Mapping[str, Flow]) -> Active:
    epoch = int(configuration["request_headers_to_add"][0]["header"]["value"])
    routes = configuration["virtual_hosts"][0]["routes"]
    said = routes[-1]["metadata"]["filter_metadata"]["aurops"]
    before = {side: int(count) for side, count in said["instead_before"].items()}
    return read_back(Steering(_weights(site, routes), epoch), version, flows, before, said.get("decided"))


def version_in_effect(site: Site, config_dump: str) -> str:
    """The version in the answer of `/config_dump?resource=dynamic_route_configs`; empty: Envoy has no routes of ours.

    Raises:
        ValueError: It is not such an answer.
    """
    dumped = _dumped(config_dump)
    if dumped is None:
        return ""
    try:
        return _read_back(site, *dumped, {}).version
    except (*_NOT_OURS, ValueError, UsageError):
        return ""  # somebody else's, which a rollback is about to replace


def flows(site: Site, stats: str) -> dict[str, Flow]:
    """What each side got, from the answer of `/stats?format=json`.

    Requests that wait for a connection are counted apart by Envoy (`upstream_rq_pending_active`), and are under way.
    https://www.envoyproxy.io/docs/envoy/latest/configuration/upstream/cluster_manager/cluster_stats

    Raises:
        ValueError: It is not such an answer, or one of the sides is not in it.
    """
    try:
        values = {each["name"]: int(each["value"]) for each in json.loads(stats)["stats"] if "name" in each}
        return {side.name: _flow(site, side, values) for side in site.sides}
    except (KeyError, TypeError) as error:
        raise ValueError(f"these statistics do not say what each side got: {stats[:200]}") from error


def _flow(site: Site, side: Side, values: Mapping[str, int]) -> Flow:
    # What a side is given in another one's place, its backends have to serve, and it is to be drained from them.
    in_place_of = [fallback(each) for each in site.sides if each.instead == side.name]
    total, *open_now = (sum(values[f"cluster.{c}.{name}"] for c in (side.name, *in_place_of)) for name in _COUNTED)
    return Flow(
        requests=total,
        under_way=sum(open_now),
        sockets=values.get(f"cluster.{aggregate(side)}.upstream_rq_101", 0),  # not there before the first
        instead=values[f"cluster.{fallback(side)}.upstream_rq_total"] if side.instead else 0,
        healthy=values[f"cluster.{side.name}.membership_healthy"] if side.health_path else None,
        starting=bool(side.health_path) and _starting(side, values),
    )


def _starting(side: Side, values: Mapping[str, int]) -> bool:
    asked, well = (values[f"cluster.{side.name}.health_check.{name}"] for name in ("attempt", "success"))
    return well == 0 and asked < _FEW


def _host_name(version: str) -> str:
    return f"{ROUTES}-{version}"


def _version(configuration: Mapping[str, Any]) -> str:
    epoch = configuration["request_headers_to_add"][0]["header"]["value"]
    digest = hashlib.sha256(json.dumps(configuration, sort_keys=True).encode()).hexdigest()
    return f"{epoch}-{digest[:16]}"


def _weights(site: Site, routes: list[Any]) -> dict[str, int]:
    """What the routes say; every route that decides says the same.

    Raises:
        KeyError, ValueError: They do not.
    """
    if "direct_response" in routes[-1]:
        return dict.fromkeys(site.names, 0)
    names = {aggregate(side): side.name for side in site.sides}
    found = [
        {names[cluster["name"]]: int(cluster.get("weight", 0)) for cluster in split["clusters"]}
        for route in routes
        if (split := route.get("route", {}).get("weighted_clusters"))
    ]
    if any(each != found[0] for each in found):
        raise ValueError(f"the routes have different weights: {found}")
    return {name: found[0].get(name, 0) for name in site.names}


def _routes(site: Site, wanted: Steering, instead_before: Mapping[str, int]) -> list[Object]:
    probes = [_probe_route(site, side, wanted.weight(side)) for side in site.names]
    stray_probe = _refusal({"prefix": "/", "headers": [{"name": PROBE_HEADER, "present_match": True}]})
    main: dict[str, Any] = {"match": {"prefix": "/"}}
    main |= _refusal(main["match"]) if wanted.closed else {"route": _split(site, wanted)}
    main["metadata"] = {"filter_metadata": {"aurops": _said(wanted, instead_before)}}
    special = [] if wanted.closed or not site.way_back else _special_routes(site, wanted)
    return [*probes, stray_probe, *(each for route in [*special, main] for each in _by_whom(site, route))]


def _by_whom(site: Site, route: dict[str, Any]) -> list[Object]:
    """A route that splits, once for each thing that a request can keep its side by: the first that it has decides.

    A hash policy alone would take a header that is empty for one: all who send it would be one user.
    """
    if site.sticky is None or "route" not in route:
        return [route]
    found = []
    for name in (site.sticky.user_header, site.sticky.key_header):
        match = {**route["match"], "headers": [*route["match"].get("headers", []), filled(name)]}
        found.append(_hashed({**route, "match": match}, {"header": {"header_name": name}}))
    return [*found, _hashed(route, {"connection_properties": {"source_ip": True}})]


def _hashed(route: dict[str, Any], by: Object) -> Object:
    return {**route, "route": {**route["route"], "hash_policy": [by]}}


def _said(wanted: Steering, instead_before: Mapping[str, int]) -> Object:
    return {"instead_before": dict(instead_before), "decided": decided(wanted, instead_before)}


def _special_routes(site: Site, wanted: Steering) -> list[dict[str, Any]]:
    """Those that may be sent again although they were sent, and WebSockets, which no time-out ends."""
    upgrade = {"name": "upgrade", "string_match": {"exact": "websocket", "ignore_case": True}}
    endless = {**_split(site, wanted), "timeout": "0s", "idle_timeout": f"{SOCKET_IDLE_S}s"}
    again = {**_split(site, wanted), "retry_policy": _again(f"{_NOT_SENT},reset", NOT_SENT_HEADER, NO_ANSWER_HEADER)}
    reads = {"name": ":method", "string_match": {"safe_regex": {"regex": "GET|HEAD|OPTIONS"}}}
    routes: list[dict[str, Any]] = [
        {"match": {"prefix": "/", "headers": [upgrade]}, "route": endless},
        {"match": {"prefix": "/", "headers": [reads]}, "route": again},
    ]
    if site.shared_keys:
        keyed = {"prefix": "/", "headers": [filled(KEY_HEADER)]}
        # Whether the last try was sent says nothing of the first.
        routes.append({"match": keyed, "route": again, "response_headers_to_remove": [NOT_SENT_HEADER]})
    return routes


def _split(site: Site, wanted: Steering) -> dict[str, Any]:
    # With weight 0 or not, in the site's order: it decides who moves.
    shares = [{"name": aggregate(side), "weight": wanted.weight(side.name)} for side in site.sides]
    split: dict[str, Any] = {"weighted_clusters": {"clusters": shares}, "timeout": f"{site.timeout_s}s"}
    if site.sticky:
        split["weighted_clusters"]["use_hash_policy"] = True
    if site.way_back:
        split["retry_policy"] = _again(_NOT_SENT, NOT_SENT_HEADER)
    return split


def _again(retry_on: str, *marks: str) -> Object:
    other_host = f"{TYPE}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    other_cluster = f"{TYPE}.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"
    return {
        "retry_on": retry_on,
        "num_retries": _TRIES,
        "retriable_headers": [{"name": mark, "present_match": True} for mark in marks],
        "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.02s"},
        "retry_host_predicate": [
            {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": other_host}}
        ],
        "host_selection_retry_max_attempts": 3,
        "retry_priority": {
            "name": "envoy.retry_priorities.previous_priorities",
            "typed_config": {"@type": other_cluster, "update_frequency": _UNTIL_FALLBACK},
        },
    }


def _probe_route(site: Site, side: str, weight: int) -> Object:
    match = {"prefix": "/", "headers": [{"name": PROBE_HEADER, "string_match": {"exact": side}}]}
    if not weight:
        return _refusal(match)
    return {"match": match, "route": {"cluster": side, "timeout": f"{site.timeout_s}s"}}


def _refusal(match: Object) -> Object:
    return {
        "match": match,
        "direct_response": {"status": 503, "body": {"inline_string": '{"error":"closed"}'}},
        "response_headers_to_add": [header(NOT_SENT_HEADER, "1")],
    }
