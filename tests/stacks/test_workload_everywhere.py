"""The same workload on the clusters of three clouds: what Kubernetes is told differs where the clouds do, only."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from components.place import Cloud
from tests.stacks.graphs import FLEET

if TYPE_CHECKING:
    from tests.components.graph import Graph

HOMES = {config.cloud: stack for stack, config in FLEET.regions().items() if FLEET.is_home(stack)}
OWN = {"kubernetes:storage.k8s.io/v1:StorageClass"}
"""Disks are each cloud's own."""


def told(graph: Graph, cidr: str) -> dict[tuple[str, str], Any]:
    """What a cluster is told, without disks; the network's own range, from which requests may come, has a name."""
    return {
        (node.type, node.name): json.loads(json.dumps(node.inputs).replace(cidr, "the network"))
        for node in graph.nodes
        if node.type.startswith("kubernetes:") and node.type not in OWN
    }


def test_three_clusters_are_told_the_same(graphs: dict[str, Graph]) -> None:
    """Stateful set, services, budget, policies and autoscaler, value by value."""
    regions = FLEET.regions()
    ours, *others = (told(graphs[HOMES[cloud]], regions[HOMES[cloud]].network.cidr) for cloud in Cloud)
    assert len(ours) >= 8
    for other in others:
        assert other == ours
