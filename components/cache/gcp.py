"""The cache on Google Cloud: Memorystore for Valkey with cross-region replication. Never run against a real account.

Home is born primary, the others as its secondaries, which take size, version and settings from it. A failover detaches
a secondary or switches it over, outside of Pulumi; so who replicates whom is ignored here. The list of secondaries in
the primary is the service's to fill in. Nodes are spread over all zones of the region by the service, so the spec's
zones choose none. (Memorystore for Valkey, "About cross-region replication" and "High availability and replicas".)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi_gcp as gcp

from components.cache.component import CacheOutputs
from components.clouds.gcp import labels
from components.keys.spec import Purpose
from components.network.spec import Tier

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pulumi

    from components.base import Scope
    from components.cache.spec import CacheSpec
    from components.keys.component import KeysOutputs
    from components.network.component import NetworkOutputs

PORT = 6379
# 6.5, 13 and 58 GB (Memorystore for Valkey, "Instance and node specification").
NODE_TYPES = {6: "STANDARD_SMALL", 12: "HIGHMEM_MEDIUM", 24: "HIGHMEM_XLARGE", 48: "HIGHMEM_XLARGE"}
MOVED = ["crossInstanceReplicationConfig"]
INHERITED = ["shardCount", "nodeType", "engineVersion", "engineConfigs"]


def build(
    scope: Scope, spec: CacheSpec, network: NetworkOutputs, keys: KeysOutputs, global_group: pulumi.Input[str] | None
) -> CacheOutputs:
    """Make this region's instance, and the policy by which it gets addresses in the data subnet."""
    policy = make_policy(scope, network)
    instance = make_instance(scope, spec, network, keys, global_group, policy)
    group = instance.name if global_group is None else global_group
    return CacheOutputs(scope.place, group, instance.name, instance.endpoints.apply(discovery), PORT)


def make_policy(scope: Scope, network: NetworkOutputs) -> gcp.networkconnectivity.ServiceConnectionPolicy:
    """Lets Memorystore make its endpoints: one policy for each network, region and kind of service."""
    return gcp.networkconnectivity.ServiceConnectionPolicy(
        scope.named("access"),
        location=scope.place.region,
        network=network.id,
        service_class="gcp-memorystore",
        psc_config={"subnetworks": [network.tier(Tier.DATA)[0]]},
        labels=labels(scope),
        opts=scope.opts(),
    )


def make_instance(
    scope: Scope,
    spec: CacheSpec,
    network: NetworkOutputs,
    keys: KeysOutputs,
    global_group: pulumi.Input[str] | None,
    policy: gcp.networkconnectivity.ServiceConnectionPolicy,
) -> gcp.memorystore.Instance:
    """This region's nodes, over all zones, encrypted at rest with our key and on the way with TLS."""
    home = global_group is None
    return gcp.memorystore.Instance(
        scope.named("group"),
        instance_id=scope.named("group"),
        location=scope.place.region,
        mode="CLUSTER",
        shard_count=spec.shards,
        replica_count=spec.replicas_per_shard,
        node_type=node_type(spec),
        engine_version=f"VALKEY_{spec.engine_version.replace('.', '_')}",
        engine_configs={"maxmemory-policy": "volatile-lru"},
        zone_distribution_config={"mode": "MULTI_ZONE"},
        kms_key=keys.by_purpose[Purpose.DATA],
        transit_encryption_mode="SERVER_AUTHENTICATION",
        authorization_mode="IAM_AUTH",
        automated_backup_config=backups(spec),
        cross_instance_replication_config=None if home else joined(global_group),
        desired_auto_created_endpoints=[{"network": network.id, "project_id": policy.project}],
        deletion_protection_enabled=scope.place.protect,
        labels=labels(scope),
        opts=scope.opts(ignore=[*MOVED, *([] if home else INHERITED)], holds_data=True),
    )


def joined(
    primary: pulumi.Input[str] | None,
) -> gcp.memorystore.InstanceCrossInstanceReplicationConfigArgsDict:
    """What a secondary is born with; the primary is told of it by the service."""
    return {"instance_role": "SECONDARY", "primary_instance": {"instance": primary}}


def backups(spec: CacheSpec) -> gcp.memorystore.InstanceAutomatedBackupConfigArgsDict | None:
    """A backup each day at three; none where they are not kept."""
    if not spec.snapshot_retention_days:
        return None
    return {
        "fixed_frequency_schedule": {"start_time": {"hours": 3}},
        "retention": f"{spec.snapshot_retention_days * 86400}s",
    }


def node_type(spec: CacheSpec) -> str:
    """The smallest type with that much memory, unless the options name another."""
    return spec.gcp.node_type or NODE_TYPES[spec.memory_gib]


def discovery(endpoints: Sequence[Any] | None) -> str:
    """The address that clients ask for the shards' own; empty while the service has made none."""
    connections = [each.psc_auto_connection for endpoint in endpoints or () for each in endpoint.connections or ()]
    found = (each.ip_address for each in connections if each and each.connection_type == "CONNECTION_TYPE_DISCOVERY")
    return str(next(found, ""))
