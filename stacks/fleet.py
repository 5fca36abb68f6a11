"""The fleet: its stacks, who is home, and in which waves a change goes through them. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from components.cache.spec import JOINS_ONE_BY_ONE
from components.place import Cloud
from stacks.model import CloudConfig, EdgeConfig, GlobalConfig, RegionConfig, StackConfig

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


class Kind(StrEnum):
    """What goes through the stacks; each has an order of its own."""

    CREATE = "create"
    CHANGE = "change"
    DESTROY = "destroy"


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

    def settles_after(self, stack: str) -> tuple[str, ...]:
        """The stacks that must be up before `stack` can make what cannot be made in one pass; empty: nothing is left.

        Google Cloud: a home names its standby, which joins it first. Azure: an app takes the name that users call when
        DNS leads there already.
        """
        config = self.stacks[stack]
        if not isinstance(config, RegionConfig):
            return ()
        names = stack_name(config.cloud, "global")
        match config.cloud:
            case Cloud.GCP if self.is_home(stack) and (standby := self.standby(stack)):
                return (stack_name(config.cloud, standby),)
            case Cloud.AZURE if config.service and config.service.certificate.domain and names in self.stacks:
                return (names,)
            case _:
                return ()

    def cache_mates(self, stack: str) -> tuple[str, ...]:
        """The other stacks with a part in the same cache, where a region that joins has to name them; home's first."""
        config = self.stacks[stack]
        if config.cloud not in JOINS_ONE_BY_ONE or self.is_home(stack):
            return ()
        home = self.home_of(stack)
        mates = (name for name, each in self.regions().items() if each.cache and self.home_of(name) == home)
        return tuple(sorted(set(mates) - {stack}, key=lambda name: (name != home, name)))

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

    Creation: homes first, for the others join what they own, on Azure one after another. A change: one secondary
    first, where a mistake hurts least; homes nearly last; then what a cloud has once, for it steers traffic, and the
    edge, which steers between clouds. Destruction: creation, backwards.
    """
    regions = fleet.regions()
    home = tuple(sorted(stack for stack in regions if fleet.is_home(stack)))
    others = tuple(sorted(set(regions) - set(home)))
    edge = tuple(stack for stack, config in fleet.stacks.items() if isinstance(config, EdgeConfig))
    last = tuple(sorted(set(fleet.stacks) - set(regions) - set(edge)))
    order = {
        Kind.CREATE: (home, *_joining(fleet, others), last, edge),
        Kind.CHANGE: (others[:1], others[1:], home, last, edge),
        Kind.DESTROY: (edge, last, *reversed(_joining(fleet, others)), home),
    }
    return tuple(wave for wave in order[kind] if wave)


def _joining(fleet: Fleet, others: tuple[str, ...]) -> tuple[tuple[str, ...], ...]:
    """Those that join home's groups: side by side, but one after another where the cloud's cache cannot else."""
    turns: dict[int, list[str]] = {}
    taken: Counter[str] = Counter()
    for stack in others:
        config = fleet.regions()[stack]
        alone = config.cloud in JOINS_ONE_BY_ONE and config.cache is not None
        turns.setdefault(taken[config.cloud] if alone else 0, []).append(stack)
        taken[config.cloud] += alone
    return tuple(tuple(turns[turn]) for turn in sorted(turns))


def settling(
    fleet: Fleet, wanted: Collection[str], deployed: Collection[str], settled: Collection[str]
) -> tuple[str, ...]:
    """The stacks that come up a second time, because what they wait for is there by then and they never settled.

    Args:
        fleet: All stacks.
        wanted: Those that are brought up.
        deployed: Those that are up already.
        settled: Those of them that have settled once.
    """
    there = {*wanted, *deployed}
    waiting = {stack: fleet.settles_after(stack) for stack in wanted if stack not in settled}
    return tuple(sorted(stack for stack, after in waiting.items() if after and there.issuperset(after)))


def where(stack: str, key: str) -> str:
    """File and key of a stack's setting."""
    scope = EDGE if stack == EDGE else "global" if stack.endswith("-global") else "region"
    return f"stacks/Pulumi.{stack}.yaml: aurops:{scope}.{key}"
