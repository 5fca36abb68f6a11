"""The manifests of the node software as plain data, pure: what is applied is what a test can read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.workload.spec import WorkloadSpec

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Disks:
    """How a cloud's driver makes the disks.

    Args:
        provisioner: Name of the driver, such as `ebs.csi.aws.com`.
        parameters: What the driver is told; a key may be known only once it is made.
    """

    provisioner: str
    parameters: Mapping[str, pulumi.Input[str]]


def manifests(name: str, spec: WorkloadSpec, network_cidr: str, disks: Disks) -> tuple[Manifest, ...]:
    """Everything, in the order in which it is applied."""
    return (
        namespace(spec),
        storage_class(name, spec, disks),
        account(name, spec),
        headless(name, spec),
        service(name, spec),
        stateful_set(name, spec),
        budget(name, spec),
        policy(name, spec, network_cidr),
        autoscaler(name, spec),
    )


def labels(name: str) -> dict[str, str]:
    """What selects the pods; never changes, because a selector cannot."""
    return {"app.kubernetes.io/name": name}


def _object(kind: str, version: str, name: str, spec: WorkloadSpec, body: Mapping[str, Any]) -> Manifest:
    metadata = {"name": name, "namespace": spec.namespace, "labels": labels(name)}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **body}


def namespace(spec: WorkloadSpec) -> Manifest:
    """The namespace, in which only restricted pods may run (Kubernetes, "Pod Security Standards")."""
    level = {"pod-security.kubernetes.io/enforce": "restricted"}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": spec.namespace, "labels": level}}


def class_name(name: str, spec: WorkloadSpec) -> str:
    """Of the class of disks. It lives in no namespace, so the namespace is in its name."""
    return f"{spec.namespace}-{name}"


def storage_class(name: str, spec: WorkloadSpec, disks: Disks) -> Manifest:
    """The class of the pods' disks, which they name: a managed cluster need not have a default one.

    A disk is made in the zone that its pod was given, can grow, and outlives its claim.
    """
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": class_name(name, spec), "labels": labels(name)},
        "provisioner": disks.provisioner,
        "parameters": dict(disks.parameters),
        "reclaimPolicy": "Retain",
        "volumeBindingMode": "WaitForFirstConsumer",
        "allowVolumeExpansion": True,
    }


def account(name: str, spec: WorkloadSpec) -> Manifest:
    """The pods' identity; its token is not mounted, because the node software never calls the API."""
    return _object("ServiceAccount", "v1", name, spec, {"automountServiceAccountToken": False})


def headless(name: str, spec: WorkloadSpec) -> Manifest:
    """The service that gives each pod a name of its own."""
    port = {"name": "http", "port": spec.port, "targetPort": "http"}
    body = {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": labels(name), "ports": [port]}
    return _object("Service", "v1", f"{name}-peers", spec, {"spec": body})


def service(name: str, spec: WorkloadSpec) -> Manifest:
    """The service that callers use; stays in the caller's zone while it can."""
    port = {"name": "http", "port": spec.port, "targetPort": "http"}
    body = {"selector": labels(name), "ports": [port], "trafficDistribution": "PreferClose"}
    return _object("Service", "v1", name, spec, {"spec": body})


def stateful_set(name: str, spec: WorkloadSpec) -> Manifest:
    """The pods with a disk each, spread over zones first and hosts second."""
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": class_name(name, spec),
            "resources": {"requests": {"storage": f"{spec.disk_gib}Gi"}},
        },
    }
    body = {
        "serviceName": f"{name}-peers",
        "replicas": spec.replicas,
        "podManagementPolicy": "Parallel",
        "selector": {"matchLabels": labels(name)},
        "template": {"metadata": {"labels": labels(name)}, "spec": pod(name, spec)},
        "volumeClaimTemplates": [claim],
        "persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"},
    }
    return _object("StatefulSet", "apps/v1", name, spec, {"spec": body})


def pod(name: str, spec: WorkloadSpec) -> dict[str, Any]:
    """One pod. A zone must stay balanced (or the pod waits); a host should."""
    spread = [
        {
            "topologyKey": key,
            "maxSkew": 1,
            "whenUnsatisfiable": action,
            "labelSelector": {"matchLabels": labels(name)},
        }
        for key, action in (
            ("topology.kubernetes.io/zone", "DoNotSchedule"),
            ("kubernetes.io/hostname", "ScheduleAnyway"),
        )
    ]
    return {
        "serviceAccountName": name,
        "terminationGracePeriodSeconds": spec.grace_s,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": spread,
        "containers": [container(spec)],
    }


def container(spec: WorkloadSpec) -> dict[str, Any]:
    """The container: three probes, no privilege, read-only root."""
    ask = {"httpGet": {"path": spec.health_path, "port": "http"}}
    return {
        "name": "node",
        "image": spec.image,
        "ports": [{"name": "http", "containerPort": spec.port}],
        "env": [{"name": key, "value": spec.environment[key]} for key in sorted(spec.environment)],
        "resources": {
            "requests": {"cpu": f"{spec.cpu_millicores}m", "memory": f"{spec.memory_mib}Mi"},
            "limits": {"memory": f"{spec.memory_mib}Mi"},
        },
        "startupProbe": {**ask, "periodSeconds": 2, "failureThreshold": 60},
        "readinessProbe": {**ask, "periodSeconds": 5, "timeoutSeconds": 2, "failureThreshold": 2},
        "livenessProbe": {**ask, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
        # Endpoints are removed while the container still answers; without the pause a stop loses requests.
        "lifecycle": {"preStop": {"sleep": {"seconds": min(5, spec.grace_s)}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }


def budget(name: str, spec: WorkloadSpec) -> Manifest:
    """Maintenance takes one pod at a time; one that is sick anyway does not block it."""
    body = {
        "maxUnavailable": 1,
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
        "selector": {"matchLabels": labels(name)},
    }
    return _object("PodDisruptionBudget", "policy/v1", name, spec, {"spec": body})


def policy(name: str, spec: WorkloadSpec, network_cidr: str) -> Manifest:
    """The port, from the region's network and the ranges that are named; nothing else comes in."""
    ranges = sorted({network_cidr, *spec.allowed_cidrs})
    rule = {
        "from": [{"ipBlock": {"cidr": cidr}} for cidr in ranges],
        "ports": [{"protocol": "TCP", "port": "http"}],
    }
    body = {"podSelector": {"matchLabels": labels(name)}, "policyTypes": ["Ingress"], "ingress": [rule]}
    return _object("NetworkPolicy", "networking.k8s.io/v1", name, spec, {"spec": body})


def autoscaler(name: str, spec: WorkloadSpec) -> Manifest:
    """Follows CPU use; quick to grow, slow to shrink."""
    metric = {
        "type": "Resource",
        "resource": {
            "name": "cpu",
            "target": {"type": "Utilization", "averageUtilization": spec.cpu_target_percent},
        },
    }
    body = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "StatefulSet", "name": name},
        "minReplicas": spec.replicas,
        "maxReplicas": spec.max_replicas,
        "metrics": [metric],
        "behavior": {
            "scaleUp": {"stabilizationWindowSeconds": 0},
            "scaleDown": {"stabilizationWindowSeconds": 300},
        },
    }
    return _object("HorizontalPodAutoscaler", "autoscaling/v2", name, spec, {"spec": body})
