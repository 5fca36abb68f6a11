"""Data at rest is encrypted with a key of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.policy.rules import Check, Waiting, Want, each, given, on, one_of, table
from stacks.policy.values import Mark
from stacks.review import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.resource import Resource, Siblings

RULE = Rule(
    id="customer-key",
    title="What stores data encrypts it with a key of ours.",
    why="Only a key of ours can be rotated, watched and withdrawn by us, and dies with the data when it must.",
    mend="Give it the key of its purpose from the stack's keys (docs/components/keys.md).",
    control="NIST SP 800-53 SC-12, SC-28(1); ISO/IEC 27001 A.8.24",
)
_KEY = given("a key of ours")
_BUCKET, _SSE = (
    "aws:s3/bucket:Bucket",
    ("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"),
)
_CLUSTER = (Want("storageEncrypted", on()), Want("kmsKeyId", _KEY))
_SIMPLE = table(
    {
        "aws:rds/globalCluster:GlobalCluster": (Want("storageEncrypted", on()),),
        "aws:rds/cluster:Cluster": _CLUSTER,
        "aws:rds/instance:Instance": _CLUSTER,
        "aws:elasticache/replicationGroup:ReplicationGroup": (Want("kmsKeyId", _KEY),),
        "aws:secretsmanager/secret:Secret": (Want("kmsKeyId", _KEY),),
        "aws:cloudwatch/logGroup:LogGroup": (Want("kmsKeyId", _KEY),),
        "aws:eks/cluster:Cluster": (Want("encryptionConfig.provider.keyArn", _KEY),),
        "azure-native:storage:StorageAccount": (
            Want("encryption.keySource", one_of("Microsoft.Keyvault")),
            Want("encryption.keyVaultProperties.keyName", _KEY),
        ),
        "azure-native:dbforpostgresql:Server": (
            Want("dataEncryption.type", one_of("AzureKeyVault")),
            Want("dataEncryption.primaryKeyURI", _KEY),
        ),
        "azure-native:redisenterprise:RedisEnterprise": (
            Want("encryption.customerManagedKeyEncryption.keyEncryptionKeyUrl", _KEY),
        ),
        "azure-native:containerservice:ManagedCluster": (
            Want("diskEncryptionSetID", _KEY),
            Want("securityProfile.azureKeyVaultKms.enabled", on()),
            Want("securityProfile.azureKeyVaultKms.keyId", _KEY),
        ),
        "azure-native:compute:DiskEncryptionSet": (Want("activeKey.keyUrl", _KEY),),
        "azure-native:operationalinsights:Workspace": (
            Want("features.clusterResourceId", given("a dedicated cluster, which is what has a key")),
        ),
        "gcp:sql/databaseInstance:DatabaseInstance": (Want("encryptionKeyName", _KEY),),
        "gcp:memorystore/instance:Instance": (Want("kmsKey", _KEY),),
        "gcp:storage/bucket:Bucket": (Want("encryption.defaultKmsKeyName", _KEY),),
        "gcp:container/cluster:Cluster": (
            Want("databaseEncryption.state", one_of("ENCRYPTED")),
            Want("databaseEncryption.keyName", _KEY),
        ),
        "gcp:container/nodePool:NodePool": (Want("nodeConfig.bootDiskKmsKey", _KEY),),
        "gcp:logging/projectBucketConfig:ProjectBucketConfig": (Want("cmekSettings.kmsKeyName", _KEY),),
        "gcp:cloudrunv2/service:Service": (Want("template.encryptionKey", _KEY),),
    }
)
_CLASSES = {
    "ebs.csi.aws.com": (Want("parameters.encrypted", on()), Want("parameters.kmsKeyId", _KEY)),
    "disk.csi.azure.com": (Want("parameters.diskEncryptionSetID", _KEY),),
    "pd.csi.storage.gke.io": (Want("parameters.disk-encryption-kms-key", _KEY),),
}
"""What volumes of Kubernetes are made of, by who makes them."""


def alone(resource: Resource) -> Iterator[str | Waiting]:
    """What a resource says of its own key."""
    yield from _SIMPLE(resource)
    match resource.type:
        case "aws:elasticache/replicationGroup:ReplicationGroup" if not resource.at("globalReplicationGroupId"):
            # A member of a global group has this from the group.
            yield from Want("atRestEncryptionEnabled", on()).of(resource)
        case "aws:secretsmanager/secret:Secret":
            yield from each("replicas", Want("kmsKeyId", _KEY))(resource)
        case "aws:ec2/launchTemplate:LaunchTemplate":
            disk = (Want("ebs.encrypted", on()), Want("ebs.kmsKeyId", _KEY))
            yield from each("blockDeviceMappings", *disk)(resource)
        case "kubernetes:storage.k8s.io/v1:StorageClass":
            maker = resource.at("provisioner")
            if isinstance(maker, Mark):
                yield Waiting("provisioner")
            for want in _CLASSES.get(maker, ()):
                yield from want.of(resource)


def together(resource: Resource, stack: Siblings) -> Iterator[str | Waiting]:
    """A bucket's encryption is a resource of its own."""
    if resource.type != _BUCKET:
        return
    settings = stack.belonging(resource, "bucket", _SSE, "bucket")
    if isinstance(settings, Mark):
        yield Waiting("bucket")
    elif not settings:
        yield "it has no BucketServerSideEncryptionConfiguration, so Amazon's key encrypts it; wanted: a key of ours"
    for setting in settings if not isinstance(settings, Mark) else ():
        rule = "rules.0.applyServerSideEncryptionByDefault"
        yield from Want(f"{rule}.sseAlgorithm", one_of("aws:kms", "aws:kms:dsse")).of(setting)
        yield from Want(f"{rule}.kmsMasterKeyId", _KEY).of(setting)


CHECK = Check(RULE, alone=alone, together=together)
