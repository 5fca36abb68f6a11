"""The same rules under the engine's own policy host (`pulumi preview --policy-pack ci/policy`).

A rule becomes up to two policies: `<id>`, asked about each resource before it is made, and `<id>-in-stack`, asked at
the end. What is waived is told by the policy `waived`, which is advice and stops nothing; `waivers` tells which of them
are expired or for what is gone. The engine shows a policy pack no steps, so rules about changes are not among them.
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

import pulumi_policy
from pulumi_policy import policy as sdk

from aurops.clock import RealClock
from stacks.policy.judge import Leave, ask, found
from stacks.policy.pack import load
from stacks.policy.resource import Resource, Siblings
from stacks.policy.values import marked
from stacks.policy.waivers import read

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date
    from pathlib import Path

    from pulumi_policy import Policy, ReportViolation, ResourceValidationArgs, StackValidationArgs

    from stacks.policy.judge import Question
    from stacks.policy.pack import Pack
    from stacks.policy.rules import Check
    from stacks.review import Finding, Waiver

NAME = "aurops"
MANDATORY, ADVISORY = pulumi_policy.EnforcementLevel.MANDATORY, pulumi_policy.EnforcementLevel.ADVISORY


def serve(folder: Path) -> None:
    """Serve the pack in a folder until the engine is done with it.

    Raises:
        UsageError: Rules or waivers cannot be read.
    """
    pack = load(folder)
    today = RealClock().wall().date()
    hand_over_marks()
    judge = EngineJudge(pack, read(pack.waivers, today, pack.longest_waiver_days), today)
    pulumi_policy.PolicyPack(NAME, list(judge.policies()), enforcement_level=MANDATORY)


def hand_over_marks() -> None:
    """Let policies see what is unknown or secret as our marks.

    By itself the SDK hands secrets over as plain text, so that a message could tell one, and raises an error where a
    value is unknown, so that nothing else of the resource is judged.
    """
    for name, ours in (("deserialize_properties", _marked), ("unknown_checking_proxy", _as_it_is)):
        if not hasattr(sdk, name):
            raise TypeError(f"this release of pulumi-policy has no {name}: secrets could be told")
        setattr(sdk, name, ours)


def _marked(properties: dict[str, Any], *_: Any, **__: Any) -> Any:
    return marked(properties)


def _as_it_is(properties: Any) -> Any:
    return properties


class EngineJudge:
    """Keeps what the engine showed of each resource: at the end it shows outputs, and rules are about inputs.

    Args:
        pack: The rules.
        waivers: Who may break which.
        today: Of the caller's clock.
    """

    def __init__(self, pack: Pack, waivers: tuple[Waiver, ...], today: date) -> None:
        self._pack = pack
        self._waivers = waivers
        self._today = today
        self._seen: dict[str, Resource] = {}
        self._findings: list[Finding] = []
        self._waiting: Counter[str] = Counter()

    def policies(self) -> Iterator[Policy]:
        """All policies; the engine asks them in this order."""
        yield pulumi_policy.ResourceValidationPolicy("seen", "Takes note of each resource.", self._note)
        for check in self._pack.checks:
            if check.alone:
                yield pulumi_policy.ResourceValidationPolicy(
                    check.rule.id, check.rule.title, partial(self._alone, check), **_told(check)
                )
            if check.together:
                yield pulumi_policy.StackValidationPolicy(
                    f"{check.rule.id}-in-stack", check.rule.title, partial(self._together, check), **_told(check)
                )
        yield pulumi_policy.StackValidationPolicy(
            "waivers", "Every waiver is needed, and not past its day.", self._stale
        )
        yield pulumi_policy.StackValidationPolicy(
            "waived", "What somebody allowed for a while, and what only an up will tell.", self._rest, ADVISORY
        )

    def _note(self, args: ResourceValidationArgs, _: ReportViolation) -> None:
        self._seen[args.urn] = Resource(
            args.urn,
            args.resource_type,
            args.props,
            args.opts.protect,
            args.provider.props if args.provider else {},
        )

    def _alone(self, check: Check, args: ResourceValidationArgs, report: ReportViolation) -> None:
        resource = self._seen[args.urn]
        if check.alone:
            self._hear(check, resource, partial(check.alone, resource), report)

    def _together(self, check: Check, args: StackValidationArgs, report: ReportViolation) -> None:
        seen = self._still_there(args)
        for resource in seen.resources:
            if check.together:
                self._hear(check, resource, partial(check.together, resource, seen), report)

    def _still_there(self, args: StackValidationArgs) -> Siblings:
        return Siblings(tuple(self._seen[each.urn] for each in args.resources if each.urn in self._seen))

    def _hear(self, check: Check, about: Resource, question: Question, report: ReportViolation) -> None:
        answer = ask(question, self._pack.folder)
        self._waiting[check.rule.id] += bool(answer.waiting)
        for finding in found(check.rule, about, answer, Leave.of(about.stack, self._waivers, self._today)):
            self._findings.append(finding)
            if finding.waiver is None:
                report(f"{finding.what}\n{finding.rule.mend}", about.urn)

    def _stale(self, args: StackValidationArgs, report: ReportViolation) -> None:
        seen = self._still_there(args)
        rules = {check.rule.id for check in self._pack.checks}
        # What a waiver lets go is not among what is there.
        losses = {check.rule.id for check in self._pack.checks if check.change}
        waivers = [each for each in self._waivers if each.rule not in losses]
        for stack in {each.stack for each in seen.resources}:
            leave = Leave.of(stack, waivers, self._today)
            for _, finding in leave.stale(rules, {each.name for each in seen.resources}):
                report(f"{finding.rule.id}: {finding.what}\n{finding.rule.mend}", None)

    def _rest(self, _: StackValidationArgs, report: ReportViolation) -> None:
        for each in self._findings:
            if each.waiver:
                waived = f"waived by {each.waiver.who} until {each.waiver.until}: {each.waiver.why}"
                report(f"{each.rule.id}: {each.what}; {waived}", each.urn)
        waiting = {rule: count for rule, count in sorted(self._waiting.items()) if count}
        if waiting:
            told = ", ".join(f"{rule} {count}" for rule, count in waiting.items())
            report(f"not judged yet, because only an up will tell, resources by rule: {told}", None)
        # An `up` is asked twice: when it previews, and when it is done.
        self._findings.clear()
        self._waiting.clear()


def _told(check: Check) -> dict[str, Any]:
    return {"display_name": check.rule.id, "remediation_steps": check.rule.mend, "tags": check.rule.control.split("; ")}
