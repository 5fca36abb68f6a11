from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.components.graph import Graph

CLUSTER, INSTANCE = "rds/cluster:Cluster", "rds/clusterInstance:ClusterInstance"


def test_home_owns_the_global_database(home: Graph, secondary: Graph) -> None:
    """The global cluster is made at home, protected and encrypted; elsewhere its name is joined."""
    owner = home.one("rds/globalCluster:GlobalCluster")
    assert (owner.inputs["deletionProtection"], owner.inputs["storageEncrypted"], owner.protect) == (True, True, True)
    assert owner.inputs["databaseName"] == "ledger"
    assert not secondary.of("rds/globalCluster:GlobalCluster")
    assert secondary.one(CLUSTER).inputs["globalClusterIdentifier"] == "pay-db-global"


def test_every_cluster_is_safe(home: Graph, secondary: Graph) -> None:
    """Our key, IAM sign-in, 14 days of backups, deletion protection, final snapshot, isolated subnets."""
    for graph in (home, secondary):
        cluster = graph.one(CLUSTER)
        given = cluster.inputs
        assert (given["storageEncrypted"], given["kmsKeyId"]) == (True, "arn:aws:mock:::pay-keys-data")
        assert given["iamDatabaseAuthenticationEnabled"] is True
        assert given["backupRetentionPeriod"] == 14
        assert (given["deletionProtection"], given["skipFinalSnapshot"], cluster.protect) == (True, False, True)
        subnets = graph.one("rds/subnetGroup:SubnetGroup").inputs["subnetIds"]
        assert subnets == [f"pay-net-data-{zone}-id" for zone in "abc"]


def test_the_last_snapshot_has_a_name_of_its_own_after_each_rebuild(home: Graph, secondary: Graph) -> None:
    """It ends in an identifier that AWS gives anew each time: a constant would be taken at the second destroy."""
    for graph in (home, secondary):
        given = graph.one(CLUSTER).inputs
        (access,) = given["vpcSecurityGroupIds"]
        assert given["finalSnapshotIdentifier"] == f"pay-db-cluster-final-{access}"


def test_connections_must_use_tls(home: Graph) -> None:
    """`rds.force_ssl` is on in the version's family."""
    group = home.one("rds/clusterParameterGroup:ClusterParameterGroup").inputs
    assert group["family"] == "aurora-postgresql17"
    assert {"name": "rds.force_ssl", "value": "1"} in group["parameters"]


def test_writer_and_reader_sit_in_different_zones(home: Graph) -> None:
    """One instance per named zone, equal in promotion tier, reachable from inside only."""
    instances = home.of(INSTANCE)
    assert {name: node.inputs["availabilityZone"] for name, node in instances.items()} == {
        "pay-db-a": "us-east-1a",
        "pay-db-b": "us-east-1b",
    }
    assert {node.inputs["promotionTier"] for node in instances.values()} == {1}
    assert not any(node.inputs["publiclyAccessible"] for node in instances.values())
    rule = home.of("vpc/securityGroupIngressRule:SecurityGroupIngressRule")["pay-db-access-postgresql"].inputs
    assert (rule["cidrIpv4"], rule["fromPort"], rule["toPort"]) == ("10.16.0.0/16", 5432, 5432)


def test_the_master_password_is_write_only_and_comes_from_the_replicated_secret(home: Graph) -> None:
    """Drawn once into a secret that the other regions have too; never a managed password, never a plain input."""
    secret = home.one("secretsmanager/secret:Secret")
    assert [each["region"] for each in secret.inputs["replicas"]] == ["ap-southeast-1", "eu-west-1"]
    assert secret.inputs["kmsKeyId"] == "arn:aws:mock:::pay-keys-secrets"
    first = home.one("secretsmanager/secretVersion:SecretVersion")
    assert first.inputs["secretStringWo"] == {"secret": "drawn"}
    assert first.ignored == {"secretStringWo", "secretStringWoVersion"}
    cluster = home.one(CLUSTER).inputs
    assert cluster["masterPasswordWo"] == {"secret": "drawn"}
    assert cluster["masterPasswordWoVersion"] == 1
    assert not {"masterPassword", "manageMasterUserPassword"} & set(cluster)


def test_a_region_that_joins_names_no_master(secondary: Graph) -> None:
    """Master user and database name come from the global cluster."""
    given = secondary.one(CLUSTER).inputs
    assert not {"masterUsername", "masterPasswordWo", "databaseName"} & set(given)
    assert not secondary.of("secretsmanager/secret:Secret")


def test_what_a_promotion_moves_is_ignored(home: Graph, secondary: Graph) -> None:
    """Membership, replication source and the members' engine version are not Pulumi's to put back."""
    for graph in (home, secondary):
        assert {"globalClusterIdentifier", "replicationSourceIdentifier", "engineVersion"} <= graph.one(CLUSTER).ignored
        for node in graph.of(INSTANCE).values():
            assert {"engineVersion", "promotionTier"} == node.ignored
