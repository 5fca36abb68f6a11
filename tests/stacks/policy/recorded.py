"""Recorded graphs as previews, for the policy to judge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stacks.changes import Changes, Declared
from stacks.preview import StackPreview
from stacks.values import SECRET_MARK, UNKNOWN_MARK
from tests.components.graph import UNKNOWN

if TYPE_CHECKING:
    from tests.components.graph import Graph


def as_told(value: Any) -> Any:
    """A value of a recorded graph as the engine would tell it."""
    if isinstance(value, dict) and set(value) == {"secret"}:
        return {SECRET_MARK: "1b47061264138c4ac30d75fd1eb44270"}
    if isinstance(value, dict):
        return {key: as_told(each) for key, each in value.items()}
    if isinstance(value, list):
        return [as_told(each) for each in value]
    return UNKNOWN_MARK if value == UNKNOWN else value


def previewed(stack: str, graph: Graph) -> StackPreview:
    """A preview that declares what the graph has."""
    seen = Changes()
    for node in graph.nodes:
        urn = f"urn:pulumi:{stack}::{node.urn.split('::', 1)[1]}"
        provider = node.provider.rpartition("::")[0].replace(":test::", f":{stack}::")
        seen.declared[urn] = Declared(urn, node.type, as_told(node.inputs), protect=node.protect, provider=provider)
    return StackPreview(stack, seen, 0.0)
