"""The service of a region, the same call on every cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.base import Component, Scope, load

if TYPE_CHECKING:
    import pulumi

    from components.keys.component import KeysOutputs
    from components.network.component import NetworkOutputs
    from components.place import Place
    from components.service.spec import ServiceSpec


@dataclass(frozen=True)
class ServiceOutputs:
    """What others need of the service; build one by hand to bring your own."""

    place: Place
    cluster: pulumi.Input[str]
    service: pulumi.Input[str]
    """What a failover scales."""
    host: pulumi.Input[str]
    """DNS name of the load balancer."""
    host_zone: pulumi.Input[str]
    """The load balancer's own DNS zone, for alias records."""
    health_path: str
    target: pulumi.Input[str] | None = None
    """What a load balancer of the cloud leads to: on Google Cloud the network endpoint group, on Azure the app's id;
    None where names lead to `host`."""


class Service(Component):
    """Containers behind an HTTPS load balancer, in every zone."""

    def __init__(
        self,
        name: str,
        spec: ServiceSpec,
        network: NetworkOutputs,
        keys: KeysOutputs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        build = load("service", network.place.cloud)
        self.outputs: ServiceOutputs = build(Scope(self, name, network.place), spec, network, keys)
        self.register_outputs({"service": self.outputs.service, "host": self.outputs.host})
