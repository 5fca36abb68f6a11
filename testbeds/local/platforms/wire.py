"""How rows become JSON as V10 prints it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from testbeds.local.platforms.messages import ANSWERS, ENTITIES, LISTS

if TYPE_CHECKING:
    from testbeds.local.platforms.acts import Row

_NAMES = {message.name: {field.name: field.json_name for field in message.fields} for message in (*ENTITIES, *ANSWERS)}


def as_json(message: str, answer: Row | list[Row]) -> Any:
    """An answer as JSON has it.

    Args:
        message: The name of its message.
        answer: The answer; of an export its rows.
    """
    if isinstance(answer, list):
        return [as_json(message, row) for row in answer]
    if message in LISTS:
        return {"items": as_json(LISTS[message], answer["items"]), "next": answer["next"]}
    return {name: answer[field] for field, name in _NAMES[message].items()}
