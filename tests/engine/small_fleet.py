"""A stack that is small enough to be killed often, with one resource of each way to be found again.

As a script it brings the stack up in a lab that somebody else has open: `python -m tests.engine.small_fleet FOLDER`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi
import pulumi_aws as aws

from aurops.errors import AuropsError
from components.clouds.aws import tag_with_urn
from runbooks.finders import LabFinder
from stacks import program
from stacks.engine import EngineStack, Operation, StackRun
from stacks.recovery import run_recovered
from stacks.site import Site
from testbeds.lab.world import World

if TYPE_CHECKING:
    from collections.abc import Callable

    from testbeds.lab.session import LabSession

STACK = "aws-us-east-1"
_TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def small() -> None:
    """Tagged objects, settings of a bucket at home and away, and everything whose identity is in its inputs."""
    pulumi.runtime.register_stack_transformation(tag_with_urn)
    opts = pulumi.ResourceOptions(provider=aws.Provider("cloud", region="us-east-1"))
    _network(opts)
    _roles(opts)
    _buckets(opts)
    secret = aws.secretsmanager.Secret("secret", tags={}, opts=opts)
    aws.secretsmanager.SecretVersion("version", secret_id=secret.id, secret_string="drawn", opts=opts)  # noqa: S106
    key = aws.kms.Key("key", tags={}, opts=opts)
    aws.kms.Alias("alias", name="alias/small", target_key_id=key.key_id, opts=opts)
    zone = aws.route53.Zone("zone", name="example.com", tags={}, opts=opts)
    aws.route53.Record(
        "record", zone_id=zone.zone_id, name="a.example.com", type="A", ttl=60, records=["192.0.2.1"], opts=opts
    )


def _network(opts: pulumi.ResourceOptions) -> None:
    vpc = aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", tags={}, opts=opts)
    gateway = aws.ec2.InternetGateway("gateway", vpc_id=vpc.id, tags={}, opts=opts)
    table = aws.ec2.RouteTable("table", vpc_id=vpc.id, tags={}, opts=opts)
    aws.ec2.Route(
        "route", route_table_id=table.id, destination_cidr_block="0.0.0.0/0", gateway_id=gateway.id, opts=opts
    )
    for n in range(2):
        subnet = aws.ec2.Subnet(f"subnet-{n}", vpc_id=vpc.id, cidr_block=f"10.0.{n}.0/24", tags={}, opts=opts)
        aws.ec2.RouteTableAssociation(f"association-{n}", route_table_id=table.id, subnet_id=subnet.id, opts=opts)
    group = aws.ec2.SecurityGroup("group", vpc_id=vpc.id, description="small", tags={}, opts=opts)
    aws.vpc.SecurityGroupEgressRule(
        "egress", security_group_id=group.id, ip_protocol="-1", cidr_ipv4="0.0.0.0/0", tags={}, opts=opts
    )


def _roles(opts: pulumi.ResourceOptions) -> None:
    role = aws.iam.Role("role", assume_role_policy=_TRUST, tags={}, opts=opts)
    aws.iam.RolePolicy("policy", role=role.name, policy=_TRUST, opts=opts)
    arn = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
    aws.iam.RolePolicyAttachment("attachment", role=role.name, policy_arn=arn, opts=opts)


def _buckets(opts: pulumi.ResourceOptions) -> None:
    for region in ("us-east-1", "us-west-2"):
        bucket = aws.s3.Bucket(f"bucket-{region}", region=region, tags={}, opts=opts)
        versioning = aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled")
        aws.s3.BucketVersioning(
            f"versions-{region}",
            region=region,
            bucket=bucket.id,
            versioning_configuration=versioning,
            opts=opts,
        )


def site_of(lab: LabSession) -> Site:
    """Where the engine works."""
    return Site(lab.work_dir, lab.env, is_lab=True)


def bring_up(site: Site, stack: str, world: World, tell: Callable[[str], None] = lambda _: None) -> StackRun:
    """What `aurops up` does with one stack."""
    return run_recovered(EngineStack(site, stack), Operation.UP, LabFinder(world), tell=tell)


def tell(line: str) -> None:
    """Say it to whoever started this process, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    """Bring the small stack up, or with a second argument that stack of the repository."""
    folder, stack = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else STACK
    if len(sys.argv) == 2:
        program.main = lambda _, **__: small()  # type: ignore[assignment]
    world = World(folder / "world.sqlite")
    try:
        bring_up(Site(folder / "work", dict(os.environ), is_lab=True), stack, world, tell)
    except AuropsError as error:
        tell(str(error))
        return int(error.exit_code)
    finally:
        world.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
