"""Write `gcp.json`: which change replaces a Google Cloud resource, which values exist.

Run: `python -m testbeds.lab.data.generate_gcp`.

Sources, in order of authority:

1. `gcp-by-hand.json`: facts that no source below has, each with its reason.
2. `gcp-fields.json`: from magic-modules, which generates the Terraform provider that Pulumi's is built on.
3. The Pulumi SDK's own descriptions, where they say "forces a new resource".

Terraform and Pulumi name the same thing differently (`google_compute_url_map`, `gcp:compute/uRLMap:URLMap`;
`secondary_ip_range`, `secondaryIpRanges`). The SDK's own list of types and properties decides: what has no counterpart
there is listed under `unmatched` instead of guessed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from testbeds.lab.data.sources import put_together, read, said_to_replace, write
from testbeds.lab.shapes import Kind, Sdk
from testbeds.lab.tables import Tables, TypeTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from testbeds.lab.shapes import Field


def token_of(name: str, sdk: Sdk, pairs: Mapping[str, str | None]) -> str | None:
    """The SDK's type of a Terraform resource; None: it has none.

    Args:
        name: Terraform's name, such as `google_compute_url_map`.
        sdk: Pulumi's SDK.
        pairs: Types whose names do not lead to each other.
    """
    if name in pairs:
        return pairs[name]
    wanted = name.removeprefix("google_").replace("_", "")
    return {_key(token): token for token in sdk.classes}.get(wanted)


def _key(token: str) -> str:
    """`gcp:compute/uRLMap:URLMap` as `computeurlmap`."""
    _, module, name = token.split(":")
    return f"{module.split('/', maxsplit=1)[0]}{name}".lower()


def path_of(path: str, fields: Mapping[str, Field]) -> str | None:
    """Terraform's path by the SDK's names; None: the SDK has no such property."""
    found = []
    for part in path.split("."):
        own = next((name for name in _spellings(part) if name in fields), None)
        if own is None:
            return None
        found.append(own)
        shape = fields[own].shape
        fields = (shape.item if Kind.LIST in shape.kinds and shape.item else shape).fields
    return ".".join(found)


def _spellings(snake: str) -> Iterator[str]:
    """As the bridge writes a name: camel case, a list in the plural, a list of at most one as its only element."""
    camel = re.sub(r"_+(\w)", lambda match: match[1].upper(), snake)
    yield camel
    yield f"{camel}s"
    yield f"{camel}es"
    if camel.endswith("y"):
        yield f"{camel[:-1]}ies"


def from_fields(name: str, facts: Mapping[str, Any], fields: Mapping[str, Field]) -> TypeTable:
    """The table that magic-modules gives for an SDK type."""
    replaced = {path: path_of(path, fields) for path in facts["replace"]}
    values = {path_of(path, fields): tuple(values) for path, values in facts["enums"].items()}
    return TypeTable(
        source=name,
        create_only=tuple(sorted(own for own in replaced.values() if own)),
        values={path: each for path, each in values.items() if path},
        unmatched=tuple(sorted(path for path, own in replaced.items() if own is None)),
        taggable=_taggable(fields),
    )


def _taggable(fields: Iterable[str]) -> bool:
    return bool({"labels", "resourceLabels", "userLabels"} & set(fields))


def build() -> Tables:
    """The table, from the sources and the installed SDK."""
    sdk = Sdk("pulumi_gcp")
    source, by_hand, zones = read("gcp-fields.json"), read("gcp-by-hand.json"), read("gcp-zones.json")
    pairs = by_hand["pairs"]
    tokens = {name: token_of(name, sdk, pairs) for name in source["resources"]}
    bases = {
        token: from_fields(name, source["resources"][name], sdk.resource(token).inputs)
        for name, token in tokens.items()
        if token
    }
    return Tables(
        schema_version=1,
        source=f"{source['source']} | pulumi-gcp {sdk.version} | {zones['source']}, {zones['date']}",
        date=re.findall(r"\d{4}-\d{2}-\d{2}", source["source"])[0],
        zones={region: tuple(each) for region, each in zones["zones"].items()},
        types={
            token: _table(sdk, token, bases.get(token), by_hand["types"].get(token, {}))
            for token in sorted({*bases, *by_hand["types"]})
        },
        unmatched=tuple(sorted(name for name, token in tokens.items() if token is None)),
    )


def _table(sdk: Sdk, token: str, base: TypeTable | None, by_hand: Mapping[str, Any]) -> TypeTable:
    inputs = sdk.resource(token).inputs
    # The provider's generator makes `project` force a new resource in every type that has it.
    project = {"project"} & set(inputs)
    base = base or TypeTable(taggable=_taggable(inputs))
    return put_together(base, {*said_to_replace(sdk, token), *project}, by_hand)


if __name__ == "__main__":
    write("gcp.json", build())
