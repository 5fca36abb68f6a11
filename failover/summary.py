"""A drill's measurement in the words of the report: figures with their definitions, counts, series over time."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from aurops.report import Figure, Point, Requests, Series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from failover.ledger import Entry, Ledger
    from failover.measurement import Measurement, Objective


def figures(
    measurement: Measurement, *, rto_limit_s: float | None, rpo_limit: int | None, detection_s: float | None
) -> tuple[Figure, ...]:
    """The measured figures against their limits, the most important first.

    Args:
        measurement: What the ledger proved.
        rto_limit_s: RTO asked for; None: none.
        rpo_limit: Lost writes allowed; None: no limit.
        detection_s: Seconds from t0 to the quorum's verdict; None: it was not reached.
    """
    resolution = measurement.rto_resolution_s
    known_to = "" if resolution is None else f" Known to {resolution * 1000:.0f} ms."
    return (
        _against(
            "RTO",
            measurement.rto_s,
            "s",
            rto_limit_s,
            "From the first harm of the fault to the start of the first second that meets the objective." + known_to,
        ),
        _rpo(measurement, rpo_limit),
        _silence(measurement),
        _seconds("Detection", detection_s, "From the first harm to the verdict of the quorum of vantage points."),
        _seconds("Bad time", measurement.bad_time_s, "RTO plus every later stretch that missed the objective."),
        _seconds("RPO in time", measurement.rpo_s, "The stretch that holds every lost write; 0 when none is lost."),
    )


def standing_figures(
    measurement: Measurement, *, rpo_limit: int | None, felt: bool, called_s: float | None
) -> tuple[Figure, ...]:
    """The figures of a fault that deserves no failover: there is no recovery to be timed.

    Args:
        measurement: What the ledger proved.
        rpo_limit: Lost writes allowed; None: no limit.
        felt: Clients may feel the fault; when not, the objective holds throughout.
        called_s: Seconds from t0 to the call for a person; None: none was called.
    """
    means = "Every stretch from the first harm on that missed the objective."
    called = _seconds("Call", called_s, "From the first harm to the call for a person.")
    return (
        _against("Bad time", measurement.bad_time_s, "s", None if felt else 0.0, means),
        _rpo(measurement, rpo_limit),
        _silence(measurement),
        *([] if called_s is None else [called]),
    )


def _rpo(measurement: Measurement, limit: int | None) -> Figure:
    return _against("RPO", measurement.rpo_count, "writes", limit, "Acknowledged and not readable at the end.")


def _silence(measurement: Measurement) -> Figure:
    means = "Between two acknowledgements to clients: the last before to the first after the fault."
    return _seconds("Longest silence", measurement.client_gap_s, means)


def _seconds(name: str, measured_s: float | None, means: str) -> Figure:
    return Figure(name=name, measured=measured_s, unit="s", means=means)


def _against(name: str, measured: float | None, unit: str, limit: float | None, means: str) -> Figure:
    met = None if measured is None or limit is None else measured <= limit
    return Figure(name=name, measured=measured, unit=unit, limit=limit, met=met, means=means)


def requests(measurement: Measurement) -> Requests:
    """The ledger in numbers."""
    totals = measurement.totals
    return Requests(
        sent=totals.sent,
        ok=totals.ok,
        fail=totals.fail,
        info=totals.info,
        recovered=_count(measurement.recovered_ids),
        lost=measurement.rpo_count,
        unexpected=_count(measurement.unexpected_ids),
        split_brain=len(measurement.split_brain_ids),
        cache_lost=measurement.cache_lost,
        torn_lines=totals.torn_lines,
    )


def _count(ids: tuple[str, ...] | None) -> int | None:
    return None if ids is None else len(ids)


def series(ledger: Ledger, t0_s: float, objective: Objective, *, slice_s: float = 0.25) -> Series:
    """Success rate and latency over time, in slices by intended send time.

    Args:
        ledger: What the clients saw.
        t0_s: Where the time axis has its zero; a slice starts exactly there.
        objective: Gives the latency limit that the chart shows.
        slice_s: Length of a slice in seconds (> 0).
    """
    slices: dict[int, list[Entry]] = {}
    for entry in ledger.entries:
        slices.setdefault(int((entry.intended_s - t0_s) // slice_s), []).append(entry)
    numbers = range(min(slices, default=0), max(slices, default=-1) + 1)
    points = tuple(_point(number * slice_s, slices.get(number, ())) for number in numbers)
    return Series(slice_s=slice_s, latency_limit_s=objective.p99_s, points=points)


def _point(at_s: float, entries: Sequence[Entry]) -> Point:
    latencies_s = sorted(entry.latency_s for entry in entries if entry.is_ok)
    return Point(
        at_s=at_s,
        sent=len(entries),
        ok_ratio=len(latencies_s) / len(entries) if entries else None,
        p50_s=_percentile(latencies_s, 50),
        p99_s=_percentile(latencies_s, 99),
    )


def _percentile(ordered: Sequence[float], percent: int) -> float | None:
    """By nearest rank: a value that occurred."""
    return ordered[ceil(percent * len(ordered) / 100) - 1] if ordered else None
