"""The fleet: its stacks, who is home, and in which waves a change goes through them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING

from components.place import Cloud
from stacks.model import CloudConfig, EdgeConfig, GlobalConfig, RegionConfig, StackConfig

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Kind(StrEnum):
    """What goes through the stacks; each has an order of its own."""

    CREATE = "create"
    CHANGE = "change"
    DESTROY = "destroy"


ONE_BY_ONE = frozenset({Cloud.AZURE})
"""Clouds whose regions join one after another: Managed Redis takes one new member of a group at a time."""
SETTLES = MappingProxyType({Cloud.GCP: "the primary names its standby, which exists only now"})
"""Clouds whose home comes up a second time, and why: what it says of the standby cannot be said before."""
EDGE = "edge"
"""The name of the stack that the fleet has once."""


@dataclass(frozen=True)
class Fleet:
    """All stacks by name."""

    stacks: Mapping[str, StackConfig]

    def regions(self) -> dict[str, RegionConfig]:
        """The regional stacks."""
        return {name: each for name, each in self.stacks.items() if isinstance(each, RegionConfig)}

    def home_of(self, stack: str) -> str:
        """The name of the stack that is home to `stack`; the edge has no other than itself."""
        config = self.stacks[stack]
        return stack_name(config.cloud, config.home) if isinstance(config, CloudConfig) else stack

    def is_home(self, stack: str) -> bool:
        """True for the stack of a home region."""
        return stack in self.regions() and self.home_of(stack) == stack

    def joiners(self, home: str) -> tuple[str, ...]:
        """The regions whose database joins that of the stack `home`."""
        stacks = (name for name, each in self.regions().items() if each.database and name != home)
        return tuple(sorted(self.stacks[name].region for name in stacks if self.home_of(name) == home))

    def standby(self, stack: str) -> str | None:
        """The region that takes over from the home of `stack` by its database; None where it can be any."""
        home = self.stacks[self.home_of(stack)]
        database = home.database if isinstance(home, RegionConfig) else None
        return database.standby_region if database else None

    def settled_by(self, stack: str) -> tuple[str, ...]:
        """The stack of the standby that `stack`, a home, can name only when that is up; empty for all other stacks."""
        standby = self.standby(stack) if self.is_home(stack) and self.stacks[stack].cloud in SETTLES else None
        return (stack_name(self.stacks[stack].cloud, standby),) if standby else ()

    def upstream(self, stack: str) -> tuple[str, ...]:
        """The stacks whose outputs `stack` reads."""
        config = self.stacks[stack]
        if isinstance(config, EdgeConfig):
            return tuple(stack_name(cloud, "global") for cloud in config.edge.targets())
        if isinstance(config, GlobalConfig):
            return tuple(stack_name(config.cloud, region) for region in sorted(config.traffic.all_regions()))
        return () if self.is_home(stack) else (self.home_of(stack),)


def stack_name(cloud: str, region: str) -> str:
    """The stack's name: `aws-eu-west-1`; `aws-global` for what a cloud has once."""
    return f"{cloud}-{region}"


def waves(fleet: Fleet, kind: Kind) -> tuple[tuple[str, ...], ...]:
    """The order in which stacks are brought up, changed or destroyed; stacks of one wave run side by side.

    Creation: homes first, for the others join what they own. A change: one secondary first, where a mistake hurts
    least; homes nearly last; then what a cloud has once, for it steers traffic, and the edge, which steers between
    clouds. Destruction: creation, backwards.
    """
    regions = fleet.regions()
    home = tuple(sorted(stack for stack in regions if fleet.is_home(stack)))
    others = tuple(sorted(set(regions) - set(home)))
    edge = tuple(stack for stack, config in fleet.stacks.items() if isinstance(config, EdgeConfig))
    last = tuple(sorted(set(fleet.stacks) - set(regions) - set(edge)))
    order = {
        Kind.CREATE: (home, *_rounds(fleet, others), last, edge),
        Kind.CHANGE: (others[:1], others[1:], home, last, edge),
        Kind.DESTROY: (edge, last, *reversed(_rounds(fleet, others)), home),
    }
    return tuple(wave for wave in order[kind] if wave)


def _rounds(fleet: Fleet, stacks: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The first wave takes one region of each cloud that is `ONE_BY_ONE`, and all of the others; then the rest."""
    turns = dict.fromkeys(stacks, 0)
    for cloud in ONE_BY_ONE:
        of_cloud = (stack for stack in stacks if fleet.stacks[stack].cloud == cloud)
        turns |= {stack: turn for turn, stack in enumerate(of_cloud)}
    return [tuple(s for s in stacks if turns[s] == turn) for turn in range(max(turns.values(), default=-1) + 1)]


def settling(
    fleet: Fleet, wanted: Collection[str], deployed: Collection[str], settled: Collection[str]
) -> tuple[str, ...]:
    """The homes that come up a second time, because their standby is there by then and they have never named it.

    Args:
        fleet: All stacks.
        wanted: Those that are brought up.
        deployed: Those that are up already.
        settled: Those of them that have named their standby once.
    """
    there = {*wanted, *deployed}
    homes = (stack for stack in wanted if stack not in settled)
    return tuple(sorted(home for home in homes if fleet.settled_by(home) and there.issuperset(fleet.settled_by(home))))


def where(stack: str, key: str) -> str:
    """File and key of a stack's setting."""
    scope = EDGE if stack == EDGE else "global" if stack.endswith("-global") else "region"
    return f"stacks/Pulumi.{stack}.yaml: aurops:{scope}.{key}"
