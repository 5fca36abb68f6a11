"""What PostgreSQL, Managed Redis, Storage and Key Vault refuse (their documentation, by service)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from testbeds.lab.azure.asked import Asked, Coming, existing, named
from testbeds.lab.checking import Failure
from testbeds.lab.cloud import RefusedError
from testbeds.lab.wire import Json, Object, at, child, children, texts, word

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbeds.lab.world import World, WorldObject

POSTGRES: Final = "azure-native:dbforpostgresql:Server"
VIRTUAL_ENDPOINT: Final = "azure-native:dbforpostgresql:VirtualEndpoint"
REDIS: Final = "azure-native:redisenterprise:RedisEnterprise"
REDIS_DATABASE: Final = "azure-native:redisenterprise:Database"
STORAGE: Final = "azure-native:storage:StorageAccount"
CONTAINER: Final = "azure-native:storage:BlobContainer"
IMMUTABILITY: Final = "azure-native:storage:BlobContainerImmutabilityPolicy"
LIFECYCLE: Final = "azure-native:storage:ManagementPolicy"
VAULT: Final = "azure-native:keyvault:Vault"
KEY: Final = "azure-native:keyvault:Key"
SECRET: Final = "azure-native:keyvault:Secret"  # noqa: S105 - a type token, no secret

_TIERS: Final = ("Burstable", "GeneralPurpose", "MemoryOptimized")
_SIZES: Final = ("the tier", "the number of cores", "the storage")
_CORES: Final = re.compile(r"_[A-Z]+(\d+)")
_GEO_MODULES: Final = frozenset({"RediSearch", "RedisJSON"})
_TOO_SMALL: Final = ("Balanced_B0", "Balanced_B1")
_MOST_MEMBERS: Final = 5
_ZONAL: Final = ("ZRS", "GZRS")


def refused_inputs(asked: Asked) -> Iterator[Failure]:
    """Refusals that need no look at the world."""
    if asked.token == POSTGRES:
        yield from _postgres(asked)
    if asked.token == REDIS_DATABASE:
        yield from _redis(asked.news, asked.olds)
    if asked.token == STORAGE:
        yield from _account(asked.news, asked.olds)
        yield from _redundancy(word(asked.news, "sku.name"), asked)
    if asked.token == VAULT:
        yield from _vault(child(asked.news, "properties"), child(asked.olds, "properties"))


def _postgres(asked: Asked) -> Iterator[Failure]:
    news, olds = asked.news, asked.olds
    mode = word(news, "highAvailability.mode", "Disabled")
    replica = word(news, "createMode") == "Replica"
    # How a server was born says nothing of one that exists: it may have been promoted since.
    follows = word(news, "replicationRole") == "AsyncReplica" if olds else replica
    if mode != "Disabled" and follows:
        yield Failure("highAvailability.mode", "a read replica cannot have high availability before it is promoted")
    if mode != "Disabled" and word(news, "sku.tier") == "Burstable":
        yield Failure("highAvailability.mode", "high availability needs the tier GeneralPurpose or MemoryOptimized")
    if mode == "ZoneRedundant" and not asked.tables.zones.get(asked.region, ("?",)):
        yield Failure(
            "highAvailability.mode", f"{asked.region} has no availability zones: ZoneRedundant is not offered"
        )
    if replica and not olds and not news.get("sourceServerResourceId"):
        yield Failure("sourceServerResourceId", "a replica needs its source server")
    if not replica and word(news, "createMode", "Create") in ("Create", "Default") and not _has_login(news):
        yield Failure("administratorLogin", "a new server with password authentication needs administratorLogin")
    if word(news, "dataEncryption.type") == "AzureKeyVault" and not at(news, "dataEncryption.primaryKeyURI"):
        yield Failure("dataEncryption.primaryKeyURI", "AzureKeyVault needs the key's address")
    unpaired = asked.region in asked.tables.zones and asked.region not in asked.tables.pairs
    if unpaired and word(news, "backup.geoRedundantBackup") == "Enabled":
        yield Failure("backup.geoRedundantBackup", f"{asked.region} has no paired region")
    yield from _versions(news, olds)
    yield from _storage_size(news, olds)


def _has_login(news: Object) -> bool:
    return bool(news.get("administratorLogin")) or word(news, "authConfig.passwordAuth") == "Disabled"


def _versions(news: Object, olds: Object) -> Iterator[Failure]:
    old, new = word(olds, "version"), word(news, "version")
    if old.isdigit() and new.isdigit() and int(new) < int(old):
        yield Failure("version", f"PostgreSQL {old} cannot go back to {new}")


def _storage_size(news: Object, olds: Object) -> Iterator[Failure]:
    old, new = at(olds, "storage.storageSizeGB"), at(news, "storage.storageSizeGB")
    if isinstance(old, int) and isinstance(new, int) and new < old:
        yield Failure("storage.storageSizeGB", f"storage can only grow: it was {old} GiB, {new} is asked for")


def _redis(news: Object, olds: Object) -> Iterator[Failure]:
    """Azure Managed Redis documentation, "Configure active geo-replication", prerequisites."""
    geo, before = child(news, "geoReplication"), child(olds, "geoReplication")
    persistence = child(news, "persistence")
    if geo and (persistence.get("aofEnabled") or persistence.get("rdbEnabled")):
        yield Failure("persistence", "a database of a geo-replication group cannot have persistence")
    if geo and word(news, "clusteringPolicy") == "NoCluster":
        yield Failure("clusteringPolicy", "a database of a geo-replication group cannot be NoCluster")
    if geo and (wrong := named(news, "modules.name") - _GEO_MODULES):
        yield Failure(
            "modules", f"{', '.join(sorted(wrong))} cannot be geo-replicated: {', '.join(sorted(_GEO_MODULES))}"
        )
    if olds and bool(geo) != bool(before):
        yield Failure("geoReplication", "a database joins a geo-replication group when it is created, and never later")


def _account(news: Object, olds: Object) -> Iterator[Failure]:
    kind, sku, was = word(news, "kind"), word(news, "sku.name"), word(olds, "sku.name")
    if kind == "BlobStorage" and sku.endswith(_ZONAL):
        yield Failure("sku.name", f"{sku} is not offered for the kind {kind}")
    if was and sku and (was.endswith("ZRS") != sku.endswith("ZRS")):
        yield Failure("sku.name", f"from {was} to {sku} is a conversion that Azure makes on request, not by an update")
    if was and sku and was.split("_")[0] != sku.split("_")[0]:
        yield Failure("sku.name", f"from {was} to {sku}: Standard and Premium are different accounts")
    if word(news, "accessTier") == "Archive":
        yield Failure("accessTier", "'Archive' is a tier of blobs, not of an account: Hot, Cool or Cold")
    state = "immutableStorageWithVersioning.immutabilityPolicy.state"
    if word(olds, state) == "Locked" and word(news, state) != "Locked":
        yield Failure(state, "a locked policy stays locked")


def _redundancy(sku: str, asked: Asked) -> Iterator[Failure]:
    """Storage documentation, "Azure Storage redundancy": zones and a paired region are not everywhere."""
    region, zones = asked.region, asked.tables.zones
    if sku.endswith(_ZONAL) and not zones.get(region, ("?",)):
        yield Failure("sku.name", f"{sku} is not offered in {region}, which has no availability zones")
    if "G" in sku.partition("_")[2] and region in zones and region not in asked.tables.pairs:
        yield Failure("sku.name", f"{sku} is not offered in {region}, which has no paired region")


def _vault(news: Object, olds: Object) -> Iterator[Failure]:
    if olds.get("enablePurgeProtection") is True and news.get("enablePurgeProtection") is not True:
        yield Failure("properties.enablePurgeProtection", "purge protection cannot be taken back")
    if news.get("enablePurgeProtection") is False:
        yield Failure("properties.enablePurgeProtection", "cannot be set to false: leave it out")
    if news.get("enableSoftDelete") is False:
        yield Failure("properties.enableSoftDelete", "soft delete cannot be switched off")


def refuse_create(coming: Coming, world: World) -> None:
    """Refusals that need the world.

    Raises:
        RefusedError: The service refuses the object.
    """
    if coming.token == POSTGRES and word(coming.inputs, "createMode") == "Replica":
        _replicates(coming, world)
    if coming.token == VIRTUAL_ENDPOINT:
        _leads(coming.id, coming.inputs, world)
        _is_only_pair(coming.id, world)
    if coming.token == REDIS_DATABASE:
        _joins(coming, world)
    if coming.token == LIFECYCLE:
        _archives(coming.id, coming.inputs, world)
    name = coming.id.rsplit("/", 1)[-1]
    if coming.token == VAULT and world.is_spent(VAULT, "", name):
        raise RefusedError(
            "ConflictError", f"a vault with the name {name!r} exists in deleted state; it was not purged"
        )
    if coming.token in (KEY, SECRET) and world.is_spent(coming.token, coming.region, coming.id):
        raise RefusedError("Conflict", f"{name!r} is currently in a deleted but recoverable state; its name is taken")


def _replicates(coming: Coming, world: World) -> None:
    source_id = word(coming.inputs, "sourceServerResourceId")
    source = existing(world, POSTGRES, source_id)
    if source is None:
        raise RefusedError("ResourceNotFound", f"there is no source server {source_id}")
    for what, own, its in zip(_SIZES, _size(coming.inputs), _size(source.inputs), strict=True):
        if own and its and own < its:
            raise RefusedError("ReplicaSmallerThanSource", f"{what} is smaller than that of {source.id}")
    others = [one for one in world.objects(POSTGRES) if word(one.inputs, "sourceServerResourceId") == source_id]
    if len(others) >= 5:  # noqa: PLR2004 - PostgreSQL documentation, "Read replicas"
        raise RefusedError("ReplicaLimitExceeded", f"{source_id} has 5 replicas")


def _size(inputs: Object) -> tuple[int, int, int]:
    """Tier, cores and storage, comparable; 0 where the program does not say."""
    tier, cores = word(inputs, "sku.tier"), _CORES.search(word(inputs, "sku.name"))
    storage = at(inputs, "storage.storageSizeGB")
    return (
        _TIERS.index(tier) + 1 if tier in _TIERS else 0,
        int(cores[1]) if cores else 0,
        storage if isinstance(storage, int) else 0,
    )


def _leads(id_: str, inputs: Object, world: World) -> None:
    server_id = id_.rsplit("/virtualEndpoints/", 1)[0]
    server = existing(world, POSTGRES, server_id)
    if server is not None and word(server.inputs, "createMode") == "Replica":
        raise RefusedError("VirtualEndpointOnReplica", f"{server_id} is a replica; the endpoint belongs to its primary")
    replicas = {one.id.rsplit("/", 1)[-1] for one in world.objects(POSTGRES) if _is_replica_of(one, server_id)}
    own = server_id.rsplit("/", 1)[-1]
    for member in texts(inputs, "members"):
        if member not in replicas | {own}:
            raise RefusedError(
                "VirtualEndpointMemberNotFound", f"{member!r} is no replica of {own}; it has: {replicas or '{}'}"
            )


def _is_only_pair(id_: str, world: World) -> None:
    """PostgreSQL documentation, "Virtual endpoints": one pair for a primary and its replicas."""
    server = id_.rsplit("/virtualEndpoints/", 1)[0]
    for other in world.within(server):
        if other.type == VIRTUAL_ENDPOINT:
            raise RefusedError("VirtualEndpointPairExists", f"{server} has {other.id}; there is one pair at most")


def _is_replica_of(one: WorldObject, server_id: str) -> bool:
    return word(one.inputs, "sourceServerResourceId").lower() == server_id.lower()


def _joins(coming: Coming, world: World) -> None:
    linked = {id_.lower() for id_ in named(coming.inputs, "geoReplication.linkedDatabases.id")}
    if not child(coming.inputs, "geoReplication"):
        return
    if coming.id.lower() not in linked:
        raise RefusedError("BadRequest", f"linkedDatabases must name the database itself: {coming.id}")
    cluster = existing(world, REDIS, coming.id.rsplit("/databases/", 1)[0])
    if cluster is not None and (sku := word(cluster.inputs, "sku.name")) in _TOO_SMALL:
        raise RefusedError("BadRequest", f"{sku} cannot be geo-replicated: Balanced_B3 is the smallest that can")
    if len(linked) > _MOST_MEMBERS:
        raise RefusedError("BadRequest", f"{len(linked)} members; a group has at most {_MOST_MEMBERS}")
    group = [one for one in world.objects(REDIS_DATABASE) if _nickname(one.inputs) == _nickname(coming.inputs)]
    for id_ in sorted(linked - {coming.id.lower()} - {one.id.lower() for one in group}):
        raise RefusedError("BadRequest", f"{id_} is no member of the group {_nickname(coming.inputs)!r} yet")
    for one in group:
        _is_like(one, coming, linked)


def _is_like(member: WorldObject, coming: Coming, linked: set[str]) -> None:
    """All databases of a group have the same configuration, and each names all of them."""
    if member.id.lower() not in linked:
        raise RefusedError("BadRequest", f"linkedDatabases must name every member of the group; {member.id} is missing")
    for path in ("clusteringPolicy", "evictionPolicy", "port", "clientProtocol"):
        its, own = member.outputs.get(path), coming.inputs.get(path)
        if its and own not in (None, its):
            raise RefusedError("BadRequest", f"{path} {own!r} differs from {its!r} of {member.id}")


def _nickname(inputs: Object) -> str:
    return word(inputs, "geoReplication.groupNickname")


def _archives(id_: str, inputs: Object, world: World) -> None:
    """The archive tier is not offered with zone redundancy (Storage documentation, "Access tiers for blob data")."""
    account = existing(world, STORAGE, id_.rsplit("/managementPolicies/", 1)[0])
    sku = word(account.inputs, "sku.name") if account else ""
    for rule in children(child(inputs, "policy"), "rules"):
        actions = child(child(rule, "definition"), "actions")
        archives = any("tierToArchive" in child(actions, kind) for kind in actions)
        if archives and sku.endswith(_ZONAL):
            raise RefusedError("InvalidRequestPropertyValue", f"tierToArchive is not offered for a {sku} account")


def refuse_change(current: WorldObject, inputs: Object, world: World) -> None:
    """Changes that the world does not allow.

    Raises:
        RefusedError: The service refuses the change.
    """
    if current.type == VIRTUAL_ENDPOINT:
        _leads(current.id, inputs, world)
    if current.type == LIFECYCLE:
        _archives(current.id, inputs, world)
    if current.type == IMMUTABILITY and current.outputs.get("state") == "Locked":
        old, new = (one.get("immutabilityPeriodSinceCreationInDays") for one in (current.outputs, inputs))
        if isinstance(old, int) and (not isinstance(new, int) or new < old):
            raise RefusedError("ImmutabilityPolicyLocked", f"a locked policy of {old} days can only be extended")


def refuse_delete(current: WorldObject, world: World) -> None:
    """Data that is to be kept.

    Raises:
        RefusedError: It stays.
    """
    if current.type == IMMUTABILITY and current.outputs.get("state") == "Locked":
        raise RefusedError("ImmutabilityPolicyDeletionFailed", f"{current.id} is locked")
    if current.type in (CONTAINER, STORAGE, "azure-native:resources:ResourceGroup"):
        for policy in world.objects(IMMUTABILITY):
            if policy.id.startswith(f"{current.id}/") and policy.outputs.get("state") == "Locked":
                raise RefusedError("ContainerImmutabilityPolicyLocked", f"{policy.id} is locked; {current.id} stays")


def spend(current: WorldObject, world: World) -> None:
    """A vault keeps its name after its deletion. One without purge protection a person may purge; nobody here does."""
    if current.type == VAULT:
        world.spend(VAULT, "", current.id.rsplit("/", 1)[-1])


def link(id_: str, inputs: Object, world: World) -> None:
    """Every member of a geo-replication group names all of them as soon as one joins: the service fills that in."""
    geo = child(inputs, "geoReplication")
    members: list[Json] = [{"id": one, "state": "Linked"} for one in sorted(named(geo, "linkedDatabases.id"))]
    for one in world.objects(REDIS_DATABASE):
        if geo and one.id != id_ and _nickname(one.inputs) == _nickname(inputs):
            grown: Object = {"geoReplication": child(one.outputs, "geoReplication") | {"linkedDatabases": members}}
            asked: Object = {"geoReplication": child(one.inputs, "geoReplication") | {"linkedDatabases": members}}
            world.change(one.seq, one.inputs | asked, one.outputs | grown, one.tags)
