"""Makes checked manifests into resources; the same on every cloud that runs Kubernetes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi_kubernetes as k8s

from components.workload.check import check
from components.workload.component import WorkloadOutputs
from components.workload.manifests import manifests

if TYPE_CHECKING:
    import pulumi

    from components.base import Scope
    from components.network.component import NetworkOutputs
    from components.workload.spec import WorkloadSpec

CLASSES = {
    "Namespace": k8s.core.v1.Namespace,
    "ServiceAccount": k8s.core.v1.ServiceAccount,
    "Service": k8s.core.v1.Service,
    "StatefulSet": k8s.apps.v1.StatefulSet,
    "PodDisruptionBudget": k8s.policy.v1.PodDisruptionBudget,
    "NetworkPolicy": k8s.networking.v1.NetworkPolicy,
    "HorizontalPodAutoscaler": k8s.autoscaling.v2.HorizontalPodAutoscaler,
}
IGNORED = {"StatefulSet": ["spec.replicas"]}
HOLDS_DATA = {"StatefulSet", "Namespace"}


def apply(scope: Scope, spec: WorkloadSpec, network: NetworkOutputs, kubeconfig: pulumi.Input[str]) -> WorkloadOutputs:
    """Check, then make: the namespace first, the rest after it.

    Raises:
        ManifestError: A manifest that the cluster would refuse.
    """
    name = scope.name
    wanted = manifests(name, spec, network.cidr)
    check(wanted)
    provider = k8s.Provider(
        scope.named("cluster"), kubeconfig=kubeconfig, enable_server_side_apply=True, opts=scope.opts()
    )
    made: list[pulumi.Resource] = []
    for manifest in wanted:
        kind = manifest["kind"]
        options = scope.opts(
            ignore=IGNORED.get(kind, ()), holds_data=kind in HOLDS_DATA, provider=provider, depends_on=made[:1]
        )
        rest = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind")}
        child = scope.named(kind.lower(), manifest["metadata"]["name"])
        made.append(CLASSES[kind](child, opts=options, **_python_names(rest)))
    return WorkloadOutputs(scope.place, spec.namespace, name, f"{name}.{spec.namespace}.svc", spec.port)


def _python_names(manifest: dict[str, Any]) -> dict[str, Any]:
    """The one top-level field whose name differs in Python."""
    names = {"automountServiceAccountToken": "automount_service_account_token"}
    return {names.get(key, key): value for key, value in manifest.items()}
