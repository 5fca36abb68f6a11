"""The stand-in for Azure, through the real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_azure_native as azure
import pytest
from pulumi.automation import CommandError

if TYPE_CHECKING:
    from conftest import Engine

NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
SERVER = "azure-native:dbforpostgresql:Server"
GROUP_ID = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/fleet-eastus"


def fleet(**changes: Any) -> None:
    """Seven resources: a group, a network with a NAT gateway and a delegated subnet, a vault and a database."""
    group = azure.resources.ResourceGroup("group", resource_group_name="fleet-eastus", tags=changes.get("tags"))
    inside = {"resource_group_name": group.name}
    network = azure.network.VirtualNetwork("network", address_space={"address_prefixes": ["10.0.0.0/16"]}, **inside)
    address = azure.network.PublicIPAddress(
        "address", sku={"name": "Standard"}, public_ip_allocation_method="Static", zones=["1", "2", "3"], **inside
    )
    nat = azure.network.NatGateway(
        "nat", sku={"name": "Standard"}, public_ip_addresses=[{"id": address.id}], zones=changes.get("zones"), **inside
    )
    subnet = azure.network.Subnet(
        "data",
        virtual_network_name=network.name,
        subnet_name=changes.get("subnet", "data"),
        address_prefix="10.0.0.0/24",
        nat_gateway={"id": nat.id},
        delegations=[{"name": "postgres", "service_name": "Microsoft.DBforPostgreSQL/flexibleServers"}],
        **inside,
    )
    server = azure.dbforpostgresql.Server(
        "ledger",
        server_name="ledger-eastus",
        version=changes.get("version", "16"),
        administrator_login="owner",
        administrator_login_password="correct horse",  # noqa: S106 - nobody's
        sku={"name": "Standard_D4ds_v5", "tier": changes.get("tier", "GeneralPurpose")},
        storage={"storage_size_gb": changes.get("storage", 128)},
        backup={"backup_retention_days": 14, "geo_redundant_backup": changes.get("geo", "Disabled")},
        high_availability={"mode": "ZoneRedundant", "standby_availability_zone": "2"},
        network={"delegated_subnet_resource_id": subnet.id},
        **inside,
    )
    pulumi.export("network", network.id)
    pulumi.export("host", server.fully_qualified_domain_name)
    pulumi.export("zone", server.availability_zone)


def test_a_stack_comes_up_stays_the_same_and_goes(engine: Engine) -> None:
    """A second `up` changes nothing; ids are Azure's; `destroy` leaves an empty world."""
    first = engine.stack(fleet).up()
    assert first.summary.resource_changes == {"create": 7}
    (network,) = engine.lab.world.objects(NETWORK)
    assert first.outputs["network"].value == network.id
    assert network.id.startswith(f"{GROUP_ID}/providers/Microsoft.Network/virtualNetworks/network")
    assert len(network.id.rsplit("/network", 1)[1]) == 8
    assert network.region == "eastus"
    assert network.outputs["azureApiVersion"] == "2024-05-01"
    assert first.outputs["host"].value == "ledger-eastus.postgres.eastus.lab.invalid"
    assert engine.stack(fleet).up().summary.resource_changes == {"same": 7}
    engine.stack(fleet).destroy()
    assert engine.lab.world.objects() == []


def test_a_change_in_place_keeps_the_object(engine: Engine) -> None:
    """What Azure can modify is updated on the object that is there."""
    engine.up(fleet)
    changed: dict[str, Any] = {"storage": 256, "tags": {"team": "core"}}
    assert engine.operations(lambda: fleet(**changed)) == {"group": "update", "ledger": "update"}
    engine.up(lambda: fleet(**changed))
    (server,) = engine.lab.world.objects(SERVER)
    assert server.outputs["storage"] == {"storageSizeGB": 256}
    assert [found.id for found in engine.lab.world.find_by_tag("team", "core")] == [GROUP_ID]


def test_another_name_is_another_object(engine: Engine) -> None:
    """A name is a part of the id, so the provider replaces, and what refers to it follows or is refused."""
    engine.up(fleet)
    operations = engine.operations(lambda: fleet(tier="MemoryOptimized"))
    assert operations == {"ledger": "update"}


def test_a_change_that_azure_refuses_is_refused_in_preview(engine: Engine) -> None:
    """Geo-redundant backup is decided at creation: the plan names the property, what it was, and the way on."""
    engine.up(fleet)
    with pytest.raises(CommandError) as refused:
        engine.stack(lambda: fleet(geo="Enabled")).preview()
    assert "backup.geoRedundantBackup: PropertyChangeNotAllowed: it was 'Disabled'" in str(refused.value)
    assert "Azure can only make it anew" in str(refused.value)
