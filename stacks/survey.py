"""What a stack's state says: its resources, what holds data, what is protected, what was never finished. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from components.data import holds_data

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOCKED_PARENT = "aurops:index:Archive$"
GUARDS = ("deletionProtection", "enableDeletionProtection")
"""Inputs that make the cloud refuse a deletion."""
_BUCKET = "aws:s3/bucket:Bucket"
_STACK = "pulumi:pulumi:Stack"


@dataclass(frozen=True)
class Resource:
    """A resource in the state.

    Args:
        urn: The engine's name of it.
        type: Type token.
        id: The cloud's identifier; empty for a component.
        is_protected: Whether the engine refuses its deletion.
        is_guarded: Whether the cloud does.
    """

    urn: str
    type: str
    id: str
    is_protected: bool
    is_guarded: bool

    @property
    def name(self) -> str:
        """Its own name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def is_locked(self) -> bool:
        """Whether it is part of an archive, which `aurops destroy` leaves standing."""
        return _LOCKED_PARENT in self.urn

    @property
    def holds_data(self) -> bool:
        """Whether its loss is a loss of data."""
        return holds_data(self.type)


@dataclass(frozen=True)
class Survey:
    """One stack as its state tells it.

    Args:
        stack: Its name.
        resources: What it has; empty before the first `up`.
        pending: `operation type name` of what was begun and never finished.
        inventory: What it exports; None when it exports none.
    """

    stack: str
    resources: tuple[Resource, ...]
    pending: tuple[str, ...]
    inventory: Mapping[str, Any] | None

    def data(self) -> tuple[Resource, ...]:
        """What holds data and can be destroyed."""
        return tuple(each for each in self.resources if each.holds_data and not each.is_locked)

    def locked(self) -> tuple[Resource, ...]:
        """What stays, whatever is asked."""
        return tuple(each for each in self.resources if each.holds_data and each.is_locked)

    def protected(self) -> tuple[Resource, ...]:
        """What must have its protection lifted before it can be destroyed."""
        return tuple(each for each in self.resources if (each.is_protected or each.is_guarded) and not each.is_locked)


def survey(stack: str, state: Mapping[str, Any]) -> Survey:
    """Read a stack's exported state (`EngineStack.state`)."""
    found = state.get("resources") or []
    root: Mapping[str, Any] = next((each for each in found if each["type"] == _STACK), {})
    pending = (
        f"{each['type']} {each['resource']['type']} {each['resource']['urn'].rsplit('::', 1)[-1]}"
        for each in state.get("pending_operations") or []
    )
    inventory = (root.get("outputs") or {}).get("inventory")
    return Survey(stack, tuple(_resource(each) for each in found), tuple(pending), inventory)


def without_exports(state: Mapping[str, Any]) -> dict[str, Any]:
    """A stack's state with nothing exported: what a destroyed stack left standing is not up."""
    bare = [{**each, "outputs": {}} if each["type"] == _STACK else each for each in state.get("resources") or []]
    return {**state, "resources": bare}


def _resource(given: Mapping[str, Any]) -> Resource:
    inputs: Mapping[str, Any] = given.get("inputs") or {}
    guarded = any(inputs.get(name) is True for name in GUARDS)
    guarded |= given["type"] == _BUCKET and not inputs.get("forceDestroy")
    return Resource(given["urn"], given["type"], given.get("id", ""), bool(given.get("protect")), guarded)
