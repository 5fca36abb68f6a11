"""Is a region lost? Several vantage points watch it; a quorum of them decides, and silence is never a vote.

A vantage point that is blind fails against every region, one that hangs says nothing new, one that is gone says
nothing at all. So a region is lost only when at least `quorum` *different* vantage points each report at least
`failures` failed probes in a row, the last of them fresh. With a quorum of two, no single one can cause a failover.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Self

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from aurops.clock import Clock


class Report(BaseModel):
    """What one vantage point says (the answer of its `GET /report`).

    Args:
        vantage: Its name.
        region: The region that it probes.
        consecutive_failures: Failed probes since the last good one.
        last_ok_s: End of the last good probe on the vantage point's clock, None when there was none.
        last_failure_s: End of the last failed probe on the vantage point's clock, None when there was none.
        now_s: The vantage point's clock when it answered.
        error: Why the last failed probe failed.
        received_s: The reader's clock when the answer came; the two clocks are never subtracted from each other.
    """

    model_config = ConfigDict(frozen=True)

    vantage: str
    region: str
    consecutive_failures: int
    last_ok_s: float | None
    last_failure_s: float | None
    now_s: float
    error: str | None = None
    received_s: float = 0.0

    def age_s(self, now_s: float) -> float | None:
        """Seconds since its last probe ended, given the reader's clock; None when it has not probed yet."""
        ends_s = [end_s for end_s in (self.last_ok_s, self.last_failure_s) if end_s is not None]
        if not ends_s:
            return None
        return (self.now_s - max(ends_s)) + (now_s - self.received_s)


@dataclass(frozen=True, slots=True)
class Rule:
    """When a region counts as lost.

    Args:
        quorum: So many vantage points must say so (≥ 2, else one blind vantage point decides).
        failures: So many failed probes in a row make a vantage point say so.
        fresh_s: A report whose last probe is older than this, in seconds, is no vote. A vantage point at work has a
            probe not older than one interval plus one time-out (0.5 s); as much again is for a busy machine.
    """

    quorum: int = 2
    failures: int = 3
    fresh_s: float = 1.0


class Vote(StrEnum):
    """What one vantage point's report amounts to."""

    LOST = "lost"
    WELL = "well"
    FAILING = "failing"
    """Some probes failed, not enough in a row."""
    UNKNOWN = "unknown"
    """No report, a stale one, or one about another region."""


class State(StrEnum):
    """What the vantage points say together."""

    LOST = "lost"
    WELL = "well"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One vantage point's vote with the numbers that it rests on; ages in seconds."""

    vantage: str
    vote: Vote
    consecutive_failures: int | None
    age_s: float | None
    error: str | None

    def __str__(self) -> str:
        if self.age_s is None:
            return f"{self.vantage}: {self.vote}"
        why = f": {self.error}" if self.error and self.vote is not Vote.WELL else ""
        failures = f"{self.consecutive_failures} failures in a row"
        return f"{self.vantage}: {self.vote} ({failures}, last probe {self.age_s:.2f} s ago{why})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the quorum says of a region.

    Args:
        region: The region.
        state: Lost, well or undecided.
        detected_at_s: When this was judged, on the reader's clock.
        evidence: Every vantage point's vote.
    """

    region: str
    state: State
    detected_at_s: float
    evidence: tuple[Evidence, ...]

    @property
    def text(self) -> str:
        """The verdict and its evidence in one line, for the journal and for people."""
        return f"{self.region} is {self.state}: " + "; ".join(map(str, self.evidence))


def judge(region: str, vantages: Sequence[str], reports: Iterable[Report], now_s: float, rule: Rule) -> Verdict:
    """Count the votes.

    Args:
        region: The region in question.
        vantages: Names of all vantage points; reports of others are ignored.
        reports: What was received; of several of one vantage point only the last received counts.
        now_s: The reader's clock.
        rule: When a region counts as lost.
    """
    latest: dict[str, Report] = {}
    for report in sorted(reports, key=lambda report: report.received_s):
        latest[report.vantage] = report
    evidence = tuple(_vote(name, latest.get(name), region, now_s, rule) for name in dict.fromkeys(vantages))
    votes = [item.vote for item in evidence]
    state = State.UNDECIDED
    if votes.count(Vote.LOST) >= rule.quorum:
        state = State.LOST
    elif votes.count(Vote.WELL) >= rule.quorum:
        state = State.WELL
    return Verdict(region, state, now_s, evidence)


def _vote(vantage: str, report: Report | None, region: str, now_s: float, rule: Rule) -> Evidence:
    age_s = report.age_s(now_s) if report else None
    if report is None or age_s is None or report.region != region:
        return Evidence(vantage, Vote.UNKNOWN, None, None, None)
    vote = Vote.WELL
    if age_s > rule.fresh_s:
        vote = Vote.UNKNOWN
    elif report.consecutive_failures >= rule.failures:
        vote = Vote.LOST
    elif report.consecutive_failures:
        vote = Vote.FAILING
    return Evidence(vantage, vote, report.consecutive_failures, age_s, report.error)


class Board:
    """Where the reading threads pin the reports, and the judging one looks; a context manager.

    Each vantage point is read by a thread of its own, so that one that hangs holds up no other.

    Args:
        urls: Base URL of each vantage point by name.
        clock: The reader's clock.
    """

    _POLL_S = 0.04
    _TIMEOUT_S = 0.2

    def __init__(self, urls: Mapping[str, str], clock: Clock) -> None:
        self._urls = urls
        self._clock = clock
        self._news = threading.Event()
        self._closed = threading.Event()
        self._latest: dict[str, Report] = {}

    def __enter__(self) -> Self:
        for url in self._urls.values():
            threading.Thread(target=self._read, args=(url,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Let the threads end; none outlives its current request."""
        self._closed.set()

    def judge(self, region: str, rule: Rule) -> Verdict:
        """What the vantage points say of a region now."""
        return judge(region, list(self._urls), self._reports(), self._clock.now_s(), rule)

    def _reports(self) -> list[Report]:
        """The latest report by each URL; a vantage point that does not answer leaves its old one, which goes stale."""
        return list(self._latest.copy().values())

    def wait_for_news(self) -> None:
        """Return when a report came, or after one poll: reports go stale without news."""
        self._news.wait(self._POLL_S)
        self._news.clear()

    def _read(self, url: str) -> None:
        """Read one vantage point again and again until closed."""
        with httpx.Client(base_url=url, timeout=self._TIMEOUT_S, trust_env=False) as client:
            while not self._closed.wait(self._POLL_S):
                asked_s = self._clock.now_s()
                try:
                    report = Report.model_validate_json(client.get("/report").raise_for_status().content)
                except (httpx.HTTPError, ValidationError):
                    continue  # silence: the last report goes stale and stops being a vote
                # Counted from before the question: an answer that was long under way looks older, never fresher.
                self._latest[url] = report.model_copy(update={"received_s": asked_s})
                self._news.set()
