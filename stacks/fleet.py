"""The fleet: its stacks, who is home, and in which waves a change goes through them. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import IPv4Network
from itertools import combinations
from typing import TYPE_CHECKING

from aurops.errors import UsageError
from components.cache.spec import JOINS_ONE_BY_ONE
from components.place import Cloud
from stacks.model import GlobalConfig, RegionConfig, StackConfig

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class FleetError(UsageError):
    """Two stacks' configurations contradict each other."""


class Kind(StrEnum):
    """What goes through the stacks; each has an order of its own."""

    CREATE = "create"
    CHANGE = "change"
    DESTROY = "destroy"


@dataclass(frozen=True)
class Fleet:
    """All stacks by name."""

    stacks: Mapping[str, StackConfig]

    def regions(self) -> dict[str, RegionConfig]:
        """The regional stacks."""
        return {name: each for name, each in self.stacks.items() if isinstance(each, RegionConfig)}

    def home_of(self, stack: str) -> str:
        """The name of the stack that is home to `stack`."""
        config = self.stacks[stack]
        return stack_name(config.cloud, config.home)

    def is_home(self, stack: str) -> bool:
        """True for the stack of a home region."""
        return stack in self.regions() and self.home_of(stack) == stack

    def joiners(self, home: str) -> tuple[str, ...]:
        """The regions whose database joins that of the stack `home`."""
        stacks = (name for name, each in self.regions().items() if each.database and name != home)
        return tuple(sorted(self.stacks[name].region for name in stacks if self.home_of(name) == home))

    def cache_mates(self, stack: str) -> tuple[str, ...]:
        """The other stacks with a part in the same cache, where a region that joins has to name them; home's first."""
        config = self.stacks[stack]
        if config.cloud not in JOINS_ONE_BY_ONE or self.is_home(stack):
            return ()
        home = self.home_of(stack)
        mates = (name for name, each in self.regions().items() if each.cache and self.home_of(name) == home)
        return tuple(sorted(set(mates) - {stack}, key=lambda name: (name != home, name)))

    def standby(self, stack: str) -> str | None:
        """The region that takes over from the home of `stack` by its database; None where it can be any."""
        home = self.stacks[self.home_of(stack)]
        database = home.database if isinstance(home, RegionConfig) else None
        return database.standby_region if database else None

    def upstream(self, stack: str) -> tuple[str, ...]:
        """The stacks whose outputs `stack` reads."""
        config = self.stacks[stack]
        if isinstance(config, GlobalConfig):
            return tuple(stack_name(config.cloud, region) for region in sorted(config.traffic.all_regions()))
        return () if self.is_home(stack) else (self.home_of(stack),)


def stack_name(cloud: str, region: str) -> str:
    """The stack's name: `aws-eu-west-1`; `aws-global` for what a cloud has once."""
    return f"{cloud}-{region}"


def waves(fleet: Fleet, kind: Kind) -> tuple[tuple[str, ...], ...]:
    """The order in which stacks are brought up, changed or destroyed; stacks of one wave run side by side.

    Creation: home first, for the others join what it owns; on Azure one after another. A change: one secondary first,
    where a mistake hurts least; home nearly last; global last, for it steers traffic. Destruction: creation, backwards.
    """
    regions = fleet.regions()
    home = tuple(sorted(stack for stack in regions if fleet.is_home(stack)))
    others = tuple(sorted(set(regions) - set(home)))
    last = tuple(sorted(set(fleet.stacks) - set(regions)))
    joining = _joining(fleet, others)
    order = {
        Kind.CREATE: (home, *joining, last),
        Kind.CHANGE: (others[:1], others[1:], home, last),
        Kind.DESTROY: (last, *reversed(joining), home),
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


def check(fleet: Fleet) -> None:
    """Check what no stack can see alone.

    Raises:
        FleetError: The first contradiction, naming file and key.
    """
    for problem in problems(fleet):
        raise problem


def problems(fleet: Fleet) -> Iterator[FleetError]:
    """Every contradiction."""
    yield from _names(fleet)
    yield from _homes(fleet)
    yield from _ranges(fleet)
    yield from _globals(fleet)
    yield from _versions(fleet)
    yield from _standbys(fleet)
    yield from _proofs(fleet)


def where(stack: str, key: str) -> str:
    """File and key of a stack's setting."""
    scope = "global" if stack.endswith("-global") else "region"
    return f"stacks/Pulumi.{stack}.yaml: aurops:{scope}.{key}"


def _names(fleet: Fleet) -> Iterator[FleetError]:
    for stack, config in fleet.stacks.items():
        right = stack_name(config.cloud, config.region if isinstance(config, RegionConfig) else "global")
        if stack != right:
            yield FleetError(
                f"the stack is called {stack}, its configuration says {right}",
                where=where(stack, "region"),
                allowed=f"the file name Pulumi.{right}.yaml, or another region",
            )
    names = {config.fleet for config in fleet.stacks.values()}
    if len(names) > 1:
        stack = max(fleet.stacks)
        yield FleetError(
            f"the stacks name different fleets: {', '.join(sorted(names))}", where=where(stack, "fleet"), allowed="one"
        )


def _homes(fleet: Fleet) -> Iterator[FleetError]:
    for cloud in sorted({config.cloud for config in fleet.stacks.values()}):
        homes = {stack: each.home for stack, each in sorted(fleet.stacks.items()) if each.cloud == cloud}
        if len(set(homes.values())) > 1:
            odd = next(stack for stack, home in homes.items() if home != next(iter(homes.values())))
            yield FleetError(
                f"{cloud} has two homes: {', '.join(sorted(set(homes.values())))}",
                where=where(odd, "home"),
                allowed="one home per cloud, the same in all of its stacks; a failover does not change it",
            )
            continue
        stack, home = next(iter(homes.items()))
        if stack_name(cloud, home) not in fleet.stacks:
            yield FleetError(
                f"home {home} has no stack",
                where=where(stack, "home"),
                allowed=", ".join(each.region for each in fleet.regions().values() if each.cloud == cloud),
                next_step=f"add stacks/Pulumi.{stack_name(cloud, home)}.yaml, or name another home",
            )


def _ranges(fleet: Fleet) -> Iterator[FleetError]:
    for (one, first), (two, second) in combinations(sorted(fleet.regions().items()), 2):
        if IPv4Network(first.network.cidr).overlaps(IPv4Network(second.network.cidr)):
            yield FleetError(
                f"the network of {two} ({second.network.cidr}) overlaps that of {one} ({first.network.cidr})",
                where=where(two, "network.cidr"),
                allowed="a range of its own for each region",
            )


def _globals(fleet: Fleet) -> Iterator[FleetError]:
    for stack, config in sorted(fleet.stacks.items()):
        if not isinstance(config, GlobalConfig):
            continue
        serving = {each.region for each in fleet.regions().values() if each.cloud == config.cloud and each.service}
        if lacking := config.traffic.all_regions() - serving:
            yield FleetError(
                f"traffic is led to {', '.join(sorted(lacking))}, where no stack has a service",
                where=where(stack, "traffic.records"),
                allowed=", ".join(sorted(serving)) or "a region whose stack has a service",
            )


def _versions(fleet: Fleet) -> Iterator[FleetError]:
    for stack, config in sorted(fleet.regions().items()):
        home = fleet.stacks.get(fleet.home_of(stack))
        if not isinstance(home, RegionConfig) or home is config:
            continue
        for part in ("database", "cache"):
            own, born = getattr(config, part), getattr(home, part)
            if own and not born:
                yield FleetError(
                    f"{stack} has a {part}, its home {home.region} has none to join",
                    where=where(stack, part),
                    allowed=f"none here, or one in {fleet.home_of(stack)}",
                )
            elif own and born and own.engine_version != born.engine_version:
                yield FleetError(
                    f"{part} {own.engine_version} cannot join its home's {born.engine_version}",
                    where=where(stack, f"{part}.engine_version"),
                    allowed=born.engine_version,
                )


def _standbys(fleet: Fleet) -> Iterator[FleetError]:
    """Azure and Google Cloud promote the one region that was chosen; every other answer is no standby at all."""
    for stack, config in sorted(fleet.regions().items()):
        if config.cloud is Cloud.AWS or not config.database:
            continue
        chosen, joiners = config.database.standby_region, fleet.joiners(stack) if fleet.is_home(stack) else ()
        if chosen is None and not joiners:
            continue
        if chosen not in joiners:
            what = f"{chosen} does not join its database" if chosen else "nobody was chosen to take over"
            yield FleetError(
                what if fleet.is_home(stack) else f"the standby is chosen in the home region, not in {config.region}",
                where=where(stack, "database.standby_region"),
                allowed=f"one of {', '.join(joiners)}" if joiners else "nothing",
            )


def _proofs(fleet: Fleet) -> Iterator[FleetError]:
    owners: dict[tuple[str, str], str] = {}  # each cloud wants a record of its own
    for stack, config in sorted(fleet.regions().items()):
        certificate = config.service.certificate if config.service else None
        if certificate is None or not certificate.domain or not certificate.zone_id:
            continue
        proof = (config.cloud.value, certificate.domain)
        if proof in owners:
            yield FleetError(
                f"{owners[proof]} already makes the record that proves {certificate.domain}",
                where=where(stack, "service.certificate.zone_id"),
                allowed="zone_id in one region only, best in the home region",
            )
        owners[proof] = stack
