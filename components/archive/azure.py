"""The archive on Azure: versions of blobs that cannot be changed, copied to the paired region. Never run on an account.

The retention is born unlocked: it holds against every user and program, but whoever may change it can shorten it.
Locking it is irreversible and a step of its own, which no program takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_azure_native as azure

from components.archive.component import ArchiveOutputs
from components.clouds.azure import account, of
from components.keys.spec import Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.archive.spec import ArchiveSpec
    from components.base import Scope
    from components.keys.component import KeysOutputs

NOT_OFFERED: Final[Mapping[str, str]] = {
    "zones": "the archive tier excludes zone redundancy (Storage documentation, 'Access tiers'): records lie in one "
    "zone of the region and in the paired region",
}
CONTAINER: Final = "records"


def build(scope: Scope, spec: ArchiveSpec, keys: KeysOutputs) -> ArchiveOutputs:
    """Make the account, its container, and what keeps blobs from being changed."""
    inside = of(keys)
    # RA: the copy can be read while the region is lost. Its key is there too: Azure copies a vault to the same region.
    kept = account(scope, "kept", keys, Purpose.ARCHIVE, sku="Standard_RAGRS", is_open=True)
    versions = azure.storage.BlobServiceProperties(
        scope.named("versions"),
        account_name=kept.name,
        blob_services_name="default",
        resource_group_name=inside.group,
        is_versioning_enabled=True,
        container_delete_retention_policy={"enabled": True, "days": 90},
        opts=scope.opts(holds_data=True),
    )
    container = azure.storage.BlobContainer(
        scope.named(CONTAINER),
        account_name=kept.name,
        container_name=CONTAINER,
        resource_group_name=inside.group,
        public_access=azure.storage.PublicAccess.NONE,
        immutable_storage_with_versioning={"enabled": True},
        opts=scope.opts(holds_data=True, depends_on=[versions]),
    )
    azure.storage.BlobContainerImmutabilityPolicy(
        scope.named("retention"),
        account_name=kept.name,
        container_name=container.name,
        immutability_policy_name="default",
        resource_group_name=inside.group,
        immutability_period_since_creation_in_days=days(spec.retention_years),
        allow_protected_append_writes=False,
        opts=scope.opts(holds_data=True),
    )
    age(scope, spec, kept, inside.group, versions)
    return ArchiveOutputs(
        scope.place,
        pulumi.Output.concat(kept.name, "/", container.name),
        pulumi.Output.concat(kept.name, "-secondary/", container.name),
        spec.replica_region,
    )


def days(years: int) -> int:
    """So many days that no calendar makes the years longer: one in four has 366."""
    return -(-years * 1461 // 4)


def age(
    scope: Scope,
    spec: ArchiveSpec,
    kept: azure.storage.StorageAccount,
    group: pulumi.Input[str],
    versions: azure.storage.BlobServiceProperties,
) -> None:
    """Move what is old to the archive tier; old versions too. Nothing is deleted: the retention decides what may go."""
    old: azure.storage.DateAfterCreationArgsDict = {"days_after_creation_greater_than": spec.deep_archive_after_days}
    rule: azure.storage.ManagementPolicyRuleArgsDict = {
        "name": "archive",
        "enabled": True,
        "type": azure.storage.RuleType.LIFECYCLE,
        "definition": {
            "filters": {"blob_types": ["blockBlob"], "prefix_match": [f"{CONTAINER}/{spec.prefix}"]},
            "actions": {
                "base_blob": {"tier_to_archive": {"days_after_creation_greater_than": spec.deep_archive_after_days}},
                "version": {"tier_to_archive": old},
            },
        },
    }
    azure.storage.ManagementPolicy(
        scope.named("aging"),
        account_name=kept.name,
        management_policy_name="default",
        resource_group_name=group,
        policy={"rules": [rule]},
        opts=scope.opts(depends_on=[versions]),
    )
