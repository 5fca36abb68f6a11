"""The edge on Google Cloud: Cloud DNS with routing policies. Never run against a real account.

Cloud DNS checks the health of IPv4 addresses, from three regions and at most every 30 seconds, and of nothing else: a
CNAME to another cloud's host would stay in the answers whatever happens there. So each cloud is an address: Google's
own load balancer has one, the record's options name those of the others. What cannot be had is refused before anything
is made (`components/clouds/gcp_limits.py`). Sources: Cloud DNS, "DNS routing policies and health checks"; Cloud DNS
API, RRSetRoutingPolicy; Compute API, healthChecks, `sourceRegions`.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import pulumi_gcp as gcp

from components.clouds.gcp import dns_zone, shortened
from components.edge.component import EdgeOutputs
from components.edge.spec import Steering

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pulumi

    from components.base import Scope
    from components.edge.component import Targets
    from components.edge.spec import EdgeRecord, EdgeSpec
    from components.place import Cloud

    Addresses = Mapping[Cloud, pulumi.Input[str]]

NOT_OFFERED: Final[Mapping[str, str]] = {"tags": "neither records nor health checks have labels on Google Cloud"}
TTL_S: Final = 60
"""Long enough for resolvers to help, short enough that a lost cloud is forgotten within a minute."""
ASKED_FROM: Final = ("us-east4", "europe-west1", "asia-southeast1")
"""Three regions, as the API wants them; on three continents, so that no cut of one is taken for a lost cloud."""
TIMEOUT_S: Final = 5


def build(scope: Scope, spec: EdgeSpec, targets: Targets) -> EdgeOutputs:
    """Make checks and records."""
    maker = Maker(scope, spec, spec.zone_id or dns_zone(scope, spec.zone).name)
    told: dict[str, Mapping[str, pulumi.Input[str]]] = {}
    for record in spec.records:
        addresses: dict[Cloud, pulumi.Input[str]] = {
            cloud: record.gcp.addresses.get(cloud) or targets[cloud][name] for cloud, name in record.targets.items()
        }
        if len(record.order) == 1:
            maker.alone(record, addresses[record.order[0]])
            told[record.name] = {}
            continue
        check = maker.check(record)
        steer = maker.by_weight if record.steering is Steering.WEIGHTED else maker.in_order
        steer(record, addresses, check)
        told[record.name] = {cloud.value: check.id for cloud in sorted(addresses)}
    return EdgeOutputs(scope.place, maker.zone, told)


@dataclass(frozen=True)
class Maker:
    """Makes what a name consists of."""

    scope: Scope
    spec: EdgeSpec
    zone: pulumi.Input[str]

    def check(self, record: EdgeRecord) -> gcp.compute.HealthCheck:
        """Ask each of a name's addresses over HTTPS, by that name; the certificate is not validated."""
        return gcp.compute.HealthCheck(
            self._child(record, "check"),
            description=f"{record.name}: whether a cloud can serve",
            source_regions=ASKED_FROM,
            check_interval_sec=self.spec.check_interval_s,
            timeout_sec=TIMEOUT_S,
            unhealthy_threshold=self.spec.failure_threshold,
            healthy_threshold=self.spec.failure_threshold,
            https_health_check={"host": record.name, "port": 443, "request_path": self.spec.health_path},
            log_config={"enable": True},
            opts=self.scope.opts(),
        )

    def alone(self, record: EdgeRecord, address: pulumi.Input[str]) -> None:
        """With one cloud there is nothing to choose."""
        self._record(self._child(record), record.name, "A", rrdatas=[address])

    def in_order(self, record: EdgeRecord, addresses: Addresses, check: gcp.compute.HealthCheck) -> None:
        """The first cloud while it is healthy, else the second."""
        first, *rest = record.order
        backup: gcp.dns.RecordSetRoutingPolicyPrimaryBackupBackupGeoArgsDict = {
            # Backups are chosen by where who asks is; with one place everybody gets the same.
            "location": self.scope.place.region,
            "health_checked_targets": {"external_endpoints": [addresses[cloud] for cloud in rest]},
        }
        policy: gcp.dns.RecordSetRoutingPolicyArgsDict = {
            "health_check": check.self_link,
            "primary_backup": {"primary": {"external_endpoints": [addresses[first]]}, "backup_geos": [backup]},
        }
        self._record(self._child(record), record.name, "A", routing_policy=policy)

    def by_weight(self, record: EdgeRecord, addresses: Addresses, check: gcp.compute.HealthCheck) -> None:
        """Healthy clouds by weight, which an operator moves.

        The engine can ignore the weights only while it is the same list of clouds. So the clouds are in the name of the
        record that has them, to which the name that users call leads: other clouds make another record, with the
        weights of the specification, and only then does the name lead there.
        """
        clouds = sorted(addresses)
        which = sha256(" ".join(clouds).encode()).hexdigest()[:7]
        shares: list[gcp.dns.RecordSetRoutingPolicyWrrArgsDict] = [
            {"weight": record.weights[each], "health_checked_targets": {"external_endpoints": [addresses[each]]}}
            for each in clouds
        ]
        policy: gcp.dns.RecordSetRoutingPolicyArgsDict = {"health_check": check.self_link, "wrrs": shares}
        weighted, name = f"by-weight-{which}.{record.name}", self._child(record, "by-weight", which)
        made = self._record(name, weighted, "A", ignore=["routingPolicy.wrrs[*].weight"], routing_policy=policy)
        self._record(self._child(record), record.name, "CNAME", rrdatas=[made.name])

    def _child(self, record: EdgeRecord, *parts: str) -> str:
        return shortened(self.scope.named(record.name.replace(".", "-"), *parts))

    def _record(
        self, child: str, name: str, kind: str, *, ignore: Sequence[str] = (), **answer: Any
    ) -> gcp.dns.RecordSet:
        return gcp.dns.RecordSet(
            child,
            managed_zone=self.zone,
            name=f"{name}.",
            type=kind,
            ttl=TTL_S,
            opts=self.scope.opts(ignore=ignore),
            **answer,
        )
