"""Whether the stacks' configurations fit together: what no stack can see alone. Pure."""

from __future__ import annotations

from ipaddress import IPv4Network
from itertools import combinations
from typing import TYPE_CHECKING

from aurops.errors import UsageError
from components.place import Cloud
from stacks.fleet import EDGE, stack_name, where
from stacks.model import CloudConfig, EdgeConfig, GlobalConfig, RegionConfig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.fleet import Fleet


class FleetError(UsageError):
    """Two stacks' configurations contradict each other."""


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
    yield from _edge(fleet)
    yield from _proofs(fleet)


def _names(fleet: Fleet) -> Iterator[FleetError]:
    for stack, config in fleet.stacks.items():
        right = EDGE
        if not isinstance(config, EdgeConfig):
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
    stacks = {stack: each for stack, each in sorted(fleet.stacks.items()) if isinstance(each, CloudConfig)}
    for cloud in sorted({config.cloud for config in stacks.values()}):
        homes = {stack: each.home for stack, each in stacks.items() if each.cloud == cloud}
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


def _edge(fleet: Fleet) -> Iterator[FleetError]:
    """The edge leads only to names that a cloud's global stack has."""
    config = fleet.stacks.get(EDGE)
    for cloud, names in config.edge.targets().items() if isinstance(config, EdgeConfig) else ():
        there = fleet.stacks.get(stack_name(cloud, "global"))
        have = {record.name for record in there.traffic.records} if isinstance(there, GlobalConfig) else set()
        if lacking := names - have:
            yield FleetError(
                f"the edge leads to {', '.join(sorted(lacking))}, which {stack_name(cloud, 'global')} does not make",
                where=where(EDGE, "edge.records"),
                allowed=", ".join(sorted(have))
                or f"no name of {cloud}: there is no stack {stack_name(cloud, 'global')}",
            )
