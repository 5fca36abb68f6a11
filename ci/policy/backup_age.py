"""Backups reach back far enough."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.policy.rules import Check, Waiting, Want, at_least, on, table
from stacks.policy.values import Mark
from stacks.review import Rule

from .settings import BACKUP_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.resource import Resource

RULE = Rule(
    id="backup-age",
    title=f"Databases and caches can be restored to any day of the last {BACKUP_DAYS}.",
    why="A wrong release is often found days after it wrote; replicas have copied it by then.",
    mend="Raise the retention (`database.backup_retention_days`, `cache.snapshot_retention_days`).",
    control="NIST SP 800-53 CP-9; ISO/IEC 27001 A.8.13",
)
_DAYS = at_least(BACKUP_DAYS, "days")
_SIMPLE = table(
    {
        "aws:rds/cluster:Cluster": (Want("backupRetentionPeriod", _DAYS),),
        "aws:rds/instance:Instance": (Want("backupRetentionPeriod", _DAYS),),
        "aws:elasticache/replicationGroup:ReplicationGroup": (Want("snapshotRetentionLimit", _DAYS),),
        "azure-native:dbforpostgresql:Server": (Want("backup.backupRetentionDays", _DAYS),),
        "gcp:memorystore/instance:Instance": (
            Want("automatedBackupConfig.retention", at_least(BACKUP_DAYS * 86400, "seconds")),
        ),
    }
)
_PRIMARY = table(
    {
        "gcp:sql/databaseInstance:DatabaseInstance": tuple(
            Want(f"settings.backupConfiguration.{path}", fits)
            for path, fits in {
                "enabled": on(),
                "pointInTimeRecoveryEnabled": on(),
                "transactionLogRetentionDays": _DAYS,
                "backupRetentionSettings.retainedBackups": at_least(BACKUP_DAYS, "backups"),
            }.items()
        ),
    }
)


def alone(resource: Resource) -> Iterator[str | Waiting]:
    """How far back its backups reach.

    A read replica on Cloud SQL has none: Google switches them on when it is promoted. Azure's Managed Redis with
    geo-replication cannot have any (docs/components/cache.md), so that its type is not asked.
    """
    yield from _SIMPLE(resource)
    kind = resource.at("instanceType")
    if isinstance(kind, Mark):
        yield Waiting("instanceType")
    elif kind != "READ_REPLICA_INSTANCE":
        yield from _PRIMARY(resource)


CHECK = Check(RULE, alone=alone)
