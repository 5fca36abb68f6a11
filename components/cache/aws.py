"""The cache on AWS: ElastiCache for Valkey, a global datastore. Never run against a real account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi_aws as aws

from components.cache.component import CacheOutputs
from components.clouds.aws import allow_in, security_group
from components.clouds.aws_sizes import node_type
from components.keys.spec import Purpose
from components.network.spec import Tier

if TYPE_CHECKING:
    import pulumi

    from components.base import Scope
    from components.cache.spec import CacheSpec
    from components.keys.component import KeysOutputs
    from components.network.component import NetworkOutputs

PORT = 6379
# A failover swaps members' roles; the global group sets version, size and parameters of all its members.
MOVED = ["globalReplicationGroupId", "engine", "engineVersion", "nodeType", "parameterGroupName", "numNodeGroups"]


def build(
    scope: Scope, spec: CacheSpec, network: NetworkOutputs, keys: KeysOutputs, global_group: pulumi.Input[str] | None
) -> CacheOutputs:
    """Make this region's member; in the home region the global group too."""
    member = make_member(scope, spec, network, keys, global_group)
    group = make_global(scope, spec, member).global_replication_group_id if global_group is None else global_group
    return CacheOutputs(scope.place, group, member.id, member.configuration_endpoint_address, port(spec))


def make_global(
    scope: Scope, spec: CacheSpec, first: aws.elasticache.ReplicationGroup
) -> aws.elasticache.GlobalReplicationGroup:
    """What spans the regions; grows out of the home region's member."""
    return aws.elasticache.GlobalReplicationGroup(
        scope.named("global"),
        global_replication_group_id_suffix=scope.name,
        primary_replication_group_id=first.id,
        engine="valkey",
        engine_version=spec.engine_version,
        cache_node_type=node_type(spec),
        num_node_groups=spec.shards,
        automatic_failover_enabled=True,
        opts=scope.opts(ignore=["primaryReplicationGroupId"], holds_data=True),
    )


def make_member(
    scope: Scope,
    spec: CacheSpec,
    network: NetworkOutputs,
    keys: KeysOutputs,
    global_group: pulumi.Input[str] | None,
) -> aws.elasticache.ReplicationGroup:
    """This region's nodes, in several zones, encrypted at rest with our key."""
    name = scope.named("group")
    subnets = scope.named("subnets")
    subnet_group = aws.elasticache.SubnetGroup(
        subnets, subnet_ids=network.tier_in(Tier.DATA, spec.zones), tags=scope.tags(subnets), opts=scope.opts()
    )
    access = security_group(scope, "access", network.id, f"Valkey of {scope.name}, from the network")
    allow_in(scope, "access-valkey", access, port(spec), network.cidr)
    born_with = own_settings(scope, spec) if global_group is None else {"global_replication_group_id": global_group}
    return aws.elasticache.ReplicationGroup(
        name,
        description=f"{scope.name} in {scope.place.region}",
        replicas_per_node_group=spec.replicas_per_shard,
        automatic_failover_enabled=True,
        multi_az_enabled=True,
        kms_key_id=keys.by_purpose[Purpose.DATA],
        subnet_group_name=subnet_group.name,
        security_group_ids=[access.id],
        port=port(spec),
        snapshot_retention_limit=spec.snapshot_retention_days,
        apply_immediately=False,
        tags=scope.tags(name),
        opts=scope.opts(ignore=MOVED, holds_data=True),
        **born_with,
    )


def own_settings(scope: Scope, spec: CacheSpec) -> dict[str, Any]:
    """What only the first member may say: the others take engine, size, TLS and encryption from the global group.

    Terraform's provider refuses them beside `global_replication_group_id` (its issues 20893 and 24854).
    """
    name = scope.named("parameters")
    parameters = aws.elasticache.ParameterGroup(
        name,
        family=f"valkey{spec.engine_version.split('.')[0]}",
        parameters=[
            {"name": "cluster-enabled", "value": "yes"},
            {"name": "maxmemory-policy", "value": "volatile-lru"},
        ],
        tags=scope.tags(name),
        opts=scope.opts(),
    )
    return {
        "engine": "valkey",
        "engine_version": spec.engine_version,
        "node_type": node_type(spec),
        "num_node_groups": spec.shards,
        "parameter_group_name": parameters.name,
        "at_rest_encryption_enabled": True,
        "transit_encryption_enabled": True,
        "transit_encryption_mode": "required",
    }


def port(spec: CacheSpec) -> int:
    """The port, unless said otherwise Valkey's own."""
    return spec.port or PORT
