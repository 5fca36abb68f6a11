"""What a platform said, and its JSON as written: a number keeps its digits, a key that is there twice both values.

Pure. `json` alone would forget both, and clients need not: `1.0` is a number for one parser and no integer for another,
and of two values under one key each parser takes the one that it likes (RFC 8259, 4 and 6).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping


_DEEPEST = 100


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


class Form(StrEnum):
    """How a number is written."""

    WHOLE = "whole"
    """12"""
    FRACTION = "fraction"
    """12.5"""
    ZEROS = "zeros"
    """12.0, 12.50: no JavaScript prints that."""
    EXPONENT = "exponent"
    """1e2"""


@dataclass(frozen=True, slots=True)
class Number:
    """A number, as it is written."""

    text: str

    def equals(self, other: Number) -> bool:
        """Whether it has the same value, to the last digit, however both are written."""
        if self.text == other.text:
            return True
        try:
            return Decimal(self.text) == Decimal(other.text)
        except ArithmeticError:  # an exponent beyond all limits
            return False

    @property
    def form(self) -> Form:
        """How it is written."""
        if "e" in self.text.lower():
            return Form.EXPONENT
        if "." not in self.text:
            return Form.WHOLE
        return Form.ZEROS if self.text.endswith("0") else Form.FRACTION


@dataclass(frozen=True, slots=True)
class NoJson:
    """A body that is no JSON."""

    text: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """What is not there: a field, or a body without a byte."""


@dataclass(frozen=True, slots=True)
class Members:
    """An object. Each key has the values that stand under it, in their order: mostly one."""

    values: Mapping[str, tuple[Json, ...]]

    def last(self, key: str) -> Json:
        """What most parsers take for a key's value."""
        return self.values.get(key, (Nothing(),))[-1]


Json: TypeAlias = "bool | str | Number | NoJson | Nothing | Members | tuple[Json, ...] | None"


def parse(body: str) -> Json:
    """A body's value; whatever is no JSON, or nested deeper than 100 times, stays as it is."""
    if not body:
        return Nothing()
    try:
        read = json.loads(body, parse_int=Number, parse_float=Number, parse_constant=Number, object_pairs_hook=_Pairs)
        return _frozen(read)
    except (ValueError, RecursionError):
        return NoJson(body)


class _Pairs(list[tuple[str, object]]):
    """An object's keys and values, told from a list."""


def _frozen(read: object, depth: int = 0) -> Json:
    if depth > _DEEPEST:
        raise RecursionError
    if isinstance(read, _Pairs):
        values: dict[str, tuple[Json, ...]] = {}
        for key, value in read:
            values[key] = (*values.get(key, ()), _frozen(value, depth + 1))
        return Members(values)
    if isinstance(read, list):
        return tuple(_frozen(each, depth + 1) for each in read)
    if read is None or isinstance(read, bool | str | Number):
        return read
    raise TypeError(read)  # `json` makes nothing else


def sort(value: Json) -> str:
    """JSON's sort of a value."""
    if isinstance(value, bool):
        return "boolean"
    if value is None:
        return "null"
    names: dict[type, str] = {str: "text", tuple: "list", Members: "object", NoJson: "no JSON", Nothing: "nothing"}
    return names.get(type(value), "number")


def spelt(value: Json) -> str:
    """A value as a text that is the same for the same value, whatever the order of keys."""
    if isinstance(value, Members):
        keys = sorted(value.values)
        return "{" + ",".join(f"{json.dumps(key)}:{[*map(spelt, value.values[key])]}" for key in keys) + "}"
    if isinstance(value, tuple):
        return "[" + ",".join(map(spelt, value)) + "]"
    return shown(value)


def shown(value: Json) -> str:
    """A value for people."""
    if isinstance(value, Number | NoJson):
        return value.text
    if isinstance(value, tuple):
        return f"{len(value)} elements"
    if isinstance(value, Members | Nothing):
        return sort(value)
    return json.dumps(value, ensure_ascii=False)


def inside(name: str, key: str) -> str:
    """The name of an object's field."""
    return f"{name}.{key}" if name else key


def elements(name: str) -> str:
    """The name of a list's elements, all of them."""
    return f"{name}[]"
