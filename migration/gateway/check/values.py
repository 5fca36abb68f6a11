"""Values to ask with: made up after a field's type, or seen in V10's own answers. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from google.protobuf.descriptor import Descriptor

    from migration.gateway.methods import Method

BEYOND_DOUBLE = 2**53 + 1
"""The least positive whole number that a JavaScript number cannot hold."""
SMALL = 7
MADE_UP = "aurops-check"
_DEPTH = 3
_SEEN_MOST = 8
INTEGERS = {
    FieldDescriptor.CPPTYPE_INT64,
    FieldDescriptor.CPPTYPE_UINT64,
    FieldDescriptor.CPPTYPE_INT32,
    FieldDescriptor.CPPTYPE_UINT32,
}
_WIDE = {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64}
_REALS = {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}


def made_up(one: FieldDescriptor, tag: str, wide: int, depth: int = 0) -> Any:
    """A value of a field, as JSON has it.

    Args:
        one: The field.
        tag: Put into texts, so that one question's differ from another's.
        wide: The value of integers of 64 bits.
        depth: How deep in a message it is.
    """
    if one.message_type and one.message_type.GetOptions().map_entry:
        return {f"{MADE_UP}-{tag}": made_up(one.message_type.fields_by_name["value"], tag, wide, depth + 1)}
    value = _single(one, tag, wide, depth)
    return [value] if one.is_repeated else value


def _single(one: FieldDescriptor, tag: str, wide: int, depth: int) -> Any:
    if one.message_type:
        return message(one.message_type, tag, wide, depth=depth + 1) if depth < _DEPTH else {}
    if one.enum_type:
        return one.enum_type.values[-1].name
    if one.cpp_type in INTEGERS:
        return wide if one.cpp_type in _WIDE else SMALL
    if one.cpp_type in _REALS:
        return 0.5
    if one.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return True
    return f"{MADE_UP}-{one.name.replace('_', '-')}-{tag}" if one.type == FieldDescriptor.TYPE_STRING else "YXVyb3Bz"


def message(kind: Descriptor, tag: str, wide: int, *, without: Iterable[str] = (), depth: int = 0) -> dict[str, Any]:
    """A message with a value in every field but these, as JSON has it."""
    left_out = set(without)
    fields = (one for one in kind.fields if one.name not in left_out and _first_of_its_oneof(one))
    return {one.json_name: made_up(one, tag, wide, depth) for one in fields}


def _first_of_its_oneof(one: FieldDescriptor) -> bool:
    """A oneof holds one value only; what is merely `optional` is a oneof of its own."""
    return one.containing_oneof is None or bool(one.containing_oneof.fields[0].name == one.name)


def wrong(one: FieldDescriptor) -> str | None:
    """A text that the field cannot hold; None: it holds any."""
    fits_all = one.message_type or one.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES)
    return None if fits_all else f"{MADE_UP}-wrong"


@dataclass
class Seen:
    """What V10's answers have shown, by the path's template under which it was."""

    rows: dict[str, list[tuple[dict[str, str], dict[str, Any]]]] = field(default_factory=dict)
    """For each template: the values that its variables had, and a row of the answer."""

    def learn(self, template: str, values: Mapping[str, str], body: str, *, first: bool = False) -> None:
        """Remember the rows of an answer.

        Args:
            template: The path's.
            values: What its variables had.
            body: V10's answer.
            first: Use them before all others: they were made just now.
        """
        try:
            rows = rows_of(json.loads(body))
        except ValueError:
            return
        known = self.rows.setdefault(template, [])
        new = [(dict(values), row) for row in rows]
        known[:] = (new + known if first else known + new)[: 4 * _SEEN_MOST]

    def assignments(self, template: str, keys: Mapping[str, Sequence[str]]) -> list[dict[str, str]]:
        """Values for all variables of a template, each set seen together; none: nothing was seen.

        Args:
            template: The path's.
            keys: For each template that ends before a variable, the names by which its rows are told apart.
        """
        sets: list[dict[str, str]] = [{}]
        for found in re.finditer(r"/\{([\w.]+)[^}]*\}", template):
            before, name = template[: found.start()], found[1]
            sets = [
                {**chosen, name: value}
                for chosen in sets
                for values, row in self.rows.get(before, ())
                if all(chosen.get(key) == given for key, given in values.items() if key in chosen)
                and (value := _key(row, [name, *keys.get(before, ())])) is not None
            ][:_SEEN_MOST]
        return sets


def rows_of(body: Any) -> list[dict[str, Any]]:
    """The rows of an answer: a list, the lists in an object, or the object itself."""
    if isinstance(body, list):
        return [row for row in body if isinstance(row, dict)][:_SEEN_MOST]
    if not isinstance(body, dict):
        return []
    lists = [value for value in body.values() if isinstance(value, list) and value and isinstance(value[0], dict)]
    return [row for rows in lists for row in rows][:_SEEN_MOST] if lists else [body]


def _key(row: Mapping[str, Any], names: Iterable[str]) -> str | None:
    for name in names:
        for spelt in (name, _camel(name)):
            value = row.get(spelt)
            if isinstance(value, str | int) and not isinstance(value, bool) and value != "":
                return str(value)
    return None


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def row_keys(methods: Iterable[Method]) -> dict[str, list[str]]:
    """For each template that ends before a variable, that variable's names; `id` is tried last."""
    keys: dict[str, list[str]] = {}
    for method in methods:
        for binding in method.bindings:
            for found in re.finditer(r"/\{([\w.]+)[^}]*\}", binding.path):
                keys.setdefault(binding.path[: found.start()], []).append(found[1])
    return {template: [*dict.fromkeys(names), "id"] for template, names in keys.items()}
