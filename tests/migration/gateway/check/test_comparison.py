"""What differs between two answers, and what is noise."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.gateway.check.answers import Said
from migration.gateway.check.comparison import compare
from migration.gateway.check.differences import Kind

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
names = st.text(st.characters(categories=["L"]), min_size=1, max_size=3)
bodies = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=8
)


def said(body: Any, status: int = 200, content_type: str = "application/json") -> Said:
    """An answer."""
    return Said(status, content_type, json.dumps(body))


@given(body=bodies, status=st.sampled_from([200, 404]))
def test_equal_answers_do_not_differ(body: Any, status: int) -> None:
    """Whatever they hold."""
    same = said(body, status)
    assert compare(same, same, same).differences == ()


@given(one=bodies, other=bodies)
def test_answers_that_differ_are_told_apart(one: Any, other: Any) -> None:
    """Any two that JSON tells apart have at least one difference, and none that it does not."""
    found = compare(said(one), said(one), said(other)).differences
    assert bool(found) == (canonical(one) != canonical(other))


def canonical(value: Any) -> str:
    """A text that is the same for the same value, numbers as they are written."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{canonical(v)}" for k, v in sorted(value.items())) + "}"
    return "[" + ",".join(map(canonical, value)) + "]" if isinstance(value, list) else json.dumps(value)


@pytest.mark.parametrize(
    ("v10", "v11", "field", "kind"),
    [
        ({"a": 5}, {"a": "5"}, "a", Kind.TYPE),
        ({"a": True}, {"a": 1}, "a", Kind.TYPE),
        ({"a": 5}, {"a": 6}, "a", Kind.VALUE),
        ({"a": 5}, {}, "a", Kind.MISSING),
        ({}, {"a": 5}, "a", Kind.EXTRA),
        ({"a": None}, {}, "a", Kind.MISSING),
        ({"a": {"b": [1, 2]}}, {"a": {"b": [1]}}, "a.b[]", Kind.LENGTH),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 2}, {"b": 1}]}, "a[]", Kind.ORDER),
        ({"a": [{"b": 1}, {"b": 2}]}, {"a": [{"b": 1}, {"b": 3}]}, "a[].b", Kind.VALUE),
        ({"a": {}}, {"a": []}, "a", Kind.TYPE),
        ({"a": None}, {"a": []}, "a", Kind.TYPE),
        ([{"a": 1}, {"a": 2}], [{"a": "1"}], "[].a", Kind.TYPE),
        ([{"a": 1}, {"a": 2}, {"a": 3}], [{"a": 2}, {"b": 3}], "[].a", Kind.MISSING),
        ({"status": 1, "body": 2}, {"status": 1, "body": 3}, "body", Kind.VALUE),
        ({"a": {"b": 1}}, {"a.b": 1, "a": {}}, "a.b", Kind.MISSING),
        (9007199254740993, 9007199254740992, "body", Kind.VALUE),
    ],
)
def test_each_difference_has_its_kind_and_field(v10: Any, v11: Any, field: str, kind: Kind) -> None:
    """By type, value, presence, order and length; to the last bit of a wide integer."""
    assert (field, kind) in [(each.field, each.kind) for each in compare(said(v10), said(v10), said(v11)).differences]


def test_statuses_headers_and_silence_differ_too() -> None:
    """They are fields like any other; no answer is said once, with why."""
    one = said({})
    found = compare(one, one, said({}, 201, "text/html")).differences
    assert [(each.field, each.kind) for each in found] == [
        ("http status", Kind.STATUS),
        ("header content-type", Kind.HEADER),
    ]
    (silent,) = compare(one, one, Said(0, "", "ReadTimeout")).differences
    assert (silent.kind, silent.v11) == (Kind.NO_ANSWER, "ReadTimeout")


def test_what_v10_itself_answers_differently_is_noise_wherever_in_a_list() -> None:
    """A time that differs in one element proves nothing of the others' times, and hides nothing else."""
    rows = [{"at": 1, "n": 1}, {"at": 2, "n": 2}]
    again = [{"at": 1, "n": 1}, {"at": 3, "n": 2}]
    v11 = [{"at": 9, "n": 1}, {"at": 9, "n": 5}]
    compared = compare(said(rows), said(again), said(v11))
    assert compared.noise == {"[].at"}
    assert [each.field for each in compared.differences] == ["[].n"]


@pytest.mark.parametrize(
    ("v10", "again", "v11", "found"),
    [
        ({"at": 1}, {"at": 2}, {"at": 3}, None),
        ({"at": 1}, {"at": 2}, {"at": "3"}, ("at", Kind.TYPE)),
        ({"at": 1}, {"at": 2}, {"at": None}, ("at", Kind.TYPE)),
        ({"at": 1}, {"at": 2}, {}, ("at", Kind.MISSING)),
        ({"at": 1}, {"at": 2}, {"at": 3.0}, ("at", Kind.SPELLING)),
        ({"at": 1.5}, {"at": 2.5}, {"at": 3}, None),
        ({"at": 1}, {"at": None}, {"at": None}, None),
        ({"at": 1}, {"at": None}, {"at": "1"}, ("at", Kind.TYPE)),
        ({"at": 1}, {}, {}, None),
        ({"at": 1}, {}, {"at": 3}, None),
        ({"at": 1}, {}, {"at": "3"}, ("at", Kind.TYPE)),
        ({"a": None}, {"a": {"b": 1}}, {"a": {"b": "1"}}, ("a.b", Kind.TYPE)),
        ([{"n": 1}], [{"n": 2}, {"n": 1}], [{"n": 3}, {"n": 2}, {"n": 1}], None),
        ([{"n": 1}], [{"n": 2}, {"n": 1}], [{"n": "2"}, {"n": 1}], ("[].n", Kind.TYPE)),
        ([{"n": 1}], [{"n": 2}, {"n": 1}], [{"n": 2, "m": 1}, {"n": 1}], ("[].m", Kind.EXTRA)),
        ([{"n": 1}], [{"n": 2}, {"n": None}], [{"n": None}, {"n": 1}], None),
        ([1, 2, 3], [3, 1, 2], [2, 3, 1], None),
        ([1, 2, 3], [3, 1, 2], ["2", "3", "1"], ("[]", Kind.TYPE)),
        (
            [{"n": 1, "a": 5}, {"n": 2, "a": 5}],
            [{"n": 2, "a": 5}, {"n": 1, "a": 5}],
            [{"n": 1, "a": 6}] * 2,
            ("[].a", Kind.VALUE),
        ),
    ],
)
def test_noise_excuses_a_value_and_neither_a_type_nor_a_field_that_is_gone(
    v10: Any, again: Any, v11: Any, found: tuple[str, Kind] | None
) -> None:
    """The gateway must keep to the types and fields that V10 has shown in one of its two answers."""
    compared = compare(said(v10), said(again), said(v11))
    assert compared.noise
    assert [(each.field, each.kind) for each in compared.differences] == ([found] if found else [])


@given(one=bodies, other=bodies)
def test_who_answers_as_v10_did_either_time_does_not_differ(one: Any, other: Any) -> None:
    """However V10's two answers differ."""
    assert compare(said(one), said(other), said(one)).differences == ()
    assert compare(said(one), said(other), said(other)).differences == ()


@pytest.mark.parametrize(
    ("v10", "v11", "kind"),
    [
        ("1", "1.0", Kind.SPELLING),
        ("100", "1e2", Kind.SPELLING),
        ("9007199254740993", "9007199254740993.0", Kind.SPELLING),
        ("0", "-0", Kind.SPELLING),
        ("1", "1.1", Kind.VALUE),
        ("1e99999999999999999999", "1e-9", Kind.VALUE),
        ('{"x":1}', '{"x":2,"x":1}', Kind.REPEATED),
        ('{"x":3,"x":1}', '{"x":2,"x":1}', Kind.VALUE),
        ("null", "", Kind.MISSING),
        ("", "null", Kind.EXTRA),
        ('"a"', "a", Kind.TYPE),
    ],
)
def test_what_json_parsers_read_differently_differs(v10: str, v11: str, kind: Kind) -> None:
    """A number's spelling, a key that is there twice, a body that is empty or no JSON."""
    one, other = (Said(200, "application/json", body) for body in (v10, v11))
    assert [each.kind for each in compare(one, one, other).differences] == [kind]


@pytest.mark.parametrize("depth", [50, 100, 101, 400, 5000, 200_000])
def test_an_answer_may_be_nested_as_deep_as_it_likes(depth: int) -> None:
    """Beyond 100 lists in each other it is compared as a text."""
    one, other = (Said(200, "application/json", "[" * depth + inner + "]" * depth) for inner in "12")
    assert compare(one, one, one).differences == ()
    assert [each.kind for each in compare(one, one, other).differences] == [Kind.VALUE]


def test_a_field_called_status_is_not_http_s() -> None:
    """It hides no other status, and makes none noise."""
    one, again, other = said({"status": "PENDING"}, 201), said({"status": "FINAL"}, 201), said({"status": "FINAL"})
    for second in (one, again):
        found = compare(one, second, other).differences
        assert (found[0].field, found[0].kind, found[0].v10, found[0].v11) == ("http status", Kind.STATUS, "201", "200")
    assert compare(one, again, one).noise == {"status"}


def test_a_status_that_v10_gives_neither_time_differs() -> None:
    """When V10 itself now succeeds and now fails, the gateway may do either."""
    one, again = said({}), said({}, 503)
    assert [compare(one, again, said({}, status)).differences == () for status in (200, 503, 500)] == [
        True,
        True,
        False,
    ]


def test_elements_of_a_list_in_another_order_are_told_once() -> None:
    """Every element differs then, and that says nothing."""
    (only,) = compare(said([1, 2, 3]), said([1, 2, 3]), said([3, 1, 2])).differences
    assert only.kind is Kind.ORDER


HEADERS = (("etag", "1"), ("location", "/v1/a"))


@pytest.mark.parametrize(
    ("v11", "field"),
    [
        ((("etag", "2"), ("location", "/v1/a")), "header etag"),
        ((("etag", "1"),), "header location"),
        ((*HEADERS, ("x-more", "1")), "header x-more"),
    ],
)
def test_a_header_that_clients_may_go_by_is_compared(v11: tuple[tuple[str, str], ...], field: str) -> None:
    """Another value, one that is missing, and one too many; a header that V10 itself changes is noise."""
    v10, other = (Said(200, "", "{}", headers) for headers in (HEADERS, v11))
    (found,) = compare(v10, v10, other).differences
    assert (found.field, found.kind) == (field, Kind.HEADER)
    assert compare(v10, other, other).differences == ()
