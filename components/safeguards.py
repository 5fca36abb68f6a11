"""Properties that guard data: retention, backups, protection, encryption, who may reach it. Which change weakens one.

By the property's path and never by the resource's type: a type that nobody here knows yet has a retention too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

Scalar = str | int | float | bool | None
Rule = Callable[[Scalar, Scalar, frozenset[str]], bool]
"""Whether a value is weaker than the one before: before, after, the values that the rule speaks of."""

_POSITION = re.compile(r"\[\d+\]")
_QUOTED = re.compile(r'\["([^"]+)"\]')
_NUMBER = re.compile(r"-?\d+(\.\d+)?s?")
_KEY_VERSION = re.compile(r"(/keys/[^/]+|/cryptoKeys/[^/]+)/([0-9a-f]{32}|cryptoKeyVersions/\d+)$")


def less(before: Scalar, after: Scalar, _: frozenset[str]) -> bool:
    """A smaller number, or none any more."""
    return _falls(before, after) or (before is not None and after is None)


def sooner(before: Scalar, after: Scalar, _: frozenset[str]) -> bool:
    """A smaller number of days, or one where there was none; zero days are for ever."""
    return _falls(before or float("inf"), after or float("inf"))


def off(before: Scalar, after: Scalar, _: frozenset[str]) -> bool:
    """No longer true."""
    return before is True and after is not True


def on(before: Scalar, after: Scalar, _: frozenset[str]) -> bool:
    """True."""
    return before is not True and after is True


def other(before: Scalar, after: Scalar, _: frozenset[str]) -> bool:
    """Any other value where there was one; a key's next version is the same key."""
    return before is not None and _KEY_VERSION.sub(r"\1", str(before)) != _KEY_VERSION.sub(r"\1", str(after))


def left(before: Scalar, after: Scalar, strong: frozenset[str]) -> bool:
    """None of the strong values any more."""
    return str(before).lower() in strong and str(after).lower() not in strong


def reached(before: Scalar, after: Scalar, weak: frozenset[str]) -> bool:
    """One of the weak values."""
    return left(after, before, weak)


def _falls(before: Scalar, after: Scalar) -> bool:
    was, will_be = _number(before), _number(after)
    return was is not None and will_be is not None and will_be < was


def _number(value: Scalar) -> float | None:
    """A number, also one in a text: `604800s`."""
    if isinstance(value, str):
        return float(value.removesuffix("s")) if _NUMBER.fullmatch(value) else None
    return None if value is None or isinstance(value, bool) else float(value)


@dataclass(frozen=True)
class Safeguard:
    """One kind of property.

    Args:
        paths: Ends of property paths without list positions: `backupConfiguration.enabled`.
        weaker: What weakens it; a value that only the cloud will say is another one.
        says: What that means, for the reader: `backups are kept shorter`.
        values: What `weaker` speaks of, in lower case.
        types: Only on types that contain one of these; on all without.
        moves: Whether data then is somewhere else, rather than guarded less.
    """

    paths: tuple[str, ...]
    weaker: Rule
    says: str
    values: frozenset[str] = frozenset()
    types: tuple[str, ...] = ()
    moves: bool = False

    def guards(self, type_token: str, path: str) -> bool:
        """Whether it is about this property of this type."""
        named = any(path == each or path.endswith(f".{each}") for each in self.paths)
        return named and (not self.types or any(each in type_token for each in self.types))


SAFEGUARDS: Final = (
    Safeguard(
        (
            "backupRetentionPeriod",
            "backupRetentionDays",
            "retainedBackups",
            "transactionLogRetentionDays",
            "snapshotRetentionLimit",
            "automatedBackupConfig.retention",
        ),
        less,
        "backups are kept shorter",
    ),
    Safeguard(
        (
            "defaultRetention.years",
            "defaultRetention.days",
            "retentionPolicy.retentionPeriod",
            "immutabilityPeriodSinceCreationInDays",
        ),
        less,
        "records are kept shorter",
    ),
    Safeguard(("defaultRetention.mode",), left, "records can be deleted before their time", frozenset({"compliance"})),
    Safeguard(
        ("retentionInDays", "retentionDays"),
        sooner,
        "logs are kept shorter",
        types=("logGroup", "operationalinsights", "logging/"),
    ),
    Safeguard(
        (
            "deletionWindowInDays",
            "recoveryWindowInDays",
            "softDeleteRetentionInDays",
            "destroyScheduledDuration",
            "deleteRetentionPolicy.days",
            "containerDeleteRetentionPolicy.days",
            "softDeletePolicy.retentionDurationSeconds",
        ),
        less,
        "a deletion can be taken back for a shorter time",
    ),
    Safeguard(
        (
            "expiration.days",
            "noncurrentVersionExpiration.noncurrentDays",
            "delete.daysAfterCreationGreaterThan",
            "delete.daysAfterModificationGreaterThan",
        ),
        sooner,
        "objects are deleted by age",
    ),
    Safeguard(("action.type",), reached, "objects are deleted by age", frozenset({"delete"})),
    Safeguard(
        ("deletionProtection", "deletionProtectionEnabled", "enableDeletionProtection", "enablePurgeProtection"),
        off,
        "it can be deleted at once",
    ),
    Safeguard(
        ("forceDestroy", "skipFinalSnapshot", "deleteAutomatedBackups"), on, "when it is deleted, its data goes with it"
    ),
    Safeguard(
        ("isVersioningEnabled", "versioning.enabled", "immutableStorageWithVersioning.enabled", "objectLockEnabled"),
        off,
        "old versions are not kept",
    ),
    Safeguard(("allowProtectedAppendWrites", "allowProtectedAppendWritesAll"), on, "records can be added to"),
    Safeguard(
        ("reclaimPolicy", "persistentVolumeReclaimPolicy"),
        left,
        "when it is deleted, its data goes with it",
        frozenset({"retain"}),
    ),
    Safeguard(("versioningConfiguration.status",), left, "old versions are not kept", frozenset({"enabled"})),
    Safeguard(
        (
            "backupConfiguration.enabled",
            "pointInTimeRecoveryEnabled",
            "deleteRetentionPolicy.enabled",
            "containerDeleteRetentionPolicy.enabled",
            "retainBackupsOnDelete",
        ),
        off,
        "nothing brings back what is deleted",
    ),
    Safeguard(
        ("rules.status",),
        left,
        "it is not copied any more",
        frozenset({"enabled"}),
        types=("bucketReplicationConfig",),
    ),
    Safeguard(("geoRedundantBackup",), left, "backups are not copied to another region", frozenset({"enabled"})),
    Safeguard(("multiAzEnabled", "automaticFailoverEnabled"), off, "no zone can be lost"),
    Safeguard(
        ("highAvailability", "highAvailability.mode", "availabilityType"),
        left,
        "no zone can be lost",
        frozenset({"enabled", "zoneredundant", "regional"}),
    ),
    Safeguard(("storageEncrypted", "atRestEncryptionEnabled"), off, "it is not encrypted"),
    Safeguard(
        ("applyServerSideEncryptionByDefault.sseAlgorithm", "encryption.keySource", "dataEncryption.type"),
        left,
        "it is not encrypted with our key",
        frozenset({"aws:kms", "aws:kms:dsse", "microsoft.keyvault", "azurekeyvault"}),
    ),
    Safeguard(
        (
            "kmsKeyId",
            "kmsMasterKeyId",
            "kmsKeyArn",
            "kmsKey",
            "kmsKeyName",
            "keyArn",
            "defaultKmsKeyName",
            "encryptionKeyName",
            "encryptionKey",
            "replicaKmsKeyId",
            "primaryKeyURI",
            "keyEncryptionKeyUrl",
            "keyVaultProperties.keyName",
            "keyVaultProperties.keyVaultUri",
            "diskEncryptionSetId",
            "diskEncryptionSetID",
        ),
        other,
        "it is encrypted with another key",
    ),
    Safeguard(
        ("isEnabled", "attributes.enabled"),
        off,
        "what it encrypted cannot be read",
        types=("kms/key:", "keyvault:"),
    ),
    Safeguard(("enableKeyRotation",), off, "its key is not rotated"),
    Safeguard(
        ("transitEncryptionEnabled", "requireSsl", "supportsHttpsTrafficOnly", "enableHttpsTrafficOnly"),
        off,
        "connections are not encrypted",
    ),
    Safeguard(
        ("transitEncryptionMode", "clientProtocol", "sslMode"),
        left,
        "connections are not encrypted",
        frozenset(
            {"required", "server_authentication", "encrypted", "encrypted_only", "trusted_client_certificate_required"}
        ),
    ),
    Safeguard(("minimumTlsVersion",), left, "old TLS is accepted", frozenset({"tls1_2", "tls1_3", "1.2", "1.3"})),
    Safeguard(
        ("publiclyAccessible", "allowBlobPublicAccess", "ipv4Enabled", "endpointPublicAccess"),
        on,
        "it is reached from the Internet",
    ),
    Safeguard(
        (
            "blockPublicAcls",
            "blockPublicPolicy",
            "ignorePublicAcls",
            "restrictPublicBuckets",
            "uniformBucketLevelAccess",
        ),
        off,
        "it can be opened to everybody",
    ),
    Safeguard(
        ("publicNetworkAccess", "publicAccessPrevention", "networkAcls.defaultAction"),
        left,
        "it is reached from the Internet",
        frozenset({"disabled", "enforced", "deny"}),
    ),
    Safeguard(
        ("iamDatabaseAuthenticationEnabled", "enableRbacAuthorization"),
        off,
        "people no longer sign in as themselves",
    ),
    Safeguard(
        ("addressPrefix", "addressSpace.addressPrefixes", "ipCidrRange", "cidrBlock"),
        other,
        "its addresses change, and with them those of all that is in it",
        types=("ubnet", "irtualNetwork", "/vpc:"),
        moves=True,
    ),
    Safeguard(
        ("project", "subscriptionId", "tenantId", "region", "location", "allowedAccountIds"),
        other,
        "the stack acts in another account or place, and what it made stays behind",
        types=("pulumi:providers:",),
        moves=True,
    ),
)
"""By path; the first that fits counts."""


def plain(path: str) -> str:
    """A property path without list positions and quotes: `rules[0].tags["a"]` is `rules.tags.a`."""
    return _QUOTED.sub(r".\1", _POSITION.sub("", path)).lstrip(".")


def weakened(type_token: str, path: str, before: Scalar, after: Scalar) -> Safeguard | None:
    """The safeguard that a change of one value weakens.

    Args:
        type_token: The resource's type.
        path: The property's.
        before: Its value; None where there was none.
        after: Likewise.
    """
    short = plain(path)
    return next(
        (each for each in SAFEGUARDS if each.guards(type_token, short) and each.weaker(before, after, each.values)),
        None,
    )
