"""What the generators of the tables share: the SDK's own descriptions, and the facts written by hand."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from testbeds.lab.tables import Tables, TypeTable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from testbeds.lab.shapes import Sdk

HERE: Final = Path(__file__).parent
FORCES_NEW: Final = re.compile(r"forces? (?:a |the creation of a )?(?:new|replace)", re.IGNORECASE)
CONDITIONAL: Final = re.compile(r"forces new (?:for|if|when)", re.IGNORECASE)
_TAKEN_OVER: Final = ("computed", "filled_in", "kept", "replaces_when", "setting")


def read(name: str) -> Any:
    """A source file beside this one."""
    return json.loads((HERE / name).read_text())


def write(name: str, tables: Tables) -> None:
    """Write a table beside this file."""
    (HERE / name).write_text(tables.model_dump_json(indent=1, exclude_defaults=True) + "\n")


def said_to_replace(sdk: Sdk, token: str) -> tuple[str, ...]:
    """Top-level inputs whose description in the SDK says that a change forces a new resource."""
    resource = sdk.resource(token)
    args = sdk.args_class(token)
    docs = {wire: prop.fget.__doc__ or "" for wire, prop in sdk.properties(args) if prop.fget}
    return tuple(
        sorted(n for n in resource.inputs if FORCES_NEW.search(docs.get(n, "")) and not CONDITIONAL.search(docs[n]))
    )


def put_together(base: TypeTable, said: Collection[str], by_hand: Mapping[str, Any]) -> TypeTable:
    """The rules of one type: what its source says, what the SDK says of itself, and what is written by hand."""
    create_only = {*base.create_only, *said, *by_hand.get("create_only", [])}
    wrong = set(by_hand.get("values_wrong", []))
    values = {path: values for path, values in base.values.items() if path not in wrong}
    told = {
        "create_only": tuple(sorted(create_only - set(by_hand.get("not_create_only", [])))),
        "values": values | {path: tuple(values) for path, values in by_hand.get("values", {}).items()},
        "unordered": tuple(sorted({*base.unordered, *by_hand.get("unordered", [])})),
        "identity": tuple(by_hand.get("identity", base.identity)),
    }
    taken_over = {key: by_hand[key] for key in _TAKEN_OVER if key in by_hand}
    return TypeTable.model_validate(base.model_dump() | told | taken_over)
