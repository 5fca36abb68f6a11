"""The gateway's Envoy configuration: what its users rely on, read from what Envoy is given."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from migration.gateway.configuration import Gateway
from migration.gateway.envoy import BOOTSTRAP, render
from migration.gateway.envoy_clusters import OPTIONS
from migration.gateway.methods import Method, read_methods
from migration.gateway.protos import compile_protos
from testbeds.local.platforms.protos import FOLDER
from tests.migration.gateway.test_configuration import EDGE, PLAIN, SIDE
from traffic.site import Site

COMPILED = compile_protos([FOLDER])
METHODS = {method.full_name: method for method in read_methods(COMPILED)}


def rendered(site: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """All files of a gateway, decoded."""
    gateway = Gateway.model_validate({**PLAIN, **changes})
    if gateway.edge:
        gateway = gateway.with_edge(Site.model_validate(site or EDGE), "edge.yaml")
    files = render(gateway, COMPILED, tuple(METHODS.values()), Path("/out"))
    return {name: json.loads(text) for name, text in files.items()}


def routes(bootstrap: Mapping[str, Any]) -> dict[str, Any]:
    """The gateway's routes by method."""
    listener = bootstrap["static_resources"]["listeners"][0]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    found = manager["route_config"]["virtual_hosts"][0]["routes"]
    return {each["match"]["path"]: each["route"] for each in found if "path" in each["match"]}


def cluster(bootstrap: Mapping[str, Any], name: str) -> Any:
    """One cluster."""
    return {each["name"]: each for each in bootstrap["static_resources"]["clusters"]}[name]


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_a_write_is_sent_again_only_if_it_was_certainly_not_sent(method: Method) -> None:
    """Each method has a route of its own; only reads may be repeated after they may have been executed."""
    again = set(routes(rendered()[BOOTSTRAP])[method.path]["retry_policy"]["retry_on"].split(","))
    sure = {"connect-failure", "refused-stream", "reset-before-request"}
    assert again - sure == ({"reset", "unavailable"} if method.reads and not method.streams else set())
    assert sure <= again


def test_time_outs_are_by_method() -> None:
    """The first pattern counts, else the general one, and streams have their own."""
    times = {"call_s": 3, "stream_s": 60, "methods_s": {"*.CreateBlock": 9}}
    found = routes(rendered(timeouts=times)[BOOTSTRAP])
    names = ("Blocks/CreateBlock", "Blocks/GetBlock", "Blocks/ExportBlocks")
    assert [found[f"/ledger.v11.{name}"]["timeout"] for name in names] == ["9.0s", "3.0s", "60.0s"]


def test_limits_and_health_stand_in_v11s_cluster() -> None:
    """Circuit breakers as told; health is asked as often without traffic; where nobody is well nothing is sent."""
    v11 = cluster(rendered(limits={"connections": 1, "waiting": 2, "requests": 3, "retries": 4})[BOOTSTRAP], "v11-grpc")
    limits = {"max_connections": 1, "max_pending_requests": 2, "max_requests": 3, "max_retries": 4}
    assert v11["circuit_breakers"]["thresholds"] == [limits]
    (check,) = v11["health_checks"]
    assert check["interval"] == check["no_traffic_interval"] == "0.2s"
    assert v11["common_lb_config"]["healthy_panic_threshold"] == {"value": 0}
    assert v11["ignore_health_on_host_removal"]


def test_the_edge_speaks_tls_1_3_only_and_certificates_come_from_watched_folders() -> None:
    """Both sides of TLS read their files by SDS, and V11's name is checked as well as its authority."""
    tls = {"folder": "/tls/v11", "server_name": "ledger.v11"}
    v11 = {**PLAIN["v11"], "tls": tls, "sockets": ["127.0.0.1:3"], "socket_paths": ["/ws"]}
    files = rendered(v11=v11, edge="edge.yaml", admin=None, edge_tls={"folder": "/tls/edge"})
    (listener,) = (each for each in files[BOOTSTRAP]["static_resources"]["listeners"] if each["name"] == "service")
    served = listener["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"]
    assert set(served["tls_params"].values()) == {"TLSv1_3"}
    for name in ("v11-grpc", "v11-sockets"):
        asked = cluster(files[BOOTSTRAP], name)["transport_socket"]["typed_config"]["common_tls_context"]
        checked = asked["combined_validation_context"]["default_validation_context"]
        assert checked["match_typed_subject_alt_names"][0]["matcher"] == {"exact": "ledger.v11"}
        source = asked["tls_certificate_sds_secret_configs"][0]["sds_config"]
        assert source["path_config_source"] == {"path": "/out/secret-v11.json"}
    for name, folder in (("secret-edge.json", "/tls/edge"), ("secret-v11.json", "/tls/v11")):
        certificate = files[name]["resources"][0]["tls_certificate"]
        assert certificate["watched_directory"] == {"path": folder}
        assert certificate["private_key"] == {"filename": f"{folder}/current/tls.key"}


def test_what_is_not_well_for_the_edge_is_asked_again_soon() -> None:
    """Envoy asks for the gateway's health before it listens itself: the next question must not wait for 0.2 s."""
    (check,) = cluster(rendered(edge="edge.yaml", admin=None)[BOOTSTRAP], "v11")["health_checks"]
    assert {check["no_traffic_interval"], check["unhealthy_interval"]} == {"0.02s"}
    assert {check["interval"], check["no_traffic_healthy_interval"]} == {"0.2s"}


def test_edge_and_gateway_of_one_envoy_speak_http_2_and_nobody_else_has_to() -> None:
    """Many requests share a connection, WebSockets pass, slow readers hold up nobody; others stay as they are."""
    v10 = {"name": "v10", "backends": ["127.0.0.1:3"], "health_path": "/health"}
    elsewhere = {**SIDE, "name": "other", "backends": ["127.0.0.2:8081"]}
    site = {**EDGE, "sides": [{**SIDE, "instead": "v10"}, elsewhere, v10]}
    bootstrap = rendered(site, edge="edge.yaml", admin=None)[BOOTSTRAP]
    spoken = {
        name: cluster(bootstrap, name)["typed_extension_protocol_options"][OPTIONS]["explicit_http_config"]
        for name in ("v11", "v11+v10", "other", "v10")
    }
    within = spoken.pop("v11")["http2_protocol_options"]
    assert list(spoken.values()) == [{"http_protocol_options": {}}] * 3
    listener = bootstrap["static_resources"]["listeners"][0]
    assert listener["filter_chains"][0]["filters"][0]["typed_config"]["http2_protocol_options"] == within
    assert within["allow_connect"]
    options = cluster(bootstrap, "v11-grpc")["typed_extension_protocol_options"][OPTIONS]
    for shared in (within, options["explicit_http_config"]["http2_protocol_options"]):
        assert shared["initial_connection_window_size"] >= 1000 * shared["initial_stream_window_size"]


def test_without_certificates_none_are_mentioned() -> None:
    """A gateway on loopback needs no files but its own."""
    assert set(rendered()) == {BOOTSTRAP}


def test_percent_signs_of_v10s_words_are_no_commands_of_envoys() -> None:
    """A literal per cent sign in V10's error stays one."""
    ways = {"error": {"note": "100%", "said": "{message} ({code})", "at": ["{request_id}", 5]}}
    listener = rendered(v10=ways)[BOOTSTRAP]["static_resources"]["listeners"][0]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    words = [each["body_format_override"]["json_format"] for each in manager["local_reply_config"]["mappers"]]
    assert all(each["note"] == "100%%" and each["at"] == ["%REQ(x-request-id)%", 5] for each in words)
    assert "Cannot %REQ(:METHOD)% %PATH(NQ)% (NOT_FOUND)" in [each["said"] for each in words]
