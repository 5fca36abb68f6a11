"""The dated tables: current, and true where it matters most."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from testbeds.lab.data import generate, generate_azure, generate_gcp
from testbeds.lab.tables import DATA, load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from testbeds.lab.shapes import Field


def test_the_aws_table_is_what_its_sources_say() -> None:
    """The file in the tree is what the generator makes of the installed cfn-lint and SDK."""
    assert generate.build() == load("aws")


def test_the_gcp_table_is_what_its_sources_say() -> None:
    """The file in the tree is what the generator makes of magic-modules' fields and the installed SDK."""
    assert generate_gcp.build() == load("gcp")


@pytest.mark.parametrize(
    ("token", "path"),
    [
        ("gcp:compute/network:Network", "autoCreateSubnetworks"),
        ("gcp:compute/subnetwork:Subnetwork", "network"),
        ("gcp:container/cluster:Cluster", "ipAllocationPolicy"),
        ("gcp:container/cluster:Cluster", "privateClusterConfig.masterIpv4CidrBlock"),
        ("gcp:kms/cryptoKey:CryptoKey", "versionTemplate.protectionLevel"),
        ("gcp:memorystore/instance:Instance", "kmsKey"),
        ("gcp:sql/databaseInstance:DatabaseInstance", "encryptionKeyName"),
        ("gcp:storage/bucket:Bucket", "location"),
        ("gcp:serviceaccount/account:Account", "accountId"),
    ],
)
def test_what_google_cannot_modify_replaces(token: str, path: str) -> None:
    """Fields that a fleet's data depends on, nested ones by the SDK's names."""
    assert path in load("gcp").of(token).create_only


@pytest.mark.parametrize(
    ("token", "path"),
    [
        ("gcp:container/cluster:Cluster", "minMasterVersion"),
        ("gcp:sql/databaseInstance:DatabaseInstance", "databaseVersion"),
        ("gcp:sql/databaseInstance:DatabaseInstance", "settings"),
        ("gcp:compute/subnetwork:Subnetwork", "secondaryIpRanges"),
        ("gcp:storage/bucket:Bucket", "retentionPolicy"),
    ],
)
def test_what_google_modifies_in_place_does_not_replace(token: str, path: str) -> None:
    """Changes that a fleet makes every month."""
    assert path not in load("gcp").of(token).create_only


def test_names_that_cannot_be_paired_are_listed_and_not_guessed() -> None:
    """Terraform's resource or field without a counterpart in the SDK stays on a list."""
    table = load("gcp")
    assert "google_kms_project_auto_config" in table.unmatched
    assert table.of("gcp:sql/user:User").unmatched == ("iam_email",)
    assert generate_gcp.path_of("secondary_ip_range.range_name", fields("gcp:compute/subnetwork:Subnetwork")) == (
        "secondaryIpRanges.rangeName"
    )
    assert generate_gcp.path_of("made_up", fields("gcp:compute/subnetwork:Subnetwork")) is None


def test_zones_have_their_regions_names() -> None:
    """A zone is its region and a letter; the fleet's three regions have at least three."""
    zones = load("gcp").zones
    assert [zone for region, each in zones.items() for zone in each if zone[:-2] != region] == []
    assert min(len(zones[region]) for region in ("us-central1", "us-west1", "asia-southeast1")) >= 3


@pytest.mark.parametrize(
    ("token", "path"),
    [
        ("aws:ec2/subnet:Subnet", "cidrBlock"),
        ("aws:eks/cluster:Cluster", "encryptionConfig"),
        ("aws:eks/nodeGroup:NodeGroup", "subnetIds"),
        ("aws:rds/cluster:Cluster", "databaseName"),
        ("aws:rds/cluster:Cluster", "masterUsername"),
        ("aws:s3/bucket:Bucket", "objectLockEnabled"),
        ("aws:kms/key:Key", "region"),
    ],
)
def test_what_aws_cannot_modify_replaces(token: str, path: str) -> None:
    """Create-only properties that a fleet's data depends on."""
    assert path in load("aws").of(token).create_only


@pytest.mark.parametrize(
    ("token", "path"),
    [
        ("aws:eks/cluster:Cluster", "version"),
        ("aws:eks/nodeGroup:NodeGroup", "scalingConfig"),
        ("aws:rds/cluster:Cluster", "engineVersion"),
        ("aws:rds/clusterInstance:ClusterInstance", "instanceClass"),
        ("aws:rds/subnetGroup:SubnetGroup", "subnetIds"),
    ],
)
def test_what_aws_modifies_in_place_does_not_replace(token: str, path: str) -> None:
    """Changes that a fleet makes every month."""
    assert path not in load("aws").of(token).create_only


def test_the_azure_table_is_what_its_sources_say() -> None:
    """The file in the tree is what the generator makes of the installed SDK and the facts by hand."""
    assert generate_azure.build() == load("azure")


@pytest.mark.parametrize(
    ("token", "replaces", "stays"),
    [
        ("azure-native:resources:ResourceGroup", "location", ""),
        ("azure-native:network:Subnet", "subnetName", "defaultOutboundAccess"),
        ("azure-native:dbforpostgresql:Server", "administratorLogin", "dataEncryption.type"),
        ("azure-native:containerservice:AgentPool", "vmSize", "availabilityZones"),
        ("azure-native:storage:StorageAccount", "isHnsEnabled", "immutableStorageWithVersioning.enabled"),
        ("azure-native:redisenterprise:Database", "clusterName", "clusteringPolicy"),
    ],
)
def test_azure_replaces_little_and_refuses_more(token: str, replaces: str, stays: str) -> None:
    """pulumi-azure-native replaces for names and few properties; for the others Azure says no."""
    table = load("azure").of(token)
    assert replaces in table.create_only
    assert not stays or stays in table.fixed
    assert not set(table.create_only) & set(table.fixed)


def test_azures_regions_are_dated() -> None:
    """Which regions have zones, and which region a region is paired with."""
    azure = load("azure")
    assert azure.zones["eastus"] == ("1", "2", "3")
    assert azure.zones["westus"] == ()
    assert (azure.pairs["eastus"], azure.pairs["westeurope"]) == ("westus", "northeurope")
    assert azure.date == "2025-09-23"


def by_hand(cloud: str) -> dict[str, dict[str, object]]:
    """What is written by hand of a cloud's types."""
    written = json.loads((DATA / f"{cloud}-by-hand.json").read_text())
    return written.get("types", written)


def fields(token: str) -> Mapping[str, Field]:
    """Inputs of a type, as the SDK has them."""
    from testbeds.lab.shapes import Sdk  # noqa: PLC0415 - the SDK is imported by the test that needs it

    return Sdk(f"pulumi_{token.split(':', maxsplit=1)[0]}").resource(token).inputs


@pytest.mark.parametrize("cloud", ["aws", "azure", "gcp"])
def test_every_fact_by_hand_has_its_reason(cloud: str) -> None:
    """No hand-written rule without a source."""
    assert [token for token, rules in by_hand(cloud).items() if not rules.get("why")] == []


@pytest.mark.parametrize("cloud", ["aws", "gcp"])
def test_every_path_of_the_tables_exists_in_the_sdk(cloud: str) -> None:
    """A rule about a property that nobody can set would never hold."""
    from testbeds.lab.shapes import Sdk  # noqa: PLC0415 - the SDK is imported by the test that needs it

    sdk = Sdk(f"pulumi_{cloud}")
    lost = [
        (token, path)
        for token, table in load(cloud).types.items()
        for path in (*table.create_only, *table.identity, *table.replaces_when, *table.filled_in, *table.values)
        if not leads(path.split("."), sdk.resource(token).inputs)
    ]
    assert lost == []


def test_every_path_of_azures_table_exists_in_the_sdk() -> None:
    """Nested paths too: most of what Azure decides at creation is inside of something."""
    from testbeds.lab.shapes import Sdk  # noqa: PLC0415 - the SDK is imported by the test that needs it

    sdk = Sdk("pulumi_azure_native")
    lost = []
    for token, table in load("azure").types.items():
        rules = (*table.create_only, *table.fixed, *table.identity, *table.unordered, *table.open)
        for path in (*rules, *table.values, *table.ranges, *table.max_lengths, *table.defaults):
            fields = sdk.resource(token).inputs
            for step in path.split("."):
                if step not in fields:
                    lost.append((token, path))
                    break
                shape = fields[step].shape
                while shape.item is not None:
                    shape = shape.item
                fields = shape.fields
    assert lost == []


def leads(path: Sequence[str], fields: Mapping[str, Field]) -> bool:
    """Whether a path leads to a property."""
    head, *rest = path
    if head not in fields:
        return False
    shape = fields[head].shape
    return not rest or leads(rest, (shape.item or shape).fields)
