"""The node software of a region, the same call on every cloud."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.base import Component, Scope, load

if TYPE_CHECKING:
    import pulumi

    from components.network.component import NetworkOutputs
    from components.nodes.component import NodesOutputs
    from components.place import Place
    from components.workload.spec import WorkloadSpec


@dataclass(frozen=True)
class WorkloadOutputs:
    """What others need of the node software."""

    place: Place
    namespace: str
    stateful_set: pulumi.Input[str]
    host: str
    """Name of the service inside the cluster."""
    port: int


class Workload(Component):
    """The node software on a cluster: checked manifests, applied by the cluster's own stack."""

    def __init__(
        self,
        name: str,
        spec: WorkloadSpec,
        network: NetworkOutputs,
        nodes: NodesOutputs,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        build = load("workload", nodes.place.cloud)
        self.outputs: WorkloadOutputs = build(Scope(self, name, nodes.place), spec, network, nodes)
        self.register_outputs({"statefulSet": self.outputs.stateful_set})
