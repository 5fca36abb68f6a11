"""Every difference between state and cloud has one cause, and what mends it stands beside it."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stacks.drift import Cause, Drifted, Grounds, judge
from stacks.drift_table import Kind, Row, Table, load_table
from stacks.moves import Move, Moves
from stacks.seen import Leaf, Seen, Sides, differences
from tests.stacks.graphs import FLEET

HOME, EU, GLOBAL = "aws-us-east-1", "aws-eu-west-1", "aws-global"
AWS = frozenset({"us-east-1", "eu-west-1", "ap-southeast-1"})
TABLE = load_table()
AWAY = Moves((Move("r1", "2026-11-20T00:00:00Z", AWS, to="eu-west-1"),))


def urn(type_: str, name: str = "it", component: str = "Database") -> str:
    """As the engine names a resource."""
    return f"urn:pulumi:s::aurops::aurops:index:{component}${type_}::{name}"


def judged(  # noqa: PLR0913 (a difference, and all that decides on it)
    type_: str,
    path: str,
    before: Any,
    after: Any,
    *,
    stack: str = HOME,
    is_told: bool = True,
    moves: Moves = Moves(),  # noqa: B008 (frozen)
    component: str = "Database",
    asked: bool = True,
    still: bool = False,
) -> Drifted | None:
    """What is said of one difference; None when it is passed over."""
    leaf = Leaf(path, before, after, is_told=is_told, is_asked=asked, is_still=still)
    seen = [Seen(urn(type_, component=component), type_, leaves=(leaf,))]
    found, passed_over = judge(stack, seen, Grounds(FLEET, TABLE, moves))
    assert len(found) + passed_over == 1
    return found[0] if found else None


def cause(*arguments: Any, **options: Any) -> Cause | None:
    """The cause alone."""
    found = judged(*arguments, **options)
    return found.cause if found else None


def commands(found: Drifted | None) -> list[str]:
    """What mends it."""
    assert found is not None
    return [mend.command for mend in found.mend]


def test_what_no_row_explains_was_changed_by_hand() -> None:
    """With the command that takes it back, and the key of the stack file that would keep it."""
    found = judged("aws:kms/key:Key", "deletionWindowInDays", 30, 7, component="Keys")
    assert found is not None
    assert (found.cause, found.before, found.after) == (Cause.HAND, "30", "7")
    assert commands(found) == [f"aurops up {HOME} --refresh"]
    assert found.keep == (f"stacks/Pulumi.{HOME}.yaml: aurops:region.keys.deletion_window_days",)


@pytest.mark.parametrize(
    ("type_", "path", "component", "key"),
    [
        ("aws:eks/nodeGroup:NodeGroup", "scalingConfig.minSize", "Nodes", "nodes.min_per_zone"),
        ("aws:rds/globalCluster:GlobalCluster", "deletionProtection", "Database", "protect"),
        ("aws:ec2/vpc:Vpc", "tags.owner", "Network", "tags"),
        ("gcp:storage/bucket:Bucket", "labels.owner", "Archive", "tags"),
        ("gcp:kms/cryptoKey:CryptoKey", "rotationPeriod", "Keys", "keys.rotation_period_days"),
        ("gcp:sql/databaseInstance:DatabaseInstance", "settings.tier", "Database", "database.vcpus"),
        ("azure-native:dbforpostgresql:Server", "sku.name", "Database", "database.vcpus"),
    ],
)
def test_the_key_that_keeps_a_change_is_the_one_that_decides_the_property(
    type_: str, path: str, component: str, key: str
) -> None:
    """Read from what was measured for `aurops compare`; of several the one that speaks of the same."""
    found = judged(type_, path, "1", "2", component=component)
    assert found is not None
    assert [each.partition("aurops:region.")[2] for each in found.keep] == [key]


def test_where_no_key_decides_none_is_invented() -> None:
    """The tag by which an object is found again, and a property that the component fixes."""
    for path in ('tags["aurops:urn"]', "publiclyAccessible"):
        found = judged("aws:rds/clusterInstance:ClusterInstance", path, "x", "y")
        assert found is not None
        assert (found.cause, found.keep) == (Cause.HAND, ())


def test_what_is_gone_says_whether_data_went_with_it() -> None:
    """A bucket comes back empty; a route is just made again."""
    seen = [Seen(urn(each), each, is_gone=True) for each in ("aws:s3/bucket:Bucket", "aws:ec2/route:Route")]
    found, _ = judge(HOME, seen, Grounds(FLEET, TABLE, Moves()))
    assert {each.cause for each in found} == {Cause.GONE}
    assert ["restored from a backup" in each.mend[0].does for each in found] == [True, False]


ROLES = [
    ("aws:rds/cluster:Cluster", "replicationSourceIdentifier", None, "arn:1", HOME),
    ("aws:elasticache/globalReplicationGroup:GlobalReplicationGroup", "primaryReplicationGroupId", "a", "b", HOME),
    ("azure-native:dbforpostgresql:Server", "replicationRole", "Primary", "AsyncReplica", "azure-eastus"),
    ("azure-native:dbforpostgresql:Server", "replica.role", None, "AsyncReplica", "azure-eastus"),
    ("azure-native:dbforpostgresql:VirtualEndpoint", "members", ["a"], ["b"], "azure-westeurope"),
    ("gcp:sql/databaseInstance:DatabaseInstance", "instanceType", None, "READ_REPLICA_INSTANCE", "gcp-us-central1"),
    ("gcp:sql/databaseInstance:DatabaseInstance", "masterInstanceName", "a", "b", "gcp-us-west1"),
    ("gcp:memorystore/instance:Instance", "crossInstanceReplicationConfig.instanceRole", None, "SECONDARY",
     "gcp-us-central1"),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "path", "before", "after", "stack"), ROLES)
@pytest.mark.parametrize("is_told", [True, False])
def test_a_role_that_moved_is_a_failovers_also_where_the_engine_passes_over_it(
    type_: str, path: str, before: Any, after: Any, stack: str, *, is_told: bool
) -> None:
    """Whatever the store knows: nothing else moves a role. Without a run, it says that somebody else did it."""
    found = judged(type_, path, before, after, stack=stack, is_told=is_told)
    assert found is not None
    assert found.cause is Cause.FAILOVER
    assert "no run in the store" in found.why
    assert commands(found) == ["aurops runs list", "aurops failback"]


MEMBERS = "globalClusterMembers"
GROUP = "aws:rds/globalCluster:GlobalCluster"


def members(writer: str, *others: str) -> list[dict[str, Any]]:
    """The members of a global cluster as the cloud lists them."""
    return [
        {"dbClusterArn": f"arn:aws:rds:{each}:1:cluster:c", "isWriter": each == writer, "readers": []}
        for each in (writer, *others)
    ]


def test_members_that_join_are_no_change_of_roles() -> None:
    """They join after the group was made, whose state knows none; only another writer, or one less, is a move."""
    born, left = members("us-east-1", "eu-west-1"), members("eu-west-1", "us-east-1")
    assert cause(GROUP, MEMBERS, [], born, is_told=False) is None
    assert cause(GROUP, MEMBERS, members("us-east-1"), born) is Cause.NOISE
    assert cause(GROUP, MEMBERS, [], left, is_told=False) is Cause.FAILOVER
    assert cause(GROUP, MEMBERS, born, left) is Cause.FAILOVER
    assert cause(GROUP, MEMBERS, born, members("us-east-1")) is Cause.FAILOVER
    assert cause(GROUP, f"{MEMBERS}[0].isWriter", before=True, after=False) is Cause.FAILOVER


def test_a_role_that_is_first_told_as_it_was_born_is_no_move() -> None:
    """Memorystore gives the home its role when the first secondary joins."""
    path = "crossInstanceReplicationConfig.instanceRole"
    kind = "gcp:memorystore/instance:Instance"
    assert cause(kind, path, None, "PRIMARY", stack="gcp-us-central1", is_told=False) is None
    assert cause(kind, path, None, "SECONDARY", stack="gcp-us-west1", is_told=False) is None
    assert cause(kind, path, None, "PRIMARY", stack="gcp-us-west1", is_told=False) is Cause.FAILOVER


WEIGHT = ("aws:route53/record:Record", "weightedRoutingPolicies", [{"weight": 100}], [{"weight": 0}])
COUNT = ("aws:ecs/service:Service", "desiredCount", 3, 9)


def test_weights_are_a_failovers_only_where_the_store_knows_of_one() -> None:
    """Else a person moved them, and neither `up` nor a refresh puts them back: the program leaves them alone."""
    found = judged(*WEIGHT, stack=GLOBAL, is_told=False)
    assert found is not None
    assert found.cause is Cause.HAND
    assert "set it back where it was changed" in found.mend[0].does
    away = judged(*WEIGHT, stack=GLOBAL, is_told=False, moves=AWAY)
    assert away is not None
    assert (away.cause, commands(away)[0]) == (Cause.FAILOVER, "aurops failback")
    assert "run r1, to eu-west-1" in away.why


def test_sizes_are_an_autoscalers_unless_the_store_knows_of_a_failover() -> None:
    """They change all day."""
    assert cause(*COUNT) is Cause.NOISE
    assert cause(*COUNT, is_told=False) is None
    assert cause(*COUNT, moves=AWAY) is Cause.FAILOVER


def test_a_failover_of_another_cloud_explains_nothing() -> None:
    """Azure's weights are not moved by what happened on AWS; the edge stands over all clouds."""
    weight = ("azure-native:trafficmanager:Endpoint", "weight", 1, 2)
    assert cause(*weight, stack="azure-global", moves=AWAY) is Cause.HAND
    assert cause(*WEIGHT, stack="edge", moves=AWAY) is Cause.FAILOVER


def test_a_run_that_has_not_ended_is_to_be_finished_first() -> None:
    """Whatever else could be done."""
    open_ = Moves((Move("r2", "2026-11-20T00:00:00Z", AWS, to="eu-west-1", is_open=True),))
    found = judged(*ROLES[0][:4], moves=open_)
    assert commands(found) == ["aurops runs resume r2"]


def test_after_a_failback_the_state_is_only_told() -> None:
    """Roles are home again; a refresh takes note. Weights and sizes that differ then are nobody's failover."""
    back = Moves((Move("r3", "2026-11-20T00:00:00Z", AWS, to="us-east-1"),))
    assert commands(judged(*ROLES[0][:4], moves=back)) == [f"aurops up {HOME} --refresh"]
    assert cause(*WEIGHT, stack=GLOBAL, moves=back) is Cause.HAND
    assert cause(*COUNT, moves=back) is Cause.NOISE


def test_a_failover_that_the_state_has_been_told_of_explains_no_later_change() -> None:
    """`up --refresh` took note of it; what differs now came after. An aborted one explains nothing."""
    noted = Moves(AWAY.all, {GLOBAL: "2026-11-21T00:00:00Z"})
    assert cause(*WEIGHT, stack=GLOBAL, moves=noted) is Cause.HAND
    undone = Moves((Move("r4", "2026-11-22T00:00:00Z", AWS, to="eu-west-1", is_undone=True),))
    assert cause(*WEIGHT, stack=GLOBAL, moves=undone) is Cause.HAND


def test_a_store_that_cannot_be_read_is_said_and_taken_for_no_answer() -> None:
    """It may be a failover's: whoever reads this must know that nobody could look."""
    found = judged(*WEIGHT, stack=GLOBAL, moves=Moves(unread="no answer"))
    assert found is not None
    assert "the store cannot be read: no answer" in found.why


POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}]}
SPELLED = {"Statement": [{"Resource": ["*"], "Action": "s3:GetObject", "Effect": "Allow"}], "Version": "2012-10-17"}
WIDER = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}]}
GROUP_ID = "/subscriptions/1/resourceGroups/a/providers/Microsoft.Network/natGateways/n"

SPELLINGS = [
    ("aws:iam/policy:Policy", "policy", json.dumps(POLICY), json.dumps(SPELLED, indent=2), Cause.NOISE),
    ("aws:iam/policy:Policy", "policy", json.dumps(POLICY), json.dumps(WIDER), Cause.HAND),
    ("aws:ecs/taskDefinition:TaskDefinition", "containerDefinitions", '[{"name":"a"}]',
     '[{"name":"a","cpu":0,"environment":[],"volumesFrom":[]}]', Cause.NOISE),
    ("aws:ecs/taskDefinition:TaskDefinition", "containerDefinitions", '[{"name":"a","essential":true}]',
     '[{"name":"a","essential":false}]', Cause.HAND),
    ("aws:rds/subnetGroup:SubnetGroup", "subnetIds", ["a", "b"], ["b", "a"], Cause.NOISE),
    ("aws:rds/subnetGroup:SubnetGroup", "subnetIds", ["a", "b"], ["b", "c"], Cause.HAND),
    ("aws:cloudfront/distribution:Distribution", "behaviours", ["a", "b"], ["b", "a"], Cause.HAND),
    ("azure-native:network:Subnet", "natGateway.id", GROUP_ID, GROUP_ID.lower(), Cause.NOISE),
    ("azure-native:network:Subnet", "natGateway.id", GROUP_ID, GROUP_ID + "2", Cause.HAND),
    ("azure-native:network:Subnet", "name", "Data", "data", Cause.HAND),
    ("azure-native:network:Subnet", "delegations", [], [], Cause.NOISE),
]  # fmt: skip


@pytest.mark.parametrize(("type_", "path", "before", "after", "expected"), SPELLINGS)
def test_the_same_in_another_spelling_is_noise_and_any_other_value_is_not(
    type_: str, path: str, before: Any, after: Any, expected: Cause
) -> None:
    """JSON documents, what a service fills in, order of sets, Azure's capitals; a wider policy stays by hand."""
    assert cause(type_, path, before, after, component="Network") is expected


def test_what_the_program_leaves_open_is_noise_until_the_cloud_says_something_else() -> None:
    """A default that the cloud filled in; the same property, changed since, was somebody's doing."""
    options = {"asked": False, "component": "Network"}
    assert cause("aws:ec2/vpc:Vpc", "instanceTenancy", None, "default", still=True, **options) is Cause.NOISE
    assert cause("aws:ec2/vpc:Vpc", "instanceTenancy", None, "dedicated", still=False, **options) is Cause.HAND


def test_a_secret_that_changed_is_by_hand_though_both_values_look_alike() -> None:
    """And is not taken for the provider's noise of equal values."""
    hidden = {"4dabf18193072939515e22adb298388d": "1b47", "ciphertext": "[secret]"}
    sides = Sides({"administratorLoginPassword": hidden}, {}), Sides({"administratorLoginPassword": dict(hidden)}, {})
    kind = "azure-native:dbforpostgresql:Server"
    seen = [Seen(urn(kind), kind, leaves=differences(*sides, ("administratorLoginPassword",)))]
    (found,), _ = judge("azure-eastus", seen, Grounds(FLEET, TABLE, Moves()))
    assert (found.cause, found.before, found.after) == (Cause.HAND, '"[secret]"', '"[secret]"')


_TYPES = st.sampled_from([*{row.type for row in TABLE.rows if "*" not in row.type}, "aws:x/y:Z", "gcp:x/y:Z"])
_PATHS = st.sampled_from([*{each for row in TABLE.rows for each in row.properties if each != "*"}, "other", "deep.er"])
_VALUES = st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["a", "/a", "[]", '{"a": 1}']) | st.lists(
    st.sampled_from(["a", "b"]), max_size=2
)  # fmt: skip
_LEAVES = st.builds(
    Leaf, _PATHS, _VALUES, _VALUES, is_told=st.booleans(), is_asked=st.booleans(), is_still=st.booleans()
)


@given(_TYPES, st.lists(_LEAVES, max_size=4), st.sampled_from(sorted(FLEET.stacks)), st.sampled_from([Moves(), AWAY]))
def test_nothing_is_lost_and_nothing_that_differs_by_value_is_silenced_by_a_general_row(
    type_: str, leaves: list[Leaf], stack: str, moves: Moves
) -> None:
    """Each difference is told or counted; what the engine tells is told; noise has a reason, all else a way on."""
    found, passed_over = judge(stack, [Seen(urn(type_), type_, leaves=tuple(leaves))], Grounds(FLEET, TABLE, moves))
    assert len(found) + passed_over == len(leaves)
    assert len(found) >= sum(leaf.is_told for leaf in leaves)
    for each in found:
        assert each.why
        assert bool(each.mend) is (each.cause is not Cause.NOISE)
    if type_.endswith("x/y:Z"):
        differing = [leaf for leaf in leaves if leaf.path in ("other", "deep.er") and leaf.is_told and leaf.is_asked]
        by_hand = [each.key for each in found if each.cause is Cause.HAND]
        scalars = [leaf for leaf in differing if isinstance(leaf.after, int) and leaf.before != leaf.after]
        assert len(by_hand) >= len(scalars)


def test_the_first_row_that_fits_counts() -> None:
    """A team's row stands before ours."""
    row = Row(
        type="aws:kms/key:Key", properties=("deletionWindowInDays",), kind=Kind.CLOUD, reason="ours", source="us",
        since=date(2026, 11, 28),
    )  # fmt: skip
    leaf = Leaf("deletionWindowInDays", 30, 7, is_told=True, is_asked=True, is_still=False)
    assert Table((row, *TABLE.rows)).row_for("aws:kms/key:Key", leaf) is row
