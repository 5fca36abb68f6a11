"""What `aurops preview` prints and how it ends, from previews that are made up."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from aurops.errors import AnswerIsNoError, AuropsError, OutsideError, UsageError
from runbooks.preview import FailOn, conclude, uncertified
from stacks.changes import Change, Changes, Difference, Op
from stacks.config import load
from stacks.preview import StackPreview, with_upstream
from stacks.review import Baseline, Finding, Orphan, Review, Rule, Waiver
from stacks.review_document import document
from stacks.review_text import text

HOME, EU, GLOBAL = "aws-us-east-1", "aws-eu-west-1", "aws-global"
FLEET = load(Path(__file__).parents[2] / "stacks")
LOST = Change(
    "urn:pulumi:s::aurops::aws:rds/cluster:Cluster::db",
    "aws:rds/cluster:Cluster",
    Op.REPLACE,
    ("databaseName",),
    ("databaseName",),
    (Difference("databaseName", '"ledger"', '"journal"'),),
    protected=True,
)


def made(
    stack: str, *changes: Change, error: AuropsError | None = None, exported: tuple[str, ...] = ()
) -> StackPreview:
    """A preview with these changes."""
    seen = Changes({change.urn: change for change in changes}, same=3, exported=exported)
    return StackPreview(stack, seen, 1.25, error=error)


def test_the_summary_comes_first_then_what_would_be_lost() -> None:
    """A row for each stack; then each loss with stack, operation, name, type, cause, and that `up` would refuse."""
    lines = text(Review([made(HOME, LOST), made(EU)]), diff=False).splitlines()
    assert lines[0].split() == ["STACK", "create", "update", "replace", "delete", "same", "seconds"]
    assert [line.split() for line in lines[1:3]] == [
        [HOME, "0", "0", "1", "0", "3", "1.2"],
        [EU, "0", "0", "0", "0", "3", "1.2"],
    ]
    loss = next(line for line in lines if "replace  db" in line)
    assert HOME in loss
    assert "aws:rds/cluster:Cluster because of databaseName; protected" in loss
    assert "→" not in "\n".join(lines)


def test_details_come_only_when_asked_for() -> None:
    """`--diff` shows the values before and after."""
    assert 'databaseName: "ledger" → "journal"  (forces the replacement)' in text(Review([made(HOME, LOST)]), diff=True)


def test_readers_of_a_stack_are_told_what_of_it_would_change() -> None:
    """Of the stacks previewed together, those that read another's inventory name its paths that would change."""
    previews = with_upstream(FLEET, [made(HOME, exported=("inventory.cache.group",)), made(EU), made(GLOBAL)])
    assert {each.stack: dict(each.upstream) for each in previews} == {
        HOME: {},
        EU: {HOME: ("cache.group",)},
        GLOBAL: {HOME: ("cache.group",)},
    }
    said = text(Review(previews), diff=False)
    assert "Values of other stacks are those of their last `up`." in said
    assert f"{EU} reads {HOME}, which would then export other values: cache.group" in said


def test_every_failure_is_said_once_and_the_command_ends_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    """The rows of the others stand; two stacks that fail for one reason are one failure; usage comes first."""
    outside, usage = OutsideError("no backend"), UsageError("wrong value")
    previews = [made(HOME, error=outside), made(EU, error=OutsideError("no backend")), made(GLOBAL, error=usage)]
    with pytest.raises(UsageError):
        conclude(Review(previews), None)
    assert capsys.readouterr().err.count("no backend") == 1
    assert text(Review(previews), diff=False).count("failed") == 3


def test_fail_on_counts_losses_and_nothing_else() -> None:
    """Exit 1 exactly when something that holds data would be replaced or deleted and the option was given."""
    role = Change("urn::r", "aws:iam/role:Role", Op.REPLACE)
    conclude(Review([made(HOME, role)]), FailOn.STATEFUL_REPLACE)
    conclude(Review([made(HOME, LOST)]), None)
    with pytest.raises(AnswerIsNoError) as caught:
        conclude(Review([made(HOME, LOST)]), FailOn.STATEFUL_REPLACE)
    assert f"{HOME}: db" in str(caught.value)


RULE = Rule("customer-key", "Data is encrypted with our key", "else others read it", "set kms_key_id", "SOC 2 CC6.1")
WAIVER = Waiver("customer-key", HOME, "db", "the data team", "it moves next week", date(2031, 5, 1))
FINDINGS = (
    Finding(RULE, HOME, LOST.urn, LOST.type, "kmsKeyId is not set"),
    Finding(RULE, EU, "urn:pulumi:s::aurops::t::old", "t", "kmsKeyId is not set", WAIVER),
)
BASELINE = Baseline("origin/main", "c0ffee" * 6 + "c0de", is_warm=True, seconds=0.5)


def test_what_policy_found_is_said_with_the_way_to_mend_it_and_waived_is_said_too() -> None:
    """Nothing without policy; else what is against it, by stack, rule and resource; then who allowed what."""
    assert "policy" not in text(Review([made(HOME)]), diff=False)
    lines = text(Review([made(HOME, LOST), made(EU)], FINDINGS), diff=False).splitlines()
    first = lines.index("1 against policy, 1 waived")
    assert [line.strip() for line in lines[first + 1 : first + 4]] == [
        f"{HOME}  customer-key  db: kmsKeyId is not set",
        "set kms_key_id",
        f"{EU}  customer-key  old: kmsKeyId is not set; waived by the data team until 2031-05-01: it moves next week",
    ]


def test_who_brings_an_edge_up_is_told_that_no_stack_makes_its_certificates() -> None:
    """By name, where something of it comes up; an edge of which something only changes is left alone."""
    names = [record.name for record in FLEET.stacks["edge"].edge.records]  # type: ignore[union-attr]
    born = Change("urn:pulumi:edge::aurops::t::name", "aws:route53/record:Record", Op.CREATE)
    (note,) = uncertified(FLEET, [made("edge", born), made(HOME, born)])
    assert note.startswith(f"edge: no stack makes certificates for {', '.join(names)}: before users call them")
    assert not list(uncertified(FLEET, [made("edge", Change(born.urn, born.type, Op.UPDATE))]))


def test_stacks_without_a_preview_are_said_with_the_reason() -> None:
    """A stack left out, a stack removed, and what all was compared with."""
    said = text(
        Review([], left_out=[EU], removed=[GLOBAL], baseline=BASELINE, notes=["The clone is shallow."]), diff=False
    )
    assert f"{EU}   left out" in said
    assert f"{GLOBAL}      its file is gone; what it has up stays up" in said
    assert "Compared with origin/main (c0ffeec0ffee)." in said
    assert "The clone is shallow." in said


ORPHAN = Orphan(GLOBAL, LOST.urn, LOST.type, protected=True)


def test_data_in_a_stack_that_is_removed_is_a_danger_of_its_own() -> None:
    """It is named before all else, and `--fail-on` counts it: it stays up, and nothing manages it any more."""
    review = Review([made(HOME)], removed=[GLOBAL], orphans=[ORPHAN])
    said = text(review, diff=False)
    assert f"  {GLOBAL}  db  {LOST.type}" in said
    assert said.index("ORPHANED") < said.index("Nothing that holds data would be replaced")
    conclude(review, None)
    with pytest.raises(AnswerIsNoError, match="orphaned") as caught:
        conclude(review, FailOn.STATEFUL_REPLACE)
    assert f"{GLOBAL}: db" in str(caught.value)


def test_a_finding_without_a_resource_leaves_no_gap_and_no_name_moves_a_terminal() -> None:
    """A stale waiver is about no resource; what a program calls its resources is written out."""
    stale = Finding(RULE, HOME, "", "", "it ended on 2026-01-01")
    evil = Finding(RULE, HOME, "urn:x::\x1b[2Jdb\nAll is well", "aws:rds/cluster:Cluster", "it is not")
    told = text(Review([made(HOME)], [stale, evil]), diff=False).splitlines()
    assert f"  {HOME}  customer-key: it ended on 2026-01-01" in told
    assert f"  {HOME}  customer-key  \\x1b[2Jdb\\nAll is well: it is not" in told
    assert not [line for line in told if line != line.rstrip()]
    with pytest.raises(AnswerIsNoError) as caught:
        conclude(Review([made(HOME)], [stale]), None)
    assert caught.value.where == f"{HOME}: customer-key"


def test_what_is_against_policy_is_a_no_unless_it_is_waived() -> None:
    """Exit 1 with stack, rule and name."""
    conclude(Review([made(HOME)], FINDINGS[1:]), None)
    with pytest.raises(AnswerIsNoError) as caught:
        conclude(Review([made(HOME)], FINDINGS), None)
    assert f"{HOME}: customer-key db" in str(caught.value)
    assert EU not in str(caught.value)


WEAK = Change(
    "urn:pulumi:s::aurops::aws:rds/cluster:Cluster::weak",
    "aws:rds/cluster:Cluster",
    Op.UPDATE,
    ("backupRetentionPeriod",),
    (),
    (Difference("backupRetentionPeriod", "14", "7"),),
)


def test_an_update_that_guards_data_less_is_said_with_its_values() -> None:
    """Beside the losses, of which it is none."""
    lines = text(Review([made(HOME, WEAK)]), diff=False).splitlines()
    at = lines.index("1 would be moved, guarded less or unprotected:")
    assert lines[at - 1] == "Nothing that holds data would be replaced or deleted."
    assert lines[at + 1] == (
        f"  {HOME}  guarded less  weak  aws:rds/cluster:Cluster: backups are kept shorter: backupRetentionPeriod 14 → 7"
    )


def test_any_danger_makes_the_answer_no_when_that_is_asked_for() -> None:
    """`--fail-on danger` is met by what `stateful-replace` lets pass, and by a loss as well."""
    conclude(Review([made(HOME, WEAK)]), FailOn.STATEFUL_REPLACE)
    conclude(Review([made(HOME)]), FailOn.DANGER)
    for change in (WEAK, LOST):
        with pytest.raises(AnswerIsNoError) as caught:
            conclude(Review([made(HOME, change)]), FailOn.DANGER)
        assert f"{HOME}: {change.name}" in str(caught.value)


def test_the_document_has_the_documented_keys() -> None:
    """Every key of the JSON stands in docs/preview.md."""
    review = Review([made(HOME, LOST, error=OutsideError("x"))], FINDINGS, baseline=BASELINE, orphans=[ORPHAN])
    whole = json.loads(json.dumps(document(review)))
    (stack,) = whole["stacks"]
    described = (Path(__file__).parents[2] / "docs" / "preview.md").read_text()
    keys = {*whole, *stack, *stack["changes"][0], *stack["changes"][0]["differences"][0], *stack["error"]}
    keys |= {*whole["baseline"], *whole["findings"][1], *whole["findings"][1]["waiver"], *whole["findings"][0]["rule"]}
    keys |= {*whole["orphans"][0]}
    assert {key for key in keys if f"`{key}`" not in described and f'"{key}"' not in described} == set()
    assert (whole["schema"], stack["error"]["exit_code"], stack["losses"]) == (1, 3, [LOST.urn])
