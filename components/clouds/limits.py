"""What a cloud cannot do of what a spec says, known before an SDK is loaded: refused, never left out in silence."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from components.place import Cloud
    from components.spec import Spec

    Rule: TypeAlias = Callable[[Any, str], Iterator[str]]  # each takes the spec of its own noun
    Rules: TypeAlias = Mapping[str, Rule]


def refused(cloud: Cloud, region: str, noun: str, spec: Spec | Mapping[str, str]) -> Iterator[str]:
    """Each thing that the cloud refuses of one spec, as `field: what is wrong and what is allowed`.

    Args:
        cloud: The cloud; its rules are `RULES` of `components.clouds.<cloud>_limits`, by noun.
        region: The cloud's name of the region.
        noun: Which component, or `tags`.
        spec: What is asked of it, or the tags.
    """
    rules: Rules = import_module(f"components.clouds.{cloud}_limits").RULES
    if noun in rules:
        yield from rules[noun](spec, region)
