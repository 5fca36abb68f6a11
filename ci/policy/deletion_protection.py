"""Nothing that holds data goes by one careless command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.data import holds_data
from stacks.policy.rules import Check, Waiting, Want, at_least, off, on, table
from stacks.policy.values import Mark
from stacks.review import Rule

from .settings import KEY_DELETION_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.resource import Resource

RULE = Rule(
    id="deletion-protection",
    title="What holds data is protected from deletion, by the engine and, where it can, by the cloud.",
    why="What is deleted is gone, and its automated backups often go along.",
    mend="Leave `protect` on in the stack file; `aurops destroy` lifts it in a step of its own.",
    control="NIST SP 800-53 CM-5; ISO/IEC 27001 A.8.9",
)
_ON = (Want("deletionProtection", on()),)
_DAYS = at_least(KEY_DELETION_DAYS, "days")
_SIMPLE = table(
    {
        "aws:rds/globalCluster:GlobalCluster": _ON,
        "aws:rds/cluster:Cluster": (*_ON, Want("skipFinalSnapshot", off(unset=True))),
        "aws:rds/instance:Instance": (*_ON, Want("skipFinalSnapshot", off(unset=True))),
        "aws:eks/cluster:Cluster": _ON,
        "aws:s3/bucket:Bucket": (Want("forceDestroy", off(unset=True)),),
        "aws:kms/key:Key": (Want("deletionWindowInDays", _DAYS),),
        "aws:secretsmanager/secret:Secret": (Want("recoveryWindowInDays", _DAYS),),
        "azure-native:keyvault:Vault": (
            Want("properties.enablePurgeProtection", on()),
            Want("properties.softDeleteRetentionInDays", _DAYS),
        ),
        "gcp:sql/databaseInstance:DatabaseInstance": (*_ON, Want("settings.deletionProtectionEnabled", on())),
        "gcp:memorystore/instance:Instance": (Want("deletionProtectionEnabled", on()),),
        "gcp:container/cluster:Cluster": _ON,
        "gcp:storage/bucket:Bucket": (Want("forceDestroy", off(unset=True)),),
        "gcp:kms/cryptoKey:CryptoKey": (
            Want("destroyScheduledDuration", at_least(KEY_DELETION_DAYS * 86400, "seconds")),
        ),
    }
)
_BUCKET = "aws:s3/bucket:Bucket"


def alone(resource: Resource) -> Iterator[str | Waiting]:
    """The cloud's own protection, then the engine's.

    A bucket that is no archive needs none of the engine: S3 deletes no bucket that has anything in it unless
    `forceDestroy` empties it first.
    """
    yield from _SIMPLE(resource)
    if not holds_data(resource.type) or resource.protect:
        return
    locks = resource.at("objectLockEnabled")
    if resource.type == _BUCKET and isinstance(locks, Mark):
        yield Waiting("objectLockEnabled")
    elif resource.type != _BUCKET or locks:
        yield "the engine's protection is off"


CHECK = Check(RULE, alone=alone)
