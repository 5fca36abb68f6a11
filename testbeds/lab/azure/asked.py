"""What the rules are given: inputs before and after, and an object that is about to be made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbeds.lab.wire import Json, Object, is_unknown

if TYPE_CHECKING:
    from testbeds.lab.tables import Tables
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


def at(values: Object, path: str) -> Json:
    """The value at a dotted path; None where there is none."""
    value: Json = values
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def word(values: Object, path: str, default: str = "") -> str:
    """The known string at a dotted path, else `default`."""
    value = at(values, path)
    return value if isinstance(value, str) and value and not is_unknown(value) else default


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
