"""What policy says of a change as SARIF 2.1.0 (OASIS), which code scanning reads. Pure."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from stacks.values import masked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from stacks.preview import StackPreview
    from stacks.review import Finding, Review, Rule

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_KEY = re.compile(r"^ {4}(\w+):")
_COMPONENT = re.compile(r"\baurops:index:(\w+)")


def sarif(review: Review, files: Mapping[str, str], version: str) -> dict[str, Any]:
    """The log of one run.

    Args:
        review: The review; policy was asked.
        files: By stack: the text of its file, to point at the line that the finding is about.
        version: Of aurops.
    """
    findings = sorted(review.findings or (), key=lambda each: (each.rule.id, each.stack, each.urn, each.what))
    rules = {each.rule.id: each.rule for each in findings}
    places = {stack: lines_of(text) for stack, text in files.items()}
    driver = {"name": "aurops", "version": version, "rules": [_rule(rule) for rule in rules.values()]}
    run = {
        "tool": {"driver": driver},
        "automationDetails": {"id": "aurops/policy/"},
        "invocations": [_invocation(review.previews)],
        "columnKind": "unicodeCodePoints",
        "results": [_result(each, list(rules).index(each.rule.id), places) for each in findings],
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def lines_of(text: str) -> dict[str, int]:
    """By key of the stack's configuration: the line that it stands in, from 1."""
    found: dict[str, int] = {}
    for number, each in enumerate(text.splitlines(), 1):
        if match := _KEY.match(each):
            found.setdefault(match[1], number)
    return found


def _rule(rule: Rule) -> dict[str, Any]:
    says = f"{rule.why}\n\nMend: {rule.mend}\n\nServes: {rule.control}"
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": says},
        "defaultConfiguration": {"level": "error"},
        "properties": {"tags": ["infrastructure", rule.control]},
    }


def _result(finding: Finding, index: int, places: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    named = f"{finding.name} in {finding.stack}" if finding.urn else finding.stack
    print_ = sha256(f"{finding.rule.id}|{finding.stack}|{finding.urn or finding.what}".encode()).hexdigest()
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "kind": "fail",
        "level": "error",
        "message": {"text": masked(f"{named}: {finding.what}")},
        "locations": [_location(finding, places.get(finding.stack, {}))],
        # GitHub tells results apart by the first alone; by line, all findings about one stack would be one.
        "partialFingerprints": {"primaryLocationLineHash": f"{print_[:16]}:1", "auropsResource/v1": print_},
        "suppressions": list(_suppressions(finding)),
    }


def _location(finding: Finding, places: Mapping[str, int]) -> dict[str, Any]:
    """The part of the stack's file that makes the component, else its first line."""
    noun = match[1].lower() if (match := _COMPONENT.search(finding.urn)) else ""
    place = {"uri": f"stacks/Pulumi.{finding.stack}.yaml"}
    physical = {"artifactLocation": place, "region": {"startLine": places.get(noun, 1)}}
    if not finding.urn:
        return {"physicalLocation": physical}
    logical = {"name": finding.name, "fullyQualifiedName": finding.urn, "kind": "resource"}
    return {"physicalLocation": physical, "logicalLocations": [logical]}


def _suppressions(finding: Finding) -> Iterator[dict[str, str]]:
    if waiver := finding.waiver:
        why = masked(f"{waiver.who} until {waiver.until.isoformat()}: {waiver.why}")
        yield {"kind": "external", "status": "accepted", "justification": why}


def _invocation(previews: Sequence[StackPreview]) -> dict[str, Any]:
    """A stack that failed was not judged: the run is not a success."""
    failed = [each for each in previews if each.error]
    told = [
        {"level": "error", "message": {"text": masked(f"{each.stack} could not be previewed: {each.error}")}}
        for each in failed
    ]
    return {"executionSuccessful": not failed, "toolExecutionNotifications": told}
