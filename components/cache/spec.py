"""The cache: fast, shared between zones, copied to the other regions, never the only copy of anything."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.place import Cloud
from components.spec import Spec, Zone

JOINS_ONE_BY_ONE = frozenset({Cloud.AZURE})
"""Clouds on which a member must name every member that is there already: two cannot join at the same time."""

CacheMemory = Literal[6, 12, 24, 48]
"""Steps that every cloud can reach; who needs more adds shards."""


class AwsCache(Spec):
    """What only AWS has."""

    node_type: Annotated[str, Field(pattern=r"^cache\.[cmr][5-9][a-z]*\.[a-z0-9]+$")] | None = None
    """Another type than the one that `memory_gib` gives. Global groups refuse the burstable `t` types (ElastiCache user
    guide, "Global datastores")."""


class AzureCache(Spec):
    """What only Azure has."""

    sku: Annotated[str, Field(pattern=r"^(MemoryOptimized_M|Balanced_B|ComputeOptimized_X)[0-9]+$")] | None = None
    """Another size of the whole cache than the one that `memory_gib` times `shards` gives."""


class GcpCache(Spec):
    """What only Google Cloud has."""

    node_type: Literal["STANDARD_SMALL", "HIGHMEM_MEDIUM", "HIGHMEM_XLARGE"] | None = None
    """Another type than the one that `memory_gib` gives."""


class CacheSpec(Spec):
    """A cache that speaks the Redis protocol and spans regions: Valkey on AWS and Google Cloud, Redis on Azure."""

    engine_version: Annotated[str, Field(pattern=r"^(7\.2|[89]\.[0-9])$")]
    """Valkey version, such as `8.1`; 7.2 is the first that global groups know. No default: an upgrade is a decision."""

    memory_gib: CacheMemory = 12
    """Memory for the keys of each shard in GiB, at least: each cloud takes its next larger size."""

    zones: Annotated[frozenset[Zone], Field(min_length=2)]
    """Nodes sit in these zones, as evenly as the cloud spreads them. No default, so that no node has to move because
    the network's zones changed."""

    shards: Annotated[int, Field(ge=1, le=500)] = 1
    """Parts that the keys are spread over; the same in every region."""

    replicas_per_shard: Annotated[int, Field(ge=1, le=5)] = 2
    """Copies of each shard beside the first, spread over `zones`; two leave one when a zone is lost."""

    snapshot_retention_days: Annotated[int, Field(ge=0, le=35)] = 7
    """Days that daily snapshots are kept: a cold cache after a mistake would hurt the database."""

    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """TCP port. Without one the cloud's own: 6379 on AWS and Google Cloud, 10000 on Azure; only AWS knows others."""

    aws: AwsCache = Field(default_factory=AwsCache)
    """Options that only AWS has."""

    azure: AzureCache = Field(default_factory=AzureCache)
    """Options that only Azure has."""

    gcp: GcpCache = Field(default_factory=GcpCache)
    """Options that only Google Cloud has."""
