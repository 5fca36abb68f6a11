"""The cache: fast, shared between zones, copied to the other regions, never the only copy of anything."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.spec import Spec, Zone


class CacheSpec(Spec):
    """A Valkey cache that spans regions."""

    engine_version: Annotated[str, Field(pattern=r"^(7\.2|[89]\.[0-9])$")]
    """Valkey version, such as `8.1`; 7.2 is the first that global groups know. No default: an upgrade is a decision."""

    node_type: Annotated[str, Field(pattern=r"^cache\.[cmr][5-9][a-z]*\.[a-z0-9]+$")] = "cache.r7g.large"
    """Size of each node. Global groups refuse the burstable `t` types (ElastiCache user guide, "Global datastores")."""

    zones: Annotated[frozenset[Zone], Field(min_length=2)]
    """Nodes sit in these zones, as evenly as AWS spreads them. No default, so that no node has to move because the
    network's zones changed."""

    shards: Annotated[int, Field(ge=1, le=500)] = 1
    """Parts that the keys are spread over; the same in every region."""

    replicas_per_shard: Annotated[int, Field(ge=1, le=5)] = 2
    """Copies of each shard beside the first, spread over `zones`; two leave one when a zone is lost."""

    snapshot_retention_days: Annotated[int, Field(ge=0, le=35)] = 7
    """Days that daily snapshots are kept: a cold cache after a mistake would hurt the database."""

    port: Annotated[int, Field(ge=1, le=65535)] = 6379
    """TCP port."""
