"""Sizes of Azure's services that a spec's numbers are turned into. Pure: no SDK, so that a spec can be refused."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from components.cache.spec import CacheSpec
    from components.service.spec import ServiceSpec

PLANS: Final[tuple[tuple[int, int, str], ...]] = (
    *((1000, 4, "P0v3"), (2000, 8, "P1v3"), (2000, 16, "P1mv3"), (4000, 16, "P2v3"), (4000, 32, "P2mv3")),
    *((8000, 32, "P3v3"), (8000, 64, "P3mv3"), (16000, 128, "P4mv3")),
)
"""Millicores, GiB, name; smallest first (App Service documentation, "Premium V3 tier"). All can be zone-redundant."""

CACHES: Final[tuple[tuple[int, str], ...]] = (
    *((3, "Balanced_B3"), (6, "Balanced_B5"), (12, "Balanced_B10"), (24, "Balanced_B20"), (60, "Balanced_B50")),
    *((120, "Balanced_B100"), (180, "Balanced_B150"), (240, "Balanced_B250"), (360, "Balanced_B350")),
    *((480, "Balanced_B500"), (720, "Balanced_B700"), (960, "Balanced_B1000")),
)
"""GiB and name (Managed Redis documentation, "Pricing tiers"); smaller ones cannot be geo-replicated."""

MACHINES: Final = re.compile(
    r"Standard_(A|B|D|DC|E|EC|F|FX|H|HB|HC|HX|L|M|NC|ND|NG|NP|NV)\d+(-\d+)?[a-z]*(_[A-Z0-9]+)*(_v\d+)?"
)
GENERAL: Final = re.compile(r"Standard_[DEF](\d+)(-\d+)?[a-z]*_v\d+")
PROCESSORS: Final = (1, 2, 4, 8, 16, 20, 32, 48, 64, 72, 80, 96, 104, 112, 128, 144, 160, 176, 192)
"""How a machine's size is called, and how many processors those of the series D, E and F have (Virtual Machines,
"Naming conventions" and "Sizes"). What a region has of them only Azure knows: `az vm list-skus`."""

SERVERS: Final = re.compile(r"Standard_E(2|4|8|16|20|32|48|64|96)(s_v3|ds_v4|d?s_v5|ads_v5)")
"""Memory-optimized servers (PostgreSQL flexible server, "Compute options")."""

CACHE_SKUS: Final = frozenset(
    {name for _, name in CACHES}
    | {f"MemoryOptimized_M{size}" for size in (10, 20, 50, 100, 150, 250, 350, 500, 700, 1000, 1500, 2000)}
    | {f"ComputeOptimized_X{size}" for size in (3, 5, 10, 20, 50, 100, 150, 250, 350, 500, 700)}
)
"""The enumeration of Azure's own API (Microsoft.Cache/redisEnterprise), but for what cannot be geo-replicated."""

USABLE: Final = 0.8
"""Azure keeps a fifth of a cache's memory for itself (Managed Redis documentation, "Memory management")."""


def plan_size(spec: ServiceSpec) -> str | None:
    """The smallest machine that holds one task, unless the options name another; None if there is none."""
    fitting = (name for cpu, gib, name in PLANS if cpu >= spec.cpu_millicores and gib * 1024 >= spec.memory_mib)
    return spec.azure.plan_sku or next(fitting, None)


def cache_size(spec: CacheSpec) -> str | None:
    """The smallest cache that holds the keys of all shards, unless the options name another; None if there is none."""
    wanted_gib = spec.memory_gib * spec.shards
    return spec.azure.sku or next((name for gib, name in CACHES if gib * USABLE >= wanted_gib), None)
