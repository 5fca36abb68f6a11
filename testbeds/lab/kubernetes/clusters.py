"""Clusters of the lab's clouds: under which addresses each answers, and which storage classes it is born with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from testbeds.lab.wire import child, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testbeds.lab.wire import Object
    from testbeds.lab.world import World

LAB_HOST: Final = ".lab.invalid"


@dataclass(frozen=True)
class Kind:
    """One cloud's clusters.

    Args:
        addresses: Where a cluster answers, from its outputs; with or without `https://`.
        classes: Storage classes that it is born with.
        has_default: Whether one of them is the default.
    """

    addresses: Callable[[Object], tuple[str, ...]]
    classes: frozenset[str]
    has_default: bool


def _of_eks(outputs: Object) -> tuple[str, ...]:
    return (text(outputs, "endpoint"),)


def _of_gke(outputs: Object) -> tuple[str, ...]:
    by_name = child(child(outputs, "controlPlaneEndpointsConfig"), "dnsEndpointConfig")
    private = child(outputs, "privateClusterConfig")
    return (text(outputs, "endpoint"), text(by_name, "endpoint"), text(private, "privateEndpoint"))


KINDS: Final[Mapping[str, Kind]] = {
    # EKS marks none as the default since 1.30 (EKS user guide, "Release notes for 1.30").
    "aws:eks/cluster:Cluster": Kind(_of_eks, frozenset({"gp2"}), has_default=False),
    # GKE documentation, "Default StorageClass": standard-rwo is it.
    "gcp:container/cluster:Cluster": Kind(
        _of_gke, frozenset({"premium-rwo", "standard", "standard-rwo"}), has_default=True
    ),
}


def at(server: str, world: World) -> Kind | None:
    """What answers at a server's address; None: nothing of the lab."""
    host = server.removeprefix("https://")
    for type_, kind in KINDS.items():
        for one in world.objects(type_):
            if host in {address.removeprefix("https://") for address in kind.addresses(one.outputs)}:
                return kind
    return None
