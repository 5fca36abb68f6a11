"""What an archive keeps, nobody deletes before its time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.policy.rules import Check, Waiting, Want, at_least, on, one_of
from stacks.policy.values import Mark
from stacks.review import Rule

from .settings import ARCHIVE_YEARS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.resource import Resource, Siblings

RULE = Rule(
    id="archive-retention",
    title=f"Archives keep every record for {ARCHIVE_YEARS} years, whoever wants it gone.",
    why="Records are what an auditor or a court asks for, years later; who took over an account deletes them first.",
    mend=f"Give the archive `retention_years: {ARCHIVE_YEARS}` or more; it can be raised at any time.",
    control="NIST SP 800-53 SI-12, AU-11; ISO/IEC 27001 A.5.33",
)
COMPONENT = "aurops:index:Archive"
_BUCKET = "aws:s3/bucket:Bucket"
_LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
_CONTAINER = "azure-native:storage:BlobContainer"
_IMMUTABILITY = "azure-native:storage:BlobContainerImmutabilityPolicy"
_DAYS = ARCHIVE_YEARS * 365
"""A retention that is said in days or seconds may have left out the leap days."""


def is_archive(resource: Resource) -> bool:
    """Whether it is part of an archive, or locks by itself what is kept."""
    says = resource.type in (_LOCK, _IMMUTABILITY) or resource.at("objectLockEnabled") or resource.at("retentionPolicy")
    return COMPONENT in resource.inside or bool(says)


def alone(resource: Resource) -> Iterator[str | Waiting]:
    """What a resource says of its own retention."""
    if not is_archive(resource):
        return
    match resource.type:
        case kind if kind == _BUCKET:
            yield from Want("objectLockEnabled", on()).of(resource)
        case kind if kind == _LOCK:
            yield from _lock(resource)
        case "azure-native:storage:BlobServiceProperties":
            yield from Want("isVersioningEnabled", on()).of(resource)
        case kind if kind == _CONTAINER:
            yield from Want("immutableStorageWithVersioning.enabled", on()).of(resource)
        case kind if kind == _IMMUTABILITY:
            yield from Want("immutabilityPeriodSinceCreationInDays", at_least(_DAYS, "days")).of(resource)
        case "gcp:storage/bucket:Bucket":
            seconds = at_least(_DAYS * 86400, f"seconds ({ARCHIVE_YEARS} years)")
            yield from Want("retentionPolicy.retentionPeriod", seconds).of(resource)


def _lock(resource: Resource) -> Iterator[str | Waiting]:
    retention = "rule.defaultRetention"
    yield from Want(f"{retention}.mode", one_of("GOVERNANCE", "COMPLIANCE")).of(resource)
    if resource.at(f"{retention}.days") is None:
        yield from Want(f"{retention}.years", at_least(ARCHIVE_YEARS, "years")).of(resource)
    else:
        yield from Want(f"{retention}.days", at_least(_DAYS, "days")).of(resource)


def together(resource: Resource, stack: Siblings) -> Iterator[str | Waiting]:
    """On AWS and Azure the retention is a resource of its own."""
    if not is_archive(resource):
        return
    match resource.type:
        case kind if kind == _BUCKET:
            locks = stack.belonging(resource, "bucket", _LOCK, "bucket")
        case kind if kind == _CONTAINER:
            locks = stack.belonging(resource, "containerName", _IMMUTABILITY, "containerName")
        case _:
            return
    if isinstance(locks, Mark):
        yield Waiting("bucket")
    elif not locks:
        yield "nothing gives it a retention"


CHECK = Check(RULE, alone=alone, together=together)
