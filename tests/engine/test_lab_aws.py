"""The stand-in for AWS, through the real engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_aws as aws
import pytest
from pulumi.automation import CommandError

from aurops.errors import UsageError
from testbeds.lab.session import lab_session

if TYPE_CHECKING:
    from conftest import Engine

ROOT = Path(__file__).parents[2]
VPC = "aws:ec2/vpc:Vpc"
SUBNET = "aws:ec2/subnet:Subnet"
BUCKET = "aws:s3/bucket:Bucket"
DATABASE = "aws:rds/cluster:Cluster"


def network(**changes: Any) -> None:
    """Six resources: a VPC with two subnets, a key, a bucket with versions."""
    vpc = aws.ec2.Vpc(
        "vpc", cidr_block="10.0.0.0/16", enable_dns_support=changes.get("dns", True), tags=changes.get("tags")
    )
    zones = changes.get("zones", {"a": "10.0.0.0/24", "b": "10.0.1.0/24"})
    for zone, block in zones.items():
        aws.ec2.Subnet(f"data-{zone}", vpc_id=vpc.id, cidr_block=block, availability_zone=f"us-east-1{zone}")
    key = aws.kms.Key("key", enable_key_rotation=True, opts=pulumi.ResourceOptions(protect=False))
    bucket = aws.s3.Bucket("archive", object_lock_enabled=changes.get("lock", False))
    aws.s3.BucketVersioning(
        "versions", bucket=bucket.id, versioning_configuration={"status": changes.get("versioning", "Enabled")}
    )
    pulumi.export("vpc", vpc.id)
    pulumi.export("key", key.arn)
    pulumi.export("unset", vpc.ipv6_ipam_pool_id.apply(repr))


def database(**changes: Any) -> None:
    """An Aurora cluster with its parent."""
    args: dict[str, Any] = {"global_cluster_identifier": "ledger", "engine": "aurora-postgresql"}
    parent = aws.rds.GlobalCluster("global", deletion_protection=False, **args)
    aws.rds.Cluster(
        "ledger",
        engine="aurora-postgresql",
        engine_version=changes.get("version", "16.4"),
        global_cluster_identifier=parent.id,
        cluster_identifier="ledger-us-east-1",
        database_name=changes.get("database", "ledger"),
        master_username="owner",
        master_password_wo=changes.get("password", "correct horse"),
        master_password_wo_version=changes.get("password_version", 1),
        deletion_protection=changes.get("protected", False),
        backup_retention_period=changes.get("backup_days", 14),
        skip_final_snapshot=True,
    )


def ids(engine: Engine, type_: str) -> list[str]:
    """Identifiers of the world's objects of a type."""
    return sorted(found.id for found in engine.lab.world.objects(type_))


def test_a_stack_comes_up_stays_the_same_and_goes(engine: Engine) -> None:
    """A second `up` changes nothing, unset outputs are None and not unknown, and `destroy` leaves an empty world."""
    first = engine.stack(network).up()
    assert first.summary.resource_changes == {"create": 7}
    outputs = engine.outputs()
    assert outputs["vpc"] == ids(engine, VPC)[0]
    assert outputs["unset"] == "None"
    again = engine.stack(network).up()
    assert again.summary.resource_changes == {"same": 7}
    engine.stack(network).destroy()
    assert engine.lab.world.objects() == []


def test_outputs_are_the_same_in_every_lab(engine: Engine) -> None:
    """Two worlds that were asked for the same give the same identifiers and outputs."""
    worlds = []
    for _ in range(2):
        with lab_session(ROOT) as lab:
            type(engine)(lab).up(network)
            worlds.append({found.id: found.outputs for found in lab.world.objects()})
    assert worlds[0] == worlds[1]
    assert worlds[0]


def test_a_change_in_place_keeps_the_object(engine: Engine) -> None:
    """What AWS can modify is updated on the object that is there."""
    engine.up(network)
    before = ids(engine, VPC)
    assert engine.operations(lambda: network(dns=False, tags={"team": "core"})) == {"vpc": "update"}
    engine.up(lambda: network(dns=False, tags={"team": "core"}))
    (vpc,) = engine.lab.world.objects(VPC)
    assert [vpc.id] == before
    assert vpc.outputs["enableDnsSupport"] is False
    assert engine.lab.world.find_by_tag("team", "core") == [vpc]


def test_a_create_only_change_replaces_the_object(engine: Engine) -> None:
    """What AWS cannot modify (CloudFormation: createOnlyProperties) makes a new object and removes the old one."""
    engine.up(network)
    before = ids(engine, SUBNET)
    moved = {"a": "10.0.0.0/24", "b": "10.0.7.0/24"}
    assert engine.operations(lambda: network(zones=moved))["data-b"] in ("create-replacement", "replace")
    engine.up(lambda: network(zones=moved))
    after = ids(engine, SUBNET)
    assert len(after) == 2
    assert len(set(before) & set(after)) == 1


@pytest.mark.parametrize(
    ("args", "path", "allowed"),
    [
        ({"cidrBlok": "10.0.0.0/16"}, "cidrBlok", "did you mean cidrBlock"),
        ({"cidrBlock": 10}, "cidrBlock", "expected string"),
        ({"cidrBlock": "10.0.0.0/8"}, "cidrBlock", "/16 to /28"),
        ({"cidrBlock": "10.0.0.0/16", "instanceTenancy": "shared"}, "instanceTenancy", "dedicated, default"),
        ({"cidrBlock": "10.0.0.0/16", "tags": ["a"]}, "tags", "expected map"),
    ],
)
def test_a_wrong_input_is_refused_in_preview(engine: Engine, args: dict[str, Any], path: str, allowed: str) -> None:
    """The refusal names the property and what is allowed, before anything is made."""

    def program() -> None:
        pulumi.CustomResource(VPC, "vpc", args)

    with pytest.raises(CommandError) as refused:
        engine.stack(program).preview()
    assert path in str(refused.value)
    assert allowed in str(refused.value)


def test_a_missing_input_is_refused(engine: Engine) -> None:
    """A required property that is absent is named."""
    with pytest.raises(CommandError, match="engine: missing required property"):
        engine.stack(lambda: pulumi.CustomResource(DATABASE, "ledger", {})).preview()


def test_overlapping_subnets_are_refused(engine: Engine) -> None:
    """Two subnets of a VPC cannot share addresses (EC2 API: InvalidSubnet.Conflict)."""
    with pytest.raises(CommandError, match=r"InvalidSubnet\.Conflict"):
        engine.up(lambda: network(zones={"a": "10.0.0.0/24", "b": "10.0.0.128/25"}))


def test_a_zone_that_the_region_lacks_is_refused(engine: Engine) -> None:
    """The refusal lists the region's zones."""
    with pytest.raises(CommandError, match="it has: us-east-1a, us-east-1b"):
        engine.stack(lambda: network(zones={"z": "10.0.0.0/24"})).preview()


def test_a_change_that_the_service_cannot_make_is_refused(engine: Engine) -> None:
    """A database is neither downgraded nor replaced: the third outcome of a change."""
    engine.up(database)
    with pytest.raises(CommandError, match="cannot be downgraded"):
        engine.stack(lambda: database(version="15.9")).preview()
    assert ids(engine, DATABASE) == ["ledger-us-east-1"]


def test_deletion_protection_is_honoured(engine: Engine) -> None:
    """A protected cluster survives `destroy`; with the protection lifted it goes."""
    engine.up(lambda: database(protected=True))
    with pytest.raises(CommandError, match="deletionProtection"):
        engine.stack(lambda: database(protected=True)).destroy()
    assert ids(engine, DATABASE) == ["ledger-us-east-1"]
    engine.up(lambda: database(protected=False))
    engine.stack(lambda: database(protected=False)).destroy()
    assert engine.lab.world.objects() == []


def test_a_write_only_password_is_kept_nowhere(engine: Engine) -> None:
    """The cloud never gives a write-only input back, and only its version says that it changed."""
    engine.up(database)
    (cluster,) = engine.lab.world.objects(DATABASE)
    assert "masterPasswordWo" not in cluster.inputs
    assert cluster.outputs["masterPasswordWo"] is None
    other = {"password": "battery staple"}
    assert engine.operations(lambda: database(**other)) == {}
    assert engine.operations(lambda: database(**other, password_version=2)) == {"ledger": "update"}


def test_a_given_name_is_replaced_by_deleting_first(engine: Engine) -> None:
    """Two clusters cannot have one name, so the old one must go before the new one comes."""
    engine.up(database)
    operations = engine.operations(lambda: database(database="other"))
    assert operations["ledger"] in ("delete-replaced", "replace")


def test_a_name_that_is_taken_is_refused(engine: Engine) -> None:
    """A second bucket of the same name is refused, as S3 does."""

    def program() -> None:
        aws.s3.Bucket("one", bucket="ledger-archive")

    engine.up(program)
    with pytest.raises(CommandError, match="ledger-archive is taken"):
        engine.up(program, name="other")


def test_the_world_does_not_deduplicate(engine: Engine) -> None:
    """The same request from two stacks makes two objects."""
    engine.up(network, name="one")
    engine.up(network, name="two")
    assert len(set(ids(engine, VPC))) == 2
    assert len(set(ids(engine, BUCKET))) == 2


def test_refresh_sees_what_was_changed_behind_the_back_and_up_repairs_it(engine: Engine) -> None:
    """Drift: tampering shows in a refresh, and the next `up` restores what the program says."""
    engine.up(network)
    (vpc,) = engine.lab.world.objects(VPC)
    engine.lab.world.tamper(vpc.id, "enableDnsSupport", value=False)
    stack = engine.stack(network)
    assert stack.refresh().summary.resource_changes == {"same": 6, "update": 1}
    assert stack.up().summary.resource_changes == {"same": 6, "update": 1}
    (repaired,) = engine.lab.world.objects(VPC)
    assert repaired.outputs["enableDnsSupport"] is True


def test_refresh_sees_that_an_object_has_gone(engine: Engine) -> None:
    """An object deleted behind the program's back is created again."""
    engine.up(network)
    engine.lab.world.remove(engine.lab.world.objects(BUCKET)[0].seq)
    stack = engine.stack(network)
    stack.refresh()
    stack.up()
    assert len(ids(engine, BUCKET)) == 1


def test_an_existing_object_can_be_imported(engine: Engine) -> None:
    """What one stack made, another adopts by its id; nothing new is made."""

    def owner() -> None:
        aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", tags={"team": "core"})

    engine.up(owner)
    (vpc,) = engine.lab.world.objects(VPC)

    def adopter() -> None:
        options = pulumi.ResourceOptions(import_=vpc.id)
        aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16", tags={"team": "core"}, opts=options)

    result = engine.stack(adopter, name="adopter").up()
    assert result.summary.resource_changes == {"create": 1, "import": 1}
    assert ids(engine, VPC) == [vpc.id]


def test_regions_are_kept_apart_by_one_shared_server(engine: Engine) -> None:
    """Each provider instance has its own region, and a resource may name another."""

    def program() -> None:
        aws.kms.Key("here")
        aws.kms.Key("replica", region="ap-southeast-1")
        aws.kms.Key("west", opts=pulumi.ResourceOptions(provider=aws.Provider("west", region="eu-west-1")))
        aws.iam.Role("role", assume_role_policy="{}")

    engine.up(program)
    regions = sorted(found.region for found in engine.lab.world.objects("aws:kms/key:Key"))
    assert regions == ["ap-southeast-1", "eu-west-1", "us-east-1"]
    assert [found.region for found in engine.lab.world.objects("aws:iam/role:Role")] == [""]


def test_a_vpc_in_use_is_not_deleted(engine: Engine) -> None:
    """EC2 refuses to delete what something else still needs (DependencyViolation)."""

    def program(*, both: bool) -> None:
        if both:
            aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")

    engine.up(lambda: program(both=True), name="owner")
    (vpc,) = engine.lab.world.objects(VPC)
    engine.up(lambda: aws.ec2.Subnet("guest", vpc_id=vpc.id, cidr_block="10.0.0.0/24") and None, name="guest")
    with pytest.raises(CommandError, match="DependencyViolation"):
        engine.up(lambda: program(both=False), name="owner")


def test_a_global_cluster_waits_for_members_in_every_region(engine: Engine) -> None:
    """Taking the home region down before its secondaries is refused, and so is a secondary with a password."""

    def home() -> None:
        aws.rds.GlobalCluster("global", global_cluster_identifier="ledger", engine="aurora-postgresql")

    def member(**owned: Any) -> None:
        args: dict[str, Any] = {"engine": "aurora-postgresql", "global_cluster_identifier": "ledger", **owned}
        aws.rds.Cluster("ledger", skip_final_snapshot=True, **args)

    with pytest.raises(CommandError, match="GlobalClusterNotFoundFault"):
        engine.up(member, name="west", region="eu-west-1")
    engine.up(home, name="home")
    engine.up(member, name="east", region="us-east-1")
    with pytest.raises(CommandError, match="cannot specify masterUsername"):
        engine.up(lambda: member(master_username="owner"), name="west", region="eu-west-1")
    engine.up(member, name="west", region="eu-west-1")
    with pytest.raises(CommandError, match="is the primary of ledger, which has members in eu-west-1"):
        engine.stack(member, name="east", region="us-east-1").destroy()
    with pytest.raises(CommandError, match="DependencyViolation"):
        engine.stack(home, name="home").destroy()
    engine.stack(member, name="west", region="eu-west-1").destroy()
    engine.stack(member, name="east", region="us-east-1").destroy()
    engine.stack(home, name="home").destroy()
    assert engine.lab.world.objects() == []


def test_look_ups_answer_from_the_world(engine: Engine) -> None:
    """Who am I, which zones, and a policy document as IAM reads it."""

    def program() -> None:
        pulumi.export("account", aws.get_caller_identity_output().account_id)
        pulumi.export("zones", aws.get_availability_zones_output(state="available").names)
        statement = {
            "actions": ["s3:GetObject"],
            "resources": ["*"],
            "principals": [{"type": "AWS", "identifiers": ["*"]}],
        }
        pulumi.export("policy", aws.iam.get_policy_document_output(statements=[statement]).json)

    engine.up(program)
    outputs = engine.outputs()
    assert outputs["account"] == "123456789012"
    assert "us-east-1a" in outputs["zones"]
    assert '"Action": "s3:GetObject"' in outputs["policy"]


def test_tampering_with_what_is_not_there_says_so(engine: Engine) -> None:
    """A wrong id is a usage error, not a silent success."""
    with pytest.raises(UsageError, match="no object"):
        engine.lab.world.tamper("vpc-0", "tags.a", "b")
