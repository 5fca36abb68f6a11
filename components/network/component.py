"""The network of a region, the same call on every cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurops.errors import UsageError
from components.base import Component, Scope, load
from components.network.spec import Tier
from components.place import Cloud

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pulumi

    from components.keys.component import KeysOutputs
    from components.network.spec import NetworkSpec
    from components.place import Place


JOINS = frozenset({Cloud.AZURE, Cloud.GCP})
"""Clouds on which the regions' networks hang together: the others need to know what home made. On AWS each stands alone
and the services replicate between regions by themselves."""


@dataclass(frozen=True)
class HomeNetwork:
    """What the home region's network made for all regions of its cloud; None in the home region, which makes it."""

    id: pulumi.Input[str]
    """The network: on Azure the one to peer with, on Google Cloud the one that every region's subnets are in."""
    private_zones: pulumi.Input[Mapping[str, str]]
    """Azure's private DNS zones: id by the zone's name."""


@dataclass(frozen=True)
class AzureNetwork:
    """What Azure's services need of the network beside its subnets."""

    delegated: Mapping[str, pulumi.Input[str]]
    """Subnets that are given to one service: id by `postgresql` and `apps`."""
    private_zones: Mapping[str, pulumi.Input[str]]
    """Private DNS zones, made by home: id by the zone's name."""


@dataclass(frozen=True)
class GcpNetwork:
    """What Google's services need of the network beside its subnets."""

    pods_range: str
    """Name of the private subnet's secondary range for pods."""
    services_range: str
    """And for Kubernetes services."""
    access: pulumi.Input[str]
    """Private service access: the connection that Google's own services are reached over; known once it works."""


@dataclass(frozen=True)
class NetworkOutputs:
    """What others need of the network; build one by hand to bring your own."""

    place: Place
    id: pulumi.Input[str]
    cidr: str
    subnets: Mapping[Tier, Mapping[str, pulumi.Input[str]]]
    """Subnet id by tier and zone letter; where subnets span a region, every zone has the same."""
    azure: AzureNetwork | None = None
    gcp: GcpNetwork | None = None

    def zones(self) -> tuple[str, ...]:
        """The zone letters, in order."""
        return tuple(sorted(self.subnets[Tier.PRIVATE]))

    def tier(self, tier: Tier) -> list[pulumi.Input[str]]:
        """The subnet ids of a tier, ordered by zone letter."""
        return [self.subnets[tier][zone] for zone in sorted(self.subnets[tier])]

    def tier_in(self, tier: Tier, zones: Collection[str]) -> list[pulumi.Input[str]]:
        """The subnet ids of a tier in some of its zones, ordered by zone letter.

        Raises:
            UsageError: The network is not in one of them.
        """
        have = self.subnets[tier]
        if outside := set(zones) - set(have):
            raise UsageError(
                f"the network has no {tier} subnet in zone {', '.join(sorted(outside))}",
                allowed=", ".join(sorted(have)),
            )
        return [have[zone] for zone in sorted(zones)]


class Network(Component):
    """Three tiers of subnets over the zones of a region."""

    def __init__(
        self,
        name: str,
        spec: NetworkSpec,
        keys: KeysOutputs,
        home: HomeNetwork | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        place = keys.place
        if spec.existing:
            self.outputs = NetworkOutputs(place, spec.existing.id, spec.cidr, spec.existing.subnets)
        else:
            build = load("network", place.cloud)
            self.outputs = build(Scope(self, name, place), spec, keys, home)
        self.register_outputs({"id": self.outputs.id})
