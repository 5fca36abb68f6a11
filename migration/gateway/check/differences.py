"""What differs between two answers' JSON, by field, value against value. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from migration.gateway.check.answers import (
    Json,
    Members,
    Nothing,
    Number,
    elements,
    inside,
    shown,
    sort,
    spelt,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SHOWN = 120


class Kind(StrEnum):
    """How a field differs."""

    STATUS = "status"
    """Another HTTP status."""
    HEADER = "header"
    """A header that has another value, or that only one of both sends."""
    MISSING = "missing"
    """V10 has the field, the gateway does not."""
    EXTRA = "extra"
    """The gateway has the field, V10 does not."""
    TYPE = "type"
    """A number here and a text there, or the like."""
    VALUE = "value"
    """Another value."""
    SPELLING = "spelling"
    """The same number, written in another way: 1 and 1.0 or 1e0."""
    REPEATED = "repeated key"
    """A key is so often in an object here, and as often not there."""
    ORDER = "order"
    """The same elements in another order."""
    LENGTH = "length"
    """Another number of elements."""
    NO_ANSWER = "no answer"
    """The gateway did not answer at all."""
    NO_METHOD = "no method"
    """V10 has the endpoint, V11 does not."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs.

    Args:
        field: Such as `items[].amount`; `http status`; `header content-type`.
        kind: How.
        v10: What V10 says, as JSON, cut.
        v11: What the gateway says.
    """

    field: str
    kind: Kind
    v10: str
    v11: str


def differ(name: str, kind: Kind, v10: str, v11: str) -> Difference:
    """A difference in a body's field; the body itself has no name."""
    return Difference(name, kind, _cut(v10), _cut(v11))


def differences(one: Json, other: Json, name: str = "", *, by_place: bool = False) -> Iterator[Difference]:
    """Everything that differs, deep.

    Args:
        one: V10's.
        other: The gateway's.
        name: The field's.
        by_place: Also go through lists that only have another order, place by place.
    """
    kind = _kind(one, other)
    if kind is not None:
        yield differ(name, kind, shown(one), shown(other))
    elif isinstance(one, Members) and isinstance(other, Members):
        yield from _of_objects(one, other, name, by_place=by_place)
    elif isinstance(one, tuple) and isinstance(other, tuple):
        yield from _of_lists(one, other, elements(name), by_place=by_place)


def _kind(one: Json, other: Json) -> Kind | None:
    """How two values differ in themselves."""
    if sort(one) != sort(other):
        return Kind.EXTRA if isinstance(one, Nothing) else Kind.MISSING if isinstance(other, Nothing) else Kind.TYPE
    if isinstance(one, Number) and isinstance(other, Number):
        if not one.equals(other):
            return Kind.VALUE
        return Kind.SPELLING if one.text != other.text else None
    if isinstance(one, tuple | Members):
        return None
    return Kind.VALUE if one != other else None


def _of_objects(one: Members, other: Members, name: str, *, by_place: bool) -> Iterator[Difference]:
    for key in dict.fromkeys((*one.values, *other.values)):
        here, there = one.values.get(key, ()), other.values.get(key, ())
        if here and there and len(here) != len(there):
            yield differ(inside(name, key), Kind.REPEATED, f"{len(here)} times", f"{len(there)} times")
        pairs = zip(reversed(here or (Nothing(),)), reversed(there or (Nothing(),)), strict=False)
        for mine, its in pairs:
            yield from differences(mine, its, inside(name, key), by_place=by_place)


def _of_lists(one: Sequence[Json], other: Sequence[Json], name: str, *, by_place: bool) -> Iterator[Difference]:
    """What differs in two lists; of those that are not as long, the elements that are not in both, pair by pair."""
    texts, others = [*map(spelt, one)], [*map(spelt, other)]
    if len(one) != len(other):
        yield differ(name, Kind.LENGTH, f"{len(one)} elements", f"{len(other)} elements")
        one, other = _without(one, texts, others), _without(other, others, texts)
    elif texts != others and sorted(texts) == sorted(others):
        yield differ(name, Kind.ORDER, f"{len(one)} elements", f"{len(other)} elements")
        if not by_place:
            return
    for mine, its in zip(one, other, strict=False):
        yield from differences(mine, its, name, by_place=by_place)


def _without(values: Sequence[Json], texts: Sequence[str], others: Sequence[str]) -> list[Json]:
    """The elements that the other list does not have, or not as often."""
    there = Counter(others)
    left = []
    for value, text in zip(values, texts, strict=True):
        if there[text]:
            there[text] -= 1
        else:
            left.append(value)
    return left


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
