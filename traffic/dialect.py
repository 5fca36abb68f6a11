"""What a driver by file asks of a proxy: how it is told, and how it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from traffic.driver import Active, Capabilities, Steering
    from traffic.folder import Rendered


@dataclass(frozen=True, slots=True)
class Start:
    """What a proxy is started with.

    Args:
        files: Their texts by name, in the site's folder.
        command: The proxy's own binary and its options; it stays in the foreground.
    """

    files: Mapping[str, str]
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """What is put to a proxy's own binary.

    Args:
        what: It, as an error calls it.
        spared: What has not happened when the binary refuses.
    """

    what: str
    spared: str


WAY_BACK = Trial("The way back", "Nothing was moved")


class Dialect(Protocol):
    """What differs from proxy to proxy."""

    can: Capabilities
    live: Path
    """The file that steers it, in a folder of its own."""

    def start(self) -> Start:
        """What the proxy is started with.

        Raises:
            OutsideError: Its binary is not here.
        """
        ...

    def render(self, wanted: Steering, instead_before: Mapping[str, int]) -> Rendered:
        """What the file is to hold."""
        ...

    def version_of(self, text: str) -> str:
        """The version of a file that aurops wrote.

        Raises:
            ValueError: It did not.
        """
        ...

    def sides_of(self, text: str) -> tuple[str, ...]:
        """The sides that a steering file knows, with weight or without.

        Raises:
            ValueError: It is none.
        """
        ...

    def version(self) -> str:
        """The version in effect: asked for again and again while a change takes effect.

        Raises:
            OutsideError: The proxy does not say.
        """
        ...

    def ask(self) -> Active:
        """What is in effect.

        Raises:
            OutsideError: The proxy does not say.
        """
        ...

    def validate(self, text: str, trial: Trial = WAY_BACK) -> str:
        """What the proxy's own binary says to such a file, along with what the proxy is started with.

        Args:
            text: The file's.
            trial: What it is, for the error.

        Raises:
            OutsideError: That it is wrong; or there is no such binary here.
        """
        ...

    def take(self) -> None:
        """Have the proxy read its file.

        Raises:
            OutsideError: It does not answer, or will not.
        """
        ...
