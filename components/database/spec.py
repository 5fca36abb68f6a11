"""The relational database: one writer somewhere, readers everywhere."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from components.spec import Spec, Zone

DatabaseVcpus = Literal[2, 4, 8, 16, 32, 64]
"""Sizes that every cloud has as a database instance with 8 GiB for each processor."""


class AwsDatabase(Spec):
    """What only AWS has."""

    instance_class: Annotated[str, Field(pattern=r"^db\.[a-z0-9]+\.[a-z0-9]+$")] | None = None
    """Another size than the one that `vcpus` gives, such as `db.r8g.large`."""

    global_rpo_s: Annotated[int, Field(ge=20, le=2147483647)] | None = None
    """`rds.global_db_rpo` in seconds: block commits when every secondary lags more. Off: availability before RPO."""


class AzureDatabase(Spec):
    """What only Azure has."""

    sku: Annotated[str, Field(pattern=r"^Standard_E[A-Za-z0-9_]+$")] | None = None
    """Another memory-optimized size than the one that `vcpus` gives, such as `Standard_E4ads_v5`."""

    storage_gib: Literal[128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32767] = 128
    """Disk of each server at creation; it grows by itself and never shrinks."""


class GcpDatabase(Spec):
    """What only Google Cloud has."""

    tier: Annotated[str, Field(pattern=r"^db-[a-zA-Z0-9-]+$")] | None = None
    """Another Enterprise Plus tier than the one that `vcpus` gives, such as `db-c4a-highmem-4`."""


class DatabaseSpec(Spec):
    """A PostgreSQL database that spans regions."""

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
    """Name of the database inside the server; fixed at creation."""

    engine_version: Annotated[str, Field(pattern=r"^1[4-9]\.[0-9]{1,2}$")]
    """PostgreSQL version with its minor, such as `17.5`. No default: an upgrade is a decision."""

    vcpus: DatabaseVcpus = 2
    """Processors of each instance, with 8 GiB of memory each; every region takes the same, because a standby that is
    smaller cannot take over."""

    zones: Annotated[frozenset[Zone], Field(min_length=2)]
    """One instance in each of these zones: a writer and a reader that do not fail together. No default, so that an
    instance never moves because the network's zones changed."""

    backup_retention_days: Annotated[int, Field(ge=7, le=35)] = 14
    """Days of point-in-time recovery: two weeks notice most silent corruption."""

    master_user: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,15}$")] = "aurops"
    """Name of the master user; applications sign in with their cloud identity instead. Fixed at creation. On Azure and
    Google Cloud nobody signs in with a password, so there is none."""

    password_version: Annotated[int, Field(ge=1)] = 1
    """Raise it after a new value was put into the secret: the database then takes that value."""

    port: Annotated[int, Field(ge=1150, le=65535)] = 5432
    """TCP port."""

    standby_region: str | None = None
    """In the home region's stack: the region that takes over when home is lost. Azure and Google Cloud can promote only
    one that was chosen beforehand; on AWS every region can take over, and nothing is said here."""

    aws: AwsDatabase = Field(default_factory=AwsDatabase)
    """Options that only AWS has."""

    azure: AzureDatabase = Field(default_factory=AzureDatabase)
    """Options that only Azure has."""

    gcp: GcpDatabase = Field(default_factory=GcpDatabase)
    """Options that only Google Cloud has."""
