from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pulumi import Output

from components.database.component import Birth
from tests.components import parts_gcp as parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

INSTANCE = "sql/databaseInstance:DatabaseInstance"


def test_home_is_born_primary_and_the_others_replicate_it(gcp_home: Graph, gcp_secondary: Graph) -> None:
    """The database inside is home's alone; a region that joins names home's instance as its master."""
    primary, replica = gcp_home.one(INSTANCE), gcp_secondary.one(INSTANCE)
    assert primary.inputs["instanceType"] == "CLOUD_SQL_INSTANCE"
    assert "masterInstanceName" not in primary.inputs
    assert (replica.inputs["instanceType"], replica.inputs["masterInstanceName"]) == (
        "READ_REPLICA_INSTANCE",
        "pay-db-instance",
    )
    assert gcp_home.one("sql/database:Database").inputs["name"] == "ledger"
    assert not gcp_secondary.of("sql/database:Database")


@pytest.mark.parametrize("region", ["gcp_home", "gcp_secondary"])
def test_every_instance_can_take_over(region: str, request: pytest.FixtureRequest) -> None:
    """Same edition, tier and version everywhere, two zones, private, TLS only, our own region's key, protected."""
    node = request.getfixturevalue(region).one(INSTANCE)
    settings = node.inputs["settings"]
    assert node.inputs["databaseVersion"] == "POSTGRES_17"
    assert (settings["edition"], settings["tier"]) == ("ENTERPRISE_PLUS", "db-perf-optimized-N-4")
    zone = node.inputs["region"]
    assert settings["availabilityType"] == "REGIONAL"
    assert settings["locationPreference"] == {"zone": f"{zone}-a", "secondaryZone": f"{zone}-b"}
    reach = settings["ipConfiguration"]
    assert (reach["ipv4Enabled"], reach["sslMode"]) == (False, "ENCRYPTED_ONLY")
    assert reach["privateNetwork"].endswith(("pay-net-vpc", "pay-net-vpc-id"))
    assert node.inputs["encryptionKeyName"] == "pay-keys-data-id"
    assert (node.protect, node.inputs["deletionProtection"], settings["deletionProtectionEnabled"]) == (True,) * 3


def test_nobody_signs_in_with_a_password(gcp_home: Graph) -> None:
    """IAM sign-in is on; no root password is set and no user made."""
    node = gcp_home.one(INSTANCE)
    assert {"name": "cloudsql.iam_authentication", "value": "on"} in node.inputs["settings"]["databaseFlags"]
    assert not [key for key in node.inputs if "assword" in key]
    assert not gcp_home.of("sql/user:User")


def test_home_is_backed_up_to_any_second_for_as_long_as_asked(gcp_home: Graph) -> None:
    """Daily backups and transaction logs for `backup_retention_days`; both stay when the instance is deleted."""
    settings = gcp_home.one(INSTANCE).inputs["settings"]
    backups = settings["backupConfiguration"]
    assert (backups["enabled"], backups["pointInTimeRecoveryEnabled"]) == (True, True)
    assert backups["transactionLogRetentionDays"] == backups["backupRetentionSettings"]["retainedBackups"] == 14
    assert settings["retainBackupsOnDelete"] is True


def test_home_waits_for_private_service_access(gcp_home: Graph) -> None:
    """An instance that comes before the connection has no private address to get."""
    assert any(urn.endswith("::pay-net-access") for urn in gcp_home.one(INSTANCE).depends_on)


def test_writers_are_given_the_name_that_follows_the_primary() -> None:
    """The write endpoint outlives a failover; readers stay in their region by its address."""
    seen: list[object] = []

    def program() -> None:
        k = parts.keys(parts.place())
        made = parts.database(parts.network(k), k, Birth()).outputs
        Output.all(made.writer_endpoint, made.reader_endpoint, made.id, made.global_group).apply(seen.extend)

    run(program)
    assert seen == [
        *("write.sql.example", "10.80.224.5"),
        *("projects/acme-pay/instances/pay-db-instance", "pay-db-instance"),
    ]


def test_what_a_failover_moves_is_ignored(gcp_home: Graph, gcp_secondary: Graph) -> None:
    """Roles, masters, designations and whether backups run are not Pulumi's to put back."""
    moved = {"instanceType", "masterInstanceName", "replicaConfiguration", "replicaNames", "replicationCluster"}
    for graph in (gcp_home, gcp_secondary):
        assert moved <= graph.one(INSTANCE).ignored
    assert "settings.backupConfiguration.enabled" in gcp_home.one(INSTANCE).ignored
    assert "settings.backupConfiguration" in gcp_secondary.one(INSTANCE).ignored


def test_the_standby_is_designated_only_by_the_settling_wave(gcp_home: Graph) -> None:
    """The first pass says nothing of it; the settling one names the replica; nothing else differs."""
    settled = run(lambda: parts.home_region(standby="pay-db-west"))
    before, after = gcp_home.one(INSTANCE), settled.one(INSTANCE)
    assert "replicationCluster" not in before.inputs
    assert after.inputs["replicationCluster"] == {"failoverDrReplicaName": "acme-pay:pay-db-west"}
    assert before.ignored - after.ignored == {"replicationCluster"}
    assert {**before.inputs, "replicationCluster": None} == {**after.inputs, "replicationCluster": None}
    assert settled.names() == gcp_home.names()


def test_a_home_that_goes_names_no_standby_any_more() -> None:
    """The standby goes first; with its name left over, the home could not even have its protection lifted."""
    node = run(lambda: parts.home_region(standby="", protect=False)).one(INSTANCE)
    assert node.inputs["replicationCluster"] == {"failoverDrReplicaName": ""}
    assert "replicationCluster" not in node.ignored


def test_another_tier_brings_its_disks_along() -> None:
    """C4A machines have Hyperdisk; the others have SSD persistent disks."""

    def program() -> None:
        k = parts.keys(parts.place())
        parts.database(parts.network(k), k, Birth(), gcp={"tier": "db-c4a-highmem-4"})

    settings = run(program).one(INSTANCE).inputs["settings"]
    assert (settings["tier"], settings["diskType"]) == ("db-c4a-highmem-4", "HYPERDISK_BALANCED")
