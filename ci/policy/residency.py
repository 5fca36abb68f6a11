"""Data lies only where its class may lie, copies and backups included."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.clouds.zones import AZURE_PAIRS
from stacks.policy.rules import Check, Waiting
from stacks.policy.values import Mark, at, items
from stacks.review import Rule

from .jurisdictions import JURISDICTION
from .places import cloud, data_class, plain, region
from .settings import ANYWHERE, RESIDENCY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.resource import Resource, Siblings

RULE = Rule(
    id="residency",
    title="Data lies only in jurisdictions that its class may lie in, copies and backups included.",
    why="Data that crossed a border is under another law, and that cannot be undone.",
    mend="Choose another region, or another class; what a class may do is decided in ci/policy/settings.py.",
    control="NIST SP 800-53 SA-9(5), CM-12; ISO/IEC 27001 A.5.31, A.5.34",
)
STORES = frozenset(
    {
        "aws:rds/cluster:Cluster",
        "aws:rds/clusterInstance:ClusterInstance",
        "aws:rds/instance:Instance",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "aws:s3/bucket:Bucket",
        "aws:secretsmanager/secret:Secret",
        "aws:cloudwatch/logGroup:LogGroup",
        "aws:eks/cluster:Cluster",
        "azure-native:dbforpostgresql:Server",
        "azure-native:redisenterprise:RedisEnterprise",
        "azure-native:storage:StorageAccount",
        "azure-native:keyvault:Vault",
        "azure-native:operationalinsights:Workspace",
        "azure-native:containerservice:ManagedCluster",
        "gcp:sql/databaseInstance:DatabaseInstance",
        "gcp:memorystore/instance:Instance",
        "gcp:storage/bucket:Bucket",
        "gcp:logging/projectBucketConfig:ProjectBucketConfig",
        "gcp:container/cluster:Cluster",
    }
)
"""What keeps data, logs and secrets included."""
_COPIED = ("GRS", "GZRS")
"""Ends of the names of storage that Azure copies to the paired region (Storage, "Data redundancy")."""


def together(resource: Resource, stack: Siblings) -> Iterator[str | Waiting]:
    """Where the resource lies and where it is copied to, against what its data's class allows."""
    if resource.type not in STORES:
        return
    label = data_class(resource, stack)
    allowed = RESIDENCY.get(label) if isinstance(label, str) else None
    if isinstance(label, Mark):
        yield Waiting("tags")
    if allowed is None or ANYWHERE in allowed:
        return  # a class that is missing or unknown is what required-tags says
    for what, where in places(resource):
        if isinstance(where, Mark):
            yield Waiting(what)
        elif where is not None and not allows(allowed, cloud(resource), where):
            yield f"{label} data may lie in {', '.join(allowed)}, and {what} is {where}"


def places(resource: Resource) -> Iterator[tuple[str, Any]]:
    """Every place where its data is, with what says so; None where nobody says."""
    own = region(resource)
    yield "its region", own
    match resource.type:
        case "aws:secretsmanager/secret:Secret":
            yield from _listed("the region of replica", resource.at("replicas"), "region")
        case "azure-native:storage:StorageAccount":
            sku = resource.at("sku.name")
            if isinstance(sku, Mark) or str(sku).endswith(_COPIED):
                yield f"the region that {sku} copies to", sku if isinstance(sku, Mark) else _pair(own)
        case "azure-native:dbforpostgresql:Server":
            copied = resource.at("backup.geoRedundantBackup")
            if isinstance(copied, Mark) or copied == "Enabled":
                yield "the region of its backups", copied if isinstance(copied, Mark) else _pair(own)
        case "gcp:sql/databaseInstance:DatabaseInstance":
            yield "the region of its backups", resource.at("settings.backupConfiguration.location")
        case "gcp:storage/bucket:Bucket":
            yield from _listed("region", resource.at("customPlacementConfig.dataLocations"))


def _listed(what: str, value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each place of a list, by its number; the list itself where it cannot be seen."""
    some = items(value)
    for number, each in enumerate([some] if isinstance(some, Mark) else some, 1):
        yield f"{what} {number}", at(each, path) if path else each


def _pair(own: Any) -> Any:
    return own if own is None or isinstance(own, Mark) else AZURE_PAIRS.get(own, "its pair, which has no name")


def allows(allowed: tuple[str, ...], of: str | None, where: str) -> bool:
    """Whether a region, or for Google Cloud one of its zones, is among what is allowed."""
    name = plain(where)
    found = JURISDICTION.get((of or "", name)) or JURISDICTION.get((of or "", name.rpartition("-")[0]))
    return name in allowed or found in allowed


CHECK = Check(RULE, together=together)
