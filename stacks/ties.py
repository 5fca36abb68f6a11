"""What ties a region to the others of its cloud: whom it joins, or what it owns for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.database.component import Birth
from components.network.component import JOINS, HomeNetwork
from stacks.fleet import stack_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from stacks.fleet import Fleet
    from stacks.model import RegionConfig
    from stacks.upstream import Upstream


@dataclass(frozen=True)
class Ties:
    """The ties of one region.

    Args:
        network: What home's network made for all regions; None in home, and where networks stand alone.
        birth: Whether the database was born primary, or joins, and as what.
        cache_group: The cache's group to join; None in home, which makes it.
        cache_members: The members that the region's cache finds there when it joins: home's, and those before it.
    """

    network: HomeNetwork | None
    birth: Birth
    cache_group: pulumi.Input[str] | None
    cache_members: tuple[pulumi.Input[str], ...] = ()


def ties_of(
    fleet: Fleet, stack: str, config: RegionConfig, before: Mapping[str, Upstream], *, leaving: bool = False
) -> Ties:
    """The ties of a region.

    Args:
        fleet: All stacks.
        stack: The region's.
        config: Its configuration.
        before: The stacks that it reads; among them, when a home settles, that of its standby.
        leaving: The stack is about to be destroyed, those that join it before it: a home names no standby any more.

    Raises:
        UpstreamMissingError: In `up`, one of them has not exported what is needed.
    """
    if fleet.is_home(stack):
        standby = before.get(stack_name(config.cloud, fleet.standby(stack) or ""))
        named = standby.require("database", "cluster") if standby else "" if leaving else None
        return Ties(None, Birth(secret_regions=fleet.joiners(stack), standby=named), None)
    home = before[fleet.home_of(stack)]
    network = None
    if config.cloud in JOINS:
        network = HomeNetwork(home.require("network", "id"), home.require("network", "private_zones"))
    group = {part: home.require(part, "global_group") for part in ("database", "cache") if getattr(config, part)}
    is_standby = fleet.standby(stack) == config.region
    birth = Birth(group.get("database"), is_standby=is_standby)
    return Ties(network, birth, group.get("cache"), _members(fleet, stack, before))


def _members(fleet: Fleet, stack: str, before: Mapping[str, Upstream]) -> tuple[pulumi.Input[str], ...]:
    mates = fleet.cache_mates(stack)
    home = fleet.home_of(stack)
    there = (name for name in mates if name == home or before[name].get("cache", "group") is not None)
    return tuple(before[name].require("cache", "group") for name in there)
