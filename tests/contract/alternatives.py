"""Another value for every field of every spec that all clouds share: what differs then is what the field decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from components.keys.spec import Purpose
from components.network.spec import Tier
from components.place import Cloud
from tests.contract.nouns import ACCOUNTS, EDGE_ZONES, REGIONS, ZONE_IDS, base, keys_of, network_of

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGE = "registry.example.com/web:1.3"
PLAIN: Mapping[str, Mapping[str, Any]] = {
    "keys": {"rotation_period_days": 180, "deletion_window_days": 14},
    "network": {
        "cidr": "10.32.0.0/16",
        "zones": ["b", "c"],
        "nat": "single",
        "flow_log_retention_days": 30,
    },
    "nodes": {
        "version": "1.33",
        "vcpus": 8,
        "architecture": "arm64",
        "min_per_zone": 0,
        "desired_per_zone": 2,
        "max_per_zone": 9,
        "disk_gib": 120,
        "log_retention_days": 30,
    },
    "service": {
        "image": IMAGE,
        "port": 9090,
        "health_path": "/ready",
        "min_tasks": 6,
        "max_tasks": 20,
        "cpu_target_percent": 70,
        "environment": {"MODE": "fast"},
        "log_retention_days": 30,
    },
    "database": {
        "name": "other",
        "engine_version": "16.9",
        "vcpus": 8,
        "zones": ["b", "c"],
        "backup_retention_days": 21,
        "master_user": "owner",
        "password_version": 2,
        "port": 6000,
    },
    "cache": {
        "engine_version": "7.2",
        "memory_gib": 24,
        "zones": ["b", "c"],
        "shards": 3,
        "replicas_per_shard": 3,
        "snapshot_retention_days": 3,
        "port": 7000,
    },
    "traffic": {"check_interval_s": 30, "failure_threshold": 4},
    "archive": {"retention_years": 10, "locked": True, "deep_archive_after_days": 30, "prefix": "old/"},
    "workload": {
        "image": IMAGE,
        "namespace": "other",
        "port": 9090,
        "health_path": "/ready",
        "replicas": 5,
        "max_replicas": 40,
        "cpu_target_percent": 70,
        "cpu_millicores": 1000,
        "memory_mib": 2048,
        "disk_gib": 40,
        "grace_s": 60,
        "allowed_cidrs": ["10.99.0.0/16"],
        "environment": {"MODE": "fast"},
    },
    "edge": {"health_path": "/ready", "check_interval_s": 10, "failure_threshold": 5},
}
ADMINS = {
    Cloud.AWS: "arn:aws:iam::123456789012:role/operators",
    Cloud.AZURE: "11111111-1111-1111-1111-111111111111",
    Cloud.GCP: "group:operators@example.com",
}
CERTIFICATES = {
    Cloud.AWS: "arn:aws:acm:us-east-1:123456789012:certificate/1",
    Cloud.AZURE: f"/subscriptions/{ACCOUNTS[Cloud.AZURE]}/resourceGroups/pay/providers/Microsoft.Web/certificates/1",
    Cloud.GCP: "projects/payments-prod/locations/global/certificates/1",
}


def alternatives(noun: str, cloud: Cloud) -> Mapping[str, dict[str, Any]]:
    """By field: the values to change, itself and what has to go with it."""
    plain = {field: {field: value} for field, value in PLAIN[noun].items()}
    return plain | _bound(noun, cloud)


def _other_zone(cloud: Cloud, ids: Mapping[Cloud, str] = ZONE_IDS) -> str:
    return ids[cloud].replace("/pay-eastus/", "/dns/") if cloud is Cloud.AZURE else f"{ids[cloud]}2"


def _existing_key(cloud: Cloud) -> str:
    keys = keys_of(cloud)
    return str(keys.by_purpose[Purpose.DATA]) + ("/0123456789abcdef0123456789abcdef" if keys.azure else "")


def _bound(noun: str, cloud: Cloud) -> dict[str, dict[str, Any]]:
    """Fields whose values name something of the cloud, or that need another one beside them."""
    first, second, third = REGIONS[cloud]
    network = network_of(cloud)
    subnets = {tier.value: {zone: str(network.subnets[tier][zone]) for zone in "abc"} for tier in Tier}
    record = base("traffic", cloud)["records"][0]
    weights = {"routing": "weighted", "order": (), "weights": dict.fromkeys(REGIONS[cloud], 10)}
    edge = base("edge", cloud)["records"][0]
    found: dict[str, dict[str, dict[str, Any]]] = {
        "keys": {"existing": {"existing": {Purpose.DATA.value: _existing_key(cloud)}}},
        "network": {"existing": {"existing": {"id": network.id, "subnets": subnets}}},
        "nodes": {
            "api_reach": (reach := {"api_reach": "allowed", "api_allowed_cidrs": ["192.0.2.0/24"]}),
            "api_allowed_cidrs": reach,
            "admins": {"admins": [ADMINS[cloud]]},
            "existing": {
                "existing": {"cluster": "mine", "endpoint": "https://mine.example", "certificate_authority": "Q0E="}
            },
        },
        "service": {
            "cpu_millicores": {"cpu_millicores": 2000, "memory_mib": 4096},
            "memory_mib": {"cpu_millicores": 1000, "memory_mib": 8000},
            "certificate": {"certificate": {"existing": CERTIFICATES[cloud]}},
        },
        "database": {"standby_region": {"standby_region": second}},
        "traffic": {
            "zone": {"zone": "example.org", "records": [record | {"name": "api.example.org"}]},
            "zone_id": {"zone_id": _other_zone(cloud)},
            "create_zone": {"zone_id": None, "create_zone": True},
            "records": {"records": [record | weights]},
            "switches": {"switches": {first: third, second: first, third: second}},
        },
        "archive": {"replica_region": {"replica_region": second}},
        "edge": {
            "zone": {
                "zone": "all.example.com",
                "zone_id": EDGE_ZONES[cloud].replace("any.", "all."),
                "records": [edge | {"name": "api.all.example.com"}],
            },
            "zone_id": {"zone_id": _other_zone(cloud, EDGE_ZONES)},
            "create_zone": {"zone_id": None, "create_zone": True},
            "records": {
                "records": [edge | {"steering": "weighted", "order": (), "weights": dict.fromkeys(edge["order"], 10)}]
            },
        },
    }
    return found.get(noun, {})
