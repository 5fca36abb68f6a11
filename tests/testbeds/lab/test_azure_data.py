"""What the stand-in for Azure makes and refuses: vaults, databases, caches, storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbeds.lab.azure import identity
from testbeds.lab.cloud import RefusedError
from tests.testbeds.lab.azure_things import (
    ACCOUNT,
    DATABASE,
    ENDPOINT,
    GROUP,
    GROUP_ID,
    HOME,
    KEY,
    LIFECYCLE,
    POLICY,
    POSTGRES,
    REDIS,
    VAULT,
    archive,
    cache,
    delete,
    lock,
    make,
    refusals,
    server,
)

if TYPE_CHECKING:
    from testbeds.lab.azure.cloud import Azure
    from testbeds.lab.wire import Object


def test_a_deleted_vault_keeps_its_name(azure: Azure) -> None:
    """It is soft-deleted, its keys with it; a name that the provider makes up is another one."""
    properties: Object = {"sku": {"family": "A", "name": "standard"}, "tenantId": identity.TENANT}
    vault = make(azure, VAULT, {**GROUP, "vaultName": "ledger-keys", "properties": properties})
    make(azure, KEY, {"resourceGroupName": "fleet", "vaultName": "ledger-keys", "keyName": "data", "properties": {}})
    assert vault.outputs["properties"] == properties | {
        "vaultUri": "https://ledger-keys.vault.lab.invalid/",
        "provisioningState": "Succeeded",
        "enableSoftDelete": True,
        "softDeleteRetentionInDays": 90,
        "hsmPoolResourceId": azure.world.objects(VAULT)[0].outputs["properties"]["hsmPoolResourceId"],  # type: ignore[call-overload, index]
        "privateEndpointConnections": [],
    }
    delete(azure, vault)
    assert azure.world.objects(KEY) == []
    with pytest.raises(RefusedError, match="exists in deleted state"):
        make(azure, VAULT, {**GROUP, "vaultName": "ledger-keys", "properties": properties})
    first = make(azure, VAULT, {**GROUP, "properties": properties})
    delete(azure, first)
    assert make(azure, VAULT, {**GROUP, "properties": properties}).id != first.id


def test_purge_protection_is_for_ever(azure: Azure) -> None:
    """It can be switched on at any time and off at none."""
    plain: Object = {"sku": {"family": "A", "name": "standard"}, "tenantId": identity.TENANT}
    on: Object = {**GROUP, "vaultName": "ledger-keys", "properties": plain | {"enablePurgeProtection": True}}
    off: Object = {**GROUP, "vaultName": "ledger-keys", "properties": plain}
    assert refusals(azure, VAULT, on, off) == ""
    assert "purge protection cannot be taken back" in refusals(azure, VAULT, off, on)


def test_a_replica_needs_a_source_of_its_size_at_most(azure: Azure) -> None:
    """The source exists, and the replica is no smaller."""
    copy = {"createMode": "Replica", "administratorLogin": None}
    with pytest.raises(RefusedError, match="no source server"):
        server(azure, "db-west", sourceServerResourceId=f"{GROUP_ID}/nothing", **copy)
    source = server(azure, "db-east", storage={"storageSizeGB": 128})
    small = {"name": "Standard_D2ds_v5", "tier": "GeneralPurpose"}
    with pytest.raises(RefusedError, match="the number of cores is smaller"):
        server(azure, "db-west", sourceServerResourceId=source.id, **copy | {"sku": small})
    with pytest.raises(RefusedError, match="the storage is smaller"):
        server(azure, "db-west", sourceServerResourceId=source.id, storage={"storageSizeGB": 64}, **copy)
    replica = server(azure, "db-west", sourceServerResourceId=source.id, **copy)
    assert (source.outputs["replicationRole"], replica.outputs["replicationRole"]) == ("Primary", "AsyncReplica")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"createMode": "Replica", "sourceServerResourceId": "x"}, "before it is promoted"),
        ({"sku": {"name": "Standard_B2s", "tier": "Burstable"}}, "needs the tier GeneralPurpose"),
        ({"location": "westus"}, "westus has no availability zones"),
        ({"version": "9.6"}, "'9.6' is not one of"),
        ({"administratorLogin": None}, "needs administratorLogin"),
    ],
)
def test_high_availability_has_conditions(azure: Azure, changes: Object, said: str) -> None:
    """A standby in another zone: not for a replica, not on burstable servers, not where there are no zones."""
    whole: Object = {**GROUP, "serverName": "ledger", "sku": {"name": "Standard_D4ds_v5", "tier": "GeneralPurpose"}}
    whole |= {"administratorLogin": "owner", "highAvailability": {"mode": "ZoneRedundant"}, "version": "16"}
    assert refusals(azure, POSTGRES, whole) == ""
    assert said in refusals(azure, POSTGRES, whole | changes)


def test_a_virtual_endpoint_is_the_primarys_and_names_its_replicas(azure: Azure) -> None:
    """One pair for a primary; its members exist."""
    source = server(azure, "db-east")
    pair: Object = {"resourceGroupName": "fleet", "serverName": "db-east", "endpointType": "ReadWrite"}
    with pytest.raises(RefusedError, match="'db-west' is no replica of db-east"):
        make(azure, ENDPOINT, {**pair, "members": ["db-west"]})
    server(azure, "db-west", sourceServerResourceId=source.id, createMode="Replica")
    with pytest.raises(RefusedError, match="belongs to its primary"):
        make(azure, ENDPOINT, {**pair, "serverName": "db-west", "members": ["db-west"]})
    made = make(azure, ENDPOINT, {**pair, "members": ["db-west"]})
    assert made.outputs["virtualEndpoints"] == [
        "thing.writer.postgres.lab.invalid",
        "thing.reader.postgres.lab.invalid",
    ]
    with pytest.raises(RefusedError, match="one pair at most"):
        make(azure, ENDPOINT, {**pair, "virtualEndpointName": "second", "members": ["db-west"]})


def test_caches_join_their_group_one_after_another(azure: Azure) -> None:
    """Each names all that are there; the service then adds it to the others, which is drift to their programs."""
    east = cache(azure, "east", ["east"])
    with pytest.raises(RefusedError, match="is no member of the group 'sessions' yet"):
        cache(azure, "west", ["east", "west", "asia"])
    azure.world.remove(azure.world.objects(REDIS)[-1].seq)
    with pytest.raises(RefusedError, match="must name every member"):
        cache(azure, "west", ["west"])
    azure.world.remove(azure.world.objects(REDIS)[-1].seq)
    west = cache(azure, "west", ["east", "west"])
    (grown,) = azure.world.objects(DATABASE, id_=east.id)
    assert [one["id"] for one in grown.outputs["geoReplication"]["linkedDatabases"]] == [east.id, west.id]  # type: ignore[call-overload, index, union-attr]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"persistence": {"rdbEnabled": True}}, "cannot have persistence"),
        ({"modules": [{"name": "RedisBloom"}]}, "RedisBloom cannot be geo-replicated"),
        ({"clusteringPolicy": "NoCluster"}, "cannot be NoCluster"),
    ],
)
def test_a_replicated_cache_has_conditions(azure: Azure, changes: Object, said: str) -> None:
    """Active geo-replication excludes persistence, most modules, and databases without clustering."""
    geo: Object = {"groupNickname": "sessions", "linkedDatabases": [{"id": "x"}]}
    whole: Object = {"resourceGroupName": "fleet", "clusterName": "east", "databaseName": "default"}
    whole["geoReplication"] = geo
    assert refusals(azure, DATABASE, whole) == ""
    assert said in refusals(azure, DATABASE, whole | changes)
    alone = {key: value for key, value in whole.items() if key != "geoReplication"}
    assert "never later" in refusals(azure, DATABASE, whole, alone)


def test_a_locked_policy_can_only_grow(azure: Azure) -> None:
    """It is made unlocked; locked, neither it nor what it protects can go."""
    account, container, policy = archive(azure)
    assert policy.outputs["state"] == "Unlocked"
    locked = lock(azure, policy)
    days = "immutabilityPeriodSinceCreationInDays"
    assert azure.alter(locked, {**locked.inputs, days: 3000}, HOME).outputs[days] == 3000
    with pytest.raises(RefusedError, match="can only be extended"):
        azure.alter(locked, {**locked.inputs, days: 30}, HOME)
    group = azure.world.objects("azure-native:resources:ResourceGroup")[0]
    for one in (locked, container, account, group):
        with pytest.raises(RefusedError, match=r"is locked"):
            delete(azure, one)


def test_a_lock_survives_an_update(azure: Azure) -> None:
    """What a person did to an object, a later change leaves; so does another stack that makes the setting again."""
    _, _, policy = archive(azure)
    locked = lock(azure, policy)
    made = azure.alter(locked, dict(locked.inputs), HOME)
    assert made.outputs["state"] == "Locked"
    with pytest.raises(RefusedError, match="can only be extended"):
        make(azure, POLICY, {**locked.inputs, "immutabilityPeriodSinceCreationInDays": 1})


@pytest.mark.parametrize(("sku", "refused"), [("Standard_GRS", False), ("Standard_GZRS", True), ("Standard_ZRS", True)])
def test_the_archive_tier_excludes_zone_redundancy(azure: Azure, sku: str, *, refused: bool) -> None:
    """A life cycle that moves blobs there is refused for accounts that span zones."""
    archive(azure, sku)
    actions = {"baseBlob": {"tierToArchive": {"daysAfterModificationGreaterThan": 30}}}
    rule = {"enabled": True, "name": "old", "type": "Lifecycle", "definition": {"actions": actions}}
    policy: Object = {"resourceGroupName": "fleet", "accountName": "ledger", "managementPolicyName": "default"}
    policy["policy"] = {"rules": [rule]}
    if not refused:
        assert make(azure, LIFECYCLE, policy).id.endswith("/managementPolicies/default")
        return
    with pytest.raises(RefusedError, match=f"not offered for a {sku} account"):
        make(azure, LIFECYCLE, policy)


def test_keys_and_the_client_are_answered(azure: Azure) -> None:
    """Look-ups that a fleet makes; what exists is found by its names, what does not is refused."""
    archive(azure)
    cache(azure, "east", ["east"])
    asked: Object = {"resourceGroupName": "fleet", "accountName": "ledger"}
    keys = azure.invoke("azure-native:storage:listStorageAccountKeys", asked, HOME)["keys"]
    assert [key["keyName"] for key in keys] == ["key1", "key2"]  # type: ignore[call-overload, index, union-attr]
    database: Object = {"resourceGroupName": "fleet", "clusterName": "east", "databaseName": "default"}
    assert azure.invoke("azure-native:redisenterprise:listDatabaseKeys", database, HOME)["primaryKey"]
    client = azure.invoke("azure-native:authorization:getClientConfig", {}, HOME)
    assert (client["subscriptionId"], client["tenantId"]) == (identity.SUBSCRIPTION, identity.TENANT)
    found = azure.invoke("azure-native:storage:getStorageAccount", asked, HOME)
    assert found["primaryEndpoints"]["blob"] == "https://ledger.blob.lab.invalid/"  # type: ignore[call-overload, index]
    with pytest.raises(RefusedError, match="ResourceNotFound"):
        azure.invoke("azure-native:storage:getStorageAccount", {**asked, "accountName": "other"}, HOME)


@pytest.mark.parametrize(("zone", "refused"), [(None, False), ("1", False), ("2", True)])
def test_what_azure_chose_can_be_said_but_not_changed(azure: Azure, zone: str | None, *, refused: bool) -> None:
    """A server that was made without a zone has one: not to ask for it, and to ask for that one, are no changes."""
    made = server(azure, "ledger", availabilityZone="")  # the SDK's own default
    assert made.outputs["availabilityZone"] == "1"
    wanted: Object = made.inputs | {"availabilityZone": zone or ""}
    told = azure.refuse_inputs(POSTGRES, wanted, made.inputs, HOME)
    assert [one.path for one in told] == (["availabilityZone"] if refused else [])


@pytest.mark.parametrize(
    ("sku", "location", "said"),
    [
        ("Standard_ZRS", "westus", "has no availability zones"),
        ("Standard_RAGRS", "polandcentral", "has no paired region"),
        ("Standard_RAGZRS", "eastus", ""),
        ("Standard_LRS", "polandcentral", ""),
    ],
)
def test_redundancy_needs_zones_or_a_pair(azure: Azure, sku: str, location: str, said: str) -> None:
    """An account is spread over what its region has."""
    account: Object = {**GROUP, "accountName": "ledger", "kind": "StorageV2", "sku": {"name": sku}}
    told = refusals(azure, ACCOUNT, account | {"location": location})
    assert said in told
    assert bool(told) == bool(said)
