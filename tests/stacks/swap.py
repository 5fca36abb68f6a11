"""What a failover leaves behind in the world."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testbeds.lab.session import LabSession


def swap_roles(lab: LabSession) -> None:
    """Move in the world, behind the program's back, what a failover moves."""
    world = lab.world
    moved = {
        "aws:rds/cluster:Cluster": [("engineVersion", "17.6"), ("globalClusterIdentifier", "payments-db-moved")],
        "aws:elasticache/replicationGroup:ReplicationGroup": [("engineVersion", "8.2")],
        "aws:eks/nodeGroup:NodeGroup": [("scalingConfig.desiredSize", 9)],
        "aws:ecs/service:Service": [("desiredCount", 40)],
    }
    for kind, edits in moved.items():
        objects = world.objects(kind)
        assert objects, kind
        for each in objects:
            for path, value in edits:
                if path.split(".", maxsplit=1)[0] in each.outputs:
                    world.tamper(each.id, path, value, type_=kind)
    for check in world.objects("aws:route53/healthCheck:HealthCheck"):
        world.tamper(check.id, "invertHealthcheck", value=True, type_=check.type)
