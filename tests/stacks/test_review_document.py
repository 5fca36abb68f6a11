"""The JSON of a review keeps the schema that readers are given."""

from __future__ import annotations

import json
import os

import pytest
from hypothesis import given, settings
from jsonschema import Draft202012Validator

from stacks.changes import Op
from stacks.review import Review
from stacks.review_document import FILE, document, text
from tests.stacks.reviews import CLUSTER, REVIEWS, ROLE, change, preview

SCHEMA = json.loads(text())


def test_the_schema_in_the_repository_is_the_one_of_this_code() -> None:
    """A change of it is made on purpose (AUROPS_ACCEPT=1): whoever reads the JSON goes by it."""
    if os.environ.get("AUROPS_ACCEPT"):
        FILE.write_text(text())
    assert FILE.read_text() == text(), "AUROPS_ACCEPT=1 writes it anew; does it break readers? then `schema` grows"


@settings(max_examples=30)
@given(REVIEWS)
def test_every_document_keeps_the_schema_and_has_no_key_beside_it(review: Review) -> None:
    """Whatever names and values there are; it is JSON."""
    made = json.loads(json.dumps(document(review)))
    strict = json.loads(json.dumps(SCHEMA))
    for part in [strict, *strict["$defs"].values()]:
        if part.get("type") == "object":
            part["additionalProperties"] = False
    assert [error.message for error in Draft202012Validator(strict).iter_errors(made)] == []


@pytest.mark.parametrize("key", ["schema", "stacks", "findings", "dangers"])
def test_a_document_without_a_key_is_none(key: str) -> None:
    """The schema does check."""
    made = document(Review([]))
    del made[key]
    assert not Draft202012Validator(SCHEMA).is_valid(made)


def test_dangers_and_noise_are_told_to_programs_too() -> None:
    """What the comment says first, and what it folds."""
    weak = change(Op.UPDATE, "weak", CLUSTER, ("backupRetentionPeriod", "14", "7"))
    later = change(Op.UPDATE, "later", ROLE, ("x", '"1"', '"(known after up)"'))
    made = document(Review([preview("aws-us-east-1", weak, later)], is_lab=True))
    (danger,) = made["dangers"]
    assert (danger["kind"], danger["urn"]) == ("guarded less", weak.urn)
    assert danger["reasons"] == [
        {"key": "backupRetentionPeriod", "before": "14", "after": "7", "says": "backups are kept shorter"}
    ]
    assert {each["name"]: each["noise"] is None for each in made["stacks"][0]["changes"]} == {
        "weak": True,
        "later": False,
    }
    assert made["is_lab"] is True


def test_the_same_change_is_the_same_document_each_time() -> None:
    """The engine's order is another one in each run, and the lab's providers lie in another folder."""
    weak = change(Op.REPLACE, "weak", CLUSTER, ("databaseName", '"a"', '"b"'))
    others = [change(Op.UPDATE, name, ROLE, ("x", '"1"', '"2"')) for name in ("b", "a", "c")]
    lab = "using pulumi-resource-{0} from $PATH at /home/x/{1}/bin/pulumi-resource-{0}"
    one, two = (
        Review([preview("aws-us-east-1", *changes, warnings=warnings)], is_lab=True)
        for changes, warnings in (
            ([weak, *others], ("late", lab.format("aws", "one"), lab.format("gcp", "one"))),
            ([*reversed(others), weak], (lab.format("gcp", "two"), lab.format("aws", "two"), "late")),
        )
    )
    assert document(one) == document(two)
    assert document(one)["stacks"][0]["warnings"] == [
        "late",
        "using pulumi-resource-aws from $PATH",
        "using pulumi-resource-gcp from $PATH",
    ]
    on_cloud = preview("aws-us-east-1", warnings=(lab.format("aws", "one"),))
    assert "/home/x/one/bin" in document(Review([on_cloud]))["stacks"][0]["warnings"][0]
