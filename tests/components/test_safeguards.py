"""A change of one value is known to weaken what guards data, and every other change is not."""

from __future__ import annotations

import pytest

from components.safeguards import Scalar, plain, weakened

BUCKET, KEY = "aws:s3/bucket:Bucket", "aws:kms/key:Key"
WEAKER: tuple[tuple[str, str, Scalar, Scalar, str], ...] = (
    ("aws:rds/cluster:Cluster", "backupRetentionPeriod", 14, 7, "backups are kept shorter"),
    (
        "gcp:memorystore/instance:Instance",
        "automatedBackupConfig.retention",
        "604800s",
        None,
        "backups are kept shorter",
    ),
    ("azure-native:dbforpostgresql:Server", "backup.backupRetentionDays", 35, 7, "backups are kept shorter"),
    (BUCKET, "rule.defaultRetention.years", 7, 1, "records are kept shorter"),
    (
        "gcp:storage/bucket:Bucket",
        "retentionPolicy.retentionPeriod",
        "220903200",
        "31557600",
        "records are kept shorter",
    ),
    (BUCKET, "rule.defaultRetention.mode", "COMPLIANCE", "GOVERNANCE", "records can be deleted before their time"),
    ("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", 0, 30, "logs are kept shorter"),
    (KEY, "deletionWindowInDays", 30, 7, "a deletion can be taken back for a shorter time"),
    (
        "gcp:kms/cryptoKey:CryptoKey",
        "destroyScheduledDuration",
        "2592000s",
        "86400s",
        "a deletion can be taken back for a shorter time",
    ),
    (BUCKET, "rules[1].expiration.days", None, 30, "objects are deleted by age"),
    (
        "gcp:storage/bucket:Bucket",
        "lifecycleRules[0].action.type",
        "SetStorageClass",
        "Delete",
        "objects are deleted by age",
    ),
    ("aws:rds/globalCluster:GlobalCluster", "deletionProtection", True, False, "it can be deleted at once"),
    (BUCKET, "forceDestroy", None, True, "when it is deleted, its data goes with it"),
    (
        "aws:s3/bucketVersioning:BucketVersioning",
        "versioningConfiguration.status",
        "Enabled",
        "Suspended",
        "old versions are not kept",
    ),
    (
        "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
        "rules[0].status",
        "Enabled",
        "Disabled",
        "it is not copied any more",
    ),
    (
        "gcp:sql/databaseInstance:DatabaseInstance",
        "settings.availabilityType",
        "REGIONAL",
        "ZONAL",
        "no zone can be lost",
    ),
    ("aws:rds/cluster:Cluster", "storageEncrypted", True, None, "it is not encrypted"),
    ("aws:rds/cluster:Cluster", "kmsKeyId", "arn:a", "arn:b", "it is encrypted with another key"),
    ("aws:rds/cluster:Cluster", "kmsKeyId", "arn:a", "(known after up)", "it is encrypted with another key"),
    (KEY, "enableKeyRotation", True, False, "its key is not rotated"),
    (
        "azure-native:redisenterprise:Database",
        "clientProtocol",
        "Encrypted",
        "Plaintext",
        "connections are not encrypted",
    ),
    ("azure-native:storage:StorageAccount", "minimumTlsVersion", "TLS1_2", "TLS1_0", "old TLS is accepted"),
    (
        "azure-native:keyvault:Vault",
        "properties.publicNetworkAccess",
        "disabled",
        "enabled",
        "it is reached from the Internet",
    ),
    ("x:new/thing:Thing", 'blocks["a"].publiclyAccessible', False, True, "it is reached from the Internet"),
    (
        "azure-native:network:Subnet",
        "addressPrefix",
        "10.0.0.0/24",
        "10.1.0.0/24",
        "its addresses change, and with them those of all that is in it",
    ),
    (
        "pulumi:providers:gcp",
        "project",
        "a",
        "b",
        "the stack acts in another account or place, and what it made stays behind",
    ),
)
HARMLESS: tuple[tuple[str, str, Scalar, Scalar], ...] = (
    ("aws:rds/cluster:Cluster", "backupRetentionPeriod", 7, 14),
    (BUCKET, "rule.defaultRetention.years", 1, 7),
    ("aws:cloudwatch/logGroup:LogGroup", "retentionInDays", 30, 0),
    ("aws:rds/globalCluster:GlobalCluster", "deletionProtection", False, True),
    ("aws:rds/cluster:Cluster", "kmsKeyId", None, "arn:a"),
    # The same key, its next version.
    (
        "azure-native:dbforpostgresql:Server",
        "primaryKeyURI",
        f"https://v/keys/data/{'0' * 32}",
        f"https://v/keys/data/{'1' * 32}",
    ),
    ("aws:route53/record:Record", "region", "a", "b"),
    ("gcp:storage/bucket:Bucket", "lifecycleRules[0].action.type", "Delete", "SetStorageClass"),
    ("aws:rds/cluster:Cluster", "engineVersion", "17.5", "17.6"),
    ("aws:ecs/service:Service", "status", "Enabled", "Disabled"),
)


@pytest.mark.parametrize(("type_", "path", "before", "after", "says"), WEAKER)
def test_a_weaker_value_is_told_with_what_it_means(
    type_: str, path: str, before: Scalar, after: Scalar, says: str
) -> None:
    """On three clouds, and on a type that nobody knows; the way back is none."""
    found = weakened(type_, path, before, after)
    assert found is not None
    assert found.says == says
    if "another" not in says and "addresses" not in says:
        assert weakened(type_, path, after, before) is None


@pytest.mark.parametrize(("type_", "path", "before", "after"), HARMLESS)
def test_a_value_that_guards_as_well_is_not_told(type_: str, path: str, before: Scalar, after: Scalar) -> None:
    """Longer, on, first of all given, the same key: nothing; nor a property of that name that guards nothing there."""
    assert weakened(type_, path, before, after) is None


def test_paths_lose_positions_and_quotes() -> None:
    """The path is compared by names alone."""
    assert plain('rules[0].tags["a b"].x') == "rules.tags.a b.x"
