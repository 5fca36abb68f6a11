"""What a Kubernetes API server refuses besides shape (Kubernetes API reference, validation of each kind)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from testbeds.lab.checking import Failure
from testbeds.lab.wire import Json, Object, child, children, has_unknown, text

if TYPE_CHECKING:
    from collections.abc import Iterator

CLUSTER_WIDE: Final = frozenset(
    {
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "IngressClass",
        "Namespace",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
    }
)
"""Kinds that live in no namespace. A list of its own: the lab imports nothing of what is tried on it."""

_WITH_PODS: Final = frozenset({"DaemonSet", "Deployment", "Job", "StatefulSet"})
_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?")
_QUANTITY: Final = re.compile(r"\d+(\.\d+)?(m|[kMGTPE]i?|Ki|e\d+)?")


def refused_inputs(kind: str, news: Object) -> Iterator[Failure]:
    """Refusals that follow from one manifest."""
    name, spec = text(child(news, "metadata"), "name"), child(news, "spec")
    if name and not (_NAME.fullmatch(name) and len(name) <= 253):  # noqa: PLR2004 - RFC 1123
        yield Failure("metadata.name", f"{name!r} is no DNS name (RFC 1123): lower case letters, digits, '-', '.'")
    if kind in _WITH_PODS:
        yield from _selector(spec, required=kind != "Job")
        yield from _containers(child(child(spec, "template"), "spec"))
    if (
        kind == "PodDisruptionBudget"
        and spec.get("minAvailable") is not None
        and spec.get("maxUnavailable") is not None
    ):
        yield Failure("spec.minAvailable", "not together with maxUnavailable")
    if kind == "HorizontalPodAutoscaler":
        yield from _replicas(spec)


def _selector(spec: Object, *, required: bool) -> Iterator[Failure]:
    wanted = child(child(spec, "selector"), "matchLabels")
    labels = child(child(child(spec, "template"), "metadata"), "labels")
    if required and not child(spec, "selector"):
        yield Failure("spec.selector", "missing required property")
    for key, value in wanted.items():
        if not has_unknown([value, labels.get(key)]) and labels.get(key) != value:
            yield Failure(
                "spec.template.metadata.labels", f"selector wants {key}={value}, the template has {labels.get(key)}"
            )


def _containers(pod: Object) -> Iterator[Failure]:
    containers = children(pod, "containers")
    if not containers and not has_unknown(pod):
        yield Failure("spec.template.spec.containers", "missing required property")
    names: set[str] = set()
    for index, one in enumerate(containers):
        at, name = f"spec.template.spec.containers[{index}]", text(one, "name")
        if name in names:
            yield Failure(f"{at}.name", f"{name!r} is used twice")
        names.add(name)
        if not one.get("image"):
            yield Failure(f"{at}.image", "missing required property")
        yield from _resources(child(one, "resources"), f"{at}.resources")


def _resources(resources: Object, at: str) -> Iterator[Failure]:
    for part in ("requests", "limits"):
        for name, amount in child(resources, part).items():
            if not has_unknown(amount) and not _is_quantity(amount):
                yield Failure(f"{at}.{part}.{name}", f"{amount!r} is no quantity, such as 500m or 2Gi")


def _is_quantity(amount: Json) -> bool:
    return isinstance(amount, int | float | str) and _QUANTITY.fullmatch(str(amount)) is not None


def _replicas(spec: Object) -> Iterator[Failure]:
    low, high = spec.get("minReplicas"), spec.get("maxReplicas")
    if isinstance(low, int) and isinstance(high, int) and low > high:
        yield Failure("spec.minReplicas", f"{low} is more than maxReplicas {high}")
