"""How users find a region: names, health checks, and switches that work when control planes do not."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from components.spec import DnsName, Spec, check_names, check_weights


class Routing(StrEnum):
    """How a name chooses among regions."""

    FAILOVER = "failover"
    """The first region in `order` that is healthy."""
    WEIGHTED = "weighted"
    """In proportion to `weights`, healthy regions only."""
    LATENCY = "latency"
    """The healthy region that is nearest to the user."""


class Record(Spec):
    """One name and its regions."""

    name: DnsName
    """The host name that users call."""

    routing: Routing
    """How a region is chosen."""

    order: tuple[str, ...] = ()
    """For `failover`: regions, best first. A switch moves traffic, so this order never has to change."""

    weights: dict[str, Annotated[int, Field(ge=0, le=255)]] = Field(default_factory=dict)
    """For `weighted`: region and its weight at creation; afterwards an operator's to move."""

    regions: frozenset[str] = frozenset()
    """For `latency`: the regions."""

    @model_validator(mode="after")
    def _regions_suit_the_routing(self) -> Self:
        given = {Routing.FAILOVER: self.order, Routing.WEIGHTED: self.weights, Routing.LATENCY: self.regions}
        keys = {Routing.FAILOVER: "order", Routing.WEIGHTED: "weights", Routing.LATENCY: "regions"}
        if not given[self.routing]:
            raise ValueError(f"routing '{self.routing}' needs {keys[self.routing]}")
        if others := [keys[other] for other, value in given.items() if value and other is not self.routing]:
            raise ValueError(f"routing '{self.routing}' takes {keys[self.routing]}, not {', '.join(others)}")
        if len(set(self.order)) != len(self.order):
            raise ValueError("order names a region twice")
        check_weights(self.weights.values())
        return self

    def all_regions(self) -> frozenset[str]:
        """Every region that the name may lead to."""
        return frozenset(self.order) | frozenset(self.weights) | self.regions


class AwsTraffic(Spec):
    """What only AWS has."""

    routing_controls: bool = False
    """An Application Recovery Controller cluster with one control per region: a data-plane switch in five regions. Off:
    it costs 2.5 dollars an hour, and the S3 switches do the same job."""


class TrafficSpec(Spec):
    """The names of the service on one cloud."""

    zone: DnsName
    """The DNS zone's name."""

    zone_id: str | None = None
    """The zone, which exists. A zone that is lost takes the whole service along, so it is not made by the way."""

    create_zone: bool = False
    """Make the zone; only on request, and instead of `zone_id`."""

    records: Annotated[tuple[Record, ...], Field(min_length=1)]
    """The names."""

    switches: dict[str, str] = Field(default_factory=dict)
    """On AWS, for every region, the *other* region that keeps its switch: writing one object there takes the region out
    of DNS, and neither Route 53's control plane nor the region itself has to work for that. Other clouds have none."""

    check_interval_s: Annotated[int, Field(ge=10, le=30)] = 10
    """Seconds between health checks from each location: 10 or 30. Cannot be changed in place on AWS."""

    failure_threshold: Annotated[int, Field(ge=1, le=10)] = 2
    """Failed checks in a row that take a region out: two forgive one lost packet; a third costs 10 s."""

    aws: AwsTraffic = Field(default_factory=AwsTraffic)
    """Options that only AWS has."""

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        check_names(self.zone_id, create_zone=self.create_zone, check_interval_s=self.check_interval_s)
        for record in self.records:
            if record.name != self.zone and not record.name.endswith(f".{self.zone}"):
                raise ValueError(f"record {record.name} is not in zone {self.zone}")
        if own := [region for region, keeper in self.switches.items() if region == keeper]:
            raise ValueError(f"the switch of {own[0]} must be kept in another region: it is for the day that one fails")
        return self

    def all_regions(self) -> frozenset[str]:
        """Every region that any name may lead to."""
        return frozenset().union(*(record.all_regions() for record in self.records))
