"""Pulumi's property values on the wire, and plain values that a provider works with.

Only what a provider meets that accepts neither secrets nor resource references nor output values: JSON values and
the sentinel that stands for "not known before the change is made".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from google.protobuf.struct_pb2 import NULL_VALUE, ListValue, Struct, Value

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Object: TypeAlias = dict[str, Json]

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""The sentinel of an unknown (pulumi/sdk/go/common/resource/plugin/rpc.go, `UnknownStringValue`)."""

DEFAULTS: Final = "__defaults"
"""Input under which the providers of Pulumi's Terraform bridge keep the names of the inputs that they filled in."""


def from_struct(struct: Struct) -> Object:
    """A message as plain values; whole numbers become `int`, because JSON on the wire has floats only."""
    return {name: _from_value(value) for name, value in struct.fields.items()}


def _from_value(value: Value) -> Json:
    match value.WhichOneof("kind"):
        case "struct_value":
            return from_struct(value.struct_value)
        case "list_value":
            return [_from_value(item) for item in value.list_value.values]
        case "number_value":
            number: float = value.number_value
            return int(number) if number.is_integer() else number
        case "string_value":
            return str(value.string_value)
        case "bool_value":
            return bool(value.bool_value)
        case _:
            return None


def to_struct(values: Mapping[str, Json]) -> Struct:
    """Plain values as a message."""
    return Struct(fields={name: _to_value(value) for name, value in values.items()})


def _to_value(value: Json) -> Value:
    match value:
        case None:
            return Value(null_value=NULL_VALUE)
        case bool():
            return Value(bool_value=value)
        case int() | float():
            return Value(number_value=value)
        case str():
            return Value(string_value=value)
        case list():
            return Value(list_value=ListValue(values=[_to_value(item) for item in value]))
        case dict():
            return Value(struct_value=to_struct(value))


def is_unknown(value: Json) -> bool:
    """Whether a value is the sentinel itself."""
    return value == UNKNOWN


def has_unknown(value: Json) -> bool:
    """Whether any part of a value is not known yet."""
    return any(is_unknown(leaf) for leaf in _leaves(value))


def _leaves(value: Json) -> Iterable[Json]:
    if isinstance(value, dict):
        for item in value.values():
            yield from _leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item)
    else:
        yield value


def text(values: Mapping[str, Json], name: str, default: str = "") -> str:
    """A property that is a known string, else `default`."""
    value = values.get(name)
    return value if isinstance(value, str) and value and not is_unknown(value) else default


def flag(values: Mapping[str, Json], name: str) -> bool:
    """Whether a boolean property is true."""
    return values.get(name) is True


def child(values: Mapping[str, Json], name: str) -> Object:
    """A property that is an object, else an empty one."""
    value = values.get(name)
    return value if isinstance(value, dict) else {}


def children(values: Mapping[str, Json], name: str) -> list[Object]:
    """The objects in a property that is a list."""
    value = values.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def texts(values: Mapping[str, Json], name: str) -> list[str]:
    """The known strings in a property that is a list."""
    value = values.get(name)
    return [item for item in value if isinstance(item, str) and not is_unknown(item)] if isinstance(value, list) else []


def at(values: Object, path: str) -> Json:
    """The value at a dotted path; None where there is none."""
    value: Json = values
    for step in path.split("."):
        value = value.get(step) if isinstance(value, dict) else None
    return value


def word(values: Object, path: str, default: str = "") -> str:
    """The known string at a dotted path, else `default`."""
    value = at(values, path)
    return value if isinstance(value, str) and value and not is_unknown(value) else default
