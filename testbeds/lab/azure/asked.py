"""What the rules are given: inputs before and after, and an object that is about to be made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testbeds.lab.tables import Tables
    from testbeds.lab.wire import Object
    from testbeds.lab.world import World, WorldObject


@dataclass(frozen=True)
class Asked:
    """Inputs of a resource as the program gives them now, and as it gave them last time (empty for a new one)."""

    token: str
    news: Object
    olds: Object
    region: str
    tables: Tables


@dataclass(frozen=True)
class Coming:
    """An object that nothing refuses but the world."""

    token: str
    id: str
    inputs: Object
    region: str


def named(values: Object, path: str) -> set[str]:
    """Every string at a dotted path, through lists."""
    step, _, rest = path.partition(".")
    value = values.get(step)
    items = value if isinstance(value, list) else [value]
    if not rest:
        return {item for item in items if isinstance(item, str)}
    return {one for item in items if isinstance(item, dict) for one in named(item, rest)}


def existing(world: World, token: str, id_: str) -> WorldObject | None:
    """The object of a type with an id; Azure compares ids without regard to case."""
    for one in world.objects(token, id_=id_) or world.objects(token):
        if one.id.lower() == id_.lower():
            return one
    return None
