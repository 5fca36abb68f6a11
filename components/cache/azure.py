"""The cache on Azure: Managed Redis with active geo-replication. Never run against a real account.

Every member is writable; a failover promotes nobody. A database joins the group when it is made and never later, and it
has to name every member that is there already, so regions join one after another (Managed Redis documentation, "Active
geo-replication"). One that names itself alone begins another group, and nothing can link the two afterwards, says the
service's own team (terraform-provider-azurerm issue 31353). The service adds to the others' lists by itself, so these
are ignored here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_azure_native as azure

from components.cache.component import CacheOutputs
from components.clouds.azure import of, reach_privately
from components.clouds.azure_sizes import cache_size
from components.keys.spec import Purpose
from components.network.azure import CACHE_ZONE
from components.network.spec import Tier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.base import Scope
    from components.cache.spec import CacheSpec
    from components.keys.component import AzureKeys, KeysOutputs
    from components.network.component import NetworkOutputs

NOT_OFFERED: Final[Mapping[str, str]] = {
    "backups": "a geo-replicated database keeps no snapshots: the other regions are its copies",
    "deletion_protection": "a cache has none of its own; the engine's protection holds",
}
PORT: Final = 10000


def build(
    scope: Scope,
    spec: CacheSpec,
    network: NetworkOutputs,
    keys: KeysOutputs,
    global_group: pulumi.Input[str] | None,
    members: Sequence[pulumi.Input[str]] = (),
) -> CacheOutputs:
    """Make this region's member; in the home region the group begins with it."""
    inside = of(keys)
    nickname = pulumi.Output.from_input(scope.name if global_group is None else global_group)
    cluster = make_cluster(scope, spec, keys)
    database = make_database(scope, inside, cluster, nickname, members)
    assert network.azure is not None, "a network of another cloud"  # noqa: S101 (built by hand: a bug)
    subnet = network.tier(Tier.DATA)[0]
    reach_privately(
        scope, "way", inside, subnet, cluster.id, "redisEnterprise", network.azure.private_zones[CACHE_ZONE]
    )
    return CacheOutputs(scope.place, nickname, database.id, cluster.host_name, PORT)


def make_cluster(scope: Scope, spec: CacheSpec, keys: KeysOutputs) -> azure.redisenterprise.RedisEnterprise:
    """The machines: two copies in different zones, our key, no public network."""
    inside, name = of(keys), scope.named("cluster")
    return azure.redisenterprise.RedisEnterprise(
        name,
        cluster_name=pulumi.Output.concat(scope.name, "-", inside.suffix),
        resource_group_name=inside.group,
        sku={"name": cache_size(spec) or ""},
        high_availability=azure.redisenterprise.HighAvailability.ENABLED,
        minimum_tls_version=azure.redisenterprise.TlsVersion.TLS_VERSION_1_2,
        public_network_access=azure.redisenterprise.PublicNetworkAccess.DISABLED,
        identity={
            "type": azure.redisenterprise.ManagedServiceIdentityType.USER_ASSIGNED,
            "user_assigned_identities": [inside.identity_id],
        },
        encryption={
            "customer_managed_key_encryption": {
                "key_encryption_key_url": inside.versions[Purpose.DATA],
                "key_encryption_key_identity": {
                    "identity_type": "userAssignedIdentity",
                    "user_assigned_identity_resource_id": inside.identity_id,
                },
            }
        },
        tags=scope.tags(name),
        opts=scope.opts(holds_data=True),
    )


def make_database(
    scope: Scope,
    inside: AzureKeys,
    cluster: azure.redisenterprise.RedisEnterprise,
    nickname: pulumi.Output[str],
    members: Sequence[pulumi.Input[str]],
) -> azure.redisenterprise.Database:
    """The cluster's one database: TLS, sign-in by identity, member of the group from its birth."""
    own = pulumi.Output.concat(cluster.id, "/databases/default")
    database = azure.redisenterprise.Database(
        scope.named("database"),
        database_name="default",
        cluster_name=cluster.name,
        resource_group_name=inside.group,
        client_protocol=azure.redisenterprise.Protocol.ENCRYPTED,
        clustering_policy=azure.redisenterprise.ClusteringPolicy.OSS_CLUSTER,
        eviction_policy=azure.redisenterprise.EvictionPolicy.VOLATILE_LRU,
        access_keys_authentication=azure.redisenterprise.AccessKeysAuthentication.DISABLED,
        port=PORT,
        geo_replication={
            "group_nickname": nickname,
            "linked_databases": [{"id": identifier} for identifier in (*members, own)],
        },
        opts=scope.opts(ignore=["geoReplication.linkedDatabases"], holds_data=True),
    )
    azure.redisenterprise.AccessPolicyAssignment(
        scope.named("user"),
        access_policy_assignment_name="fleet",
        access_policy_name="default",
        cluster_name=cluster.name,
        database_name=database.name,
        resource_group_name=inside.group,
        user={"object_id": inside.principal_id},
        opts=scope.opts(),
    )
    return database
