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
    "tags": ("keys", "network", "nodes", "service", "database", "cache", "traffic", "archive"),
}
"""Nouns by guarantee: each must hold on every cloud, or be `NOT_OFFERED` there with a reason."""

BY_CLOUD: Mapping[Cloud, Mapping[tuple[str, str], Holds]] = {
    Cloud.AWS: guarantees_aws.HOLDS,
    Cloud.AZURE: guarantees_azure.HOLDS,
    Cloud.GCP: guarantees_gcp.HOLDS,
}


def pairs() -> list[tuple[str, str]]:
    """Noun and guarantee."""
    return [(noun, guarantee) for guarantee, nouns in DEMANDED.items() for noun in nouns]
