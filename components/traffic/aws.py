"""Names on AWS: Route 53. Never run against a real account.

A region is in DNS while every part of its calculated health check is healthy: the endpoint answers, the switch is not
thrown and, with routing controls, the control is on. The switch is an *inverted* check on an object in another
region: no object, healthy; object written, unhealthy. (AWS Networking blog, "Creating Disaster Recovery Mechanisms
Using Amazon Route 53": "standby takes over primary".) If S3 there is down the check stays healthy: a lost switch
never takes a region out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pulumi
import pulumi_aws as aws

from components.clouds.aws import HTTPS_PORT, dns_zone, https_check, no_plain_http, policy, statement
from components.traffic.component import Backend, Switch, TrafficOutputs
from components.traffic.spec import Routing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.base import Scope
    from components.traffic.spec import TrafficSpec

NOT_OFFERED: Final[Mapping[str, str]] = {"steering": "a name follows its regions' switches: nothing else is changed"}
"""Outputs that AWS does not have, and why."""


def build(scope: Scope, spec: TrafficSpec, backends: Mapping[str, Backend]) -> TrafficOutputs:
    """Make switches, checks and records."""
    zone_id = spec.zone_id or dns_zone(scope, spec.zone).zone_id
    regions = sorted(spec.all_regions())
    switches = make_switches(scope, spec, regions)
    arc = make_arc(scope, regions) if spec.aws.routing_controls else None
    controls = {region: control.arn for region, control in arc[1].items()} if arc else {}
    checks = {
        region: decide(scope, spec, region, backends[region], switches[region], controls.get(region))
        for region in regions
    }
    make_records(scope, spec, zone_id, backends, checks)
    ids = {region: check.id for region, check in checks.items()}
    endpoints = arc[0].cluster_endpoints.apply(_by_region) if arc else []
    names = {record.name: record.name for record in spec.records}
    return TrafficOutputs(scope.place, zone_id, names, ids, switches, endpoints, controls)


def _by_region(endpoints: Sequence[aws.route53recoverycontrol.outputs.ClusterClusterEndpoint]) -> list[str]:
    return [f"{each.region}={each.endpoint}" for each in endpoints]


def make_switches(scope: Scope, spec: TrafficSpec, regions: list[str]) -> dict[str, Switch]:
    """One bucket per keeping region; the switch object itself is only ever written by a failover."""
    keepers = sorted({spec.switches[region] for region in regions})
    buckets = {keeper: make_switch_bucket(scope, keeper) for keeper in keepers}
    return {
        region: Switch(buckets[spec.switches[region]].bucket, spec.switches[region], f"off/{region}")
        for region in regions
    }


def make_switch_bucket(scope: Scope, keeper: str) -> aws.s3.Bucket:
    """A bucket whose `off/` objects anyone may read, as Route 53's checkers do unsigned; they say nothing but `off`.

    The checkers and a failover speak TLS; nobody else needs to be heard without.
    """
    name = scope.named("switch", keeper)
    bucket = aws.s3.Bucket(name, region=keeper, tags=scope.tags(name), opts=scope.opts())
    reach = aws.s3.BucketPublicAccessBlock(
        name,
        region=keeper,
        bucket=bucket.id,
        block_public_acls=True,
        ignore_public_acls=True,
        block_public_policy=False,
        restrict_public_buckets=False,
        opts=scope.opts(),
    )
    read = statement("s3:GetObject", pulumi.Output.concat(bucket.arn, "/off/*"), principal="*")
    aws.s3.BucketPolicy(
        name,
        region=keeper,
        bucket=bucket.id,
        policy=policy(read, no_plain_http(bucket)),
        opts=scope.opts(depends_on=[reach]),
    )
    return bucket


def decide(
    scope: Scope,
    spec: TrafficSpec,
    region: str,
    backend: Backend,
    switch: Switch,
    control: pulumi.Input[str] | None,
) -> aws.route53.HealthCheck:
    """The check that a region's records carry: healthy when all of its parts are."""
    parts = [check_endpoint(scope, spec, region, backend).id, check_switch(scope, spec, region, switch).id]
    if control is not None:
        name = scope.named("control", region)
        parts.append(
            aws.route53.HealthCheck(
                name, type="RECOVERY_CONTROL", routing_control_arn=control, tags=scope.tags(name), opts=scope.opts()
            ).id
        )
    name = scope.named("in", region)
    return aws.route53.HealthCheck(
        name,
        type="CALCULATED",
        child_healthchecks=parts,
        child_health_threshold=len(parts),
        tags=scope.tags(name),
        opts=scope.opts(ignore=["invertHealthcheck", "disabled"]),
    )


def check_endpoint(scope: Scope, spec: TrafficSpec, region: str, backend: Backend) -> aws.route53.HealthCheck:
    """Ask the region's entrance over HTTPS."""
    return https_check(scope, scope.named("endpoint", region), spec, backend.host, backend.health_path)


def check_switch(scope: Scope, spec: TrafficSpec, region: str, switch: Switch) -> aws.route53.HealthCheck:
    """Healthy while the switch object does not exist; one look is enough, because a person or a failover wrote it."""
    name = scope.named("switch", region)
    return aws.route53.HealthCheck(
        name,
        type="HTTPS",
        fqdn=pulumi.Output.concat(switch.bucket, f".s3.{switch.region}.amazonaws.com"),
        port=HTTPS_PORT,
        resource_path=f"/{switch.key}",
        request_interval=spec.check_interval_s,
        failure_threshold=1,
        invert_healthcheck=True,
        enable_sni=True,
        tags=scope.tags(name),
        opts=scope.opts(ignore=["invertHealthcheck", "disabled"]),
    )


Arc: TypeAlias = tuple[aws.route53recoverycontrol.Cluster, dict[str, aws.route53recoverycontrol.RoutingControl]]


def make_arc(scope: Scope, regions: list[str]) -> Arc:
    """Routing controls, one per region, and the rule that at least one stays on."""
    name = scope.named("arc")
    cluster = aws.route53recoverycontrol.Cluster(name, name=name, opts=scope.opts())
    panel = aws.route53recoverycontrol.ControlPanel(name, name=name, cluster_arn=cluster.arn, opts=scope.opts())
    controls = {
        region: aws.route53recoverycontrol.RoutingControl(
            scope.named("arc", region),
            name=scope.named(region),
            cluster_arn=cluster.arn,
            control_panel_arn=panel.arn,
            opts=scope.opts(),
        )
        for region in regions
    }
    aws.route53recoverycontrol.SafetyRule(
        scope.named("arc-one-on"),
        name=scope.named("one-on"),
        control_panel_arn=panel.arn,
        asserted_controls=[controls[region].arn for region in regions],
        rule_config={"type": "ATLEAST", "threshold": 1, "inverted": False},
        wait_period_ms=5000,
        opts=scope.opts(),
    )
    return cluster, controls


def make_records(
    scope: Scope,
    spec: TrafficSpec,
    zone_id: pulumi.Input[str],
    backends: Mapping[str, Backend],
    checks: Mapping[str, aws.route53.HealthCheck],
) -> None:
    """The alias records of every name."""
    maker = RecordMaker(scope, zone_id, backends, checks)
    for record in spec.records:
        match record.routing:
            case Routing.FAILOVER:
                maker.failover(record.name, record.order)
            case Routing.WEIGHTED:
                for region in sorted(record.weights):
                    maker.weighted(record.name, region, record.weights[region])
            case Routing.LATENCY:
                for region in sorted(record.regions):
                    maker.latency(record.name, region)


@dataclass(frozen=True)
class RecordMaker:
    """Makes alias records, each with its region's check."""

    scope: Scope
    zone_id: pulumi.Input[str]
    backends: Mapping[str, Backend]
    checks: Mapping[str, aws.route53.HealthCheck]

    def failover(self, name: str, order: tuple[str, ...]) -> None:
        """PRIMARY leads to the first region; SECONDARY to the rest, which is a pair of its own one name below."""
        first, *rest = order
        self._to_region(name, first, failover_routing_policies=[{"type": "PRIMARY"}])
        if len(rest) == 1:
            self._to_region(name, rest[0], failover_routing_policies=[{"type": "SECONDARY"}])
        elif rest:
            below = f"or-{rest[0]}.{name}"
            self.failover(below, tuple(rest))
            alias: aws.route53.RecordAliasArgsDict = {
                "name": below,
                "zone_id": self.zone_id,
                "evaluate_target_health": True,
            }
            self._record(name, "rest", [alias], failover_routing_policies=[{"type": "SECONDARY"}])

    def weighted(self, name: str, region: str, weight: int) -> None:
        """Leads to the region in proportion to `weight`."""
        self._to_region(name, region, weighted_routing_policies=[{"weight": weight}])

    def latency(self, name: str, region: str) -> None:
        """Leads to the region for those who are near it."""
        self._to_region(name, region, latency_routing_policies=[{"region": region}])

    def _to_region(self, name: str, region: str, **policies: list[dict[str, str]] | list[dict[str, int]]) -> None:
        backend = self.backends[region]
        alias: aws.route53.RecordAliasArgsDict = {
            "name": backend.host,
            "zone_id": backend.host_zone,
            "evaluate_target_health": True,
        }
        self._record(name, region, [alias], health_check_id=self.checks[region].id, **policies)

    def _record(self, name: str, identifier: str, aliases: list[aws.route53.RecordAliasArgsDict], **rest: Any) -> None:
        aws.route53.Record(
            self.scope.named(name.replace(".", "-"), identifier),
            zone_id=self.zone_id,
            name=name,
            type="A",
            set_identifier=identifier,
            aliases=aliases,
            opts=self.scope.opts(ignore=["weightedRoutingPolicies"]),
            **rest,
        )
