"""What Azure refuses besides shape: values that do not fit each other or the world, changes it cannot make, deletions.

Resource Manager's own rules are here; those of the services are in the modules beside this one. They are the refusals
that a fleet meets, not all of them.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from testbeds.lab.azure import compute, data, network, traffic
from testbeds.lab.azure.asked import named
from testbeds.lab.azure.identity import PATHS, part_of
from testbeds.lab.azure.naming import GLOBAL_NAMES, NAMED_BY_REGION, NAMES
from testbeds.lab.changes import Change, Outcome, differences
from testbeds.lab.checking import Failure
from testbeds.lab.cloud import RefusedError
from testbeds.lab.paths import parts
from testbeds.lab.wire import Json, Object, child, has_unknown, text, texts, word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from testbeds.lab.azure.asked import Asked, Coming
    from testbeds.lab.tables import TypeTable
    from testbeds.lab.world import World, WorldObject

GROUP: Final = "azure-native:resources:ResourceGroup"
_ZONE: Final = "azure-native:dns:Zone"
_BORN_WITH: Final = frozenset({"networkwatcherrg"})
"""Resource groups that Azure makes by itself."""

IN_USE_BY: Final[Mapping[str, tuple[str, tuple[tuple[str, str], ...]]]] = {
    network.NAT: ("InUseNatGatewayCannotBeDeleted", ((network.SUBNET, "natGateway.id"),)),
    "azure-native:network:NetworkSecurityGroup": (
        "InUseNetworkSecurityGroupCannotBeDeleted",
        ((network.SUBNET, "networkSecurityGroup.id"),),
    ),
    "azure-native:network:RouteTable": ("InUseRouteTableCannotBeDeleted", ((network.SUBNET, "routeTable.id"),)),
    "azure-native:network:PublicIPAddress": (
        "PublicIPAddressCannotBeDeleted",
        ((network.NAT, "publicIpAddresses.id"),),
    ),
    "azure-native:compute:DiskEncryptionSet": (
        "OperationNotAllowed",
        ((compute.CLUSTER, "diskEncryptionSetID"),),
    ),
    compute.PLAN: ("Conflict", ((compute.APP, "serverFarmId"), (compute.SLOT, "serverFarmId"))),
}
"""Types whose deletion is refused while an object of another type names them, with the service's error code."""

_NESTED_FIRST: Final[Mapping[str, str]] = {
    "azure-native:privatedns:PrivateZone": "azure-native:privatedns:VirtualNetworkLink",
}
"""Types whose deletion is refused while they have children of a type; the others take theirs along."""

_MOST_TAGS: Final = 50
_LONGEST_KEY: Final = 512
_LONGEST_VALUE: Final = 256
_NOT_IN_KEYS: Final = re.compile(r"[<>%&\\?/]")


def refused_inputs(asked: Asked) -> Iterator[Failure]:
    """Refusals that need no look at the world: known from the inputs before and after."""
    yield from _location(asked)
    yield from _name(asked)
    yield from _tags(asked.news)
    yield from _zones(asked)
    for service in (network, data, compute, traffic):
        yield from service.refused_inputs(asked)


def _location(asked: Asked) -> Iterator[Failure]:
    location = text(asked.news, "location")
    if location and location != "global" and location not in asked.tables.zones:
        known = ", ".join(sorted(asked.tables.zones))
        yield Failure("location", f"LocationNotAvailableForResourceType: {location!r} is no Azure region; {known}")


def _name(asked: Asked) -> Iterator[Failure]:
    rule = NAMES.get(asked.token)
    name = text(asked.news, rule.input) if rule else ""
    if rule and name and not rule.pattern.fullmatch(name):
        yield Failure(rule.input, f"InvalidResourceName: {name!r}; {rule.says}")


def _tags(news: Object) -> Iterator[Failure]:
    """Resource Manager documentation, "Use tags to organize your Azure resources", limitations."""
    tags = child(news, "tags")
    if len(tags) > _MOST_TAGS:
        yield Failure("tags", f"InvalidTags: {len(tags)} tags; at most {_MOST_TAGS} are accepted")
    for key, value in tags.items():
        if len(key) > _LONGEST_KEY or _NOT_IN_KEYS.search(key):
            yield Failure("tags", rf"InvalidTagNameCharacters: {key!r}; at most {_LONGEST_KEY} without <>%&\?/")
        if isinstance(value, str) and len(value) > _LONGEST_VALUE:
            yield Failure("tags", f"InvalidTagValueLength: {key}: {len(value)}; at most {_LONGEST_VALUE} characters")


def _zones(asked: Asked) -> Iterator[Failure]:
    zones = asked.tables.zones.get(asked.region)
    if zones is None:
        return
    wanted = [(path, zone) for path in ("zones", "availabilityZones") for zone in texts(asked.news, path)]
    wanted += [("availabilityZone", text(asked.news, "availabilityZone"))]
    wanted += [
        ("highAvailability.standbyAvailabilityZone", word(asked.news, "highAvailability.standbyAvailabilityZone"))
    ]
    pools = sorted(named(asked.news, "agentPoolProfiles.availabilityZones"))
    wanted += [("agentPoolProfiles", zone) for zone in pools]
    for path, zone in wanted:
        if zone and zone not in zones:
            has = f"it has: {', '.join(zones)}" if zones else "it has no availability zones"
            yield Failure(path, f"AvailabilityZoneNotSupported: {asked.region} has no zone {zone!r}; {has}")


def refused_changes(wanted: Object, before: Object, table: TypeTable) -> Iterator[Failure]:
    """Changes that the provider would send and the service would refuse; none when the object is replaced anyway."""
    tops = sorted({path.split(".")[0] for path in (*table.create_only, *table.fixed)})
    changes = [change for top in tops for change in differences(before.get(top), wanted.get(top), top, top, table)]
    if any(change.replaces for change in changes):
        return
    for change in changes:
        old, new = _value(before, change.path), _value(wanted, change.path)
        if change.fixed and not has_unknown([new]) and not _is_default(change, old, new, table):
            was = "nothing" if old is None else repr(old)
            now = "nothing" if new is None else repr(new)
            yield Failure(
                change.path,
                f"PropertyChangeNotAllowed: it was {was}, {now} is asked for; Azure can only make it anew: "
                "give it another name, or delete it first",
            )


def _is_default(change: Change, old: Json, new: Json, table: TypeTable) -> bool:
    default = table.defaults.get(re.sub(r"\[\d+\]", "", change.path))
    given = new if change.outcome is Outcome.ADD else old if change.outcome is Outcome.DELETE else None
    return default is not None and given == default


def _value(values: Object, path: str) -> Json:
    value: Json = values
    for part in parts(path):
        if isinstance(value, dict):
            value = value.get(str(part))
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[part]
        else:
            return None
    return value


def refuse_create(coming: Coming, world: World) -> None:
    """Refusals that need the world.

    Raises:
        RefusedError: It has no room for this object.
    """
    _has_parents(coming, world)
    _name_is_free(coming, world)
    for service in (network, data, compute, traffic):
        service.refuse_create(coming, world)


def _has_parents(coming: Coming, world: World) -> None:
    if coming.token == traffic.RECORD and not world.objects(_ZONE):
        return  # the zone is one that somebody brought along, as its registrar knows it
    group, name = "/".join(coming.id.split("/")[:5]), part_of(coming.id, "resourceGroups")
    if coming.token != GROUP and name and name.lower() not in _BORN_WITH and not world.objects(GROUP, id_=group):
        raise RefusedError("ResourceGroupNotFound", f"resource group {name!r} could not be found")
    # The path of a type that is not listed is a guess: nothing is refused because of it.
    for parent in _parents(coming.id) if coming.token in PATHS else ():
        if part_of(parent, "resourceGroups").lower() in _BORN_WITH:
            continue  # with the first network in a region Azure makes its watcher (Network Watcher documentation)
        if not parent.endswith("/default") and not world.objects(id_=parent):
            raise RefusedError("ParentResourceNotFound", f"there is no {parent}, which {coming.id} is of")


def _parents(id_: str) -> list[str]:
    """What an object is nested in, or what it extends as a role and a diagnostic setting do."""
    scope, _, tail = id_.rpartition("/providers/")
    if "/providers/" in scope:
        return [*_parents(scope), scope]
    steps = tail.split("/") if scope else []
    return [f"{scope}/providers/{'/'.join(steps[:length])}" for length in range(3, len(steps), 2)]


def _name_is_free(coming: Coming, world: World) -> None:
    """Names that a host is made of belong to one customer of Azure's."""
    path = GLOBAL_NAMES.get(coming.token)
    if path is None:
        return
    name = word(coming.inputs, path).lower()
    where = coming.region if coming.token in NAMED_BY_REGION else None
    for other in world.objects(coming.token, region=where):
        if name and word(other.inputs, path).lower() == name:
            raise RefusedError("NameNotAvailable", f"the name {name!r} is already taken")


def refuse_change(current: WorldObject, inputs: Object, world: World) -> None:
    """Changes that the world does not allow.

    Raises:
        RefusedError: The service refuses the change.
    """
    for service in (network, data, compute, traffic):
        service.refuse_change(current, inputs, world)


def refuse_delete(current: WorldObject, world: World) -> None:
    """Deletions that the service refuses: protected, in use.

    Raises:
        RefusedError: It stays.
    """
    data.refuse_delete(current, world)
    code, users = IN_USE_BY.get(current.type, ("", ()))
    for token, path in users:
        for user in world.objects(token):
            if current.id.lower() in {name.lower() for name in named(user.inputs, path)}:
                raise RefusedError(code, f"{current.id} is in use by {user.id}")
    nested = _NESTED_FIRST.get(current.type)
    for one in world.within(current.id):
        if one.type == nested:
            raise RefusedError("CannotDeleteResource", f"{current.id} has {one.id}, which must be deleted first")
    if current.type in (network.SUBNET, network.NETWORK):
        _serves_nobody(current, world)


def _serves_nobody(current: WorldObject, world: World) -> None:
    subnets = [one.id for one in world.objects(network.SUBNET) if one.id.startswith(f"{current.id}/")]
    for subnet in (current.id, *subnets):
        for user in network.users_of(subnet, world):
            raise RefusedError("InUseSubnetCannotBeDeleted", f"{subnet} is in use by {user.id}")


def take_along(current: WorldObject, world: World) -> None:
    """What is inside of an object goes with it; what keeps its name keeps it."""
    data.spend(current, world)
    for one in world.within(current.id):
        data.spend(one, world)
        world.remove(one.seq)


def region_of_parent(token: str, inputs: Object, world: World) -> str:
    """Where an object without a location of its own is: the region of what it belongs to, if anything has one."""
    names = {("azure-native:network:VirtualNetwork", "virtualNetworkName")}
    names |= {(data.POSTGRES, "serverName"), (data.REDIS, "clusterName"), (data.STORAGE, "accountName")}
    names |= {(data.VAULT, "vaultName"), (compute.CLUSTER, "resourceName"), (compute.APP, "name")}
    group = text(inputs, "resourceGroupName")
    for parent, key in sorted(names):
        if parent.split(":")[1] != token.split(":")[1] or not text(inputs, key):
            continue
        for one in world.objects(parent):
            if one.id.rsplit("/", 1)[-1] == text(inputs, key) and f"/resourceGroups/{group}/" in one.id:
                return one.region
    return ""


def after_create(coming: Coming, world: World) -> None:
    """What another object becomes because this one exists."""
    data.link(coming.id, coming.inputs, world)
