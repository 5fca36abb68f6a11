"""Keys on AWS: one KMS key and alias per purpose. Never run against a real account."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from components.clouds.aws import policy, statement
from components.keys.component import KeysOutputs
from components.keys.spec import KeysSpec, Purpose

if TYPE_CHECKING:
    from components.base import Scope


def build(scope: Scope, spec: KeysSpec) -> KeysOutputs:
    """Make the keys that are not brought along."""
    account_id = aws.get_caller_identity_output(opts=pulumi.InvokeOptions(parent=scope.parent)).account_id
    keys: dict[Purpose, pulumi.Input[str]] = dict(spec.existing)
    for purpose in Purpose:
        if purpose not in keys:
            keys[purpose] = make_key(scope, spec, purpose, account_id)
    return KeysOutputs(scope.place, keys)


def make_key(scope: Scope, spec: KeysSpec, purpose: Purpose, account_id: pulumi.Output[str]) -> pulumi.Output[str]:
    """One key with rotation on, and its alias; returns the ARN."""
    name = scope.named(purpose)
    key = aws.kms.Key(
        name,
        description=f"{scope.place.fleet} {scope.place.region}: {purpose}",
        enable_key_rotation=True,
        rotation_period_in_days=spec.rotation_period_days,
        deletion_window_in_days=spec.deletion_window_days,
        policy=key_policy(scope.place.region, purpose, account_id),
        tags=scope.tags(name),
        opts=scope.opts(holds_data=True),
    )
    aws.kms.Alias(f"{name}-alias", name=f"alias/{name}", target_key_id=key.key_id, opts=scope.opts())
    return key.arn


def key_policy(region: str, purpose: Purpose, account_id: pulumi.Output[str]) -> pulumi.Output[str]:
    """The account's IAM policies decide, plus what the purpose's AWS service itself needs."""
    root = statement("kms:*", "*", principal={"AWS": pulumi.Output.format("arn:aws:iam::{}:root", account_id)})
    return policy(root, *_service_statements(region, purpose, account_id))


def _service_statements(region: str, purpose: Purpose, account_id: pulumi.Output[str]) -> list[dict[str, object]]:
    use = ["kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"]
    if purpose is Purpose.LOGS:
        # CloudWatch Logs user guide, "Encrypt log data using KMS": the service's principal, bound to this account.
        arn = pulumi.Output.format("arn:aws:logs:{}:{}:*", region, account_id)
        bound = {"ArnLike": {"kms:EncryptionContext:aws:logs:arn": arn}}
        return [statement(use, "*", principal={"Service": f"logs.{region}.amazonaws.com"}, condition=bound)]
    if purpose is Purpose.DISKS:
        # Auto Scaling starts nodes under its own role; the same rule as the AWS-managed aws/ebs key has.
        via = {"StringEquals": {"kms:CallerAccount": account_id, "kms:ViaService": f"ec2.{region}.amazonaws.com"}}
        return [statement([*use, "kms:CreateGrant"], "*", principal={"AWS": "*"}, condition=via)]
    return []
