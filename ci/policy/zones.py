"""The loss of one zone loses nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stacks.policy.rules import Check, Fits, Waiting, Want, on, one_of, table
from stacks.policy.values import Mark
from stacks.review import Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from stacks.policy.resource import Resource, Siblings

RULE = Rule(
    id="more-than-one-zone",
    title="Databases, caches, clusters, services and storage are in two zones at least.",
    why="A zone fails as a whole: power, cooling, network; it takes along what is only there.",
    mend="Give it a second zone (`zones` in the stack file), or the redundancy that spans them.",
    control="NIST SP 800-53 CP-10, SC-36; ISO/IEC 27001 A.8.14",
)
_TWO = Fits(lambda value: isinstance(value, list) and len({*map(str, value)}) > 1, "two or more")
_SIMPLE = table(
    {
        "aws:elasticache/replicationGroup:ReplicationGroup": (
            Want("multiAzEnabled", on()),
            Want("automaticFailoverEnabled", on()),
        ),
        "aws:lb/loadBalancer:LoadBalancer": (Want("subnets", _TWO),),
        "aws:ecs/service:Service": (Want("networkConfiguration.subnets", _TWO),),
        "aws:eks/cluster:Cluster": (Want("vpcConfig.subnetIds", _TWO),),
        "aws:rds/instance:Instance": (Want("multiAz", on()),),
        "azure-native:redisenterprise:RedisEnterprise": (Want("highAvailability", one_of("Enabled", unset=True)),),
        "azure-native:web:AppServicePlan": (
            Want("zoneRedundant", on()),
            Want("sku.capacity", Fits(lambda value: isinstance(value, int) and value > 1, "2 or more")),
        ),
        "azure-native:storage:StorageAccount": (
            Want("sku.name", Fits(lambda value: not str(value).endswith("_LRS"), "zones or another region (ZRS, GRS)")),
        ),
        "gcp:sql/databaseInstance:DatabaseInstance": (Want("settings.availabilityType", one_of("REGIONAL")),),
        "gcp:memorystore/instance:Instance": (
            Want("zoneDistributionConfig.mode", one_of("MULTI_ZONE", unset=True)),
            Want("replicaCount", Fits(lambda value: isinstance(value, int) and value > 0, "1 or more")),
        ),
    }
)
# By kind: its name's key, the type of its parts, where they say whose they are and in which zones they are.
_PARTS = {
    "aws:rds/cluster:Cluster": (
        "clusterIdentifier",
        "aws:rds/clusterInstance:ClusterInstance",
        "clusterIdentifier",
        "availabilityZone",
    ),
    "aws:eks/cluster:Cluster": ("name", "aws:eks/nodeGroup:NodeGroup", "clusterName", "subnetIds"),
    "azure-native:containerservice:ManagedCluster": (
        "resourceName",
        "azure-native:containerservice:AgentPool",
        "resourceName",
        "availabilityZones",
    ),
    "gcp:container/cluster:Cluster": ("name", "gcp:container/nodePool:NodePool", "cluster", "nodeLocations"),
}


def alone(resource: Resource) -> Iterator[str | Waiting]:
    """What a resource says of its own zones.

    A replica of Azure's PostgreSQL cannot have a second server (its documentation, "Read replicas"); its primary does.
    """
    yield from _SIMPLE(resource)
    if resource.type != "azure-native:dbforpostgresql:Server":
        return
    mode = resource.at("createMode")
    if isinstance(mode, Mark):
        yield Waiting("createMode")
    elif mode != "Replica":
        yield from Want("highAvailability.mode", one_of("ZoneRedundant")).of(resource)


def together(resource: Resource, stack: Siblings) -> Iterator[str | Waiting]:
    """The instances of a database and the node groups of a cluster are in two zones together."""
    if resource.type not in _PARTS:
        return
    key, kind, whose, where = _PARTS[resource.type]
    parts = stack.belonging(resource, key, kind, whose)
    if isinstance(parts, Mark):
        yield Waiting(whose)
        return
    zones = list(_flat(each.at(where) for each in parts))
    known = {each for each in zones if not isinstance(each, Mark)}
    if len(known) > 1 or not parts:
        return
    if len(known) < len(zones) and any(isinstance(each, Mark) for each in zones):
        yield Waiting(where)
    else:
        kinds = kind.rpartition(":")[2]
        yield f"its {len(parts)} {kinds} are in one zone ({', '.join(known) or 'not said'}); wanted: two or more"


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for each in values:
        if isinstance(each, list):
            yield from each
        elif each is not None:
            yield each


CHECK = Check(RULE, alone=alone, together=together)
