from __future__ import annotations

from typing import Any

import pytest

from components.clouds.limits import refused
from components.place import Cloud
from components.reference import spec_of
from components.tags import URN_LABEL
from tests.components import parts_gcp as parts

BROUGHT = "projects/p/locations/{}/keyRings/r/cryptoKeys/k"
NETWORK = {"cidr": "10.80.0.0/16", "zones": ["a", "b", "c"]}
TRAFFIC = {**parts.TRAFFIC, "zone_id": "example-com"}
GOOD: dict[str, Any] = {
    "keys": {"existing": {"data": BROUGHT.format("us-central1")}},
    "network": NETWORK,
    "nodes": parts.NODES,
    "workload": {"image": "registry.example.com/app:1.2"},
    "service": parts.SERVICE,
    "database": parts.DATABASE,
    "cache": parts.CACHE,
    "archive": {"replica_region": "us-east4"},
    "traffic": TRAFFIC,
}
# Noun, what is asked beside the good, and how the refusal begins and what it allows.
BAD: list[tuple[str, dict[str, Any], str]] = [
    ("keys", {"existing": {"data": "arn:aws:kms:us-east-1:1:key/k"}}, "existing.data: must be a key's name"),
    ("keys", {"existing": {"logs": BROUGHT.format("us-west1")}}, "existing.logs: the key is in us-west1"),
    ("network", {"nat": "single"}, "nat: Cloud NAT has no gateway in a zone"),
    ("network", {"cidr": "10.80.0.0/19"}, "cidr: 10.80.0.0/19 has no room for private service access"),
    ("network", {"flow_log_retention_days": 3651}, "flow_log_retention_days: 3651"),
    ("nodes", {"gcp": {"machine_type": "e2-standard-4"}}, "gcp.machine_type: e2 takes no Hyperdisk"),
    ("nodes", {"admins": ["arn:aws:iam::1:role/ops"]}, "admins: 'arn:aws:iam::1:role/ops' is no member"),
    ("nodes", {"log_retention_days": 3653}, "log_retention_days: 3653"),
    ("workload", {"disk_gib": 3}, "disk_gib: 3 is less than"),
    ("service", {"cpu_millicores": 9000, "memory_mib": 18000}, "cpu_millicores: 9000"),
    ("service", {"cpu_millicores": 8000, "memory_mib": 40000}, "memory_mib: 40000"),
    ("service", {"certificate": {"existing": "c"}}, "certificate.existing: TLS ends in the global stack"),
    ("service", {"certificate": {"domain": "a.example.com", "zone_id": "z"}}, "certificate.zone_id: TLS ends"),
    ("service", {"environment": {"PORT": "1"}}, "environment: PORT is set by Cloud Run"),
    ("database", {"port": 5433}, "port: 5433"),
    ("database", {"password_version": 2}, "password_version: there is no password"),
    ("database", {"master_user": "aurops"}, "master_user: there is no master password"),
    ("database", {"engine_version": "19.1"}, "engine_version: Cloud SQL has no PostgreSQL 19.1"),
    ("database", {"gcp": {"tier": "db-custom-2-7680"}}, "gcp.tier: db-custom-2-7680 is not of Enterprise Plus"),
    ("database", {"gcp": {"tier": "db-perf-optimized-N-3"}}, "gcp.tier: there is no db-perf-optimized-N-3; allowed"),
    ("nodes", {"gcp": {"machine_type": "n4-standard-7"}}, "gcp.machine_type: there is no n4-standard-7"),
    ("database", {"zones": ["a", "b", "c"]}, "zones: a regional instance is in two zones, not 3"),
    ("cache", {"engine_version": "8.1"}, "engine_version: Memorystore has no Valkey 8.1"),
    ("cache", {"port": 6380}, "port: 6380"),
    ("cache", {"shards": 100}, "shards: with replicas_per_shard they make 300 nodes"),
    ("traffic", {"switches": {"us-central1": "us-west1"}}, "switches: only AWS has them"),
    ("traffic", {"check_interval_s": 30}, "check_interval_s: Cloud Run's readiness probes decide"),
    ("traffic", {"failure_threshold": 3}, "failure_threshold: Cloud Run's readiness probes decide"),
]


def refusals(noun: str, asked: dict[str, Any]) -> list[str]:
    """What Google Cloud refuses of a spec in us-central1."""
    return list(refused(Cloud.GCP, "us-central1", noun, spec_of(noun).model_validate(asked)))


@pytest.mark.parametrize("noun", sorted(GOOD))
def test_what_google_cloud_has_is_not_refused(noun: str) -> None:
    """The specs that the other clouds take too."""
    assert refusals(noun, GOOD[noun]) == []


@pytest.mark.parametrize("tier", ["db-perf-optimized-N-8", "db-perf-optimized-N-128", "db-c4a-highmem-72"])
def test_every_tier_of_enterprise_plus_can_be_asked_for(tier: str) -> None:
    """Also those with a capital letter."""
    assert refusals("database", {**GOOD["database"], "gcp": {"tier": tier}}) == []


@pytest.mark.parametrize(("noun", "asked", "begins"), BAD)
def test_what_it_cannot_do_is_refused_before_anything_is_made(noun: str, asked: dict[str, Any], begins: str) -> None:
    """One refusal, that names the field first."""
    (refusal,) = refusals(noun, {**GOOD[noun], **asked})
    assert refusal.startswith(begins)


@pytest.mark.parametrize(
    ("tags", "begins"),
    [
        ({"Team": "a"}, "Team: no key of a label"),
        ({"team": "Platform Group"}, "team: 'Platform Group' is no value"),
        ({URN_LABEL: "x"}, f"{URN_LABEL}: reserved"),
        ({f"k{number}": "" for number in range(64)}, "k9: 64 tags are too many"),
    ],
)
def test_tags_that_are_no_labels_are_refused(tags: dict[str, str], begins: str) -> None:
    """Labels know lower case only, and aurops needs one itself."""
    (refusal,) = refused(Cloud.GCP, "us-central1", "tags", tags)
    assert refusal.startswith(begins)
    assert list(refused(Cloud.GCP, "us-central1", "tags", {"cost-center": "platform", "x": ""})) == []
