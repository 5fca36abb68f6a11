"""The node software on EKS. Never run against a real account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.nodes.aws import kubeconfig_arguments
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
    """Sign in as whoever runs Pulumi, by `aws eks get-token`; disks are EBS volumes."""
    arguments = kubeconfig_arguments(nodes.cluster, scope.place.region)
    return apply(scope, spec, network, kubeconfig(nodes, "aws", arguments), disks(nodes))


def disks(nodes: NodesOutputs) -> Disks:
    """Encrypted gp3 volumes of the EBS driver.

    Since 1.30, EKS marks no class as the default one (EKS user guide, "Release notes for Kubernetes 1.30"), and its
    `gp2` is made by a driver that knows no gp3. Parameters: aws-ebs-csi-driver, docs/parameters.md.
    """
    parameters: dict[str, pulumi.Input[str]] = {"type": "gp3", "encrypted": "true", "csi.storage.k8s.io/fstype": "ext4"}
    if nodes.disk_key is not None:
        parameters["kmsKeyId"] = nodes.disk_key
    return Disks("ebs.csi.aws.com", parameters)
