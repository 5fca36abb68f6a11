"""The guarantees on AWS."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.components.graph import Graph

_KEY = "arn:aws:kms:us-east-1:123456789012:key/"


def _network_key(graph: Graph) -> bool:
    return all(node.inputs["kmsKeyId"] == f"{_KEY}logs" for node in graph.of("cloudwatch/logGroup:LogGroup").values())


def _nodes_key(graph: Graph) -> bool:
    cluster = graph.one("eks/cluster:Cluster").inputs["encryptionConfig"]["provider"]["keyArn"]
    disk = graph.one("ec2/launchTemplate:LaunchTemplate").inputs["blockDeviceMappings"][0]["ebs"]
    return (cluster, disk["kmsKeyId"], disk["encrypted"]) == (f"{_KEY}secrets", f"{_KEY}disks", "true")


def _database_key(graph: Graph) -> bool:
    cluster = graph.one("rds/cluster:Cluster").inputs
    secret = graph.one("secretsmanager/secret:Secret").inputs
    return (cluster["kmsKeyId"], cluster["storageEncrypted"], secret["kmsKeyId"]) == (
        f"{_KEY}data",
        True,
        f"{_KEY}secrets",
    )


def _cache_key(graph: Graph) -> bool:
    group = graph.one("elasticache/replicationGroup:ReplicationGroup").inputs
    return (group["kmsKeyId"], group["atRestEncryptionEnabled"]) == (f"{_KEY}data", True)


def _archive_key(graph: Graph) -> bool:
    kind = "s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
    keys = [
        node.inputs["rules"][0]["applyServerSideEncryptionByDefault"]["kmsMasterKeyId"]
        for node in graph.of(kind).values()
    ]
    return len(keys) == len(graph.of("s3/bucket:Bucket")) and f"{_KEY}archive" in keys and None not in keys


def _nodes_private(graph: Graph) -> bool:
    reach = graph.one("eks/cluster:Cluster").inputs["vpcConfig"]
    return (reach["endpointPrivateAccess"], reach["endpointPublicAccess"]) == (True, False)


def _database_private(graph: Graph) -> bool:
    instances = graph.of("rds/clusterInstance:ClusterInstance").values()
    inside = graph.one("vpc/securityGroupIngressRule:SecurityGroupIngressRule").inputs["cidrIpv4"] == "10.16.0.0/16"
    return inside and not any(node.inputs["publiclyAccessible"] for node in instances)


def _cache_private(graph: Graph) -> bool:
    subnets = graph.one("elasticache/subnetGroup:SubnetGroup").inputs["subnetIds"]
    inside = graph.one("vpc/securityGroupIngressRule:SecurityGroupIngressRule").inputs["cidrIpv4"] == "10.16.0.0/16"
    return inside and all(subnet.startswith("subnet-data-") for subnet in subnets)


def _archive_private(graph: Graph) -> bool:
    blocks = graph.of("s3/bucketPublicAccessBlock:BucketPublicAccessBlock").values()
    flags = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    return len(blocks) == len(graph.of("s3/bucket:Bucket")) and all(n.inputs[flag] for n in blocks for flag in flags)


def _network_zones(graph: Graph) -> bool:
    return len({node.inputs["availabilityZone"] for node in graph.of("ec2/subnet:Subnet").values()}) == 3


def _nodes_zones(graph: Graph) -> bool:
    subnets = {node.inputs["subnetIds"][0] for node in graph.of("eks/nodeGroup:NodeGroup").values()}
    return subnets == {f"subnet-private-{zone}" for zone in "abc"}


def _service_zones(graph: Graph) -> bool:
    balancer = graph.one("lb/loadBalancer:LoadBalancer").inputs["subnets"]
    tasks = graph.one("ecs/service:Service").inputs["networkConfiguration"]["subnets"]
    return len(balancer) == len(tasks) == 3


def _database_zones(graph: Graph) -> bool:
    instances = graph.of("rds/clusterInstance:ClusterInstance").values()
    return len({node.inputs["availabilityZone"] for node in instances}) == 2


def _cache_zones(graph: Graph) -> bool:
    group = graph.one("elasticache/replicationGroup:ReplicationGroup").inputs
    return bool(group["multiAzEnabled"] and group["automaticFailoverEnabled"] and group["replicasPerNodeGroup"] >= 1)


def _service_tls(graph: Graph) -> bool:
    listener = graph.one("lb/listener:Listener").inputs
    return (listener["protocol"], "TLS13-1-2" in listener["sslPolicy"]) == ("HTTPS", True)


def _database_tls(graph: Graph) -> bool:
    parameters = graph.one("rds/clusterParameterGroup:ClusterParameterGroup").inputs["parameters"]
    return {"name": "rds.force_ssl", "value": "1"} in parameters


def _cache_tls(graph: Graph) -> bool:
    group = graph.one("elasticache/replicationGroup:ReplicationGroup").inputs
    return (group["transitEncryptionEnabled"], group["transitEncryptionMode"]) == (True, "required")


def _archive_tls(graph: Graph) -> bool:
    policies = [json.loads(node.inputs["policy"]) for node in graph.of("s3/bucketPolicy:BucketPolicy").values()]
    denied = [p["Statement"][0]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}} for p in policies]
    return len(denied) == len(graph.of("s3/bucket:Bucket")) and all(denied)


def _database_backups(graph: Graph) -> bool:
    return graph.one("rds/cluster:Cluster").inputs["backupRetentionPeriod"] >= 7


def _cache_backups(graph: Graph) -> bool:
    return graph.one("elasticache/replicationGroup:ReplicationGroup").inputs["snapshotRetentionLimit"] >= 1


def _archive_backups(graph: Graph) -> bool:
    rule = graph.one("s3/bucketReplicationConfig:BucketReplicationConfig").inputs["rules"][0]
    return bool(rule["status"] == "Enabled")


def _keys_protected(graph: Graph) -> bool:
    keys = graph.of("kms/key:Key").values()
    return all(node.protect and node.inputs["deletionWindowInDays"] >= 7 for node in keys)


def _nodes_protected(graph: Graph) -> bool:
    cluster = graph.one("eks/cluster:Cluster")
    return bool(cluster.protect and cluster.inputs["deletionProtection"])


def _database_protected(graph: Graph) -> bool:
    whole = (graph.one("rds/cluster:Cluster"), graph.one("rds/globalCluster:GlobalCluster"))
    return all(node.protect and node.inputs["deletionProtection"] for node in whole)


def _cache_protected(graph: Graph) -> bool:
    kinds = ("replicationGroup:ReplicationGroup", "globalReplicationGroup:GlobalReplicationGroup")
    return all(graph.one(f"elasticache/{kind}").protect for kind in kinds)


def _archive_protected(graph: Graph) -> bool:
    return all(node.protect and not node.inputs["forceDestroy"] for node in graph.of("s3/bucket:Bucket").values())


def carries_tags(graph: Graph) -> bool:
    """Whether the place's tags are on all that can carry them."""
    tags = [node.inputs["tags"] for node in graph.nodes if node.type.startswith("aws:") and "tags" in node.inputs]
    return bool(tags) and all(each["team"] == "platform" for each in tags)


HOLDS: Mapping[tuple[str, str], Callable[[Graph], bool]] = {
    ("network", "customer_key"): _network_key,
    ("nodes", "customer_key"): _nodes_key,
    ("database", "customer_key"): _database_key,
    ("cache", "customer_key"): _cache_key,
    ("archive", "customer_key"): _archive_key,
    ("nodes", "private"): _nodes_private,
    ("database", "private"): _database_private,
    ("cache", "private"): _cache_private,
    ("archive", "private"): _archive_private,
    ("network", "zones"): _network_zones,
    ("nodes", "zones"): _nodes_zones,
    ("service", "zones"): _service_zones,
    ("database", "zones"): _database_zones,
    ("cache", "zones"): _cache_zones,
    ("service", "tls_minimum"): _service_tls,
    ("database", "tls_minimum"): _database_tls,
    ("cache", "tls_minimum"): _cache_tls,
    ("archive", "tls_minimum"): _archive_tls,
    ("database", "backups"): _database_backups,
    ("cache", "backups"): _cache_backups,
    ("archive", "backups"): _archive_backups,
    ("keys", "deletion_protection"): _keys_protected,
    ("nodes", "deletion_protection"): _nodes_protected,
    ("database", "deletion_protection"): _database_protected,
    ("cache", "deletion_protection"): _cache_protected,
    ("archive", "deletion_protection"): _archive_protected,
}
"""By noun and guarantee."""
