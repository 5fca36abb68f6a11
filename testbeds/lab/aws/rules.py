"""What AWS refuses besides shape: values that do not fit each other or the world, changes it cannot make, deletions.

Each rule names the API whose answer it gives. They are the refusals that a fleet meets, not all of them.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

from testbeds.lab.checking import Failure
from testbeds.lab.cloud import RefusedError
from testbeds.lab.wire import Object, child, flag, text, texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from testbeds.lab.tables import Tables
    from testbeds.lab.world import World, WorldObject

VPC: Final = "aws:ec2/vpc:Vpc"
SUBNET: Final = "aws:ec2/subnet:Subnet"
EKS: Final = "aws:eks/cluster:Cluster"
_NODES: Final = "aws:eks/nodeGroup:NodeGroup"
RDS: Final = "aws:rds/cluster:Cluster"
_CACHE: Final = "aws:elasticache/replicationGroup:ReplicationGroup"
_CACHE_SUBNETS: Final = "aws:elasticache/subnetGroup:SubnetGroup"
_SNAPSHOT: Final = "aws:rds/clusterSnapshot:ClusterSnapshot"
INSTANCE: Final = "aws:rds/clusterInstance:ClusterInstance"
GLOBAL: Final = "aws:rds/globalCluster:GlobalCluster"
GLOBAL_CACHE: Final = "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup"
SUBNET_GROUP: Final = "aws:rds/subnetGroup:SubnetGroup"

PROTECTION: Final[Mapping[str, str]] = {
    EKS: "deletionProtection",
    "aws:lb/loadBalancer:LoadBalancer": "enableDeletionProtection",
    RDS: "deletionProtection",
    GLOBAL: "deletionProtection",
}
"""Output that, when true, makes the service refuse the deletion."""

IN_USE_BY: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    VPC: (
        (SUBNET, "vpcId"),
        ("aws:ec2/internetGateway:InternetGateway", "vpcId"),
        ("aws:ec2/securityGroup:SecurityGroup", "vpcId"),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "vpcId"),
    ),
    SUBNET: (
        ("aws:ec2/natGateway:NatGateway", "subnetId"),
        ("aws:lb/loadBalancer:LoadBalancer", "subnets"),
        ("aws:ec2/vpcEndpoint:VpcEndpoint", "subnetIds"),
        (_NODES, "subnetIds"),
    ),
    EKS: ((_NODES, "clusterName"),),
    "aws:ecs/cluster:Cluster": (("aws:ecs/service:Service", "cluster"),),
    RDS: ((INSTANCE, "clusterIdentifier"),),
    GLOBAL: ((RDS, "globalClusterIdentifier"),),
    GLOBAL_CACHE: (("aws:elasticache/replicationGroup:ReplicationGroup", "globalReplicationGroupId"),),
    SUBNET_GROUP: ((RDS, "dbSubnetGroupName"),),
    "aws:elasticache/subnetGroup:SubnetGroup": (
        ("aws:elasticache/replicationGroup:ReplicationGroup", "subnetGroupName"),
    ),
    "aws:iam/role:Role": (("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "role"),),
    "aws:lb/targetGroup:TargetGroup": (("aws:ecs/service:Service", "loadBalancers"),),
    "aws:route53/zone:Zone": (("aws:route53/record:Record", "zoneId"),),
}
"""Types whose deletion is refused while an object of another type names them in a property."""

_EVERYWHERE: Final = frozenset({GLOBAL, GLOBAL_CACHE})
"""Types whose users may be in any region."""

_VERSION = re.compile(r"^(\d+)\.(\d+)")


def refused_inputs(token: str, news: Object, olds: Object, region: str, tables: Tables) -> Iterator[Failure]:
    """Refusals that need no look at the world: known from the inputs before and after."""
    yield from _zones(news, region, tables)
    yield from _cidr(news)
    if token == EKS:
        yield from _eks_version(news, olds)
    if token == RDS:
        yield from _aurora(news, olds)


def _zones(news: Object, region: str, tables: Tables) -> Iterator[Failure]:
    zones = tables.zones.get(region)
    named = [("availabilityZone", text(news, "availabilityZone"))]
    named += [(f"availabilityZones[{i}]", zone) for i, zone in enumerate(texts(news, "availabilityZones"))]
    for path, zone in named:
        if zones and zone and zone not in zones:
            yield Failure(path, f"InvalidParameterValue: {zone!r} is no zone of {region}; it has: {', '.join(zones)}")


def _cidr(news: Object) -> Iterator[Failure]:
    block = text(news, "cidrBlock")
    if not block:
        return
    try:
        size = ipaddress.ip_network(block).prefixlen
    except ValueError as error:
        yield Failure("cidrBlock", f"InvalidParameterValue: {error}")
        return
    if not 16 <= size <= 28:  # noqa: PLR2004 - EC2 API, CreateVpc and CreateSubnet
        yield Failure("cidrBlock", f"InvalidVpc.Range: /{size}; allowed: /16 to /28")


def _eks_version(news: Object, olds: Object) -> Iterator[Failure]:
    old, new = _VERSION.match(text(olds, "version")), _VERSION.match(text(news, "version"))
    if old is None or new is None:
        return
    step = int(new[2]) - int(old[2])
    if step < 0:
        yield Failure("version", f"InvalidParameterException: {old[0]} cannot go back to {new[0]} (EKS API)")
    if step > 1:
        allowed = f"{old[1]}.{int(old[2]) + 1}"
        yield Failure("version", f"InvalidParameterException: from {old[0]} one minor version at a time: {allowed}")


def _aurora(news: Object, olds: Object) -> Iterator[Failure]:
    if flag(news, "manageMasterUserPassword") and news.get("globalClusterIdentifier"):
        yield Failure("manageMasterUserPassword", "InvalidParameterCombination: not for members of a global cluster")
    joins = text(news, "globalClusterIdentifier")
    if olds and joins and not olds.get("globalClusterIdentifier"):
        yield Failure("globalClusterIdentifier", "an existing cluster cannot be added to a global cluster (RDS API)")
    old, new = _VERSION.match(text(olds, "engineVersion")), _VERSION.match(text(news, "engineVersion"))
    if old and new and (int(new[1]), int(new[2])) < (int(old[1]), int(old[2])):
        yield Failure("engineVersion", f"InvalidParameterCombination: {old[0]} cannot be downgraded to {new[0]}")
    if old and new and int(new[1]) > int(old[1]) and not flag(news, "allowMajorVersionUpgrade"):
        yield Failure("engineVersion", "InvalidParameterCombination: a major upgrade needs allowMajorVersionUpgrade")


def refuse_create(token: str, inputs: Object, region: str, world: World) -> None:
    """Refusals that need the world.

    Raises:
        RefusedError: It has no room for this object.
    """
    if token == _NODES:
        _within_limits(inputs)
    if token == SUBNET:
        _subnet_fits(inputs, world)
    if token == RDS:
        _joins_global(inputs, region, world)
    if token == INSTANCE and not world.objects(RDS, id_=text(inputs, "clusterIdentifier"), region=region):
        raise RefusedError("DBClusterNotFoundFault", f"no cluster {text(inputs, 'clusterIdentifier')} in {region}")


def _subnet_fits(inputs: Object, world: World) -> None:
    block = ipaddress.ip_network(text(inputs, "cidrBlock", "10.255.255.0/28"))
    for vpc in world.objects(VPC, id_=text(inputs, "vpcId")):
        room = [ipaddress.ip_network(text(vpc.outputs, "cidrBlock", "0.0.0.0/0"))]
        if not any(block.version == one.version and block.subnet_of(one) for one in room):  # type: ignore[arg-type]
            raise RefusedError("InvalidSubnet.Range", f"{block} is not within the VPC's {room[0]}")
    for other in world.objects(SUBNET):
        taken = ipaddress.ip_network(text(other.outputs, "cidrBlock", "255.255.255.255/32"))
        if other.outputs.get("vpcId") == inputs.get("vpcId") and block.overlaps(taken):
            raise RefusedError("InvalidSubnet.Conflict", f"{block} overlaps {taken} of {other.id}")


def _joins_global(inputs: Object, region: str, world: World) -> None:
    name = text(inputs, "globalClusterIdentifier")
    if not name:
        return
    if not world.objects(GLOBAL, id_=name):
        raise RefusedError("GlobalClusterNotFoundFault", f"there is no global cluster {name}")
    members = [one for one in world.objects(RDS) if one.outputs.get("globalClusterIdentifier") == name]
    owned = [key for key in ("masterUsername", "masterPassword", "masterPasswordWo", "databaseName") if inputs.get(key)]
    if any(one.region != region for one in members) and owned:
        raise RefusedError("InvalidParameterCombination", f"a secondary of {name} cannot specify {', '.join(owned)}")


def refuse_change(current: WorldObject, inputs: Object, world: World) -> None:
    """Changes that the world does not allow.

    Raises:
        RefusedError: The service refuses the change.
    """
    if current.type == _NODES:
        _within_limits(inputs)
    if current.type not in (SUBNET_GROUP, _CACHE_SUBNETS):
        return
    gone = set(texts(current.inputs, "subnetIds")) - set(texts(inputs, "subnetIds"))
    zones = {text(one.outputs, "availabilityZone") for one in world.objects(SUBNET) if one.id in gone}
    if current.type == _CACHE_SUBNETS:
        for cache in _caches_in(current, zones, world):
            raise RefusedError("SubnetInUse", f"{cache.id} has nodes in a subnet that is to leave {current.id}")
        return
    for instance in _instances_in(current.id, current.region, zones, world):
        raise RefusedError("SubnetAlreadyInUse", f"{instance.id} is in a subnet that is to leave {current.id}")


def _within_limits(inputs: Object) -> None:
    """EKS moves neither limit past the desired size, not even for a moment (hashicorp/terraform-provider-aws#18310)."""
    scaling = child(inputs, "scalingConfig")
    low, wanted, high = (scaling.get(key) for key in ("minSize", "desiredSize", "maxSize"))
    if isinstance(low, int | float) and isinstance(wanted, int | float) and low > wanted:
        message = f"Minimum capacity {low:g} can't be greater than desired size {wanted:g}"
        raise RefusedError("InvalidParameterException", message)
    if isinstance(high, int | float) and isinstance(wanted, int | float) and wanted > high:
        message = f"desired capacity {wanted:g} can't be greater than max size {high:g}"
        raise RefusedError("InvalidParameterException", message)


def _instances_in(group: str, region: str, zones: set[str], world: World) -> list[WorldObject]:
    """Data instances of a subnet group that sit in one of the zones."""
    clusters = {one.id for one in world.objects(RDS, region=region) if one.outputs.get("dbSubnetGroupName") == group}
    return [
        one
        for one in world.objects(INSTANCE, region=region)
        if text(one.outputs, "availabilityZone") in zones and text(one.outputs, "clusterIdentifier") in clusters
    ]


def _caches_in(group: WorldObject, zones: set[str], world: World) -> list[WorldObject]:
    """Caches of a subnet group that have nodes in one of the zones: the lab spreads them over the first ones."""
    own = set(texts(group.inputs, "subnetIds"))
    spread = sorted({text(one.outputs, "availabilityZone") for one in world.objects(SUBNET) if one.id in own})

    def nodes_of(cache: WorldObject) -> int:
        replicas = cache.outputs.get("replicasPerNodeGroup")
        return 1 + int(replicas if isinstance(replicas, int | float) else 0)

    return [
        one
        for one in world.objects(_CACHE, region=group.region)
        if text(one.outputs, "subnetGroupName") == group.id and zones & set(spread[: nodes_of(one)])
    ]


def refuse_delete(current: WorldObject, world: World) -> None:
    """Deletions that the service refuses: protected, in use, no final snapshot named.

    Raises:
        RefusedError: It stays.
    """
    protection = PROTECTION.get(current.type)
    if protection and flag(current.outputs, protection):
        raise RefusedError("InvalidParameterCombination", f"{current.id} has {protection}; switch it off first")
    snapshot = flag(current.outputs, "skipFinalSnapshot") or current.outputs.get("finalSnapshotIdentifier")
    if current.type == RDS and not snapshot:
        raise RefusedError("InvalidParameterCombination", "finalSnapshotIdentifier is needed: skipFinalSnapshot is off")
    if current.type == RDS:
        _leaves_last(current, world)
    names = {current.id, text(current.outputs, "arn"), text(current.outputs, "name")} - {""}
    for type_, path in IN_USE_BY.get(current.type, ()):
        for user in world.objects(type_):
            near = user.region in ("", current.region) or current.type in _EVERYWHERE
            if near and names & _named(user.outputs, path):
                raise RefusedError("DependencyViolation", f"{current.id} is in use by {user.id} ({type_})")


def take_last_snapshot(current: WorldObject, world: World) -> None:
    """Take the name of a cluster's last snapshot, for ever: nobody deletes snapshots here.

    Raises:
        RefusedError: It is taken (RDS API Reference, "DeleteDBCluster": DBClusterSnapshotAlreadyExistsFault).
    """
    name = text(current.outputs, "finalSnapshotIdentifier")
    if current.type != RDS or flag(current.outputs, "skipFinalSnapshot"):
        return
    if world.is_spent(_SNAPSHOT, current.region, name):
        raise RefusedError("DBClusterSnapshotAlreadyExistsFault", f"there is a snapshot {name} already")
    world.spend(_SNAPSHOT, current.region, name)


def _leaves_last(current: WorldObject, world: World) -> None:
    """The primary of a global cluster goes after its secondaries (Aurora user guide, deleting a global database).

    The first member is the primary: in the lab nobody fails over.
    """
    name = text(current.outputs, "globalClusterIdentifier")
    members = [one for one in world.objects(RDS) if name and one.outputs.get("globalClusterIdentifier") == name]
    if len(members) > 1 and members[0].seq == current.seq:
        regions = ", ".join(sorted({one.region for one in members[1:]}))
        raise RefusedError(
            "InvalidDBClusterStateFault", f"{current.id} is the primary of {name}, which has members in {regions}"
        )


def _named(outputs: Object, path: str) -> set[str]:
    value = outputs.get(path)
    if isinstance(value, list):
        inner = [text(item, "targetGroupArn") for item in value if isinstance(item, dict)]
        return {*texts(outputs, path), *inner}
    return {value} if isinstance(value, str) else set(child(outputs, path))
