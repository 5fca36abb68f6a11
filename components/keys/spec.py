"""Encryption keys: one per purpose, so that losing the right to one opens nothing else."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from components.spec import Spec


class Purpose(StrEnum):
    """What a key encrypts."""

    DATA = "data"
    """Database and cache."""
    SECRETS = "secrets"
    """Stored secrets, and the cluster's own."""
    LOGS = "logs"
    """Log groups."""
    DISKS = "disks"
    """Disks of nodes."""
    ARCHIVE = "archive"
    """Objects that must be kept."""


class KeysSpec(Spec):
    """Customer-managed keys of a region."""

    rotation_period_days: Annotated[int, Field(ge=90, le=2560)] = 365
    """Days between rotations of the key material (AWS KMS allows 90 to 2560)."""

    deletion_window_days: Annotated[int, Field(ge=7, le=30)] = 30
    """Days during which a deletion can be taken back (AWS KMS: 7 to 30); the longest: a lost key is lost data."""

    existing: dict[Purpose, str] = Field(default_factory=dict)
    """Keys that exist already, by purpose: the full identifier, on AWS the key's ARN, on Azure its URL with a version.
    None is made for these."""
