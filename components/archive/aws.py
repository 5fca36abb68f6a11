"""The archive on AWS: S3 Object Lock. Never run against a real account.

Governance mode until the archive is locked, compliance mode from then on: no user, the root user included, can delete
or shorten (S3 user guide, "Object Lock retention modes"). Objects outlive everything: `aurops destroy` leaves both
buckets standing and lists them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.archive.component import ArchiveOutputs
from components.clouds.aws import no_plain_http, policy, refuse_public, role, statement
from components.keys.spec import Purpose

if TYPE_CHECKING:
    from components.archive.spec import ArchiveSpec
    from components.base import Scope
    from components.keys.component import KeysOutputs


@dataclass(frozen=True)
class Vault:
    """One locked bucket: where it is, its key, and what has to exist before objects are copied into it."""

    region: str
    bucket: aws.s3.Bucket
    key_arn: pulumi.Input[str]
    versioning: aws.s3.BucketVersioning


def build(scope: Scope, spec: ArchiveSpec, keys: KeysOutputs) -> ArchiveOutputs:
    """Make both buckets, then the copying from one to the other."""
    main = make_vault(scope, spec, "main", scope.place.region, keys.by_purpose[Purpose.ARCHIVE])
    replica_key = make_replica_key(scope, spec)
    replica = make_vault(scope, spec, "replica", spec.replica_region, replica_key.arn)
    replicate(scope, main, replica)
    return ArchiveOutputs(scope.place, main.bucket.bucket, replica.bucket.bucket, spec.replica_region, spec.locked)


def make_replica_key(scope: Scope, spec: ArchiveSpec) -> aws.kms.Key:
    """The copy's key lives with the copy: a lost region must not take along the right to read it."""
    name = scope.named("replica-key")
    account_id = aws.get_caller_identity_output(opts=pulumi.InvokeOptions(parent=scope.parent)).account_id
    root = {"AWS": pulumi.Output.format("arn:aws:iam::{}:root", account_id)}
    return aws.kms.Key(
        name,
        region=spec.replica_region,
        description=f"{scope.name}: copy in {spec.replica_region}",
        enable_key_rotation=True,
        deletion_window_in_days=30,
        policy=policy(statement("kms:*", "*", principal=root)),
        tags=scope.tags(name),
        opts=scope.opts(holds_data=True),
    )


def make_vault(scope: Scope, spec: ArchiveSpec, part: str, region: str, key_arn: pulumi.Input[str]) -> Vault:
    """A versioned, encrypted, private bucket in which each object is locked from its first second."""
    name = scope.named(part)
    bucket = aws.s3.Bucket(
        name,
        region=region,
        object_lock_enabled=True,
        force_destroy=False,
        tags=scope.tags(name),
        opts=scope.opts(holds_data=True),
    )
    versioning = aws.s3.BucketVersioning(
        name,
        region=region,
        bucket=bucket.id,
        versioning_configuration={"status": "Enabled"},
        opts=scope.opts(holds_data=True),
    )
    lock(scope, spec, name, region, bucket, versioning)
    encrypt(scope, name, region, bucket, key_arn)
    close(scope, name, region, bucket)
    age(scope, spec, name, region, bucket, versioning)
    return Vault(region, bucket, key_arn, versioning)


def lock(
    scope: Scope,
    spec: ArchiveSpec,
    name: str,
    region: str,
    bucket: aws.s3.Bucket,
    versioning: aws.s3.BucketVersioning,
) -> None:
    """Nobody deletes before the time is up: once locked nobody at all, before that only who may bypass governance."""
    mode = "COMPLIANCE" if spec.locked else "GOVERNANCE"
    aws.s3.BucketObjectLockConfiguration(
        name,
        region=region,
        bucket=bucket.id,
        object_lock_enabled="Enabled",
        rule={"default_retention": {"mode": mode, "years": spec.retention_years}},
        opts=scope.opts(holds_data=True, depends_on=[versioning]),
    )


def encrypt(scope: Scope, name: str, region: str, bucket: aws.s3.Bucket, key_arn: pulumi.Input[str]) -> None:
    """Our key; a bucket key cuts the calls to KMS."""
    rule: aws.s3.BucketServerSideEncryptionConfigurationRuleArgsDict = {
        "apply_server_side_encryption_by_default": {"sse_algorithm": "aws:kms", "kms_master_key_id": key_arn},
        "bucket_key_enabled": True,
    }
    aws.s3.BucketServerSideEncryptionConfiguration(
        name,
        region=region,
        bucket=bucket.id,
        rules=[rule],
        opts=scope.opts(),
    )


def close(scope: Scope, name: str, region: str, bucket: aws.s3.Bucket) -> None:
    """Nothing public, nothing without TLS, no ACLs."""
    refuse_public(scope, name, bucket, region)
    aws.s3.BucketOwnershipControls(
        name, region=region, bucket=bucket.id, rule={"object_ownership": "BucketOwnerEnforced"}, opts=scope.opts()
    )
    aws.s3.BucketPolicy(name, region=region, bucket=bucket.id, policy=policy(no_plain_http(bucket)), opts=scope.opts())


def age(
    scope: Scope,
    spec: ArchiveSpec,
    name: str,
    region: str,
    bucket: aws.s3.Bucket,
    versioning: aws.s3.BucketVersioning,
) -> None:
    """Move what is old to the cheapest class; old versions too. Nothing is expired: the lock decides what may go."""
    rule: aws.s3.BucketLifecycleConfigurationRuleArgsDict = {
        "id": "deep-archive",
        "status": "Enabled",
        "filter": {"prefix": spec.prefix},
        "transitions": [{"days": spec.deep_archive_after_days, "storage_class": "DEEP_ARCHIVE"}],
        "noncurrent_version_transitions": [
            {"noncurrent_days": spec.deep_archive_after_days, "storage_class": "DEEP_ARCHIVE"}
        ],
    }
    aws.s3.BucketLifecycleConfiguration(
        name, region=region, bucket=bucket.id, rules=[rule], opts=scope.opts(depends_on=[versioning])
    )


def replicate(scope: Scope, main: Vault, replica: Vault) -> None:
    """Copy every object, its lock included, and prove it within 15 minutes (S3 Replication Time Control)."""
    copier = role(scope, "copier", "s3.amazonaws.com")
    allow_copying(scope, copier, main, replica)
    destination: aws.s3.BucketReplicationConfigRuleDestinationArgsDict = {
        "bucket": replica.bucket.arn,
        "encryption_configuration": {"replica_kms_key_id": replica.key_arn},
        "metrics": {"status": "Enabled", "event_threshold": {"minutes": 15}},
        "replication_time": {"status": "Enabled", "time": {"minutes": 15}},
    }
    rule: aws.s3.BucketReplicationConfigRuleArgsDict = {
        "id": "everything",
        "status": "Enabled",
        "priority": 0,
        "filter": {"prefix": ""},
        "delete_marker_replication": {"status": "Enabled"},
        "source_selection_criteria": {"sse_kms_encrypted_objects": {"status": "Enabled"}},
        "destination": destination,
    }
    aws.s3.BucketReplicationConfig(
        scope.named("copying"),
        region=main.region,
        bucket=main.bucket.id,
        role=copier.arn,
        rules=[rule],
        opts=scope.opts(depends_on=[main.versioning, replica.versioning]),
    )


def allow_copying(scope: Scope, copier: aws.iam.Role, main: Vault, replica: Vault) -> None:
    """Read here, write there, decrypt here, encrypt there (S3 user guide, "Setting up permissions for replication")."""
    inside = pulumi.Output.concat(main.bucket.arn, "/*")
    outside = pulumi.Output.concat(replica.bucket.arn, "/*")
    versions = ["GetObjectVersionForReplication", "GetObjectVersionAcl", "GetObjectVersionTagging"]
    locks = ["GetObjectRetention", "GetObjectLegalHold"]
    document = policy(
        statement(["s3:GetReplicationConfiguration", "s3:ListBucket"], main.bucket.arn),
        statement([f"s3:{action}" for action in (*versions, *locks)], inside),
        statement(["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags"], outside),
        statement("kms:Decrypt", main.key_arn),
        statement(["kms:Encrypt", "kms:GenerateDataKey"], replica.key_arn),
    )
    aws.iam.RolePolicy(scope.named("copier-policy"), role=copier.name, policy=document, opts=scope.opts())
