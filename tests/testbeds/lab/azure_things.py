"""Things that tests make in the stand-in for Azure, as its server makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbeds.lab.azure import identity
from testbeds.lab.checking import check
from testbeds.lab.cloud import Settings
from testbeds.lab.world import NewObject

if TYPE_CHECKING:
    from testbeds.lab.azure.cloud import Azure
    from testbeds.lab.wire import Object
    from testbeds.lab.world import WorldObject

HOME = Settings(home="eastus", known=True, account=identity.SUBSCRIPTION)
GROUP = {"resourceGroupName": "fleet", "location": "eastus"}
GROUP_ID = f"/subscriptions/{identity.SUBSCRIPTION}/resourceGroups/fleet"
VNET, SUBNET = "azure-native:network:VirtualNetwork", "azure-native:network:Subnet"
PEERING = "azure-native:network:VirtualNetworkPeering"
POSTGRES, ENDPOINT = "azure-native:dbforpostgresql:Server", "azure-native:dbforpostgresql:VirtualEndpoint"
REDIS, DATABASE = "azure-native:redisenterprise:RedisEnterprise", "azure-native:redisenterprise:Database"
ACCOUNT, CONTAINER = "azure-native:storage:StorageAccount", "azure-native:storage:BlobContainer"
POLICY, LIFECYCLE = "azure-native:storage:BlobContainerImmutabilityPolicy", "azure-native:storage:ManagementPolicy"
VAULT, KEY = "azure-native:keyvault:Vault", "azure-native:keyvault:Key"
AKS, POOL = "azure-native:containerservice:ManagedCluster", "azure-native:containerservice:AgentPool"


def make(cloud: Azure, token: str, inputs: Object) -> WorldObject:
    """Make an object as the server does: with what the provider fills in, refused where Azure refuses."""
    filled = cloud.fill_defaults(token, "thing", inputs, {}, f"urn:{token}::thing", HOME)
    made = cloud.make(token, filled, HOME)
    return cloud.world.add(NewObject(token, made.region, made.id, filled, made.outputs, made.tags))


def delete(cloud: Azure, one: WorldObject) -> None:
    """Delete an object as the server does."""
    cloud.refuse_delete(one)
    cloud.world.remove(one.seq)


def refusals(cloud: Azure, token: str, news: Object, olds: Object | None = None) -> str:
    """Everything that a plan is told about inputs."""
    resource = cloud.resource(token)
    found = check(news, resource.inputs, cloud.table(token))
    found = found or tuple(cloud.refuse_inputs(token, news, olds or {}, HOME))
    return "\n".join(f"{one.path}: {one.reason}" for one in found)


def network(cloud: Azure, name: str, block: str) -> WorldObject:
    """A virtual network."""
    return make(cloud, VNET, {**GROUP, "virtualNetworkName": name, "addressSpace": {"addressPrefixes": [block]}})


def subnet(cloud: Azure, name: str, block: str, **more: object) -> WorldObject:
    """A subnet of the network `home`."""
    inputs: Object = {"resourceGroupName": "fleet", "virtualNetworkName": "home", "subnetName": name}
    return make(cloud, SUBNET, {**inputs, "addressPrefix": block, **more})  # type: ignore[dict-item]


def server(cloud: Azure, name: str, **more: object) -> WorldObject:
    """A PostgreSQL server."""
    inputs: Object = {**GROUP, "serverName": name, "sku": {"name": "Standard_D4ds_v5", "tier": "GeneralPurpose"}}
    return make(cloud, POSTGRES, {**inputs, "administratorLogin": "owner", **more})  # type: ignore[dict-item]


def cache(cloud: Azure, name: str, members: list[str], **more: object) -> WorldObject:
    """A cache with its database in a geo-replication group."""
    make(
        cloud, REDIS, {**GROUP, "clusterName": name, "sku": {"name": "Balanced_B5"}, "publicNetworkAccess": "Disabled"}
    )
    linked = [
        {"id": f"{GROUP_ID}/providers/Microsoft.Cache/redisEnterprise/{one}/databases/default"} for one in members
    ]
    geo = {"groupNickname": "sessions", "linkedDatabases": linked}
    inputs: Object = {"resourceGroupName": "fleet", "clusterName": name, "databaseName": "default"}
    return make(cloud, DATABASE, {**inputs, "geoReplication": geo, **more})  # type: ignore[dict-item]


def archive(cloud: Azure, sku: str = "Standard_GRS") -> tuple[WorldObject, WorldObject, WorldObject]:
    """An account with a container that has an immutability policy."""
    account = make(cloud, ACCOUNT, {**GROUP, "accountName": "ledger", "kind": "StorageV2", "sku": {"name": sku}})
    inside: Object = {"resourceGroupName": "fleet", "accountName": "ledger", "containerName": "archive"}
    container = make(cloud, CONTAINER, inside)
    policy = {**inside, "immutabilityPolicyName": "default", "immutabilityPeriodSinceCreationInDays": 2555}
    return account, container, make(cloud, POLICY, policy)


def lock(cloud: Azure, policy: WorldObject) -> WorldObject:
    """Lock a policy, as a person does: no program can."""
    return cloud.world.tamper(policy.id, "state", "Locked", type_=POLICY)
