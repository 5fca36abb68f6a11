from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations, product
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from components.network.component import HomeNetwork
from components.network.gcp import ranges
from components.network.spec import Tier
from tests.components import parts_gcp as parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

NETWORK, SUBNET = "compute/network:Network", "compute/subnetwork:Subnetwork"
ACCESS = "servicenetworking/connection:Connection"


def test_home_owns_the_network_and_its_private_service_access(gcp_home: Graph, gcp_secondary: Graph) -> None:
    """The others put their subnets into home's network and make neither."""
    network = gcp_home.one(NETWORK)
    assert (network.inputs["autoCreateSubnetworks"], network.inputs["routingMode"]) == (False, "GLOBAL")
    assert network.protect
    assert gcp_home.one(ACCESS).inputs["reservedPeeringRanges"] == ["pay-net-access"]
    assert not gcp_secondary.of(NETWORK)
    assert not gcp_secondary.of(ACCESS)
    joined = {node.inputs["network"] for node in gcp_secondary.of(SUBNET).values()}
    assert joined == {"projects/acme-pay/global/networks/pay-net-vpc"}


def test_a_tier_has_one_subnet_which_every_zone_shares() -> None:
    """The outputs name it for each zone, as on clouds where each zone has its own."""
    found = {}

    def program() -> None:
        found["net"] = parts.network(parts.keys(parts.place()))

    graph = run(program)
    assert set(graph.of(SUBNET)) == {f"pay-net-{tier}" for tier in Tier}
    assert {node.inputs["region"] for node in graph.of(SUBNET).values()} == {"us-central1"}
    assert found["net"].zones() == ("a", "b", "c")
    assert all(len({id(subnet) for subnet in by_zone.values()}) == 1 for by_zone in found["net"].subnets.values())


def test_flows_are_logged_whole_and_kept_under_our_key(gcp_home: Graph) -> None:
    """Every flow of every subnet, in a bucket of its own for as long as asked, and not in the project's default one."""
    for node in gcp_home.of(SUBNET).values():
        assert node.inputs["logConfig"]["flowSampling"] == 1
        assert node.inputs["privateIpGoogleAccess"] is True
    bucket = gcp_home.one("logging/projectBucketConfig:ProjectBucketConfig", "net-flows").inputs
    assert (bucket["location"], bucket["retentionDays"]) == ("us-central1", 90)
    assert bucket["cmekSettings"] == {"kmsKeyName": "pay-keys-logs-id"}
    sink = gcp_home.one("logging/projectSink:ProjectSink", "net-flows").inputs
    assert sink["destination"] == "logging.googleapis.com/pay-net-flows-id"
    assert '("pay-net-public" OR "pay-net-private" OR "pay-net-data")' in sink["filter"]
    exclusion = gcp_home.one("logging/projectExclusion:ProjectExclusion", "net-flows")
    assert exclusion.inputs["filter"] == sink["filter"]


def test_only_private_subnets_reach_the_internet(gcp_home: Graph) -> None:
    """NAT serves nodes and pods; a database's or cache's subnet has no way out."""
    nat = gcp_home.one("compute/routerNat:RouterNat").inputs
    assert nat["sourceSubnetworkIpRangesToNat"] == "LIST_OF_SUBNETWORKS"
    assert nat["subnetworks"] == [{"name": "pay-net-private-id", "sourceIpRangesToNats": ["ALL_IP_RANGES"]}]


@given(st.integers(16, 18), st.data())
def test_ranges_lie_inside_the_regions_own_and_never_overlap(prefix: int, data: st.DataObject) -> None:
    """Subnets, pods, services and private service access share the network's range without touching each other."""
    step = 1 << (24 - prefix)
    third = data.draw(st.sampled_from(range(0, 256, step))) if prefix > 16 else 0
    cidr = f"10.7.{third}.0/{prefix}"
    cut = ranges(cidr)
    parts_of_it = [*cut.tiers.values(), cut.pods, cut.services, cut.access]
    assert not any(one.overlaps(two) for one, two in combinations(parts_of_it, 2))
    assert all(each.subnet_of(IPv4Network(cidr)) for each in parts_of_it)


def test_regions_of_one_network_never_share_an_address(gcp_home: Graph, gcp_secondary: Graph) -> None:
    """What one region takes for nodes, pods, services or Google's own services, no other does."""

    def taken(graph: Graph) -> list[IPv4Network]:
        subnets = [node.inputs for node in graph.of(SUBNET).values()]
        secondary = [each for subnet in subnets for each in subnet.get("secondaryIpRanges", [])]
        reserved = [node.inputs for node in graph.of("compute/globalAddress:GlobalAddress").values()]
        return [
            *(IPv4Network(each["ipCidrRange"]) for each in (*subnets, *secondary)),
            *(IPv4Network(f"{each['address']}/{each['prefixLength']}") for each in reserved),
        ]

    one, two = taken(gcp_home), taken(gcp_secondary)
    assert (len(one), len(two)) == (6, 5)
    assert not any(first.overlaps(second) for first, second in product(one, two))


def test_a_zone_more_or_less_moves_nothing() -> None:
    """Zones are only named in the outputs; no resource knows them."""

    def inputs(zones: list[str]) -> dict[str, object]:
        home = HomeNetwork("projects/p/global/networks/n", {})
        graph = run(lambda: parts.network(parts.keys(parts.place()), home, zones=zones))
        return {node.urn: node.inputs for node in graph.nodes}

    assert inputs(["a", "b", "c"]) == inputs(["f", "a"])
