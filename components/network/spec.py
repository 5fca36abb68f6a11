"""A region's network: three tiers of subnets over its zones, and the way out."""

from __future__ import annotations

from enum import StrEnum
from ipaddress import IPv4Network
from typing import Annotated

from pydantic import Field, field_validator

from components.spec import Spec, Zone

LETTERS = "abcdefgh"
PREFIX_RANGE = range(16, 21)
"""A VPC of /16 to /20: smaller leaves fewer than 128 addresses per data subnet (AWS allows /16 to /28)."""


class Tier(StrEnum):
    """Who reaches a subnet."""

    PUBLIC = "public"
    """Load balancers and NAT; reached from the Internet."""
    PRIVATE = "private"
    """Nodes; reach the Internet through NAT."""
    DATA = "data"
    """Databases and caches; no route out of the network."""


class Nat(StrEnum):
    """How private subnets reach the Internet."""

    SINGLE = "single"
    """One gateway: cheapest, and its zone is a single point of failure."""
    PER_ZONE = "per-zone"
    """One gateway in each zone."""


class AwsNetwork(Spec):
    """What only AWS has."""

    gateway_endpoints: frozenset[str] = frozenset({"s3", "dynamodb"})
    """Services reached over a gateway endpoint: free, so that bulk data does not pay for NAT."""

    interface_endpoints: frozenset[str] = frozenset({"ecr.api", "ecr.dkr", "kms", "logs", "secretsmanager", "sts"})
    """Services reached over an interface endpoint, so that a region that lost NAT still pulls images and decrypts."""


class ExistingNetwork(Spec):
    """A network that exists already; nothing of it is made or changed."""

    id: str
    """The network (on AWS the VPC's id)."""
    subnets: dict[Tier, dict[Zone, str]]
    """The subnet of each tier in each zone."""


class NetworkSpec(Spec):
    """The network of one region."""

    cidr: str
    """Address range, /16 to /20; must not overlap another region's, or the regions can never be connected."""

    zones: Annotated[frozenset[Zone], Field(min_length=2)]
    """Letters of the zones; three where there are, so that losing one leaves a majority. A set: order means nothing."""

    nat: Nat = Nat.PER_ZONE
    """`per-zone` by default: with `single`, losing one zone cuts every zone off the Internet."""

    flow_log_retention_days: Annotated[int, Field(ge=1, le=3653)] = 90
    """Days that flow logs are kept: long enough to look back over a quarter's incident."""

    existing: ExistingNetwork | None = None
    """Bring your own network instead of making one."""

    aws: AwsNetwork = AwsNetwork()
    """Options that only AWS has."""

    @field_validator("cidr")
    @classmethod
    def _cidr_is_a_network(cls, value: str) -> str:
        network = IPv4Network(value)
        if network.prefixlen not in PREFIX_RANGE:
            raise ValueError(f"/{network.prefixlen} is not between /{PREFIX_RANGE[0]} and /{PREFIX_RANGE[-1]}")
        return value


def subnet_cidr(cidr: str, tier: Tier, zone: str) -> str:
    """The range of a tier in a zone: a function of those three and of nothing else.

    Half of the network is private (nodes and pods need the addresses), a quarter public, a quarter data; each part
    is cut into eight, one per zone letter, so that adding, removing or reordering zones moves no subnet.
    """
    private, rest = IPv4Network(cidr).subnets(1)
    public, data = rest.subnets(1)
    part = {Tier.PRIVATE: private, Tier.PUBLIC: public, Tier.DATA: data}[tier]
    return str(list(part.subnets(3))[LETTERS.index(zone)])
