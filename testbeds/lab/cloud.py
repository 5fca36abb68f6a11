"""What the provider server asks of a cloud, and how a cloud refuses.

`server.py` speaks Pulumi's protocol and is the same for every cloud; a cloud says how its identifiers look, what it
fills in, and what it refuses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from testbeds.lab.checking import Failure
    from testbeds.lab.shapes import ResourceType
    from testbeds.lab.tables import TypeTable
    from testbeds.lab.wire import Object
    from testbeds.lab.world import World, WorldObject


class RefusedError(Exception):
    """The cloud says no, in its own words.

    Args:
        code: The service's error code, such as `DependencyViolation`.
        message: What it says.
    """

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(f"{code}: {message}")


@dataclass(frozen=True)
class Settings:
    """Configuration of one provider instance.

    Args:
        home: Where its objects live unless they say otherwise: a region, or a cluster's identity.
        tags: Tags that it puts on everything.
        account: The subscription or project that pays, where a provider instance names it.
        known: False until configured: with an unknown input the engine never configures it, and nothing is checked.
    """

    home: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    known: bool = False
    account: str = ""


@dataclass(frozen=True)
class Made:
    """An object as the cloud makes it."""

    region: str
    id: str
    outputs: Object
    tags: Mapping[str, str]


class Cloud(Protocol):
    """One stand-in cloud."""

    name: str
    """Pulumi's name of the package: `aws`, `azure-native`, `gcp`, `kubernetes`."""
    version: str
    """Version of the SDK, which the engine compares with what the program asks for."""
    world: World
    judges: bool
    """Whether it refuses what the world does not allow; off where objects of another stack are not in the world."""
    compares_state: bool
    """Whether the provider looks for changes in the object's state (the Terraform bridge), or in the inputs alone."""

    expired: tuple[str, str]
    """Code and words of its answer to credentials that have expired."""

    def resource(self, token: str) -> ResourceType:
        """Shape of a type. Raises `UnknownTypeError`."""
        ...

    def table(self, token: str) -> TypeTable:
        """Its rules."""
        ...

    def settings(self, config: Object) -> Settings:
        """Read a provider's configuration. Raises `RefusedError`."""
        ...

    def fill_defaults(self, token: str, name: str, news: Object, olds: Object, urn: str, settings: Settings) -> Object:
        """Inputs with what the provider fills in, such as a name made from the resource's."""
        ...

    def refuse_inputs(self, token: str, news: Object, olds: Object, settings: Settings) -> Sequence[Failure]:
        """What the cloud refuses besides shape: values that do not go together, changes it cannot make."""
        ...

    def delete_first(self, token: str, asked: Object, wanted: Object) -> bool:
        """Whether a replacement must wait until the old object has gone, because both would have the same name."""
        ...

    def find(self, token: str, id_: str, state: Object, settings: Settings) -> WorldObject | None:
        """The object that the engine means by an id and the properties that it knows; None when it has gone."""
        ...

    def make(self, token: str, inputs: Object, settings: Settings) -> Made:
        """Identifier and outputs of a new object. Raises `RefusedError` when the world does not allow it."""
        ...

    def alter(self, current: WorldObject, inputs: Object, settings: Settings) -> Made:
        """Outputs after a change in place. Raises `RefusedError`."""
        ...

    def counted(self, current: WorldObject, inputs: Object) -> Object:
        """Outputs that a change in place counts up by itself, with their new values; a preview cannot know them."""
        ...

    def refuse_delete(self, current: WorldObject) -> None:
        """Raise `RefusedError` when the object is protected or in use."""
        ...

    def keeps(self, current: WorldObject) -> bool:
        """Whether a deletion only makes the program forget the object, and it stays where it is."""
        ...

    def invoke(self, token: str, args: Object, settings: Settings) -> Object:
        """Answer a function. Raises `RefusedError`, `UnknownTypeError`."""
        ...
