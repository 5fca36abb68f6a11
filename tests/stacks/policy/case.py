"""One decision of a rule: inputs that keep it, inputs that break it, and what both are made of."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from stacks.policy.resource import Resource, Siblings

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


def settings(**more: Any) -> dict[str, Any]:
    """Inputs of a Cloud SQL instance, which keeps nearly all of them in `settings`."""
    return {"settings": more}


def sse(algorithm: str) -> Resource:
    """The encryption of the bucket called b."""
    rule = {"applyServerSideEncryptionByDefault": {"sseAlgorithm": algorithm, "kmsMasterKeyId": ARN}}
    return resource(SSE, {"bucket": "b", "rules": [rule]}, "of-b")
