"""Where a resource lies, and what class its data has, as rules need to know."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stacks.policy.values import Mark

from .settings import DATA_CLASS

if TYPE_CHECKING:
    from stacks.policy.resource import Resource, Siblings

CLOUDS = {"aws": "aws", "azure-native": "azure", "gcp": "gcp"}


def cloud(resource: Resource) -> str | None:
    """The resource's cloud by our name; None for what is in no cloud's hands."""
    return CLOUDS.get(resource.type.partition(":")[0])


def region(resource: Resource) -> Any:
    """The region that it says, else its provider's; None where neither says one, or a mark."""
    for values in (resource.inputs, resource.provider):
        for key in ("region", "location"):
            if (found := values.get(key)) is not None:
                return found if isinstance(found, Mark) else plain(str(found))
    return None


def plain(name: str) -> str:
    """A region as this pack spells it: `West Europe` and `US-CENTRAL1` are `westeurope` and `us-central1`."""
    return name.replace(" ", "").lower()


def tags(resource: Resource) -> Any:
    """Its tags or labels, wherever its type keeps them; None where it has none, or a mark."""
    paths = ["tags"] if cloud(resource) != "gcp" else ["labels", "resourceLabels", "settings.userLabels"]
    return next((found for path in paths if (found := resource.at(path)) is not None), None)


def data_class(resource: Resource, stack: Siblings) -> Any:
    """The class of its data: its own tag, else the one class that its stack has; None when nobody says, or a mark."""
    own = _tag(resource)
    return own if own is not None else _only_class(stack)


@lru_cache(maxsize=16)
def _only_class(stack: Siblings) -> str | None:
    seen = {value for each in stack.resources if isinstance(value := _tag(each), str)}
    return seen.pop() if len(seen) == 1 else None


def _tag(resource: Resource) -> Any:
    found = tags(resource) if cloud(resource) else None
    return found.get(DATA_CLASS) if isinstance(found, dict) else found
