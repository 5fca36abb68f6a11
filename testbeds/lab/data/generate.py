"""Write `aws.json`: which change replaces an AWS resource, which values exist.

Run: `python -m testbeds.lab.data.generate` (needs cfn-lint, of the development group).

Sources, in order of authority:

1. `aws-by-hand.json`: facts that neither source below has, each with its reason.
2. The CloudFormation schemas that PyPI `cfn-lint` ships: createOnlyProperties, enum, minimum/maximum, maxLength,
   insertionOrder, primaryIdentifier, tagging.
3. The Pulumi SDK's own descriptions, where they say "Forces new resource".

CloudFormation and Pulumi name the same property differently (`DBClusterIdentifier`, `clusterIdentifier`); `_match`
pairs the two names, and a create-only property that it cannot pair is listed under `unmatched` instead of guessed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cfnlint
from cfnlint.helpers import AVAILABILITY_ZONES

from testbeds.lab.data.sources import put_together, read, said_to_replace, write
from testbeds.lab.shapes import Kind, Sdk
from testbeds.lab.tables import Range, Tables, TypeTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from testbeds.lab.shapes import Field, ResourceType, Shape

SCHEMAS = Path(cfnlint.__file__).parent / "data" / "schemas"


@dataclass
class Found:
    """What the schema of one type says, by the SDK's names."""

    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    ranges: dict[str, Range] = field(default_factory=dict)
    max_lengths: dict[str, int] = field(default_factory=dict)
    unordered: list[str] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """CloudFormation's JSON pointer to the SDK's path."""


class Schema:
    """One CloudFormation resource schema, walked side by side with the SDK's shape."""

    def __init__(self, type_name: str, document: Mapping[str, Any]) -> None:
        self._noun = type_name.rsplit("::", 1)[-1].lower()
        self._document = document

    def resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow a `$ref` into the definitions."""
        while "$ref" in node:
            node = self._document["definitions"][node["$ref"].rsplit("/", 1)[-1]]
        return node

    def walk(self, found: Found, fields: Mapping[str, Field]) -> None:
        """Fill `found` from every property that has a counterpart."""
        self._walk(found, self._document["properties"], fields, "/properties", "")

    def _walk(
        self, found: Found, properties: Mapping[str, Any], fields: Mapping[str, Field], pointer: str, path: str
    ) -> None:
        for name, raw in properties.items():
            own = self._match(name, fields, top=not path)
            if own is None or path.count(".") > 4:  # noqa: PLR2004 - some types contain themselves
                continue
            here, there = f"{path}.{own}" if path else own, f"{pointer}/{name}"
            found.names[there] = here
            self._node(found, self.resolve(raw), fields[own].shape, there, here)

    def _node(self, found: Found, node: Mapping[str, Any], shape: Shape, pointer: str, path: str) -> None:
        if node.get("type") == "array":
            if node.get("insertionOrder") is False:
                found.unordered.append(path)
            node, pointer = self.resolve(node.get("items", {})), f"{pointer}/*"
        if Kind.LIST in shape.kinds and shape.item:
            shape = shape.item
        if shape.cls is not None:
            self._walk(found, node.get("properties", {}), shape.fields, pointer, path)
        elif node.get("enum") and Kind.STRING in shape.kinds:
            found.values[path] = tuple(sorted(str(value) for value in node["enum"]))
        elif "minimum" in node or "maximum" in node:
            found.ranges[path] = Range(minimum=node.get("minimum"), maximum=node.get("maximum"))
        elif "maxLength" in node and Kind.STRING in shape.kinds:
            found.max_lengths[path] = node["maxLength"]

    def _match(self, name: str, fields: Mapping[str, Field], *, top: bool) -> str | None:
        by_key = {own.lower(): own for own in fields}
        return next((by_key[key] for key in self._spellings(name.lower(), top=top) if key in by_key), None)

    def _spellings(self, name: str, *, top: bool) -> Iterator[str]:
        yield name
        heads = (self._noun, self._noun.removeprefix("db"), "db") if top else ()
        bases = [name, *(name.removeprefix(head) for head in heads if name.startswith(head) and name != head)]
        for base in bases:
            yield from (base, f"{base}s", base.removesuffix("s"))
            yield from (f"{base}id", f"{base}arn", base.removesuffix("s") + "ids", base.removesuffix("s") + "arns")
            if base.endswith("arn"):
                yield base.removesuffix("arn")


def read_schema(type_name: str) -> Mapping[str, Any]:
    """The schema of a CloudFormation type in us-east-1."""
    index = json.loads((SCHEMAS / "providers" / "us-east-1.json").read_text())
    document: Mapping[str, Any] = json.loads((SCHEMAS / "resources" / f"{index[type_name]}.json").read_text())
    return document


def from_schema(type_name: str, resource: ResourceType) -> TypeTable:
    """The table that CloudFormation's schema gives for an SDK type."""
    document, found = read_schema(type_name), Found()
    Schema(type_name, document).walk(found, resource.inputs)
    create_only = document.get("createOnlyProperties", [])
    primary, read_only = document.get("primaryIdentifier", []), document.get("readOnlyProperties", [])
    named = all(pointer in found.names and pointer not in read_only for pointer in primary)
    return TypeTable(
        source=type_name,
        create_only=tuple(sorted(found.names[pointer] for pointer in create_only if pointer in found.names)),
        unmatched=tuple(sorted(p.removeprefix("/properties/") for p in create_only if p not in found.names)),
        values=found.values,
        ranges=found.ranges,
        max_lengths=found.max_lengths,
        unordered=tuple(sorted(found.unordered)),
        identity=tuple(found.names[pointer] for pointer in primary) if named else (),
        taggable="tags" in resource.inputs,
    )


def table_of(sdk: Sdk, token: str, type_name: str | None, by_hand: Mapping[str, Any]) -> TypeTable:
    """All three sources of one type, put together."""
    resource = sdk.resource(token)
    base = from_schema(type_name, resource) if type_name else TypeTable(taggable="tags" in resource.inputs)
    # A resource is moved to another region by making it there.
    region = {"region"} & set(resource.inputs)
    return put_together(base, {*said_to_replace(sdk, token), *region}, by_hand)


def build() -> Tables:
    """The table, from the installed sources."""
    sdk = Sdk("pulumi_aws")
    pairs, by_hand = read("aws-pairs.json"), read("aws-by-hand.json")
    date = json.loads((SCHEMAS / "version.json").read_text())["schema_date"]
    return Tables(
        schema_version=1,
        source=f"CloudFormation schemas of us-east-1 in cfn-lint {version('cfn-lint')}; pulumi-aws {sdk.version}",
        date=date[:10],
        zones={region: tuple(zones) for region, zones in AVAILABILITY_ZONES.items()},
        types={token: table_of(sdk, token, name, by_hand.get(token, {})) for token, name in pairs.items()},
    )


if __name__ == "__main__":
    write("aws.json", build())
