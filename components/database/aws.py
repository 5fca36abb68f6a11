"""The database on AWS: Aurora PostgreSQL, global. Never run against a real account.

Roles move by `failover_global_cluster` and `switchover_global_cluster`, outside of Pulumi. So every property that such
a call changes is ignored here, and everything that the writer's role would decide is decided by `Birth` instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.clouds.aws import allow_in, role, security_group, zone_name
from components.clouds.aws_sizes import instance_class
from components.database.component import Birth, DatabaseOutputs
from components.keys.spec import Purpose
from components.network.spec import Tier

if TYPE_CHECKING:
    from components.base import Scope
    from components.database.spec import DatabaseSpec
    from components.keys.component import KeysOutputs
    from components.network.component import NetworkOutputs

ENGINE = aws.rds.EngineType.AURORA_POSTGRESQL
# A failover detaches and re-attaches members; the global cluster's version is the only one that is set.
MOVED = ["globalClusterIdentifier", "replicationSourceIdentifier", "engineVersion", "availabilityZones"]


@dataclass(frozen=True)
class Login:
    """What the home region's cluster is told of its master user; a secondary is told nothing."""

    user: str | None = None
    password: pulumi.Output[str] | None = None
    password_version: int | None = None


def build(
    scope: Scope, spec: DatabaseSpec, network: NetworkOutputs, keys: KeysOutputs, birth: Birth
) -> DatabaseOutputs:
    """Make this region's cluster; in the home region the global cluster and the master secret too."""
    group = make_global(scope, spec).id if birth.global_group is None else birth.global_group
    secret = make_secret(scope, keys, birth) if birth.home else None
    login = master_login(scope, spec, secret) if secret else Login()
    cluster = make_cluster(scope, spec, network, keys, group, login)
    make_instances(scope, spec, keys, cluster)
    return DatabaseOutputs(
        place=scope.place,
        global_group=group,
        id=cluster.arn,
        cluster=cluster.cluster_identifier,
        writer_endpoint=cluster.endpoint,
        reader_endpoint=cluster.reader_endpoint,
        port=spec.port,
        secret=secret.arn if secret else None,
    )


def make_global(scope: Scope, spec: DatabaseSpec) -> aws.rds.GlobalCluster:
    """What spans the regions; its engine version is the members' too."""
    name = scope.named("global")
    return aws.rds.GlobalCluster(
        name,
        global_cluster_identifier=name,
        engine=ENGINE,
        engine_version=spec.engine_version,
        database_name=spec.name,
        storage_encrypted=True,
        deletion_protection=scope.place.protect,
        tags=scope.tags(name),
        opts=scope.opts(holds_data=True),
    )


def make_secret(scope: Scope, keys: KeysOutputs, birth: Birth) -> aws.secretsmanager.Secret:
    """The master password's home, replicated so that a region that takes over needs nothing of the lost one.

    A replica is encrypted with its own region's AWS-managed key: our key there does not exist yet when home is made.
    """
    name = scope.named("master")
    return aws.secretsmanager.Secret(
        name,
        description=f"Master user of {scope.name}",
        kms_key_id=keys.by_purpose[Purpose.SECRETS],
        recovery_window_in_days=30,
        replicas=[{"region": region} for region in sorted(birth.secret_regions)],
        tags=scope.tags(name),
        opts=scope.opts(holds_data=True),
    )


def master_login(scope: Scope, spec: DatabaseSpec, secret: aws.secretsmanager.Secret) -> Login:
    """User and password of the home region's cluster; the password is encrypted in the state, and AWS never returns it.

    The first value is drawn once; whoever rotates puts a new one into the secret and raises `password_version`.
    """
    within = pulumi.InvokeOptions(parent=scope.parent)
    drawn = aws.secretsmanager.get_random_password_output(password_length=48, exclude_punctuation=True, opts=within)
    first = aws.secretsmanager.SecretVersion(
        scope.named("master-first"),
        secret_id=secret.id,
        secret_string_wo=pulumi.Output.secret(drawn.random_password),
        secret_string_wo_version=1,
        opts=scope.opts(ignore=["secretStringWo", "secretStringWoVersion"]),
    )
    # Not `first.secret_id` alone: an update limited to other resources knows that, though it makes no version.
    readable = pulumi.Output.all(first.secret_id, first.version_id).apply(lambda known: str(known[0]))
    current = aws.secretsmanager.get_secret_version_output(secret_id=readable, opts=within)
    return Login(spec.master_user, pulumi.Output.secret(current.secret_string), spec.password_version)


def make_cluster(
    scope: Scope,
    spec: DatabaseSpec,
    network: NetworkOutputs,
    keys: KeysOutputs,
    group: pulumi.Input[str],
    login: Login,
) -> aws.rds.Cluster:
    """This region's cluster: encrypted, TLS only, IAM sign-in, backups, deletion protection."""
    name = scope.named("cluster")
    access = make_security_group(scope, spec, network)
    return aws.rds.Cluster(
        name,
        engine=ENGINE,
        engine_version=spec.engine_version,
        global_cluster_identifier=group,
        db_subnet_group_name=make_subnet_group(scope, network).name,
        vpc_security_group_ids=[access.id],
        db_cluster_parameter_group_name=make_parameters(scope, spec).name,
        port=spec.port,
        storage_encrypted=True,
        kms_key_id=keys.by_purpose[Purpose.DATA],
        iam_database_authentication_enabled=True,
        backup_retention_period=spec.backup_retention_days,
        preferred_backup_window="03:00-04:00",
        copy_tags_to_snapshot=True,
        deletion_protection=scope.place.protect,
        skip_final_snapshot=False,
        # A snapshot outlives its cluster, and its name is taken: the security group's identifier is another after
        # each rebuild and known in every preview between.
        final_snapshot_identifier=pulumi.Output.concat(name, "-final-", access.id),
        enabled_cloudwatch_logs_exports=["postgresql"],
        master_username=login.user,
        master_password_wo=login.password,
        master_password_wo_version=login.password_version,
        tags=scope.tags(name),
        opts=scope.opts(ignore=MOVED, holds_data=True),
    )


def make_subnet_group(scope: Scope, network: NetworkOutputs) -> aws.rds.SubnetGroup:
    """The isolated subnets of every zone."""
    name = scope.named("subnets")
    return aws.rds.SubnetGroup(name, subnet_ids=network.tier(Tier.DATA), tags=scope.tags(name), opts=scope.opts())


def make_security_group(scope: Scope, spec: DatabaseSpec, network: NetworkOutputs) -> aws.ec2.SecurityGroup:
    """Reached from inside the network on one port; reaches nothing."""
    group = security_group(scope, "access", network.id, f"PostgreSQL of {scope.name}, from the network")
    allow_in(scope, "access-postgresql", group, spec.port, network.cidr)
    return group


def make_parameters(scope: Scope, spec: DatabaseSpec) -> aws.rds.ClusterParameterGroup:
    """TLS for every connection; statistics of statements for whoever looks for the slow one."""
    name = scope.named("parameters")
    settings = {"rds.force_ssl": "1", "log_min_duration_statement": "1000"}
    if spec.aws.global_rpo_s is not None:
        settings["rds.global_db_rpo"] = str(spec.aws.global_rpo_s)
    return aws.rds.ClusterParameterGroup(
        name,
        family=f"{ENGINE.value}{spec.engine_version.split('.', maxsplit=1)[0]}",
        description=f"Settings of {scope.name}",
        parameters=[{"name": key, "value": settings[key]} for key in sorted(settings)],
        tags=scope.tags(name),
        opts=scope.opts(),
    )


def make_instances(scope: Scope, spec: DatabaseSpec, keys: KeysOutputs, cluster: aws.rds.Cluster) -> None:
    """One instance per zone. Which of them writes is Aurora's to say: equal size, equal tier."""
    monitor = role(scope, "monitor", "monitoring.rds.amazonaws.com", ("service-role/AmazonRDSEnhancedMonitoringRole",))
    for zone in sorted(spec.zones):
        name = scope.named(zone)
        aws.rds.ClusterInstance(
            name,
            cluster_identifier=cluster.id,
            engine=ENGINE,
            engine_version=cluster.engine_version_actual,
            instance_class=instance_class(spec),
            availability_zone=zone_name(scope.place.region, zone),
            promotion_tier=1,
            publicly_accessible=False,
            auto_minor_version_upgrade=False,
            performance_insights_enabled=True,
            performance_insights_kms_key_id=keys.by_purpose[Purpose.DATA],
            monitoring_interval=30,
            monitoring_role_arn=monitor.arn,
            copy_tags_to_snapshot=True,
            tags=scope.tags(name),
            opts=scope.opts(ignore=["engineVersion", "promotionTier"], holds_data=True),
        )
