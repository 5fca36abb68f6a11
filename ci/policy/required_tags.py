"""Everything says whose it is, what data it has, who pays and where it belongs."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stacks.policy.rules import Check, Waiting
from stacks.policy.values import Mark
from stacks.review import Rule

from .places import cloud, tags
from .settings import DATA_CLASS, REQUIRED_TAGS, RESIDENCY
from .taggable import TAGGABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from stacks.policy.resource import Resource, Siblings

RULE = Rule(
    id="required-tags",
    title=f"Whatever can carry tags carries {', '.join(REQUIRED_TAGS)}.",
    why="At night somebody must be found for it; what nobody owns is never patched; residency is judged by its class.",
    mend="Add them under `tags` in the stack file; they go on everything.",
    control="NIST SP 800-53 CM-8, AC-16; ISO/IEC 27001 A.5.9, A.5.13",
)
_STACK = "pulumi:pulumi:Stack"


def together(resource: Resource, stack: Siblings) -> Iterator[str | Waiting]:
    """What one resource lacks beyond what all of its stack lack; of that the stack itself is told once."""
    if resource.type == _STACK:
        if missing := nowhere(stack):
            yield f"nothing in it has the tags {_listed(missing)}"
    elif can_carry(resource):
        yield from _of_one(resource, nowhere(stack))


@lru_cache(maxsize=16)
def nowhere(stack: Siblings) -> frozenset[str]:
    """The required tags that nothing in the stack has."""
    able = [lacking(each) for each in stack.resources if can_carry(each)]
    return frozenset(REQUIRED_TAGS).intersection(*able) if able else frozenset()


def _of_one(resource: Resource, everywhere: frozenset[str]) -> Iterator[str | Waiting]:
    found = tags(resource)
    if isinstance(found, Mark):
        yield Waiting("tags")
        return
    if missing := lacking(resource) - everywhere:
        yield f"it lacks the tags {_listed(missing)}"
    if any(isinstance((found or {}).get(key), Mark) for key in REQUIRED_TAGS):
        yield Waiting("tags")
    label = (found or {}).get(DATA_CLASS)
    if isinstance(label, str) and label and label not in RESIDENCY:
        yield f"{DATA_CLASS} is {label!r}; wanted: {' or '.join(RESIDENCY)}"


def can_carry(resource: Resource) -> bool:
    """Whether tags can be on it: its type is known for that, or it has some."""
    return resource.type in TAGGABLE or (cloud(resource) is not None and isinstance(tags(resource), dict))


def lacking(resource: Resource) -> set[str]:
    """The required tags that it lacks; none while its tags cannot be seen."""
    found: Any = tags(resource)
    return set() if isinstance(found, Mark) else {key for key in REQUIRED_TAGS if not (found or {}).get(key)}


def _listed(some: AbstractSet[str]) -> str:
    return ", ".join(key for key in REQUIRED_TAGS if key in some)


CHECK = Check(RULE, together=together)
