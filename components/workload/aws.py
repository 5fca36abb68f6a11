"""The node software on EKS. Never run against a real account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.nodes.aws import kubeconfig_arguments
from components.nodes.component import kubeconfig
from components.workload.apply import apply

if TYPE_CHECKING:
    from components.base import Scope
    from components.network.component import NetworkOutputs
    from components.nodes.component import NodesOutputs
    from components.workload.component import WorkloadOutputs
    from components.workload.spec import WorkloadSpec


def build(scope: Scope, spec: WorkloadSpec, network: NetworkOutputs, nodes: NodesOutputs) -> WorkloadOutputs:
    """Sign in as whoever runs Pulumi, by `aws eks get-token`."""
    arguments = kubeconfig_arguments(nodes.cluster, scope.place.region)
    return apply(scope, spec, network, kubeconfig(nodes, "aws", arguments))
