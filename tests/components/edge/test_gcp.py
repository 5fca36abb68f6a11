from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from components.clouds.limits import refused
from components.place import Cloud
from tests.components import parts_edge
from tests.components import parts_gcp as parts
from tests.components.parts_azure import ZONE_ID
from tests.components.parts_edge import NAME, TARGETS, spec

if TYPE_CHECKING:
    from tests.components.graph import Graph

CHECK, RECORD = "compute/healthCheck:HealthCheck", "dns/recordSet:RecordSet"
EDGE = {"zone_id": "any-example-com", "check_interval_s": 30}
ADDRESSES = {"addresses": {"aws": "198.51.100.4", "azure": "198.51.100.5"}}
PAIR = {cloud: TARGETS[cloud] for cloud in ("aws", "gcp")}
FAILOVER = {
    "targets": PAIR,
    "steering": "failover",
    "order": ["gcp", "aws"],
    "gcp": {"addresses": {"aws": "198.51.100.4"}},
}
WEIGHTED = {"steering": "weighted", "weights": {"aws": 80, "azure": 20, "gcp": 0}, "gcp": ADDRESSES}


def made(edge: dict[str, Any] | None = None, **record: Any) -> Graph:
    """Its graph on Google Cloud."""
    return parts_edge.made(parts.place(), {**EDGE, **(edge or {})}, **record)


def test_a_failover_name_answers_with_the_first_cloud_while_it_is_healthy() -> None:
    """Both addresses are checked; the backup is one place for everybody, wherever who asks is."""
    graph = made(**FAILOVER)
    record, check = graph.one(RECORD).inputs, graph.one(CHECK)
    assert (record["name"], record["type"], record["ttl"]) == (f"{NAME}.", "A", 60)
    assert record["routingPolicy"]["primaryBackup"] == {
        "primary": {"externalEndpoints": ["192.0.2.7"]},
        "backupGeos": [
            {"location": "us-central1", "healthCheckedTargets": {"externalEndpoints": ["198.51.100.4"]}},
        ],
    }
    assert check.inputs["httpsHealthCheck"] == {"host": NAME, "port": 443, "requestPath": "/health"}
    assert not graph.one(RECORD).ignored


def test_addresses_are_asked_from_three_continents_as_often_as_can_be_had() -> None:
    """What the API wants of a check from named regions: three of them, 30 seconds or more."""
    check = made(**FAILOVER).one(CHECK).inputs
    assert len({region.partition("-")[0] for region in check["sourceRegions"]}) == len(check["sourceRegions"]) == 3
    assert (check["checkIntervalSec"], check["unhealthyThreshold"]) == (30, 3)
    assert check["timeoutSec"] <= check["checkIntervalSec"]


def test_weights_are_set_at_birth_and_an_operators_afterwards() -> None:
    """Each cloud has its share, and a later preview takes back nothing but what is not a weight."""
    graph = made(**WEIGHTED)
    weighted = next(node for node in graph.of(RECORD).values() if node.inputs["type"] == "A")
    shares = {
        each["healthCheckedTargets"]["externalEndpoints"][0]: each["weight"]
        for each in weighted.inputs["routingPolicy"]["wrrs"]
    }
    assert shares == {"198.51.100.4": 80, "198.51.100.5": 20, "192.0.2.7": 0}
    assert weighted.ignored == {"routingPolicy.wrrs[*].weight"}


def test_other_clouds_are_another_record_to_which_the_name_then_leads() -> None:
    """Weights are ignored by their place in a list: a list of other clouds must not inherit them."""
    three = made(**WEIGHTED)
    weights = {"aws": 50, "gcp": 50}
    two = made(**{**WEIGHTED, "targets": PAIR, "weights": weights, "gcp": FAILOVER["gcp"]})
    leads = [
        next(node.inputs["rrdatas"][0] for node in graph.of(RECORD).values() if node.inputs["type"] == "CNAME")
        for graph in (three, two)
    ]
    for graph, lead in zip((three, two), leads, strict=True):
        assert lead in {node.inputs["name"] for node in graph.of(RECORD).values() if node.inputs["type"] == "A"}
    assert len(set(leads)) == 2


def test_a_name_with_one_cloud_is_plain() -> None:
    """There is nothing to choose, so nothing is checked."""
    graph = made(targets={"gcp": TARGETS["gcp"]}, steering="failover", order=["gcp"])
    assert graph.one(RECORD).inputs["rrdatas"] == ["192.0.2.7"]
    assert not graph.of(CHECK)


def test_a_zone_is_made_on_request_signed_and_protected() -> None:
    """With `create_zone` the records are in it."""
    graph = made({"zone_id": None, "create_zone": True}, **FAILOVER)
    zone = graph.one("dns/managedZone:ManagedZone")
    assert zone.protect
    assert zone.inputs["dnssecConfig"] == {"state": "on"}


@pytest.mark.parametrize(
    ("edge", "record", "says"),
    [
        ({}, {**FAILOVER, "gcp": {}}, "records.0.targets.aws: leads to a host name"),
        ({}, {**WEIGHTED, "gcp": {}}, "allowed: a fixed address for it in gcp.addresses.aws"),
        (
            {},
            {"steering": "failover", "order": list(TARGETS), "gcp": ADDRESSES},
            "records.0.order: Cloud DNS knows a first cloud and a backup, and no third; allowed: two clouds",
        ),
        ({}, {**FAILOVER, "gcp": {"addresses": {"aws": "198.51.100.4", "gcp": "192.0.2.8"}}}, "its own is known"),
        ({}, {**FAILOVER, "gcp": ADDRESSES}, "gcp.addresses.azure: the record does not lead there; leave it out"),
        ({"check_interval_s": 10}, FAILOVER, "check_interval_s: Cloud DNS does not ask each 10 s; allowed: 30"),
        ({"zone_id": "Z0123"}, FAILOVER, "is no managed zone's name"),
    ],
)
def test_what_cloud_dns_cannot_do_is_refused_by_field(edge: dict[str, Any], record: dict[str, Any], says: str) -> None:
    """Nothing is left out in silence: the field, what is allowed, and the way on."""
    wanted = spec({**EDGE, **edge}, **record)
    assert says in "\n".join(refused(Cloud.GCP, "us-central1", "edge", wanted))


def test_what_it_can_do_is_not_refused() -> None:
    """Two clouds in order, three by weight."""
    for record in (FAILOVER, WEIGHTED):
        assert list(refused(Cloud.GCP, "us-central1", "edge", spec(EDGE, **record))) == []


@pytest.mark.parametrize(
    ("cloud", "zone_id", "says"),
    [
        (Cloud.AWS, "any-example-com", "no hosted zone's id"),
        (Cloud.AZURE, "Z0123", "a zone's resource id"),
        (Cloud.AZURE, ZONE_ID, "allowed: that of any.example.com"),
    ],
)
def test_another_providers_zone_is_refused(cloud: Cloud, zone_id: str, says: str) -> None:
    """Who changes the provider and forgets the zone is told what the new one calls a zone."""
    wanted = spec({"zone_id": zone_id}, steering="failover", order=list(TARGETS))
    assert says in "\n".join(refused(cloud, "x", "edge", wanted))
