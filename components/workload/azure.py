"""The node software on AKS. Never run against a real account."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from components.nodes.azure import login_arguments
from components.nodes.component import kubeconfig
from components.workload.apply import apply
from components.workload.manifests import Disks

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.base import Scope
    from components.network.component import NetworkOutputs
    from components.nodes.component import NodesOutputs
    from components.workload.component import WorkloadOutputs
    from components.workload.spec import WorkloadSpec

NOT_OFFERED: Final[Mapping[str, str]] = {}


def build(scope: Scope, spec: WorkloadSpec, network: NetworkOutputs, nodes: NodesOutputs) -> WorkloadOutputs:
    """Sign in as whoever runs Pulumi, by `kubelogin`; disks are managed disks."""
    return apply(scope, spec, network, kubeconfig(nodes, "kubelogin", login_arguments()), disks(nodes))


def disks(nodes: NodesOutputs) -> Disks:
    """Premium disks of the pod's zone under our key (azuredisk-csi-driver, docs/driver-parameters.md)."""
    parameters: dict[str, pulumi.Input[str]] = {"skuName": "Premium_LRS", "fsType": "ext4"}
    if nodes.disk_key is not None:
        parameters["diskEncryptionSetID"] = nodes.disk_key
    return Disks("disk.csi.azure.com", parameters)
