"""What a cloud cannot do of what a spec says, known before an SDK is loaded: refused, never left out in silence."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from components.database.spec import DatabaseSpec
    from components.place import Cloud
    from components.spec import Spec

    Rule: TypeAlias = Callable[[Any, str], Iterator[str]]  # each takes the spec of its own noun
    Rules: TypeAlias = Mapping[str, Rule]


POSTGRESQL_PORT: Final = 5432


def without_password(spec: DatabaseSpec, cloud: str) -> Iterator[str]:
    """What of a database cannot be had where people and services sign in with their identity, on one fixed port.

    Args:
        spec: What is asked of it.
        cloud: What the cloud is called in a sentence.
    """
    if spec.port != POSTGRESQL_PORT:
        yield f"port: {spec.port} cannot be had on {cloud}; allowed: {POSTGRESQL_PORT}"
    if spec.password_version != 1:
        yield f"password_version: there is no password on {cloud}: people and services sign in with their identity"
    if "master_user" in spec.model_fields_set:
        yield f"master_user: there is no master password on {cloud}; leave it out"


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
