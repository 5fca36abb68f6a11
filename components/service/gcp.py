"""The service on Google Cloud: Cloud Run behind the load balancer of all regions. Never run against a real account.

Cloud Run spreads instances over the region's zones by itself. Their readiness probes say how well the region is, and
the load balancer listens: that needs warm instances. (Cloud Run, "Automate cross-region failover with service health".)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_gcp as gcp

from components.clouds.gcp import account, keep_logs, labels
from components.keys.spec import Purpose
from components.network.spec import Tier
from components.service.component import ServiceOutputs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.base import Scope
    from components.keys.component import KeysOutputs
    from components.network.component import NetworkOutputs
    from components.service.spec import ServiceSpec

NOT_OFFERED: Final[Mapping[str, str]] = {
    "host_zone": "names lead to the load balancers of the global stack: no region has a zone for aliases",
    "tls_minimum": "TLS ends at the load balancers of the global stack, which set the minimum for all regions",
}
MIB_PER_CPU = 4096
"""Most memory for each processor up to 8 (Cloud Run, "Configure memory limits")."""
STEPS = (1, 2, 4, 6, 8)
PROBE_PERIOD_S, PROBE_FAILURES = 10, 2


def build(scope: Scope, spec: ServiceSpec, network: NetworkOutputs, keys: KeysOutputs) -> ServiceOutputs:
    """Make the service, and the group by which the load balancer leads to it."""
    service = make_service(scope, spec, network, keys)
    log_service(scope, spec, keys, service)
    group = gcp.compute.RegionNetworkEndpointGroup(
        scope.named("neg"),
        region=scope.place.region,
        network_endpoint_type="SERVERLESS",
        cloud_run={"service": service.name},
        opts=scope.opts(),
    )
    # Cloud Run has no clusters: the project's region is what a name is unique in, and what stands before it in the API.
    # A region has no load balancer of its own either: the host is the one that callers inside the network use.
    return ServiceOutputs(
        place=scope.place,
        cluster=pulumi.Output.concat("projects/", service.project, "/locations/", scope.place.region),
        service=service.name,
        host=service.uri.apply(lambda uri: str(uri or "").removeprefix("https://")),
        host_zone="",
        health_path=spec.health_path,
        target=group.id,
    )


def make_service(scope: Scope, spec: ServiceSpec, network: NetworkOutputs, keys: KeysOutputs) -> gcp.cloudrunv2.Service:
    """The running containers: warm, called only by the load balancer and from inside, calling out through the VPC."""
    identity = account(scope, "run", f"Containers of {scope.name} in {scope.place.region}")
    subnet = network.subnets[Tier.PRIVATE][network.zones()[0]]
    return gcp.cloudrunv2.Service(
        scope.named("service"),
        location=scope.place.region,
        ingress="INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER",
        # Users have no Google identity; who may call is decided by ingress and by Cloud Armor.
        invoker_iam_disabled=True,
        deletion_protection=scope.place.protect,
        # Of the service, not of a revision: a failover raises it without a new one.
        scaling={"min_instance_count": spec.min_tasks},
        template={
            "service_account": identity.email,
            "execution_environment": "EXECUTION_ENVIRONMENT_GEN2",
            "encryption_key": keys.by_purpose[Purpose.DISKS],
            "max_instance_request_concurrency": spec.gcp.concurrency,
            "scaling": {
                "max_instance_count": spec.max_tasks,
                "cpu_utilization": spec.cpu_target_percent / 100,
            },
            "vpc_access": {
                "egress": "ALL_TRAFFIC",
                "network_interfaces": [{"network": network.id, "subnetwork": subnet}],
            },
            "containers": [container(spec)],
        },
        labels=labels(scope),
        opts=scope.opts(ignore=["scaling.minInstanceCount"]),
    )


def container(spec: ServiceSpec) -> gcp.cloudrunv2.ServiceTemplateContainerArgsDict:
    """One container that always has its processors, with three probes on one path."""
    ask: gcp.cloudrunv2.ServiceTemplateContainerReadinessProbeHttpGetArgsDict = {
        "path": spec.health_path,
        "port": spec.port,
    }
    return {
        "image": spec.image,
        "ports": {"container_port": spec.port},
        "envs": [{"name": key, "value": spec.environment[key]} for key in sorted(spec.environment)],
        "resources": {
            "limits": {"cpu": str(cpus(spec)), "memory": f"{memory_mib(spec)}Mi"},
            "cpu_idle": False,
            "startup_cpu_boost": True,
        },
        "startup_probe": {
            "http_get": {"path": spec.health_path, "port": spec.port},
            "period_seconds": 2,
            "timeout_seconds": 2,
            "failure_threshold": 60,
        },
        "readiness_probe": {
            "http_get": ask,
            "period_seconds": PROBE_PERIOD_S,
            "timeout_seconds": 5,
            "failure_threshold": PROBE_FAILURES,
        },
        "liveness_probe": {
            "http_get": {"path": spec.health_path, "port": spec.port},
            "period_seconds": 10,
            "timeout_seconds": 5,
            "failure_threshold": 6,
        },
    }


def cpus(spec: ServiceSpec) -> int:
    """The next step of Cloud Run's that also has the memory; whole, because a part of one serves one request a time."""
    return next(step for step in STEPS if step * 1000 >= spec.cpu_millicores and step * MIB_PER_CPU >= spec.memory_mib)


def memory_mib(spec: ServiceSpec) -> int:
    """What was asked, or what Cloud Run insists on: 2 GiB with four processors, 4 with six or eight."""
    return max(spec.memory_mib, {4: 2048, 6: 4096, 8: 4096}.get(cpus(spec), 512))


def log_service(scope: Scope, spec: ServiceSpec, keys: KeysOutputs, service: gcp.cloudrunv2.Service) -> None:
    """Keep what the containers write and what they were asked."""
    wanted = pulumi.Output.format(
        'resource.type="cloud_run_revision" AND resource.labels.service_name="{}" AND resource.labels.location="{}"',
        service.name,
        scope.place.region,
    )
    keep_logs(scope, "containers", wanted, keys.by_purpose[Purpose.LOGS], spec.log_retention_days)
