"""Makes checked manifests into resources; the same on every cloud that runs Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi_kubernetes as k8s

from components.workload.check import check
from components.workload.component import WorkloadOutputs
from components.workload.kinds import resource_class
from components.workload.manifests import manifests

if TYPE_CHECKING:
    import pulumi

    from components.base import Scope
    from components.network.component import NetworkOutputs
    from components.workload.manifests import Disks
    from components.workload.spec import WorkloadSpec

FIRST = 2
"""Manifests that the others need: the namespace, and the class without which the stateful set's pods never start."""

IGNORED = {"StatefulSet": ["spec.replicas"]}
HOLDS_DATA = {"StatefulSet", "Namespace"}


def apply(
    scope: Scope, spec: WorkloadSpec, network: NetworkOutputs, kubeconfig: pulumi.Input[str], disks: Disks
) -> WorkloadOutputs:
    """Check, then make: namespace and class of disks first, the rest after them.

    Raises:
        ManifestError: A manifest that the cluster would refuse.
    """
    name = scope.name
    wanted = manifests(name, spec, network.cidr, disks)
    check(wanted)
    provider = k8s.Provider(
        scope.named("cluster"), kubeconfig=kubeconfig, enable_server_side_apply=True, opts=scope.opts()
    )
    made: list[pulumi.Resource] = []
    for manifest in wanted:
        kind = manifest["kind"]
        options = scope.opts(
            ignore=IGNORED.get(kind, ()), holds_data=kind in HOLDS_DATA, provider=provider, depends_on=made[:FIRST]
        )
        rest = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind")}
        child = scope.named(kind.lower(), manifest["metadata"]["name"])
        made.append(resource_class(kind)(child, opts=options, **_python_names(rest)))
    return WorkloadOutputs(scope.place, spec.namespace, name, f"{name}.{spec.namespace}.svc", spec.port)


def _python_names(manifest: dict[str, Any]) -> dict[str, Any]:
    """The top-level fields whose names differ in Python."""
    names = {
        "automountServiceAccountToken": "automount_service_account_token",
        "allowVolumeExpansion": "allow_volume_expansion",
        "reclaimPolicy": "reclaim_policy",
        "volumeBindingMode": "volume_binding_mode",
    }
    return {names.get(key, key): value for key, value in manifest.items()}
