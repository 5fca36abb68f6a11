"""Objects of lost creates are found: all types of the fleet, by tag or by what identifies them."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.stub import Stubber
from moto.server import ThreadedMotoServer

from aurops.clock import ManualClock
from runbooks.finders import LabFinder
from stacks.lookup import import_ids
from stacks.lookup.aws import AwsFinder, import_id
from stacks.lookup.clouds import CloudFinder
from stacks.lookup.finder import CannotSayError, LostCreate
from testbeds.lab.kubernetes import rules
from testbeds.lab.world import NewObject, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.components.graph import Graph

VPC = "aws:ec2/vpc:Vpc"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def lost(type_: str, *, region: str = "us-east-1", **inputs: object) -> LostCreate:
    """A lost create of a type."""
    return LostCreate(f"urn:pulumi:dev::aurops::{type_}::it", type_, inputs, region)


def tagged(type_: str, value: str = "dev::it", **inputs: object) -> LostCreate:
    """One whose object would carry the tag."""
    return lost(type_, tags={"aurops:urn": value}, **inputs)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """An empty world."""
    made = World(tmp_path / "world.sqlite")
    yield made
    made.close()


@pytest.fixture(scope="module")
def session() -> Iterator[boto3.Session]:
    """AWS as moto plays it."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        host, port = server.get_host_and_port()
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        yield boto3.Session(region_name="us-east-1")
    server.stop()


@pytest.fixture
def aws(session: boto3.Session) -> AwsFinder:
    """A finder that looks once."""
    return AwsFinder(session)


def test_every_type_of_the_fleet_can_be_looked_for(graphs: dict[str, Graph], world: World) -> None:
    """In the lab none is beyond finding; for real clouds each has a tag, an identity, or a look-up of its own."""
    real = AwsFinder(boto3.Session(region_name="us-east-1"))
    seen = set()
    for graph in graphs.values():
        for node in graph.nodes:
            if node.custom and node.type.startswith(("aws:", "kubernetes:")):
                each = LostCreate(node.urn, node.type, node.inputs, "us-east-1")
                # The program leaves names to the provider, whose Check has filled them in by the time of a create.
                named = LostCreate(node.urn, node.type, {"name": "x", **node.inputs}, "us-east-1")
                LabFinder(world).find(named)
                derived = import_ids.from_inputs(named.type, named.inputs)
                if (each.tag or derived is None) and "Validation" not in node.type:
                    assert real._look(each)
                seen.add(node.type)
    assert len(seen) > 60


@pytest.mark.parametrize(
    ("type_", "inputs", "expected"),
    [
        ("aws:ec2/route:Route", {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"}, "rtb-1_0.0.0.0/0"),
        ("aws:ec2/route:Route", {"routeTableId": "rtb-1", "destinationIpv6CidrBlock": "::/0"}, "rtb-1_::/0"),
        ("aws:ec2/route:Route", {"routeTableId": "rtb-1"}, None),
        (
            "aws:ec2/routeTableAssociation:RouteTableAssociation",
            {"subnetId": "subnet-1", "routeTableId": "rtb-1"},
            "subnet-1/rtb-1",
        ),
        ("aws:iam/rolePolicy:RolePolicy", {"role": "r", "name": "p"}, "r:p"),
        ("aws:route53/record:Record", {"zoneId": "Z1", "name": "dev", "type": "NS"}, "Z1_dev_NS"),
        (
            "aws:route53/record:Record",
            {"zoneId": "Z1", "name": "dev", "type": "NS", "setIdentifier": "eu"},
            "Z1_dev_NS_eu",
        ),
        ("kubernetes:core/v1:Namespace", {"metadata": {"name": "fleet"}}, "fleet"),
        ("kubernetes:core/v1:Service", {"metadata": {"name": "app", "namespace": "fleet"}}, "fleet/app"),
        ("kubernetes:core/v1:Service", {"metadata": {"generateName": "app-"}}, None),
        ("aws:kms/alias:Alias", {"name": {"4dabf18193072939515e22adb298388d": "secret"}}, None),
    ],
)
def test_an_identity_has_the_form_that_import_takes(type_: str, inputs: dict[str, object], expected: str) -> None:
    """As in the Import section of each type; inputs that do not give it give none."""
    assert import_ids.from_inputs(type_, inputs) == expected


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:ec2:us-east-1:1:vpc/vpc-1", "vpc-1"),
        ("arn:aws:s3:::my-bucket", "my-bucket"),
        ("arn:aws:kms:us-east-1:1:key/12-34", "12-34"),
        ("arn:aws:rds:us-east-1:1:cluster:db", "db"),
        ("arn:aws:logs:us-east-1:1:log-group:/aws/eks/x", "/aws/eks/x"),
        ("arn:aws:eks:us-east-1:1:nodegroup/c/g/8-4", "c:g"),
        ("arn:aws:eks:us-east-1:1:podidentityassociation/c/a-1", "c,a-1"),
        ("arn:aws:ecs:us-east-1:1:cluster/web", "web"),
        ("arn:aws:ecs:us-east-1:1:service/web/pay", "web/pay"),
        ("arn:aws:route53:::hostedzone/Z1", "Z1"),
        ("arn:aws:elasticache:us-east-1:1:replicationgroup:rg", "rg"),
        (
            "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/web/1f",
            "arn:aws:elasticloadbalancing:us-east-1:1:loadbalancer/app/web/1f",
        ),
        (
            "arn:aws:secretsmanager:us-east-1:1:secret:db-a1b2c3",
            "arn:aws:secretsmanager:us-east-1:1:secret:db-a1b2c3",
        ),
    ],
)
def test_an_arn_gives_what_import_takes(arn: str, expected: str) -> None:
    """Identifier, name, parts or the ARN itself, as the type's Import section says."""
    assert import_id(arn) == expected


def test_the_lab_and_the_lookup_agree_on_what_lives_in_no_namespace() -> None:
    """The lab stands on its own, so there are two lists: a kind in one of them only would be looked for in vain."""
    assert rules.CLUSTER_WIDE == import_ids.CLUSTER_WIDE


def test_the_lab_finds_by_tag_and_by_identity(world: World) -> None:
    """Only objects of the type; without a tag only those in the region whose inputs identify them."""
    tags = {"aurops:urn": "dev::it"}
    route = {"routeTableId": "rtb-1", "destinationCidrBlock": "0.0.0.0/0"}
    world.add(NewObject(VPC, "us-east-1", "vpc-1", {}, {}, tags))
    world.add(NewObject("aws:ec2/subnet:Subnet", "us-east-1", "subnet-1", {}, {}, tags))
    world.add(NewObject("aws:ec2/route:Route", "us-east-1", "r-1", route, {}, {}))
    world.add(NewObject("aws:ec2/route:Route", "us-west-2", "r-2", route, {}, {}))
    finder = LabFinder(world)
    assert finder.find(tagged(VPC)) == ("vpc-1",)
    assert finder.find(lost("aws:ec2/route:Route", **route)) == ("r-1",)
    assert finder.find(lost("aws:ec2/route:Route", **route | {"routeTableId": "rtb-2"})) == ()
    with pytest.raises(CannotSayError, match="no rule"):
        finder.find(lost("aws:ec2/placementGroup:PlacementGroup", name="group"))


def test_aws_finds_by_tag(session: boto3.Session, aws: AwsFinder) -> None:
    """The tagging API of the object's region; both of two, none of none."""
    ec2 = session.client("ec2")
    spec = [{"ResourceType": "vpc", "Tags": [{"Key": "aurops:urn", "Value": "dev::it"}]}]
    made = [ec2.create_vpc(CidrBlock="10.0.0.0/16", TagSpecifications=spec)["Vpc"]["VpcId"] for _ in range(2)]
    assert sorted(aws.find(tagged(VPC))) == sorted(made)
    assert aws.find(tagged(VPC, "dev::other")) == ()
    assert aws.find(LostCreate("urn", VPC, {"tags": {"aurops:urn": "dev::it"}}, "us-west-2")) == ()


def test_aws_adopts_no_role_of_somebody_else(session: boto3.Session, aws: AwsFinder) -> None:
    """A role is looked up by name, and is ours only with our tag."""
    iam = session.client("iam")
    iam.create_role(RoleName="mine", AssumeRolePolicyDocument=TRUST, Tags=[{"Key": "aurops:urn", "Value": "dev::it"}])
    iam.create_role(RoleName="yours", AssumeRolePolicyDocument=TRUST)
    role = "aws:iam/role:Role"
    assert aws.find(tagged(role, name="mine")) == ("mine",)
    assert aws.find(tagged(role, name="nobodys")) == ()
    with pytest.raises(CannotSayError, match="not tagged"):
        aws.find(tagged(role, name="yours"))


def test_a_tag_goes_before_a_name(session: boto3.Session) -> None:
    """A global database that has the right name and not our tag is somebody else's: a person must look."""
    session.client("rds").create_global_cluster(GlobalClusterIdentifier="theirs", Engine="aurora-postgresql")
    finder = CloudFinder(ManualClock(start_s=1000.0))
    database = "aws:rds/globalCluster:GlobalCluster"
    assert finder.find(tagged(database, globalClusterIdentifier="nobodys")) == ()
    with pytest.raises(CannotSayError, match="not tagged"):
        finder.find(tagged(database, globalClusterIdentifier="theirs"))
    assert finder.find(lost(database, globalClusterIdentifier="bare")) == ("bare",)


def stubbed(service: str) -> tuple[Stubber, AwsFinder]:
    """One service that answers as it is told, where moto knows no tags, and a finder that asks it."""
    client = boto3.client(service, "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106
    return Stubber(client), AwsFinder(SimpleNamespace(client=lambda *_, **__: client))  # type: ignore[arg-type]


def test_a_global_database_with_our_tag_is_ours() -> None:
    """It is looked up by its name, because it lives in no region that could be asked for tags."""
    stub, finder = stubbed("rds")
    found = {"GlobalClusterIdentifier": "pay", "TagList": [{"Key": "aurops:urn", "Value": "dev::it"}]}
    with stub:
        stub.add_response("describe_global_clusters", {"GlobalClusters": [found]}, {"GlobalClusterIdentifier": "pay"})
        assert finder.find(tagged("aws:rds/globalCluster:GlobalCluster", globalClusterIdentifier="pay")) == ("pay",)


@pytest.mark.parametrize("owner", ["dev::it", "dev::other", None])
def test_a_scalable_target_is_ours_only_with_our_tag(owner: str | None) -> None:
    """It is looked up by what it scales, and identified as import wants it; an untagged one is not adopted."""
    stub, finder = stubbed("application-autoscaling")
    given = {"serviceNamespace": "ecs", "resourceId": "service/c/s", "scalableDimension": "ecs:service:DesiredCount"}
    arn = "arn:aws:application-autoscaling:us-east-1:123456789012:scalable-target/1"
    about = {"ServiceNamespace": "ecs", "ResourceId": "service/c/s", "ScalableDimension": "ecs:service:DesiredCount"}
    sizes = {"MinCapacity": 1, "MaxCapacity": 2, "RoleARN": "arn:role", "CreationTime": 0, "ScalableTargetARN": arn}
    asked = {**about, "ResourceIds": ["service/c/s"]}
    del asked["ResourceId"]
    with stub:
        stub.add_response("describe_scalable_targets", {"ScalableTargets": [{**about, **sizes}]}, asked)
        tags = {"aurops:urn": owner} if owner else {}
        stub.add_response("list_tags_for_resource", {"Tags": tags}, {"ResourceARN": arn})
        target = tagged("aws:appautoscaling/target:Target", **given)
        if owner == "dev::it":
            assert finder.find(target) == ("ecs/service/c/s/ecs:service:DesiredCount",)
        else:
            with pytest.raises(CannotSayError, match="not tagged"):
                finder.find(target)
        stub.assert_no_pending_responses()


def test_aws_finds_versions_of_a_secret(session: boto3.Session, aws: AwsFinder) -> None:
    """They have neither tag nor a name of ours."""
    secrets = session.client("secretsmanager")
    arn = secrets.create_secret(Name="db")["ARN"]
    version = secrets.put_secret_value(SecretId=arn, SecretString="drawn")["VersionId"]
    found = aws.find(lost("aws:secretsmanager/secretVersion:SecretVersion", secretId=arn))
    assert found == (f"{arn}|{version}",)


@pytest.mark.usefixtures("session")
def test_aws_looks_again_before_it_says_no() -> None:
    """The tagging API shows an object some time after it was made: half a minute passes first, once for all."""
    clock = ManualClock(start_s=1000.0)
    finder = CloudFinder(clock)
    for value in ("dev::late", "dev::later"):
        assert finder.find(tagged(VPC, value)) == ()
        assert 1030 <= clock.now_s() < 1040


def test_what_aws_does_not_answer_is_unknown_and_never_no(aws: AwsFinder) -> None:
    """A refused call, or a type without tag and rule, is not an answer."""
    with pytest.raises(CannotSayError):
        aws.find(lost("aws:ec2/placementGroup:PlacementGroup", name="group"))
    with pytest.raises(CannotSayError):
        aws.find(lost("aws:secretsmanager/secretVersion:SecretVersion", secretId="arn:none"))
    with pytest.raises(CannotSayError, match="no rule"):
        CloudFinder().find(lost("random:index/randomPet:RandomPet"))
