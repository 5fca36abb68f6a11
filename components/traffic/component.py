"""Names and switches, the same call on every cloud."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from components.base import Component, Scope, load
from components.place import Cloud

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.place import Place
    from components.traffic.spec import TrafficSpec


ADDRESSES = frozenset({Cloud.GCP})
"""Clouds whose `TrafficOutputs.endpoints` are IPv4 addresses; elsewhere they are host names."""
TARGETS = frozenset({Cloud.AZURE, Cloud.GCP})
"""Clouds whose load balancer leads to something else than a host: `Backend.target`."""


@dataclass(frozen=True)
class Backend:
    """A region's entrance: what a name leads to."""

    host: pulumi.Input[str]
    host_zone: pulumi.Input[str]
    health_path: pulumi.Input[str]
    target: pulumi.Input[str] | None = None
    """`ServiceOutputs.target`."""


@dataclass(frozen=True)
class Switch:
    """The object that takes a region out of DNS while it exists.

    Args:
        bucket: Where it is written.
        region: The region of the bucket: another one than the switch is for.
        key: The object's key.
    """

    bucket: pulumi.Input[str]
    region: str
    key: str


@dataclass(frozen=True)
class TrafficOutputs:
    """What failover and runbooks need of the names."""

    place: Place
    zone_id: pulumi.Input[str]
    endpoints: Mapping[str, pulumi.Input[str]]
    """By record: the host name or address that a name of another zone can lead to."""
    health_checks: Mapping[str, pulumi.Input[str]]
    """By region: the check that decides whether DNS leads there."""
    switches: Mapping[str, Switch]
    """By region."""
    control_endpoints: pulumi.Input[list[str]]
    """Data-plane endpoints of the routing controls, as `region=url`; kept because looking them up is control plane."""
    controls: Mapping[str, pulumi.Input[str]]
    """By region: its routing control; empty when they are off. On Google Cloud the backend service that leads there."""
    steering: Mapping[str, pulumi.Input[str]] = field(default_factory=lambda: MappingProxyType({}))
    """By record: what a failover changes so that the name leads elsewhere, where that is not a switch: on Azure the
    profile, on Google Cloud the URL map with its weights."""


class Traffic(Component):
    """DNS names over the regions of one cloud."""

    def __init__(
        self,
        name: str,
        spec: TrafficSpec,
        backends: Mapping[str, Backend],
        place: Place,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        build = load("traffic", place.cloud)
        self.outputs: TrafficOutputs = build(Scope(self, name, place), spec, backends)
        self.register_outputs({"zoneId": self.outputs.zone_id})
