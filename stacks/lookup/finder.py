"""The question about a lost create, and who answers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from components.tags import URN_TAG

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class LostCreate:
    """A create that was begun and of which nobody knows whether it happened.

    Args:
        urn: The engine's name of the resource.
        type: Type token.
        inputs: What was asked for.
        region: Where; empty for what has none.
        is_away: Whether that is another region than its provider's.
        known: Identifiers that the state has under this URN: objects that a replacement was to replace.
    """

    urn: str
    type: str
    inputs: Mapping[str, Any]
    region: str = ""
    is_away: bool = False
    known: frozenset[str] = field(default_factory=frozenset)

    @property
    def name(self) -> str:
        """The resource's own name."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def tag(self) -> str | None:
        """Value of the `aurops:urn` tag that the object would carry; None: it carries none."""
        tags = self.inputs.get("tags")
        value = tags.get(URN_TAG) if isinstance(tags, dict) else None
        return value if isinstance(value, str) else None


class CannotSayError(Exception):
    """The finder does not know whether the object exists. The message says why."""


class Finder(Protocol):
    """Looks for objects of lost creates; asks only, changes nothing."""

    def find(self, lost: LostCreate) -> tuple[str, ...]:
        """Identifiers, as the provider's import takes them, of the objects that this create may have made.

        Empty: it made none, for sure. An identifier that follows from the inputs alone may be given unseen: the
        provider reads it before it is kept.

        Raises:
            CannotSayError: Neither can be said.
        """
        ...


@dataclass(frozen=True)
class Told:
    """A finder that a person has told some answers.

    Args:
        finder: Answers the rest.
        found: Identifier by URN of what a person has found.
        never_made: URNs of which a person says that they were never made.
    """

    finder: Finder
    found: Mapping[str, str] = field(default_factory=dict)
    never_made: frozenset[str] = field(default_factory=frozenset)

    def find(self, lost: LostCreate) -> tuple[str, ...]:
        """The person's answer, else the finder's."""
        if lost.urn in self.found:
            return (self.found[lost.urn],)
        return () if lost.urn in self.never_made else self.finder.find(lost)
