"""What a failover leaves behind in the world, on each cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.place import Cloud

if TYPE_CHECKING:
    from testbeds.lab.session import LabSession
    from testbeds.lab.wire import Json
    from testbeds.lab.world import World, WorldObject

SERVER, ENDPOINT = "azure-native:dbforpostgresql:Server", "azure-native:dbforpostgresql:VirtualEndpoint"
INSTANCE, VALKEY = "gcp:sql/databaseInstance:DatabaseInstance", "gcp:memorystore/instance:Instance"


def swap_roles(lab: LabSession, cloud: Cloud = Cloud.AWS) -> None:
    """Move in the world, behind the program's back, what a failover and the operators after it move."""
    {Cloud.AWS: _aws, Cloud.AZURE: _azure, Cloud.GCP: _gcp}[cloud](lab.world)


def _aws(world: World) -> None:
    """Membership, versions of members, sizes, counts, an inverted health check."""
    _everywhere(world, "aws:rds/cluster:Cluster", engineVersion="17.6", globalClusterIdentifier="payments-db-moved")
    _everywhere(world, "aws:elasticache/replicationGroup:ReplicationGroup", engineVersion="8.2")
    _everywhere(world, "aws:eks/nodeGroup:NodeGroup", **{"scalingConfig.desiredSize": 9})
    _everywhere(world, "aws:ecs/service:Service", desiredCount=40)
    _everywhere(world, "aws:route53/healthCheck:HealthCheck", invertHealthcheck=True)


def _azure(world: World) -> None:
    """Source and replica, the second server, who is behind the virtual endpoint, links, sizes, slots, weights."""
    old, new, other = (_in(world, SERVER, region) for region in ("eastus", "westeurope", "southeastasia"))
    for server in (old, other):
        _move(world, server, replicationRole="AsyncReplica", createMode="Replica", sourceServerResourceId=new.id)
    _move(world, old, highAvailability={"mode": "Disabled"})
    _move(world, old, replica={"role": "AsyncReplica"})
    _move(world, new, replicationRole="Primary", createMode="Default", sourceServerResourceId="")
    _move(world, new, highAvailability={"mode": "ZoneRedundant", "standbyAvailabilityZone": "2"})
    _move(world, new, availabilityZone="2", replica={"role": "Primary"})
    _everywhere(world, ENDPOINT, members=[old.id.rsplit("/", 1)[-1]])
    _everywhere(world, "azure-native:redisenterprise:Database", **{"geoReplication.linkedDatabases": []})
    _everywhere(world, "azure-native:containerservice:AgentPool", count=9)
    _everywhere(world, "azure-native:web:AppServicePlan", **{"sku.capacity": 20})
    _everywhere(world, "azure-native:web:WebAppSlot", **{"siteConfig.linuxFxVersion": "DOCKER|example/other:2"})
    _everywhere(world, "azure-native:trafficmanager:Endpoint", endpointStatus="Disabled", weight=7)


def _gcp(world: World) -> None:
    """Primary and replicas of the database and the cache, who is designated, backups, sizes, the way of requests."""
    old, new, other = (_in(world, INSTANCE, region) for region in ("us-central1", "us-west1", "asia-southeast1"))
    for instance in (old, other):
        _move(world, instance, instanceType="READ_REPLICA_INSTANCE", masterInstanceName=new.id, replicaNames=[])
        _move(world, instance, replicaConfiguration={"failoverTarget": False})
    _move(world, old, replicationCluster={"drReplica": True, "failoverDrReplicaName": "", "psaWriteEndpoint": ""})
    _move(world, new, instanceType="CLOUD_SQL_INSTANCE", masterInstanceName="", replicaNames=[old.id, other.id])
    _move(world, new, replicaConfiguration={})
    _move(world, new, replicationCluster={"drReplica": False, "failoverDrReplicaName": f"example-payments:{old.id}"})
    for instance, backs_up in ((old, False), (new, True)):
        paths = ("enabled", "pointInTimeRecoveryEnabled")
        _move(world, instance, **{f"settings.backupConfiguration.{path}": backs_up for path in paths})
    first, second = (_in(world, VALKEY, region) for region in ("us-central1", "us-west1"))
    role: Json = {"instanceRole": "SECONDARY", "primaryInstance": {"instance": second.id}}
    _move(world, first, crossInstanceReplicationConfig=role)
    role = {"instanceRole": "PRIMARY", "secondaryInstances": [{"instance": first.id}]}
    _move(world, second, crossInstanceReplicationConfig=role)
    _everywhere(world, "gcp:container/nodePool:NodePool", nodeCount=9, initialNodeCount=9)
    _everywhere(world, "gcp:cloudrunv2/service:Service", **{"scaling.minInstanceCount": 40})


def _everywhere(world: World, kind: str, **values: Json) -> None:
    objects = world.objects(kind)
    assert objects, kind
    for each in objects:
        _move(world, each, **values)


def _in(world: World, kind: str, region: str) -> WorldObject:
    (found,) = world.objects(kind, region=region)
    return found


def _move(world: World, each: WorldObject, **values: Json) -> None:
    """What an object does not have stays away: not every cluster is a member of something."""
    for path, value in values.items():
        if path.split(".", maxsplit=1)[0] in each.outputs:
            world.tamper(each.id, path, value, type_=each.type)
