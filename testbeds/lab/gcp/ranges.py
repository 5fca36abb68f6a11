"""Address ranges of a network: what is taken, and what a new one would meet."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbeds.lab.cloud import RefusedError
from testbeds.lab.gcp.kinds import GLOBAL_ADDRESS, NETWORK, SUBNETWORK
from testbeds.lab.gcp.references import find, leaf, named_by
from testbeds.lab.wire import Object, child, children, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbeds.lab.world import World

Block = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True)
class Range:
    """Addresses that are taken in a network."""

    block: Block
    owner: str


def ranges_of(network: str, world: World, *, but: str = "") -> Iterator[Range]:
    """Every range that is taken in a network: of subnetworks, theirs for pods and services, and those for services."""
    there = find(world, NETWORK, network)
    if there is None:
        return
    for subnetwork in world.objects(SUBNETWORK):
        if subnetwork.id != but and named_by(subnetwork.outputs, "network", there):
            for block in _blocks(subnetwork.outputs):
                yield Range(block, f"subnetwork {leaf(subnetwork.id)!r} in region {subnetwork.region!r}")
    for address in world.objects(GLOBAL_ADDRESS):
        length = address.outputs.get("prefixLength")
        if named_by(address.outputs, "network", there) and isinstance(length, int):
            block = ipaddress.ip_network(f"{text(address.outputs, 'address')}/{length}", strict=False)
            yield Range(block, f"the reserved range {leaf(address.id)!r}")


def _blocks(inputs: Object) -> list[Block]:
    given = [text(inputs, "ipCidrRange"), *(text(one, "ipCidrRange") for one in children(inputs, "secondaryIpRanges"))]
    return [ipaddress.ip_network(one, strict=False) for one in given if one]


def refuse_overlap(inputs: Object, own: str, world: World) -> None:
    """Ranges of one network never overlap, secondary ones included (VPC documentation, "Subnets").

    Args:
        inputs: A subnetwork's.
        own: Its identifier, when it is there already.
        world: Where its network is.

    Raises:
        RefusedError: They overlap.
    """
    blocks = _blocks(inputs)
    for index, block in enumerate(blocks):
        for sibling in blocks[:index]:
            if block.overlaps(sibling):
                raise RefusedError("invalid", f"Invalid IPCidrRange: {block} overlaps {sibling} of the same subnetwork")
        for other in ranges_of(text(inputs, "network"), world, but=own):
            if block.overlaps(other.block):
                raise RefusedError(
                    "invalid", f"Invalid IPCidrRange: {block} conflicts with {other.block} of {other.owner}"
                )


def refuse_range(inputs: Object, world: World) -> None:
    """A range that is reserved for services overlaps nothing of its network.

    Raises:
        RefusedError: It does.
    """
    length, address = inputs.get("prefixLength"), text(inputs, "address")
    if not address or not isinstance(length, int):
        return
    block = ipaddress.ip_network(f"{address}/{length}", strict=False)
    for other in ranges_of(text(inputs, "network"), world):
        if block.overlaps(other.block):
            raise RefusedError("invalid", f"Requested range {block} conflicts with {other.block} of {other.owner}")


def refuse_secondary_ranges(inputs: Object, world: World) -> None:
    """Pods and services take named secondary ranges of the subnetwork (GKE documentation, "VPC-native clusters").

    Raises:
        RefusedError: The subnetwork has none of that name.
    """
    subnetwork = find(world, SUBNETWORK, text(inputs, "subnetwork"))
    if subnetwork is None:
        return
    there = {text(one, "rangeName") for one in children(subnetwork.outputs, "secondaryIpRanges")}
    policy = child(inputs, "ipAllocationPolicy")
    for name in ("clusterSecondaryRangeName", "servicesSecondaryRangeName"):
        if text(policy, name) and text(policy, name) not in there:
            has = ", ".join(sorted(there)) or "none"
            raise RefusedError(
                "badRequest", f"secondary range {text(policy, name)!r} not found in {subnetwork.id}: {has}"
            )
