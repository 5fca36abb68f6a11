"""What the stand-in for Azure makes and refuses: Resource Manager, networks, AKS."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from testbeds.lab.azure import identity
from testbeds.lab.cloud import RefusedError, Settings
from testbeds.lab.wire import child
from tests.testbeds.lab.azure_things import (
    ACCOUNT,
    AKS,
    CONTAINER,
    ENDPOINT,
    GROUP,
    GROUP_ID,
    HOME,
    PEERING,
    POOL,
    POSTGRES,
    SUBNET,
    VNET,
    archive,
    delete,
    make,
    network,
    refusals,
    server,
    subnet,
)

if TYPE_CHECKING:
    from testbeds.lab.azure.cloud import Azure
    from testbeds.lab.wire import Object


@pytest.mark.parametrize(
    ("token", "inputs", "id_"),
    [
        (SUBNET, {"virtualNetworkName": "n", "subnetName": "s"}, "Microsoft.Network/virtualNetworks/n/subnets/s"),
        (
            ENDPOINT,
            {"serverName": "db", "virtualEndpointName": "e"},
            "Microsoft.DBforPostgreSQL/flexibleServers/db/virtualEndpoints/e",
        ),
        ("azure-native:web:WebAppSlot", {"name": "app", "slot": "next"}, "Microsoft.Web/sites/app/slots/next"),
        (
            "azure-native:containerregistry:Registry",
            {"registryName": "images"},
            "Microsoft.Containerregistry/registries/images",
        ),
    ],
)
def test_ids_are_azures(azure: Azure, token: str, inputs: Object, id_: str) -> None:
    """An id is the path of the names; a type that is not listed gets one of its namespace's."""
    path = identity.path_of(token, azure.resource(token).inputs)
    made = identity.identify(path, {"resourceGroupName": "fleet", **inputs}, identity.SUBSCRIPTION)
    assert made == f"{GROUP_ID}/providers/{id_}"


def test_names_are_made_as_the_provider_makes_them(azure: Azure) -> None:
    """Random digits in a resource group, the bare name below another resource, a GUID for a role assignment."""
    vnet = make(azure, VNET, {**GROUP, "addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}})
    assert str(vnet.outputs["name"]).removeprefix("thing").isalnum()
    assert len(str(vnet.outputs["name"])) == len("thing") + 8
    inside: Object = {"resourceGroupName": "fleet", "virtualNetworkName": vnet.outputs["name"]}
    assert make(azure, SUBNET, {**inside, "addressPrefix": "10.0.0.0/24"}).id == f"{vnet.id}/subnets/thing"
    role: Object = {"scope": vnet.id, "principalId": "p", "roleDefinitionId": "r"}
    assignment = make(azure, "azure-native:authorization:RoleAssignment", role)
    assert assignment.id.startswith(f"{vnet.id}/providers/Microsoft.Authorization/roleAssignments/")
    assert len(assignment.id.rsplit("/", 1)[1].split("-")) == 5


def test_a_location_comes_from_the_program_the_provider_or_the_group(azure: Azure) -> None:
    """In that order, and it is normalised."""
    blocks: Object = {"addressSpace": {"addressPrefixes": ["10.0.0.0/16"]}, "resourceGroupName": "fleet"}
    assert make(azure, VNET, {**blocks, "location": "West Europe", "virtualNetworkName": "own"}).region == "westeurope"
    nowhere = Settings(known=True, account=identity.SUBSCRIPTION)
    assert azure.fill_defaults(VNET, "n", dict(blocks), {}, "urn", nowhere)["location"] == "eastus"
    assert azure.fill_defaults(VNET, "n", dict(blocks), {}, "urn", HOME)["location"] == "eastus"


def test_a_second_object_of_the_same_name_is_refused(azure: Azure) -> None:
    """The id is made of names: the provider asks before it creates."""
    network(azure, "home", "10.0.0.0/16")
    with pytest.raises(RefusedError, match="cannot create already existing resource"):
        network(azure, "home", "10.1.0.0/16")


def test_what_an_object_belongs_to_must_exist(azure: Azure) -> None:
    """Neither a resource group nor a parent is made on the way."""
    with pytest.raises(RefusedError, match="ResourceGroupNotFound"):
        make(azure, VNET, {**GROUP, "resourceGroupName": "nowhere", "virtualNetworkName": "home"})
    with pytest.raises(RefusedError, match="ParentResourceNotFound"):
        subnet(azure, "data", "10.0.0.0/24")


def test_subnets_fit_and_do_not_overlap(azure: Azure) -> None:
    """Inside of the network's range, beside each other."""
    network(azure, "home", "10.0.0.0/16")
    subnet(azure, "one", "10.0.0.0/24")
    with pytest.raises(RefusedError, match="NetcfgSubnetRangesOverlap"):
        subnet(azure, "two", "10.0.0.128/25")
    with pytest.raises(RefusedError, match="NetcfgInvalidSubnet"):
        subnet(azure, "two", "10.1.0.0/24")


def test_a_delegated_subnet_serves_its_service_only(azure: Azure) -> None:
    """A server needs its delegation, a private endpoint must not have one, and a subnet in use stays."""
    network(azure, "home", "10.0.0.0/16")
    plain = subnet(azure, "plain", "10.0.0.0/24")
    delegation = [{"name": "db", "serviceName": "Microsoft.DBforPostgreSQL/flexibleServers"}]
    data = subnet(azure, "data", "10.0.1.0/24", delegations=delegation)
    with pytest.raises(RefusedError, match="SubnetMissingRequiredDelegation"):
        server(azure, "db-one", network={"delegatedSubnetResourceId": plain.id})
    with pytest.raises(RefusedError, match="SubnetIsDelegated"):
        make(azure, "azure-native:network:PrivateEndpoint", {**GROUP, "subnet": {"id": data.id}})
    server(azure, "db-one", network={"delegatedSubnetResourceId": data.id})
    with pytest.raises(RefusedError, match="InUseSubnetCannotBeDeleted"):
        delete(azure, data)
    delete(azure, plain)


def test_peered_networks_exist_and_do_not_overlap(azure: Azure) -> None:
    """Each side of a peering is an object of its own network's."""
    home, far = network(azure, "home", "10.0.0.0/16"), network(azure, "far", "10.1.0.0/16")
    same = network(azure, "same", "10.0.128.0/17")
    side: Object = {"resourceGroupName": "fleet", "virtualNetworkName": "home"}
    make(azure, PEERING, {**side, "virtualNetworkPeeringName": "far", "remoteVirtualNetwork": {"id": far.id}})
    for remote, code in ((same.id, "VnetAddressSpacesOverlap"), (f"{home.id}x", "InvalidResourceReference")):
        with pytest.raises(RefusedError, match=code):
            make(azure, PEERING, {**side, "virtualNetworkPeeringName": "x", "remoteVirtualNetwork": {"id": remote}})


def test_gateways_and_groups_in_use_stay(azure: Azure) -> None:
    """A subnet holds on to what it names."""
    network(azure, "home", "10.0.0.0/16")
    nat = make(azure, "azure-native:network:NatGateway", {**GROUP, "sku": {"name": "Standard"}})
    rules = make(azure, "azure-native:network:NetworkSecurityGroup", {**GROUP})
    subnet(azure, "data", "10.0.0.0/24", natGateway={"id": nat.id}, networkSecurityGroup={"id": rules.id})
    for one, code in ((nat, "InUseNatGatewayCannotBeDeleted"), (rules, "InUseNetworkSecurityGroupCannotBeDeleted")):
        with pytest.raises(RefusedError, match=code):
            delete(azure, one)


def test_a_name_that_makes_a_host_is_taken_for_everybody(azure: Azure) -> None:
    """Also in another resource group."""
    make(azure, "azure-native:resources:ResourceGroup", {**GROUP, "resourceGroupName": "other"})
    archive(azure)
    account: Object = {**GROUP, "resourceGroupName": "other", "accountName": "ledger", "kind": "StorageV2"}
    with pytest.raises(RefusedError, match="NameNotAvailable"):
        make(azure, ACCOUNT, {**account, "sku": {"name": "Standard_LRS"}})


@pytest.mark.parametrize(
    ("token", "inputs", "said"),
    [
        (
            ACCOUNT,
            {"accountName": "Ledger", "kind": "StorageV2", "sku": {"name": "Standard_GRS"}},
            "3 to 24 lower-case",
        ),
        (ACCOUNT, {"kind": "StorageV2", "sku": {"name": "Standard_XRS"}}, "'Standard_XRS' is not one of"),
        (VNET, {"tags": {"a/b": "c"}}, "InvalidTagNameCharacters"),
        (VNET, {"tags": {"a": "c" * 257}}, "at most 256"),
        (VNET, {"tags": {f"k{n}": "v" for n in range(51)}}, "at most 50"),
        (VNET, {"location": "eastmars"}, "is no Azure region"),
        (VNET, {"addressSpace": {"addressPrefixes": ["10.0.0.0/33"]}}, "InvalidAddressPrefixFormat"),
        ("azure-native:network:PublicIPAddress", {"location": "westus", "zones": ["1"]}, "no availability zones"),
        ("azure-native:network:PublicIPAddress", {"zones": ["4"]}, "it has: 1, 2, 3"),
        (
            "azure-native:web:AppServicePlan",
            {"sku": {"name": "S1", "tier": "Standard"}, "zoneRedundant": True},
            "PremiumV3",
        ),
        (POOL, {"resourceName": "a", "agentPoolName": "Workers-1"}, "1 to 12 lower-case"),
        (POOL, {"resourceName": "a", "enableAutoScaling": True, "minCount": 5, "maxCount": 3}, "more than maxCount"),
    ],
)
def test_wrong_values_are_named_at_plan_time(azure: Azure, token: str, inputs: Object, said: str) -> None:
    """The refusal says what is wrong and what is allowed."""
    base = {key: value for key, value in GROUP.items() if key in azure.resource(token).inputs}
    assert said in refusals(azure, token, {**base, **inputs})


@pytest.mark.parametrize(
    ("old", "new", "said"), [("1.32", "1.33.1", ""), ("1.31", "1.33", "1.32"), ("1.33", "1.32", "downgraded")]
)
def test_kubernetes_goes_one_minor_version_at_a_time(azure: Azure, old: str, new: str, said: str) -> None:
    """Neither back nor two at once."""
    before, after = ({**GROUP, "resourceName": "fleet", "kubernetesVersion": version} for version in (old, new))
    told = refusals(azure, AKS, after, before)  # type: ignore[arg-type]
    assert said in told
    assert bool(told) == bool(said)


def test_the_limits_of_a_pool_may_move_past_its_count_once_it_exists(azure: Azure) -> None:
    """AKS refuses a new pool of a count outside; of one that exists the autoscaler moves the count."""
    named: Object = {"resourceGroupName": "fleet", "resourceName": "a", "agentPoolName": "a"}
    pool: Object = {**named, "enableAutoScaling": True, "count": 2}
    before, after = {**pool, "minCount": 1, "maxCount": 3}, {**pool, "minCount": 4, "maxCount": 9}
    assert "2 is not between minCount 4 and maxCount 9" in refusals(azure, POOL, after)
    assert not refusals(azure, POOL, after, before)


def test_how_a_database_was_born_binds_it_no_longer_once_it_is_promoted(azure: Azure) -> None:
    """A replica has no second server, and has a source, until its role is another."""
    born: Object = {**GROUP, "createMode": "Replica", "administratorLogin": "owner"}
    two: Object = {"highAvailability": {"mode": "ZoneRedundant"}}
    assert "a replica needs its source server" in refusals(azure, POSTGRES, born)
    assert "before it is promoted" in refusals(azure, POSTGRES, {**born, **two})
    assert "before it is promoted" in refusals(
        azure, POSTGRES, {**born, **two, "replicationRole": "AsyncReplica"}, born
    )
    assert not refusals(azure, POSTGRES, {**born, **two, "replicationRole": "Primary"}, born)


def test_a_cluster_says_where_it_is(azure: Azure) -> None:
    """Its credentials lead to the host that it names, which the stand-in for Kubernetes recognises."""
    pools: Object = {
        "agentPoolProfiles": [{"name": "system", "mode": "System"}],
        "identity": {"type": "SystemAssigned"},
    }
    made = make(azure, AKS, {**GROUP, "resourceName": "fleet", "dnsPrefix": "fleet", **pools})
    asked: Object = {"resourceGroupName": "fleet", "resourceName": "fleet"}
    answer = azure.invoke("azure-native:containerservice:listManagedClusterUserCredentials", asked, HOME)
    config = base64.b64decode(answer["kubeconfigs"][0]["value"]).decode()  # type: ignore[call-overload, index]
    assert f"server: https://{made.outputs['fqdn']}:443" in config
    assert str(made.outputs["fqdn"]).endswith(".eastus.lab.invalid")
    assert made.outputs["nodeResourceGroup"] == "MC_fleet_fleet_eastus"


def test_identities_are_answered_with_their_principals(azure: Azure) -> None:
    """Some types take a list of ids, some a map; Azure answers with an object each, and all name the same principal."""
    own = make(azure, "azure-native:managedidentity:UserAssignedIdentity", {**GROUP})
    account: Object = {**GROUP, "accountName": "ledger", "kind": "StorageV2", "sku": {"name": "Standard_LRS"}}
    listed = make(azure, ACCOUNT, {**account, "identity": {"type": "UserAssigned", "userAssignedIdentities": [own.id]}})
    mapped = server(azure, "ledger", identity={"type": "UserAssigned", "userAssignedIdentities": {own.id: {}}})
    for made in (listed, mapped):
        answer = child(child(made.outputs, "identity"), "userAssignedIdentities")
        assert child(answer, own.id)["principalId"] == own.outputs["principalId"]


@pytest.mark.parametrize(
    ("token", "old", "new", "path"),
    [
        (
            POSTGRES,
            {"backup": {"geoRedundantBackup": "Disabled"}},
            {"backup": {"geoRedundantBackup": "Enabled"}},
            "backup.geoRedundantBackup",
        ),
        (POSTGRES, {}, {"backup": {"geoRedundantBackup": "Enabled"}}, "backup.geoRedundantBackup"),
        (POSTGRES, {}, {"backup": {"geoRedundantBackup": "Disabled"}}, ""),
        (POSTGRES, {}, {"dataEncryption": {"type": "AzureKeyVault", "primaryKeyURI": "k"}}, "dataEncryption.type"),
        (POSTGRES, {"serverName": "one"}, {"serverName": "two", "backup": {"geoRedundantBackup": "Enabled"}}, ""),
        (POOL, {"maxPods": 30}, {"maxPods": 60}, "maxPods"),
        (POOL, {"availabilityZones": ["1", "2"]}, {"availabilityZones": ["2", "1"]}, ""),
        (SUBNET, {"defaultOutboundAccess": True}, {"defaultOutboundAccess": False}, "defaultOutboundAccess"),
        (
            CONTAINER,
            {},
            {"immutableStorageWithVersioning": {"enabled": True}},
            "immutableStorageWithVersioning.enabled",
        ),
        (ACCOUNT, {"kind": "StorageV2"}, {"kind": "BlockBlobStorage"}, "kind"),
    ],
)
def test_what_azure_decides_at_creation_is_refused_at_plan_time(
    azure: Azure, token: str, old: Object, new: Object, path: str
) -> None:
    """The refusal names the property, and there is none when the object is replaced or nothing really changes."""
    base: Object = {"resourceGroupName": "fleet"} | ({"administratorLogin": "owner"} if token == POSTGRES else {})
    told = "\n".join(one.path for one in azure.refuse_inputs(token, base | new, base | old, HOME))
    assert told == path


def test_deleting_a_group_takes_everything_along(azure: Azure) -> None:
    """As in Azure, where a resource group is the unit that goes."""
    network(azure, "home", "10.0.0.0/16")
    subnet(azure, "data", "10.0.0.0/24")
    delete(azure, azure.world.objects("azure-native:resources:ResourceGroup")[0])
    assert azure.world.objects() == []


@pytest.mark.parametrize(
    ("token", "inputs", "id_"),
    [
        ("network:VirtualNetworkGateway", GROUP, "/Microsoft.Network/virtualNetworkGateways/thing"),
        ("network:Route", {"resourceGroupName": "fleet", "routeTableName": "out"}, "/routeTables/out/routes/thing"),
        (
            "web:WebAppApplicationSettings",
            {"resourceGroupName": "fleet", "name": "app"},
            "/webAppApplicationSettings/app",
        ),
        (
            "authorization:ManagementLockByScope",
            {"scope": "/subscriptions/x", "level": "CanNotDelete"},
            "/authorization/",
        ),
    ],
)
def test_a_type_that_is_not_listed_works_all_the_same(azure: Azure, token: str, inputs: Object, id_: str) -> None:
    """Its shape is the SDK's, its id a guess that no refusal is built on."""
    made = make(azure, f"azure-native:{token}", {**inputs})
    assert id_ in made.id
    assert made.outputs["azureApiVersion"]
    delete(azure, made)
