"""What Google Cloud does not make or change because of what else is in the world: taken, missing, misplaced.

Each rule names the document whose answer it gives. They are the refusals that a fleet meets, not all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from testbeds.lab.cloud import RefusedError
from testbeds.lab.gcp import databases, dns, loadbalancing, ranges
from testbeds.lab.gcp.kinds import (
    ACCOUNT,
    BACKEND,
    BUCKET,
    CACHE,
    CERTIFICATE,
    CERTIFICATE_MAP,
    CLUSTER,
    CONNECTION,
    FIREWALL,
    GLOBAL_ADDRESS,
    KEY,
    KEY_RING,
    MAP_ENTRY,
    NAMES,
    NAT,
    NETWORK,
    NODE_POOL,
    RECORD,
    ROUTER,
    RULE,
    RUN,
    SECRET,
    SECRET_VERSION,
    SQL,
    SUBNETWORK,
)
from testbeds.lab.gcp.references import at, find, leaf
from testbeds.lab.wire import Object, child, children, flag, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testbeds.lab.world import World, WorldObject

_NEEDED: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    SUBNETWORK: (("network", NETWORK),),
    FIREWALL: (("network", NETWORK),),
    ROUTER: (("network", NETWORK),),
    NAT: (("router", ROUTER),),
    CLUSTER: (("network", NETWORK), ("subnetwork", SUBNETWORK)),
    NODE_POOL: (("cluster", CLUSTER),),
    CONNECTION: (("network", NETWORK), ("reservedPeeringRanges", GLOBAL_ADDRESS)),
    KEY: (("keyRing", KEY_RING),),
    "gcp:sql/database:Database": (("instance", SQL),),
    "gcp:sql/user:User": (("instance", SQL),),
    RUN: (("template.vpcAccess.networkInterfaces.subnetwork", SUBNETWORK),),
    MAP_ENTRY: (("map", CERTIFICATE_MAP), ("certificates", CERTIFICATE)),
    SECRET_VERSION: (("secret", SECRET),),
}
"""What an object must find: property and the type that it names. A record's zone may be one that was brought along."""


@dataclass(frozen=True)
class Wanted:
    """An object that is to be made."""

    token: str
    inputs: Object
    project: str
    region: str


def taken(token: str, id_: str) -> RefusedError:
    """The refusal of a name that is taken (Google API errors, 409)."""
    if token == BUCKET:
        return RefusedError(
            "conflict", f"the requested bucket name {id_} is not available: all projects share the names"
        )
    kept = "; it can only be imported: keys and key rings are never deleted" if token in (KEY, KEY_RING) else ""
    return RefusedError("alreadyExists", f"the resource {id_!r} already exists{kept}")


def refuse_create(wanted: Wanted, world: World) -> None:
    """Refusals that need the world.

    Raises:
        RefusedError: It has no room for this object.
    """
    for path, type_ in _NEEDED.get(wanted.token, ()):
        for reference in at(wanted.inputs, path):
            if find(world, type_, reference) is None:
                raise RefusedError("notFound", f"the resource {reference!r} was not found ({path}: {type_})")
    _refuse_keys(wanted, world)
    _refuse_member(wanted, world)
    special = _OF_TYPE.get(wanted.token)
    if special:
        special(wanted, world)


def refuse_change(current: WorldObject, inputs: Object, world: World) -> None:
    """Changes that the world does not allow.

    Raises:
        RefusedError: The service refuses the change.
    """
    _refuse_keys(Wanted(current.type, inputs, "", current.region), world)
    if current.type == SUBNETWORK:
        ranges.refuse_overlap(inputs, current.id, world)
    if current.type == SQL:
        databases.refuse_instance_change(current, inputs, world)
    if current.type == BUCKET:
        _refuse_unlock(current, inputs)
    if current.type == BACKEND:
        loadbalancing.refuse_backend(inputs, world)
    if current.type == RECORD:
        dns.refuse_record(inputs, current.id, world)


def _refuse_sql(wanted: Wanted, world: World) -> None:
    """Cloud SQL documentation, "Delete instances": the name can be used again after a week, which never passes here."""
    name = text(wanted.inputs, "name")
    if world.is_spent(NAMES, "", f"{SQL}/{name}"):
        message = f"the Cloud SQL instance {name!r} was deleted: its name can be used again one week after that"
        raise RefusedError("instanceAlreadyExists", message)
    databases.refuse_instance(wanted.inputs, wanted.region, world)


_OF_TYPE: Final[Mapping[str, Callable[[Wanted, World], None]]] = {
    SUBNETWORK: lambda wanted, world: ranges.refuse_overlap(wanted.inputs, "", world),
    GLOBAL_ADDRESS: lambda wanted, world: ranges.refuse_range(wanted.inputs, world),
    SQL: _refuse_sql,
    CACHE: lambda wanted, world: databases.refuse_cache(wanted.inputs, wanted.region, world),
    CLUSTER: lambda wanted, world: ranges.refuse_secondary_ranges(wanted.inputs, world),
    RULE: lambda wanted, world: loadbalancing.refuse_rule(wanted.inputs, world),
    BACKEND: lambda wanted, world: loadbalancing.refuse_backend(wanted.inputs, world),
    RECORD: lambda wanted, world: dns.refuse_record(wanted.inputs, "", world),
}


_KEY_PATHS: Final[Mapping[str, str]] = {
    SQL: "encryptionKeyName",
    CACHE: "kmsKey",
    BUCKET: "encryption.defaultKmsKeyName",
    CLUSTER: "databaseEncryption.keyName",
    NODE_POOL: "nodeConfig.bootDiskKmsKey",
    RUN: "template.encryptionKey",
    "gcp:artifactregistry/repository:Repository": "kmsKeyName",
}
"""Where a type names the customer's key."""


def _refuse_keys(wanted: Wanted, world: World) -> None:
    """A customer's key must exist, be usable and lie where the object does (Cloud KMS documentation, CMEK)."""
    path = _KEY_PATHS.get(wanted.token)
    for reference in at(wanted.inputs, path) if path else ():
        key = find(world, KEY, reference)
        if key is None:
            raise RefusedError("notFound", f"KMS key {reference!r} not found")
        if any(text(one, "state") != "ENABLED" for one in children(key.outputs, "primaries")):
            raise RefusedError("failedPrecondition", f"KMS key {reference} has no version that is enabled")
        where = key.id.partition("/locations/")[2].partition("/")[0]
        if wanted.region and where != wanted.region:
            raise RefusedError(
                "invalid", f"KMS key {reference} is in {where}; {wanted.token} needs one in {wanted.region}"
            )


def _refuse_member(wanted: Wanted, world: World) -> None:
    """IAM refuses a service account that does not exist; Google's own (other domains) are taken as there."""
    kind, _, email = text(wanted.inputs, "member").partition(":")
    name, _, project = email.removesuffix(".iam.gserviceaccount.com").partition("@")
    own = kind == "serviceAccount" and email.endswith(f"@{wanted.project}.iam.gserviceaccount.com")
    if own and project == wanted.project and not any(leaf(one.id) == email for one in world.objects(ACCOUNT)):
        raise RefusedError("badRequest", f"Service account {name}@{project}.iam.gserviceaccount.com does not exist")


def _refuse_unlock(current: WorldObject, inputs: Object) -> None:
    """A lock that was set from outside of the program holds too."""
    message = retention_refusal(child(current.outputs, "retentionPolicy"), child(inputs, "retentionPolicy"))
    if message:
        raise RefusedError("forbidden", f"bucket {current.id}: {message}")


def retention_refusal(old: Object, new: Object) -> str:
    """Why a locked retention policy cannot become the new one; empty: it can (documentation, "Bucket Lock")."""
    if not flag(old, "isLocked"):
        return ""
    before, after = str(old.get("retentionPeriod") or 0), str(new.get("retentionPeriod") or 0)
    if not new:
        return "a locked retention policy cannot be removed"
    if before.isdigit() and after.isdigit() and int(after) < int(before):
        return f"a locked retention policy cannot be shortened from {before} to {after} seconds"
    return ""
