"""Names on Azure: Traffic Manager profiles, and the records that lead to them. Never run against a real account.

Every name has a profile of its own, because a profile has one way of choosing. A region is taken out by disabling its
endpoints: that is a call to the control plane of Traffic Manager, which lives in no region that it steers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pulumi
import pulumi_azure_native as azure

from components.clouds.azure import client, fit, group, segment, suffix_of
from components.traffic.component import Backend, TrafficOutputs
from components.traffic.spec import Record, Routing

if TYPE_CHECKING:
    from collections.abc import Mapping

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
RECORD_TTL_S: Final = 300
"""The record leads to the profile's own name, which never changes."""


def build(scope: Scope, spec: TrafficSpec, backends: Mapping[str, Backend]) -> TrafficOutputs:
    """Make the group, and for each name its profile, its endpoints and its record."""
    inside = group(scope, "global")
    zone_id: pulumi.Input[str] = spec.zone_id or make_zone(scope, spec, inside).id
    endings = client(scope).subscription_id.apply(lambda known: suffix_of(known, scope.place.fleet, "global"))
    hosts: dict[str, pulumi.Input[str]] = {}
    steering: dict[str, pulumi.Input[str]] = {}
    checks: dict[str, pulumi.Input[str]] = {}
    for record in spec.records:
        profile = make_profile(scope, spec, record, inside, backends, endings)
        for region, endpoint in make_endpoints(scope, record, inside, profile, backends).items():
            checks.setdefault(region, endpoint.id)
        steering[record.name] = profile.id
        hosts[record.name] = profile.dns_config.apply(lambda dns: dns.fqdn if dns else "")
        lead_to(scope, spec, record, zone_id, hosts[record.name])
    return TrafficOutputs(scope.place, zone_id, hosts, checks, {}, [], {}, steering)


def make_zone(scope: Scope, spec: TrafficSpec, inside: azure.resources.ResourceGroup) -> azure.dns.Zone:
    """The zone, on request."""
    name = scope.named("zone")
    return azure.dns.Zone(
        name,
        zone_name=spec.zone,
        location="global",
        resource_group_name=inside.name,
        tags=scope.tags(name),
        opts=scope.opts(holds_data=True),
    )


def make_profile(
    scope: Scope,
    spec: TrafficSpec,
    record: Record,
    inside: azure.resources.ResourceGroup,
    backends: Mapping[str, Backend],
    ending: pulumi.Output[str],
) -> azure.trafficmanager.Profile:
    """How one name chooses, and how it asks whether a region is well: the path is the same in every region.

    Timeouts: 5 to 9 s with checks each 10 s, 5 to 10 s with 30 (Traffic Manager documentation, "Endpoint monitoring").
    """
    name = scope.named(record.name.replace(".", "-"))
    first = backends[min(record.all_regions())]
    return azure.trafficmanager.Profile(
        name,
        profile_name=fit(name, 63),
        resource_group_name=inside.name,
        location="global",
        traffic_routing_method=METHODS[record.routing],
        dns_config={"relative_name": pulumi.Output.concat(fit(name, 54), "-", ending), "ttl": TTL_S},
        monitor_config={
            "protocol": azure.trafficmanager.MonitorProtocol.HTTPS,
            "port": 443,
            "path": first.health_path,
            "interval_in_seconds": spec.check_interval_s,
            "timeout_in_seconds": 5,
            "tolerated_number_of_failures": spec.failure_threshold - 1,
        },
        tags=scope.tags(name),
        # The service writes back what it sees: endpoints are resources of their own.
        opts=scope.opts(ignore=["endpoints"]),
    )


def make_endpoints(
    scope: Scope,
    record: Record,
    inside: azure.resources.ResourceGroup,
    profile: azure.trafficmanager.Profile,
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
            profile_name=profile.name,
            resource_group_name=inside.name,
            target_resource_id=backends[region].target,
            priority=record.order.index(region) + 1 if record.order else None,
            weight=None if weight is None else max(1, weight),
            endpoint_status="Disabled" if weight == 0 else "Enabled",
            opts=scope.opts(ignore=["endpointStatus", "weight"]),
        )
    return made


def lead_to(
    scope: Scope, spec: TrafficSpec, record: Record, zone_id: pulumi.Input[str], host: pulumi.Input[str]
) -> None:
    """The record by which our name leads to the profile's."""
    azure.dns.RecordSet(
        scope.named(record.name.replace(".", "-"), "record"),
        resource_group_name=segment(zone_id, "resourceGroups"),
        zone_name=spec.zone,
        record_type="CNAME",
        relative_record_set_name=record.name.removesuffix(f".{spec.zone}"),
        ttl=RECORD_TTL_S,
        cname_record={"cname": host},
        opts=scope.opts(),
    )
