"""What Microsoft.Network refuses: address ranges that do not fit, delegated subnets, peerings (Network REST API)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Final

from testbeds.lab.azure.asked import Asked, Coming, existing, named
from testbeds.lab.checking import Failure
from testbeds.lab.cloud import RefusedError
from testbeds.lab.wire import Object, child, children, texts, word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from testbeds.lab.world import World, WorldObject

    _Range = ipaddress.IPv4Network | ipaddress.IPv6Network

NETWORK: Final = "azure-native:network:VirtualNetwork"
SUBNET: Final = "azure-native:network:Subnet"
PEERING: Final = "azure-native:network:VirtualNetworkPeering"
ENDPOINT: Final = "azure-native:network:PrivateEndpoint"
NAT: Final = "azure-native:network:NatGateway"

_SMALLEST: Final = 29
_DELEGATED: Final[Mapping[str, tuple[str, str]]] = {
    "azure-native:dbforpostgresql:Server": (
        "network.delegatedSubnetResourceId",
        "Microsoft.DBforPostgreSQL/flexibleServers",
    ),
    "azure-native:web:WebApp": ("virtualNetworkSubnetId", "Microsoft.Web/serverFarms"),
    "azure-native:web:WebAppSlot": ("virtualNetworkSubnetId", "Microsoft.Web/serverFarms"),
    "azure-native:web:WebAppSwiftVirtualNetworkConnection": ("subnetResourceId", "Microsoft.Web/serverFarms"),
}
"""Types that need a subnet delegated to their service, and where they name it."""

_PLAIN: Final[Mapping[str, tuple[str, ...]]] = {
    ENDPOINT: ("subnet.id",),
    "azure-native:containerservice:ManagedCluster": ("agentPoolProfiles.vnetSubnetID",),
    "azure-native:containerservice:AgentPool": ("vnetSubnetID",),
}
"""Types that sit in a subnet which is delegated to nobody."""


def refused_inputs(asked: Asked) -> Iterator[Failure]:
    """Address ranges that are none, or too small; gateways and addresses whose kinds do not fit."""
    prefixes = [
        ("addressSpace.addressPrefixes", one) for one in texts(child(asked.news, "addressSpace"), "addressPrefixes")
    ]
    if asked.token == SUBNET:
        prefixes += [("addressPrefix", word(asked.news, "addressPrefix"))]
        prefixes += [("addressPrefixes", one) for one in texts(asked.news, "addressPrefixes")]
    for path, prefix in prefixes:
        if prefix:
            yield from _prefix(path, prefix)
    if asked.token == NAT and len(texts(asked.news, "zones")) > 1:
        yield Failure("zones", "NatGatewayMultipleZonesNotSupported: a NAT gateway is in one zone or in none")


def _prefix(path: str, prefix: str) -> Iterator[Failure]:
    try:
        parsed = ipaddress.ip_network(prefix)
    except ValueError as error:
        yield Failure(path, f"InvalidAddressPrefixFormat: {error}")
        return
    if parsed.version == 4 and parsed.prefixlen > _SMALLEST:  # noqa: PLR2004 - the version of the protocol
        yield Failure(path, f"NetcfgInvalidSubnet: /{parsed.prefixlen}; the smallest range is /{_SMALLEST}")


def refuse_create(coming: Coming, world: World) -> None:
    """Refusals that need the world.

    Raises:
        RefusedError: The network has no place for this object.
    """
    if coming.token == SUBNET:
        _subnet_fits(coming.id, coming.inputs, world)
    if coming.token == PEERING:
        _peering_fits(coming, world)
    if coming.token in _DELEGATED:
        path, service = _DELEGATED[coming.token]
        _is_delegated(word(coming.inputs, path), service, world)
    for path in _PLAIN.get(coming.token, ()):
        for subnet in sorted(named(coming.inputs, path)):
            _is_plain(subnet, world)


def refuse_change(current: WorldObject, inputs: Object, world: World) -> None:
    """A subnet that is to move, a network that is to shrink.

    Raises:
        RefusedError: Something is in the way.
    """
    if current.type == SUBNET and _ranges(inputs) != _ranges(current.inputs):
        _subnet_fits(current.id, inputs, world)
        if users := users_of(current.id, world):
            raise RefusedError("InUseSubnetCannotBeUpdated", f"{current.id} is in use by {users[0].id}")
    if current.type == NETWORK:
        room = _space(inputs)
        for subnet in world.objects(SUBNET):
            if subnet.id.startswith(f"{current.id}/") and not all(_is_in(one, room) for one in _ranges(subnet.inputs)):
                raise RefusedError("InUsePrefixCannotBeDeleted", f"{subnet.id} would be outside of {current.id}")


def users_of(subnet: str, world: World) -> list[WorldObject]:
    """What sits in a subnet."""
    found = []
    for token, paths in (*((token, (path,)) for token, (path, _) in _DELEGATED.items()), *_PLAIN.items()):
        found += [
            one
            for one in world.objects(token)
            if any(subnet.lower() in {name.lower() for name in named(one.inputs, path)} for path in paths)
        ]
    return found


def _subnet_fits(id_: str, inputs: Object, world: World) -> None:
    network = existing(world, NETWORK, id_.rsplit("/subnets/", 1)[0])
    if network is None:
        return  # its parents are asked for elsewhere
    ranges, room = _ranges(inputs), _space(network.inputs)
    for one in ranges:
        if not _is_in(one, room):
            raise RefusedError(
                "NetcfgInvalidSubnet", f"{one} is not within {', '.join(map(str, room))} of {network.id}"
            )
    for other in world.objects(SUBNET):
        if other.id != id_ and other.id.startswith(f"{network.id}/"):
            _apart(ranges, _ranges(other.inputs), other.id, "NetcfgSubnetRangesOverlap")
    for inline in children(network.inputs, "subnets"):
        if not id_.endswith(f"/{word(inline, 'name')}"):
            _apart(ranges, _ranges(inline), word(inline, "name"), "NetcfgSubnetRangesOverlap")


def _peering_fits(coming: Coming, world: World) -> None:
    own = existing(world, NETWORK, coming.id.rsplit("/virtualNetworkPeerings/", 1)[0])
    remote_id = word(coming.inputs, "remoteVirtualNetwork.id")
    remote = existing(world, NETWORK, remote_id)
    if remote is None:
        raise RefusedError("InvalidResourceReference", f"there is no virtual network {remote_id or '(none given)'}")
    for other in world.objects(PEERING):
        twin = word(other.inputs, "remoteVirtualNetwork.id").lower() == remote_id.lower()
        if own is not None and other.id.startswith(f"{own.id}/") and twin:
            raise RefusedError("AnotherPeeringAlreadyReferencesRemoteVnet", f"{other.id} leads to {remote_id}")
    if own is not None:
        _apart(_space(own.inputs), _space(remote.inputs), remote.id, "VnetAddressSpacesOverlap")


def _is_delegated(subnet_id: str, service: str, world: World) -> None:
    subnet = existing(world, SUBNET, subnet_id)
    if subnet is not None and service.lower() not in _delegations(subnet):
        raise RefusedError("SubnetMissingRequiredDelegation", f"{subnet_id} is not delegated to {service}")


def _is_plain(subnet_id: str, world: World) -> None:
    subnet = existing(world, SUBNET, subnet_id)
    if subnet is not None and (to := _delegations(subnet)):
        raise RefusedError("SubnetIsDelegated", f"{subnet_id} serves {', '.join(sorted(to))} only")


def _delegations(subnet: WorldObject) -> set[str]:
    return {service.lower() for service in named(subnet.inputs, "delegations.serviceName")}


def _space(inputs: Object) -> list[_Range]:
    return [ipaddress.ip_network(one) for one in texts(child(inputs, "addressSpace"), "addressPrefixes")]


def _ranges(inputs: Object) -> list[_Range]:
    given = [*texts(inputs, "addressPrefixes"), *([single] if (single := word(inputs, "addressPrefix")) else [])]
    return [ipaddress.ip_network(one) for one in given]


def _is_in(one: _Range, room: list[_Range]) -> bool:
    return any(one.version == wide.version and one.subnet_of(wide) for wide in room)  # type: ignore[arg-type]


def _apart(ranges: list[_Range], others: list[_Range], whose: str, code: str) -> None:
    for one in ranges:
        for taken in others:
            if one.overlaps(taken):
                raise RefusedError(code, f"{one} overlaps {taken} of {whose}")
