"""A stack's resource graph: everything that its program tells the engine, as one value that can be compared. Pure."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pulumi
from google.protobuf.json_format import MessageToDict
from pulumi.runtime import rpc

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

UNKNOWN: Final = "<unknown>"
"""Stands for a value that is not known in a preview."""

_APART: Final = frozenset({"type", "name", "parent", "object", "properties", "protect", "provider", "custom"})
"""Fields of a request that a node has fields of its own for."""
_NO_PROPERTY: Final = frozenset(
    {
        # Where the call stands in the source: moving a line is no change of a resource.
        *("sourcePosition", "stackTrace", "parentStackTraceHandle", "snippetId"),
        # What the SDK can do, and how the engine calls the package.
        *("acceptSecrets", "acceptResources", "accepts_byte_string", "supportsPartialValues"),
        *("supportsResultReporting", "packageRef"),
    }
)


@dataclass(frozen=True)
class Node:
    """One registered resource.

    Args:
        urn: The engine's name of it.
        type: Type token.
        name: Its own name.
        parent: The parent's URN; empty: none.
        inputs: Its inputs; a secret one is `{"secret": value}`.
        protect: Whether the engine refuses its deletion.
        ignored: Properties whose changes are ignored.
        depends_on: URNs that it waits for.
        aliases: Types, names or URNs that it had before.
        provider: URN and identifier of its provider; empty: the default one.
        custom: Whether a provider makes it; False for a component.
        options: Everything else that the engine is told, by the protocol's names.
    """

    urn: str
    type: str
    name: str
    parent: str
    inputs: Mapping[str, Any]
    protect: bool
    ignored: frozenset[str]
    depends_on: frozenset[str]
    aliases: tuple[str, ...]
    provider: str
    custom: bool
    options: Mapping[str, Any] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """The same as plain values; what has no order is in order."""
        return {**vars(self), "ignored": sorted(self.ignored), "depends_on": sorted(self.depends_on)}


@dataclass
class Graph:
    """Everything that a program registered, and what it exported.

    Args:
        nodes: The resources, in the order of their registration, which may differ from run to run.
        exports: The stack's outputs.
        reads: The stacks whose outputs it read, found or not, in the order of the first reading.
        opaque: Why the graph does not say all: code that runs beside the program, and only in the engine. Empty: it
            does.
    """

    nodes: list[Node] = field(default_factory=list)
    exports: dict[str, Any] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    opaque: str = ""

    def of(self, type_: str) -> dict[str, Node]:
        """Resources of a type (`ec2/vpc:Vpc`), by name; the provider's own prefix may be left out."""
        return {n.name: n for n in sorted(self.nodes, key=lambda n: n.urn) if n.type.split(":", 1)[1] == type_}

    def one(self, type_: str, ending: str = "") -> Node:
        """The only resource of a type whose name ends so."""
        (node,) = [node for name, node in self.of(type_).items() if name.endswith(ending)]
        return node

    def names(self) -> set[tuple[str, str]]:
        """Type and name of every resource."""
        return {(node.type, node.name) for node in self.nodes}

    def digest(self, settings: Any = None) -> str:
        """A number that two graphs share if, and only if, they are equal.

        Args:
            settings: What else the engine is told of the stack, as plain values.
        """
        nodes = sorted((node.document() for node in self.nodes), key=lambda node: json.dumps(node, sort_keys=True))
        whole = {"nodes": nodes, "exports": self.exports, "settings": settings}
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def type_of(urn: str) -> str:
    """The type token in a URN."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def name_of(urn: str) -> str:
    """The resource's own name in a URN; it may hold `::` itself."""
    return urn.split("::", 3)[3]


def node_of(request: Any, urn: str) -> Node:
    """The node that a `RegisterResourceRequest` or a `ReadResourceRequest` of Pulumi's protocol asks for."""
    is_read = not hasattr(request, "custom")
    options = {key: value for key, value in MessageToDict(request).items() if key not in _APART | _NO_PROPERTY}
    waits = options.pop("dependencies", [])
    ignored = options.pop("ignoreChanges", [])
    return Node(
        urn=urn,
        type=request.type,
        name=request.name,
        parent=request.parent,
        inputs=plain(rpc.deserialize_properties(request.properties if is_read else request.object, keep_unknowns=True)),
        protect=not is_read and request.protect,
        ignored=frozenset(ignored),
        depends_on=frozenset(waits),
        aliases=() if is_read else _aliases(request.aliases),
        provider=request.provider,
        custom=is_read or request.custom,
        options=_in_order(options),
    )


def _aliases(aliases: Sequence[Any]) -> tuple[str, ...]:
    return tuple(alias.spec.type or alias.spec.name or alias.urn for alias in aliases)


def _in_order(options: Mapping[str, Any]) -> dict[str, Any]:
    """URNs that each property waits for come in no order."""
    waits = {
        name: sorted(each.get("urns", ())) for name, each in sorted(options.get("propertyDependencies", {}).items())
    }
    return {**options, **({"propertyDependencies": waits} if waits else {})}


def plain(value: Any) -> Any:
    """Integers arrive as floats over the wire; give them back as integers, and secrets as their value."""
    if isinstance(value, pulumi.output.Unknown):
        return UNKNOWN
    if rpc.is_rpc_secret(value):
        return {"secret": plain(rpc.unwrap_rpc_secret(value))}
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return value


def bare(value: Any) -> Any:
    """The same without the marks of secrets."""
    if isinstance(value, dict):
        return bare(value["secret"]) if set(value) == {"secret"} else {key: bare(each) for key, each in value.items()}
    return [bare(each) for each in value] if isinstance(value, list) else value
