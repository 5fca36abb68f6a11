"""From a clients' ledger to RTO and RPO, without charity: what cannot be judged is unknown, never good.

Pure. How each figure is defined stands at `Measurement`; docs that quote a figure must be able to point there.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import accumulate, pairwise
from math import inf
from typing import TYPE_CHECKING

from failover.ledger import Entry, Ledger, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from collections.abc import Set as AbstractSet


@dataclass(frozen=True, slots=True)
class Objective:
    """What "the service is well" means for one window of time.

    Args:
        success_ratio: At least this part of the window's requests ended `ok` (0 to 1).
        p99_s: The 99th percentile of the latencies of its `ok` requests is below this, in seconds.
        window_s: Length of a window in seconds; requests belong to it by their intended send time.
        min_requests: A window with fewer requests cannot be judged (≥ 1).
    """

    success_ratio: float = 0.99
    p99_s: float = 0.5
    window_s: float = 1.0
    min_requests: int = 20


class Recovery(StrEnum):
    """What clients saw of the fault."""

    RECOVERED = "recovered"
    NOT_RECOVERED = "not recovered"
    """Within the observation; a longer one might say otherwise."""
    NO_EFFECT = "no effect"
    """The objective was never missed after t0: an outage that clients did not notice, or a fault that did nothing."""
    UNKNOWN = "unknown"
    """No window after t0 could be judged."""


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch in which the objective was missed.

    Args:
        start_s: t0 for the first; for a relapse the intended send time of the first bad request of its first missed
            window.
        end_s: Start of the first window after it that meets the objective; None when none did.
    """

    start_s: float
    end_s: float | None


@dataclass(frozen=True, slots=True)
class Totals:
    """Requests of the whole ledger by outcome, and lines that were cut short."""

    sent: int
    ok: int
    fail: int
    info: int
    torn_lines: int


@dataclass(frozen=True, slots=True)
class Measurement:
    """What the ledger proves. Times are seconds of CLOCK_BOOTTIME, durations seconds; None is *not known*.

    Args:
        recovery: Whether the service came back, within the observation.
        t0_s: The first signal of the fault was sent.
        bit_at_s: Intended send time of the first request that the fault harmed.
        rto_s: From t0 to the start of the first window that meets the objective and starts after the fault bit.
            None unless recovered.
        rto_resolution_s: The service may have been well again this much earlier: no request was sent in between.
        relapses: Outages after the recovery.
        bad_time_s: RTO plus the length of every relapse. Where the last outage did not end it counts up to the
            last request, so that the figure is a lower bound.
        observed_after_s: How long requests were sent after t0.
        client_gap_s: The longest time without any acknowledgement that ended after t0: last success before to
            first success after. None when nothing was acknowledged any more.
        lost_ids: Acknowledged (`ok`) and not readable: the RPO as a count is their number. None when the
            data could not be read back.
        rpo_s: Length of the stretch of time that holds t0 and the end of every lost request; 0 when none is lost.
        unexpected_ids: Readable, although the request `fail`ed or was never recorded.
        recovered_ids: Readable, although the client did not learn the outcome (`info`).
        split_brain_ids: Acknowledged under an older epoch after the first acknowledgement of a newer one.
        cache_lost: Acknowledged as cached and no longer in the cache; no part of the RPO. None when not read.
        steady_before: `well_before` t0.
        arrival_gap_s: Mean time between two requests.
        send_delay_max_s: Longest time by which the client sent later than intended: its own slowness.
        totals: Requests by outcome.
    """

    recovery: Recovery
    t0_s: float
    bit_at_s: float | None
    rto_s: float | None
    rto_resolution_s: float | None
    relapses: tuple[Outage, ...]
    bad_time_s: float | None
    observed_after_s: float
    client_gap_s: float | None
    lost_ids: tuple[str, ...] | None
    rpo_s: float | None
    unexpected_ids: tuple[str, ...] | None
    recovered_ids: tuple[str, ...] | None
    split_brain_ids: tuple[str, ...]
    cache_lost: int | None
    steady_before: bool | None
    arrival_gap_s: float | None
    send_delay_max_s: float
    totals: Totals

    @property
    def rpo_count(self) -> int | None:
        """Acknowledged writes that are not readable; None when the data could not be read back."""
        return None if self.lost_ids is None else len(self.lost_ids)


def measure(
    ledger: Ledger,
    t0_s: float,
    readable_ids: AbstractSet[str] | None,
    cached_ids: AbstractSet[str] | None,
    objective: Objective,
    *,
    steady_s: float = inf,
) -> Measurement:
    """Compute every figure of a drill.

    Args:
        ledger: What the clients of one run saw.
        t0_s: When the first signal of the fault was sent.
        readable_ids: Every id of this run that can be read at the end; None when it could not be read.
        cached_ids: Every id of this run that the cache holds at the end; None when it could not be read.
        objective: When a window counts as good.
        steady_s: For so long before t0 the service should have been well; before, it may have been starting.
    """
    entries = sorted(ledger.entries, key=lambda entry: entry.intended_s)
    windows = _Windows(entries, objective)
    outages = tuple(windows.outages(t0_s))
    recovery = _recovery(windows, outages, t0_s)
    last_s = max([t0_s, *(entry.intended_s for entry in entries[-1:])])
    end_s = outages[0].end_s if outages else None
    lost = _lost(entries, readable_ids)
    return Measurement(
        recovery=recovery,
        t0_s=t0_s,
        bit_at_s=windows.bit_at_s(t0_s),
        rto_s=None if end_s is None else end_s - t0_s,
        rto_resolution_s=None if end_s is None else windows.gap_before(end_s),
        relapses=outages[1:],
        bad_time_s=None if recovery is Recovery.UNKNOWN else _bad_time_s(outages, last_s),
        observed_after_s=last_s - t0_s,
        client_gap_s=_client_gap_s(entries, t0_s),
        lost_ids=None if lost is None else tuple(entry.id for entry in lost),
        rpo_s=None if lost is None else _rpo_s(lost, t0_s),
        unexpected_ids=_unexpected(entries, readable_ids),
        recovered_ids=_recovered(entries, readable_ids),
        split_brain_ids=tuple(_split_brain(entries)),
        cache_lost=_cache_lost(entries, cached_ids),
        steady_before=well_before(entries, t0_s, steady_s, objective),
        arrival_gap_s=(entries[-1].intended_s - entries[0].intended_s) / (len(entries) - 1) if entries[1:] else None,
        send_delay_max_s=max((entry.sent_s - entry.intended_s for entry in entries), default=0.0),
        totals=_totals(ledger),
    )


def recovery_by(ledger: Ledger, t0_s: float, by_s: float, objective: Objective) -> Recovery:
    """What clients knew of the recovery at a moment: the last one before something that may have helped.

    A request that was under way at that moment counts as not answered, and a window that was not over as not judged.

    Args:
        ledger: All requests, those that ended later among them.
        t0_s: When the fault did its first harm.
        by_s: The moment.
        objective: When a window counts as good.
    """
    known = (entry if entry.end_s <= by_s else replace(entry, outcome=Outcome.INFO) for entry in ledger.entries)
    windows = _Windows(sorted((entry for entry in known if entry.intended_s <= by_s), key=_intended_s), objective)
    return _recovery(windows, tuple(windows.outages(t0_s)), t0_s)


def well_before(entries: Sequence[Entry], at_s: float, steady_s: float, objective: Objective) -> bool | None:
    """Whether the steady time before a moment, taken as one window, met the objective.

    It ends `Objective.p99_s` earlier: what was sent by then had its time, and what was sent later may have been hit by
    what came at that moment.

    Args:
        entries: Requests, sorted by intended send time.
        at_s: The moment.
        steady_s: The length of the steady time in seconds.
        objective: What to meet.

    Returns:
        None when there are too few requests to judge.
    """
    first = bisect_left(entries, at_s - steady_s, key=_intended_s)
    window = entries[first : bisect_left(entries, at_s - objective.p99_s, key=_intended_s)]
    ok, fast = sum(entry.is_ok for entry in window), sum(_is_good(entry, objective) for entry in window)
    return _meets(objective, len(window), ok, fast) if len(window) >= objective.min_requests else None


def _intended_s(entry: Entry) -> float:
    return entry.intended_s


def _is_good(entry: Entry, objective: Objective) -> bool:
    return entry.is_ok and entry.latency_s < objective.p99_s


def _meets(objective: Objective, count: int, ok: int, fast: int) -> bool:
    """Whether so many requests meet the objective, `ok` of them acknowledged and `fast` of those in time."""
    # p99 by nearest rank: the value at rank ceil(0.99 n) is below the limit when that many are (in integers: 0.99 has
    # no exact float).
    return ok > 0 and ok >= objective.success_ratio * count and 100 * fast >= 99 * ok


class _Windows:
    """Sliding windows over requests sorted by intended send time: one starts at each request.

    Sums up to each request make every window's judgement a subtraction. A window that reaches beyond the last request
    is not complete and is not judged.
    """

    def __init__(self, entries: Sequence[Entry], objective: Objective) -> None:
        self._entries = entries
        self._objective = objective
        self._starts_s = [entry.intended_s for entry in entries]
        self._ok = [0, *accumulate(int(entry.is_ok) for entry in entries)]
        self._fast = [0, *accumulate(int(_is_good(entry, objective)) for entry in entries)]
        self._verdicts = [self._judge(first) for first in range(len(entries))]

    def _end(self, first: int) -> int:
        return bisect_left(self._starts_s, self._starts_s[first] + self._objective.window_s, lo=first)

    def _judge(self, first: int) -> bool | None:
        """Whether the window that starts at this request meets the objective; None when it cannot be judged."""
        end = self._end(first)
        count = end - first
        if end == len(self._entries) or count < self._objective.min_requests:
            return None
        if first and self._starts_s[first - 1] == self._starts_s[first]:
            return None  # this window would leave out a request of its own start
        ok, fast = self._ok[end] - self._ok[first], self._fast[end] - self._fast[first]
        return _meets(self._objective, count, ok, fast)

    def judged(self, since_s: float) -> Iterator[tuple[int, bool]]:
        """The windows that can be judged and start at or after a time, in order."""
        for index in range(bisect_left(self._starts_s, since_s), len(self._entries)):
            verdict = self._verdicts[index]
            if verdict is not None:
                yield index, verdict

    def bit_at_s(self, since_s: float) -> float | None:
        """Intended send time of the first bad request of the first missed window that starts then or later."""
        missed = next((index for index, good in self.judged(since_s) if not good), None)
        return None if missed is None else self._first_bad_s(missed)

    def _first_bad_s(self, index: int) -> float:
        window = self._entries[index : self._end(index)]
        return next(entry.intended_s for entry in window if not _is_good(entry, self._objective))

    def outages(self, t0_s: float) -> Iterator[Outage]:
        """The outages from t0 on: from the first bad request (the first outage: from t0) to the next good window."""
        start_s: float | None = None
        bit_s = t0_s
        first = True
        for index, good in self.judged(t0_s):
            if start_s is None and not good:
                bit_s = self._first_bad_s(index)
                start_s = t0_s if first else bit_s
                first = False
            elif start_s is not None and good and self._starts_s[index] > bit_s:
                yield Outage(start_s, self._starts_s[index])
                start_s = None
        if start_s is not None:
            yield Outage(start_s, None)

    def gap_before(self, start_s: float) -> float | None:
        """Seconds from the request before to the one intended at this time."""
        index = bisect_left(self._starts_s, start_s)
        return start_s - self._starts_s[index - 1] if index else None


def _recovery(windows: _Windows, outages: Sequence[Outage], t0_s: float) -> Recovery:
    if outages:
        return Recovery.NOT_RECOVERED if outages[0].end_s is None else Recovery.RECOVERED
    return Recovery.UNKNOWN if next(windows.judged(t0_s), None) is None else Recovery.NO_EFFECT


def _bad_time_s(outages: Sequence[Outage], last_s: float) -> float:
    return sum((last_s if outage.end_s is None else outage.end_s) - outage.start_s for outage in outages)


def _client_gap_s(entries: Sequence[Entry], t0_s: float) -> float | None:
    """The longest pause between acknowledgements that reaches beyond t0; None when the longest one never ended."""
    acks_s = sorted(entry.end_s for entry in entries if entry.is_ok)
    if not acks_s or acks_s[-1] <= t0_s:
        return None
    longest_s = max((after - before for before, after in pairwise(acks_s) if after > t0_s), default=0.0)
    open_s = entries[-1].intended_s - acks_s[-1]
    return None if open_s > longest_s else longest_s


def _lost(entries: Sequence[Entry], readable_ids: AbstractSet[str] | None) -> list[Entry] | None:
    if readable_ids is None:
        return None
    return [entry for entry in entries if entry.is_ok and entry.id not in readable_ids]


def _rpo_s(lost: Sequence[Entry], t0_s: float) -> float:
    ends_s = [entry.end_s for entry in lost]
    return max(t0_s, *ends_s) - min(t0_s, *ends_s) if ends_s else 0.0


def _unexpected(entries: Sequence[Entry], readable_ids: AbstractSet[str] | None) -> tuple[str, ...] | None:
    if readable_ids is None:
        return None
    explained = {entry.id for entry in entries if entry.outcome is not Outcome.FAIL}
    return tuple(sorted(readable_ids - explained))


def _recovered(entries: Sequence[Entry], readable_ids: AbstractSet[str] | None) -> tuple[str, ...] | None:
    if readable_ids is None:
        return None
    return tuple(entry.id for entry in entries if entry.outcome is Outcome.INFO and entry.id in readable_ids)


def _split_brain(entries: Sequence[Entry]) -> Iterator[str]:
    newest = -1
    for entry in sorted((entry for entry in entries if entry.is_ok), key=lambda entry: entry.end_s):
        if entry.epoch is None:
            continue
        if entry.epoch < newest:
            yield entry.id
        newest = max(newest, entry.epoch)


def _cache_lost(entries: Sequence[Entry], cached_ids: AbstractSet[str] | None) -> int | None:
    if cached_ids is None:
        return None
    return sum(1 for entry in entries if entry.is_ok and entry.cached and entry.id not in cached_ids)


def _totals(ledger: Ledger) -> Totals:
    counts = dict.fromkeys(Outcome, 0)
    for entry in ledger.entries:
        counts[entry.outcome] += 1
    return Totals(
        sent=len(ledger.entries),
        ok=counts[Outcome.OK],
        fail=counts[Outcome.FAIL],
        info=counts[Outcome.INFO],
        torn_lines=ledger.torn_lines,
    )
