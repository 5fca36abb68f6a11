"""The report of a run: a model that is its JSON, and one HTML file for people.

The HTML needs nothing but itself: no script, no request, the system's own fonts, light and dark as the reader's system
prefers, legible on a phone. Altair, vl-convert and Jinja are imported only when HTML is rendered.

Times of steps, points, marks and decisions are seconds *relative to t0*; before t0 they are negative.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aurops.errors import OutsideError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = 1


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Verdict(StrEnum):
    """What the run proved."""

    PASSED = "passed"
    FAILED = "failed"
    INCONCLUSIVE = "inconclusive"
    """The run could not show it either way; no pass."""
    OPEN = "open"
    """The run has not ended; the report is of the moment at which it was made."""


class Figure(_Model):
    """One measured figure against its limit.

    Args:
        name: Short name: RTO, RPO, detection.
        measured: The figure in its unit; None: not known.
        unit: `s` for seconds, else what is counted, in the plural.
        limit: What it must not exceed; None: none was set.
        met: Whether the limit was met; None: no limit, or not known.
        means: How the figure is defined, in one sentence.
    """

    name: str
    measured: float | None
    unit: str
    limit: float | None = None
    met: bool | None = None
    means: str = ""


class StepRow(_Model):
    """One step as it went.

    Args:
        name: The step.
        stage: The stage it belongs to; steps of a stage run in parallel.
        start_s: When its first call began.
        end_s: When its last call ended; None: it did not end.
        wait_s: Seconds of it in which no call was under way: between an answer and the next try.
        retries: Calls after the first.
        outcome: How it ended: done, adopted, failed, unknown, skipped.
        reason: Why the plan has it, or why it ended so.
    """

    name: str
    stage: str
    start_s: float
    end_s: float | None
    wait_s: float = 0.0
    retries: int = 0
    outcome: str
    reason: str = ""


class DecisionRow(_Model):
    """One decision that was journalled before it was acted on."""

    at_s: float
    name: str
    value: str
    reason: str


class GateRow(_Model):
    """One gate, as the last look at it found it.

    Args:
        stage: What begins behind it.
        gate: Its name.
        kind: What sort of gate.
        state: open, closed, unknown.
        why: In words.
        at: When it was looked at last: time of day in UTC, ISO 8601.
        looks: How many looks at it the journal holds.
        evidence: What was seen, as the journal holds it (JSON).
    """

    stage: str
    gate: str
    kind: str
    state: str
    why: str
    at: str
    looks: int
    evidence: str = ""


class ApprovalRow(_Model):
    """One approval that counted.

    Args:
        stage: What it let begin.
        who: Who signed.
        key: Fingerprint of the SSH key.
        signed_at: Time of day in UTC, ISO 8601.
        reason: Why, in the signer's words.
    """

    stage: str
    who: str
    key: str
    signed_at: str
    reason: str


class Weight(_Model):
    """From a moment on, what part of its traffic a proxy sends to the new side (0 to 1)."""

    at_s: float
    proxy: str
    share: float


class Requests(_Model):
    """The clients' ledger in numbers.

    Args:
        sent: All requests.
        ok: Acknowledged.
        fail: Certainly not executed.
        info: Outcome unknown to the client (time-outs, resets).
        recovered: Of these, found to be executed; None: not read back.
        lost: Acknowledged and not readable; None: not read back.
        unexpected: Readable, though failed or never recorded; None: not read back.
        split_brain: Acknowledged under an older epoch after a newer one.
        cache_lost: Acknowledged as cached and gone from the cache; None: not read.
        torn_lines: Lines of the ledger that were cut short.
    """

    sent: int
    ok: int
    fail: int
    info: int
    recovered: int | None
    lost: int | None
    unexpected: int | None
    split_brain: int
    cache_lost: int | None
    torn_lines: int


class Skipped(_Model):
    """What was not done, and why."""

    what: str
    reason: str


class Mark(_Model):
    """A moment worth a line in the chart: fault effective, detected, recovered."""

    at_s: float
    name: str


class Point(_Model):
    """What clients saw in one slice of time, by intended send time.

    Args:
        at_s: Start of the slice.
        sent: Requests in it.
        ok_ratio: Part of them that was acknowledged (0 to 1); None: none was sent.
        p50_s: Median latency of the acknowledged ones; None: there was none.
        p99_s: Their 99th percentile.
    """

    at_s: float
    sent: int
    ok_ratio: float | None
    p50_s: float | None
    p99_s: float | None


class Series(_Model):
    """Success rate and latency over time.

    Args:
        name: Whose: a side of a cutover; empty: the service's.
        slice_s: Length of a slice.
        latency_limit_s: The objective's limit for the 99th percentile, drawn as a line.
        points: The slices in order.
    """

    name: str = ""
    slice_s: float
    latency_limit_s: float | None = None
    points: tuple[Point, ...]


class Report(_Model):
    """Everything that a reader of a run's outcome needs.

    Args:
        title: What was done, in a few words.
        run: The run's id.
        made_at: When it was made, for people.
        verdict: What it proved.
        because: Why, in one sentence.
        summary: What was done to what, in one or two sentences.
        objectives: Figures; the first three are shown large.
        steps: The steps in the order in which they began.
        decisions: The decisions in their order.
        requests: The clients' ledger in numbers; None: there were no clients.
        series: What clients saw over time; None: there were no clients.
        t0: What happened when the time was 0.
        weights: Where proxies sent their traffic, in order; empty: nothing was steered.
        sides: What was seen over time of each side of a cutover.
        gates: What the run waited for.
        approvals: Who let it go on.
        marks: Moments in the chart; t0 itself needs none.
        skipped: What was not done.
        notes: What a reader must know to judge the figures: resolution, load, the machine.
        versions: Version by component.
        journal_head: Hash of the run's last journal record when this was made: it pins the whole journal.
    """

    schema_version: Literal[1] = Field(default=1, alias="schema")
    title: str
    run: str
    made_at: datetime
    verdict: Verdict
    because: str
    summary: str = ""
    objectives: tuple[Figure, ...] = ()
    steps: tuple[StepRow, ...] = ()
    decisions: tuple[DecisionRow, ...] = ()
    requests: Requests | None = None
    series: Series | None = None
    t0: str = "the first signal of the fault was sent"
    weights: tuple[Weight, ...] = ()
    sides: tuple[Series, ...] = ()
    gates: tuple[GateRow, ...] = ()
    approvals: tuple[ApprovalRow, ...] = ()
    marks: tuple[Mark, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    versions: dict[str, str] = Field(default_factory=dict)
    journal_head: str | None = None

    def to_json(self) -> str:
        """The report as JSON, indented."""
        return self.model_dump_json(by_alias=True, indent=2) + "\n"

    def to_html(self, *, live: str = "") -> str:
        """The report as one self-contained HTML page.

        Args:
            live: Said at its head, when the page is shown anew by itself.
        """
        from aurops import page, report_chart  # noqa: PLC0415 - only when HTML is wanted

        charts = {width.name.lower(): report_chart.svg(self, width) for width in report_chart.Width}
        return page.render("aurops/report.html.j2", FILTERS, report=self, charts=charts, live=live)


def read(text: str, *, where: str) -> Report:
    """Read a report's JSON.

    Args:
        text: What `Report.to_json` wrote.
        where: The file's name, for errors.

    Raises:
        UsageError: It was written by a newer aurops.
        OutsideError: It is not a report.
    """
    try:
        return Report.model_validate_json(text)
    except ValidationError as error:
        given = next((problem["input"] for problem in error.errors() if problem["loc"] == ("schema",)), None)
        if isinstance(given, int) and given > SCHEMA:
            raise UsageError(
                f"this report has schema {given}; this aurops reads up to {SCHEMA}",
                where=where,
                next_step="read it with the aurops version that wrote it (under `versions`), or a newer one",
            ) from error
        raise OutsideError(f"this is not a report: {error.errors()[0]['msg']}", where=where) from error


def seconds(value_s: float | None) -> str:
    """A duration for people, with as many digits as are worth reading."""
    if value_s is None:
        return "not known"
    if abs(value_s) < 0.0995:  # noqa: PLR2004 - below it, milliseconds read better
        return f"{value_s * 1000:.0f} ms" if value_s else "0 s"
    return f"{value_s:.2f} s" if abs(value_s) < 100 else f"{value_s:,.0f} s"  # noqa: PLR2004


def moment(at_s: float) -> str:
    """A place on the time axis: seconds near t0, hours:minutes:seconds far from it."""
    if abs(at_s) < 1000:  # noqa: PLR2004 (a quarter of an hour)
        return f"{at_s:.3f} s"
    minutes, left_s = divmod(round(abs(at_s)), 60)
    return f"{'-' if at_s < 0 else ''}{minutes // 60}:{minutes % 60:02}:{left_s:02} h"


def quantity(value: float | None, unit: str) -> str:
    """A figure with its unit, for people."""
    if value is None:
        return "not known"
    return seconds(value) if unit == "s" else f"{value:,.0f} {unit}"


def limit(value: float, unit: str) -> str:
    """A limit with its unit, as it was set."""
    return f"{value:g} {unit}"


FILTERS: dict[str, Callable[..., str]] = {"quantity": quantity, "seconds": seconds, "moment": moment, "limit": limit}
"""What the templates of pages pipe figures through."""
