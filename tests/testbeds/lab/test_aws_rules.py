"""What the stand-in for AWS refuses because of what else is in the world."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbeds.lab.aws.cloud import Aws
from testbeds.lab.cloud import RefusedError, Settings
from testbeds.lab.world import NewObject, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from testbeds.lab.wire import Object
    from testbeds.lab.world import WorldObject

HOME = Settings(home="us-east-1")
SUBNETS, CACHE = "aws:elasticache/subnetGroup:SubnetGroup", "aws:elasticache/replicationGroup:ReplicationGroup"
CLUSTER = "aws:rds/cluster:Cluster"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Aws]:
    """An empty AWS."""
    world = World(tmp_path / "world.sqlite")
    yield Aws(world)
    world.close()


def add(cloud: Aws, type_: str, id_: str, outputs: Object, inputs: Object | None = None) -> WorldObject:
    """Put an object into the world."""
    return cloud.world.add(NewObject(type_, "us-east-1", id_, inputs or {}, outputs, {}))


@pytest.mark.parametrize(("replicas", "refused"), [(1, False), (2, True)])
def test_a_subnet_stays_while_the_cache_has_a_node_there(cloud: Aws, replicas: int, *, refused: bool) -> None:
    """Two nodes sit in the first two of three zones, three in all of them: ElastiCache's SubnetInUse."""
    for zone in "abc":
        add(cloud, "aws:ec2/subnet:Subnet", f"subnet-{zone}", {"availabilityZone": f"us-east-1{zone}"})
    group = add(cloud, SUBNETS, "subnets", {}, {"subnetIds": [f"subnet-{zone}" for zone in "abc"]})
    add(cloud, CACHE, "cache", {"subnetGroupName": "subnets", "replicasPerNodeGroup": replicas})
    fewer: Object = {"subnetIds": ["subnet-a", "subnet-b"]}
    if not refused:
        assert cloud.alter(group, fewer, HOME).id == "subnets"
        return
    with pytest.raises(RefusedError, match="SubnetInUse: cache has nodes"):
        cloud.alter(group, fewer, HOME)


def test_the_name_of_a_last_snapshot_is_taken_for_ever(cloud: Aws) -> None:
    """The second deletion of a database that names the same snapshot is refused; another name is not."""
    for number, (snapshot, refused) in enumerate((("last", False), ("last", True), ("other", False))):
        cluster = add(cloud, CLUSTER, f"db-{number}", {"finalSnapshotIdentifier": snapshot})
        if refused:
            with pytest.raises(RefusedError, match="DBClusterSnapshotAlreadyExistsFault"):
                cloud.refuse_delete(cluster)
        else:
            cloud.refuse_delete(cluster)


def test_no_identifier_is_given_twice(cloud: Aws) -> None:
    """A security group that is made again is another one, as in AWS."""
    wanted: Object = {"name": "access", "vpcId": "vpc-1", "description": "x"}
    made = cloud.make("aws:ec2/securityGroup:SecurityGroup", wanted, HOME)
    there = cloud.world.add(NewObject("aws:ec2/securityGroup:SecurityGroup", made.region, made.id, {}, {}, {}))
    cloud.world.remove(there.seq)
    assert cloud.make("aws:ec2/securityGroup:SecurityGroup", wanted, HOME).id != made.id


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (2, 20, ""),
        (4, 20, "Minimum capacity 4 can't be greater than desired size 2"),
        (0, 1, "greater than max size 1"),
    ],
)
def test_no_limit_of_a_node_group_moves_past_its_size(cloud: Aws, low: int, high: int, said: str) -> None:
    """EKS refuses both; that the program ignores the size changes nothing."""
    sizes: Object = {"minSize": 1, "desiredSize": 2, "maxSize": 3}
    there: Object = {"nodeGroupName": "a", "clusterName": "fleet", "scalingConfig": sizes}
    group = add(cloud, "aws:eks/nodeGroup:NodeGroup", "fleet:a", there, there)
    moved: Object = {**there, "scalingConfig": {**sizes, "minSize": low, "maxSize": high}}
    if not said:
        assert cloud.alter(group, moved, HOME).outputs["scalingConfig"] == moved["scalingConfig"]
        return
    with pytest.raises(RefusedError, match=said):
        cloud.alter(group, moved, HOME)
