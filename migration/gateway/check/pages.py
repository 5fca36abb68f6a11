"""What V10's answers show of values to ask for next: the next page, and values that its rows have. Pure."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_plus

from google.protobuf.descriptor import FieldDescriptor

from migration.gateway.check.values import rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_TAKES = re.compile(r"after|cursor|token|continu|marker", re.IGNORECASE)
_GIVES = re.compile(r"next|after|cursor|continu|marker", re.IGNORECASE)
"""Names by which pages are asked for and told: AIP-158's page_token and next_page_token, and what older APIs have."""
_HOLDS: dict[int, type] = {
    FieldDescriptor.CPPTYPE_INT64: int,
    FieldDescriptor.CPPTYPE_UINT64: int,
    FieldDescriptor.CPPTYPE_BOOL: bool,
    FieldDescriptor.CPPTYPE_STRING: str,
    FieldDescriptor.CPPTYPE_ENUM: str,
}
"""What of an answer is a value for a field; not for integers of 32 bits, which mostly are limits."""


def asks_for_next(one: FieldDescriptor) -> bool:
    """Whether a parameter mostly says where a page begins."""
    return one.type == FieldDescriptor.TYPE_STRING and not one.is_repeated and bool(_TAKES.search(one.name))


def next_of(one: FieldDescriptor, body: str) -> str | None:
    """Where an answer says that the next page begins; None: it says nothing, or there is none.

    Args:
        one: The parameter that is to say so: of a link to the next page its value is taken.
        body: V10's answer.
    """
    answer = _read(body)
    if not isinstance(answer, dict):
        return None
    inner = [each for each in answer.values() if isinstance(each, dict)]
    told = (value for part in (answer, *inner) for name, value in part.items() if _GIVES.search(name))
    token = next((value for value in told if isinstance(value, str) and value), None)
    linked = re.search(rf"[?&]{re.escape(one.json_name)}=([^&#]+)", token or "")
    return unquote_plus(linked[1]) if linked else token


def shown_for(one: FieldDescriptor, body: str) -> str | int | bool | None:
    """A value for a parameter that an answer shows; None: it shows none.

    A page may begin after any row, also in an answer that names no next page: the first row's own key.
    """
    answer = _read(body)
    if asks_for_next(one):
        return next_of(one, body) or next(_keys(answer), None)
    holds = _HOLDS.get(one.cpp_type)
    for row in rows_of(answer):
        value = row.get(one.json_name)
        if isinstance(value, str | int) and type(value) is holds and value != "":
            return value
    return None


def _keys(answer: Any) -> Iterator[str]:
    for row in rows_of(answer):
        value = row.get("id", next(iter(row.values()), None))
        if type(value) in (str, int) and value != "":
            yield str(value)


def _read(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None
