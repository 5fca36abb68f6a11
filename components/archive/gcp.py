"""The archive on Google Cloud: buckets with a retention policy. Never run against a real account.

The policy holds from the first second: nobody deletes or overwrites an object before its time. Whoever administers the
bucket can still shorten or remove it until the archive is locked, and from then on nobody (Cloud Storage, "Bucket
Lock"). Replication between buckets promises no time; most objects take minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_gcp as gcp

from components.archive.component import ArchiveOutputs
from components.clouds.gcp import ENCRYPTER, labels, make_key, make_ring, project, usable
from components.keys.gcp import storage_agent
from components.keys.spec import Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.archive.spec import ArchiveSpec
    from components.base import Scope
    from components.keys.component import KeysOutputs

NOT_OFFERED: Final[Mapping[str, str]] = {
    "tls_minimum": "a bucket has no setting for it: the organization policy storage.secureHttpTransport refuses plain "
    "HTTP, for whole projects",
}
SECONDS_PER_YEAR = 31_557_600
"""365.25 days, as Cloud Storage counts years; a hundred are its longest retention."""
ROTATION_DAYS, DELETION_DAYS = 365, 30


@dataclass(frozen=True)
class Vault:
    """One bucket, and the part of the name of all that belongs to it."""

    part: str
    bucket: gcp.storage.Bucket


def build(scope: Scope, spec: ArchiveSpec, keys: KeysOutputs) -> ArchiveOutputs:
    """Make both buckets, then the copying from one to the other."""
    main = make_vault(scope, spec, "main", scope.place.region, keys.by_purpose[Purpose.ARCHIVE])
    replica = make_vault(scope, spec, "replica", spec.replica_region, make_replica_key(scope, spec))
    replicate(scope, main, replica)
    return ArchiveOutputs(scope.place, main.bucket.name, replica.bucket.name, spec.replica_region, spec.locked)


def make_replica_key(scope: Scope, spec: ArchiveSpec) -> pulumi.Output[str]:
    """The copy's key lives with the copy: a lost region must not take along the right to read it."""
    ring = make_ring(scope, "replica-ring", spec.replica_region)
    key = make_key(scope, "replica-key", ring, ROTATION_DAYS, DELETION_DAYS)
    grant = gcp.kms.CryptoKeyIAMMember(
        scope.named("replica-key", "storage"),
        crypto_key_id=key.id,
        role=ENCRYPTER,
        member=storage_agent(scope),
        opts=scope.opts(),
    )
    return usable(key, [grant])


def make_vault(scope: Scope, spec: ArchiveSpec, part: str, region: str, key: pulumi.Input[str]) -> Vault:
    """An encrypted, private bucket in all zones of a region, in which each object is kept from its first second."""
    bucket = gcp.storage.Bucket(
        scope.named(part),
        location=region.upper(),
        storage_class="STANDARD",
        uniform_bucket_level_access=True,
        public_access_prevention="enforced",
        encryption={"default_kms_key_name": key},
        retention_policy={
            "retention_period": str(spec.retention_years * SECONDS_PER_YEAR),
            "is_locked": spec.locked,
        },
        lifecycle_rules=[age(spec)],
        force_destroy=False,
        labels=labels(scope),
        opts=scope.opts(holds_data=True),
    )
    return Vault(part, bucket)


def age(spec: ArchiveSpec) -> gcp.storage.BucketLifecycleRuleArgsDict:
    """Move what is old to the cheapest class. Nothing is deleted: retention decides what may go."""
    when: gcp.storage.BucketLifecycleRuleConditionArgsDict = {"age": spec.deep_archive_after_days}
    if spec.deep_archive_after_days == 0:
        when["send_age_if_zero"] = True
    if spec.prefix:
        when["matches_prefixes"] = [spec.prefix]
    return {"action": {"type": "SetStorageClass", "storage_class": "ARCHIVE"}, "condition": when}


def replicate(scope: Scope, main: Vault, replica: Vault) -> None:
    """Copy every new object, under the key of the place where it goes (Cloud Storage, "Cross-bucket replication")."""
    gcp.storage.TransferJob(
        scope.named("copying"),
        description=f"{scope.name}: copies of {scope.place.region}",
        status="ENABLED",
        replication_spec={
            "gcs_data_source": {"bucket_name": main.bucket.name},
            "gcs_data_sink": {"bucket_name": replica.bucket.name},
            "transfer_options": {"metadata_options": {"kms_key": "KMS_KEY_DESTINATION_BUCKET_DEFAULT"}},
        },
        opts=scope.opts(depends_on=allow_copying(scope, main, replica)),
    )


def allow_copying(scope: Scope, main: Vault, replica: Vault) -> list[pulumi.Resource]:
    """Let the transfer service read here and write there, and both services tell each other of new objects.

    The roles are those that the console grants (Cloud Storage, "Use cross-bucket replication"), and to read objects.
    """
    within = pulumi.InvokeOptions(parent=scope.parent)
    copier = gcp.storage.get_transfer_project_service_account_output(opts=within).member
    made: list[pulumi.Resource] = []
    for vault, role in ((main, "legacyBucketOwner"), (replica, "legacyBucketWriter")):
        for each in (role, "legacyObjectReader"):
            name = scope.named("copier", vault.part, each.lower())
            grant = gcp.storage.BucketIAMMember(
                name, bucket=vault.bucket.name, role=f"roles/storage.{each}", member=copier, opts=scope.opts()
            )
            made.append(grant)
    for who, member, role in (("copier", copier, "editor"), ("storage", storage_agent(scope), "publisher")):
        made.append(
            gcp.projects.IAMMember(
                scope.named(who, "events"),
                project=project(scope).project_id,
                role=f"roles/pubsub.{role}",
                member=member,
                opts=scope.opts(),
            )
        )
    return made
