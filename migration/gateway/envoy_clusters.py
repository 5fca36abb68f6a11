"""V11 as the gateway's Envoy sees it: clusters, circuit breakers, health, and certificates from files. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from migration.gateway.script import REQUEST_ID_HEADER
from traffic.envoy import TYPE, address, header

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from migration.gateway.configuration import Gateway, Tls
    from traffic.envoy import Object

REQUEST_ID = "x-request-id"
V11, SOCKETS = "v11-grpc", "v11-sockets"
WINDOWS = {"initial_stream_window_size": 256 * 1024, "initial_connection_window_size": 2**31 - 1}
"""HTTP/2's flow control: streams whose clients do not read must not fill the window of the connection that they share
with everybody, health checks included (config/core/v3/protocol.proto, Http2ProtocolOptions)."""
HEALTH_EVERY_S = 0.2
IDLE_S = 30.0
"""Below the servers' keep-alive: Envoy closes idle connections, so that no server closes one under a request."""
OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_TLS = f"{TYPE}.extensions.transport_sockets.tls.v3"


def platform_clusters(gateway: Gateway, out: Path) -> Sequence[Object]:
    """V11's gRPC servers, and its WebSockets if it has any.

    Args:
        gateway: What it is told.
        out: Where `secret_files` lie.
    """
    grpc = _cluster(gateway, V11, gateway.v11.hosts, {"http2_protocol_options": WINDOWS}, _named())
    # Where nobody is well nothing is sent, and the edge is told so.
    grpc["common_lb_config"] = {"healthy_panic_threshold": {"value": 0}}
    if gateway.v11.health == "grpc":
        grpc["health_checks"] = [_health()]
    sockets = _cluster(gateway, SOCKETS, gateway.v11.sockets, {"http_protocol_options": {}})
    found: list[dict[str, Any]] = [grpc, sockets] if gateway.v11.sockets else [grpc]
    if gateway.v11.tls:
        for cluster, protocol in zip(found, ("h2", "http/1.1"), strict=False):
            cluster["transport_socket"] = _asked(gateway.v11.tls.server_name, protocol, out)
    return found


def secret_files(name: str, tls: Tls | None) -> dict[str, str]:
    """What Envoy's file-based SDS reads: where certificate, key and authority are, and which folder is watched."""
    if tls is None:
        return {}
    watched = {"watched_directory": {"path": str(tls.folder)}}
    certificate = {
        "certificate_chain": {"filename": str(tls.folder / tls.certificate)},
        "private_key": {"filename": str(tls.folder / tls.key)},
        **watched,
    }
    files = {_secret_file(name): _secret(name, {"tls_certificate": certificate})}
    if tls.server_name:
        trusted = {"trusted_ca": {"filename": str(tls.folder / tls.authority)}, **watched}
        authority = f"{name}-authority"
        files[_secret_file(authority)] = _secret(authority, {"validation_context": trusted})
    return files


def served(out: Path) -> Object:
    """The edge's side of TLS: 1.3 and nothing older."""
    return _socket(
        "DownstreamTlsContext",
        {
            "common_tls_context": {
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
                "alpn_protocols": ["h2", "http/1.1"],
                "tls_certificate_sds_secret_configs": [_from_file("edge", out)],
            }
        },
    )


def _asked(server_name: str, protocol: str, out: Path) -> Object:
    """The gateway's side of mTLS: its own certificate, and V11's checked by authority and name."""
    wanted = {"san_type": "DNS", "matcher": {"exact": server_name}}
    return _socket(
        "UpstreamTlsContext",
        {
            "sni": server_name,
            "common_tls_context": {
                "tls_params": {"tls_minimum_protocol_version": "TLSv1_3", "tls_maximum_protocol_version": "TLSv1_3"},
                "alpn_protocols": [protocol],
                "tls_certificate_sds_secret_configs": [_from_file("v11", out)],
                "combined_validation_context": {
                    "default_validation_context": {"match_typed_subject_alt_names": [wanted]},
                    "validation_context_sds_secret_config": _from_file("v11-authority", out),
                },
            },
        },
    )


def _socket(kind: str, context: Object) -> Object:
    return {"name": "envoy.transport_sockets.tls", "typed_config": {"@type": f"{_TLS}.{kind}", **context}}


def _from_file(name: str, out: Path) -> Object:
    source = {"resource_api_version": "V3", "path_config_source": {"path": str(out / _secret_file(name))}}
    return {"name": name, "sds_config": source}


def _secret(name: str, content: Object) -> str:
    return json.dumps({"resources": [{"@type": f"{_TLS}.Secret", "name": name, **content}]}, indent=1)


def _secret_file(name: str) -> str:
    return f"secret-{name}.json"


def _named() -> Sequence[Object]:
    """Puts the request's id on what V11 answers; a route would put it on Envoy's own replies, too."""
    filters = f"{TYPE}.extensions.filters.http"
    name = {"append": header(REQUEST_ID_HEADER, f"%REQ({REQUEST_ID})%")}
    put = {"@type": f"{filters}.header_mutation.v3.HeaderMutation", "mutations": {"response_mutations": [name]}}
    last = {"@type": f"{filters}.upstream_codec.v3.UpstreamCodec"}
    return [
        {"name": "envoy.filters.http.header_mutation", "typed_config": put},
        {"name": "envoy.filters.http.upstream_codec", "typed_config": last},
    ]


def _cluster(
    gateway: Gateway, name: str, hosts: Sequence[str], protocol: Object, filters: Sequence[Object] = ()
) -> dict[str, Any]:
    limits = gateway.limits
    breakers = {
        "max_connections": limits.connections,
        "max_pending_requests": limits.waiting,
        "max_requests": limits.requests,
        "max_retries": limits.retries,
    }
    options = {
        "@type": f"type.googleapis.com/{OPTIONS}",
        "common_http_protocol_options": {"idle_timeout": f"{IDLE_S}s"},
        "explicit_http_config": protocol,
        **({"http_filters": filters} if filters else {}),
    }
    endpoints = [{"endpoint": {"address": address(each)}} for each in hosts]
    numeric = all(each.rpartition(":")[0].replace(".", "").isdigit() for each in hosts)
    return {
        "name": name,
        "type": "STATIC" if numeric else "STRICT_DNS",
        "connect_timeout": f"{gateway.timeouts.connect_s}s",
        "lb_policy": "ROUND_ROBIN",
        "ignore_health_on_host_removal": True,
        "per_connection_buffer_limit_bytes": limits.buffer_bytes,
        "circuit_breakers": {"thresholds": [breakers]},
        "typed_extension_protocol_options": {OPTIONS: options},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
    }


def _health() -> Object:
    every = f"{HEALTH_EVERY_S}s"
    return {
        "timeout": "1s",
        "interval": every,
        "no_traffic_interval": every,  # its default, 60 s, finds a host that gets nothing well for that long
        "unhealthy_threshold": 2,
        "healthy_threshold": 1,
        "grpc_health_check": {},
    }
