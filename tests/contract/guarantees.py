"""What each cloud's resources must say for a guarantee to hold; read from the graph, so nobody's word is taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.place import Cloud
from tests.contract import guarantees_aws, guarantees_azure, guarantees_gcp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.components.graph import Graph

    Holds = Callable[[Graph], bool]

DEMANDED: Mapping[str, tuple[str, ...]] = {
    "customer_key": ("network", "nodes", "database", "cache", "archive"),
    "private": ("nodes", "database", "cache", "archive"),
    "zones": ("network", "nodes", "service", "database", "cache"),
    "tls_minimum": ("service", "database", "cache", "archive"),
    "backups": ("database", "cache", "archive"),
    "deletion_protection": ("keys", "nodes", "database", "cache", "archive"),
    "tags": ("keys", "network", "nodes", "service", "database", "cache", "traffic", "archive", "edge"),
}
"""Nouns by guarantee: each must hold on every cloud, or be `NOT_OFFERED` there with a reason."""

_UNTAGGABLE = {("edge", Cloud.GCP)}
_MODULES = {Cloud.AWS: guarantees_aws, Cloud.AZURE: guarantees_azure, Cloud.GCP: guarantees_gcp}
BY_CLOUD: Mapping[Cloud, Mapping[tuple[str, str], Holds]] = {
    cloud: {
        **module.HOLDS,
        **{(noun, "tags"): module.carries_tags for noun in DEMANDED["tags"] if (noun, cloud) not in _UNTAGGABLE},
    }
    for cloud, module in _MODULES.items()
}
"""By cloud, noun and guarantee: whether what the cloud is told keeps it."""


def pairs() -> list[tuple[str, str]]:
    """Noun and guarantee."""
    return [(noun, guarantee) for guarantee, nouns in DEMANDED.items() for noun in nouns]
