"""The report: its JSON and its page."""

import json
import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from aurops import report_chart
from aurops.errors import OutsideError, UsageError
from aurops.report import (
    DecisionRow,
    Figure,
    Mark,
    Point,
    Report,
    Requests,
    Series,
    Skipped,
    StepRow,
    Verdict,
    Weight,
    quantity,
    read,
    seconds,
)


def point(at_s: float) -> Point:
    """A slice of a service that is away from 0 s to 0.9 s."""
    away = 0 <= at_s < 0.9
    return Point(
        at_s=at_s,
        sent=15,
        ok_ratio=0.0 if away else 1.0,
        p50_s=None if away else 0.004,
        p99_s=None if away else 0.31 if 0.9 <= at_s < 1.2 else 0.011,
    )


STEPS = (
    ("inject kill", "fault", -0.05, 0.02, "every process of north gets SIGKILL"),
    ("detect", "detection", 0.02, 0.66, "two of three vantage points must agree"),
    ("take the lease", "lease", 0.66, 0.68, "epoch 2; older epochs are refused from now on"),
    ("close traffic", "fence", 0.68, 0.70, "no request reaches a region that is being changed"),
    ("detach south", "fence", 0.68, 0.71, "quorum denial: north can no longer acknowledge anything"),
    ("detach west", "fence", 0.68, 0.72, "quorum denial"),
    ("fence north", "fence", 0.68, 0.88, "best effort: north does not answer"),
    ("promote south", "promote", 0.72, 0.85, "south holds position 0/5000A28, the most advanced of 2 of 2 read"),
    ("promote cache", "promote", 0.72, 0.74, "best effort"),
    ("verify by a write", "verify", 0.85, 0.87, ""),
    ("open traffic", "open", 0.87, 0.90, ""),
    ("re-protect west", "re-protect", 0.90, 1.40, "west follows south"),
)


def sample(verdict: Verdict = Verdict.PASSED) -> Report:
    """A report with something in every part."""
    return Report(
        title="Failover test: kill north",
        run="drill-20260101-000000-a1b2",
        made_at=datetime(2026, 1, 1, 12, tzinfo=UTC),
        verdict=verdict,
        because="Back within the objective 0.90 s after the fault; every acknowledged write is readable.",
        summary="Every process of north was killed under 60 requests/s; south took over.",
        objectives=(
            Figure(
                name="RTO",
                measured=0.9,
                unit="s",
                limit=60,
                met=True,
                means="From the first signal to the first good second.",
            ),
            Figure(name="RPO", measured=0, unit="writes", limit=0, met=True, means="Acknowledged and not readable."),
            Figure(name="Longest silence", measured=0.93, unit="s", means="Between two acknowledgements."),
            Figure(name="Detection", measured=0.64, unit="s", means="From the first signal to the quorum's verdict."),
        ),
        steps=tuple(
            StepRow(
                name=name,
                stage=stage,
                start_s=start,
                end_s=end,
                reason=why,
                outcome="unknown" if name == "fence north" else "done",
            )
            for name, stage, start, end, why in STEPS
        ),
        decisions=(DecisionRow(at_s=0.72, name="target", value="south", reason="most advanced position read"),),
        requests=Requests(
            sent=723,
            ok=668,
            fail=51,
            info=4,
            recovered=1,
            lost=0,
            unexpected=0,
            split_brain=0,
            cache_lost=None,
            torn_lines=0,
        ),
        series=Series(slice_s=0.25, latency_limit_s=0.5, points=tuple(point(at / 4) for at in range(-16, 32))),
        marks=(
            Mark(at_s=0.02, name="fault effective"),
            Mark(at_s=0.66, name="detected"),
            Mark(at_s=0.9, name="recovered"),
        ),
        skipped=(Skipped(what="fault: full disk", reason="needs a user namespace, which this machine refuses"),),
        notes=("A probe every 250 ms: detection is known to 0.25 s.", "60 requests/s, Poisson, seed 1."),
        versions={"aurops": "0.1.0", "PostgreSQL": "18.6"},
        journal_head="9f2c" * 16,
    )


def test_a_report_survives_its_json() -> None:
    """The JSON is the model: nothing is lost, and it names its schema."""
    text = sample().to_json()
    assert json.loads(text)["schema"] == 1
    assert read(text, where="report.json") == sample()


def test_a_newer_schema_is_refused_by_name() -> None:
    """An old aurops does not guess at what it does not know."""
    newer = json.dumps(json.loads(sample().to_json()) | {"schema": 2})
    with pytest.raises(UsageError, match="schema 2"):
        read(newer, where="report.json")
    with pytest.raises(OutsideError, match="not a report"):
        read('{"schema": 1}', where="report.json")


def test_the_page_needs_nothing_but_itself() -> None:
    """No script, no style sheet, font or picture from anywhere: it can be mailed and archived."""
    page = sample().to_html()
    assert "<script" not in page
    assert not re.search(r"(src|href)=|@import|url\((?!#)", page)
    assert set(re.findall(r"https?://[^\"' <]+", page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_the_page_shows_verdict_figures_steps_and_decisions() -> None:
    """What the model holds can be read on the page."""
    page = sample(Verdict.FAILED).to_html()
    for text in (
        "✗ Failed",
        "0.90 s",
        "0 writes",
        "detach south",
        "most advanced position read",
        "9f2c9f2c",
        "full disk",
    ):
        assert text in page


def test_the_chart_takes_its_colours_from_the_page() -> None:
    """One drawing serves light and dark; every panel and the steps' names are in it."""
    drawings = re.findall(r"<svg.*?</svg>", sample().to_html(), re.DOTALL)
    assert len(drawings) == 2
    for drawing in drawings:
        ET.fromstring(drawing)  # noqa: S314 - our own
        assert "#0a0b0" not in drawing
        assert "var(--bad)" in drawing
        assert "promote south" in drawing


def test_a_mark_leaves_every_chart_its_times() -> None:
    """A line within what is shown draws no chart from zero on: all that stand below one another show the same."""
    points = tuple(Point(at_s=at_s, sent=1, ok_ratio=1.0, p50_s=0.1, p99_s=0.1) for at_s in (500.0, 510.0))
    side = Series(name="V11", slice_s=10.0, points=points)
    weights = tuple(Weight(at_s=at_s, proxy="west-1", share=at_s / 520) for at_s in (0.0, 500.0, 520.0))
    shown = sample().model_copy(
        update={"series": None, "sides": (side,), "weights": weights, "marks": (Mark(at_s=505.0, name="stopped"),)}
    )
    drawing = report_chart.svg(shown, report_chart.Width.WIDE)
    axes = re.findall(r"X-axis[^\"]* for a linear scale with values from (\S+) to ([^\"]+)", str(drawing))
    assert len(axes) == 4
    lanes, _steps, success, latency = axes
    assert lanes == success == latency
    assert float(lanes[0]) > 400
    assert str(drawing).count("since t0</text>") == 3


def test_text_from_outside_is_escaped() -> None:
    """An error text that holds markup stays text."""
    page = sample().model_copy(update={"because": "<script>alert(1)</script>"}).to_html()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_a_report_without_clients_or_steps_is_a_page_too() -> None:
    """A run that stopped early has a report; what is not known says so."""
    bare = Report(
        title="t", run="r", made_at=datetime(2026, 1, 1, tzinfo=UTC), verdict=Verdict.INCONCLUSIVE, because="b"
    )
    page = bare.to_html()
    assert "? Inconclusive" in page
    assert "<svg" not in page
    figure = Figure(name="RPO", measured=None, unit="writes", limit=0)
    page = bare.model_copy(update={"objectives": (figure,)}).to_html()
    assert "? limit 0 writes" in page


@pytest.mark.parametrize(
    ("value_s", "text"),
    [
        (None, "not known"),
        (0, "0 s"),
        (0.0124, "12 ms"),
        (0.0999, "0.10 s"),
        (-0.05, "-50 ms"),
        (1.255, "1.25 s"),
        (1234.5, "1,234 s"),
    ],
)
def test_durations_have_the_digits_worth_reading(value_s: float | None, text: str) -> None:
    """Milliseconds below a tenth of a second, hundredths above, whole seconds from 100 on."""
    assert seconds(value_s) == text


def test_counts_are_named() -> None:
    """A count stands with what was counted."""
    assert quantity(1500, "writes") == "1,500 writes"
