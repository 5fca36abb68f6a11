"""The network on Azure: a virtual network, peered with home's. Never run against a real account.

Subnets span the zones of a region. Only the private tier has one for each zone, because a NAT gateway is in one zone
and serves whole subnets (NAT Gateway documentation, "NAT gateway and availability zones").
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_azure_native as azure

from components.clouds.azure import ZONE_NUMBERS, account, of, reach_privately, segment
from components.keys.spec import Purpose
from components.network.component import AzureNetwork, NetworkOutputs
from components.network.spec import Nat, NetworkSpec, Tier, subnet_cidr

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.base import Scope
    from components.keys.component import AzureKeys, KeysOutputs
    from components.network.component import HomeNetwork

NOT_OFFERED: Final[Mapping[str, str]] = {}

VAULT_ZONE: Final = "privatelink.vaultcore.azure.net"
CACHE_ZONE: Final = "privatelink.redis.azure.net"

SERVICES: Final[Mapping[str, tuple[Tier, str, str | None]]] = {
    "postgresql": (Tier.DATA, "d", "Microsoft.DBforPostgreSQL/flexibleServers"),
    "apps": (Tier.DATA, "e", "Microsoft.Web/serverFarms"),
    "apiserver": (Tier.DATA, "f", "Microsoft.ContainerService/managedClusters"),
    "system": (Tier.PRIVATE, "h", None),
}
"""Subnets of their own: tier, letter of the range (no region of Azure has a zone beyond c), and who it is given to."""


@dataclass(frozen=True)
class Net:
    """The virtual network and what every subnet of it needs."""

    inside: AzureKeys
    vnet: azure.network.VirtualNetwork
    cidr: str
    rules: Mapping[Tier, azure.network.NetworkSecurityGroup]
    gateways: Mapping[str, azure.network.NatGateway]
    """By zone letter."""


def build(scope: Scope, spec: NetworkSpec, keys: KeysOutputs, home: HomeNetwork | None) -> NetworkOutputs:
    """Make the network and everything in it; join home's, or make what the others join."""
    inside = of(keys)
    name = scope.named("vnet")
    vnet = azure.network.VirtualNetwork(
        name,
        resource_group_name=inside.group,
        address_space={"address_prefixes": [spec.cidr]},
        tags=scope.tags(name),
        opts=scope.opts(holds_data=True),
    )
    net = Net(inside, vnet, spec.cidr, make_rules(scope, inside), make_nat(scope, spec, inside))
    subnets = make_subnets(scope, spec, net)
    services = {part: make_subnet(scope, net, part, *SERVICES[part]).id for part in SERVICES}
    zones = make_private_zones(scope, inside) if home is None else zones_of(scope.place.fleet, home)
    link_zones(scope, net, zones)
    if home is not None:
        peer(scope, net, home)
    data = next(iter(subnets[Tier.DATA].values()))
    reach_privately(scope, "to-vault", inside, data, inside.vault_id, "vault", zones[VAULT_ZONE])
    log_flows(scope, spec, net, keys)
    return NetworkOutputs(scope.place, vnet.id, spec.cidr, subnets, azure=AzureNetwork(services, zones))


def database_zone(fleet: str) -> str:
    """The private DNS zone of the fleet's databases; it must end so (PostgreSQL documentation, "Private DNS zone")."""
    return f"{fleet}.private.postgres.database.azure.com"


def make_rules(scope: Scope, inside: AzureKeys) -> dict[Tier, azure.network.NetworkSecurityGroup]:
    """A security group for each tier. Azure's own last rules let the networks of the fleet in, and nobody else."""
    from_internet = rule("https-in", 100, "Inbound", "Allow", source="Internet", port="443")
    # What PostgreSQL cannot do without (its documentation, "Network security groups"), then nothing more.
    entra = rule("entra-out", 100, "Outbound", "Allow", to="AzureActiveDirectory", port="443")
    storage = rule("storage-out", 110, "Outbound", "Allow", to="Storage", port="443")
    closed = rule("internet-out", 4000, "Outbound", "Deny", to="Internet")
    rules = {Tier.PUBLIC: [from_internet], Tier.PRIVATE: [], Tier.DATA: [entra, storage, closed]}
    made = {}
    for tier in Tier:
        name = scope.named(tier, "rules")
        made[tier] = azure.network.NetworkSecurityGroup(
            name,
            resource_group_name=inside.group,
            security_rules=rules[tier],
            tags=scope.tags(name),
            opts=scope.opts(),
        )
    return made


def rule(
    name: str, priority: int, direction: str, access: str, *, source: str = "*", to: str = "*", port: str = "*"
) -> azure.network.SecurityRuleArgsDict:
    """One rule of a security group; the lowest priority decides."""
    return {
        "name": name,
        "priority": priority,
        "direction": direction,
        "access": access,
        "protocol": "Tcp" if port != "*" else "*",
        "source_address_prefix": source,
        "source_port_range": "*",
        "destination_address_prefix": to,
        "destination_port_range": port,
    }


def make_nat(scope: Scope, spec: NetworkSpec, inside: AzureKeys) -> dict[str, azure.network.NatGateway]:
    """NAT gateways by zone: every zone's, or only the first letter's."""
    zones = sorted(spec.zones) if spec.nat is Nat.PER_ZONE else [min(spec.zones)]
    made = {}
    for zone in zones:
        name = scope.named("nat", zone)
        where = [ZONE_NUMBERS[zone]]
        address = azure.network.PublicIPAddress(
            f"{name}-address",
            resource_group_name=inside.group,
            sku={"name": azure.network.PublicIPAddressSkuName.STANDARD},
            public_ip_allocation_method=azure.network.IPAllocationMethod.STATIC,
            zones=where,
            tags=scope.tags(f"{name}-address"),
            opts=scope.opts(),
        )
        made[zone] = azure.network.NatGateway(
            name,
            resource_group_name=inside.group,
            sku={"name": azure.network.NatGatewaySkuName.STANDARD},
            public_ip_addresses=[{"id": address.id}],
            zones=where,
            tags=scope.tags(name),
            opts=scope.opts(),
        )
    return made


def make_subnets(scope: Scope, spec: NetworkSpec, net: Net) -> dict[Tier, dict[str, pulumi.Output[str]]]:
    """The private tier's subnet of each zone; of the other tiers one for all zones."""
    zones = sorted(spec.zones)
    public = make_subnet(scope, net, Tier.PUBLIC, Tier.PUBLIC, "a").id
    data = make_subnet(scope, net, Tier.DATA, Tier.DATA, "a").id
    private = {
        zone: make_subnet(scope, net, f"{Tier.PRIVATE}-{zone}", Tier.PRIVATE, zone, nat=zone).id for zone in zones
    }
    return {
        Tier.PUBLIC: dict.fromkeys(zones, public),
        Tier.PRIVATE: private,
        # Every zone's letter, so that a zone more or less moves nothing: the subnet is the same.
        Tier.DATA: dict.fromkeys(zones, data),
    }


def make_subnet(
    scope: Scope, net: Net, part: str, tier: Tier, letter: str, service: str | None = None, *, nat: str | None = None
) -> azure.network.Subnet:
    """A subnet whose range is a function of tier and letter; it reaches the Internet through NAT or not at all."""
    gateway = net.gateways.get(nat or "") or net.gateways[min(net.gateways)]
    return azure.network.Subnet(
        scope.named(part),
        resource_group_name=net.inside.group,
        virtual_network_name=net.vnet.name,
        subnet_name=part,
        address_prefix=subnet_cidr(net.cidr, tier, letter),
        default_outbound_access=False,
        nat_gateway={"id": gateway.id} if tier is Tier.PRIVATE else None,
        network_security_group={"id": net.rules[tier].id},
        private_endpoint_network_policies="Enabled",
        delegations=[{"name": part, "service_name": service}] if service else None,
        opts=scope.opts(),
    )


def make_private_zones(scope: Scope, inside: AzureKeys) -> dict[str, pulumi.Output[str]]:
    """The private DNS zones of the whole cloud: one of each kind, or a name would resolve in one region only."""
    made = {}
    for zone in zone_names(scope.place.fleet):
        name = scope.named("zone", zone.replace(".", "-"))
        made[zone] = azure.privatedns.PrivateZone(
            name,
            resource_group_name=inside.group,
            private_zone_name=zone,
            location="global",
            tags=scope.tags(name),
            opts=scope.opts(holds_data=True),
        ).id
    return made


def zone_names(fleet: str) -> tuple[str, ...]:
    """The private DNS zones that home makes."""
    return (VAULT_ZONE, CACHE_ZONE, database_zone(fleet))


def zones_of(fleet: str, home: HomeNetwork) -> dict[str, pulumi.Output[str]]:
    """The zones that home made; which there are is known even before home is up."""
    known = pulumi.Output.from_input(home.private_zones)
    return {zone: known.apply(itemgetter(zone)) for zone in zone_names(fleet)}


def link_zones(scope: Scope, net: Net, zones: Mapping[str, pulumi.Output[str]]) -> None:
    """Let this network resolve the names in each zone."""
    for zone, identifier in zones.items():
        name = scope.named("names", zone.replace(".", "-"))
        azure.privatedns.VirtualNetworkLink(
            name,
            resource_group_name=segment(identifier, "resourceGroups"),
            private_zone_name=segment(identifier, "privateDnsZones"),
            virtual_network_link_name=scope.place.region,
            location="global",
            virtual_network={"id": net.vnet.id},
            registration_enabled=False,
            tags=scope.tags(name),
            opts=scope.opts(),
        )


def peer(scope: Scope, net: Net, home: HomeNetwork) -> None:
    """Both directions, made here: home cannot know who will join it."""
    own, theirs = scope.named("to-home"), scope.named("from-home")
    azure.network.VirtualNetworkPeering(
        own,
        resource_group_name=net.inside.group,
        virtual_network_name=net.vnet.name,
        virtual_network_peering_name="home",
        remote_virtual_network={"id": home.id},
        allow_virtual_network_access=True,
        opts=scope.opts(),
    )
    azure.network.VirtualNetworkPeering(
        theirs,
        resource_group_name=segment(home.id, "resourceGroups"),
        virtual_network_name=segment(home.id, "virtualNetworks"),
        virtual_network_peering_name=scope.place.region,
        remote_virtual_network={"id": net.vnet.id},
        allow_virtual_network_access=True,
        opts=scope.opts(),
    )


def log_flows(scope: Scope, spec: NetworkSpec, net: Net, keys: KeysOutputs) -> None:
    """Record all traffic, accepted and refused, in an encrypted account.

    The watcher is Azure's own: it makes one in each region where a network is made, and allows no second one (Network
    Watcher documentation, "Enable or disable Azure Network Watcher"). It writes with the account's key.
    """
    logs = account(scope, "flow", keys, Purpose.LOGS, sku="Standard_ZRS", has_keys=True)
    name = scope.named("flow-log")
    azure.network.FlowLog(
        name,
        resource_group_name="NetworkWatcherRG",
        network_watcher_name=f"NetworkWatcher_{scope.place.region}",
        flow_log_name=f"{scope.place.fleet}-{scope.place.region}",
        location=scope.place.region,
        target_resource_id=net.vnet.id,
        storage_id=logs.id,
        enabled=True,
        format={"type": azure.network.FlowLogFormatType.JSON, "version": 2},
        retention_policy={"enabled": True, "days": spec.flow_log_retention_days},
        tags=scope.tags(name),
        opts=scope.opts(),
    )
