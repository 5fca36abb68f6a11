"""Every change that loses, moves or exposes data is a danger, the worst first, and no other is."""

from __future__ import annotations

from stacks.changes import Op
from stacks.dangers import Danger, Kind, dangers, dangers_of
from tests.stacks.reviews import BUCKET, CLUSTER, ROLE, change, preview

SUBNET = "aws:ec2/subnet:Subnet"
KEYS = "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"


def found(*previews: object) -> list[tuple[str, str, str]]:
    """Kind, stack and name of each danger."""
    return [(each.kind.value, each.stack, each.change.name) for each in dangers(previews)]  # type: ignore[arg-type]


def only(one: Danger) -> tuple[Kind, list[tuple[str, str | None, str | None, str]]]:
    """Kind and reasons."""
    return one.kind, [(each.key, each.before, each.after, each.says) for each in one.reasons]


def test_the_worst_comes_first_then_stack_and_name() -> None:
    """Deletions, replacements, moves, weaker settings, lifted protection; whatever order the engine had."""
    b = preview(
        "b",
        change(Op.UNPROTECT, "lifted", unprotected=True),
        change(Op.UPDATE, "weak", CLUSTER, ("backupRetentionPeriod", "14", "7")),
        change(Op.REPLACE, "net", SUBNET, ("cidrBlock", '"a"', '"b"')),
        change(Op.REPLACE, "z", CLUSTER, ("kmsKeyId", '"a"', '"b"')),
        change(Op.REPLACE, "a", CLUSTER, ("kmsKeyId", '"a"', '"b"')),
    )
    c = preview("c", change(Op.DELETE, "gone", BUCKET))
    assert found(b, c) == [
        ("deleted", "c", "gone"),
        ("replaced", "b", "a"),
        ("replaced", "b", "z"),
        ("moved", "b", "net"),
        ("guarded less", "b", "weak"),
        ("unprotected", "b", "lifted"),
    ]


def test_what_is_no_danger_is_none() -> None:
    """Creations, other updates, a role that goes, a subnet of a zone that goes: nothing stands in it."""
    harmless = (
        change(Op.CREATE, "new"),
        change(Op.UPDATE, "tags", CLUSTER, ("tags.team", None, '"core"')),
        change(Op.REPLACE, "role", ROLE, ("name", '"a"', '"b"')),
        change(Op.DELETE, "net", SUBNET),
    )
    assert found(preview("a", *harmless)) == []


def test_a_danger_says_which_value_makes_it() -> None:
    """Also one deep inside a list, an object that appears, or a whole rule that is taken away."""
    rules = '[{"expiration": {"days": 30}, "status": "Enabled"}]'
    (appears,) = dangers_of("s", change(Op.UPDATE, "a", BUCKET, ("rules", None, rules)))
    assert only(appears) == (Kind.WEAKENED, [("rules[0].expiration.days", None, "30", "objects are deleted by age")])
    (rule,) = dangers_of("s", change(Op.UPDATE, "a", BUCKET, ("retentionPolicy", '{"retentionPeriod": "10"}', None)))
    assert only(rule)[1] == [("retentionPolicy.retentionPeriod", '"10"', None, "records are kept shorter")]
    (loss,) = dangers_of("s", change(Op.REPLACE, "a", CLUSTER, ("databaseName", '"x"', '"y"')))
    assert only(loss) == (Kind.REPLACED, [("databaseName", '"x"', '"y"', "")])


def test_a_setting_that_is_a_resource_of_its_own_counts_when_it_goes_alone() -> None:
    """A bucket's encryption that is deleted is a danger; with the bucket of that name, the bucket says it all."""
    gone = change(Op.DELETE, "archive", KEYS)
    assert found(preview("a", gone)) == [("guarded less", "a", "archive")]
    assert found(preview("a", gone, change(Op.DELETE, "archive", BUCKET))) == [("deleted", "a", "archive")]
    assert found(preview("a", gone), preview("b", change(Op.DELETE, "archive", BUCKET)))[0][1] == "b"
    assert len(found(preview("a", gone), preview("b", change(Op.DELETE, "archive", BUCKET)))) == 2


def test_protection_counts_only_against_a_loss() -> None:
    """`up` refuses to replace or delete what is protected; an update of it goes through."""
    lost = change(Op.REPLACE, "a", CLUSTER, ("kmsKeyId", '"a"', '"b"'), protected=True)
    weak = change(Op.UPDATE, "b", CLUSTER, ("backupRetentionPeriod", "14", "7"), protected=True)
    assert [(each.change.name, each.refused) for each in dangers([preview("s", lost, weak)])] == [
        ("a", True),
        ("b", False),
    ]
