"""The JSON Schema of stack files, for editors that check while one types."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from stacks.config import MODELS

FILE = Path(__file__).parent / "stack.schema.json"


def schema() -> dict[str, Any]:
    """The schema of a `Pulumi.<stack>.yaml`: exactly one of the two kinds of stack, beside any other setting."""
    definitions: dict[str, Any] = {}
    kinds: dict[str, Any] = {}
    for key, model in MODELS.items():
        made = _sorted(model.model_json_schema(by_alias=True, ref_template="#/$defs/{model}"))
        definitions |= made.pop("$defs", {})
        kinds[key] = made
    config = {
        "type": "object",
        "properties": kinds,
        "oneOf": [{"required": [key]} for key in kinds],
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "An aurops stack",
        "type": "object",
        "properties": {"config": config},
        "required": ["config"],
        "$defs": definitions,
    }


def _sorted(value: Any, *, default: bool = False) -> Any:
    """The same with the lists inside every `default` in order: sets have none, the file must."""
    if isinstance(value, list):
        return sorted(value) if default else [_sorted(each) for each in value]
    if isinstance(value, dict):
        return {key: _sorted(each, default=default or key == "default") for key, each in value.items()}
    return value


def text() -> str:
    """The schema as it stands in `stack.schema.json`."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    FILE.write_text(text())
