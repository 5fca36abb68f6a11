"""What a gate can look at in the lab: whether what the inventory names exists. Nothing answers over a network here."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aurops.inventory import Inventory
    from testbeds.lab.world import World

_SERVICES = {
    "aws": ("aws:ecs/service:Service", "name"),
    "azure": ("azure-native:web:WebApp", "name"),
    "gcp": ("gcp:cloudrunv2/service:Service", "name"),
}
_DATABASES = {
    "aws": ("aws:rds/cluster:Cluster", "clusterIdentifier"),
    "azure": ("azure-native:dbforpostgresql:Server", "name"),
    "gcp": ("gcp:sql/databaseInstance:DatabaseInstance", "name"),
}
"""Type by cloud, and the output that the inventory names."""


def missing(world: World, inventory: Inventory) -> tuple[str, ...]:
    """What of the inventory's service and database the lab's world lacks; empty when nothing."""
    wanted = []
    if inventory.service is not None:
        wanted.append((*_SERVICES[inventory.cloud], inventory.service.service))
    if inventory.database is not None:
        wanted.append((*_DATABASES[inventory.cloud], inventory.database.cluster))
    return tuple(
        f"{type_} {name}"
        for type_, key, name in wanted
        if name not in {str(found.outputs.get(key)) for found in world.objects(type_, region=inventory.region)}
    )
