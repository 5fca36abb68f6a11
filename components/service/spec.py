"""A stateless service in containers behind a load balancer."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from components.spec import DnsName, Spec


class Certificate(Spec):
    """The server's certificate: one that exists, or a name to have one issued for."""

    existing: str | None = None
    """A certificate that exists (on AWS its ARN); nothing is made then."""

    domain: DnsName | None = None
    """Name to have a certificate issued for."""

    zone_id: str | None = None
    """The existing DNS zone in which the record that proves the name is made. In one region only, the home region: the
    record is the same for every region, and it must outlive all but its owner."""

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if bool(self.existing) == bool(self.domain):
            raise ValueError("give either existing or domain")
        if self.zone_id and not self.domain:
            raise ValueError("zone_id goes with domain")
        return self


class AwsService(Spec):
    """What only AWS has."""

    tls_policy: str = "ELBSecurityPolicy-TLS13-1-2-2021-06"
    """TLS 1.3 with 1.2 for older clients (Elastic Load Balancing user guide, "Security policies")."""

    execute_command: bool = False
    """Let operators open a shell in a task; off, because it is a way around review."""


class AzureService(Spec):
    """What only Azure has."""

    plan_sku: Annotated[str, Field(pattern=r"^P([0-3]|[1-5]m)v[34]$")] | None = None
    """Another size of the plan's machines than the one that CPU and memory give, such as `P2mv3`."""

    thumbprint: Annotated[str, Field(pattern=r"^[0-9A-F]{40}$")] | None = None
    """Of a certificate for `certificate.domain` that is already in the stack's resource group: it is bound, and none is
    issued. App Service knows no other way to bring one along."""


class GcpService(Spec):
    """What only Google Cloud has."""

    concurrency: Annotated[int, Field(ge=1, le=1000)] = 80
    """Requests that one instance serves at a time."""


class ServiceSpec(Spec):
    """Containers behind HTTPS."""

    image: Annotated[str, Field(pattern=r"^[^\s:@]+(:\d+)?[^\s@]*(:[\w.-]+|@sha256:[0-9a-f]{64})$")]
    """Container image with tag or digest."""

    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """Port that the container listens on."""

    health_path: Annotated[str, Field(pattern=r"^/")] = "/health"
    """Path that answers 200 when the region can serve: the traffic's health checks ask it too."""

    cpu_millicores: Annotated[int, Field(ge=256, le=16384)] = 512
    """CPU of one task, at least: each cloud takes its next larger step."""

    memory_mib: Annotated[int, Field(ge=512, le=122880)] = 1024
    """Memory of one task in MiB, at least; 2 to 8 times `cpu_millicores`."""

    min_tasks: Annotated[int, Field(ge=1, le=1000)] = 3
    """Fewest tasks: one per zone, and warm, because a cold region makes a failover long."""

    max_tasks: Annotated[int, Field(ge=1, le=1000)] = 30
    """Most tasks; must hold the load of a region that was lost."""

    cpu_target_percent: Annotated[int, Field(ge=10, le=90)] = 50
    """CPU use that autoscaling aims at; half, so that a lost zone does not overload the others."""

    certificate: Certificate
    """The certificate of the HTTPS listener. No default: it proves the name."""

    environment: dict[str, str] = Field(default_factory=dict)
    """Environment of the container. No secrets: they belong into the secret store."""

    log_retention_days: Annotated[int, Field(ge=1, le=3653)] = 90
    """Days that logs of load balancer and containers are kept."""

    aws: AwsService = Field(default_factory=AwsService)
    """Options that only AWS has."""

    azure: AzureService = Field(default_factory=AzureService)
    """Options that only Azure has."""

    gcp: GcpService = Field(default_factory=GcpService)
    """Options that only Google Cloud has."""

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        if self.min_tasks > self.max_tasks:
            raise ValueError("min_tasks may not exceed max_tasks")
        if not 2 * self.cpu_millicores <= self.memory_mib <= 8 * self.cpu_millicores:
            raise ValueError("memory_mib must be 2 to 8 times cpu_millicores")
        return self
