"""What clouds share whose shapes come from an installed SDK and whose rules stand in a dated table."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, ClassVar

from testbeds.lab.remembered import RememberedSdk
from testbeds.lab.tables import Tables, TypeTable, load

if TYPE_CHECKING:
    from testbeds.lab.shapes import ResourceType
    from testbeds.lab.world import World, WorldObject


class SdkCloud:
    """The part of `testbeds.lab.cloud.Cloud` that follows from SDK and table.

    Both are read when the first program asks: the lab's session starts every server, whatever cloud it is for.

    Args:
        world: Where the cloud's objects are.
    """

    package: ClassVar[str]
    """The SDK's Python package."""
    facts: ClassVar[str]
    """The table: `data/<facts>.json`."""
    judges: bool = True
    """Whether it refuses what the world does not allow, such as a subnet of a network that is not there."""

    def __init__(self, world: World) -> None:
        self.world = world

    @functools.cached_property
    def _sdk(self) -> RememberedSdk:
        return RememberedSdk(self.package)

    @functools.cached_property
    def _tables(self) -> Tables:
        return load(self.facts)

    @property
    def version(self) -> str:
        """Version of the SDK."""
        return self._sdk.version

    def resource(self, token: str) -> ResourceType:
        """Shape of a type."""
        return self._sdk.resource(token)

    def table(self, token: str) -> TypeTable:
        """Its rules."""
        return self._tables.of(token)

    def keeps(self, current: WorldObject) -> bool:  # noqa: ARG002
        """Nothing is only forgotten."""
        return False
