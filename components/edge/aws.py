"""The edge on Route 53. Never run against a real account.

A cloud is in a name's answers while its health check is healthy. The checkers ask each cloud's host over HTTPS and do
not validate the certificate (Route 53 Developer Guide, "How Route 53 determines whether a health check is healthy").
Names lead on by CNAME, because another cloud's host is no alias target; an address gets a name of its own first. Checks
ask it by the name that its cloud knows, for which alone it has a certificate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi_aws as aws

from components.clouds.aws import dns_zone, https_check
from components.edge.component import EdgeOutputs
from components.edge.spec import Steering
from components.traffic.component import ADDRESSES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.base import Scope
    from components.edge.component import Targets
    from components.edge.spec import EdgeRecord, EdgeSpec
    from components.place import Cloud

TTL_S = 60
"""Long enough for resolvers to help, short enough that a lost cloud is forgotten within a minute."""
Checks = dict["Cloud", aws.route53.HealthCheck]


def build(scope: Scope, spec: EdgeSpec, targets: Targets) -> EdgeOutputs:
    """Make checks and records."""
    zone_id = spec.zone_id or dns_zone(scope, spec.zone).zone_id
    told: dict[str, Mapping[str, pulumi.Input[str]]] = {}
    for record in spec.records:
        hosts = {
            cloud: host_of(scope, zone_id, record, cloud, targets[cloud][name])
            for cloud, name in sorted(record.targets.items())
        }
        checks = {
            cloud: check(scope, spec, record, cloud, targets[cloud][name])
            for cloud, name in sorted(record.targets.items())
        }
        if record.steering is Steering.FAILOVER:
            lead(scope, zone_id, record.name, record.order, hosts, checks)
        else:
            for cloud, weight in sorted(record.weights.items()):
                policy = [{"weight": weight}]
                to_cloud(scope, zone_id, record.name, cloud, hosts, checks, weighted_routing_policies=policy)
        told[record.name] = {cloud.value: made.id for cloud, made in checks.items()}
    return EdgeOutputs(scope.place, zone_id, told)


def host_of(
    scope: Scope, zone_id: pulumi.Input[str], record: EdgeRecord, cloud: Cloud, endpoint: pulumi.Input[str]
) -> pulumi.Input[str]:
    """The host that stands for a cloud: its own, or one here for its address, named after cloud and record."""
    if cloud not in ADDRESSES:
        return endpoint
    host = f"{cloud}.{record.name}"
    made = aws.route53.Record(
        scope.named(host.replace(".", "-")),
        zone_id=zone_id,
        name=host,
        type="A",
        ttl=TTL_S,
        records=[endpoint],
        opts=scope.opts(),
    )
    return made.name


def check(
    scope: Scope, spec: EdgeSpec, record: EdgeRecord, cloud: Cloud, endpoint: pulumi.Input[str]
) -> aws.route53.HealthCheck:
    """Ask a cloud's entrance over HTTPS."""
    name = scope.named("check", record.name.replace(".", "-"), cloud)
    if cloud in ADDRESSES:
        return https_check(scope, name, spec, record.targets[cloud], spec.health_path, endpoint)
    return https_check(scope, name, spec, endpoint, spec.health_path)


def lead(
    scope: Scope,
    zone_id: pulumi.Input[str],
    name: str,
    order: tuple[Cloud, ...],
    hosts: Mapping[Cloud, pulumi.Input[str]],
    checks: Checks,
) -> None:
    """PRIMARY leads to the first cloud; SECONDARY to the rest, which is a pair of its own one name below."""
    first, *rest = order
    if not rest:
        to_cloud(scope, zone_id, name, first, hosts, checks)
        return
    to_cloud(scope, zone_id, name, first, hosts, checks, failover_routing_policies=[{"type": "PRIMARY"}])
    secondary = [{"type": "SECONDARY"}]
    if len(rest) == 1:
        to_cloud(scope, zone_id, name, rest[0], hosts, checks, failover_routing_policies=secondary)
        return
    below = f"or-{rest[0]}.{name}"
    lead(scope, zone_id, below, tuple(rest), hosts, checks)
    answer(scope, zone_id, name, "rest", below, failover_routing_policies=secondary)


def to_cloud(
    scope: Scope,
    zone_id: pulumi.Input[str],
    name: str,
    cloud: Cloud,
    hosts: Mapping[Cloud, pulumi.Input[str]],
    checks: Checks,
    **policies: Any,
) -> None:
    """An answer that leads to one cloud while it is healthy."""
    answer(scope, zone_id, name, cloud, hosts[cloud], health_check_id=checks[cloud].id, **policies)


def answer(
    scope: Scope, zone_id: pulumi.Input[str], name: str, identifier: str, host: pulumi.Input[str], **rest: Any
) -> None:
    """One of a name's answers."""
    aws.route53.Record(
        scope.named(name.replace(".", "-"), identifier),
        zone_id=zone_id,
        name=name,
        type="CNAME",
        ttl=TTL_S,
        records=[host],
        set_identifier=identifier if set(rest) - {"health_check_id"} else None,
        opts=scope.opts(ignore=["weightedRoutingPolicies"]),
        **rest,
    )
