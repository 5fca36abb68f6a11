"""What making or deleting one object does to others: the cloud writes on both sides of a relation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbeds.lab.gcp.kinds import CACHE, KEY, NAMES, SQL
from testbeds.lab.gcp.references import find, leaf
from testbeds.lab.wire import Json, Object, child, children, text, texts

if TYPE_CHECKING:
    from testbeds.lab.cloud import Made
    from testbeds.lab.world import World, WorldObject


def after_write(token: str, made: Made, world: World) -> None:
    """Tell a primary of its replica.

    A database lists its replicas. The primary of a cache gets the role and the list of its secondaries, though the
    program that made it asked for neither (Memorystore documentation, "Cross-region replication").
    """
    if token == SQL:
        primary = find(world, SQL, text(made.outputs, "masterInstanceName"))
        if primary and made.id not in texts(primary.outputs, "replicaNames"):
            names: list[Json] = [*texts(primary.outputs, "replicaNames"), made.id]
            _put(primary, "replicaNames", names, world)
    if token == CACHE:
        replication = child(made.outputs, "crossInstanceReplicationConfig")
        wanted = text(child(replication, "primaryInstance"), "instance")
        for other in world.objects(CACHE):
            there = [one for one in _secondaries(other) if text(one, "instance") != made.id]
            if text(replication, "instanceRole") == "SECONDARY" and find(world, CACHE, wanted) == other:
                there.append({"instance": made.id})
            if there != _secondaries(other):
                _put(other, "crossInstanceReplicationConfig", _role(there), world)


def before_delete(current: WorldObject, world: World) -> None:
    """Destroy a key's versions, spend a database's name, take a replica from its primary's list."""
    if current.type == KEY:
        versions: list[Json] = [{**one, "state": "DESTROY_SCHEDULED"} for one in children(current.outputs, "primaries")]
        _put(current, "primaries", versions, world)
    if current.type == SQL:
        world.spend(NAMES, "", f"{SQL}/{current.id}")
        for primary in world.objects(SQL, id_=leaf(text(current.outputs, "masterInstanceName"))):
            names: list[Json] = [one for one in texts(primary.outputs, "replicaNames") if one != current.id]
            _put(primary, "replicaNames", names, world)
    if current.type == CACHE:
        for other in world.objects(CACHE):
            left = [one for one in _secondaries(other) if text(one, "instance") != current.id]
            if left != _secondaries(other):
                _put(other, "crossInstanceReplicationConfig", _role(left), world)


def _secondaries(cache: WorldObject) -> list[Object]:
    return children(child(cache.outputs, "crossInstanceReplicationConfig"), "secondaryInstances")


def _role(secondaries: list[Object]) -> Json:
    if not secondaries:
        return {"instanceRole": "NONE"}
    listed: list[Json] = list[Json](secondaries)
    return {"instanceRole": "PRIMARY", "secondaryInstances": listed}


def _put(one: WorldObject, name: str, value: Json, world: World) -> None:
    world.change(one.seq, one.inputs, one.outputs | {name: value}, one.tags)
