"""What Cloud SQL and Memorystore for Valkey refuse because of what else is in the world."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from testbeds.lab.cloud import RefusedError
from testbeds.lab.gcp.kinds import CACHE, CONNECTION, NETWORK, POLICY, SQL
from testbeds.lab.gcp.references import at, find, leaf, means
from testbeds.lab.wire import Object, child, flag, text

if TYPE_CHECKING:
    from testbeds.lab.world import World, WorldObject

CACHE_CLASS: Final = "gcp-memorystore"
"""Service class of Memorystore for Valkey (Memorystore documentation, "Networking")."""

_PRIVATE: Final = "settings.ipConfiguration.privateNetwork"


def refuse_instance(inputs: Object, region: str, world: World) -> None:
    """Refuse a database instance without its network's connection, or a replica without its primary.

    Raises:
        RefusedError: Cloud SQL does not make it.
    """
    for network in at(inputs, _PRIVATE):
        _refuse_unpeered(network, world)
    primary = text(inputs, "masterInstanceName")
    if primary:
        _refuse_replica(primary, region, world)
    _refuse_failover_replica(inputs, world)


def _refuse_unpeered(network: str, world: World) -> None:
    """Cloud SQL documentation, "Configure private services access"."""
    there = find(world, NETWORK, network)
    if there is None:
        raise RefusedError("notFound", f"the network {network!r} was not found")
    if not any(means(text(one.outputs, "network"), there) for one in world.objects(CONNECTION)):
        message = f"{there.id} has no private services connection (servicenetworking.googleapis.com)"
        raise RefusedError("NETWORK_NOT_PEERED", message)


def _refuse_replica(name: str, region: str, world: World) -> None:
    """Cloud SQL documentation, "Create read replicas": the primary runs, with backups and its log kept."""
    primary = find(world, SQL, name)
    if primary is None:
        raise RefusedError("instanceDoesNotExist", f"the primary {name!r} of the replica in {region} does not exist")
    backups = child(child(primary.outputs, "settings"), "backupConfiguration")
    if not flag(backups, "enabled"):
        raise RefusedError("invalidRequest", f"backups must be enabled on {name} before it can have a replica")
    engine = text(primary.outputs, "databaseVersion")
    log = "binaryLogEnabled" if engine.startswith("MYSQL") else "pointInTimeRecoveryEnabled"
    if not flag(backups, log):
        raise RefusedError("invalidRequest", f"{log} must be on in {name} before it can have a replica")


def _refuse_failover_replica(inputs: Object, world: World) -> None:
    """Cloud SQL documentation, "Advanced disaster recovery": the DR replica is a replica of this very instance."""
    wanted = text(child(inputs, "replicationCluster"), "failoverDrReplicaName")
    if not wanted:
        return
    replica = find(world, SQL, leaf(wanted.replace(":", "/")))
    if replica is None:
        raise RefusedError("invalidRequest", f"the DR replica {wanted!r} does not exist: create it, then designate it")
    if leaf(text(replica.outputs, "masterInstanceName")) != text(inputs, "name"):
        raise RefusedError("invalidRequest", f"{wanted!r} is no replica of {text(inputs, 'name')}")


def refuse_instance_change(current: WorldObject, inputs: Object, world: World) -> None:
    """Refuse to designate a replica that is none, or to give a replica what only a primary has.

    Raises:
        RefusedError: Cloud SQL does not change it so.
    """
    _refuse_failover_replica(inputs, world)
    backups = child(child(inputs, "settings"), "backupConfiguration")
    replicas = [one for one in world.objects(SQL) if leaf(text(one.outputs, "masterInstanceName")) == current.id]
    if replicas and not flag(backups, "enabled"):
        names = ", ".join(one.id for one in replicas)
        raise RefusedError("invalidRequest", f"backups of {current.id} cannot be disabled: it has the replicas {names}")


def refuse_cache(inputs: Object, region: str, world: World) -> None:
    """Refuse a cache without a connection policy, or a secondary without its primary.

    Raises:
        RefusedError: Memorystore does not make it.
    """
    for network in at(inputs, "desiredAutoCreatedEndpoints.network"):
        if not _policies(network, region, world):
            message = f"{network} has no service connection policy for {CACHE_CLASS} in {region}"
            raise RefusedError("failedPrecondition", message)
    replication = child(inputs, "crossInstanceReplicationConfig")
    primary = text(child(replication, "primaryInstance"), "instance")
    if text(replication, "instanceRole") == "SECONDARY" and find(world, CACHE, primary) is None:
        raise RefusedError("notFound", f"the primary instance {primary!r} was not found")


def _policies(network: str, region: str, world: World) -> list[WorldObject]:
    there = find(world, NETWORK, network)
    return [
        one
        for one in world.objects(POLICY, region=region)
        if there and text(one.outputs, "serviceClass") == CACHE_CLASS and means(text(one.outputs, "network"), there)
    ]


def refuse_connection_delete(current: WorldObject, world: World) -> None:
    """A connection stays while a producer's instance uses it (documentation, "Delete a private connection").

    Raises:
        RefusedError: It stays.
    """
    network = find(world, NETWORK, text(current.outputs, "network"))
    for instance in world.objects(SQL):
        if network and any(means(one, network) for one in at(instance.outputs, _PRIVATE)):
            message = f"Producer services (e.g. CloudSQL {instance.id}) are still using this connection"
            raise RefusedError("failedPrecondition", message)


def refuse_policy_delete(current: WorldObject, world: World) -> None:
    """A connection policy stays while an instance is connected by it.

    Raises:
        RefusedError: It stays.
    """
    for cache in world.objects(CACHE, region=current.region):
        for network in at(cache.outputs, "desiredAutoCreatedEndpoints.network"):
            if any(one.seq == current.seq for one in _policies(network, current.region, world)):
                raise RefusedError("failedPrecondition", f"{current.id} still connects {cache.id}")
