"""The edge: names over several clouds. It moves requests, never data."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from components.place import Cloud
from components.spec import Address, DnsName, Spec, check_names, check_weights


class Carries(StrEnum):
    """What may be sent to any of the clouds: nothing replicates data between them here."""

    STATELESS = "stateless"
    """Requests that need no stored data."""
    READ_ONLY = "read-only"
    """Requests that only read what each cloud has by itself; answers of two clouds may differ."""


class Steering(StrEnum):
    """How a name chooses among clouds."""

    FAILOVER = "failover"
    """The first cloud in `order` that is healthy."""
    WEIGHTED = "weighted"
    """In proportion to `weights`, healthy clouds only."""


class GcpEdgeRecord(Spec):
    """What only Google Cloud's DNS needs."""

    addresses: dict[Cloud, Address] = Field(default_factory=dict)
    """For each cloud whose entrance is a host name, a fixed address that leads to the same service (on AWS that of a
    Global Accelerator): Cloud DNS checks addresses only. Google Cloud's own is known."""


class EdgeRecord(Spec):
    """One name and its clouds."""

    name: DnsName
    """The host name that users call."""

    carries: Carries
    """What is sent to it. No default: whoever adds a name says that its requests change no stored data."""

    targets: Annotated[dict[Cloud, DnsName], Field(min_length=1)]
    """By cloud: the name in that cloud's global stack that this one leads to."""

    steering: Steering
    """How a cloud is chosen."""

    order: tuple[Cloud, ...] = ()
    """For `failover`: clouds, best first."""

    weights: dict[Cloud, Annotated[int, Field(ge=0, le=255)]] = Field(default_factory=dict)
    """For `weighted`: cloud and its weight at creation; afterwards an operator's to move."""

    gcp: GcpEdgeRecord = Field(default_factory=GcpEdgeRecord)
    """Options that only Google Cloud has."""

    @model_validator(mode="after")
    def _clouds_suit_the_steering(self) -> Self:
        given = {Steering.FAILOVER: self.order, Steering.WEIGHTED: tuple(self.weights)}
        keys = {Steering.FAILOVER: "order", Steering.WEIGHTED: "weights"}
        own, other = given[self.steering], next(each for each in Steering if each is not self.steering)
        if sorted(own) != sorted(self.targets):
            named = ", ".join(sorted(self.targets))
            raise ValueError(f"steering '{self.steering}' needs {keys[self.steering]} with each of: {named}; once each")
        if given[other]:
            raise ValueError(f"steering '{self.steering}' takes {keys[self.steering]}, not {keys[other]}")
        check_weights(self.weights.values())
        return self


class EdgeSpec(Spec):
    """The names of the service over all clouds, in a zone that is one provider's."""

    zone: DnsName
    """The DNS zone's name; it should be none of the clouds' own, so that neither hides the other's names."""

    zone_id: str | None = None
    """The zone, which exists: on AWS its id, on Azure its resource id, on Google Cloud its managed zone's name."""

    create_zone: bool = False
    """Make the zone; only on request, and instead of `zone_id`."""

    records: Annotated[tuple[EdgeRecord, ...], Field(min_length=1)]
    """The names."""

    health_path: Annotated[str, Field(pattern=r"^/")] = "/health"
    """Path that answers 200 when a cloud can serve, asked over HTTPS."""

    check_interval_s: Annotated[int, Field(ge=10, le=30)] = 10
    """Seconds between health checks from each location: 10 or 30; on Google Cloud 30. Cannot be changed in place on
    AWS."""

    failure_threshold: Annotated[int, Field(ge=1, le=10)] = 3
    """Failed checks in a row that take a cloud out: one more than within a cloud, whose own failover should come
    first."""

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        check_names(self.zone_id, create_zone=self.create_zone, check_interval_s=self.check_interval_s)
        for record in self.records:
            if not record.name.endswith(f".{self.zone}"):
                raise ValueError(f"record {record.name} is not in zone {self.zone}")
            if record.name in record.targets.values():
                raise ValueError(f"record {record.name} leads to itself")
        if len({record.name for record in self.records}) != len(self.records):
            raise ValueError("records names a host twice")
        return self

    def targets(self) -> dict[Cloud, frozenset[str]]:
        """Every name of each cloud that a record leads to."""
        clouds = sorted({cloud for record in self.records for cloud in record.targets})
        return {c: frozenset(each.targets[c] for each in self.records if c in each.targets) for c in clouds}
