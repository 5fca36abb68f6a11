"""Resources as rules see them: one by one, and beside those of the same stack."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from stacks.policy.values import UNKNOWN, Mark, at, marked

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from stacks.changes import Declared


@dataclass(frozen=True)
class Resource:
    """What the program says of one resource.

    Args:
        urn: The engine's name of it.
        type: Type token: `aws:rds/cluster:Cluster`.
        inputs: Its properties, by the cloud's names, with marks for what cannot be seen.
        protect: Whether the engine refuses to replace or delete it.
        provider: The properties of the provider that makes it, such as the region of all that names none.
    """

    urn: str
    type: str
    inputs: Mapping[str, Any]
    protect: bool = False
    provider: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its own name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def stack(self) -> str:
        """The stack that it is in."""
        return self.urn.removeprefix("urn:pulumi:").split("::", 1)[0]

    @property
    def inside(self) -> tuple[str, ...]:
        """Type tokens of the components that it is a part of, the outermost first."""
        types = self.urn.split("::")
        return tuple(types[2].split("$")[:-1]) if len(types) > 2 else ()  # noqa: PLR2004 (stack, project, types)

    def at(self, path: str) -> Any:
        """The input at a dotted path; None, or a mark, as `stacks.policy.values.at` says."""
        return at(self.inputs, path)


@dataclass(frozen=True, eq=False)
class Siblings:
    """Every resource that a stack declares. Two are never equal, so that a rule can keep what it worked out of one."""

    resources: tuple[Resource, ...]

    @cached_property
    def _by_type(self) -> dict[str, tuple[Resource, ...]]:
        found: dict[str, list[Resource]] = {}
        for each in self.resources:
            found.setdefault(each.type, []).append(each)
        return {type_: tuple(some) for type_, some in found.items()}

    def of(self, type_: str) -> tuple[Resource, ...]:
        """Those of one type."""
        return self._by_type.get(type_, ())

    def belonging(self, owner: Resource, key: str, type_: str, path: str) -> tuple[Resource, ...] | Mark:
        """The resources that are part of another by naming it: the settings of a bucket, the instances of a cluster.

        Before the owner exists its name may be known only after `up`, or be the cloud's to choose. Then a resource that
        has the owner's own name counts as its part; and if there are some that could be anybody's, nobody can say.

        Args:
            owner: The bucket.
            key: Where it says its name: `bucket`.
            type_: The type of the parts.
            path: Where a part says whose it is.

        Returns:
            The parts, or `UNKNOWN`.
        """
        mine = owner.at(key)
        is_known = mine is not None and not isinstance(mine, Mark)
        parts = self.of(type_)
        found = tuple(each for each in parts if is_known and each.at(path) == mine)
        unsure = [each for each in parts if not is_known or isinstance(each.at(path), Mark)]
        found += tuple(each for each in unsure if each.name == owner.name)
        others = {each.name for each in self.of(owner.type)}
        if not found and any(each.name not in others for each in unsure):
            return UNKNOWN
        return found


def resources(declared: Iterable[Declared]) -> tuple[Resource, ...]:
    """What the engine told of a stack, as rules see it."""
    by_urn = {each.urn: each for each in declared}
    providers = {each.urn: marked(each.inputs) for each in by_urn.values() if each.type.startswith("pulumi:providers:")}
    return tuple(
        Resource(each.urn, each.type, marked(each.inputs), each.protect, providers.get(each.provider, {}))
        for each in sorted(by_urn.values(), key=lambda each: each.urn)
    )
