"""What every component is built on, and the one dispatch from a noun to a cloud's implementation."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi

from aurops.errors import UsageError
from components.place import Cloud, Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class UnknownCloudError(UsageError):
    """A component has no implementation for the cloud that was asked for."""


def load(noun: str, cloud: str) -> Callable[..., Any]:
    """Return `build` of `components.<noun>.<cloud>`; the only place where a provider SDK gets imported.

    Raises:
        UnknownCloudError: There is no such module; the error lists those that exist.
    """
    name = f"components.{noun}.{cloud}"
    if cloud not in set(Cloud) or find_spec(name) is None:
        have = [each for each in Cloud if find_spec(f"components.{noun}.{each}")]
        raise UnknownCloudError(
            f"{noun} has no implementation for cloud {cloud!r}", where=name, allowed=", ".join(have) or "none yet"
        )
    build: Callable[..., Any] = import_module(name).build
    return build


class Component(pulumi.ComponentResource):
    """A component: type token `aurops:index:<ClassName>`, children named after it.

    Its own options are never merged into its children.

    Aliases policy: a renamed class keeps its former type tokens in `_formerly`; a renamed child is given
    `aliases=[pulumi.Alias(name=former)]` where it is made. A test fails on a URN that vanishes without one.
    """

    _formerly: ClassVar[tuple[str, ...]] = ()

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        known_as = pulumi.ResourceOptions(aliases=[pulumi.Alias(type_=token) for token in self._formerly])
        token = f"aurops:index:{type(self).__name__}"
        super().__init__(token, name, None, pulumi.ResourceOptions.merge(opts, known_as))


@dataclass(frozen=True)
class Scope:
    """What an implementation needs to make children: the component, its name and its place.

    Args:
        parent: The component.
        name: Its name.
        place: Where.
        is_locked: Every child stays protected even where the place has the protection lifted: an archive.
    """

    parent: pulumi.Resource
    name: str
    place: Place
    is_locked: bool = False

    def named(self, *parts: str) -> str:
        """The name of a child: the component's own name, then `parts`."""
        return "-".join((self.name, *parts))

    def opts(self, *, ignore: Sequence[str] = (), holds_data: bool = False, **more: Any) -> pulumi.ResourceOptions:
        """Options of a child.

        Args:
            ignore: Input properties that somebody else moves: a promotion, an autoscaler, an operator.
            holds_data: Put the engine's protection on it unless the place has it lifted.
            more: Any further `pulumi.ResourceOptions`.
        """
        protect = True if self.is_locked or (holds_data and self.place.protect) else None
        return pulumi.ResourceOptions(parent=self.parent, ignore_changes=[*ignore] or None, protect=protect, **more)

    def tags(self, child: str) -> dict[str, str]:
        """Tags of a child: those of the place, and its name."""
        return {**self.place.tags, "Name": child}
