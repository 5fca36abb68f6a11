"""An edge with one name over three clouds."""

from __future__ import annotations

from typing import Any

from components.edge.component import Edge
from components.edge.spec import EdgeSpec
from components.place import Cloud, Place
from tests.components.graph import Graph, run

TARGETS = {"aws": "api.aws.example.com", "azure": "api.azure.example.com", "gcp": "api.gcp.example.com"}
HOSTS = {Cloud(cloud): {name: f"front.{cloud}.example"} for cloud, name in TARGETS.items()} | {
    Cloud.GCP: {TARGETS["gcp"]: "192.0.2.7"}
}
NAME = "api.any.example.com"


def spec(edge: dict[str, Any] | None = None, **record: Any) -> EdgeSpec:
    """An edge with one name, over three clouds unless it is given others."""
    wanted = {"name": NAME, "carries": "read-only", "targets": TARGETS, **record}
    return EdgeSpec.model_validate({"zone": "any.example.com", "zone_id": "Z1", "records": [wanted], **(edge or {})})


def made(place: Place, edge: dict[str, Any] | None = None, **record: Any) -> Graph:
    """Its graph."""
    return run(lambda: Edge("pay-edge", spec(edge, **record), HOSTS, place))
