"""The dated tables: current, and true where it matters most."""

from __future__ import annotations

import json

import pytest

from testbeds.lab.data import generate
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


def test_every_fact_by_hand_has_its_reason() -> None:
    """No hand-written rule without a source."""
    by_hand = json.loads((DATA / "aws-by-hand.json").read_text())
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
