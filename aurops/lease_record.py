"""What a lease's numbered records say, and how they are spelled."""

from __future__ import annotations

import json
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aurops.errors import UsageError
from aurops.holder import Holder

SCHEMA = 1


class LeaseKind(StrEnum):
    """What a lease record does."""

    TAKE = "take"
    RENEW = "renew"
    RELEASE = "release"
    FLOOR = "floor"
    """A renewal that also says: what lies below may be removed."""


class LeaseRecord(BaseModel):
    """One number of a service's lease."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)

    schema_: int = Field(default=SCHEMA, alias="schema", ge=SCHEMA - 1)
    kind: LeaseKind
    epoch: int = Field(ge=1)
    holder: Holder
    nonce: str
    """Random: tells our record from another's when an answer was lost."""
    ttl_s: float = Field(gt=0)
    run: str
    since: str
    """Time of day of the take, UTC, ISO 8601, for people."""


class LeaseVersionError(UsageError):
    """The lease was written by a version that this one does not know."""


def spelled(record: LeaseRecord) -> bytes:
    """The bytes that are stored."""
    return record.model_dump_json(by_alias=True).encode()


def parsed(data: bytes) -> LeaseRecord | None:
    """The record in `data`; None when it is void: empty or broken.

    Raises:
        LeaseVersionError: A newer aurops wrote it; that is not void.
    """
    try:
        raw = json.loads(data)
    except ValueError:
        return None
    if isinstance(raw, dict) and isinstance(schema := raw.get("schema"), int) and schema > SCHEMA:
        raise LeaseVersionError(
            f"the lease was written by a newer aurops (schema {schema})",
            allowed=f"schema {SCHEMA - 1} or {SCHEMA}",
            next_step="install the aurops that wrote it, or a later one",
        )
    try:
        return LeaseRecord.model_validate(raw)
    except ValidationError:
        return None
