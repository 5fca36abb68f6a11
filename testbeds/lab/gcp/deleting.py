"""What Google Cloud does not delete: protected, retained, in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from testbeds.lab.cloud import RefusedError
from testbeds.lab.gcp import databases, loadbalancing
from testbeds.lab.gcp.kinds import (
    ADDRESS,
    AUTHORIZATION,
    BACKEND,
    BUCKET,
    CACHE,
    CERTIFICATE,
    CERTIFICATE_MAP,
    CLUSTER,
    CONNECTION,
    FIREWALL,
    GLOBAL_ADDRESS,
    GROUP,
    HEALTH_CHECK,
    HTTP_PROXY,
    HTTPS_PROXY,
    MAP_ENTRY,
    NAT,
    NETWORK,
    PEERING,
    POLICY,
    RECORD,
    ROUTER,
    RULE,
    RUN,
    SQL,
    SUBNETWORK,
    URL_MAP,
    ZONE,
)
from testbeds.lab.gcp.references import at, means, named_by
from testbeds.lab.wire import child, flag, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbeds.lab.world import World, WorldObject

PROTECTIONS: Final = ("deletionProtection", "deletionProtectionEnabled")
"""Outputs that, when true, keep an object (the provider's own, or the service's)."""


IN_USE_BY: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    NETWORK: (
        (SUBNETWORK, "network"),
        (FIREWALL, "network"),
        (ROUTER, "network"),
        (GLOBAL_ADDRESS, "network"),
        (CONNECTION, "network"),
        (PEERING, "network"),
        (CLUSTER, "network"),
        (SQL, "settings.ipConfiguration.privateNetwork"),
        (POLICY, "network"),
    ),
    SUBNETWORK: (
        (CLUSTER, "subnetwork"),
        (NAT, "subnetworks.name"),
        (RUN, "template.vpcAccess.networkInterfaces.subnetwork"),
        (POLICY, "pscConfig.subnetworks"),
    ),
    ADDRESS: ((NAT, "natIps"),),
    GLOBAL_ADDRESS: ((CONNECTION, "reservedPeeringRanges"), (RULE, "ipAddress")),
    SQL: ((SQL, "masterInstanceName"),),
    CACHE: ((CACHE, "crossInstanceReplicationConfig.primaryInstance.instance"),),
    HEALTH_CHECK: ((BACKEND, "healthChecks"), (RECORD, "routingPolicy.healthCheck")),
    "gcp:compute/securityPolicy:SecurityPolicy": ((BACKEND, "securityPolicy"),),
    GROUP: ((BACKEND, "backends.group"),),
    BACKEND: ((URL_MAP, "defaultService"), (URL_MAP, "pathMatchers")),
    URL_MAP: ((HTTPS_PROXY, "urlMap"), (HTTP_PROXY, "urlMap")),
    HTTPS_PROXY: ((RULE, "target"),),
    HTTP_PROXY: ((RULE, "target"),),
    "gcp:compute/sSLPolicy:SSLPolicy": ((HTTPS_PROXY, "sslPolicy"),),
    "gcp:compute/managedSslCertificate:ManagedSslCertificate": ((HTTPS_PROXY, "sslCertificates"),),
    CERTIFICATE_MAP: ((MAP_ENTRY, "map"), (HTTPS_PROXY, "certificateMap")),
    CERTIFICATE: ((MAP_ENTRY, "certificates"),),
    AUTHORIZATION: ((CERTIFICATE, "managed.dnsAuthorizations"),),
}
"""Types whose deletion is refused while an object of another type names them in a property."""


def refuse_delete(current: WorldObject, world: World) -> None:
    """Deletions that are refused: protected, retained, in use.

    Raises:
        RefusedError: It stays.
    """
    _refuse_protected(current)
    _refuse_retained(current, world)
    for type_, path in IN_USE_BY.get(current.type, ()):
        for user in world.objects(type_):
            if user.seq != current.seq and not is_abandoned(user) and _names(user, path, current):
                raise RefusedError(
                    "resourceInUseByAnotherResource", f"{current.id!r} is already being used by {user.id!r} ({type_})"
                )


def is_abandoned(current: WorldObject) -> bool:
    """Whether the provider forgets it instead of deleting it.

    Such a connection keeps neither its range nor its network: a range in use can be deleted (VPC, "Configure private
    services access"), and a network takes its peerings along.
    """
    return current.outputs.get("deletionPolicy") == "ABANDON"


def _refuse_protected(current: WorldObject) -> None:
    for name in PROTECTIONS:
        if flag(current.outputs, name):
            message = f"cannot destroy {current.id} without setting {name}=false and running `pulumi up` first"
            raise RefusedError("failedPrecondition", message)
    if current.outputs.get("deletionPolicy") == "PREVENT":
        raise RefusedError("failedPrecondition", f"cannot destroy {current.id}: its deletionPolicy is PREVENT")
    if flag(child(current.outputs, "settings"), "deletionProtectionEnabled"):
        raise RefusedError("failedPrecondition", f"{current.id} has settings.deletionProtectionEnabled; switch it off")


def _refuse_retained(current: WorldObject, world: World) -> None:
    if current.type == BUCKET and flag(child(current.outputs, "retentionPolicy"), "isLocked"):
        # Cloud Storage documentation, "Bucket Lock": only when every object is past its retention; here none ever is.
        raise RefusedError("retentionPolicyNotMet", f"bucket {current.id} has a locked retention policy")
    if current.type == CONNECTION:
        databases.refuse_connection_delete(current, world)
    if current.type == POLICY:
        databases.refuse_policy_delete(current, world)
    if current.type == ZONE and not flag(current.outputs, "forceDestroy"):
        for record in world.objects(RECORD):
            if named_by(record.outputs, "managedZone", current):
                raise RefusedError("containerNotEmpty", f"zone {current.id} still has the record {record.id}")


def _names(user: WorldObject, path: str, current: WorldObject) -> bool:
    own_address = text(current.outputs, "address")
    if current.type == GLOBAL_ADDRESS and own_address and own_address in at(user.outputs, path):
        return True
    if path == "pathMatchers":
        return any(means(each, current) for each in loadbalancing.services(user.outputs))
    return named_by(user.outputs, path, current)
