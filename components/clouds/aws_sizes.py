"""Which sizes AWS has, by region, and which of them a spec asks for. Pure: no SDK.

The table (`aws-sizes.json`) is that of `cfn-lint`, which takes it from AWS's price list; `tests/stacks/test_sizes.py`
says that it is, and writes it anew. What AWS brought out since is not in it: a newer `cfn-lint` knows it.
"""

from __future__ import annotations

import json
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from components.nodes.spec import Architecture

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.cache.spec import CacheSpec
    from components.database.spec import DatabaseSpec
    from components.nodes.spec import NodesSpec

FILE: Final = Path(__file__).with_name("aws-sizes.json")

_SIZES: Final = {2: "large", 4: "xlarge", 8: "2xlarge", 16: "4xlarge", 32: "8xlarge", 64: "16xlarge"}
# m7i and m7g have the same sizes: 4 GiB for each processor (EC2, "Instance types", general purpose).
_MACHINES: Final = {Architecture.X86_64: "m7i", Architecture.ARM64: "m7g"}
# 8 GiB for each processor (RDS user guide, "Hardware specifications for DB instance classes").
_DATABASES: Final = "db.r7g"
# cache.r7g: 13.07, 26.32, 52.82 GiB; 6.38 is the m7g.large (ElastiCache user guide, "Supported node types").
_CACHES: Final = {6: "cache.m7g.large", 12: "cache.r7g.large", 24: "cache.r7g.xlarge", 48: "cache.r7g.2xlarge"}


class Service(StrEnum):
    """Whose sizes."""

    MACHINES = "machines"
    DATABASES = "databases"
    CACHES = "caches"


def machine_type(spec: NodesSpec) -> str:
    """The general-purpose type of that many processors, unless the options name another."""
    return spec.aws.instance_type or f"{_MACHINES[spec.architecture]}.{_SIZES[spec.vcpus]}"


def instance_class(spec: DatabaseSpec) -> str:
    """The memory-optimized class of that many processors, unless the options name another."""
    return spec.aws.instance_class or f"{_DATABASES}.{_SIZES[spec.vcpus]}"


def node_type(spec: CacheSpec) -> str:
    """The smallest type with that much memory, unless the options name another."""
    return spec.aws.node_type or _CACHES[spec.memory_gib]


def lacking(service: Service, region: str, size: str) -> str:
    """Why a size cannot be had in a region, and what can; empty: it can."""
    regions = _table()[service]
    here = regions.get(region)
    if here is None or size in here:
        return ""
    family = size.rpartition(".")[0]
    if siblings := sorted(each for each in here if each.rpartition(".")[0] == family):
        return f"{family} has no such size in {region}; allowed: {', '.join(siblings)}"
    if any(size in sizes for sizes in regions.values()):
        families = sorted({each.rpartition(".")[0] for each in here})
        return f"{region} has no {family}; allowed: sizes of {', '.join(families)}"
    return f"AWS lists no {size}; allowed: what it lists for {region}, in components/clouds/aws-sizes.json"


@cache
def _table() -> Mapping[str, Mapping[str, frozenset[str]]]:
    raw = json.loads(FILE.read_text())
    return {
        service: {
            region: frozenset(
                f"{family}.{size}" for family, number in here.items() for size in raw["sizes"][number].split()
            )
            for region, here in raw[service].items()
        }
        for service in Service
    }
