"""Names on Azure: Traffic Manager profiles, and the records that lead to them. Never run against a real account.

Every name has a profile of its own, because a profile has one way of choosing. A region is taken out by disabling its
endpoints: that is a call to the control plane of Traffic Manager, which lives in no region that it steers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pulumi_azure_native as azure

from components.clouds.azure import dns_zone, group, lead_to, profile, unique
from components.traffic.component import Backend, TrafficOutputs
from components.traffic.spec import Record, Routing

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.base import Scope
    from components.traffic.spec import TrafficSpec

NOT_OFFERED: Final[Mapping[str, str]] = {
    "switches": "there is no switch outside of the control plane: a failover disables the region's endpoints",
    "controls": "routing controls are AWS's own",
    "control_endpoints": "routing controls are AWS's own",
    "zones": "Traffic Manager answers from all over the world and has no zones",
    "customer_key": "names are there to be public",
    "private": "names are there to be public",
}
METHODS: Final = {
    Routing.FAILOVER: azure.trafficmanager.TrafficRoutingMethod.PRIORITY,
    Routing.WEIGHTED: azure.trafficmanager.TrafficRoutingMethod.WEIGHTED,
    Routing.LATENCY: azure.trafficmanager.TrafficRoutingMethod.PERFORMANCE,
}
TTL_S: Final = 10
"""Seconds that a client may go on using an answer: what it waits is added to the time that detection takes."""


def build(scope: Scope, spec: TrafficSpec, backends: Mapping[str, Backend]) -> TrafficOutputs:
    """Make the group, and for each name its profile, its endpoints and its record."""
    inside = group(scope, "global")
    zone_id: pulumi.Input[str] = spec.zone_id or dns_zone(scope, spec.zone, inside).id
    hosts: dict[str, pulumi.Input[str]] = {}
    steering: dict[str, pulumi.Input[str]] = {}
    checks: dict[str, pulumi.Input[str]] = {}
    for record in spec.records:
        # The path is the same in every region.
        path, method = backends[min(record.all_regions())].health_path, METHODS[record.routing]
        dns = unique(scope, record.name, "global", TTL_S)
        made = profile(scope, spec, record.name, inside, dns, method, path)
        for region, endpoint in make_endpoints(scope, record, inside, made, backends).items():
            checks.setdefault(region, endpoint.id)
        steering[record.name] = made.id
        hosts[record.name] = made.dns_config.apply(lambda dns: dns.fqdn if dns else "")
        part = f"{record.name.replace('.', '-')}-record"
        lead_to(scope, part, zone_id, spec.zone, record.name, hosts[record.name])
    return TrafficOutputs(scope.place, zone_id, hosts, checks, {}, [], {}, steering)


def make_endpoints(
    scope: Scope,
    record: Record,
    inside: azure.resources.ResourceGroup,
    owner: azure.trafficmanager.Profile,
    backends: Mapping[str, Backend],
) -> dict[str, azure.trafficmanager.Endpoint]:
    """A region's entrance as the name sees it. Whether it is on, and its weight, are an operator's to move.

    A weight is 1 to 1000: a region that gets nothing is born disabled.
    """
    made = {}
    for region in sorted(record.all_regions()):
        weight = record.weights.get(region)
        made[region] = azure.trafficmanager.Endpoint(
            scope.named(record.name.replace(".", "-"), region),
            endpoint_name=region,
            endpoint_type="AzureEndpoints",
            profile_name=owner.name,
            resource_group_name=inside.name,
            target_resource_id=backends[region].target,
            priority=record.order.index(region) + 1 if record.order else None,
            weight=None if weight is None else max(1, weight),
            endpoint_status="Disabled" if weight == 0 else "Enabled",
            opts=scope.opts(ignore=["endpointStatus", "weight"]),
        )
    return made
