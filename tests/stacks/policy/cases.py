"""Resources that keep a rule and that break it, by rule and cloud: the smallest inputs that decide it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stacks.policy.resource import Resource, Siblings
from stacks.policy.values import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Mapping

URN = "urn:pulumi:aws-us-east-1::aurops::{}{}::{}"


def resource(
    type_: str,
    inputs: Mapping[str, Any] | None = None,
    name: str = "it",
    *,
    protect: bool = True,
    inside: str = "",
    provider: Mapping[str, Any] | None = None,
) -> Resource:
    """A resource as rules see it."""
    urn = URN.format(f"{inside}$" if inside else "", type_, name)
    return Resource(urn, type_, inputs or {}, protect=protect, provider=provider or {})


def policy(*statements: Mapping[str, Any]) -> str:
    """An AWS policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@dataclass(frozen=True)
class Case:
    """One decision of a rule.

    Args:
        rule: Its id.
        kind: Type token.
        good: Inputs that keep it.
        bad: Inputs that break it.
        says: Words of what it says then.
        beside: What else is in the stack.
        options: Further arguments of `resource`, for both.
    """

    rule: str
    kind: str
    good: Mapping[str, Any]
    bad: Mapping[str, Any]
    says: str
    beside: tuple[Resource, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)

    def stack(self, inputs: Mapping[str, Any]) -> tuple[Resource, Siblings]:
        """The resource with these inputs, and the stack that it is in."""
        made = resource(self.kind, inputs, **self.options)
        return made, Siblings((made, *self.beside))


KEY, ARN = "a key", "arn:aws:kms:us-east-1:123456789012:key/1"
BUCKET = "aws:s3/bucket:Bucket"
SSE = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"
BLOCK = "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
BUCKET_POLICY = "aws:s3/bucketPolicy:BucketPolicy"
LOCK = "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration"
ARCHIVE = {"inside": "aurops:index:Archive"}
TAGS = {"owner": "sre", "data-class": "confidential", "cost-center": "1", "environment": "test"}
FLAGS = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
EVERYBODY = {"Effect": "Allow", "Action": "s3:GetObject", "Principal": "*", "Resource": "*"}
TLS_ONLY = {
    "Effect": "Deny",
    "Action": "s3:*",
    "Principal": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
GCP_BACKUPS = {
    "enabled": True,
    "pointInTimeRecoveryEnabled": True,
    "transactionLogRetentionDays": 7,
    "backupRetentionSettings": {"retainedBackups": 7},
}


def _settings(**more: Any) -> dict[str, Any]:
    return {"settings": more}


def _sse(algorithm: str) -> Resource:
    rule = {"applyServerSideEncryptionByDefault": {"sseAlgorithm": algorithm, "kmsMasterKeyId": ARN}}
    return resource(SSE, {"bucket": "b", "rules": [rule]}, "of-b")


CUSTOMER_KEY = (
    Case(
        "customer-key",
        "aws:rds/cluster:Cluster",
        {"storageEncrypted": True, "kmsKeyId": ARN},
        {"storageEncrypted": True},
        "kmsKeyId is not set",
    ),
    Case("customer-key", BUCKET, {"bucket": "b"}, {"bucket": "other"}, "Amazon's key encrypts it", (_sse("aws:kms"),)),
    Case(
        "customer-key",
        "aws:ec2/launchTemplate:LaunchTemplate",
        {"blockDeviceMappings": [{"ebs": {"encrypted": "true", "kmsKeyId": ARN}}]},
        {"blockDeviceMappings": [{"ebs": {"encrypted": "false", "kmsKeyId": ARN}}]},
        'blockDeviceMappings.0.ebs.encrypted is "false"',
    ),
    Case(
        "customer-key",
        "aws:secretsmanager/secret:Secret",
        {"kmsKeyId": ARN, "replicas": [{"region": "eu-west-1", "kmsKeyId": ARN}]},
        {"kmsKeyId": ARN, "replicas": [{"region": "eu-west-1"}]},
        "replicas.0.kmsKeyId is not set",
    ),
    Case(
        "customer-key",
        "azure-native:storage:StorageAccount",
        {"encryption": {"keySource": "Microsoft.Keyvault", "keyVaultProperties": {"keyName": KEY}}},
        {"encryption": {"keySource": "Microsoft.Storage"}},
        "encryption.keySource",
    ),
    Case(
        "customer-key",
        "azure-native:dbforpostgresql:Server",
        {"dataEncryption": {"type": "AzureKeyVault", "primaryKeyURI": KEY}},
        {"dataEncryption": {"type": "SystemManaged"}},
        "dataEncryption.type",
    ),
    Case("customer-key", "gcp:memorystore/instance:Instance", {"kmsKey": KEY}, {}, "kmsKey is not set"),
    Case(
        "customer-key",
        "gcp:container/cluster:Cluster",
        {"databaseEncryption": {"state": "ENCRYPTED", "keyName": KEY}},
        {"databaseEncryption": {"state": "DECRYPTED"}},
        "databaseEncryption.state",
    ),
    Case(
        "customer-key",
        "kubernetes:storage.k8s.io/v1:StorageClass",
        {"provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true", "kmsKeyId": ARN}},
        {"provisioner": "ebs.csi.aws.com", "parameters": {"encrypted": "true"}},
        "parameters.kmsKeyId",
    ),
)
PUBLIC = (
    Case(
        "no-public-data",
        "aws:rds/clusterInstance:ClusterInstance",
        {},
        {"publiclyAccessible": True},
        "publiclyAccessible is true",
    ),
    Case(
        "no-public-data",
        BLOCK,
        dict.fromkeys(FLAGS, True),
        {**dict.fromkeys(FLAGS, True), "restrictPublicBuckets": False},
        "restrictPublicBuckets is false",
    ),
    Case(
        "no-public-data",
        BUCKET,
        {"bucket": "b"},
        {"bucket": "other"},
        "no BucketPublicAccessBlock",
        (resource(BLOCK, {"bucket": "b"}, "of-b"),),
    ),
    Case(
        "no-public-data",
        BUCKET_POLICY,
        {"policy": policy({**EVERYBODY, "Condition": {"StringEquals": {"aws:SourceVpc": "vpc-1"}}})},
        {"policy": policy(EVERYBODY)},
        "lets everybody s3:GetObject",
    ),
    Case(
        "no-public-data",
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        {"cidrIpv4": "0.0.0.0/0", "ipProtocol": "tcp", "fromPort": 443, "toPort": 443},
        {"cidrIpv4": "0.0.0.0/0", "ipProtocol": "tcp", "fromPort": 5000, "toPort": 6000},
        "come in at 5432",
    ),
    Case(
        "no-public-data",
        "azure-native:storage:BlobContainer",
        {"publicAccess": "None"},
        {"publicAccess": "Blob"},
        'publicAccess is "Blob"',
    ),
    Case(
        "no-public-data",
        "azure-native:dbforpostgresql:Server",
        {"network": {"delegatedSubnetResourceId": "/subnets/db"}},
        {"network": {"publicNetworkAccess": "Enabled"}},
        "network.delegatedSubnetResourceId is not set",
    ),
    Case(
        "no-public-data",
        "gcp:sql/databaseInstance:DatabaseInstance",
        _settings(ipConfiguration={"ipv4Enabled": False}),
        _settings(ipConfiguration={}),
        "settings.ipConfiguration.ipv4Enabled is not set",
    ),
    Case(
        "no-public-data",
        "gcp:storage/bucket:Bucket",
        {"publicAccessPrevention": "enforced", "uniformBucketLevelAccess": True},
        {"publicAccessPrevention": "inherited", "uniformBucketLevelAccess": True},
        "publicAccessPrevention",
    ),
)
TLS = (
    Case(
        "tls-minimum",
        "aws:lb/listener:Listener",
        {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06"},
        {"protocol": "HTTPS", "sslPolicy": "ELBSecurityPolicy-2016-08"},
        "sslPolicy is",
    ),
    Case(
        "tls-minimum",
        "aws:lb/listener:Listener",
        {"protocol": "HTTP", "defaultActions": [{"type": "redirect", "redirect": {"protocol": "HTTPS"}}]},
        {"protocol": "HTTP", "defaultActions": [{"type": "forward"}]},
        "serves plain HTTP",
    ),
    Case(
        "tls-minimum",
        "aws:rds/clusterParameterGroup:ClusterParameterGroup",
        {"family": "aurora-postgresql17", "parameters": [{"name": "rds.force_ssl", "value": "1"}]},
        {"family": "aurora-postgresql17", "parameters": [{"name": "rds.force_ssl", "value": "0"}]},
        "rds.force_ssl is not 1",
    ),
    Case(
        "tls-minimum",
        BUCKET,
        {"bucket": "b"},
        {"bucket": "other"},
        "no policy refuses requests without TLS",
        (resource(BUCKET_POLICY, {"bucket": "b", "policy": policy(EVERYBODY, TLS_ONLY)}, "of-b"),),
    ),
    Case(
        "tls-minimum",
        "azure-native:web:WebApp",
        {"httpsOnly": True, "siteConfig": {"minTlsVersion": "1.2", "scmMinTlsVersion": "1.2"}},
        {"httpsOnly": True, "siteConfig": {"minTlsVersion": "1.0", "scmMinTlsVersion": "1.2"}},
        "siteConfig.minTlsVersion",
    ),
    Case(
        "tls-minimum",
        "azure-native:dbforpostgresql:Configuration",
        {"configurationName": "require_secure_transport", "value": "on"},
        {"configurationName": "require_secure_transport", "value": "off"},
        'value is "off"',
    ),
    Case(
        "tls-minimum",
        "gcp:compute/targetHttpsProxy:TargetHttpsProxy",
        {"sslPolicy": "modern"},
        {},
        "sslPolicy is not set",
    ),
    Case(
        "tls-minimum",
        "gcp:sql/databaseInstance:DatabaseInstance",
        _settings(ipConfiguration={"sslMode": "ENCRYPTED_ONLY"}),
        _settings(ipConfiguration={"sslMode": "ALLOW_UNENCRYPTED_AND_ENCRYPTED"}),
        "sslMode",
    ),
)
DELETION = (
    Case(
        "deletion-protection",
        "aws:rds/cluster:Cluster",
        {"deletionProtection": True, "skipFinalSnapshot": False},
        {"deletionProtection": False, "skipFinalSnapshot": False},
        "deletionProtection is false",
    ),
    Case("deletion-protection", BUCKET, {}, {"forceDestroy": True}, "forceDestroy is true"),
    Case(
        "deletion-protection",
        BUCKET,
        {},
        {"objectLockEnabled": True},
        "the engine's protection is off",
        options={"protect": False},
    ),
    Case(
        "deletion-protection",
        "azure-native:keyvault:Vault",
        {"properties": {"enablePurgeProtection": True, "softDeleteRetentionInDays": 30}},
        {"properties": {"softDeleteRetentionInDays": 30}},
        "enablePurgeProtection is not set",
    ),
    Case(
        "deletion-protection",
        "gcp:kms/cryptoKey:CryptoKey",
        {"destroyScheduledDuration": "2592000s"},
        {"destroyScheduledDuration": "86400s"},
        "destroyScheduledDuration",
    ),
    Case(
        "deletion-protection",
        "gcp:sql/databaseInstance:DatabaseInstance",
        {"deletionProtection": True, **_settings(deletionProtectionEnabled=True)},
        {"deletionProtection": True, **_settings(deletionProtectionEnabled=False)},
        "settings.deletionProtectionEnabled",
    ),
)
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
        _settings(backupConfiguration=GCP_BACKUPS),
        _settings(backupConfiguration={**GCP_BACKUPS, "transactionLogRetentionDays": 1}),
        "transactionLogRetentionDays is 1",
    ),
    Case(
        "backup-age",
        "gcp:sql/databaseInstance:DatabaseInstance",
        {"instanceType": "READ_REPLICA_INSTANCE", **_settings(backupConfiguration={"enabled": False})},
        {"instanceType": "CLOUD_SQL_INSTANCE", **_settings(backupConfiguration={"enabled": False})},
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
        _settings(userLabels=TAGS),
        _settings(userLabels={**TAGS, "owner": ""}),
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
        _settings(availabilityType="REGIONAL"),
        _settings(availabilityType="ZONAL"),
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
CASES = (
    *CUSTOMER_KEY,
    *PUBLIC,
    *TLS,
    *DELETION,
    *BACKUPS,
    *TAGGED,
    *RESIDENT,
    *ZONES,
    *PERMISSIONS,
    *RETENTION,
)
