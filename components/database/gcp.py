"""The database on Google Cloud: Cloud SQL for PostgreSQL, Enterprise Plus. Never run against a real account.

Home is born primary, the others as its read replicas. Roles move by `instances.switchover` and
`instances.promoteReplica`, outside of Pulumi, to the one replica that is designated for disaster recovery; Google then
points the write endpoint, the old primary and the other replicas to it. So every property that this changes is ignored
here, and everything that the writer's role would decide is decided by `Birth` instead. (Cloud SQL, "Use advanced
disaster recovery"; Pulumi's page of `sql.DatabaseInstance`, "Switchover".)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_gcp as gcp

from components.clouds.gcp import labels, project, reachable, zone_name
from components.database.component import Birth, DatabaseOutputs
from components.keys.spec import Purpose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.base import Scope
    from components.database.spec import DatabaseSpec
    from components.keys.component import KeysOutputs
    from components.network.component import NetworkOutputs

NOT_OFFERED: Final[Mapping[str, str]] = {
    "secret": "people and services sign in with their Google identity: there is no master password to keep",
}
FLAGS = {"cloudsql.iam_authentication": "on", "log_min_duration_statement": "1000"}
# What a switchover or a promotion changes on both sides.
MOVED = ["instanceType", "masterInstanceName", "replicaConfiguration", "replicaNames"]
DESIGNATED = "replicationCluster"
BACKED_UP = ["settings.backupConfiguration.enabled", "settings.backupConfiguration.pointInTimeRecoveryEnabled"]


def build(
    scope: Scope, spec: DatabaseSpec, network: NetworkOutputs, keys: KeysOutputs, birth: Birth
) -> DatabaseOutputs:
    """Make this region's instance; in the home region the database inside too."""
    if birth.global_group is None:
        instance = make_primary(scope, spec, network, keys, birth)
        group: pulumi.Input[str] = instance.name
        make_database(scope, spec, instance)
    else:
        instance = make_replica(scope, spec, network, keys, birth.global_group)
        group = birth.global_group
    return DatabaseOutputs(
        place=scope.place,
        global_group=group,
        id=pulumi.Output.concat("projects/", instance.project, "/instances/", instance.name),
        cluster=instance.name,
        writer_endpoint=write_endpoint(instance),
        reader_endpoint=instance.private_ip_address,
        port=spec.port,
        secret=None,
    )


def write_endpoint(instance: gcp.sql.DatabaseInstance) -> pulumi.Output[str]:
    """The name that follows the writer; an instance that was given none is reached by its address."""
    address = instance.private_ip_address

    def endpoint(cluster: gcp.sql.outputs.DatabaseInstanceReplicationCluster | None) -> pulumi.Output[str]:
        name = cluster.psa_write_endpoint if cluster else None
        return pulumi.Output.from_input(name) if name else address

    return instance.replication_cluster.apply(endpoint)


def make_primary(
    scope: Scope, spec: DatabaseSpec, network: NetworkOutputs, keys: KeysOutputs, birth: Birth
) -> gcp.sql.DatabaseInstance:
    """The instance that is born primary, backed up to any second.

    Its designated replica can be named only once both exist. That is the settling wave's to say; in every other wave
    the name is ignored, because a failover moves it.
    """
    backups: gcp.sql.DatabaseInstanceSettingsBackupConfigurationArgsDict = {
        "enabled": True,
        "point_in_time_recovery_enabled": True,
        "start_time": "03:00",
        "location": scope.place.region,
        "transaction_log_retention_days": spec.backup_retention_days,
        "backup_retention_settings": {"retained_backups": spec.backup_retention_days, "retention_unit": "COUNT"},
    }
    designated: gcp.sql.DatabaseInstanceReplicationClusterArgsDict | None = None
    if birth.standby == "":
        designated = {"failover_dr_replica_name": ""}
    elif birth.standby is not None:
        standby = pulumi.Output.concat(project(scope).project_id, ":", birth.standby)
        designated = {"failover_dr_replica_name": standby}
    return gcp.sql.DatabaseInstance(
        scope.named("instance"),
        instance_type="CLOUD_SQL_INSTANCE",
        database_version=version(spec),
        region=scope.place.region,
        encryption_key_name=keys.by_purpose[Purpose.DATA],
        replication_cluster=designated,
        settings=settings(scope, spec, network, backups),
        deletion_protection=scope.place.protect,
        opts=scope.opts(
            ignore=[*MOVED, *BACKED_UP, *([] if designated else [DESIGNATED])],
            holds_data=True,
        ),
    )


def make_replica(
    scope: Scope,
    spec: DatabaseSpec,
    network: NetworkOutputs,
    keys: KeysOutputs,
    primary: pulumi.Input[str],
) -> gcp.sql.DatabaseInstance:
    """An instance born as a replica of home's: same tier, version and TLS, a standby of its own in another zone.

    Backups are Google's to switch on when it is promoted and off when it is a replica again, so all about them is
    ignored here.
    """
    backups: gcp.sql.DatabaseInstanceSettingsBackupConfigurationArgsDict = {
        "enabled": False,
        "point_in_time_recovery_enabled": False,
    }
    return gcp.sql.DatabaseInstance(
        scope.named("instance"),
        instance_type="READ_REPLICA_INSTANCE",
        master_instance_name=primary,
        replica_configuration={"failover_target": False},
        database_version=version(spec),
        region=scope.place.region,
        encryption_key_name=keys.by_purpose[Purpose.DATA],
        settings=settings(scope, spec, network, backups),
        deletion_protection=scope.place.protect,
        opts=scope.opts(ignore=[*MOVED, DESIGNATED, "settings.backupConfiguration"], holds_data=True),
    )


def settings(
    scope: Scope,
    spec: DatabaseSpec,
    network: NetworkOutputs,
    backups: gcp.sql.DatabaseInstanceSettingsBackupConfigurationArgsDict,
) -> gcp.sql.DatabaseInstanceSettingsArgsDict:
    """What every instance has: two zones, no public address, TLS, sign-in by identity, deletion protection.

    PostgreSQL itself refuses TLS before 1.2 (`ssl_min_protocol_version`).
    """
    first, second = (zone_name(scope.place.region, zone) for zone in sorted(spec.zones))
    return {
        "edition": "ENTERPRISE_PLUS",
        "tier": tier(spec),
        "availability_type": "REGIONAL",
        "location_preference": {"zone": first, "secondary_zone": second},
        "disk_type": disk_type(spec),
        "disk_autoresize": True,
        "ip_configuration": {
            "ipv4_enabled": False,
            "private_network": reachable(network),
            "ssl_mode": "ENCRYPTED_ONLY",
        },
        "backup_configuration": backups,
        "database_flags": [{"name": flag, "value": FLAGS[flag]} for flag in sorted(FLAGS)],
        "insights_config": {"query_insights_enabled": True, "record_application_tags": True},
        # Minor versions come by maintenance; Sunday, an hour after the backup.
        "maintenance_window": {"day": 7, "hour": 4, "update_track": "stable"},
        "deletion_protection_enabled": scope.place.protect,
        "retain_backups_on_delete": True,
        "user_labels": labels(scope),
    }


def make_database(scope: Scope, spec: DatabaseSpec, instance: gcp.sql.DatabaseInstance) -> None:
    """The database inside the server; replicas get it from home."""
    gcp.sql.Database(scope.named("database"), instance=instance.name, name=spec.name, opts=scope.opts(holds_data=True))


def version(spec: DatabaseSpec) -> str:
    """The major version: Cloud SQL chooses the minor one (Cloud SQL, "Database versions and version policies")."""
    return f"POSTGRES_{spec.engine_version.split('.', maxsplit=1)[0]}"


def tier(spec: DatabaseSpec) -> str:
    """The Enterprise Plus machine of that many processors, 8 GiB for each, unless the options name another."""
    return spec.gcp.tier or f"db-perf-optimized-N-{spec.vcpus}"


def disk_type(spec: DatabaseSpec) -> str:
    """What the machines' disks are called: C4A knows only Hyperdisk (Cloud SQL, "Machine series overview")."""
    return "HYPERDISK_BALANCED" if tier(spec).startswith("db-c4a-") else "PD_SSD"
