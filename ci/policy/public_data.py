"""Nothing that stores data can be reached by everybody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stacks.policy.rules import Check, Waiting, Want, given, number_of, off, on, one_of, table
from stacks.policy.values import Mark, parsed
from stacks.review import Rule

from .documents import public, statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.resource import Resource, Siblings

RULE = Rule(
    id="no-public-data",
    title="No data store can be read without signing in, and no database can be reached from the internet.",
    why="Scanners look for public buckets and open database ports all day; nobody has to know your name.",
    mend="Close it: block public access, take the public address away, reach it from the network.",
    control="NIST SP 800-53 AC-3, SC-7; ISO/IEC 27001 A.8.3",
)
_BUCKET, _BLOCK = "aws:s3/bucket:Bucket", "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock"
_INGRESS = "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule"
_ANYWHERE = ("0.0.0.0/0", "::/0")
DATA_PORTS = (1433, 3306, 5432, 6379, 9200, 10000, 27017)
"""What databases and caches listen on."""
_INSTANCE = (Want("publiclyAccessible", off(unset=True)),)
_SIMPLE = table(
    {
        "aws:rds/clusterInstance:ClusterInstance": _INSTANCE,
        "aws:rds/instance:Instance": _INSTANCE,
        "aws:eks/cluster:Cluster": (Want("vpcConfig.endpointPublicAccess", off()),),
        _BLOCK: tuple(
            Want(flag, on())
            for flag in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
        ),
        _BUCKET: (Want("acl", one_of("private", unset=True)),),
        "azure-native:storage:StorageAccount": (Want("allowBlobPublicAccess", off()),),
        "azure-native:storage:BlobContainer": (Want("publicAccess", one_of("None", unset=True)),),
        "azure-native:redisenterprise:RedisEnterprise": (Want("publicNetworkAccess", one_of("Disabled")),),
        "azure-native:keyvault:Vault": (Want("properties.publicNetworkAccess", one_of("disabled", "Disabled")),),
        "azure-native:containerservice:ManagedCluster": (Want("apiServerAccessProfile.enablePrivateCluster", on()),),
        "gcp:sql/databaseInstance:DatabaseInstance": (Want("settings.ipConfiguration.ipv4Enabled", off()),),
        "gcp:storage/bucket:Bucket": (
            Want("publicAccessPrevention", one_of("enforced")),
            Want("uniformBucketLevelAccess", on()),
        ),
        "gcp:container/cluster:Cluster": (Want("privateClusterConfig.enablePrivateEndpoint", on()),),
    }
)


def alone(resource: Resource) -> Iterator[str | Waiting]:
    """What a resource says of its own reach."""
    yield from _SIMPLE(resource)
    match resource.type:
        case "aws:s3/bucketPolicy:BucketPolicy":
            yield from _policy(resource.at("policy"))
        case "azure-native:dbforpostgresql:Server" if resource.at("network.publicNetworkAccess") != "Disabled":
            inside = given("a subnet of ours, or network.publicNetworkAccess Disabled")
            yield from Want("network.delegatedSubnetResourceId", inside).of(resource)
        case kind if kind == _INGRESS:
            yield from _ingress(resource)


def _policy(document: Any) -> Iterator[str | Waiting]:
    if isinstance(document, Mark):
        yield Waiting("policy")
        return
    for each in statements(parsed(document)):
        if public(each):
            yield f"its policy lets everybody {', '.join(each.actions)}"


def _ingress(resource: Resource) -> Iterator[str | Waiting]:
    sources = [value for key in ("cidrIpv4", "cidrIpv6") if (value := resource.at(key)) is not None]
    if any(isinstance(each, Mark) for each in sources):
        yield Waiting("cidrIpv4")
    if not any(each in _ANYWHERE for each in sources):
        return
    what = [resource.at(path) for path in ("fromPort", "toPort", "ipProtocol")]
    if any(isinstance(each, Mark) for each in what):
        yield Waiting("fromPort")
        return
    first, last = number_of(what[0]), number_of(what[1])
    everything = what[2] == "-1" or first is None or last is None
    hit = [port for port in DATA_PORTS if everything or (first or 0) <= port <= (last or 0)]
    if hit:
        yield f"the internet may come in at {'every port' if everything else ', '.join(str(port) for port in hit)}"


def together(resource: Resource, stack: Siblings) -> Iterator[str | Waiting]:
    """What blocks a bucket's public access is a resource of its own."""
    if resource.type != _BUCKET:
        return
    blocks = stack.belonging(resource, "bucket", _BLOCK, "bucket")
    if isinstance(blocks, Mark):
        yield Waiting("bucket")
    elif not blocks:
        yield "it has no BucketPublicAccessBlock, so a policy or an ACL can open it to everybody"


CHECK = Check(RULE, alone=alone, together=together)
