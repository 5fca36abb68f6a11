"""Identifiers that follow from a resource's inputs, in the form that the provider's import takes.

Source of each form: "Import" in the type's page in the Pulumi registry, as the docstrings of pulumi-aws 7.51.1 and
pulumi-kubernetes 4.34.2 have it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

_BUCKET: Final = ("bucket",)

AWS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "aws:appautoscaling/policy:Policy": ("/", ("serviceNamespace", "resourceId", "scalableDimension", "name")),
    "aws:appautoscaling/target:Target": ("/", ("serviceNamespace", "resourceId", "scalableDimension")),
    "aws:ec2/route:Route": (
        "_",
        ("routeTableId", "destinationCidrBlock|destinationIpv6CidrBlock|destinationPrefixListId"),
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ("/", ("subnetId|gatewayId", "routeTableId")),
    "aws:iam/rolePolicy:RolePolicy": (":", ("role", "name")),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": ("/", ("role", "policyArn")),
    "aws:kms/alias:Alias": ("", ("name",)),
    "aws:rds/globalCluster:GlobalCluster": ("", ("globalClusterIdentifier",)),
    "aws:route53/record:Record": ("_", ("zoneId", "name", "type", "setIdentifier?")),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ("", _BUCKET),
    "aws:s3/bucketObjectLockConfiguration:BucketObjectLockConfiguration": ("", _BUCKET),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ("", _BUCKET),
    "aws:s3/bucketPolicy:BucketPolicy": ("", _BUCKET),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ("", _BUCKET),
    "aws:s3/bucketReplicationConfig:BucketReplicationConfig": ("", _BUCKET),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": ("", _BUCKET),
    "aws:s3/bucketVersioning:BucketVersioning": ("", _BUCKET),
}
"""Separator and inputs by type. `a|b`: whichever is given; `a?`: left out when it is not."""

CLUSTER_WIDE: Final = frozenset(
    {
        "ClusterRole",
        "ClusterRoleBinding",
        "CustomResourceDefinition",
        "IngressClass",
        "Namespace",
        "PersistentVolume",
        "PriorityClass",
        "RuntimeClass",
        "StorageClass",
    }
)
"""Kinds that live in no namespace."""


def aws(type_: str, inputs: Mapping[str, Any]) -> str | None:
    """The import identifier of an AWS resource; None when the type or these inputs do not give it."""
    if type_ not in AWS:
        return None
    separator, keys = AWS[type_]
    parts = []
    for key in keys:
        value = next((inputs[name] for name in key.rstrip("?").split("|") if isinstance(inputs.get(name), str)), None)
        if value is not None:
            parts.append(value)
        elif not key.endswith("?"):
            return None
    return separator.join(parts)


def kubernetes(type_: str, inputs: Mapping[str, Any]) -> str | None:
    """The import identifier of a Kubernetes object: namespace and name; None without a name of its own."""
    metadata = inputs.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return None
    name = str(metadata["name"])
    if type_.rsplit(":", 1)[-1] in CLUSTER_WIDE:
        return name
    return f"{metadata.get('namespace') or 'default'}/{name}"


def from_inputs(type_: str, inputs: Mapping[str, Any]) -> str | None:
    """The import identifier of any resource whose inputs give it."""
    return kubernetes(type_, inputs) if type_.startswith("kubernetes:") else aws(type_, inputs)
