"""Write `azure.json`: which change replaces an Azure resource, which one Azure refuses, which values exist.

Run: `python -m testbeds.lab.data.generate_azure`.

Azure publishes no list of create-only properties, and pulumi-azure-native replaces for few of them. Sources, in order
of authority:

1. `azure-by-hand.json`: facts that no source below has, each with its reason.
2. The path of a type (`azure/identity.py`): the provider replaces when a name in it changes.
3. The Pulumi SDK's own descriptions, where they say that a property cannot be changed after creation.
4. `azure-regions.json`: regions, zones and pairs.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from testbeds.lab.azure.identity import names_in, path_of
from testbeds.lab.shapes import Sdk, fields_of
from testbeds.lab.tables import Tables, TypeTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HERE = Path(__file__).parent
STAYS = re.compile(
    r"cannot be (?:changed|updated|modified)|can(?:no|')t be (?:changed|updated|modified)|may not be changed"
    r"|not allowed to change|immutable|can only be (?:set|specified|added)[^.]* (?:at|when|during)[^.]*creat"
    r"|for the rest of the life|cannot be reverted",
    re.IGNORECASE,
)
_DEEPEST = 2


def said_to_stay(sdk: Sdk, token: str) -> tuple[str, ...]:
    """Inputs, nested ones too, whose description in the SDK says that they are decided at creation."""
    return tuple(sorted(set(_said(sdk, sdk.args_class(token), "", frozenset()))))


def _said(sdk: Sdk, cls: type, at: str, above: frozenset[type]) -> Iterator[str]:
    docs = {wire: " ".join((one.fget.__doc__ or "").split()) for wire, one in sdk.properties(cls) if one.fget}
    for name, field in fields_of(cls).items():
        if STAYS.search(docs.get(name, "")):
            yield at + name
        shape = field.shape
        while shape.item is not None:
            shape = shape.item
        # What is nested further is the business of the type that it belongs to: a subnet's rules are a group's.
        if isinstance(shape.cls, type) and shape.cls not in above and at.count(".") < _DEEPEST and _is_own(shape.cls):
            yield from _said(sdk, shape.cls, f"{at}{name}.", above | {cls})


def _is_own(cls: type) -> bool:
    """Whether a nested type is a part of its parent, and no resource of its own."""
    return "etag" not in fields_of(cls) and "provisioningState" not in fields_of(cls)


def table_of(sdk: Sdk, token: str, by_hand: Mapping[str, Any]) -> TypeTable:
    """All sources of one type, put together."""
    inputs = sdk.resource(token).inputs
    names = tuple(name for name in names_in(path_of(token, inputs)) if name in inputs)
    create_only = {*names, *by_hand.get("create_only", [])}
    wrong = by_hand.get("not_fixed", [])
    said = {path for path in said_to_stay(sdk, token) if not any(f"{path}.".startswith(f"{one}.") for one in wrong)}
    fixed = {*said, *by_hand.get("fixed", [])} - create_only
    plain = ("values", "ranges", "max_lengths", "defaults", "setting", "open")
    return TypeTable.model_validate(
        {
            "create_only": sorted(create_only),
            "fixed": sorted(fixed),
            "unordered": sorted(by_hand.get("unordered", [])),
            "identity": names,
            "strict": True,
            "taggable": "tags" in inputs,
        }
        | {key: by_hand[key] for key in plain if key in by_hand}
    )


def build() -> Tables:
    """The table, from the installed SDK and the files beside this one."""
    sdk = Sdk("pulumi_azure_native")
    by_hand = json.loads((HERE / "azure-by-hand.json").read_text())
    regions = json.loads((HERE / "azure-regions.json").read_text())
    return Tables(
        schema_version=1,
        source=f"pulumi-azure-native {sdk.version}; azure-by-hand.json; regions: {regions['source']}",
        date=regions["date"],
        zones={region: tuple(zones) for region, zones in regions["zones"].items()},
        pairs=regions["pairs"],
        types={token: table_of(sdk, token, facts) for token, facts in by_hand.items()},
    )


if __name__ == "__main__":
    (HERE / "azure.json").write_text(build().model_dump_json(indent=1, exclude_defaults=True) + "\n")
