"""Refuse what the cloud would refuse, before anything is made: unknown, missing, wrong type, wrong value."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from testbeds.lab.shapes import ANYTHING, Kind
from testbeds.lab.wire import DEFAULTS, Json, Object, is_unknown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from testbeds.lab.shapes import Field, Shape
    from testbeds.lab.tables import TypeTable

_PYTHON = {
    Kind.STRING: (str,),
    Kind.INTEGER: (int,),
    Kind.NUMBER: (int, float),
    Kind.BOOLEAN: (bool,),
    Kind.LIST: (list,),
    Kind.MAP: (dict,),
    Kind.OBJECT: (dict,),
    Kind.ANY: (object,),
}


@dataclass(frozen=True)
class Failure:
    """One refused property.

    Args:
        path: Where, such as `vpcConfig.subnetIds[0]`.
        reason: What is wrong and what is allowed.
    """

    path: str
    reason: str


def check(values: Object, fields: Mapping[str, Field], table: TypeTable) -> tuple[Failure, ...]:
    """Every property of `values` that the type's shape or its table refuses; empty when all are accepted."""
    return tuple(_Checker(table).object({k: v for k, v in values.items() if k != DEFAULTS}, fields, "", ""))


@dataclass(frozen=True)
class _Checker:
    table: TypeTable

    def object(self, values: Object, fields: Mapping[str, Field], at: str, rule: str) -> Iterator[Failure]:
        """`at` is the path for people (with indexes), `rule` the same path as the tables write it."""
        for name in sorted(field for field, known in fields.items() if known.required and values.get(field) is None):
            yield Failure(_join(at, name), "missing required property")
        for name, value in values.items():
            if name not in fields:
                yield Failure(_join(at, name), _unknown_property(name, fields))
            elif value is not None:
                yield from self.value(value, fields[name].shape, _join(at, name), _join(rule, name))

    def value(self, value: Json, shape: Shape, at: str, rule: str) -> Iterator[Failure]:
        if is_unknown(value):
            return
        if not _fits(value, shape):
            yield Failure(at, f"expected {' or '.join(shape.kinds)}, got {_kind_name(value)} {value!r}")
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self.value(item, shape.item or ANYTHING, f"{at}[{index}]", rule)
        elif isinstance(value, dict):
            yield from self._mapping(value, shape, at, rule)
        else:
            yield from self._scalar(value, shape, at, rule)

    def _mapping(self, value: Object, shape: Shape, at: str, rule: str) -> Iterator[Failure]:
        if shape.cls is not None:
            yield from self.object(value, shape.fields, at, rule)
        elif shape.item is not None:
            for key, item in value.items():
                yield from self.value(item, shape.item, f'{at}["{key}"]', rule)

    def _scalar(self, value: str | float | None, shape: Shape, at: str, rule: str) -> Iterator[Failure]:
        allowed = shape.allowed or self.table.values.get(rule, ())
        if allowed and str(value) not in allowed:
            yield Failure(at, f"{value!r} is not one of: {', '.join(allowed)}")
        if not allowed and not self._is_listed(str(value), shape, rule):
            yield Failure(at, f"{value!r} is not one of: {', '.join(shape.listed)}")
        limits = self.table.ranges.get(rule)
        if limits and isinstance(value, int | float) and not isinstance(value, bool):
            low, high = limits.minimum, limits.maximum
            if (low is not None and value < low) or (high is not None and value > high):
                yield Failure(at, f"{value} is outside the accepted range {_end(low)} to {_end(high)}")
        longest = self.table.max_lengths.get(rule)
        if longest and isinstance(value, str) and len(value) > longest:
            yield Failure(at, f"{len(value)} characters; at most {longest} are accepted")

    def _is_listed(self, value: str, shape: Shape, rule: str) -> bool:
        """Whether the service takes a value of an open enumeration, which it reads without regard to case."""
        if not self.table.strict or not shape.listed or rule in self.table.open:
            return True
        return value.lower() in {one.lower() for one in shape.listed}


def _fits(value: Json, shape: Shape) -> bool:
    if isinstance(value, bool):
        return Kind.BOOLEAN in shape.kinds or Kind.ANY in shape.kinds
    return any(isinstance(value, _PYTHON[kind]) for kind in shape.kinds if kind is not Kind.BOOLEAN)


def _unknown_property(name: str, fields: Mapping[str, Field]) -> str:
    close = difflib.get_close_matches(name, fields, n=1)
    hint = f"did you mean {close[0]}? " if close else ""
    return f"unknown property; {hint}allowed: {', '.join(sorted(fields))}"


def _kind_name(value: Json) -> str:
    return {bool: "boolean", int: "integer", float: "number", str: "string", list: "list", dict: "object"}.get(
        type(value), "null"
    )


def _end(limit: float | None) -> str:
    return "any" if limit is None else f"{limit:g}"


def _join(at: str, name: str) -> str:
    return f"{at}.{name}" if at else name
