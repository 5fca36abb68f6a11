"""What Google Cloud cannot do of what a spec says. Pure: no SDK."""

from __future__ import annotations

import re
from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Final

from components.clouds.limits import without_password
from components.edge.spec import Steering
from components.network.spec import Nat
from components.place import Cloud
from components.tags import URN_LABEL

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from components.cache.spec import CacheSpec
    from components.clouds.limits import Rules
    from components.database.spec import DatabaseSpec
    from components.edge.spec import EdgeRecord, EdgeSpec
    from components.keys.spec import KeysSpec
    from components.network.spec import NetworkSpec
    from components.nodes.spec import NodesSpec
    from components.service.spec import ServiceSpec
    from components.traffic.spec import TrafficSpec
    from components.workload.spec import WorkloadSpec

_KEY = re.compile(r"projects/[^/]+/locations/(?P<location>[^/]+)/keyRings/[^/]+/cryptoKeys/[^/]+")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_LABELS = 63
"""Of 64 a resource may have (Resource Manager, "Labels overview"), one is aurops's."""
_LONGEST_PREFIX = 18
"""Private service access gets an eighth of home's range, Cloud SQL a /24 of that in each region: of a /18, eight."""
_LOG_DAYS = 3650
"""Cloud Logging, "Quotas and limits"."""
_MEMBER = re.compile(r"(user|group|serviceAccount|domain|principal|principalSet):\S+")
_HYPERDISK = ("c3", "c3d", "c4", "c4a", "c4d", "m3", "n4", "n4a", "n4d")
"""Machine series that take Hyperdisk Balanced, also for booting (Compute Engine, "About Hyperdisk")."""
_MACHINE = re.compile(
    r"[a-z0-9]+-((standard|highmem|highcpu|ultramem|megamem)-(1|\d*[02468])(-lssd|-metal)?|custom-\d+-\d+)"
)
"""Compute Engine, "Machine families": series, kind, processors. What a zone has of them only Google knows."""
_HYPERDISK_GIB = 4
_RUN_CPU_MILLICORES, _RUN_MEMORY_MIB = 8000, 32768
"""Cloud Run, "Configure CPU limits" and "Configure memory limits"."""
_RUN_RESERVED = {"PORT", "K_SERVICE", "K_REVISION", "K_CONFIGURATION"}
"""Set by Cloud Run itself ("Container runtime contract")."""
_ENTERPRISE_PLUS = {
    "db-perf-optimized-N-": ("2", "4", "8", "16", "32", "48", "64", "80", "96", "128"),
    "db-c4a-highmem-": ("1", "2", "4", "8", "16", "32", "48", "64", "72"),
}
"""Cloud SQL, "Machine series overview": the tiers of Enterprise Plus, which alone has disaster recovery replicas."""
_POSTGRESQL_NEWEST = 18
_SQL_ZONES = 2
_VALKEY, _VALKEY_PORT, _VALKEY_NODES = ("7.2", "8.0", "9.0"), 6379, 250
"""Memorystore for Valkey, "Supported versions" (2026-03-11) and "Instance and node specification"."""
_CHECK_INTERVAL_S, _FAILURE_THRESHOLD = 10, 2
_EDGE_INTERVAL_S = 30
"""Health checks from named regions come no more often (Compute API, healthChecks, `sourceRegions`)."""
_EDGE_ORDER = 2
_ZONE = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")


def tags(given: Mapping[str, str], _: str) -> Iterator[str]:
    """Tags become labels, which know fewer characters."""
    for key, value in given.items():
        if key == URN_LABEL:
            yield f"{key}: reserved by aurops; leave it out"
        elif not _LABEL_KEY.fullmatch(key):
            yield f"{key}: no key of a label; allowed: 1 to 63 lower-case letters, digits, '_', '-', a letter first"
        elif not _LABEL_VALUE.fullmatch(value):
            yield f"{key}: {value!r} is no value of a label; allowed: up to 63 lower-case letters, digits, '_', '-'"
    if len(given) > _LABELS:
        yield f"{max(given)}: {len(given)} tags are too many; allowed: {_LABELS}"


def keys(spec: KeysSpec, region: str) -> Iterator[str]:
    """Existing keys go by their resource name; regional services take keys of their own region only."""
    for purpose, key in spec.existing.items():
        match = _KEY.fullmatch(key)
        if not match:
            yield f"existing.{purpose}: must be a key's name: projects/P/locations/{region}/keyRings/R/cryptoKeys/K"
        elif match["location"] != region:
            yield f"existing.{purpose}: the key is in {match['location']}; allowed: one in {region}"


def network(spec: NetworkSpec, _: str) -> Iterator[str]:
    """NAT is one for a region and no machine; the range must hold what Google's own services take."""
    if spec.nat is Nat.SINGLE:
        yield "nat: Cloud NAT has no gateway in a zone that there could be one of; allowed: per-zone"
    if IPv4Network(spec.cidr).prefixlen > _LONGEST_PREFIX:
        yield f"cidr: {spec.cidr} has no room for private service access; allowed: /16 to /{_LONGEST_PREFIX}"
    yield from _log_days("flow_log_retention_days", spec.flow_log_retention_days)


def nodes(spec: NodesSpec, _: str) -> Iterator[str]:
    """Disks are Hyperdisks, administrators are members of IAM policies."""
    series = (spec.gcp.machine_type or "n4-").partition("-")[0]
    if series not in _HYPERDISK:
        yield f"gcp.machine_type: {series} takes no Hyperdisk Balanced; allowed: machines of {', '.join(_HYPERDISK)}"
    elif spec.gcp.machine_type and not _MACHINE.fullmatch(spec.gcp.machine_type):
        yield f"gcp.machine_type: there is no {spec.gcp.machine_type}; allowed: such as {series}-standard-8"
    for member in sorted(spec.admins):
        if not _MEMBER.fullmatch(member):
            yield f"admins: {member!r} is no member of an IAM policy; allowed: such as group:sre@example.com"
    yield from _log_days("log_retention_days", spec.log_retention_days)


def workload(spec: WorkloadSpec, _: str) -> Iterator[str]:
    """Disks are Hyperdisks."""
    if spec.disk_gib < _HYPERDISK_GIB:
        yield f"disk_gib: {spec.disk_gib} is less than a Hyperdisk has; allowed: {_HYPERDISK_GIB} and more"


def service(spec: ServiceSpec, _: str) -> Iterator[str]:
    """Cloud Run's sizes; TLS ends at the load balancer of the global stack, whose certificates are made there."""
    if spec.cpu_millicores > _RUN_CPU_MILLICORES:
        yield f"cpu_millicores: {spec.cpu_millicores} cannot be had; allowed: up to {_RUN_CPU_MILLICORES}"
    if spec.memory_mib > _RUN_MEMORY_MIB:
        yield f"memory_mib: {spec.memory_mib} cannot be had; allowed: up to {_RUN_MEMORY_MIB}"
    for key in ("existing", "zone_id"):
        if getattr(spec.certificate, key):
            yield f"certificate.{key}: TLS ends in the global stack, which makes certificates; allowed: domain alone"
    if taken := _RUN_RESERVED & set(spec.environment):
        yield f"environment: {', '.join(sorted(taken))} is set by Cloud Run itself; leave it out"
    yield from _log_days("log_retention_days", spec.log_retention_days)


def database(spec: DatabaseSpec, _: str) -> Iterator[str]:
    """The port is fixed, nobody signs in with a password, an instance has two zones."""
    yield from without_password(spec, "Google Cloud")
    if int(spec.engine_version.split(".", maxsplit=1)[0]) > _POSTGRESQL_NEWEST:
        yield f"engine_version: Cloud SQL has no PostgreSQL {spec.engine_version}; allowed: up to {_POSTGRESQL_NEWEST}"
    if spec.gcp.tier:
        yield from _tier(spec.gcp.tier)
    if len(spec.zones) != _SQL_ZONES:
        yield f"zones: a regional instance is in two zones, not {len(spec.zones)}; allowed: two letters"


def _tier(tier: str) -> Iterator[str]:
    """A machine series of Enterprise Plus, in one of its sizes."""
    series = next((each for each in _ENTERPRISE_PLUS if tier.startswith(each)), "")
    if not series:
        starts = " or ".join(_ENTERPRISE_PLUS)
        yield f"gcp.tier: {tier} is not of Enterprise Plus; allowed: what begins with {starts}"
    elif tier.removeprefix(series) not in _ENTERPRISE_PLUS[series]:
        yield f"gcp.tier: there is no {tier}; allowed: {series} and one of {', '.join(_ENTERPRISE_PLUS[series])}"


def cache(spec: CacheSpec, _: str) -> Iterator[str]:
    """Memorystore's versions, its port, and how many nodes an instance may have."""
    if spec.engine_version not in _VALKEY:
        yield f"engine_version: Memorystore has no Valkey {spec.engine_version}; allowed: {', '.join(_VALKEY)}"
    if spec.port not in (None, _VALKEY_PORT):
        yield f"port: {spec.port} cannot be had on Google Cloud; allowed: {_VALKEY_PORT}"
    if (wanted := spec.shards * (1 + spec.replicas_per_shard)) > _VALKEY_NODES:
        yield f"shards: with replicas_per_shard they make {wanted} nodes; allowed: {_VALKEY_NODES}"


def traffic(spec: TrafficSpec, _: str) -> Iterator[str]:
    """No region has a switch outside of the control plane; how well it is, its own readiness probes say."""
    if spec.switches:
        yield "switches: only AWS has them; here a failover changes the traffic's own weights. Leave them out"
    if spec.check_interval_s != _CHECK_INTERVAL_S:
        yield f"check_interval_s: Cloud Run's readiness probes decide; allowed: {_CHECK_INTERVAL_S}"
    if spec.failure_threshold != _FAILURE_THRESHOLD:
        yield f"failure_threshold: Cloud Run's readiness probes decide; allowed: {_FAILURE_THRESHOLD}"


def edge(spec: EdgeSpec, _: str) -> Iterator[str]:
    """Cloud DNS checks addresses, each 30 seconds, and knows a first and a backup."""
    if spec.zone_id and not _ZONE.fullmatch(spec.zone_id):
        yield f"zone_id: {spec.zone_id!r} is no managed zone's name; allowed: up to 63 lower-case letters, digits, '-'"
    if spec.check_interval_s != _EDGE_INTERVAL_S:
        yield f"check_interval_s: Cloud DNS does not ask each {spec.check_interval_s} s; allowed: {_EDGE_INTERVAL_S}"
    for number, record in enumerate(spec.records):
        yield from _edge_record(f"records.{number}", record)


def _edge_record(path: str, record: EdgeRecord) -> Iterator[str]:
    if record.steering is Steering.FAILOVER and len(record.order) > _EDGE_ORDER:
        yield (
            f"{path}.order: Cloud DNS knows a first cloud and a backup, and no third; allowed: two clouds, steering "
            "'weighted', or the edge on another cloud's DNS"
        )
    given = record.gcp.addresses
    for cloud in record.targets:
        if cloud is not Cloud.GCP and cloud not in given:
            yield (
                f"{path}.targets.{cloud}: leads to a host name, and Cloud DNS checks the health of addresses only; "
                f"allowed: a fixed address for it in gcp.addresses.{cloud}, or the edge on another cloud's DNS"
            )
    for cloud in given:
        if cloud is Cloud.GCP or cloud not in record.targets:
            why = "its own is known" if cloud is Cloud.GCP else "the record does not lead there"
            yield f"{path}.gcp.addresses.{cloud}: {why}; leave it out"


def _log_days(field: str, days: int) -> Iterator[str]:
    if days > _LOG_DAYS:
        yield f"{field}: {days} cannot be had; allowed: up to {_LOG_DAYS}"


RULES: Final[Rules] = {
    "tags": tags,
    "keys": keys,
    "network": network,
    "nodes": nodes,
    "workload": workload,
    "service": service,
    "database": database,
    "cache": cache,
    "traffic": traffic,
    "edge": edge,
}
"""Rule by noun, and for the tags of all."""
