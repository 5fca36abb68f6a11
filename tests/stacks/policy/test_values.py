"""What the engine marks as unknown or secret is a mark in a rule's eyes, and never told."""

from __future__ import annotations

from typing import Any

import pytest
from pulumi_policy import proxy

from stacks.changes import Declared
from stacks.policy.resource import resources
from stacks.policy.values import SECRET, UNKNOWN, at, marked, shown
from stacks.values import SECRET_MARK, UNKNOWN_MARK

SECRET_VALUE = {SECRET_MARK: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "[secret]"}


def test_the_engines_marks_become_ours() -> None:
    """Unknown and secret values are marks wherever they are; numbers without a fraction are integers again."""
    value = {"a": UNKNOWN_MARK, "b": [SECRET_VALUE, 7.0, 0.5], "c": {"d": "[secret]", "e": "plain"}}
    assert marked(value) == {"a": UNKNOWN, "b": [SECRET, 7, 0.5], "c": {"d": SECRET, "e": "plain"}}


def test_every_unknown_of_the_policy_sdk_is_known_here() -> None:
    """The SDK's own list of marks: a new one would be taken for a value."""
    marks = [value for name, value in vars(proxy).items() if name.startswith("UNKNOWN_")]
    assert len(marks) == 7
    assert all(marked(each) is UNKNOWN for each in marks)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b", 1),
        ("list.0.x", "first"),
        ("list.5.x", None),
        ("list.x", None),
        ("a.b.c", None),
        ("hidden.anything.below", SECRET),
        ("none.below", None),
    ],
)
def test_a_path_leads_to_a_value_to_nothing_or_to_a_mark(path: str, value: Any) -> None:
    """What is inside of something that cannot be seen cannot be seen."""
    inputs = {"a": {"b": 1}, "list": [{"x": "first"}], "hidden": SECRET, "none": None}
    assert at(inputs, path) == value


def test_a_sentence_tells_no_secret_and_no_end_of_text() -> None:
    """Marks are told by their word, long values are cut."""
    assert shown({"password": SECRET, "later": UNKNOWN}) == '{"password": "[secret]", "later": "[known after up]"}'
    assert len(shown("x" * 500)) == 80


def test_a_resource_knows_its_stack_its_component_and_its_provider() -> None:
    """From the URN and from the provider that the engine names."""
    provider = Declared("urn:pulumi:s::p::pulumi:providers:aws::main", "pulumi:providers:aws", {"region": "eu-west-1"})
    urn = "urn:pulumi:s::p::aurops:index:Archive$aws:s3/bucket:Bucket::it"
    (bucket, _) = resources([Declared(urn, "aws:s3/bucket:Bucket", {}, provider=provider.urn), provider])
    assert (bucket.stack, bucket.name, bucket.inside) == ("s", "it", ("aurops:index:Archive",))
    assert bucket.provider == {"region": "eu-west-1"}
