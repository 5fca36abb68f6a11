"""The dated tables: current, and true where it matters most."""

from __future__ import annotations

import json

import pytest

from testbeds.lab.data import generate, generate_azure
from testbeds.lab.tables import DATA, load


def test_the_aws_table_is_what_its_sources_say() -> None:
    """The file in the tree is what the generator makes of the installed cfn-lint and SDK."""
    assert generate.build() == load("aws")


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


@pytest.mark.parametrize("cloud", ["aws", "azure"])
def test_every_fact_by_hand_has_its_reason(cloud: str) -> None:
    """No hand-written rule without a source."""
    by_hand = json.loads((DATA / f"{cloud}-by-hand.json").read_text())
    assert [token for token, rules in by_hand.items() if not rules.get("why")] == []


def test_every_path_of_the_tables_exists_in_the_sdk() -> None:
    """A rule about a property that nobody can set would never hold."""
    from testbeds.lab.shapes import Sdk  # noqa: PLC0415 - the SDK is imported by the test that needs it

    sdk = Sdk("pulumi_aws")
    lost = [
        (token, path)
        for token, table in load("aws").types.items()
        for path in (*table.create_only, *table.identity)
        if path.split(".", maxsplit=1)[0] not in sdk.resource(token).inputs
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
