"""The database on Azure: PostgreSQL flexible server with replicas. Never run against a real account.

A promotion swaps the roles of two servers, outside of Pulumi. So everything that it changes is ignored here, and what
the writer's role would decide is decided by `Birth` instead. Callers use the virtual endpoint, which follows the
writer; it is of the home region's server and must name a replica that exists, so the region that stands by makes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pulumi
import pulumi_azure_native as azure

from components.clouds.azure import ZONE_NUMBERS, of, segment
from components.database.component import Birth, DatabaseOutputs
from components.keys.spec import Purpose
from components.network.azure import database_zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.base import Scope
    from components.database.spec import DatabaseSpec
    from components.keys.component import AzureKeys, KeysOutputs
    from components.network.component import NetworkOutputs

NOT_OFFERED: Final[Mapping[str, str]] = {
    "secret": "nobody signs in with a password: people and services use their identity in Entra",
    "zones": "a replica cannot have a second server in another zone before it is promoted; the home region's has one",
    "deletion_protection": "a server has none of its own, and a management lock would also hold on to what a replica "
    "makes in it; the engine's protection holds, and a deleted server can be brought back for five days",
}
HOST: Final = "postgres.database.azure.com"
# A promotion swaps source and replica, and the one that was the source loses its second server; the disk grows by
# itself; zones swap when the second server takes over (PostgreSQL documentation, "Promote read replicas").
MOVED: Final = [
    *("createMode", "replicationRole", "replica", "sourceServerResourceId", "highAvailability", "availabilityZone"),
    *("storage.storageSizeGB", "storage.tier", "storage.iops"),
]
SETTINGS: Final[Mapping[str, str]] = {
    "log_min_duration_statement": "1000",
    "require_secure_transport": "on",
    "ssl_min_protocol_version": "TLSv1.2",
}
"""TLS for every connection; statements that take a second are in the log."""


def build(
    scope: Scope, spec: DatabaseSpec, network: NetworkOutputs, keys: KeysOutputs, birth: Birth
) -> DatabaseOutputs:
    """Make this region's server; at home the database too, and in the region that stands by the virtual endpoint."""
    inside = of(keys)
    born_with = own_settings(spec) if birth.global_group is None else joined_settings(birth.global_group)
    server = make_server(scope, spec, network, keys, born_with)
    settled = make_settings(scope, inside, server)
    if birth.global_group is None:
        source: pulumi.Output[str] = server.id
        make_database(scope, spec, inside, server, settled)
    else:
        source = pulumi.Output.from_input(birth.global_group)
        if birth.is_standby:
            make_virtual_endpoint(scope, source, server)
    own = server.fully_qualified_domain_name
    follows = pulumi.Output.concat(virtual_name(source), ".writer.", HOST)
    has_standby = not birth.home or spec.standby_region is not None
    return DatabaseOutputs(
        place=scope.place,
        global_group=source,
        id=server.id,
        cluster=server.name,
        writer_endpoint=follows if has_standby else own,
        reader_endpoint=own,
        port=spec.port,
        secret=None,
    )


def own_settings(spec: DatabaseSpec) -> dict[str, Any]:
    """What the home region's server is born with: a second server in another zone."""
    first, second = sorted(spec.zones)[:2]
    return {
        "create_mode": azure.dbforpostgresql.CreateMode.CREATE,
        "version": spec.engine_version.split(".", maxsplit=1)[0],
        "availability_zone": ZONE_NUMBERS[first],
        "high_availability": {"mode": "ZoneRedundant", "standby_availability_zone": ZONE_NUMBERS[second]},
    }


def joined_settings(source: pulumi.Input[str]) -> dict[str, Any]:
    """What a replica is born with; its version is its source's."""
    return {"create_mode": azure.dbforpostgresql.CreateMode.REPLICA, "source_server_resource_id": source}


def make_server(
    scope: Scope,
    spec: DatabaseSpec,
    network: NetworkOutputs,
    keys: KeysOutputs,
    born_with: Mapping[str, Any],
) -> azure.dbforpostgresql.Server:
    """This region's server: our key, in our network, signed in to by identity only, backed up."""
    inside, name = of(keys), scope.named("server")
    return azure.dbforpostgresql.Server(
        name,
        server_name=pulumi.Output.concat(scope.name, "-", inside.suffix),
        resource_group_name=inside.group,
        sku={"name": size(spec), "tier": azure.dbforpostgresql.SkuTier.MEMORY_OPTIMIZED},
        storage={"storage_size_gb": spec.azure.storage_gib, "auto_grow": "Enabled"},
        # Geo-redundant backups would need a key in the paired region; the replicas are the copy elsewhere.
        backup={"backup_retention_days": spec.backup_retention_days, "geo_redundant_backup": "Disabled"},
        network=private_place(scope.place.fleet, network),
        auth_config={
            "active_directory_auth": "Enabled",
            "password_auth": "Disabled",
            "tenant_id": inside.tenant_id,
        },
        identity={"type": "UserAssigned", "user_assigned_identities": as_mapping(inside.identity_id)},
        data_encryption={
            "type": azure.dbforpostgresql.DataEncryptionType.AZURE_KEY_VAULT,
            # Without a version, so that a rotated key is taken up (its documentation, "Data encryption").
            "primary_key_uri": keys.by_purpose[Purpose.DATA],
            "primary_user_assigned_identity_id": inside.identity_id,
        },
        maintenance_window={"custom_window": "Enabled", "day_of_week": 0, "start_hour": 3, "start_minute": 0},
        tags=scope.tags(name),
        opts=scope.opts(ignore=MOVED, holds_data=True),
        **born_with,
    )


def size(spec: DatabaseSpec) -> str:
    """The memory-optimized size of that many processors: 8 GiB for each (Virtual Machines, "Edsv5 series")."""
    return spec.azure.sku or f"Standard_E{spec.vcpus}ds_v5"


def private_place(fleet: str, network: NetworkOutputs) -> azure.dbforpostgresql.NetworkArgsDict:
    """The subnet that is given to PostgreSQL, and the private zone that its name is in."""
    assert network.azure is not None, "a network of another cloud"  # noqa: S101 (built by hand: a bug)
    return {
        "delegated_subnet_resource_id": network.azure.delegated["postgresql"],
        "private_dns_zone_arm_resource_id": network.azure.private_zones[database_zone(fleet)],
    }


def as_mapping(identity_id: pulumi.Input[str]) -> pulumi.Output[dict[str, azure.dbforpostgresql.UserIdentityArgsDict]]:
    """An identity as Azure's maps want it: the id is the key."""
    return pulumi.Output.from_input(identity_id).apply(lambda known: {known: {}})


def make_settings(
    scope: Scope, inside: AzureKeys, server: azure.dbforpostgresql.Server
) -> list[azure.dbforpostgresql.Configuration]:
    """The server's parameters, one after another: the server refuses a second change while one is under way."""
    made: list[azure.dbforpostgresql.Configuration] = []
    for setting, value in SETTINGS.items():
        made.append(
            azure.dbforpostgresql.Configuration(
                scope.named(setting.replace("_", "-")),
                resource_group_name=inside.group,
                server_name=server.name,
                configuration_name=setting,
                value=value,
                source="user-override",
                opts=scope.opts(depends_on=made[-1:]),
            )
        )
    return made


def make_database(
    scope: Scope,
    spec: DatabaseSpec,
    inside: AzureKeys,
    server: azure.dbforpostgresql.Server,
    before: list[azure.dbforpostgresql.Configuration],
) -> None:
    """The administrator, which is the keys' identity, and the database; replicas get both from their source."""
    administrator = azure.dbforpostgresql.AdministratorsMicrosoftEntra(
        scope.named("administrator"),
        resource_group_name=inside.group,
        server_name=server.name,
        object_id=inside.principal_id,
        principal_name=inside.identity_name,
        principal_type=azure.dbforpostgresql.PrincipalType.SERVICE_PRINCIPAL,
        tenant_id=inside.tenant_id,
        opts=scope.opts(depends_on=before[-1:]),
    )
    azure.dbforpostgresql.Database(
        scope.named("database"),
        resource_group_name=inside.group,
        server_name=server.name,
        database_name=spec.name,
        charset="UTF8",
        collation="en_US.utf8",
        opts=scope.opts(holds_data=True, depends_on=[administrator]),
    )


def virtual_name(source: pulumi.Input[str]) -> pulumi.Output[str]:
    """The virtual endpoint is called after the home region's server, so that every region knows it beforehand."""
    return segment(source, "flexibleServers")


def make_virtual_endpoint(
    scope: Scope, source: pulumi.Output[str], standby: azure.dbforpostgresql.Server
) -> azure.dbforpostgresql.VirtualEndpoint:
    """The name that follows the writer. Only the replica that it names can be promoted by a switchover."""
    return azure.dbforpostgresql.VirtualEndpoint(
        scope.named("follow"),
        resource_group_name=segment(source, "resourceGroups"),
        server_name=segment(source, "flexibleServers"),
        virtual_endpoint_name=virtual_name(source),
        endpoint_type=azure.dbforpostgresql.VirtualEndpointType.READ_WRITE,
        members=[standby.name],
        opts=scope.opts(ignore=["members"]),
    )
