from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from components.edge.component import Edge
from components.edge.spec import EdgeSpec
from components.place import Cloud
from tests.components import parts
from tests.components.graph import Graph, run

TARGETS = {"aws": "api.aws.example.com", "azure": "api.azure.example.com", "gcp": "api.gcp.example.com"}
HOSTS = {Cloud(cloud): {name: f"front.{cloud}.example"} for cloud, name in TARGETS.items()} | {
    Cloud.GCP: {TARGETS["gcp"]: "192.0.2.7"}
}
NAME = "api.any.example.com"


def spec(**record: Any) -> EdgeSpec:
    """An edge with one name over three clouds."""
    wanted = {"name": NAME, "carries": "read-only", "targets": TARGETS, **record}
    return EdgeSpec.model_validate({"zone": "any.example.com", "zone_id": "Z1", "records": [wanted]})


def made(**record: Any) -> Graph:
    """Its graph."""
    return run(lambda: Edge("pay-edge", spec(**record), HOSTS, parts.place()))


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
    checks = graph.of("route53/healthCheck:HealthCheck")
    assert {node.inputs["fqdn"] for node in checks.values()} == {
        "front.aws.example",
        "front.azure.example",
        f"gcp.{NAME}",
    }


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
    ],
)
def test_what_cannot_be_steered_is_refused(record: dict[str, Any], said: str) -> None:
    """A name that leaves a cloud out, names it twice, or would carry writes is no edge record."""
    with pytest.raises(ValidationError, match=said):
        spec(**record)
