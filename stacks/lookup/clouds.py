"""The finder for real clouds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aurops.clock import RealClock
from stacks.lookup import import_ids
from stacks.lookup.finder import CannotSayError

if TYPE_CHECKING:
    from aurops.clock import Clock
    from stacks.lookup.finder import LostCreate

SEEN_WITHIN_S: Final = 30.0
"""How long an object may exist before a cloud's search shows it; AWS only says "eventually consistent"."""


class CloudFinder:
    """Asks the cloud that a type belongs to; what carries no tag is told by its inputs where they say enough.

    An object of that name that does not carry our tag may be somebody else's, so a tag goes before a name.

    What it looks for was begun before it was made: that is when the time runs in which an object may stay unseen.

    Args:
        clock: Measures that time.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or RealClock()
        self._until_s = self._clock.now_s() + SEEN_WITHIN_S

    def find(self, lost: LostCreate) -> tuple[str, ...]:
        """`stacks.lookup.finder.Finder.find`."""
        if lost.tag is None and (derived := import_ids.from_inputs(lost.type, lost.inputs)) is not None:
            return (derived,)
        if lost.type.startswith("aws:"):
            from stacks.lookup.aws import AwsFinder  # noqa: PLC0415 (only who lost something pays for the SDK)

            return AwsFinder(clock=self._clock, until_s=self._until_s).find(lost)
        raise CannotSayError("no rule says how to find an object of this type")
