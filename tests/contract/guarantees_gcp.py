"""The guarantees on Google Cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.components.answers_gcp import LABELLED, labels

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.components.graph import Graph

_KEY = "projects/payments-prod/locations/us-central1/keyRings/pay/cryptoKeys/"
_SQL, _CACHE = "sql/databaseInstance:DatabaseInstance", "memorystore/instance:Instance"
_CLUSTER, _BUCKET = "container/cluster:Cluster", "storage/bucket:Bucket"


def _network_key(graph: Graph) -> bool:
    buckets = graph.of("logging/projectBucketConfig:ProjectBucketConfig").values()
    return bool(buckets) and all(node.inputs["cmekSettings"] == {"kmsKeyName": f"{_KEY}logs"} for node in buckets)


def _nodes_key(graph: Graph) -> bool:
    cluster = graph.one(_CLUSTER).inputs["databaseEncryption"]
    disks = {node.inputs["nodeConfig"]["bootDiskKmsKey"] for node in graph.of("container/nodePool:NodePool").values()}
    return (cluster, disks) == ({"state": "ENCRYPTED", "keyName": f"{_KEY}secrets"}, {f"{_KEY}disks"})


def _archive_key(graph: Graph) -> bool:
    main, copy = (
        graph.of(_BUCKET)[f"pay-archive-{part}"].inputs["encryption"]["defaultKmsKeyName"]
        for part in ("main", "replica")
    )
    return (main, copy) == (f"{_KEY}archive", "pay-archive-replica-key-id")


def _nodes_private(graph: Graph) -> bool:
    reach = graph.one(_CLUSTER).inputs["privateClusterConfig"]
    return bool(reach["enablePrivateNodes"] and reach["enablePrivateEndpoint"])


def _database_private(graph: Graph) -> bool:
    reach = graph.one(_SQL).inputs["settings"]["ipConfiguration"]
    return (reach["ipv4Enabled"], reach["privateNetwork"]) == (
        False,
        "projects/payments-prod/global/networks/pay-net",
    )


def _cache_private(graph: Graph) -> bool:
    policy = graph.one("networkconnectivity/serviceConnectionPolicy:ServiceConnectionPolicy").inputs
    return all(subnet.endswith("/pay-net-data") for subnet in policy["pscConfig"]["subnetworks"])


def _archive_private(graph: Graph) -> bool:
    buckets = graph.of(_BUCKET).values()
    return all(
        node.inputs["publicAccessPrevention"] == "enforced" and node.inputs["uniformBucketLevelAccess"]
        for node in buckets
    )


def _nodes_zones(graph: Graph) -> bool:
    pools = {node.inputs["nodeLocations"][0] for node in graph.of("container/nodePool:NodePool").values()}
    return (
        pools == {f"us-central1-{zone}" for zone in "abc"} and graph.one(_CLUSTER).inputs["location"] == "us-central1"
    )


def _database_zones(graph: Graph) -> bool:
    settings = graph.one(_SQL).inputs["settings"]
    return settings["availabilityType"] == "REGIONAL" and len(set(settings["locationPreference"].values())) == 2


def _database_backups(graph: Graph) -> bool:
    backups = graph.one(_SQL).inputs["settings"]["backupConfiguration"]
    return bool(backups["enabled"] and backups["pointInTimeRecoveryEnabled"])


def _keys_protected(graph: Graph) -> bool:
    keys = graph.of("kms/cryptoKey:CryptoKey").values()
    return bool(keys) and all(n.protect and n.inputs["destroyScheduledDuration"] == "2592000s" for n in keys)


def _database_protected(graph: Graph) -> bool:
    node = graph.one(_SQL)
    return bool(
        node.protect and node.inputs["deletionProtection"] and node.inputs["settings"]["deletionProtectionEnabled"]
    )


def _archive_protected(graph: Graph) -> bool:
    return all(node.protect and not node.inputs["forceDestroy"] for node in graph.of(_BUCKET).values())


def carries_tags(graph: Graph) -> bool:
    """Whether the place's labels are on all that can carry them."""
    able = [node for node in graph.nodes if node.type in LABELLED]
    return bool(able) and all(labels(node.inputs).get("team") == "platform" for node in able)


HOLDS: Mapping[tuple[str, str], Callable[[Graph], bool]] = {
    ("network", "customer_key"): _network_key,
    ("nodes", "customer_key"): _nodes_key,
    ("database", "customer_key"): lambda graph: graph.one(_SQL).inputs["encryptionKeyName"] == f"{_KEY}data",
    ("cache", "customer_key"): lambda graph: graph.one(_CACHE).inputs["kmsKey"] == f"{_KEY}data",
    ("archive", "customer_key"): _archive_key,
    ("nodes", "private"): _nodes_private,
    ("database", "private"): _database_private,
    ("cache", "private"): _cache_private,
    ("archive", "private"): _archive_private,
    # Subnets, NAT and Cloud Run are the region's, in all of its zones.
    ("network", "zones"): lambda graph: graph.one("compute/routerNat:RouterNat").inputs["region"] == "us-central1",
    ("nodes", "zones"): _nodes_zones,
    ("service", "zones"): lambda graph: graph.one("cloudrunv2/service:Service").inputs["location"] == "us-central1",
    ("database", "zones"): _database_zones,
    ("cache", "zones"): lambda graph: graph.one(_CACHE).inputs["zoneDistributionConfig"] == {"mode": "MULTI_ZONE"},
    ("database", "tls_minimum"): lambda graph: (
        graph.one(_SQL).inputs["settings"]["ipConfiguration"]["sslMode"] == "ENCRYPTED_ONLY"
    ),
    ("cache", "tls_minimum"): lambda graph: (
        graph.one(_CACHE).inputs["transitEncryptionMode"] == "SERVER_AUTHENTICATION"
    ),
    ("database", "backups"): _database_backups,
    ("cache", "backups"): lambda graph: graph.one(_CACHE).inputs["automatedBackupConfig"]["retention"] == "604800s",
    ("archive", "backups"): lambda graph: graph.one("storage/transferJob:TransferJob").inputs["status"] == "ENABLED",
    ("keys", "deletion_protection"): _keys_protected,
    ("nodes", "deletion_protection"): lambda graph: (
        graph.one(_CLUSTER).protect and graph.one(_CLUSTER).inputs["deletionProtection"]
    ),
    ("database", "deletion_protection"): _database_protected,
    ("cache", "deletion_protection"): lambda graph: (
        graph.one(_CACHE).protect and graph.one(_CACHE).inputs["deletionProtectionEnabled"]
    ),
    ("archive", "deletion_protection"): _archive_protected,
}
