from __future__ import annotations

import json
from typing import TYPE_CHECKING

from components.traffic.component import Backend, Traffic
from components.traffic.spec import TrafficSpec
from tests.components import parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph, Node

CHECK = "route53/healthCheck:HealthCheck"


def records(graph: Graph, name: str) -> dict[str, Node]:
    """The records of a name, by identifier."""
    found = graph.of("route53/record:Record").values()
    return {node.inputs["setIdentifier"]: node for node in found if node.inputs["name"] == name}


def given_zone(**more: object) -> Graph:
    """Traffic in a zone that exists."""
    backends = {region: Backend(f"lb.{region}.example", f"Z{region}", "/health") for region in parts.REGIONS}
    spec = TrafficSpec.model_validate({**parts.TRAFFIC, "zone_id": "ZGIVEN", **more})
    return run(lambda: Traffic("pay-dns", spec, backends, parts.place()))


def test_the_zone_is_an_input_and_made_on_request_only(names: Graph) -> None:
    """With `zone_id` none is made; with `create_zone` one is, and protected."""
    graph = given_zone()
    assert not graph.of("route53/zone:Zone")
    assert {node.inputs["zoneId"] for node in graph.of("route53/record:Record").values()} == {"ZGIVEN"}
    assert names.one("route53/zone:Zone").protect


def test_endpoints_are_asked_every_ten_seconds(names: Graph) -> None:
    """HTTPS on the region's entrance, 10 s apart, two failures."""
    check = names.of(CHECK)["pay-dns-endpoint-eu-west-1"].inputs
    assert (check["type"], check["fqdn"], check["resourcePath"]) == ("HTTPS", "lb.eu-west-1.example", "/health")
    assert (check["requestInterval"], check["failureThreshold"]) == (10, 2)


def test_each_region_has_a_switch_in_another_region(names: Graph) -> None:
    """An inverted check on an object that lies elsewhere and that Pulumi never makes."""
    for region, keeper in parts.TRAFFIC["switches"].items():
        check = names.of(CHECK)[f"pay-dns-switch-{region}"].inputs
        assert check["invertHealthcheck"] is True
        assert check["failureThreshold"] == 1
        assert check["fqdn"] == f"pay-dns-switch-{keeper}.s3.{keeper}.amazonaws.com"
        assert check["resourcePath"] == f"/off/{region}"
        assert names.of("s3/bucket:Bucket")[f"pay-dns-switch-{keeper}"].inputs["region"] == keeper != region
    assert not [node for node in names.nodes if "bucketObject:" in node.type or "bucketObjectv2" in node.type]


def test_checkers_can_read_the_switch_and_nothing_else(names: Graph) -> None:
    """Public is `off/*` alone, for reading alone; and only over TLS."""
    document = json.loads(names.of("s3/bucketPolicy:BucketPolicy")["pay-dns-switch-eu-west-1"].inputs["policy"])
    read, refuse = document["Statement"]
    assert (read["Action"], read["Principal"], read["Effect"]) == ("s3:GetObject", "*", "Allow")
    assert read["Resource"].endswith("/off/*")
    assert (refuse["Effect"], refuse["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_a_region_is_in_dns_while_all_parts_are_well(names: Graph) -> None:
    """The records' check needs the endpoint, the switch and, where there is one, the routing control."""
    decision = names.of(CHECK)["pay-dns-in-us-east-1"].inputs
    assert decision["type"] == "CALCULATED"
    assert decision["childHealthThreshold"] == 3
    assert set(decision["childHealthchecks"]) == {
        f"pay-dns-{part}-us-east-1-id" for part in ("endpoint", "switch", "control")
    }
    assert records(names, "read.example.com")["us-east-1"].inputs["healthCheckId"] == "pay-dns-in-us-east-1-id"


def test_failover_over_three_regions_is_a_chain_of_pairs(names: Graph) -> None:
    """PRIMARY leads to the first region, SECONDARY to a pair of the other two."""
    top, below = records(names, "api.example.com"), records(names, "or-eu-west-1.api.example.com")
    kinds = {key: node.inputs["failoverRoutingPolicies"][0]["type"] for key, node in top.items()}
    assert kinds == {"us-east-1": "PRIMARY", "rest": "SECONDARY"}
    assert top["rest"].inputs["aliases"][0]["name"] == "or-eu-west-1.api.example.com"
    assert {key: node.inputs["failoverRoutingPolicies"][0]["type"] for key, node in below.items()} == {
        "eu-west-1": "PRIMARY",
        "ap-southeast-1": "SECONDARY",
    }


def test_weighted_and_latency_records(names: Graph) -> None:
    """Weights as given at creation, latency by region."""
    weighted = records(names, "canary.example.com")
    weights = {key: node.inputs["weightedRoutingPolicies"][0]["weight"] for key, node in weighted.items()}
    assert weights == {"us-east-1": 100, "eu-west-1": 0}
    nearest = records(names, "read.example.com")
    assert nearest["eu-west-1"].inputs["latencyRoutingPolicies"] == [{"region": "eu-west-1"}]


def test_what_an_operator_moves_is_ignored(names: Graph) -> None:
    """Weights and the inversion of checks are not Pulumi's to put back."""
    assert all("weightedRoutingPolicies" in node.ignored for node in names.of("route53/record:Record").values())
    for name, node in names.of(CHECK).items():
        assert "invertHealthcheck" in node.ignored or name.startswith("pay-dns-control")


def test_routing_controls_are_off_unless_asked_for(names: Graph) -> None:
    """By default there is none; on request one per region, and one must stay on."""
    assert not [node for node in given_zone().nodes if "route53recoverycontrol" in node.type]
    assert len(names.of("route53recoverycontrol/routingControl:RoutingControl")) == 3
    rule = names.one("route53recoverycontrol/safetyRule:SafetyRule").inputs
    assert rule["ruleConfig"] == {"type": "ATLEAST", "threshold": 1, "inverted": False}
    assert len(rule["assertedControls"]) == 3
