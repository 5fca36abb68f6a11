"""The kinds that the workload is made of, and the SDK's module for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi_kubernetes as k8s

if TYPE_CHECKING:
    import pulumi

MODULES = {
    "Namespace": k8s.core.v1,
    "ServiceAccount": k8s.core.v1,
    "Service": k8s.core.v1,
    "StorageClass": k8s.storage.v1,
    "StatefulSet": k8s.apps.v1,
    "PodDisruptionBudget": k8s.policy.v1,
    "NetworkPolicy": k8s.networking.v1,
    "HorizontalPodAutoscaler": k8s.autoscaling.v2,
}


def resource_class(kind: str) -> type[pulumi.Resource]:
    """The resource of a kind."""
    return getattr(MODULES[kind], kind)


def args_class(kind: str) -> type:
    """The arguments of a kind, whose `__init__` hints know the fields."""
    return getattr(MODULES[kind], f"{kind}InitArgs")
