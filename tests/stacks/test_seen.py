"""What a refresh saw: which properties differ, whose they are, and that no secret is ever shown."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stacks.seen import Leaf, Sides, both_shown, differences, related
from stacks.values import SECRET_MARK, at, hidden

_KEYS = st.sampled_from(["size", "tags", "rules", "cost-center", "deep"])
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "a", "b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_KEYS, inner, max_size=3),
    max_leaves=8,
)
_OBJECTS = st.dictionaries(_KEYS, _VALUES, max_size=4)


def leaves(old: dict[str, Any], new: dict[str, Any], *told: str, was: dict[str, Any] | None = None) -> dict[str, Leaf]:
    """The differences between inputs, by path; `was` is what the cloud said at the last up."""
    found = differences(Sides(old, was if was is not None else old), Sides(new, new), told)
    return {each.path: each for each in found}


def test_a_difference_has_the_engines_path_and_both_values() -> None:
    """Down to the value, into lists whose objects stand in the same place; keys that are no names are quoted."""
    old = {"rules": [{"port": 1, "tags": {"a b": "x"}}], "zones": ["a"], "same": 1}
    new = {"rules": [{"port": 2, "tags": {"a b": "y"}}], "zones": ["a", "b"], "same": 1}
    found = leaves(old, new, "rules")
    assert {path: (each.before, each.after, each.is_told) for path, each in found.items()} == {
        "rules[0].port": (1, 2, True),
        'rules[0].tags["a b"]': ("x", "y", True),
        "zones": (["a"], ["a", "b"], False),
    }
    assert found["rules[0].port"].rule == "rules.port"


def test_another_order_is_one_difference_of_the_list() -> None:
    """Objects that only changed places are not compared place by place."""
    one, other = {"name": "a", "value": 1}, {"name": "b", "value": 2}
    assert list(leaves({"set": [one, other]}, {"set": [other, one]})) == ["set"]


def test_what_the_program_sets_and_what_the_cloud_said_before_are_known() -> None:
    """A value that the program never set, and that the cloud has not changed, is told apart from one that it has."""
    found = differences(
        Sides({}, {"iops": 1, "tier": "a"}), Sides({"iops": 1, "tier": "b"}, {"iops": 1, "tier": "b"}), ()
    )
    assert {each.path: (each.is_asked, each.is_still) for each in found} == {
        "iops": (False, True),
        "tier": (False, False),
    }


def test_a_difference_that_no_value_shows_is_one_all_the_same() -> None:
    """The engine tells of a secret's change; both sides look alike."""
    hidden = {SECRET_MARK: "1b47", "ciphertext": "[secret]"}
    (leaf,) = leaves({"password": hidden}, {"password": dict(hidden)}, "password").values()
    assert leaf.is_told
    assert both_shown(leaf, "") == ('"[secret]"', '"[secret]"')


@given(_OBJECTS, _OBJECTS)
def test_every_difference_is_real_and_none_is_lost(old: dict[str, Any], new: dict[str, Any]) -> None:
    """Each path leads to its two values, which differ; what has no path differs by nothing but emptiness."""
    found = differences(Sides(old, old), Sides(new, new), ())
    for each in found:
        assert at(old, each.path) == each.before
        assert at(new, each.path) == each.after
        assert each.before != each.after
    tops = {each.path.split(".")[0].split("[")[0] for each in found}
    for key in old.keys() | new.keys():
        assert key in tops or key == "cost-center" or _plain(old.get(key)) == _plain(new.get(key))
    assert differences(Sides(old, old), Sides(old, old), ()) == ()


def _plain(value: Any) -> Any:
    """Without what a cloud calls empty."""
    if isinstance(value, dict):
        return {key: inner for key, each in value.items() if (inner := _plain(each)) not in (None, {}, [], "")} or None
    return value if value not in ([], "") else None


def test_paths_lead_into_each_other_by_whole_steps() -> None:
    """`tags` leads to `tags.a` and `tags["a"]`, not to `tagsAll`."""
    assert related("tags", "tags.a")
    assert related('tags["a"]', "tags")
    assert not related("tags", "tagsAll")


def test_no_secret_is_shown_whatever_gives_it_away() -> None:
    """The engine's mark, a key's name, a container's variable, a JSON text, a value's shape, a Kubernetes Secret."""
    cases = [
        ({SECRET_MARK: "1b47", "plaintext": '"hunter2"'}, "any", ""),
        ("hunter2", "administratorLoginPassword", ""),
        ({"masterPassword": "hunter2"}, "settings", ""),
        ([{"name": "DB_PASSWORD", "value": "hunter2"}], "env", ""),
        (json.dumps([{"environment": [{"name": "API_TOKEN", "value": "hunter2"}]}]), "containerDefinitions", ""),
        ("postgres://app:hunter2@db.example/ledger", "url", ""),
        ({"key": "hunter2"}, "data", "kubernetes:core/v1:Secret"),
        ({"primaryConnectionString": "hunter2", "primaryKey": "hunter2"}, "keys", ""),
    ]
    for value, path, type_ in cases:
        told = both_shown(Leaf(path, None, value, is_told=True, is_asked=True, is_still=False), type_)
        assert "hunter2" not in str(told), (value, path)
        assert told[0] is None
        assert "[secret]" in str(told[1])


def test_what_is_a_secret_on_one_side_is_shown_on_neither() -> None:
    """A provider gives back in plain text what the program declared a secret; also deep in a list."""
    hidden_ = {SECRET_MARK: "1b47", "ciphertext": "[secret]"}
    for before, after in (
        (hidden_, "hunter2"),
        ("hunter2", hidden_),
        ([{"value": hidden_}], [{"value": "hunter2"}, 1]),
    ):
        leaf = Leaf("setting", before, after, is_told=True, is_asked=True, is_still=False)
        assert both_shown(leaf, "") == ('"[secret]"', '"[secret]"')


@given(_OBJECTS)
def test_what_is_no_secret_is_shown_as_it_is(value: dict[str, Any]) -> None:
    """Nothing is hidden without a reason."""
    assert hidden(value) == value
