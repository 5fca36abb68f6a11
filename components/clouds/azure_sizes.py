"""Sizes of Azure's services that a spec's numbers are turned into. Pure: no SDK, so that a spec can be refused."""

from __future__ import annotations

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
