"""The node software on the cluster."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from components.spec import Cidr, Spec


class WorkloadSpec(Spec):
    """A stateful set of nodes: one image, one port, one disk each."""

    image: Annotated[str, Field(pattern=r"^[^\s:@]+(:\d+)?[^\s@]*(:[\w.-]+|@sha256:[0-9a-f]{64})$")]
    """Container image with tag or digest."""

    namespace: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] = "fleet"
    """Namespace that everything is put into."""

    port: Annotated[int, Field(ge=1, le=65535)] = 8080
    """Port that the node listens on."""

    health_path: Annotated[str, Field(pattern=r"^/")] = "/health"
    """Path that answers 200 when the node is well."""

    replicas: Annotated[int, Field(ge=2, le=1000)] = 3
    """Nodes at creation and the fewest ever: one per zone."""

    max_replicas: Annotated[int, Field(ge=2, le=1000)] = 30
    """Most nodes; must hold the load of a region that was lost."""

    cpu_target_percent: Annotated[int, Field(ge=10, le=90)] = 50
    """CPU use that autoscaling aims at; half, so that a lost zone does not overload the others."""

    cpu_millicores: Annotated[int, Field(ge=50, le=64000)] = 500
    """CPU that each node is sure of; no limit, because throttling shows up as latency."""

    memory_mib: Annotated[int, Field(ge=64, le=524288)] = 1024
    """Memory of each node in MiB: request and limit, so that a leak kills its own node only."""

    disk_gib: Annotated[int, Field(ge=1, le=16384)] = 20
    """Disk of each node in GiB; fixed at creation (Kubernetes refuses to change a claim template)."""

    grace_s: Annotated[int, Field(ge=1, le=3600)] = 30
    """Seconds that a node has to finish its requests when it is told to stop."""

    allowed_cidrs: frozenset[Cidr] = frozenset()
    """Ranges outside of the namespace that may call the port; the region's own network is always allowed."""

    environment: dict[str, str] = Field(default_factory=dict)
    """Environment of the node. No secrets: they belong into the secret store."""

    @model_validator(mode="after")
    def _sizes_are_in_order(self) -> Self:
        if self.replicas > self.max_replicas:
            raise ValueError("replicas may not exceed max_replicas")
        return self
