"""What differs between an answer of V10 and the gateway's, field by field, less what differs between two of V10. Pure.

A value that V10 itself gives differently when it is asked twice (a time, a new id) proves nothing: it is noise, and so
is that field wherever it stands in a list. The idea is Diffy's (https://github.com/opendiffy/diffy).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_PLACE = re.compile(r"\[\d+\]")
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
    ORDER = "order"
    """The same elements in another order."""
    LENGTH = "length"
    """Another number of elements."""
    NO_ANSWER = "no answer"
    """The gateway did not answer at all."""
    NO_METHOD = "no method"
    """V10 has the endpoint, V11 does not."""


@dataclass(frozen=True, slots=True)
class Said:
    """One answer.

    Args:
        status: HTTP status; 0: none came.
        content_type: The header.
        body: The body's text, or why none came.
        headers: Its other headers that clients may go by, names in small letters.
    """

    status: int
    content_type: str
    body: str
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return 200 <= self.status < 300  # noqa: PLR2004 (RFC 9110, 15.3)


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs.

    Args:
        field: Such as `items[].amount`; `status`; `header content-type`.
        kind: How.
        v10: What V10 says, as JSON, cut.
        v11: What the gateway says.
    """

    field: str
    kind: Kind
    v10: str
    v11: str


@dataclass(frozen=True, slots=True)
class Compared:
    """One question's outcome.

    Args:
        differences: What differs.
        noise: The fields that V10 itself answers differently.
    """

    differences: tuple[Difference, ...]
    noise: frozenset[str]


def compare(v10: Said, again: Said, v11: Said) -> Compared:
    """What the gateway says differently.

    Args:
        v10: V10's answer.
        again: V10's answer to the same question once more.
        v11: The gateway's.
    """
    if not v11.status:
        return Compared((Difference("status", Kind.NO_ANSWER, str(v10.status), v11.body),), frozenset())
    one, two, other = (dict(_fields(each)) for each in (v10, again, v11))
    noise = frozenset(_named(place) for place in one.keys() | two.keys() if one.get(place) != two.get(place))
    found = tuple(each for each in _differences(one, other) if each.field not in noise)
    return Compared(_without_followers(found), noise)


def _fields(said: Said) -> Iterator[tuple[str, object]]:
    yield "status", said.status
    yield "header content-type", said.content_type
    for name, value in said.headers:
        yield f"header {name}", value
    try:
        body = json.loads(said.body) if said.body else None
    except ValueError:
        yield "", said.body
    else:
        yield from _leaves("", body)


def _leaves(place: str, value: object) -> Iterator[tuple[str, object]]:
    """Every leaf by its place; a list also says how long it is, and an object without fields that it is one."""
    if isinstance(value, dict):
        yield f"{place}{{}}", "object"
        for name, inner in value.items():
            yield from _leaves(f"{place}.{name}" if place else name, inner)
    elif isinstance(value, list):
        yield f"{place}[]", _Elements(tuple(json.dumps(inner, sort_keys=True) for inner in value))
        for n, inner in enumerate(value):
            yield from _leaves(f"{place}[{n}]", inner)
    else:
        yield place, value


@dataclass(frozen=True, slots=True)
class _Elements:
    """A list as a whole: what differs inside is told by its leaves."""

    texts: tuple[str, ...]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Elements) and len(self.texts) == len(other.texts)

    def __hash__(self) -> int:
        return len(self.texts)


def _differences(v10: Mapping[str, object], v11: Mapping[str, object]) -> Iterator[Difference]:
    told: set[tuple[str, Kind]] = set()
    for place in [*v10, *(each for each in v11 if each not in v10)]:
        kind = _kind(place, v10, v11)
        if kind is not None and (_named(place), kind) not in told:
            told.add((_named(place), kind))
            yield Difference(_named(place), kind, _shown(v10, place), _shown(v11, place))


def _kind(place: str, v10: Mapping[str, object], v11: Mapping[str, object]) -> Kind | None:
    if place.startswith("header "):
        return Kind.HEADER if v10.get(place) != v11.get(place) else None
    if place not in v11 or place not in v10:
        return Kind.MISSING if place in v10 else Kind.EXTRA
    one, other = v10[place], v11[place]
    if isinstance(one, _Elements) and isinstance(other, _Elements):
        return _kind_of_list(one, other)
    if one == other and _sort(one) == _sort(other):
        return None
    if place == "status":
        return Kind.STATUS
    return Kind.VALUE if _sort(one) == _sort(other) else Kind.TYPE


def _kind_of_list(one: _Elements, other: _Elements) -> Kind | None:
    if len(one.texts) != len(other.texts):
        return Kind.LENGTH
    return Kind.ORDER if one.texts != other.texts and sorted(one.texts) == sorted(other.texts) else None


def _sort(value: object) -> str:
    """JSON's sort of a value: it has one kind of number."""
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else type(value).__name__


def _without_followers(found: tuple[Difference, ...]) -> tuple[Difference, ...]:
    """Without what only follows: in a list of another order or length every element differs, and that says nothing."""
    whole = (Kind.ORDER, Kind.LENGTH)
    lists = tuple(each.field for each in found if each.kind in whole)
    return tuple(each for each in found if each.kind in whole or not each.field.startswith(lists))


def _named(place: str) -> str:
    """A field's name, whichever element of a list it is in; what says that something is an object goes by its name."""
    return _PLACE.sub("[]", place).removesuffix("{}") or "body"


def _shown(fields: Mapping[str, object], place: str) -> str:
    if place not in fields:
        return "nothing"
    value = fields[place]
    text = f"{len(value.texts)} elements" if isinstance(value, _Elements) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
