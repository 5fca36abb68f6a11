"""What the AWS implementations share: zone names, the provider, policies, and tags that find a resource again."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws

from components.tags import URN_TAG

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from components.base import Scope
    from components.edge.spec import EdgeSpec
    from components.place import Place
    from components.traffic.spec import TrafficSpec

HTTPS_PORT = 443


def zone_name(region: str, letter: str) -> str:
    """The zone's name: `eu-west-1` and `a` give `eu-west-1a`."""
    return f"{region}{letter}"


def build(place: Place, account_id: str | None) -> aws.Provider:
    """Prepare a stack: everything gets its `aurops:urn` tag, and one explicit provider serves every region.

    One process is enough for all regions since provider v7, whose resources have a `region` of their own.

    Args:
        place: Gives the region of everything that names none of its own.
        account_id: Twelve digits; the provider refuses calls against any other account.
    """
    pulumi.runtime.register_stack_transformation(tag_with_urn)
    allowed = [account_id] if account_id else None
    return aws.Provider(f"{place.fleet}-aws", region=place.region, allowed_account_ids=allowed)


def tag_with_urn(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
    """A stack transformation: whatever carries tags also carries `aurops:urn`."""
    if not args.type_.startswith("aws:") or args.props.get("tags") is None:
        return None
    value = f"{pulumi.get_stack()}::{pulumi.get_project()}::{args.type_}::{args.name}"
    tags = pulumi.Output.from_input(args.props["tags"]).apply(lambda given: {**given, URN_TAG: value})
    return pulumi.ResourceTransformationResult({**args.props, "tags": tags}, args.opts)


def statement(
    actions: Sequence[str] | str,
    resources: Any,
    *,
    principal: Mapping[str, Any] | str | None = None,
    condition: Mapping[str, Any] | None = None,
    effect: str = "Allow",
) -> dict[str, Any]:
    """One statement of an IAM policy document."""
    body: dict[str, Any] = {"Effect": effect, "Action": actions, "Resource": resources}
    if principal is not None:
        body["Principal"] = principal
    if condition is not None:
        body["Condition"] = condition
    return body


def policy(*statements: Mapping[str, Any]) -> pulumi.Output[str]:
    """A policy document as JSON; values may be outputs."""
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)}, sort_keys=True)


def no_plain_http(bucket: aws.s3.Bucket) -> dict[str, Any]:
    """The statement by which a bucket refuses every request without TLS, whoever sends it."""
    everything = [bucket.arn, pulumi.Output.concat(bucket.arn, "/*")]
    plain = {"Bool": {"aws:SecureTransport": "false"}}
    return statement("s3:*", everything, principal="*", condition=plain, effect="Deny")


def trust(service: str) -> str:
    """The trust policy that lets one AWS service assume a role."""
    actions = ["sts:AssumeRole", "sts:TagSession"] if service == "pods.eks.amazonaws.com" else ["sts:AssumeRole"]
    body = statement(actions, None, principal={"Service": service})
    del body["Resource"]
    return json.dumps({"Version": "2012-10-17", "Statement": [body]}, sort_keys=True)


def role(scope: Scope, part: str, service: str, managed: Sequence[str] = ()) -> aws.iam.Role:
    """A role that `service` assumes, with AWS's own policies attached by name."""
    name = scope.named(part)
    made = aws.iam.Role(name, assume_role_policy=trust(service), tags=scope.tags(name), opts=scope.opts())
    for policy_name in managed:
        short = policy_name.rsplit("/", 1)[-1]
        aws.iam.RolePolicyAttachment(
            f"{name}-{short}", role=made.name, policy_arn=f"arn:aws:iam::aws:policy/{policy_name}", opts=scope.opts()
        )
    return made


def log_group(scope: Scope, part: str, key_arn: pulumi.Input[str], retention_days: int) -> aws.cloudwatch.LogGroup:
    """An encrypted CloudWatch log group that forgets after `retention_days`."""
    name = scope.named(part)
    return aws.cloudwatch.LogGroup(
        name, kms_key_id=key_arn, retention_in_days=retention_days, tags=scope.tags(name), opts=scope.opts()
    )


def security_group(scope: Scope, part: str, vpc_id: pulumi.Input[str], why: str) -> aws.ec2.SecurityGroup:
    """A security group without a rule; rules are resources of their own."""
    name = scope.named(part)
    return aws.ec2.SecurityGroup(name, vpc_id=vpc_id, description=why, tags=scope.tags(name), opts=scope.opts())


def allow_in(
    scope: Scope, part: str, group: aws.ec2.SecurityGroup, port: int, cidr: pulumi.Input[str]
) -> aws.vpc.SecurityGroupIngressRule:
    """Let `cidr` reach one TCP port."""
    name = scope.named(part)
    return aws.vpc.SecurityGroupIngressRule(
        name,
        security_group_id=group.id,
        ip_protocol="tcp",
        from_port=port,
        to_port=port,
        cidr_ipv4=cidr,
        tags=scope.tags(name),
        opts=scope.opts(),
    )


def allow_out(scope: Scope, part: str, group: aws.ec2.SecurityGroup) -> aws.vpc.SecurityGroupEgressRule:
    """Let the group's members reach everything."""
    name = scope.named(part)
    return aws.vpc.SecurityGroupEgressRule(
        name,
        security_group_id=group.id,
        ip_protocol="-1",
        cidr_ipv4="0.0.0.0/0",
        tags=scope.tags(name),
        opts=scope.opts(),
    )


def refuse_public(scope: Scope, name: str, bucket: aws.s3.Bucket, region: str | None = None) -> None:
    """Keep a bucket from ever being public, by policy or by ACL.

    Args:
        scope: Of the component that owns it.
        name: Of the new resource.
        bucket: The bucket.
        region: Where the bucket is; None: in the provider's region.
    """
    aws.s3.BucketPublicAccessBlock(
        name,
        region=region,
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=scope.opts(),
    )


def dns_zone(scope: Scope, zone: str) -> aws.route53.Zone:
    """A zone of names, on request."""
    name = scope.named("zone")
    return aws.route53.Zone(
        name, name=zone, force_destroy=False, tags=scope.tags(name), opts=scope.opts(holds_data=True)
    )


def https_check(
    scope: Scope,
    name: str,
    spec: TrafficSpec | EdgeSpec,
    host: pulumi.Input[str],
    path: pulumi.Input[str],
    address: pulumi.Input[str] | None = None,
) -> aws.route53.HealthCheck:
    """Ask a host over HTTPS, as often as the names want it; who inverts or disables it is an operator.

    With an address, that is asked, and told the host as the one that is wanted.
    """
    return aws.route53.HealthCheck(
        name,
        type="HTTPS",
        fqdn=host,
        ip_address=address,
        port=HTTPS_PORT,
        resource_path=path,
        request_interval=spec.check_interval_s,
        failure_threshold=spec.failure_threshold,
        measure_latency=True,
        enable_sni=True,
        tags=scope.tags(name),
        opts=scope.opts(ignore=["invertHealthcheck", "disabled"]),
    )
