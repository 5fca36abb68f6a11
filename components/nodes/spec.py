"""The Kubernetes cluster that nodes of the service run on."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from components.spec import Cidr, Spec


class ApiReach(StrEnum):
    """Who can reach the cluster's API endpoint."""

    PRIVATE = "private"
    """Only from inside the network; whoever deploys needs a way in."""
    ALLOWED = "allowed"
    """From inside, and from `api_allowed_cidrs`."""


class Architecture(StrEnum):
    """Processor architecture of the nodes."""

    X86_64 = "x86_64"
    ARM64 = "arm64"


NodeVcpus = Literal[2, 4, 8, 16, 32]
"""Sizes that every cloud has as a general-purpose machine with 4 GiB for each processor."""


class AwsNodes(Spec):
    """What only AWS has."""

    instance_type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*\.[a-z0-9]+$")] | None = None
    """Another machine type than the one that `vcpus` and `architecture` give, such as `c7i.4xlarge`."""

    addons: dict[str, str | None] = Field(
        default_factory=lambda: dict.fromkeys(
            ("vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent", "aws-ebs-csi-driver", "metrics-server")
        )
    )
    """EKS add-ons and their version; without one it is the cluster's default, which an upgrade of the cluster moves."""


class AzureNodes(Spec):
    """What only Azure has."""

    vm_size: Annotated[str, Field(pattern=r"^Standard_[A-Za-z0-9_]+$")] | None = None
    """Another machine size than the one that `vcpus` and `architecture` give, such as `Standard_D8as_v5`."""


class GcpNodes(Spec):
    """What only Google Cloud has."""

    machine_type: Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*-[a-z0-9-]+$")] | None = None
    """Another machine type than the one that `vcpus` and `architecture` give, such as `c3-standard-8`."""

    max_pods_per_node: Annotated[int, Field(ge=8, le=256)] = 64
    """Each node takes twice as many addresses of the pods' range, rounded up to a power of two: with 64 a /16 network
    has room for 128 nodes, with 32 for 256. Fixed at creation."""


class ExistingNodes(Spec):
    """A cluster that exists already; nothing of it is made or changed."""

    cluster: str
    """The cluster's name."""
    endpoint: str
    """The URL of its API."""
    certificate_authority: str
    """The certificate authority's data, base64."""
    node_groups: dict[str, str] = Field(default_factory=dict)
    """Node group by zone letter, for the failover's scaling."""
    disk_key: str | None = None
    """Key of the disks that pods claim (on AWS its ARN); without one the account's default key encrypts them."""


class NodesSpec(Spec):
    """A managed cluster with one group of nodes in each zone."""

    version: Annotated[str, Field(pattern=r"^1\.[0-9]{2}$")]
    """Kubernetes minor version, such as `1.34`; raised one at a time. No default: an upgrade is a decision."""

    vcpus: NodeVcpus = 2
    """Processors of every node, with 4 GiB of memory each; changed by a rolling update, not by replacing the group."""

    architecture: Architecture = Architecture.X86_64
    """Changing it replaces the node groups."""

    min_per_zone: Annotated[int, Field(ge=0, le=100)] = 1
    """Fewest nodes in a zone; 1, because a warm region is what makes a failover short."""

    desired_per_zone: Annotated[int, Field(ge=0, le=100)] = 1
    """Nodes in a zone at creation; afterwards an autoscaler's or a failover's to move."""

    max_per_zone: Annotated[int, Field(ge=1, le=100)] = 6
    """Most nodes in a zone; must hold the load of a region that was lost."""

    disk_gib: Annotated[int, Field(ge=20, le=16384)] = 60
    """Root disk of a node in GiB: images, logs and ephemeral storage."""

    api_reach: ApiReach = ApiReach.PRIVATE
    """Reach of the API endpoint; private by default, because an API open to the Internet is a target."""

    api_allowed_cidrs: frozenset[Cidr] = frozenset()
    """Ranges that may reach the API when `api_reach` is `allowed`."""

    admins: frozenset[str] = frozenset()
    """Identities that administer the cluster: on AWS ARNs of IAM roles, on Azure object ids of Entra groups, on Google
    Cloud members such as `group:sre@example.com`. None by default, access is given by name."""

    log_retention_days: Annotated[int, Field(ge=1, le=3653)] = 90
    """Days that control-plane logs are kept, audit log included."""

    existing: ExistingNodes | None = None
    """Bring your own cluster instead of making one."""

    aws: AwsNodes = Field(default_factory=AwsNodes)
    """Options that only AWS has."""

    azure: AzureNodes = Field(default_factory=AzureNodes)
    """Options that only Azure has."""

    gcp: GcpNodes = Field(default_factory=GcpNodes)
    """Options that only Google Cloud has."""

    @model_validator(mode="after")
    def _sizes_are_in_order(self) -> Self:
        if not self.min_per_zone <= self.desired_per_zone <= self.max_per_zone:
            raise ValueError("min_per_zone ≤ desired_per_zone ≤ max_per_zone does not hold")
        return self

    @model_validator(mode="after")
    def _reach_and_ranges_agree(self) -> Self:
        if (self.api_reach is ApiReach.ALLOWED) != bool(self.api_allowed_cidrs):
            raise ValueError("api_allowed_cidrs must be given when api_reach is 'allowed', and only then")
        if "0.0.0.0/0" in self.api_allowed_cidrs:
            raise ValueError("api_allowed_cidrs may not be the whole Internet (0.0.0.0/0)")
        return self
