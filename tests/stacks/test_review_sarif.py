"""What policy found is SARIF that code scanning takes, and each result is found again in the next run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from jsonschema import Draft4Validator

from aurops.errors import UsageError
from stacks.review import Review
from stacks.review_sarif import lines_of, sarif
from tests.stacks.reviews import REVIEWS, finding, preview

# The official schema (OASIS, errata 01), without its descriptions.
VALIDATOR = Draft4Validator(json.loads((Path(__file__).parent / "data" / "sarif-2.1.0.json").read_text()))
HOME = "aws-us-east-1"
FILES = {HOME: (Path(__file__).parents[2] / "stacks" / f"Pulumi.{HOME}.yaml").read_text()}


def run_of(review: Review) -> dict[str, Any]:
    """The only run, of a log that keeps the schema."""
    log = json.loads(json.dumps(sarif(review, FILES, "0.1.0")))
    assert [error.message for error in VALIDATOR.iter_errors(log)] == []
    (run,) = log["runs"]
    return dict(run)


@settings(max_examples=30)
@given(REVIEWS)
def test_every_log_keeps_the_schema(review: Review) -> None:
    """Whatever names, sentences and URNs there are."""
    assert len(run_of(review)["results"]) == len(review.findings or ())


def test_a_result_points_at_the_part_of_the_stack_file_that_makes_the_resource() -> None:
    """The component in the URN is a key of the file; where none is known, the file's first line."""
    run = run_of(Review([], [finding(HOME, "db"), finding("aws-eu-west-1", "db")]))
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert [(place["artifactLocation"]["uri"], place["region"]["startLine"]) for place in places] == [
        ("stacks/Pulumi.aws-eu-west-1.yaml", 1),
        (f"stacks/Pulumi.{HOME}.yaml", lines_of(FILES[HOME])["database"]),
    ]
    assert FILES[HOME].splitlines()[lines_of(FILES[HOME])["database"] - 1] == "    database:"


def test_a_result_is_told_apart_by_rule_stack_and_resource_alone() -> None:
    """Another sentence or order is the same result; another resource is another."""

    def prints(*found: Any) -> set[str]:
        return {each["partialFingerprints"]["primaryLocationLineHash"] for each in run_of(Review([], found))["results"]}

    assert prints(finding(HOME, "db")) == prints(finding(HOME, "db", "another sentence", waived=True))
    assert len(prints(finding(HOME, "db"), finding(HOME, "cache"), finding("aws-eu-west-1", "db"))) == 3


def test_a_waiver_is_a_suppression_with_who_why_and_until() -> None:
    """The result stays, suppressed; one without a waiver is not."""
    waived, open_ = run_of(Review([], [finding(HOME, "a", waived=True), finding(HOME, "b")]))["results"]
    assert [each["justification"] for each in waived["suppressions"]] == [
        "the data team until 2031-05-01: it moves next week"
    ]
    assert open_["suppressions"] == []
    assert open_["level"] == "error"


def test_a_rule_comes_with_its_help() -> None:
    """Once, with why, how to mend it and the control."""
    (rule,) = run_of(Review([], [finding(HOME, "a"), finding(HOME, "b")]))["tool"]["driver"]["rules"]
    assert rule["id"] == "customer-key"
    for part in ("Others could read it", "Mend: Set kms_key_id", "Serves: SOC 2 CC6.1"):
        assert part in rule["help"]["text"]


def test_a_stack_that_failed_makes_the_run_no_success() -> None:
    """An empty list of results would otherwise read as a clean bill."""
    run = run_of(Review([preview(HOME, error=UsageError("no such zone"))], []))
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False
    assert "no such zone" in invocation["toolExecutionNotifications"][0]["message"]["text"]
    assert run_of(Review([preview(HOME)], []))["invocations"][0]["executionSuccessful"] is True
