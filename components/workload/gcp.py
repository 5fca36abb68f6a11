"""The node software on GKE. Never run against a real account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.nodes.component import kubeconfig
from components.workload.apply import apply
from components.workload.manifests import Disks

if TYPE_CHECKING:
    import pulumi

    from components.base import Scope
    from components.network.component import NetworkOutputs
    from components.nodes.component import NodesOutputs
    from components.workload.component import WorkloadOutputs
    from components.workload.spec import WorkloadSpec


def build(scope: Scope, spec: WorkloadSpec, network: NetworkOutputs, nodes: NodesOutputs) -> WorkloadOutputs:
    """Sign in as whoever runs Pulumi, by Google's plugin, which asks to be told of the cluster."""
    config = kubeconfig(nodes, "gke-gcloud-auth-plugin", [], provideClusterInfo=True)
    return apply(scope, spec, network, config, disks(nodes))


def disks(nodes: NodesOutputs) -> Disks:
    """Hyperdisks, which every machine series that nodes are made of takes.

    Parameters: GKE, "Scale your storage performance with Hyperdisk" and "Use customer-managed encryption keys".
    """
    parameters: dict[str, pulumi.Input[str]] = {"type": "hyperdisk-balanced", "csi.storage.k8s.io/fstype": "ext4"}
    if nodes.disk_key is not None:
        parameters["disk-encryption-kms-key"] = nodes.disk_key
    return Disks("pd.csi.storage.gke.io", parameters)
