"""What AWS cannot do of what a spec says. Pure: no SDK."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from components.clouds.aws_sizes import Service, instance_class, lacking, machine_type, node_type
from components.clouds.zones import ZONES
from components.place import Cloud

if TYPE_CHECKING:
    from collections.abc import Iterator

    from components.cache.spec import CacheSpec
    from components.clouds.limits import Rules
    from components.database.spec import DatabaseSpec
    from components.edge.spec import EdgeSpec
    from components.keys.spec import KeysSpec
    from components.nodes.spec import NodesSpec
    from components.traffic.spec import TrafficSpec

_KEY = re.compile(r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/[\w-]+$")
_ZONE = re.compile(r"^Z[A-Z0-9]{1,31}$")


def keys(spec: KeysSpec, _: str) -> Iterator[str]:
    """Existing keys go by their ARN."""
    for purpose, key in spec.existing.items():
        if not _KEY.match(key):
            yield f"existing.{purpose}: must be a key's ARN: arn:aws:kms:REGION:ACCOUNT:key/ID"


def nodes(spec: NodesSpec, region: str) -> Iterator[str]:
    """Machines that the region has."""
    size = machine_type(spec)
    field = "aws.instance_type" if spec.aws.instance_type else "architecture"
    yield from _size(field, Service.MACHINES, region, size)


def cache(spec: CacheSpec, region: str) -> Iterator[str]:
    """Nodes that the region has."""
    yield from _size("aws.node_type" if spec.aws.node_type else "memory_gib", Service.CACHES, region, node_type(spec))


def _size(field: str, service: Service, region: str, size: str) -> Iterator[str]:
    if reason := lacking(service, region, size):
        yield f"{field}: {size}: {reason}"


def database(spec: DatabaseSpec, region: str) -> Iterator[str]:
    """Every member of a global database can be promoted; instances that the region has."""
    field = "aws.instance_class" if spec.aws.instance_class else "vcpus"
    yield from _size(field, Service.DATABASES, region, instance_class(spec))
    if spec.standby_region:
        yield "standby_region: on AWS every region can take over; leave it out"


def traffic(spec: TrafficSpec, _: str) -> Iterator[str]:
    """Every region has a switch, kept in a region that exists."""
    if missing := spec.all_regions() - set(spec.switches):
        yield f"switches: lacks {', '.join(sorted(missing))}"
    for region, keeper in spec.switches.items():
        if keeper not in ZONES[Cloud.AWS]:
            yield f"switches.{region}: {keeper!r} is not a region of aws"


def edge(spec: EdgeSpec, _: str) -> Iterator[str]:
    """Zones go by their id."""
    if spec.zone_id and not _ZONE.match(spec.zone_id):
        yield f"zone_id: {spec.zone_id!r} is no hosted zone's id; allowed: Z and up to 31 capital letters and digits"


RULES: Final[Rules] = {
    "keys": keys,
    "nodes": nodes,
    "database": database,
    "cache": cache,
    "traffic": traffic,
    "edge": edge,
}
"""Rule by noun."""
