"""The edge on Azure: a zone, and Traffic Manager. Never run against a real account.

Each name has a profile of its own, in which every cloud is an external endpoint:

- An address gets a name of its own here, because a profile takes external endpoints with host names or with addresses
  and not both (Traffic Manager documentation, "Traffic Manager endpoints").
- So does the profile that is Azure's own entrance. What is documented for a profile as such is nesting, which needs its
  id and rights on it; an external endpoint takes any host name.

Checks carry the host that the cloud's entrance knows. They look for a certificate and do not validate it ("Endpoint
monitoring"). Whether an endpoint is on, and its weight, are an operator's to move.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pulumi_azure_native as azure

from components.clouds.azure import RECORD_TTL_S, dns_zone, group, lead_to, profile, segment, unique
from components.edge.component import EdgeOutputs
from components.edge.spec import Steering
from components.place import Cloud
from components.traffic.component import ADDRESSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.base import Scope
    from components.edge.component import Targets
    from components.edge.spec import EdgeRecord, EdgeSpec

TTL_S: Final = 60
"""Long enough for resolvers to help, short enough that a lost cloud is forgotten within a minute."""
METHODS: Final = {
    Steering.FAILOVER: azure.trafficmanager.TrafficRoutingMethod.PRIORITY,
    Steering.WEIGHTED: azure.trafficmanager.TrafficRoutingMethod.WEIGHTED,
}


def build(scope: Scope, spec: EdgeSpec, targets: Targets) -> EdgeOutputs:
    """Make the group, and for each name its profile, its endpoints and its record."""
    inside = group(scope, "edge")
    zone_id = spec.zone_id or dns_zone(scope, spec.zone, inside).id
    maker = Maker(scope, spec, inside, zone_id)
    told: dict[str, Mapping[str, pulumi.Input[str]]] = {}
    for record in spec.records:
        owner = maker.profile(record)
        told[record.name] = {
            cloud.value: maker.endpoint(record, cloud, owner, targets[cloud][name]).id
            for cloud, name in sorted(record.targets.items())
        }
    return EdgeOutputs(scope.place, zone_id, told)


@dataclass(frozen=True)
class Maker:
    """Makes what a name consists of."""

    scope: Scope
    spec: EdgeSpec
    inside: azure.resources.ResourceGroup
    zone_id: pulumi.Input[str]

    def profile(self, record: EdgeRecord) -> azure.trafficmanager.Profile:
        """The profile, and the record that leads to it."""
        dns = unique(self.scope, record.name, "edge", TTL_S)
        method = METHODS[record.steering]
        made = profile(self.scope, self.spec, record.name, self.inside, dns, method, self.spec.health_path)
        host = made.dns_config.apply(lambda config: config.fqdn if config else "")
        self._lead(record.name, host)
        return made

    def endpoint(
        self, record: EdgeRecord, cloud: Cloud, owner: azure.trafficmanager.Profile, target: pulumi.Input[str]
    ) -> azure.trafficmanager.Endpoint:
        """A cloud as the name sees it. A weight is 1 to 1000: a cloud that gets nothing is born disabled."""
        host, known_as, named_by = self._host(record, cloud, target)
        weight = record.weights.get(cloud)
        return azure.trafficmanager.Endpoint(
            self.scope.named(record.name.replace(".", "-"), cloud),
            endpoint_name=cloud.value,
            endpoint_type="ExternalEndpoints",
            profile_name=owner.name,
            resource_group_name=self.inside.name,
            target=host,
            custom_headers=[{"name": "host", "value": known_as}],
            priority=record.order.index(cloud) + 1 if record.order else None,
            weight=None if weight is None else max(1, weight),
            endpoint_status="Disabled" if weight == 0 else "Enabled",
            opts=self.scope.opts(ignore=["endpointStatus", "weight"], depends_on=named_by),
        )

    def _host(
        self, record: EdgeRecord, cloud: Cloud, target: pulumi.Input[str]
    ) -> tuple[pulumi.Input[str], pulumi.Input[str], list[azure.dns.RecordSet]]:
        """The host that an endpoint takes, the one that the cloud's entrance knows, and what must be there first."""
        own = f"{cloud}.{record.name}"
        if cloud in ADDRESSES:
            return own, record.targets[cloud], [self._address(own, target)]
        if cloud is Cloud.AZURE:
            return own, target, [self._lead(own, target)]
        return target, target, []

    def _lead(self, name: str, host: pulumi.Input[str]) -> azure.dns.RecordSet:
        return lead_to(self.scope, f"{name.replace('.', '-')}-record", self.zone_id, self.spec.zone, name, host)

    def _address(self, name: str, address: pulumi.Input[str]) -> azure.dns.RecordSet:
        return azure.dns.RecordSet(
            self.scope.named(f"{name.replace('.', '-')}-record"),
            resource_group_name=segment(self.zone_id, "resourceGroups"),
            zone_name=self.spec.zone,
            record_type="A",
            relative_record_set_name=name.removesuffix(f".{self.spec.zone}"),
            ttl=RECORD_TTL_S,
            a_records=[{"ipv4_address": address}],
            opts=self.scope.opts(),
        )
