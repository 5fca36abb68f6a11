"""What a cutover's journal says of interruptions: what its gates saw at each look, and what was at the end. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TYPE_CHECKING, cast

from aurops.gates.finding import Finding
from aurops.journal import RecordKind
from aurops.ports import Interruption
from migration.outline import ALLOWED_INTERRUPTION_S, Action

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aurops.journal import Record


@dataclass(frozen=True)
class Told:
    """What was seen of a region at one look.

    Args:
        at: When it was journalled.
        seen: What was seen.
    """

    at: datetime
    seen: Interruption


@dataclass(frozen=True)
class Span:
    """A region's interruption over the whole run.

    Args:
        region: Which.
        at_least_s: So long clients were without an answer for certain.
        at_most_s: So long at most, as far as somebody asked.
        unknown_s: Of so much time nobody knows.
    """

    region: str
    at_least_s: float
    at_most_s: float
    unknown_s: float

    @property
    def met(self) -> bool | None:
        """Whether it was short enough; None: nobody knows."""
        if self.at_least_s > ALLOWED_INTERRUPTION_S:
            return False
        return True if self.at_most_s <= ALLOWED_INTERRUPTION_S else None


def moved_s(records: Sequence[Record]) -> float | None:
    """When traffic began to move, Unix time; None: it has not. What was before is no interruption by the cutover."""
    moves = (each for each in records if each.kind is RecordKind.INTENT and each.data.get("action") == Action.SHIFT)
    first = next(moves, None)
    return None if first is None else datetime.fromisoformat(first.at).timestamp()


def told(records: Sequence[Record]) -> tuple[Told, ...]:
    """Every look at a region, in order."""
    return tuple(
        Told(datetime.fromisoformat(record.at), Interruption.read(said)) for record in records for said in _said(record)
    )


def before(looks: Sequence[Told]) -> dict[str, float]:
    """By region the longest time without an answer, for certain, that was seen before traffic moved; 0 is left out."""
    found = dict[str, float]()
    for each in looks:
        if each.seen.before and each.seen.failing_s:
            found[each.seen.region] = max(found.get(each.seen.region, 0.0), each.seen.failing_s)
    return found


def spans(looks: Sequence[Told]) -> tuple[Span, ...]:
    """By region, in the order in which they were looked at first, what was seen since traffic moved."""
    looks = [each for each in looks if not each.seen.before]
    regions = dict.fromkeys(each.seen.region for each in looks)
    return tuple(_span(region, [each.seen for each in looks if each.seen.region == region]) for region in regions)


def _span(region: str, seen: Sequence[Interruption]) -> Span:
    ledgers: dict[float, Interruption] = {}
    for each in seen:  # the last look at each ledger says all that those before it did
        ledgers[each.began_s] = each
    ordered = sorted(ledgers.values(), key=lambda each: each.began_s)
    between = [after.began_s - before.last_s for before, after in pairwise(ordered)]
    return Span(
        region,
        at_least_s=max(each.failing_s for each in seen),
        at_most_s=max([*(each.without_s for each in seen), *between]),
        unknown_s=sum(each.unasked_s for each in ordered) + sum(each for each in between if each > 0),
    )


def _said(record: Record) -> Iterator[Mapping[str, object]]:
    given = record.data.get("findings")
    for each in given if isinstance(given, list) else []:
        for finding in within(Finding.read(cast("Mapping[str, object]", each))):
            if finding.evidence.get("port") == "interruption":
                yield cast("Mapping[str, object]", finding.evidence["said"])
    at_end = record.data.get("interruption")
    if record.kind is RecordKind.RESULT and isinstance(at_end, dict):
        yield from cast("list[Mapping[str, object]]", list(at_end.values()))


def within(finding: Finding) -> Iterator[Finding]:
    """The finding; a soak's checks in its place."""
    inside = finding.evidence.get("checks")
    if isinstance(inside, list):
        yield from (Finding.read(cast("Mapping[str, object]", each)) for each in inside)
    else:
        yield finding
