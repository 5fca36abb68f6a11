from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.components import parts_azure as parts
from tests.components import parts_edge
from tests.components.parts_edge import NAME, TARGETS

if TYPE_CHECKING:
    from tests.components.graph import Graph

ZONE_ID = parts.ZONE_ID.replace("example.com", "any.example.com")
PROFILE, ENDPOINT, RECORD = "trafficmanager:Profile", "trafficmanager:Endpoint", "dns:RecordSet"


def made(edge: dict[str, Any] | None = None, **record: Any) -> Graph:
    """Its graph on Azure."""
    return parts_edge.made(parts.place(), edge or {"zone_id": ZONE_ID}, **record)


def endpoints(graph: Graph) -> dict[str, Any]:
    """What each cloud's endpoint is told."""
    return {node.inputs["endpointName"]: node.inputs for node in graph.of(ENDPOINT).values()}


def test_a_failover_name_is_a_profile_that_takes_the_first_healthy_cloud() -> None:
    """Three clouds in a strict order; a check each 10 s, three failures, one more than within a cloud."""
    graph = made(steering="failover", order=["gcp", "aws", "azure"])
    profile = graph.one(PROFILE).inputs
    assert profile["trafficRoutingMethod"] == "Priority"
    assert {cloud: each["priority"] for cloud, each in endpoints(graph).items()} == {"gcp": 1, "aws": 2, "azure": 3}
    asked = profile["monitorConfig"]
    assert (asked["protocol"], asked["port"], asked["path"]) == ("HTTPS", 443, "/health")
    assert (asked["intervalInSeconds"], asked["toleratedNumberOfFailures"]) == (10, 2)
    assert "endpoints" not in profile


def test_every_cloud_is_an_external_host_that_is_asked_by_a_name_that_it_knows() -> None:
    """No address and no other profile among the endpoints: both have names here; the check says which host it means."""
    graph = made(steering="failover", order=["gcp", "aws", "azure"])
    told = {
        cloud: (each["endpointType"], each["target"], each["customHeaders"][0]["value"])
        for cloud, each in endpoints(graph).items()
    }
    assert told == {
        "aws": ("ExternalEndpoints", "front.aws.example", "front.aws.example"),
        "azure": ("ExternalEndpoints", f"azure.{NAME}", "front.azure.example"),
        "gcp": ("ExternalEndpoints", f"gcp.{NAME}", TARGETS["gcp"]),
    }


def test_names_lead_to_the_profile_and_to_what_needs_a_name() -> None:
    """Users' name leads to the profile, Google's address is an A record, Azure's own profile a CNAME."""
    records = {
        node.inputs["relativeRecordSetName"]: node.inputs
        for node in made(steering="failover", order=list(TARGETS)).of(RECORD).values()
    }
    assert set(records) == {"api", "azure.api", "gcp.api"}
    assert records["api"]["cnameRecord"]["cname"].startswith("pay-edge-api-any-example-com-")
    assert records["azure.api"]["cnameRecord"] == {"cname": "front.azure.example"}
    assert records["gcp.api"]["aRecords"] == [{"ipv4Address": "192.0.2.7"}]
    assert {each["resourceGroupName"] for each in records.values()} == {"dns"}


def test_weights_are_set_at_birth_and_an_operators_afterwards() -> None:
    """A cloud without weight is born disabled, because 0 is no weight; neither is Pulumi's to put back."""
    graph = made(steering="weighted", weights={"aws": 80, "azure": 20, "gcp": 0})
    assert graph.one(PROFILE).inputs["trafficRoutingMethod"] == "Weighted"
    told = {cloud: (each["weight"], each["endpointStatus"]) for cloud, each in endpoints(graph).items()}
    assert told == {"aws": (80, "Enabled"), "azure": (20, "Enabled"), "gcp": (1, "Disabled")}
    assert all({"endpointStatus", "weight"} <= node.ignored for node in graph.of(ENDPOINT).values())


def test_a_zone_is_made_on_request_and_protected() -> None:
    """With `create_zone` the zone is in the edge's own group, and its records are where it is."""
    graph = made({"zone_id": None, "create_zone": True}, steering="failover", order=list(TARGETS))
    assert graph.one("dns:Zone").protect
    assert {node.inputs["resourceGroupName"] for node in graph.of(RECORD).values()} == {"pay-edge"}
