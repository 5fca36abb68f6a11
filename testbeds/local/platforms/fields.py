"""Fields of the sample ledger's messages: their kinds, their names on both sides, and the reading of JSON values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

INT64 = 2**63
INT32 = 2**31


class Kind(StrEnum):
    """What a field holds; the values are protobuf's names but for the two last."""

    TEXT = "string"
    INT64 = "int64"
    INT32 = "int32"
    REAL = "double"
    YES_NO = "bool"
    CHOICE = "enum"
    TEXTS = "repeated string"


DEFAULTS: dict[Kind, object] = {
    Kind.TEXT: "",
    Kind.INT64: 0,
    Kind.INT32: 0,
    Kind.REAL: 0.0,
    Kind.YES_NO: False,
    Kind.TEXTS: [],
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a message.

    Args:
        name: In snake_case, as in protos, rows and columns.
        kind: What it holds.
        choices: The names of a choice; the first is its default.
        given: Whether who creates the entity may give it.
        required: Whether who creates the entity must give it.
        changes: Whether an update may change it.
    """

    name: str
    kind: Kind = Kind.TEXT
    choices: tuple[str, ...] = ()
    given: bool = True
    required: bool = False
    changes: bool = False

    @property
    def json_name(self) -> str:
        """Its name in JSON, on both sides."""
        first, *rest = self.name.split("_")
        return first + "".join(part.capitalize() for part in rest)

    @property
    def default(self) -> object:
        """Its value when nobody gave one."""
        return self.choices[0] if self.kind is Kind.CHOICE else DEFAULTS[self.kind]


def fits(field: Field, value: object) -> bool:
    """Whether a value decoded from JSON is one that the field can hold."""
    match field.kind:
        case Kind.TEXT:
            return isinstance(value, str)
        case Kind.INT64 | Kind.INT32:
            limit = INT64 if field.kind is Kind.INT64 else INT32
            return isinstance(value, int) and not isinstance(value, bool) and -limit <= value < limit
        case Kind.REAL:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case Kind.YES_NO:
            return isinstance(value, bool)
        case Kind.CHOICE:
            return value in field.choices
        case Kind.TEXTS:
            return isinstance(value, list) and all(isinstance(each, str) for each in value)


def from_text(field: Field, text: str) -> object:
    """The value that a path or a query string gives a field.

    Raises:
        ValueError: The text is none that the field can hold.
    """
    match field.kind:
        case Kind.INT64 | Kind.INT32:
            value: object = int(text)
        case Kind.REAL:
            value = float(text)
        case Kind.YES_NO:
            value = {"true": True, "false": False}.get(text)
        case Kind.TEXTS:
            value = [text]
        case _:
            value = text
    if not fits(field, value):
        raise ValueError(text)
    return value
