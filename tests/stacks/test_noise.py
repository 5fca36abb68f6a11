"""Noise is told apart by its reason, and nothing that a reviewer must see is among it."""

from __future__ import annotations

import pytest

from stacks.changes import Change, Changes, Op
from stacks.dangers import dangers
from stacks.noise import Noise, expected_warning, noise
from tests.stacks.reviews import CLUSTER, ROLE, change, preview

UNKNOWN = '"(known after up)"'
CAUSE = change(Op.CREATE, "cause")


def reasons(*changes: Change) -> dict[str, Noise]:
    """Reason by name."""
    dangerous = {each.change.urn for each in dangers([preview("s", *changes)])}
    found = noise(Changes({each.urn: each for each in changes}), dangerous)
    return {each.name: found[each.urn] for each in changes if each.urn in found}


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (change(Op.CREATE, "a", "aurops:index:Database"), Noise.COMPONENT),
        (change(Op.UPDATE, "a", "pulumi:providers:aws", ("version", '"7.1"', '"7.2"')), Noise.PROVIDER_VERSION),
        (
            change(Op.UPDATE, "a", ROLE, ("tagsAll.x", '"a"', '"b"'), ('tags["aurops:urn"]', '"a"', '"b"')),
            Noise.COMPUTED_TAGS,
        ),
        (change(Op.UPDATE, "a", ROLE, ("settings.userLabels.aurops-urn", '"a"', '"b"')), Noise.COMPUTED_TAGS),
        (
            change(Op.UPDATE, "a", ROLE, ("policy", r'"{\"a\": 1, \"b\": [2]}"', r'"{\"b\":[2],\"a\":1}"')),
            Noise.SAME_JSON,
        ),
        (change(Op.UPDATE, "a", ROLE, ("x", '"1"', UNKNOWN), ("y", None, UNKNOWN)), Noise.CASCADE),
    ],
    ids=lambda each: getattr(each, "name", None),
)
def test_each_noise_has_its_reason(one: Change, reason: Noise) -> None:
    """Beside something else that changes."""
    assert reasons(one, CAUSE) == {"a": reason}


@pytest.mark.parametrize(
    "one",
    [
        change(Op.UPDATE, "a", "pulumi:providers:gcp", ("project", '"a"', '"b"'), ("version", '"1"', '"2"')),
        change(Op.UPDATE, "a", ROLE, ("tags.team", '"a"', '"b"')),
        change(Op.UPDATE, "a", ROLE, ("policy", r'"{\"a\": 1}"', r'"{\"a\": 2}"')),
        change(Op.UPDATE, "a", ROLE, ("x", '"1"', UNKNOWN), ("y", '"1"', '"2"')),
        # A key that only `up` will name is another key.
        change(Op.UPDATE, "a", CLUSTER, ("kmsKeyId", '"arn"', UNKNOWN)),
        change(Op.REPLACE, "a", ROLE, ("x", '"1"', UNKNOWN)),
        change(Op.UPDATE, "a", ROLE),
        # A secret that changes: both sides look the same.
        change(Op.UPDATE, "a", ROLE, ("x", '"[secret]"', '"[secret]"')),
        change(Op.UPDATE, "a", ROLE, ("x", '"[secret]"', '"[secret]"'), ("y", '"1"', UNKNOWN)),
    ],
    ids=lambda each: ",".join(each.keys),
)
def test_what_a_reviewer_must_see_is_no_noise(one: Change) -> None:
    """Another account, another tag, another policy, dangers, replacements, and what nobody can tell."""
    assert reasons(one, CAUSE) == {}


def test_values_known_later_are_noise_only_where_something_causes_them() -> None:
    """Alone in a stack, nobody knows why they would change."""
    assert reasons(change(Op.UPDATE, "a", ROLE, ("x", '"1"', UNKNOWN))) == {}


def test_a_provider_from_path_is_expected_in_the_lab_alone() -> None:
    """Elsewhere somebody's PATH decides which provider touches the cloud."""
    warning = "using pulumi-resource-aws from $PATH at /usr/bin/pulumi-resource-aws"
    assert expected_warning(warning, is_lab=True)
    assert not expected_warning(warning, is_lab=False)
    assert not expected_warning("the resource is deprecated", is_lab=True)
