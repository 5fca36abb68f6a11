from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from tests.components import parts, parts_edge
from tests.components.parts_edge import NAME, TARGETS, spec

if TYPE_CHECKING:
    from tests.components.graph import Graph


def made(**record: Any) -> Graph:
    """Its graph on AWS."""
    return parts_edge.made(parts.place(), **record)


def test_a_failover_name_is_a_chain_of_pairs_each_behind_its_clouds_check() -> None:
    """The first cloud answers while it is healthy, then the second, then the third."""
    graph = made(steering="failover", order=["gcp", "aws", "azure"])
    records = {
        (node.inputs["name"], node.inputs["setIdentifier"]): (
            node.inputs["failoverRoutingPolicies"][0]["type"],
            node.inputs["records"][0],
        )
        for node in graph.of("route53/record:Record").values()
        if node.inputs["type"] == "CNAME"
    }
    assert records == {
        (NAME, "gcp"): ("PRIMARY", f"gcp.{NAME}"),
        (NAME, "rest"): ("SECONDARY", f"or-aws.{NAME}"),
        (f"or-aws.{NAME}", "aws"): ("PRIMARY", "front.aws.example"),
        (f"or-aws.{NAME}", "azure"): ("SECONDARY", "front.azure.example"),
    }


def test_each_cloud_is_asked_by_the_name_that_its_entrance_knows() -> None:
    """A load balancer that is an address has a certificate for its cloud's own name only, and is asked for that."""
    checks = made(steering="failover", order=["gcp", "aws", "azure"]).of("route53/healthCheck:HealthCheck")
    asked = {(node.inputs["fqdn"], node.inputs.get("ipAddress")) for node in checks.values()}
    assert asked == {("front.aws.example", None), ("front.azure.example", None), (TARGETS["gcp"], "192.0.2.7")}


def test_a_cloud_that_has_an_address_and_no_host_gets_a_name() -> None:
    """An answer that leads on by CNAME cannot name an address: a record of the edge's own stands between."""
    (own,) = [
        node.inputs
        for node in made(steering="weighted", weights=dict.fromkeys(TARGETS, 1)).of("route53/record:Record").values()
        if node.inputs["type"] == "A"
    ]
    assert (own["name"], own["records"]) == (f"gcp.{NAME}", ["192.0.2.7"])


def test_weights_are_set_at_birth_and_an_operators_afterwards() -> None:
    """Each cloud has its share; a later preview does not take an operator's weights back."""
    records = made(steering="weighted", weights={"aws": 80, "azure": 20, "gcp": 0}).of("route53/record:Record")
    answers = [node for node in records.values() if node.inputs["type"] == "CNAME"]
    shares = {node.inputs["setIdentifier"]: node.inputs["weightedRoutingPolicies"][0]["weight"] for node in answers}
    assert shares == {"aws": 80, "azure": 20, "gcp": 0}
    assert all("weightedRoutingPolicies" in node.ignored and node.inputs["healthCheckId"] for node in answers)


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"steering": "failover", "order": ["aws"]}, "needs order with each of: aws, azure, gcp; once each"),
        ({"steering": "failover", "order": ["aws", "azure", "gcp", "gcp"]}, "once each"),
        ({"steering": "weighted", "order": ["aws", "azure", "gcp"]}, "needs weights"),
        ({"steering": "failover", "order": list(TARGETS), "weights": {"aws": 1}}, "takes order, not weights"),
        ({"steering": "failover", "order": list(TARGETS), "name": "api.example.org"}, "not in zone"),
        ({"steering": "failover", "order": list(TARGETS), "carries": "writes"}, "'stateless' or 'read-only'"),
        ({"steering": "weighted", "weights": dict.fromkeys(TARGETS, 0)}, "weights are all 0"),
        ({"steering": "failover", "order": list(TARGETS), "gcp": {"addresses": {"aws": "front.example"}}}, "octet"),
    ],
)
def test_what_cannot_be_steered_is_refused(record: dict[str, Any], said: str) -> None:
    """A name that leaves a cloud out, names it twice, or would carry writes is no edge record."""
    with pytest.raises(ValidationError, match=said):
        spec(**record)
