"""The network on Google Cloud: one VPC for all regions, made by home. Never run against a real account.

A subnet spans its region, so a tier has one, and every zone the same. Google's own services are reached over private
service access, which a network has once: home makes it, with room for every region.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, TypeAlias

import pulumi
import pulumi_gcp as gcp

from components.clouds.gcp import keep_logs, labels
from components.keys.spec import Purpose
from components.network.component import GcpNetwork, NetworkOutputs
from components.network.spec import NetworkSpec, Tier

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.base import Scope
    from components.keys.component import KeysOutputs
    from components.network.component import HomeNetwork

PODS, SERVICES = "pods", "services"
Subnets: TypeAlias = dict[Tier, gcp.compute.Subnetwork]


@dataclass(frozen=True)
class Ranges:
    """How a region's range is cut: the same three parts as everywhere, private a half, public and data a quarter.

    Args:
        tiers: Of the three subnets.
        pods: Secondary range of the private subnet: half of the private part, inside the network's own range, so that
            what allows the network allows its pods.
        services: Secondary range for Kubernetes services.
        access: Where Google's own services of all regions get their addresses; taken from home's data part. Cloud SQL
            takes a /24 for each region (Cloud SQL, "Configure private services access").
    """

    tiers: Mapping[Tier, IPv4Network]
    pods: IPv4Network
    services: IPv4Network
    access: IPv4Network


def ranges(cidr: str) -> Ranges:
    """Cut a region's range; a function of nothing else, so regions whose ranges are apart stay apart."""
    private, rest = IPv4Network(cidr).subnets(1)
    public, data = rest.subnets(1)
    nodes_and_services, pods = private.subnets(1)
    nodes, others = nodes_and_services.subnets(1)
    own, access = data.subnets(1)
    services = next(others.subnets(1))
    return Ranges({Tier.PRIVATE: nodes, Tier.PUBLIC: public, Tier.DATA: own}, pods, services, access)


def build(scope: Scope, spec: NetworkSpec, keys: KeysOutputs, home: HomeNetwork | None) -> NetworkOutputs:
    """Make this region's subnets and its way out; in the home region the VPC and private service access too."""
    cut = ranges(spec.cidr)
    # Where home is up, its connection works.
    network_id, access = make_network(scope, cut.access) if home is None else (home.id, home.id)
    subnets = make_subnets(scope, network_id, cut)
    make_nat(scope, network_id, subnets[Tier.PRIVATE])
    log_flows(scope, spec, subnets, keys)
    ids = {tier: dict.fromkeys(sorted(spec.zones), subnet.id) for tier, subnet in subnets.items()}
    return NetworkOutputs(scope.place, network_id, spec.cidr, ids, gcp=GcpNetwork(PODS, SERVICES, access))


def make_network(scope: Scope, access: IPv4Network) -> tuple[pulumi.Input[str], pulumi.Input[str]]:
    """The VPC of all regions, and its private service access.

    It has no subnet by itself and no rule that lets anything in. Each region sees all routes.
    """
    network = gcp.compute.Network(
        scope.named("vpc"), auto_create_subnetworks=False, routing_mode="GLOBAL", opts=scope.opts(holds_data=True)
    )
    return network.id, make_access(scope, network, access)


def make_access(scope: Scope, network: gcp.compute.Network, cidr: IPv4Network) -> pulumi.Output[str]:
    """Private service access; returns the connection, known once it works."""
    reserved = gcp.compute.GlobalAddress(
        scope.named("access"),
        network=network.id,
        purpose="VPC_PEERING",
        address_type="INTERNAL",
        address=str(cidr.network_address),
        prefix_length=cidr.prefixlen,
        labels=labels(scope),
        opts=scope.opts(),
    )
    connection = gcp.servicenetworking.Connection(
        scope.named("access"),
        network=network.id,
        service="servicenetworking.googleapis.com",
        reserved_peering_ranges=[reserved.name],
        # Google frees it days after the last instance is gone and refuses until then; it goes with the network.
        deletion_policy="ABANDON",
        opts=scope.opts(),
    )
    return connection.id


def make_subnets(scope: Scope, network_id: pulumi.Input[str], cut: Ranges) -> Subnets:
    """One subnet per tier. All log every flow and reach Google's APIs without a public address."""
    secondary: list[gcp.compute.SubnetworkSecondaryIpRangeArgsDict] = [
        {"range_name": PODS, "ip_cidr_range": str(cut.pods)},
        {"range_name": SERVICES, "ip_cidr_range": str(cut.services)},
    ]
    return {
        tier: gcp.compute.Subnetwork(
            scope.named(tier),
            network=network_id,
            region=scope.place.region,
            ip_cidr_range=str(cut.tiers[tier]),
            secondary_ip_ranges=secondary if tier is Tier.PRIVATE else None,
            private_ip_google_access=True,
            log_config={
                "aggregation_interval": "INTERVAL_1_MIN",
                "flow_sampling": 1.0,
                "metadata": "INCLUDE_ALL_METADATA",
            },
            opts=scope.opts(),
        )
        for tier in Tier
    }


def make_nat(scope: Scope, network_id: pulumi.Input[str], private: gcp.compute.Subnetwork) -> None:
    """Cloud NAT for private nodes and pods alone. It is no machine and fails with no zone; data has no way out."""
    region = scope.place.region
    router = gcp.compute.Router(scope.named("router"), network=network_id, region=region, opts=scope.opts())
    gcp.compute.RouterNat(
        scope.named("nat"),
        router=router.name,
        region=region,
        nat_ip_allocate_option="AUTO_ONLY",
        source_subnetwork_ip_ranges_to_nat="LIST_OF_SUBNETWORKS",
        subnetworks=[{"name": private.id, "source_ip_ranges_to_nats": ["ALL_IP_RANGES"]}],
        enable_dynamic_port_allocation=True,
        # Refused beside dynamic allocation (Cloud NAT, "Ports").
        enable_endpoint_independent_mapping=False,
        log_config={"enable": True, "filter": "ERRORS_ONLY"},
        opts=scope.opts(),
    )


def log_flows(scope: Scope, spec: NetworkSpec, subnets: Subnets, keys: KeysOutputs) -> None:
    """Keep the flow logs of these subnets, encrypted, for as long as the spec says."""
    names = pulumi.Output.all(*(subnet.name for subnet in subnets.values()))
    wanted = names.apply(lambda known: flow_filter([str(name) for name in known]))
    keep_logs(scope, "flows", wanted, keys.by_purpose[Purpose.LOGS], spec.flow_log_retention_days)


def flow_filter(subnets: list[str]) -> str:
    """What finds the flow logs of some subnets (VPC, "Access flow logs")."""
    either = " OR ".join(f'"{name}"' for name in subnets)
    return f'log_id("compute.googleapis.com/vpc_flows") AND resource.labels.subnetwork_name=({either})'
