"""The stand-in for Azure, through the real engine."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_azure_native as azure
import pulumi_kubernetes as k8s
import pytest
from pulumi.automation import CommandError

if TYPE_CHECKING:
    from conftest import Engine

NETWORK = "azure-native:network:VirtualNetwork"
SUBNET = "azure-native:network:Subnet"
GROUP_ID = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/fleet-eastus"


def fleet() -> None:
    """Four resources: a group, a network with a delegated subnet, a database."""
    group = azure.resources.ResourceGroup("group", resource_group_name="fleet-eastus")
    inside = {"resource_group_name": group.name}
    network = azure.network.VirtualNetwork("network", address_space={"address_prefixes": ["10.0.0.0/16"]}, **inside)
    subnet = azure.network.Subnet(
        "data",
        virtual_network_name=network.name,
        subnet_name="data",
        address_prefix="10.0.0.0/24",
        delegations=[{"name": "postgres", "service_name": "Microsoft.DBforPostgreSQL/flexibleServers"}],
        **inside,
    )
    server = azure.dbforpostgresql.Server(
        "ledger",
        server_name="ledger-eastus",
        version="16",
        administrator_login="owner",
        administrator_login_password="correct horse",  # noqa: S106 - nobody's
        sku={"name": "Standard_D4ds_v5", "tier": "GeneralPurpose"},
        storage={"storage_size_gb": 128},
        backup={"backup_retention_days": 14, "geo_redundant_backup": "Disabled"},
        high_availability={"mode": "ZoneRedundant", "standby_availability_zone": "2"},
        network={"delegated_subnet_resource_id": subnet.id},
        **inside,
    )
    pulumi.export("network", network.id)
    pulumi.export("host", server.fully_qualified_domain_name)


def test_a_stack_comes_up_stays_the_same_and_goes(engine: Engine) -> None:
    """A second `up` changes nothing; ids are Azure's; `destroy` leaves an empty world."""
    first = engine.stack(fleet).up()
    assert first.summary.resource_changes == {"create": 5}
    outputs = engine.outputs()
    (network,) = engine.lab.world.objects(NETWORK)
    assert outputs["network"] == network.id
    assert network.id.startswith(f"{GROUP_ID}/providers/Microsoft.Network/virtualNetworks/network")
    assert len(network.id.rsplit("/network", 1)[1]) == 8
    assert network.region == "eastus"
    assert network.outputs["azureApiVersion"] == "2024-05-01"
    assert outputs["host"] == "ledger-eastus.postgres.eastus.lab.invalid"
    assert engine.stack(fleet).up().summary.resource_changes == {"same": 5}
    engine.stack(fleet).destroy()
    assert engine.lab.world.objects() == []


def small(**changes: Any) -> None:
    """Three resources: a group, a network and a subnet."""
    group = azure.resources.ResourceGroup("group", resource_group_name="small")
    inside = {"resource_group_name": group.name, "location": changes.get("location")}
    space = {"address_prefixes": ["10.0.0.0/16"]}
    network = azure.network.VirtualNetwork("network", address_space=space, tags=changes.get("tags"), **inside)
    azure.network.Subnet(
        "data",
        resource_group_name=group.name,
        virtual_network_name=network.name,
        address_prefix="10.0.0.0/24",
        default_outbound_access=changes.get("outbound", False),
    )


def test_a_change_in_place_keeps_the_object_and_drift_is_seen(engine: Engine) -> None:
    """What Azure can modify is updated on the object that is there, and what somebody else changed is put back."""
    engine.up(small)
    (before,) = engine.lab.world.objects(NETWORK)
    tagged: dict[str, Any] = {"tags": {"team": "core"}}
    assert engine.operations(lambda: small(**tagged)) == {"network": "update"}
    engine.up(lambda: small(**tagged))
    (network,) = engine.lab.world.find_by_tag("team", "core")
    assert network.id == before.id
    engine.lab.world.tamper(network.id, "tags.team", "other")
    stack = engine.stack(lambda: small(**tagged))
    assert stack.refresh().summary.resource_changes == {"same": 3, "update": 1}
    assert stack.up().summary.resource_changes == {"same": 3, "update": 1}
    (repaired,) = engine.lab.world.objects(NETWORK)
    assert repaired.outputs["tags"] == {"team": "core"}


def test_another_location_is_another_object(engine: Engine) -> None:
    """A network replaces with what is in it: its made-up name changes, so the new one comes before the old one goes."""
    engine.up(small)
    (before,) = engine.lab.world.objects(NETWORK)
    operations = engine.operations(lambda: small(location="westeurope"))
    assert operations == {"network": "create-replacement", "data": "create-replacement"}
    engine.up(lambda: small(location="West Europe"))
    (after,) = engine.lab.world.objects(NETWORK)
    assert (after.region, after.id == before.id) == ("westeurope", False)
    assert [one.id for one in engine.lab.world.objects(SUBNET)] == [f"{after.id}/subnets/data"]


def test_a_change_that_azure_refuses_is_refused_in_preview(engine: Engine) -> None:
    """A subnet's way out is decided at creation: the plan names the property, what it was, and the way on."""
    engine.up(small)
    with pytest.raises(CommandError) as refused:
        engine.stack(lambda: small(outbound=True)).preview()
    assert "defaultOutboundAccess: PropertyChangeNotAllowed: it was False, True is asked for" in str(refused.value)
    assert "Azure can only make it anew" in str(refused.value)
    with pytest.raises(CommandError, match="cannot create already existing resource"):
        engine.up(small, name="second")


def test_a_deleted_vault_keeps_its_name(engine: Engine) -> None:
    """After `destroy` the vault is soft-deleted: the next `up` with the same name is refused, as in Azure."""

    def vault() -> None:
        group = azure.resources.ResourceGroup("group", resource_group_name="keys")
        sku = {"family": azure.keyvault.SkuFamily.A, "name": azure.keyvault.SkuName.STANDARD}
        properties = {"sku": sku, "tenant_id": azure.authorization.get_client_config_output().tenant_id}
        azure.keyvault.Vault("vault", vault_name="fleet-keys", resource_group_name=group.name, properties=properties)

    engine.up(vault)
    engine.stack(vault).destroy()
    with pytest.raises(CommandError, match="exists in deleted state"):
        engine.up(vault)


def test_kubernetes_is_reached_through_a_clusters_credentials(engine: Engine) -> None:
    """AKS gives a kubeconfig that leads to the lab's own cluster, with the storage classes that AKS is born with."""

    def cluster() -> None:
        group = azure.resources.ResourceGroup("group", resource_group_name="clusters")
        pool = {"name": "system", "mode": "System", "count": 3, "vm_size": "Standard_D4ds_v5"}
        made = azure.containerservice.ManagedCluster(
            "cluster",
            resource_group_name=group.name,
            resource_name_="fleet",
            dns_prefix="fleet",
            identity={"type": azure.containerservice.ResourceIdentityType.SYSTEM_ASSIGNED},
            agent_pool_profiles=[pool],
        )
        answer = azure.containerservice.list_managed_cluster_user_credentials_output(
            resource_group_name=group.name, resource_name=made.name
        )
        config = answer.kubeconfigs.apply(lambda found: base64.b64decode(found[0].value).decode())
        provider = k8s.Provider("aks", kubeconfig=config)
        k8s.core.v1.Namespace("space", opts=pulumi.ResourceOptions(provider=provider))

    engine.up(cluster)
    (space,) = engine.lab.world.objects("kubernetes:core/v1:Namespace")
    (made,) = engine.lab.world.objects("azure-native:containerservice:ManagedCluster")
    assert space.region == f"https://{made.outputs['fqdn']}:443"
