"""Which resource types hold data: their replacement or deletion loses what no program can make again."""

from __future__ import annotations

HOLDS_DATA = frozenset(
    {
        "aws:rds/globalCluster:GlobalCluster",
        "aws:rds/cluster:Cluster",
        "aws:rds/clusterInstance:ClusterInstance",
        "aws:elasticache/globalReplicationGroup:GlobalReplicationGroup",
        "aws:elasticache/replicationGroup:ReplicationGroup",
        "aws:s3/bucket:Bucket",
        # What keeps an archive from being shortened.
        "aws:s3/bucketVersioning:BucketVersioning",
        "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration",
        # Without the key, what it encrypted cannot be read; without the secret nobody can log in.
        "aws:kms/key:Key",
        "aws:secretsmanager/secret:Secret",
        # Names and volumes of others hang on these.
        "aws:eks/cluster:Cluster",
        "aws:ec2/vpc:Vpc",
        "aws:route53/zone:Zone",
        "azure-native:dbforpostgresql:Server",
        "azure-native:dbforpostgresql:Database",
        "azure-native:redisenterprise:RedisEnterprise",
        "azure-native:redisenterprise:Database",
        "azure-native:storage:StorageAccount",
        # What keeps an archive from being shortened.
        "azure-native:storage:BlobServiceProperties",
        "azure-native:storage:BlobContainer",
        "azure-native:storage:BlobContainerImmutabilityPolicy",
        "azure-native:keyvault:Vault",
        "azure-native:keyvault:Key",
        # With a resource group goes all that is in it.
        "azure-native:resources:ResourceGroup",
        "azure-native:containerservice:ManagedCluster",
        "azure-native:network:VirtualNetwork",
        "azure-native:privatedns:PrivateZone",
        "azure-native:dns:Zone",
        "gcp:sql/databaseInstance:DatabaseInstance",
        "gcp:sql/database:Database",
        "gcp:memorystore/instance:Instance",
        "gcp:storage/bucket:Bucket",
        "gcp:kms/keyRing:KeyRing",
        "gcp:kms/cryptoKey:CryptoKey",
        "gcp:container/cluster:Cluster",
        "gcp:compute/network:Network",
        "gcp:dns/managedZone:ManagedZone",
        "kubernetes:core/v1:Namespace",
        "kubernetes:apps/v1:StatefulSet",
        "kubernetes:core/v1:PersistentVolumeClaim",
    }
)
"""Type tokens; whatever a component protects with `Scope.opts(holds_data=True)` is of one of them."""

HOUSES_DATA = frozenset(
    {
        "aws:ec2/subnet:Subnet",
        "azure-native:network:Subnet",
        "gcp:compute/subnetwork:Subnetwork",
    }
)
"""Type tokens of what such things stand in: its replacement moves them. Its deletion is refused while they do."""

GUARDS_DATA = frozenset(
    {
        "aws:s3/bucketPolicy:BucketPolicy",
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        "aws:s3/bucketReplicationConfig:BucketReplicationConfig",
        "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
        "azure-native:authorization:ManagementLockAtResourceGroupLevel",
        "azure-native:authorization:ManagementLockByScope",
        "gcp:storage/transferJob:TransferJob",
    }
)
"""Type tokens of settings that are resources of their own: their deletion takes encryption, privacy or a copy away."""


def holds_data(type_token: str) -> bool:
    """Whether resources of this type hold data."""
    return type_token in HOLDS_DATA
