"""The finder for real clouds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stacks.lookup import import_ids
from stacks.lookup.finder import CannotSayError

if TYPE_CHECKING:
    from stacks.lookup.finder import LostCreate


class CloudFinder:
    """Asks the cloud that a type belongs to, unless the inputs say enough."""

    def find(self, lost: LostCreate) -> tuple[str, ...]:
        """`stacks.lookup.finder.Finder.find`."""
        derived = import_ids.from_inputs(lost.type, lost.inputs)
        if derived is not None:
            return (derived,)
        if lost.type.startswith("aws:"):
            from stacks.lookup.aws import AwsFinder  # noqa: PLC0415 (only who lost something pays for the SDK)

            return AwsFinder().find(lost)
        raise CannotSayError("no rule says how to find an object of this type")
