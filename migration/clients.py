"""What a rehearsal's clients saw, as its journal keeps it: a note of the run, so that its hash covers that, too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from aurops.journal import RecordKind
from migration.probe_ledger import NOBODY, percentile_s

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from aurops.journal import Journal, Record
    from migration.probe_ledger import Probed

SLICE_S = 1.0


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Slice(_Part):
    """The probes of one side that were due in one slice of time.

    Args:
        side: Which side answered them.
        at_s: Start of the slice, Unix time.
        sent: How many.
        ok: How many with success.
        p50_s: Median latency of these; None: there was none.
        p99_s: Their 99th percentile, by nearest rank.
    """

    side: str
    at_s: float
    sent: int
    ok: int
    p50_s: float | None
    p99_s: float | None


class Clients(_Part):
    """What clients saw of a whole run.

    Args:
        interruption_s: By region, the longest time without success.
        said: What the load and its servers counted, in words.
        why_not: Why they were not served well; empty when they were.
        slice_s: Length of a slice.
        slices: By time and side.
    """

    interruption_s: dict[str, float]
    said: tuple[str, ...] = ()
    why_not: str = ""
    slice_s: float = SLICE_S
    slices: tuple[Slice, ...] = ()


def slices(probes: Iterable[Probed], slice_s: float = SLICE_S) -> tuple[Slice, ...]:
    """Probes by slice of time and side. Pure."""
    found: dict[tuple[float, str], list[Probed]] = {}
    for probe in probes:
        found.setdefault((probe.due_s // slice_s * slice_s, probe.side or NOBODY), []).append(probe)
    return tuple(_slice(side, at_s, found[at_s, side]) for at_s, side in sorted(found))


def _slice(side: str, at_s: float, probes: Sequence[Probed]) -> Slice:
    took_s = [probe.took_s for probe in probes if probe.took_s is not None]
    p50_s, p99_s = (percentile_s(took_s, part) for part in (0.5, 0.99))
    return Slice(side=side, at_s=at_s, sent=len(probes), ok=len(took_s), p50_s=p50_s, p99_s=p99_s)


def keep(journal: Journal, clients: Clients) -> None:
    """Write it into the run's journal."""
    journal.append(RecordKind.NOTE, {"text": "what clients saw", "clients": clients.model_dump(mode="json")})


def kept(records: Iterable[Record]) -> Clients | None:
    """What a journal keeps of clients; None: nothing."""
    for record in records:
        if record.kind is RecordKind.NOTE and "clients" in record.data:
            return Clients.model_validate(record.data["clients"])
    return None
