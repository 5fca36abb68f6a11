"""The relational database: one writer somewhere, readers everywhere."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from components.spec import Spec, Zone


class AwsDatabase(Spec):
    """What only AWS has."""

    global_rpo_s: Annotated[int, Field(ge=20, le=2147483647)] | None = None
    """`rds.global_db_rpo` in seconds: block commits when every secondary lags more. Off: availability before RPO."""


class DatabaseSpec(Spec):
    """A PostgreSQL database that spans regions."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    """Name of the database inside the server; fixed at creation."""

    engine_version: Annotated[str, Field(pattern=r"^1[4-9]\.[0-9]{1,2}$")]
    """PostgreSQL version with its minor, such as `17.5`. No default: an upgrade is a decision."""

    instance_class: Annotated[str, Field(pattern=r"^db\.[a-z0-9]+\.[a-z0-9]+$")] = "db.r7g.large"
    """Size of each instance; every region takes the same, because a standby that is smaller cannot take over."""

    zones: Annotated[frozenset[Zone], Field(min_length=2)]
    """One instance in each of these zones: a writer and a reader that do not fail together. No default, so that an
    instance never moves because the network's zones changed."""

    backup_retention_days: Annotated[int, Field(ge=7, le=35)] = 14
    """Days of point-in-time recovery: two weeks notice most silent corruption."""

    master_user: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,15}$")] = "aurops"
    """Name of the master user; applications sign in with IAM instead. Fixed at creation."""

    password_version: Annotated[int, Field(ge=1)] = 1
    """Raise it after a new value was put into the secret: the database then takes that value."""

    port: Annotated[int, Field(ge=1150, le=65535)] = 5432
    """TCP port."""

    aws: AwsDatabase = Field(default_factory=AwsDatabase)
    """Options that only AWS has."""
