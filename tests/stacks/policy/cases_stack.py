"""What is decided for what a store is part of: backups, tags, places, zones, rights, retention; by rule and cloud."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stacks.policy.values import UNKNOWN
from tests.stacks.policy.case import ARCHIVE, ARN, BUCKET, GCP_BACKUPS, LOCK, TAGS, Case, policy, resource, settings

if TYPE_CHECKING:
    from stacks.policy.resource import Resource

BACKUPS = (
    Case(
        "backup-age",
        "aws:rds/cluster:Cluster",
        {"backupRetentionPeriod": 7},
        {"backupRetentionPeriod": 6},
        "is 6; wanted: 7 days or more",
    ),
    Case(
        "backup-age",
        "azure-native:dbforpostgresql:Server",
        {"backup": {"backupRetentionDays": 7}},
        {},
        "backup.backupRetentionDays is not set",
    ),
    Case(
        "backup-age",
        "gcp:sql/databaseInstance:DatabaseInstance",
        settings(backupConfiguration=GCP_BACKUPS),
        settings(backupConfiguration={**GCP_BACKUPS, "transactionLogRetentionDays": 1}),
        "transactionLogRetentionDays is 1",
    ),
    Case(
        "backup-age",
        "gcp:sql/databaseInstance:DatabaseInstance",
        {"instanceType": "READ_REPLICA_INSTANCE", **settings(backupConfiguration={"enabled": False})},
        {"instanceType": "CLOUD_SQL_INSTANCE", **settings(backupConfiguration={"enabled": False})},
        "settings.backupConfiguration.enabled is false",
    ),
    Case(
        "backup-age",
        "gcp:memorystore/instance:Instance",
        {"automatedBackupConfig": {"retention": "604800s"}},
        {"automatedBackupConfig": {"retention": "86400s"}},
        "604800 seconds or more",
    ),
)
_OTHER = (resource("aws:ec2/vpc:Vpc", {"tags": TAGS}, "net"),)
TAGGED = (
    Case("required-tags", BUCKET, {"tags": TAGS}, {"tags": {"owner": "sre"}}, "it lacks the tags data-class", _OTHER),
    Case(
        "required-tags",
        "aws:kms/key:Key",
        {"tags": TAGS},
        {"tags": {**TAGS, "data-class": "secretish"}},
        "data-class is 'secretish'",
    ),
    Case("required-tags", "azure-native:keyvault:Vault", {"tags": TAGS}, {}, "owner, data-class, cost-center", _OTHER),
    Case(
        "required-tags",
        "gcp:sql/databaseInstance:DatabaseInstance",
        settings(userLabels=TAGS),
        settings(userLabels={**TAGS, "owner": ""}),
        "it lacks the tags owner",
        _OTHER,
    ),
    Case("required-tags", "gcp:container/cluster:Cluster", {"resourceLabels": TAGS}, {}, "lacks the tags", _OTHER),
)
_EU = {"tags": {"data-class": "personal-eu"}}
RESIDENT = (
    Case(
        "residency",
        "aws:rds/cluster:Cluster",
        {"tags": TAGS},
        _EU,
        "personal-eu data may lie in eu, and its region is us-east-1",
        options={"provider": {"region": "us-east-1"}},
    ),
    Case(
        "residency", BUCKET, {**_EU, "region": "eu-west-3"}, {**_EU, "region": "eu-west-2"}, "its region is eu-west-2"
    ),
    Case(
        "residency",
        "aws:secretsmanager/secret:Secret",
        {**_EU, "region": "eu-west-1", "replicas": [{"region": "eu-central-1"}]},
        {**_EU, "region": "eu-west-1", "replicas": [{"region": "eu-central-1"}, {"region": "us-east-1"}]},
        "the region of replica 2 is us-east-1",
    ),
    Case(
        "residency",
        "azure-native:storage:StorageAccount",
        {**_EU, "location": "West Europe", "sku": {"name": "Standard_RAGRS"}},
        {"tags": TAGS, "location": "brazilsouth", "sku": {"name": "Standard_RAGRS"}},
        "its region is brazilsouth",
    ),
    Case(
        "residency",
        "azure-native:dbforpostgresql:Server",
        {"tags": TAGS, "location": "southeastasia", "backup": {"geoRedundantBackup": "Disabled"}},
        {"tags": TAGS, "location": "southeastasia", "backup": {"geoRedundantBackup": "Enabled"}},
        "the region of its backups is eastasia",
    ),
    Case(
        "residency",
        "gcp:storage/bucket:Bucket",
        {"labels": _EU["tags"], "location": "EUROPE-WEST1"},
        {"labels": _EU["tags"], "location": "US"},
        "its region is us",
    ),
    Case(
        "residency",
        "gcp:container/cluster:Cluster",
        {"resourceLabels": TAGS, "location": "us-central1-a"},
        {"resourceLabels": TAGS, "location": "asia-east1-a"},
        "its region is asia-east1-a",
    ),
)


def _instances(*zones: str) -> tuple[Resource, ...]:
    kind = "aws:rds/clusterInstance:ClusterInstance"
    return tuple(
        resource(kind, {"clusterIdentifier": "db", "availabilityZone": zone}, f"db-{number}")
        for number, zone in enumerate(zones)
    )


def _pools(*zones: str) -> tuple[Resource, ...]:
    return tuple(
        resource("gcp:container/nodePool:NodePool", {"cluster": "k", "nodeLocations": [zone]}, f"pool-{zone}")
        for zone in zones
    )


ZONES = (
    Case(
        "more-than-one-zone",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        {"multiAzEnabled": True, "automaticFailoverEnabled": True},
        {"multiAzEnabled": False, "automaticFailoverEnabled": True},
        "multiAzEnabled is false",
    ),
    Case(
        "more-than-one-zone",
        "aws:lb/loadBalancer:LoadBalancer",
        {"subnets": ["a", "b"]},
        {"subnets": ["a"]},
        'subnets is ["a"]; wanted: two or more',
    ),
    Case(
        "more-than-one-zone",
        "aws:rds/cluster:Cluster",
        {"clusterIdentifier": "other"},
        {"clusterIdentifier": "db"},
        "its 2 ClusterInstance are in one zone (us-east-1a)",
        _instances("us-east-1a", "us-east-1a"),
    ),
    Case(
        "more-than-one-zone",
        "azure-native:dbforpostgresql:Server",
        {"createMode": "Create", "highAvailability": {"mode": "ZoneRedundant"}},
        {"createMode": "Create", "highAvailability": {"mode": "SameZone"}},
        "highAvailability.mode",
    ),
    Case(
        "more-than-one-zone",
        "azure-native:storage:StorageAccount",
        {"sku": {"name": "Standard_ZRS"}},
        {"sku": {"name": "Standard_LRS"}},
        "sku.name",
    ),
    Case(
        "more-than-one-zone",
        "gcp:sql/databaseInstance:DatabaseInstance",
        settings(availabilityType="REGIONAL"),
        settings(availabilityType="ZONAL"),
        "settings.availabilityType",
    ),
    Case(
        "more-than-one-zone",
        "gcp:container/cluster:Cluster",
        {"name": "other"},
        {"name": "k"},
        "its 1 NodePool are in one zone",
        _pools("us-central1-a"),
    ),
)
_ROLES = "/subscriptions/1/providers/Microsoft.Authorization/roleDefinitions"
_OWNER = f"{_ROLES}/8e3af657-a8ff-443c-a75c-2fe8c4bcb635"


def _allow(action: Any, resources: Any, **more: Any) -> dict[str, Any]:
    return {"policy": policy({"Effect": "Allow", "Action": action, "Resource": resources, **more})}


PERMISSIONS = (
    Case(
        "no-wildcard-permissions",
        "aws:iam/rolePolicy:RolePolicy",
        _allow(["kms:ReEncrypt*", "kms:Encrypt"], ARN),
        _allow(["kms:*"], ARN),
        "allows the action kms:*",
    ),
    Case(
        "no-wildcard-permissions",
        "aws:iam/policy:Policy",
        _allow(["ec2:DescribeSubnets"], "*"),
        _allow(["ec2:RunInstances"], "*"),
        "allows ec2:RunInstances on every resource",
    ),
    Case(
        "no-wildcard-permissions",
        "aws:iam/policy:Policy",
        _allow("iam:PassRole", "*", Condition={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}),
        {"policy": policy({"Effect": "Allow", "NotAction": "iam:*", "Resource": ARN})},
        "by exception (NotAction)",
    ),
    Case(
        "no-wildcard-permissions",
        "aws:iam/role:Role",
        {"assumeRolePolicy": policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": ARN}})},
        {"assumeRolePolicy": policy({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "*"}})},
        "everybody may sts:AssumeRole",
    ),
    Case(
        "no-wildcard-permissions",
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        {"policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicy"},
        {"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"},
        "attaches AdministratorAccess",
    ),
    Case(
        "no-wildcard-permissions",
        "azure-native:authorization:RoleDefinition",
        {"permissions": [{"actions": ["Microsoft.Storage/*/read"]}]},
        {"permissions": [{"actions": ["Microsoft.Storage/*"]}]},
        "allows the action Microsoft.Storage/*",
    ),
    Case(
        "no-wildcard-permissions",
        "azure-native:authorization:RoleAssignment",
        {"roleDefinitionId": _OWNER, "scope": "/subscriptions/1/resourceGroups/g/providers/Microsoft.Compute/disks/d"},
        {"roleDefinitionId": _OWNER, "scope": "/subscriptions/1/resourceGroups/g"},
        "makes somebody Owner of /subscriptions/1/resourceGroups/g",
    ),
    Case(
        "no-wildcard-permissions",
        "gcp:projects/iAMMember:IAMMember",
        {"role": "roles/logging.logWriter", "member": "serviceAccount:a@b"},
        {"role": "roles/editor", "member": "serviceAccount:a@b"},
        "basic role roles/editor",
    ),
    Case(
        "no-wildcard-permissions",
        "gcp:storage/bucketIAMBinding:BucketIAMBinding",
        {"role": "roles/storage.objectViewer", "members": ["user:a@example.com"]},
        {"role": "roles/storage.objectViewer", "members": ["user:a@example.com", "allUsers"]},
        "grants roles/storage.objectViewer to allUsers",
    ),
    Case(
        "no-wildcard-permissions",
        "kubernetes:rbac.authorization.k8s.io/v1:ClusterRole",
        {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
        {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["*"]}]},
        "rule 1 says * for verbs",
    ),
    Case(
        "no-wildcard-permissions",
        "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
        {"roleRef": {"name": "view"}, "subjects": [{"kind": "ServiceAccount", "name": "app"}]},
        {"roleRef": {"name": "cluster-admin"}, "subjects": [{"kind": "ServiceAccount", "name": "app"}]},
        "binds cluster-admin",
    ),
)
RETENTION = (
    Case(
        "archive-retention",
        LOCK,
        {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "years": 7}}},
        {"rule": {"defaultRetention": {"mode": "GOVERNANCE", "years": 5}}},
        "years is 5; wanted: 7 years or more",
    ),
    Case(
        "archive-retention",
        BUCKET,
        {"bucket": "b", "objectLockEnabled": True},
        {"bucket": "other", "objectLockEnabled": True},
        "nothing gives it a retention",
        (resource(LOCK, {"bucket": "b"}, "of-b"),),
    ),
    Case(
        "archive-retention",
        "azure-native:storage:BlobContainerImmutabilityPolicy",
        {"immutabilityPeriodSinceCreationInDays": 2557},
        {"immutabilityPeriodSinceCreationInDays": 365},
        "immutabilityPeriodSinceCreationInDays is 365",
        options=ARCHIVE,
    ),
    Case(
        "archive-retention",
        "gcp:storage/bucket:Bucket",
        {"retentionPolicy": {"retentionPeriod": "220903200"}},
        {"retentionPolicy": {"retentionPeriod": "31557600"}},
        "retentionPolicy.retentionPeriod",
    ),
    Case(
        "archive-retention",
        "gcp:storage/bucket:Bucket",
        {"retentionPolicy": {"retentionPeriod": UNKNOWN}},
        {},
        "retentionPolicy.retentionPeriod is not set",
        options=ARCHIVE,
    ),
)
