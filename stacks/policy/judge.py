"""Judges what stacks declare, and what would happen to them, by the rules of a pack and its waivers. Pure.

A rule that fails is a finding: what nobody could judge has not passed. Its answer is *no* (exit code 1) and not a bug
of aurops (70), because rules are the team's own code, and whoever reads a pull request must see it among the other
findings, with the rule and the resource.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from stacks.policy.pack import place_of
from stacks.policy.resource import Siblings, resources
from stacks.policy.rules import Waiting
from stacks.review import Finding, Rule
from stacks.values import masked

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from datetime import date
    from pathlib import Path

    from stacks.changes import Change
    from stacks.policy.pack import Pack
    from stacks.policy.resource import Resource
    from stacks.policy.rules import Check
    from stacks.preview import StackPreview
    from stacks.review import Waiver

    Question = Callable[[], Iterable[str | Waiting]]

FAILED = Rule(
    id="rule-failed",
    title="Every rule can be asked about every resource.",
    why="What could not be judged has not passed.",
    mend="Mend the rule in ci/policy; its file and line stand in the finding.",
    control="NIST SP 800-53 CA-7; ISO/IEC 27001 A.8.29",
)
EXPIRED = Rule(
    id="waiver-expired",
    title="No waiver is past its last day.",
    why="A leave that nobody renews is one that nobody decided again.",
    mend="Mend what it allowed and take it out of ci/policy/waivers.yaml, or have it given again with another day.",
    control="NIST SP 800-53 CA-5; ISO/IEC 27001 A.5.36",
)
GONE = Rule(
    id="waiver-gone",
    title="Every waiver is for a rule, a stack and a resource that exist.",
    why="A leave for what is gone would hold for whatever gets the same name.",
    mend="Take it out of ci/policy/waivers.yaml, or put the name right.",
    control="NIST SP 800-53 CA-5; ISO/IEC 27001 A.5.36",
)
OWN = (FAILED, EXPIRED, GONE)
"""Rules about the policy itself. No waiver allows to break them."""


@dataclass(frozen=True)
class Answer:
    """What one rule says of one resource.

    Args:
        violations: What is wrong, a sentence each.
        waiting: Properties that it would have to see.
        failure: What the rule itself died of, with its place; None when it did not.
    """

    violations: tuple[str, ...] = ()
    waiting: tuple[str, ...] = ()
    failure: str | None = None


def ask(question: Question, folder: Path) -> Answer:
    """Hear a rule out, also one that fails.

    Args:
        question: Calls the rule.
        folder: The pack's, for the place of a failure.
    """
    said: list[str | Waiting] = []
    failure = None
    try:
        for each in question():
            if not isinstance(each, str | Waiting):
                raise TypeError(f"a rule says sentences or Waiting, not {type(each).__name__}")  # noqa: TRY301
            said.append(each)
    # The team's code: whatever it ends by is an answer, and never silence; `sys.exit(0)` would look like a pass.
    except (Exception, SystemExit) as error:  # noqa: BLE001
        failure = masked(f"{type(error).__name__}: {error} ({place_of(error, folder)})")
    return Answer(
        tuple(masked(each) for each in said if isinstance(each, str)),
        tuple(each.path for each in said if isinstance(each, Waiting)),
        failure,
    )


@dataclass(frozen=True)
class Leave:
    """The waivers of one stack.

    Args:
        stack: The stack.
        given: Its waivers.
        today: Of the caller's clock.
    """

    stack: str
    given: tuple[Waiver, ...]
    today: date

    @classmethod
    def of(cls, stack: str, waivers: Iterable[Waiver], today: date) -> Leave:
        """The waivers of a stack, among those of all."""
        return cls(stack, tuple(each for each in waivers if each.stack == stack), today)

    def for_(self, rule: str, resource: str) -> Waiver | None:
        """The waiver that allows it, the one that ends last; None when nobody does."""
        fit = [each for each in self.given if (each.rule, each.resource) == (rule, resource)]
        valid = [each for each in fit if each.until >= self.today]
        return max(valid, key=lambda each: each.until, default=None)

    def stale(self, rules: Collection[str], names: Collection[str]) -> Iterator[tuple[Waiver, Finding]]:
        """What is wrong with them: rule or resource gone, or past their day.

        Args:
            rules: Ids of the rules that there are.
            names: Names of the resources that the stack has, or would lose.
        """
        for each in self.given:
            if each.rule not in rules:
                yield each, _stale(GONE, each, f"there is no rule {each.rule!r}")
            elif each.resource not in names:
                yield each, _stale(GONE, each, f"the stack has no {each.resource!r}")
            elif each.until < self.today:
                yield each, _stale(EXPIRED, each, f"it ended on {each.until}")


def _stale(rule: Rule, waiver: Waiver, what: str) -> Finding:
    whole = f"the waiver of {waiver.rule} for {waiver.resource} by {waiver.who} ({waiver.why}): {what}"
    return Finding(rule, waiver.stack, "", "", whole)


@dataclass
class Verdict:
    """What policy says.

    Args:
        findings: Violations, waived ones included, in the order of stacks and rules.
        waiting: By rule's id: how many resources it cannot judge before an `up`.
        unused: Waivers of judged stacks that allow nothing now.
        unjudged: Stacks whose previews failed: nothing is said of them.
    """

    findings: list[Finding] = field(default_factory=list)
    waiting: Counter[str] = field(default_factory=Counter)
    unused: list[Waiver] = field(default_factory=list)
    unjudged: list[str] = field(default_factory=list)

    @property
    def notes(self) -> tuple[str, ...]:
        """What else a reader must know, a sentence each."""
        notes = []
        if self.unjudged:
            notes.append(f"Policy says nothing of {', '.join(self.unjudged)}: the preview failed.")
        if self.waiting:
            rules = ", ".join(f"{rule} {count}" for rule, count in sorted(self.waiting.items()))
            notes.append(f"Policy cannot judge yet what only an `up` will tell, resources by rule: {rules}.")
        notes += [
            f"A waiver allows nothing now: {each.rule} for {each.resource} in {each.stack}." for each in self.unused
        ]
        return tuple(notes)


def judge(
    pack: Pack, waivers: Sequence[Waiver], previews: Sequence[StackPreview], fleet: Collection[str], today: date
) -> Verdict:
    """Judge previewed stacks.

    Args:
        pack: The rules.
        waivers: Who may break which.
        previews: What was previewed.
        fleet: Names of all stacks, previewed or not.
        today: Of the caller's clock.
    """
    verdict = Verdict()
    for each in previews:
        if each.error:
            verdict.unjudged.append(each.stack)
        else:
            _judge_stack(pack, Leave.of(each.stack, waivers, today), each, verdict)
    strays = [each for each in waivers if each.stack not in fleet]
    verdict.findings += [_stale(GONE, each, f"there is no stack {each.stack!r}") for each in strays]
    return verdict


def _judge_stack(pack: Pack, leave: Leave, preview: StackPreview, verdict: Verdict) -> None:
    # In the order of URNs: the engine's own is another one each time.
    seen = Siblings(resources(each for _, each in sorted(preview.changes.declared.items())))
    used: set[Waiver] = set()
    for check in pack.checks:
        for about, answer in answers(pack, check, seen, preview.changes.changes):
            verdict.waiting[check.rule.id] += bool(answer.waiting)
            for finding in found(check.rule, about, answer, leave):
                verdict.findings.append(finding)
                used |= {finding.waiver} if finding.waiver else set()
    names = {each.name for each in seen.resources} | {each.name for each in preview.changes.changes}
    for waiver, finding in leave.stale({check.rule.id for check in pack.checks}, names):
        verdict.findings.append(finding)
        used.add(waiver)
    verdict.unused += [each for each in leave.given if each not in used]
    verdict.waiting = +verdict.waiting


def answers(
    pack: Pack, check: Check, seen: Siblings, changes: Iterable[Change]
) -> Iterator[tuple[Resource | Change, Answer]]:
    """What a rule says of each resource of a stack, and of each change, where it says anything."""
    for about, question in _questions(check, seen, changes):
        answer = ask(question, pack.folder)
        if answer != Answer():
            yield about, answer


def _questions(check: Check, seen: Siblings, changes: Iterable[Change]) -> Iterator[tuple[Resource | Change, Question]]:
    for resource in seen.resources:
        if check.alone:
            yield resource, partial(check.alone, resource)
        if check.together:
            yield resource, partial(check.together, resource, seen)
    if check.change:
        for change in changes:
            yield change, partial(check.change, change)


def found(rule: Rule, about: Resource | Change, answer: Answer, leave: Leave) -> Iterator[Finding]:
    """The findings of an answer: one for all that is wrong with the resource, one for a rule that failed."""
    if answer.violations:
        what, waiver = "; ".join(answer.violations), leave.for_(rule.id, about.name)
        yield Finding(rule, leave.stack, about.urn, about.type, what, waiver)
    if answer.failure:
        what = f"rule {rule.id} failed on it: {answer.failure}"
        yield Finding(FAILED, leave.stack, about.urn, about.type, what)
