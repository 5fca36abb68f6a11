"""Names over several clouds, the same call with every DNS provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.base import Component, Scope, load

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.edge.spec import EdgeSpec
    from components.place import Cloud, Place

    Targets = Mapping[Cloud, Mapping[str, pulumi.Input[str]]]


@dataclass(frozen=True)
class EdgeOutputs:
    """What runbooks need of the edge."""

    place: Place
    zone_id: pulumi.Input[str]
    health_checks: Mapping[str, Mapping[str, pulumi.Input[str]]]
    """By record and cloud: what decides whether the name leads there."""


class Edge(Component):
    """Steers between clouds by health; the place says whose DNS it is. Nothing here replicates data between clouds.

    Args:
        name: Of the component.
        spec: What.
        targets: By cloud and name in that cloud's global stack: the host that it leads to.
        place: Its cloud is the DNS provider.
        opts: Pulumi's.
    """

    def __init__(
        self,
        name: str,
        spec: EdgeSpec,
        targets: Targets,
        place: Place,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__(name, opts)
        build = load("edge", place.cloud)
        self.outputs: EdgeOutputs = build(Scope(self, name, place), spec, targets)
        self.register_outputs({"zoneId": self.outputs.zone_id})
