"""The network on AWS: a VPC. Never run against a real account."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pulumi
import pulumi_aws as aws

from components.clouds.aws import allow_in, log_group, policy, role, security_group, statement, zone_name
from components.keys.spec import Purpose
from components.network.component import NetworkOutputs
from components.network.spec import Nat, NetworkSpec, Tier, subnet_cidr

if TYPE_CHECKING:
    from components.base import Scope
    from components.keys.component import KeysOutputs
    from components.network.component import HomeNetwork

# AWS Load Balancer Controller documentation, "Subnet auto-discovery".
LOAD_BALANCER_TAGS = {
    Tier.PUBLIC: {"kubernetes.io/role/elb": "1"},
    Tier.PRIVATE: {"kubernetes.io/role/internal-elb": "1"},
    Tier.DATA: {},
}
Subnets: TypeAlias = dict[Tier, dict[str, aws.ec2.Subnet]]


def build(scope: Scope, spec: NetworkSpec, keys: KeysOutputs, home: HomeNetwork | None) -> NetworkOutputs:  # noqa: ARG001 (the same call on every cloud)
    """Make the VPC and everything in it. No VPC needs another region's."""
    name = scope.named("vpc")
    vpc = aws.ec2.Vpc(
        name,
        cidr_block=spec.cidr,
        enable_dns_support=True,
        enable_dns_hostnames=True,
        tags=scope.tags(name),
        opts=scope.opts(holds_data=True),
    )
    close_default_group(scope, vpc)
    subnets = make_subnets(scope, spec, vpc)
    tables = make_routes(scope, spec, vpc, subnets)
    make_endpoints(scope, spec, vpc, subnets, tables)
    log_flows(scope, spec, vpc, keys)
    ids = {tier: {zone: subnet.id for zone, subnet in by_zone.items()} for tier, by_zone in subnets.items()}
    return NetworkOutputs(scope.place, vpc.id, spec.cidr, ids)


def close_default_group(scope: Scope, vpc: aws.ec2.Vpc) -> None:
    """Adopt the default security group with no rule: what forgets to name a group talks to nobody."""
    name = scope.named("closed")
    aws.ec2.DefaultSecurityGroup(name, vpc_id=vpc.id, ingress=[], egress=[], tags=scope.tags(name), opts=scope.opts())


def make_subnets(scope: Scope, spec: NetworkSpec, vpc: aws.ec2.Vpc) -> Subnets:
    """One subnet per tier and zone, named and addressed by those two."""
    made: Subnets = {}
    for tier in Tier:
        made[tier] = {}
        for zone in sorted(spec.zones):
            name = scope.named(tier, zone)
            made[tier][zone] = aws.ec2.Subnet(
                name,
                vpc_id=vpc.id,
                cidr_block=subnet_cidr(spec.cidr, tier, zone),
                availability_zone=zone_name(scope.place.region, zone),
                map_public_ip_on_launch=False,
                tags={**scope.tags(name), **LOAD_BALANCER_TAGS[tier]},
                opts=scope.opts(),
            )
    return made


def make_routes(scope: Scope, spec: NetworkSpec, vpc: aws.ec2.Vpc, subnets: Subnets) -> dict[str, aws.ec2.RouteTable]:
    """Public out by the gateway, private out by NAT, data nowhere. One table per tier and, for private, per zone."""
    name = scope.named("internet")
    internet = aws.ec2.InternetGateway(name, vpc_id=vpc.id, tags=scope.tags(name), opts=scope.opts())
    public = make_table(scope, Tier.PUBLIC, vpc, subnets[Tier.PUBLIC])
    default_route(scope, Tier.PUBLIC, public, gateway_id=internet.id)
    tables = {"public": public, "data": make_table(scope, Tier.DATA, vpc, subnets[Tier.DATA])}
    gateways = make_nat(scope, spec, subnets[Tier.PUBLIC], internet)
    for zone, subnet in subnets[Tier.PRIVATE].items():
        part = f"{Tier.PRIVATE}-{zone}"
        tables[part] = make_table(scope, part, vpc, {zone: subnet})
        gateway = gateways.get(zone) or gateways[min(gateways)]
        default_route(scope, part, tables[part], nat_gateway_id=gateway.id)
    return tables


def make_table(scope: Scope, part: str, vpc: aws.ec2.Vpc, subnets: dict[str, aws.ec2.Subnet]) -> aws.ec2.RouteTable:
    """A route table and its association with each subnet."""
    name = scope.named(part, "routes")
    table = aws.ec2.RouteTable(name, vpc_id=vpc.id, tags=scope.tags(name), opts=scope.opts())
    for zone, subnet in subnets.items():
        aws.ec2.RouteTableAssociation(f"{name}-{zone}", route_table_id=table.id, subnet_id=subnet.id, opts=scope.opts())
    return table


def default_route(
    scope: Scope,
    part: str,
    table: aws.ec2.RouteTable,
    *,
    gateway_id: pulumi.Input[str] | None = None,
    nat_gateway_id: pulumi.Input[str] | None = None,
) -> None:
    """The route to everywhere else."""
    aws.ec2.Route(
        scope.named(part, "default"),
        route_table_id=table.id,
        destination_cidr_block="0.0.0.0/0",
        gateway_id=gateway_id,
        nat_gateway_id=nat_gateway_id,
        opts=scope.opts(),
    )


def make_nat(
    scope: Scope, spec: NetworkSpec, public: dict[str, aws.ec2.Subnet], internet: aws.ec2.InternetGateway
) -> dict[str, aws.ec2.NatGateway]:
    """NAT gateways by zone: every zone's, or only the first letter's."""
    zones = sorted(public) if spec.nat is Nat.PER_ZONE else [min(public)]
    made = {}
    for zone in zones:
        name = scope.named("nat", zone)
        address = aws.ec2.Eip(name, domain="vpc", tags=scope.tags(name), opts=scope.opts())
        made[zone] = aws.ec2.NatGateway(
            name,
            allocation_id=address.id,
            subnet_id=public[zone].id,
            tags=scope.tags(name),
            opts=scope.opts(depends_on=[internet]),
        )
    return made


def make_endpoints(
    scope: Scope, spec: NetworkSpec, vpc: aws.ec2.Vpc, subnets: Subnets, tables: dict[str, aws.ec2.RouteTable]
) -> None:
    """Private ways to AWS's own services."""
    region = scope.place.region
    for service in sorted(spec.aws.gateway_endpoints):
        name = scope.named("to", service)
        aws.ec2.VpcEndpoint(
            name,
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{region}.{service}",
            vpc_endpoint_type="Gateway",
            route_table_ids=[tables[part].id for part in sorted(tables)],
            tags=scope.tags(name),
            opts=scope.opts(),
        )
    if not spec.aws.interface_endpoints:
        return
    group = security_group(scope, "endpoints", vpc.id, "Interface endpoints: HTTPS from the network")
    allow_in(scope, "endpoints-https", group, 443, spec.cidr)
    for service in sorted(spec.aws.interface_endpoints):
        name = scope.named("to", service.replace(".", "-"))
        aws.ec2.VpcEndpoint(
            name,
            vpc_id=vpc.id,
            service_name=f"com.amazonaws.{region}.{service}",
            vpc_endpoint_type="Interface",
            private_dns_enabled=True,
            subnet_ids=[subnets[Tier.PRIVATE][zone].id for zone in sorted(spec.zones)],
            security_group_ids=[group.id],
            tags=scope.tags(name),
            opts=scope.opts(),
        )


def log_flows(scope: Scope, spec: NetworkSpec, vpc: aws.ec2.Vpc, keys: KeysOutputs) -> None:
    """Record all traffic, accepted and refused, in an encrypted log group."""
    group = log_group(scope, "flows", keys.by_purpose[Purpose.LOGS], spec.flow_log_retention_days)
    writer = role(scope, "flow-writer", "vpc-flow-logs.amazonaws.com")
    write = ["logs:CreateLogStream", "logs:PutLogEvents", "logs:DescribeLogStreams"]
    aws.iam.RolePolicy(
        scope.named("flow-writer-policy"),
        role=writer.name,
        policy=policy(statement(write, pulumi.Output.concat(group.arn, ":*"))),
        opts=scope.opts(),
    )
    name = scope.named("flow-log")
    aws.ec2.FlowLog(
        name,
        vpc_id=vpc.id,
        traffic_type="ALL",
        log_destination_type="cloud-watch-logs",
        log_destination=group.arn,
        iam_role_arn=writer.arn,
        max_aggregation_interval=60,
        tags=scope.tags(name),
        opts=scope.opts(),
    )
