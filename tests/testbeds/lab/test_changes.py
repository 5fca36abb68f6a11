"""Which differences there are, and which replace."""

from __future__ import annotations

from typing import Any

import pytest

from testbeds.lab.changes import Outcome, differences, same
from testbeds.lab.paths import covers, parts, put
from testbeds.lab.tables import TypeTable, When

TABLE = TypeTable(
    create_only=("name", "spec.fixed"),
    unordered=("zones",),
    replaces_when={"disk": When.SMALLER, "range": When.SMALLER, "primary": When.SET, "lock.on": When.UNSET},
)


def found(old: dict[str, Any], new: dict[str, Any]) -> dict[str, tuple[Outcome, bool]]:
    """Differences by path."""
    changes = [one for key in {*old, *new} for one in differences(old.get(key), new.get(key), key, key, TABLE)]
    return {one.path: (one.outcome, one.replaces) for one in changes}


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ({"size": 1}, {"size": 1}, {}),
        ({"size": 1}, {"size": 2}, {"size": (Outcome.UPDATE, False)}),
        ({"name": "a"}, {"name": "b"}, {"name": (Outcome.UPDATE, True)}),
        ({"spec": {"fixed": 1, "free": 1}}, {"spec": {"fixed": 1, "free": 2}}, {"spec.free": (Outcome.UPDATE, False)}),
        ({"spec": {"fixed": [1]}}, {"spec": {"fixed": [2]}}, {"spec.fixed[0]": (Outcome.UPDATE, True)}),
        ({}, {"spec": {"fixed": 1}}, {"spec.fixed": (Outcome.ADD, True)}),
        ({"zones": ["a", "b"]}, {"zones": ["b", "a"]}, {}),
        (
            {"list": ["a", "b"]},
            {"list": ["b"]},
            {"list[0]": (Outcome.UPDATE, False), "list[1]": (Outcome.DELETE, False)},
        ),
        ({"tags": {"a:b": "1"}}, {"tags": {}}, {'tags["a:b"]': (Outcome.DELETE, False)}),
    ],
)
def test_differences_are_named_leaf_by_leaf(
    old: dict[str, Any], new: dict[str, Any], expected: dict[str, tuple[Outcome, bool]]
) -> None:
    """Each with its path and whether it replaces; the order of a set is no difference."""
    assert found(old, new) == expected


@pytest.mark.parametrize(
    ("old", "new", "replaces"),
    [
        ({"disk": 100}, {"disk": 200}, False),
        ({"disk": 200}, {"disk": 100}, True),
        ({"range": "10.0.0.0/20"}, {"range": "10.0.0.0/18"}, False),
        ({"range": "10.0.0.0/18"}, {"range": "10.0.0.0/20"}, True),
        ({"range": "10.0.0.0/20"}, {"range": "10.1.0.0/18"}, True),
        ({"primary": "a"}, {"primary": None}, False),
        ({"primary": "a"}, {"primary": "b"}, True),
        ({"lock": {"on": False}}, {"lock": {"on": True}}, False),
        ({"lock": {"on": True}}, {"lock": {"on": False}}, True),
        ({"lock": {"on": True}}, {}, True),
    ],
)
def test_some_changes_replace_in_one_direction_only(
    old: dict[str, Any], new: dict[str, Any], *, replaces: bool
) -> None:
    """A disk grows and a range is widened in place; a replica is promoted in place and not made of another instance."""
    assert [change for _, change in found(old, new).values()] == [replaces]


def test_a_json_document_is_compared_by_meaning() -> None:
    """White space and key order of a policy change nothing."""
    assert same('{"a": 1, "b": [2]}', '{"b":[2],"a":1}')
    assert not same('{"a": 1}', '{"a": 2}')
    assert not same("{broken", "{other")


def test_a_path_leads_through_names_lists_and_quoted_keys() -> None:
    """`put` changes a copy."""
    values: dict[str, Any] = {"rules": [{"status": "on"}], "tags": {"aurops:urn": "x"}}
    assert parts('rules[0].tags["a.b"]') == ("rules", 0, "tags", "a.b")
    assert put(values, "rules[0].status", "off")["rules"] == [{"status": "off"}]
    assert put(values, 'tags["aurops:urn"]', "y")["tags"] == {"aurops:urn": "y"}
    assert values == {"rules": [{"status": "on"}], "tags": {"aurops:urn": "x"}}


def test_a_pattern_covers_a_path_and_what_is_below_it() -> None:
    """As `ignoreChanges` does: `[*]` is every index, and a name alone is all that it holds."""
    assert covers("policy.items[*].weight", "policy.items[3].weight")
    assert not covers("policy.items[*].weight", "policy.items[3].target")
    assert not covers("policy.items[*].weight", "policy.items")
    assert covers("weights", "weights[0].weight")
    assert not covers("weight", "weights")
