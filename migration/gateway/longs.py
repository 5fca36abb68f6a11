"""Where 64-bit integers are in an answer, as the tables that `numbers.lua` walks by. Pure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from google.protobuf.descriptor import FieldDescriptor

if TYPE_CHECKING:
    from collections.abc import Iterable

    from google.protobuf.descriptor import Descriptor

_INTEGERS = {
    FieldDescriptor.TYPE_INT64,
    FieldDescriptor.TYPE_UINT64,
    FieldDescriptor.TYPE_SINT64,
    FieldDescriptor.TYPE_FIXED64,
    FieldDescriptor.TYPE_SFIXED64,
}
_WRAPPERS = {"google.protobuf.Int64Value", "google.protobuf.UInt64Value"}
_OWN_JSON = ("google.protobuf.",)
"""Messages with a JSON form of their own (Timestamp, Struct, Any …): what is in an Any is known only when it comes."""
LONG = "LONG"


def tables(messages: Iterable[Descriptor]) -> tuple[str, dict[str, str]]:
    """Lua for these messages and all that they hold.

    Returns:
        Lua that makes the tables, in `TYPES`; and for each of these messages that holds such an integer, by its full
        name, the expression of its type.
    """
    found = {message.full_name: message for each in messages for message in _reachable(each)}
    holding = _holding(found)
    places = {name: f"TYPES[{n}]" for n, name in enumerate(sorted(holding), 1)}
    lines = ["local TYPES = {}", *(f"{place} = {{}}" for place in places.values())]
    for name, place in places.items():
        kinds = {field.json_name: _type(field, places) for field in found[name].fields}
        lines += [f"{place}[{json.dumps(key)}] = {kind}" for key, kind in kinds.items() if kind is not None]
    return "\n".join(lines), places


def _reachable(message: Descriptor) -> list[Descriptor]:
    """The message and all that it may hold; messages may hold each other."""
    seen: dict[str, Descriptor] = {}
    todo = [message]
    while todo:
        here = todo.pop()
        if here.full_name in seen or here.full_name.startswith(_OWN_JSON):
            continue
        seen[here.full_name] = here
        todo += [field.message_type for field in here.fields if field.message_type]
    return list(seen.values())


def _holding(messages: dict[str, Descriptor]) -> set[str]:
    """Those in which such an integer can be: the least set that is closed under "holds one that does"."""
    holding: set[str] = set()
    while True:
        more = {
            name
            for name, message in messages.items()
            if name not in holding
            and any(_type(field, dict.fromkeys(holding, "")) is not None for field in message.fields)
        }
        if not more:
            # The entries of maps are walked as maps; they are no objects of their own.
            return {name for name in holding if not messages[name].GetOptions().map_entry}
        holding |= more


def _type(field: FieldDescriptor, places: dict[str, str]) -> str | None:
    """A field's type in Lua; None: nothing in it is to be changed."""
    if field.type in _INTEGERS:
        return LONG
    message = field.message_type
    if message is None:
        return None
    if message.full_name in _WRAPPERS:
        return LONG
    if message.GetOptions().map_entry:
        value = _type(message.fields_by_name["value"], places)
        return None if value is None else f"{{[ANY] = {value}}}"
    return places.get(message.full_name)
