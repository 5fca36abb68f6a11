from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components.network.component import HomeNetwork
from tests.components import parts_azure as parts
from tests.components.graph import UNKNOWN, Graph, run

if TYPE_CHECKING:
    from tests.components.graph import Node

SUBNET, NAT, PEERING = "network:Subnet", "network:NatGateway", "network:VirtualNetworkPeering"


def subnets(graph: Graph) -> dict[str, Node]:
    """The subnets by their own name."""
    return {str(node.inputs["subnetName"]): node for node in graph.of(SUBNET).values()}


def test_nodes_of_a_zone_leave_by_the_gateway_of_that_zone(azure_home: Graph) -> None:
    """Each zone has a private subnet and a NAT gateway of its own, so that a lost zone cuts no other off."""
    gateways = azure_home.of(NAT)
    assert {name: node.inputs["zones"] for name, node in gateways.items()} == {
        f"pay-net-nat-{letter}": [number] for letter, number in zip("abc", "123", strict=True)
    }
    for letter in "abc":
        way = subnets(azure_home)[f"private-{letter}"].inputs["natGateway"]["id"]
        assert way.endswith(f"/pay-net-nat-{letter}")


def test_only_private_subnets_reach_the_internet(azure_home: Graph) -> None:
    """No subnet has Azure's default way out, and the data tier's security group closes every other."""
    for name, node in subnets(azure_home).items():
        assert node.inputs["defaultOutboundAccess"] is False
        assert ("natGateway" in node.inputs) == (name.startswith("private") or name == "system")
    rules = azure_home.one("network:NetworkSecurityGroup", "data-rules").inputs["securityRules"]
    closed = max(rules, key=lambda rule: rule["priority"])
    assert (closed["access"], closed["direction"], closed["destinationAddressPrefix"]) == (
        "Deny",
        "Outbound",
        "Internet",
    )


def test_each_service_has_a_subnet_given_to_it(azure_home: Graph) -> None:
    """PostgreSQL, App Service and the API server each have one, and none lies in another's range."""
    given = {
        name: node.inputs["delegations"][0]["serviceName"]
        for name, node in subnets(azure_home).items()
        if "delegations" in node.inputs
    }
    assert given == {
        "postgresql": "Microsoft.DBforPostgreSQL/flexibleServers",
        "apps": "Microsoft.Web/serverFarms",
        "apiserver": "Microsoft.ContainerService/managedClusters",
    }
    ranges = [node.inputs["addressPrefix"] for node in subnets(azure_home).values()]
    assert len(set(ranges)) == len(ranges)


def test_a_zone_more_or_less_moves_no_other_subnet() -> None:
    """A range depends on tier and letter only."""

    def ranges(zones: str) -> dict[str, str]:
        graph = run(lambda: parts.network(parts.keys(parts.place()), zones=zones))
        return {name: node.inputs["addressPrefix"] for name, node in subnets(graph).items()}

    three, two = ranges("abc"), ranges("bc")
    assert two == {name: cidr for name, cidr in three.items() if name != "private-a"}


def test_a_single_gateway_serves_every_zone() -> None:
    """`single` leaves the first letter's gateway; nothing but gateways and their addresses goes."""
    per_zone = run(lambda: parts.network(parts.keys(parts.place())))
    single = run(lambda: parts.network(parts.keys(parts.place()), nat="single"))
    assert set(single.of(NAT)) == {"pay-net-nat-a"}
    gone = {kind for kind, _ in per_zone.names() - single.names()}
    assert gone == {"azure-native:network:NatGateway", "azure-native:network:PublicIPAddress"}


def test_home_owns_the_private_zones_and_every_region_can_read_them(azure_home: Graph, azure_secondary: Graph) -> None:
    """The zones are made at home, protected; each region links its own network to each of them."""
    zones = azure_home.of("privatedns:PrivateZone").values()
    assert {node.inputs["privateZoneName"] for node in zones} == set(parts.ZONES)
    assert all(node.protect for node in zones)
    assert not azure_secondary.of("privatedns:PrivateZone")
    for graph in (azure_home, azure_secondary):
        links = graph.of("privatedns:VirtualNetworkLink").values()
        assert {node.inputs["privateZoneName"] for node in links} == set(parts.ZONES)
        assert {node.inputs["resourceGroupName"] for node in links} == {"pay-eastus"}


def test_a_region_that_joins_makes_both_peerings(azure_home: Graph, azure_secondary: Graph) -> None:
    """Home makes none, because it does not know who joins; the other makes its own and home's."""
    assert not azure_home.of(PEERING)
    there, back = azure_secondary.of(PEERING)["pay-net-to-home"], azure_secondary.of(PEERING)["pay-net-from-home"]
    assert there.inputs["remoteVirtualNetwork"]["id"] == parts.HOME.id
    assert (back.inputs["resourceGroupName"], back.inputs["virtualNetworkName"]) == ("pay-eastus", "pay-net-vnet")
    assert back.inputs["remoteVirtualNetwork"]["id"].startswith(parts.GROUP.replace("pay-eastus", "pay-westeurope"))


def test_what_home_has_not_exported_is_unknown_in_a_preview() -> None:
    """Without home's values the same resources are planned, and nothing is made up."""

    def program() -> None:
        unknown = pulumi.Output.from_input(pulumi.UNKNOWN)
        home = HomeNetwork(unknown, unknown)
        parts.network(parts.keys(parts.place("westeurope")), home)

    graph = run(program, preview=True)
    assert graph.of(PEERING)["pay-net-from-home"].inputs["virtualNetworkName"] == UNKNOWN
    assert len(graph.of("privatedns:VirtualNetworkLink")) == len(parts.ZONES)


def test_flow_logs_record_everything_encrypted(azure_home: Graph) -> None:
    """All traffic of the network, for 90 days, in an account under our key that nobody reaches anonymously."""
    log = azure_home.one("network:FlowLog").inputs
    assert (log["enabled"], log["retentionPolicy"]) == (True, {"enabled": True, "days": 90})
    account = azure_home.one("storage:StorageAccount", "net-flow").inputs
    assert account["encryption"]["keyVaultProperties"]["keyName"] == "logs"
    assert (account["allowBlobPublicAccess"], account["networkRuleSet"]["defaultAction"]) == (False, "Deny")


def test_the_vault_is_reached_from_inside(azure_home: Graph) -> None:
    """A private endpoint leads to the vault, and its name resolves to it."""
    endpoint = azure_home.one("network:PrivateEndpoint", "to-vault").inputs
    assert endpoint["privateLinkServiceConnections"][0]["groupIds"] == ["vault"]
    names = azure_home.one("network:PrivateDnsZoneGroup", "to-vault-names").inputs
    assert names["privateDnsZoneConfigs"][0]["privateDnsZoneId"].endswith("privatelink.vaultcore.azure.net")
