"""Changes with a known danger, and changes with none, over three clouds: what the comment on a pull request must say.

A change is an edit of stack files, or of what the program says of one resource where files cannot say it.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pulumi
from ruamel.yaml import YAML

from stacks.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

HOMES = ("aws-us-east-1", "azure-eastus", "gcp-us-central1")
AWS, AZURE, GCP = HOMES
DELETE = object()
"""A key that is taken out."""


@dataclass(frozen=True)
class Seed:
    """One change.

    Args:
        title: What somebody did.
        stack: Where it shows.
        edits: Values by dotted path in the stack's file.
        everywhere: Whether all regions of the cloud are edited alike.
        files: Stacks that are edited alike, as a pattern, where that is more.
        patch: By type and name of a resource: arguments that its program would give instead.
        says: What the first lines must say: of each, all words stand in one line.
        touches: A resource that must change, so that one knows that the change was made; empty: none may.
    """

    title: str
    stack: str
    edits: Mapping[str, Any] = field(default_factory=dict)
    everywhere: bool = False
    files: str = ""
    patch: Mapping[tuple[str, str], Mapping[str, Any]] = field(default_factory=dict)
    says: tuple[tuple[str, ...], ...] = ()
    touches: str = ""

    @property
    def id(self) -> str:
        """For the name of a test."""
        return f"{self.stack.partition('-')[0]}-{self.title.replace(' ', '-')}"


KEY_AWS = "arn:aws:kms:us-east-1:123456789012:key/11111111-2222-3333-4444-555555555555"
KEY_AZURE = "https://other.vault.azure.net/keys/data/0123456789abcdef0123456789abcdef"
KEY_GCP = "projects/example-payments/locations/us-central1/keyRings/other/cryptoKeys/data"
SUBNET_A, SUBNET_C = ("aws:ec2/subnet:Subnet", "payments-net-data-a"), ("aws:ec2/subnet:Subnet", "payments-net-data-c")

DANGEROUS = (
    Seed(
        "database renamed",
        AWS,
        {"database.name": "journal"},
        everywhere=True,
        says=(("replaced", "payments-db-global", "databaseName", "journal"),),
    ),
    Seed(
        "key swapped",
        AWS,
        {"keys.existing": {"data": KEY_AWS}},
        says=(
            ("deleted", "payments-keys-data"),
            ("replaced", "payments-cache-group", "payments-db-cluster", "kmsKeyId"),
        ),
    ),
    Seed(
        "network moved",
        AWS,
        {"network.cidr": "10.200.0.0/16"},
        says=(("replaced", "payments-net-vpc", "cidrBlock"), ("moved", "payments-net-data-a")),
    ),
    Seed(
        "subnets numbered by the order of zones",
        AWS,
        patch={SUBNET_A: {"cidr_block": "10.16.208.0/21"}, SUBNET_C: {"cidr_block": "10.16.192.0/21"}},
        says=(("moved", "payments-net-data-a", "payments-net-data-c", "cidrBlock"),),
    ),
    Seed(
        "archive retention cut",
        AWS,
        {"archive.retention_years": 1},
        says=(
            ("guarded less", "payments-archive-main", "payments-archive-replica", "records are kept shorter"),
            ("policy", "archive-retention", "payments-archive-main"),
        ),
    ),
    Seed(
        "encryption off",
        AWS,
        patch={("aws:rds/cluster:Cluster", "payments-db-cluster"): {"storage_encrypted": False, "kms_key_id": None}},
        says=(
            ("replaced", "payments-db-cluster", "storageEncrypted"),
            ("policy", "customer-key", "payments-db-cluster"),
        ),
    ),
    Seed(
        "protection lifted",
        AWS,
        {"protect": False},
        says=(
            ("guarded less", "payments-db-cluster", "it can be deleted at once"),
            ("unprotected", "payments-keys-archive", "payments-db-cluster"),
            ("policy", "deletion-protection", "payments-db-cluster"),
        ),
    ),
    Seed(
        "fleet renamed",
        AWS,
        {"fleet": "ledger"},
        files="*",
        says=(("deleted", "payments-archive-main"),),
    ),
    Seed(
        "database renamed",
        AZURE,
        {"database.name": "journal"},
        everywhere=True,
        says=(("replaced", "payments-db-database", "databaseName"),),
    ),
    Seed(
        "key swapped in place",
        AZURE,
        {"keys.existing": {"data": KEY_AZURE}},
        says=(
            ("deleted", "payments-keys-data"),
            ("guarded less", "payments-cache-cluster", "payments-db-server", "another key"),
        ),
    ),
    Seed(
        "network moved in place",
        AZURE,
        {"network.cidr": "10.200.0.0/16"},
        says=(("moved", "payments-net-vnet", "payments-net-data", "its addresses change"),),
    ),
    Seed(
        "archive retention cut",
        AZURE,
        {"archive.retention_years": 1},
        says=(("guarded less", "payments-archive-retention", "2557", "366"), ("policy", "archive-retention")),
    ),
    Seed(
        "protection lifted which no preview shows",
        AZURE,
        {"protect": False},
        says=(("unprotected", "payments-keys-vault", "payments-db-server"), ("policy", "deletion-protection")),
    ),
    Seed(
        "archive opened to the Internet",
        AZURE,
        patch={
            ("azure-native:storage:StorageAccount", "payments-archive-kept"): {
                "public_network_access": "Enabled",
                "allow_blob_public_access": True,
                "minimum_tls_version": "TLS1_0",
            }
        },
        says=(
            ("guarded less", "payments-archive-kept", "it is reached from the Internet", "old TLS is accepted"),
            ("policy", "no-public-data", "payments-archive-kept"),
            ("policy", "tls-minimum", "payments-archive-kept"),
        ),
    ),
    Seed(
        "vault's window cut",
        AZURE,
        {"keys.deletion_window_days": 7},
        says=(("not previewed", AZURE, "payments-keys-vault", "softDeleteRetentionInDays"),),
    ),
    Seed(
        "archive taken out",
        GCP,
        {"archive": DELETE},
        says=(("deleted", "payments-archive-main", "payments-archive-replica", "payments-archive-replica-key"),),
    ),
    Seed(
        "keys destroyed sooner",
        GCP,
        {"keys.deletion_window_days": 7},
        says=(
            ("replaced", "payments-keys-data", "payments-keys-archive", "destroyScheduledDuration"),
            ("replaced", "payments-db-instance", "encryptionKeyName"),
        ),
    ),
    Seed(
        "snapshots of the cache off",
        GCP,
        {"cache.snapshot_retention_days": 0},
        everywhere=True,
        says=(("guarded less", "payments-cache-group", "backups are kept shorter"), ("policy", "backup-age")),
    ),
    Seed(
        "standby and TLS off",
        GCP,
        patch={
            ("gcp:sql/databaseInstance:DatabaseInstance", "payments-db-instance"): {
                "settings": {
                    "availability_type": "ZONAL",
                    "ip_configuration": {"ssl_mode": "ALLOW_UNENCRYPTED_AND_ENCRYPTED"},
                },
            }
        },
        says=(
            ("guarded less", "payments-db-instance", "no zone can be lost", "connections are not encrypted"),
            ("policy", "tls-minimum", "payments-db-instance"),
            ("policy", "more-than-one-zone", "payments-db-instance"),
        ),
    ),
    Seed(
        "copy of the archive elsewhere",
        GCP,
        {"archive.replica_region": "us-east1"},
        says=(("replaced", "payments-archive-replica", "location"), ("replaced", "payments-archive-replica-key")),
    ),
    Seed(
        "another project",
        GCP,
        {"account_id": "other-payments"},
        everywhere=True,
        says=(("moved", "payments-gcp", "acts in another account", "other-payments"),),
    ),
)
"""At least 20; the file of a stack or its program is at fault, on purpose."""

HARMLESS = (
    Seed("zones in another order", AWS, {"network.zones": ["c", "a", "b"]}),
    Seed("a zone more", AWS, {"network.zones": ["a", "b", "c", "d"]}, touches="payments-net-data-d"),
    Seed("more nodes", AWS, {"nodes.max_per_zone": 20}, touches="payments-nodes-group-a"),
    Seed("bigger database", AWS, {"database.vcpus": 16}, touches="payments-db-a"),
    Seed("next PostgreSQL", AWS, {"database.engine_version": "17.6"}, everywhere=True, touches="payments-db-global"),
    Seed("next Kubernetes", AWS, {"nodes.version": "1.35"}, touches="payments-nodes-cluster"),
    Seed("next Valkey", AWS, {"cache.engine_version": "8.2"}, everywhere=True, touches="payments-cache-global"),
    Seed("another tag", AWS, {"tags.team": "core"}, touches="payments-db-cluster"),
    Seed("longer retention", AWS, {"archive.retention_years": 10}, touches="payments-archive-main"),
    Seed("longer backups", AWS, {"database.backup_retention_days": 35}, touches="payments-db-cluster"),
    Seed(
        "a new release",
        AWS,
        {"workload.image": "ghcr.io/stefanprodan/podinfo:6.9.3"},
        touches="payments-app-statefulset-payments-app",
    ),
    Seed("more tasks", AWS, {"service.max_tasks": 90}, touches="payments-web-scaling"),
    Seed("another tag", AZURE, {"tags.team": "core"}, touches="payments-db-server"),
    Seed("zones in another order", AZURE, {"network.zones": ["b", "c", "a"]}),
    Seed("more nodes", AZURE, {"nodes.max_per_zone": 20}, touches="payments-nodes-group-a"),
    Seed("longer backups", AZURE, {"database.backup_retention_days": 35}, touches="payments-db-server"),
    Seed("longer retention", AZURE, {"archive.retention_years": 10}, touches="payments-archive-retention"),
    Seed("another tag", GCP, {"tags.team": "core"}, touches="payments-db-instance"),
    Seed("next Kubernetes", GCP, {"nodes.version": "1.35"}, touches="payments-nodes-cluster"),
    Seed("longer backups", GCP, {"database.backup_retention_days": 35}, touches="payments-db-instance"),
    Seed("a zone more", GCP, {"network.zones": ["a", "b", "c", "f"]}, touches="payments-nodes-group-f"),
    Seed("a new release", GCP, {"service.image": "ghcr.io/stefanprodan/podinfo:6.9.3"}, touches="payments-web-service"),
)
"""At least 20."""


def edited(site: Site, folder: Path, seed: Seed) -> Site:
    """A copy of the site's files in which the change is made."""
    shutil.copytree(site.work_dir, folder, symlinks=True)
    yaml = YAML(typ="safe")
    alike = seed.files or (f"{seed.stack.partition('-')[0]}-*" if seed.everywhere else seed.stack)
    for file in sorted((folder / "stacks").glob(f"Pulumi.{alike}.yaml")):
        document = yaml.load(file.read_text())
        (config,) = document["config"].values()
        for path, value in seed.edits.items():
            # A global stack has neither database nor cache.
            if path.split(".")[0] in config or file.name == f"Pulumi.{seed.stack}.yaml":
                _put(config, path.split("."), value)
        with file.open("w") as out:
            yaml.dump(document, out)
    return Site(folder, site.env, is_lab=True)


def _put(values: dict[str, Any], path: list[str], value: Any) -> None:
    *parents, last = path
    for each in parents:
        values = values.setdefault(each, {})
    if value is DELETE:
        values.pop(last, None)
    else:
        values[last] = value


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments with some of them changed, also inside of others."""
    both = {key: merged(old[key], each) for key, each in new.items() if isinstance(each, dict) and key in old}
    return {**old, **new, **both}


def patched(real: Callable[..., None], seeds: Mapping[Path, Seed]) -> Callable[..., None]:
    """The stacks' program, in which the resources of a seed are given other arguments.

    Args:
        real: The program.
        seeds: By folder of stack files.
    """

    def main(folder: Path, **options: Any) -> None:
        seed = seeds.get(folder)

        def change(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
            new = seed.patch.get((args.type_, args.name)) if seed else None
            return None if new is None else pulumi.ResourceTransformationResult(merged(args.props, new), args.opts)

        pulumi.runtime.register_stack_transformation(change)
        real(folder, **options)

    return main
