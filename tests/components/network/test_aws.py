from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from components.network.spec import LETTERS, Tier, subnet_cidr
from tests.components import parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph


def test_the_vpc_spans_three_zones_in_three_tiers(home: Graph) -> None:
    """Each of three tiers has a subnet in each of three zones, and none gives out public addresses."""
    subnets = home.of("ec2/subnet:Subnet")
    assert set(subnets) == {f"pay-net-{tier}-{zone}" for tier in Tier for zone in "abc"}
    assert {node.inputs["availabilityZone"] for node in subnets.values()} == {f"us-east-1{zone}" for zone in "abc"}
    assert not any(node.inputs["mapPublicIpOnLaunch"] for node in subnets.values())
    vpc = home.one("ec2/vpc:Vpc")
    assert (vpc.inputs["enableDnsSupport"], vpc.inputs["enableDnsHostnames"], vpc.protect) == (True, True, True)


@given(st.integers(16, 20), st.data())
def test_subnet_ranges_never_overlap(prefix: int, data: st.DataObject) -> None:
    """Every tier and zone has a range of its own inside the network's."""
    third = data.draw(st.sampled_from(range(0, 256, 16)))
    cidr = f"10.7.{third if prefix == 20 else 0}.0/{prefix}"
    ranges = [IPv4Network(subnet_cidr(cidr, tier, zone)) for tier in Tier for zone in LETTERS]
    assert not any(one.overlaps(two) for one, two in combinations(ranges, 2))
    assert all(each.subnet_of(IPv4Network(cidr)) for each in ranges)


def test_a_zone_more_or_less_or_another_order_moves_no_other_subnet() -> None:
    """A subnet's range depends on tier and letter only, never on which other zones there are or their order."""

    def ranges(zones: list[str]) -> dict[str, str]:
        graph = run(lambda: parts.network(parts.keys(parts.place()), zones=zones))
        return {name: node.inputs["cidrBlock"] for name, node in graph.of("ec2/subnet:Subnet").items()}

    three = ranges(["a", "b", "c"])
    assert ranges(["c", "a", "b"]) == three
    four, two = ranges(["a", "b", "c", "d"]), ranges(["b", "c"])
    assert {name: four[name] for name in three} == three
    assert two == {name: cidr for name, cidr in three.items() if not name.endswith("-a")}


def test_nat_is_per_zone_or_single_and_the_subnets_stay() -> None:
    """`single` leaves one gateway for all private subnets; nothing but gateways, addresses and routes differs."""
    per_zone = run(lambda: parts.network(parts.keys(parts.place())))
    single = run(lambda: parts.network(parts.keys(parts.place()), nat="single"))
    assert len(per_zone.of("ec2/natGateway:NatGateway")) == 3
    assert set(single.of("ec2/natGateway:NatGateway")) == {"pay-net-nat-a"}
    gone = per_zone.names() - single.names()
    assert {kind for kind, _ in gone} == {"aws:ec2/natGateway:NatGateway", "aws:ec2/eip:Eip"}
    ways = {node.inputs.get("natGatewayId") for node in single.of("ec2/route:Route").values()}
    assert ways == {None, "pay-net-nat-a-id"}


def test_data_subnets_have_no_way_out(home: Graph) -> None:
    """The data tier's route table has no route at all."""
    routes = home.of("ec2/route:Route").values()
    assert {node.inputs["routeTableId"] for node in routes} == {
        "pay-net-public-routes-id",
        *(f"pay-net-private-{zone}-routes-id" for zone in "abc"),
    }
    tables = home.of("ec2/routeTableAssociation:RouteTableAssociation")
    assert tables["pay-net-data-routes-a"].inputs["routeTableId"] == "pay-net-data-routes-id"


def test_gateway_and_interface_endpoints(home: Graph) -> None:
    """S3 and DynamoDB by gateway in every table; the rest by interface with private names in every zone."""
    endpoints = home.of("ec2/vpcEndpoint:VpcEndpoint")
    gateways = {n for n, node in endpoints.items() if node.inputs["vpcEndpointType"] == "Gateway"}
    assert gateways == {"pay-net-to-s3", "pay-net-to-dynamodb"}
    assert len(endpoints["pay-net-to-s3"].inputs["routeTableIds"]) == 5
    sts = endpoints["pay-net-to-sts"].inputs
    assert (sts["vpcEndpointType"], sts["privateDnsEnabled"], len(sts["subnetIds"])) == ("Interface", True, 3)
    assert sts["serviceName"] == "com.amazonaws.us-east-1.sts"


def test_flow_logs_record_everything_encrypted(home: Graph) -> None:
    """All traffic is logged every minute into a group under our key."""
    log = home.one("ec2/flowLog:FlowLog").inputs
    assert (log["trafficType"], log["maxAggregationInterval"]) == ("ALL", 60)
    group = home.of("cloudwatch/logGroup:LogGroup")["pay-net-flows"].inputs
    assert (group["kmsKeyId"], group["retentionInDays"]) == ("arn:aws:mock:::pay-keys-logs", 90)


def test_the_default_security_group_is_closed(home: Graph) -> None:
    """Whatever forgets to name a group reaches nothing and is reached by nothing."""
    group = home.one("ec2/defaultSecurityGroup:DefaultSecurityGroup").inputs
    assert (group["ingress"], group["egress"]) == ([], [])


def test_load_balancers_find_their_subnets(home: Graph) -> None:
    """Public and private subnets carry the load balancer controller's tags, data subnets none."""
    subnets = home.of("ec2/subnet:Subnet")
    assert subnets["pay-net-public-a"].inputs["tags"]["kubernetes.io/role/elb"] == "1"
    assert subnets["pay-net-private-a"].inputs["tags"]["kubernetes.io/role/internal-elb"] == "1"
    assert not any(key.startswith("kubernetes.io") for key in subnets["pay-net-data-a"].inputs["tags"])


def test_a_network_that_exists_is_used_and_not_made() -> None:
    """With `existing`, no resource is registered, and the outputs are what was given."""
    have = {"id": "vpc-1", "subnets": {tier: {zone: f"{tier}-{zone}" for zone in "ab"} for tier in Tier}}
    seen = []

    def program() -> None:
        seen.append(parts.network(parts.keys(parts.place()), zones=["a", "b"], existing=have))

    graph = run(program)
    assert not [node for node in graph.nodes if node.type.startswith("aws:ec2")]
    assert seen[0].id == "vpc-1"
    assert seen[0].tier(Tier.DATA) == ["data-a", "data-b"]
