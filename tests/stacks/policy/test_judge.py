"""What policy says of previews: findings, waivers, rules that fail, and what nobody can judge yet."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest

from aurops.errors import OutsideError
from stacks.changes import Change, Changes, Declared, Op
from stacks.policy.judge import EXPIRED, FAILED, GONE, OWN, judge
from stacks.policy.pack import Pack
from stacks.policy.rules import Check, Waiting
from stacks.preview import StackPreview
from stacks.review import Rule, Waiver
from tests.stacks.policy.conftest import ROOT, TODAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stacks.policy.resource import Resource

STACK, DATABASE = "aws-us-east-1", "aws:rds/cluster:Cluster"
RULE = Rule("small", "t", "w", "m", "c")
WAIVER = Waiver("small", STACK, "db", "platform", "until it is moved", TODAY)


def urn(name: str, type_: str = DATABASE) -> str:
    """The URN of a resource of the stack."""
    return f"urn:pulumi:{STACK}::aurops::{type_}::{name}"


def previewed(*names: str, changes: tuple[Change, ...] = ()) -> StackPreview:
    """A preview that declares these databases, and would do these changes."""
    seen = Changes(by_urn={each.urn: each for each in changes})
    for name in names:
        seen.declared[urn(name)] = Declared(urn(name), DATABASE, {"name": name})
    return StackPreview(STACK, seen, 1.0)


def no_small(resource: Resource) -> Iterator[str | Waiting]:
    """A rule against whatever is called small, which cannot see what is called later."""
    if resource.name in ("small", "db"):
        yield "it is small"
        yield "it is not large"
    if resource.name == "later":
        yield Waiting("name")


def pack(*checks: Check) -> Pack:
    """A pack of these rules."""
    return Pack(ROOT / "tests" / "stacks", checks or (Check(RULE, alone=no_small),), 366)


def test_all_that_is_wrong_with_a_resource_is_one_finding() -> None:
    """One finding a rule and resource, with everything that is wrong; what is right is not told."""
    (finding,) = judge(pack(), (), [previewed("small", "large")], {STACK}, TODAY).findings
    assert (finding.rule.id, finding.stack, finding.name, finding.type) == ("small", STACK, "small", DATABASE)
    assert finding.what == "it is small; it is not large"
    assert finding.waiver is None


def test_a_waived_finding_is_told_with_its_waiver() -> None:
    """On its last day a waiver still counts; the finding stays in the list."""
    (finding,) = judge(pack(), (WAIVER,), [previewed("db")], {STACK}, TODAY).findings
    assert finding.waiver == WAIVER


def test_an_expired_waiver_allows_nothing_and_is_a_finding_itself() -> None:
    """The day after, both the violation and the waiver are told, and neither is waived."""
    verdict = judge(pack(), (WAIVER,), [previewed("db")], {STACK}, TODAY + timedelta(days=1))
    assert [(each.rule.id, each.waiver) for each in verdict.findings] == [("small", None), (EXPIRED.id, None)]
    assert f"it ended on {TODAY}" in verdict.findings[1].what


def test_of_two_waivers_the_one_that_lasts_counts() -> None:
    """A renewed waiver may stand beside the one that it follows, which is then a finding."""
    longer = replace(WAIVER, until=TODAY + timedelta(days=9))
    verdict = judge(pack(), (WAIVER, longer), [previewed("db")], {STACK}, TODAY + timedelta(days=1))
    assert verdict.findings[0].waiver == longer
    assert [each.rule.id for each in verdict.findings] == ["small", EXPIRED.id]


@pytest.mark.parametrize(
    ("waiver", "says"),
    [
        (replace(WAIVER, rule="nothing"), "there is no rule 'nothing'"),
        (replace(WAIVER, resource="gone"), "the stack has no 'gone'"),
        (replace(WAIVER, stack="aws-mars-1"), "there is no stack 'aws-mars-1'"),
    ],
)
def test_a_waiver_for_what_is_gone_is_a_finding(waiver: Waiver, says: str) -> None:
    """For a rule, a resource or a stack that nobody has any more; it must be taken out."""
    (finding,) = judge(pack(), (waiver,), [previewed("large")], {STACK}, TODAY).findings
    assert finding.rule == GONE
    assert says in finding.what
    assert (finding.stack, finding.urn, finding.name) == (waiver.stack, "", "")


def test_a_waiver_of_a_stack_that_was_not_previewed_is_left_alone() -> None:
    """Nobody knows what that stack has."""
    other = replace(WAIVER, stack="aws-eu-west-1", resource="gone")
    assert judge(pack(), (other,), [previewed("large")], {STACK, "aws-eu-west-1"}, TODAY).findings == []


def test_a_waiver_that_allows_nothing_now_is_a_note() -> None:
    """It is for a rule and a resource that exist, and nothing is wrong: no finding, but said."""
    verdict = judge(pack(), (replace(WAIVER, resource="large"),), [previewed("large")], {STACK}, TODAY)
    assert verdict.findings == []
    assert verdict.notes == (f"A waiver allows nothing now: small for large in {STACK}.",)


def test_what_only_an_up_will_tell_is_counted_and_no_violation() -> None:
    """A value that is unknown makes no finding; the notes say how many resources wait, by rule."""
    verdict = judge(pack(), (), [previewed("later", "large")], {STACK}, TODAY)
    assert verdict.findings == []
    assert verdict.notes == ("Policy cannot judge yet what only an `up` will tell, resources by rule: small 1.",)


def test_a_stack_whose_preview_failed_is_not_judged_and_that_is_said() -> None:
    """Half of a stack would look as if the other half were missing."""
    failed = replace(previewed("small"), error=OutsideError("no engine"))
    verdict = judge(pack(), (WAIVER,), [failed], {STACK}, TODAY)
    assert verdict.findings == []
    assert verdict.notes == (f"Policy says nothing of {STACK}: the preview failed.",)


def broken(_: Resource) -> list[str]:
    """A rule with a bug."""
    raise KeyError("region")


def leaving(_: Resource) -> list[str]:
    """A rule that ends the program as if all were well."""
    sys.exit(0)


def odd(_: Resource) -> Iterator[str | Waiting]:
    """A rule that first says something, then what no rule may say."""
    yield "it is wrong"
    yield None  # type: ignore[misc]


@pytest.mark.parametrize(
    ("look", "says"),
    [
        (broken, "KeyError: 'region' (tests/stacks/policy/test_judge.py, line"),
        (leaving, "SystemExit: 0 ("),
        (odd, "TypeError: a rule says sentences or Waiting, not NoneType"),
    ],
)
def test_a_rule_that_fails_is_a_finding_that_no_waiver_allows(look: Check, says: str) -> None:
    """The finding names rule, resource, error and place; a waiver of the rule does not hide it; others still judge."""
    checks = (Check(RULE, alone=look), Check(replace(RULE, id="other"), alone=no_small))  # type: ignore[arg-type]
    findings = judge(pack(*checks), (WAIVER,), [previewed("db")], {STACK}, TODAY).findings
    (failure,) = [each for each in findings if each.rule == FAILED]
    assert (failure.name, failure.waiver) == ("db", None)
    assert failure.what.startswith(f"rule small failed on it: {says}")
    assert "other" in {each.rule.id for each in findings}


def test_the_loss_of_data_needs_a_waiver_for_what_is_lost(pack: Pack) -> None:
    """The repository's own rule: a deleted database is against it, though nothing declares it any more."""
    lost = previewed(changes=(Change(urn("db"), DATABASE, Op.DELETE),))
    (finding,) = judge(pack, (), [lost], {STACK}, TODAY).findings
    assert (finding.rule.id, finding.what) == ("keeps-data", "it would be deleted")
    allowed = replace(WAIVER, rule="keeps-data")
    (finding,) = judge(pack, (allowed,), [lost], {STACK}, TODAY).findings
    assert finding.waiver == allowed


def test_the_rules_about_policy_itself_are_named_apart(pack: Pack) -> None:
    """No rule of the pack has the id of one of ours: a waiver could be meant for either."""
    assert not {each.id for each in OWN} & {check.rule.id for check in pack.checks}
    assert date(2026, 11, 28) == TODAY
