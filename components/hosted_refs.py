"""What components of every Pulumi language say of each other and of their place."""

# No `from __future__ import annotations`: Pulumi reads the types themselves.

from typing import NotRequired, TypedDict

from pulumi import Input

from components.place import Cloud


class Place(TypedDict):
    """Where a component stands, and the habits that all components of a stack share."""

    cloud: Cloud
    """Which implementation is meant."""
    region: str
    """The cloud's own name of the region; for names, the region whose control plane is called."""
    fleet: str
    """Short name of the fleet, 1 to 12 characters."""
    tags: NotRequired[dict[str, str]]
    """Put on everything that can carry tags."""
    protect: NotRequired[bool]
    """Deletion protection of all that holds data. Default: true."""


class NetworkRef(TypedDict):
    """A network: what `Network` was given and made, or one that exists."""

    network_id: Input[str]
    """The network (on AWS the VPC's id)."""
    cidr: str
    """Its address range."""
    zones: list[str]
    """The letters of its zones."""
    subnets: Input[dict[str, Input[dict[str, str]]]]
    """Subnet by tier (public, private, data) and zone letter."""


class NodesRef(TypedDict):
    """A cluster: what `Nodes` made, or one that exists."""

    cluster: Input[str]
    """Its name."""
    endpoint: Input[str]
    """The URL of its API."""
    certificate_authority: Input[str]
    """The certificate authority's data, base64."""
    disk_key: NotRequired[Input[str]]
    """Key of the disks that pods claim. Default: the account's own."""


class Backend(TypedDict):
    """A region's entrance: what `Service` made."""

    host: Input[str]
    """DNS name of the load balancer."""
    host_zone: Input[str]
    """The load balancer's own DNS zone."""
    health_path: Input[str]
    """Path that answers 200 when the region can serve."""
