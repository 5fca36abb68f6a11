"""The gateway's Envoy: one listener that makes gRPC of REST, and beside it the edge as `traffic` renders it. Pure.

- Two listeners, because the transcoder and a fallback to V10 cannot share one chain of filters: V10 would get
  transcoded requests. The edge steers and speaks REST only; one of its sides is the gateway's listener.
- After the transcoder a request is routed by its method, so each has its own time-out, and its own rule of what may be
  sent again: whatever was certainly not sent, and a read also when there was no answer. No write is executed twice.
- A reply that certainly means "V11 has not seen this request" is marked, so that the edge may give it to V10.
- Certificates come from files by SDS: a move in the watched folder replaces them, connections stay.

Facts: Envoy 1.40, https://www.envoyproxy.io/docs/envoy/latest/configuration/http/http_filters/grpc_json_transcoder_filter
and lua_filter, config/cluster/v3/circuit_breaker.proto, extensions/transport_sockets/tls/v3.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from migration.gateway.envoy_clusters import (
    OPTIONS,
    REQUEST_ID,
    SOCKETS,
    V11,
    WINDOWS,
    platform_clusters,
    secret_files,
    served,
)
from migration.gateway.script import script
from traffic import envoy as edge
from traffic.envoy import TYPE, address, header
from traffic.headers import NO_ANSWER_HEADER

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from google.protobuf.descriptor_pb2 import FileDescriptorSet

    from migration.gateway.configuration import Gateway, Refusal
    from migration.gateway.methods import Method
    from traffic.envoy import Object
    from traffic.site import Site

NAME = "gateway"
BOOTSTRAP = "envoy.json"
SOCKET_IDLE_S = 3600.0
SOON = "0.02s"
KIB = 1024
WITHIN = {"allow_connect": True, **WINDOWS}
"""HTTP/2 between edge and gateway: WebSockets pass (RFC 8441)."""
LUA, BUFFER = "envoy.filters.http.lua", "envoy.filters.http.buffer"
TRANSCODER = "envoy.filters.http.grpc_json_transcoder"
_TRIES = 2
_NOT_SENT = "connect-failure,refused-stream,reset-before-request"
_NO_ANSWER = "reset,unavailable"
_EXTENSIONS = f"{TYPE}.extensions"


def render(gateway: Gateway, compiled: FileDescriptorSet, methods: Sequence[Method], out: Path) -> dict[str, str]:
    """All files, by their names in `out`: Envoy's start configuration, and where the certificates are.

    Args:
        gateway: What it is told.
        compiled: V11's descriptors.
        methods: Its methods that REST reaches.
        out: The folder that they will lie in, absolute.
    """
    secrets = {**secret_files("edge", gateway.edge_tls), **secret_files("v11", gateway.v11.tls)}
    return {BOOTSTRAP: _bootstrap(gateway, compiled, methods, out), **secrets}


def _bootstrap(gateway: Gateway, compiled: FileDescriptorSet, methods: Sequence[Method], out: Path) -> str:
    listeners = [_listener(gateway, compiled, methods)]
    clusters = [*platform_clusters(gateway, out)]
    if gateway.site:
        listeners.append(_edge(gateway, gateway.site, out))
        clusters += [_inside(_found_soon(each), gateway) for each in edge.clusters(gateway.site)]
    admin = gateway.site.admin if gateway.site else gateway.admin
    return json.dumps(
        {
            "node": {"id": NAME, "cluster": "aurops"},
            "admin": {"address": address(admin or "")},
            "static_resources": {"listeners": listeners, "clusters": clusters},
        },
        indent=1,
    )


def _listener(gateway: Gateway, compiled: FileDescriptorSet, methods: Sequence[Method]) -> Object:
    replies = _local_replies(gateway, edge.local_replies())
    manager = {
        "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": NAME,
        "route_config": _routes(gateway, methods),
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "http2_protocol_options": WITHIN,
        "early_header_mutation_extensions": [edge.deaf()],
        "server_header_transformation": "PASS_THROUGH",
        **edge.request_ids(),
        "local_reply_config": {"mappers": replies},
        "http_filters": [
            _lua(gateway, methods),
            _whole(gateway),
            _transcoder(gateway, compiled, methods),
            edge.router(),
        ],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {
        "name": NAME,
        "address": address(gateway.listens),
        "per_connection_buffer_limit_bytes": gateway.limits.buffer_bytes,
        "filter_chains": [{"filters": filters}],
    }


def _edge(gateway: Gateway, site: Site, out: Path) -> Object:
    """The edge's listener as `traffic` has it, with V10's words for what it answers itself, and a certificate."""
    listener: dict[str, Any] = json.loads(json.dumps(edge.listener(site)))
    (chain,) = listener["filter_chains"]
    manager = chain["filters"][0]["typed_config"]
    mappers = _local_replies(gateway, edge.local_replies(shared_keys=site.shared_keys))
    manager["local_reply_config"] = {"mappers": mappers}
    if gateway.edge_tls:
        chain["transport_socket"] = served(out)
    return listener


def _found_soon(cluster: Object) -> Object:
    """The same with a side that is not well asked again after 20 ms.

    Envoy asks for health once before it listens, and the gateway is in this very Envoy: that first question always
    fails, and until the next one V11 would get nothing.
    """
    again = {"no_traffic_interval": SOON, "unhealthy_interval": SOON, "unhealthy_edge_interval": SOON}
    copy: dict[str, Any] = json.loads(json.dumps(cluster))
    for check in copy.get("health_checks", ()):
        check.update({**again, "no_traffic_healthy_interval": check["interval"]})
    return copy


def _inside(cluster: Object, gateway: Gateway) -> Object:
    """The same over HTTP/2, if it is the gateway in this very Envoy: fewer and fuller connections cost less."""
    found: dict[str, Any] = json.loads(json.dumps(cluster))
    places = found.get("load_assignment", {}).get("endpoints", ())
    hosts = [host["endpoint"]["address"] for place in places for host in place["lb_endpoints"]]
    if hosts == [address(gateway.listens)]:
        found["typed_extension_protocol_options"][OPTIONS]["explicit_http_config"] = {"http2_protocol_options": WITHIN}
    return found


def _lua(gateway: Gateway, methods: Sequence[Method]) -> Object:
    source = {"inline_string": script(methods, gateway.v10)}
    options = {"@type": f"{_EXTENSIONS}.filters.http.lua.v3.Lua", "default_source_code": source}
    return {"name": LUA, "typed_config": options}


def _whole(gateway: Gateway) -> Object:
    """A request is passed on when all of it is there: one that is too large is refused before V11 sees any of it."""
    limit = {"max_request_bytes": gateway.limits.body_kib * KIB}
    return {
        "name": BUFFER,
        "typed_config": {"@type": f"{_EXTENSIONS}.filters.http.buffer.v3.Buffer", **limit},
    }


def _transcoder(gateway: Gateway, compiled: FileDescriptorSet, methods: Sequence[Method]) -> Object:
    options = {
        "@type": f"{_EXTENSIONS}.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        "proto_descriptor_bin": base64.b64encode(compiled.SerializeToString()).decode(),
        "services": sorted({method.service for method in methods}),
        "print_options": {"always_print_primitive_fields": True},
        "convert_grpc_status": True,
        "ignore_unknown_query_parameters": True,
        "request_validation_options": {"reject_unknown_method": True},
        # Not what refuses a request: how much of one the transcoder takes depends on how it arrives.
        "max_request_body_size": 2 * gateway.limits.body_kib * KIB,
        "max_response_body_size": gateway.limits.answer_kib * KIB,
    }
    return {"name": TRANSCODER, "typed_config": options}


def _routes(gateway: Gateway, methods: Sequence[Method]) -> Object:
    """By method; what is none of them the transcoder has refused already."""
    host = {
        "name": NAME,
        "domains": ["*"],
        "routes": [
            *(_socket_route(path) for path in gateway.v11.socket_paths),
            *(_route(gateway, method) for method in methods),
            {"match": {"prefix": "/"}, "direct_response": {"status": 404}},
        ],
    }
    return {"name": NAME, "virtual_hosts": [host]}


def _route(gateway: Gateway, method: Method) -> Object:
    _, timeout_s = gateway.timeouts.of(method.full_name, streams=method.streams)
    return {
        "match": {"path": method.path},
        "route": {"cluster": V11, "timeout": f"{timeout_s}s", "retry_policy": _again(method)},
        "metadata": {"filter_metadata": {LUA: {"method": method.path}}},
    }


def _again(method: Method) -> Object:
    other_host = f"{_EXTENSIONS}.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    return {
        "retry_on": f"{_NOT_SENT},{_NO_ANSWER}" if method.reads and not method.streams else _NOT_SENT,
        "num_retries": _TRIES,
        "retry_back_off": {"base_interval": "0.005s", "max_interval": "0.02s"},
        "retry_host_predicate": [
            {"name": "envoy.retry_host_predicates.previous_hosts", "typed_config": {"@type": other_host}}
        ],
        "host_selection_retry_max_attempts": 3,
    }


def _socket_route(path: str) -> Object:
    off = {"@type": f"{TYPE}.config.route.v3.FilterConfig", "disabled": True}
    return {
        "match": {"path": path},
        "route": {"cluster": SOCKETS, "timeout": "0s", "idle_timeout": f"{SOCKET_IDLE_S}s"},
        "typed_per_filter_config": dict.fromkeys((LUA, BUFFER, TRANSCODER), off),
    }


def _local_replies(gateway: Gateway, marked: Sequence[Object]) -> list[Object]:
    """Envoy's own replies in V10's words; what was not sent, or not answered, is marked as `traffic` marks it.

    Args:
        gateway: What it is told.
        marked: The marks.
    """
    refusals = gateway.v10.refusals
    words: list[tuple[Object, Refusal]] = []
    for mapper in marked:
        late = {"and_filter": {"filters": [mapper["filter"], _status("EQ", 504)]}}
        words += [({**mapper, "filter": late}, refusals.late), (mapper, refusals.unavailable)]
    words += [
        ({"filter": _status("EQ", 404)}, refusals.unknown),
        ({"filter": _status("EQ", 400)}, refusals.malformed),
        # An answer that was too large for the gateway: V11 has done it.
        ({"filter": _status("EQ", 500), "headers_to_add": [header(NO_ANSWER_HEADER, "1")]}, refusals.other),
        ({"filter": _status("GE", 400)}, refusals.other),
    ]
    return [_worded(gateway, mapper, refusal) for mapper, refusal in words]


def _worded(gateway: Gateway, mapper: Object, refusal: Refusal) -> Object:
    worded: dict[str, Any] = {
        **mapper,
        "headers_to_add": [
            *mapper.get("headers_to_add", ()),  # type: ignore[misc]  # ours, above
            header("content-type", gateway.v10.content_type),
        ],
        "body_format_override": {"json_format": _filled(gateway.v10.error, refusal)},
    }
    if refusal.status:
        worded["status_code"] = refusal.status
    return worded


def _filled(template: Any, refusal: Refusal) -> Any:
    """V10's error with Envoy's own commands in it (substitution formatter)."""
    if isinstance(template, dict):
        return {key: _filled(value, refusal) for key, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, refusal) for value in template]
    if not isinstance(template, str):
        return template
    message = _commands((refusal.message or "{message}").replace("%", "%%"), "{message}", "%LOCAL_REPLY_BODY%")
    message = _commands(message, "{method}", "%REQ(:METHOD)%")
    message = _commands(message, "{path}", "%PATH(NQ)%")
    text = _commands(template.replace("%", "%%"), "{code}", (refusal.code or "UNKNOWN").replace("%", "%%"))
    text = _commands(text, "{status}", "%RESPONSE_CODE%")
    text = _commands(text, "{request_id}", f"%REQ({REQUEST_ID})%")
    return _commands(text, "{message}", message)


def _commands(text: str, place: str, command: str) -> str:
    return text.replace(place, command)


def _status(op: str, status: int) -> Object:
    comparison = {"op": op, "value": {"default_value": status, "runtime_key": "aurops.never"}}
    return {"status_code_filter": {"comparison": comparison}}
