"""How one Google Cloud resource names another: by full URL, by relative name, or by its bare name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from testbeds.lab.wire import Json, Object, is_unknown, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbeds.lab.world import World, WorldObject


def relative(reference: str) -> str:
    """`https://www.googleapis.com/compute/v1/projects/p/global/networks/n` as `projects/p/global/networks/n`."""
    at = reference.find("projects/")
    return reference[at:] if at >= 0 else reference


def leaf(reference: str) -> str:
    """The last part: the bare name."""
    return reference.rsplit("/", 1)[-1]


def means(reference: str, one: WorldObject) -> bool:
    """Whether a reference leads to an object."""
    if "/" not in reference:
        return reference in (one.id, leaf(one.id), text(one.outputs, "name"))
    return relative(reference) in (relative(one.id), relative(text(one.outputs, "name")))


def find(world: World, type_: str, reference: str) -> WorldObject | None:
    """The object of a type that a reference leads to."""
    return next((one for one in world.objects(type_) if reference and means(reference, one)), None)


def at(values: Json, path: str) -> Iterator[str]:
    """Every known string at a path such as `backends.group`, through lists and objects; a map gives its values."""
    if isinstance(values, list):
        for item in values:
            yield from at(item, path)
    elif not path:
        if isinstance(values, dict):
            yield from at(list(values.values()), "")
        elif isinstance(values, str) and values and not is_unknown(values):
            yield values
    elif isinstance(values, dict):
        head, _, rest = path.partition(".")
        yield from at(values.get(head), rest)


def named_by(outputs: Object, path: str, one: WorldObject) -> bool:
    """Whether a property leads to an object."""
    return any(means(reference, one) for reference in at(outputs, path))
