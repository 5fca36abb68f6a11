"""The report's chart: steps, success rate and latency on one time axis, as inline SVG.

Colours are placeholders in the drawing and become CSS variables in the SVG, so that one drawing serves light and dark.
"""

from __future__ import annotations

import re
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import altair as alt
import vl_convert

if TYPE_CHECKING:
    from aurops.report import Point, Report, Series

INK, MUTED, GRID, GOOD, BAD, IDLE, LINE, SOFT = (f"#0a0b0{digit}" for digit in range(1, 9))
_VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    GOOD: "--good",
    BAD: "--bad",
    IDLE: "--idle",
    LINE: "--line",
    SOFT: "--soft",
}
_BEFORE_S, _AFTER_S = 1.0, 2.0
_OUTCOME_COLOURS = {"done": GOOD, "adopted": GOOD, "failed": BAD}


class Width(IntEnum):
    """Widths of the plots in pixels; the page shows the one that fits."""

    WIDE = 760
    NARROW = 250


def svg(report: Report, width: Width) -> str | None:
    """The chart, or None when there is nothing to draw.

    Args:
        report: What to draw: steps, series, marks.
        width: How wide the plots are; labels come on top.
    """
    domain = _domain(report)
    if domain is None:
        return None
    panels = [_steps(report, width, domain)] if report.steps else []
    if report.series and report.series.points:
        panels += [_success(report, report.series, width, domain), _latency(report, report.series, width, domain)]
    return drawn(alt.vconcat(*panels, spacing=18))


def drawn(chart: Any) -> str:
    """A chart as inline SVG in the page's style."""
    styled = chart.configure(
        background="transparent",
        font="system-ui, sans-serif",
        view=alt.ViewConfig(stroke=None),
        axis=alt.AxisConfig(
            labelColor=MUTED,
            titleColor=MUTED,
            gridColor=GRID,
            domainColor=GRID,
            tickColor=GRID,
            titleFontWeight="normal",
            labelFontSize=11,
            titleFontSize=11,
        ),
        title=alt.TitleConfig(color=INK, anchor="start", fontSize=12, fontWeight=600, offset=8),
    )
    return _inline(vl_convert.vegalite_to_svg(styled.to_json()))


def _inline(drawn: str) -> str:
    """Placeholders become CSS variables; the size becomes the page's business."""
    for colour, variable in _VARIABLES.items():
        drawn = drawn.replace(colour, f"var({variable})")
    return re.sub(r'<svg([^>]*?) width="[^"]*" height="[^"]*"', r'<svg role="img"\1', drawn, count=1)


def _domain(report: Report) -> tuple[float, float] | None:
    """From a little before to a little after everything worth seeing: steps, marks, requests that went wrong.

    A long quiet time around it would squeeze what matters into a few pixels.
    """
    slice_s, points = (report.series.slice_s, report.series.points) if report.series else (0.0, ())
    seen_s = [at_s for step in report.steps for at_s in (step.start_s, step.end_s) if at_s is not None]
    seen_s += [mark.at_s for mark in report.marks]
    seen_s += [end for point in points if point.ok_ratio != 1 for end in (point.at_s, point.at_s + slice_s)]
    all_s = [*seen_s, *(end for point in points for end in (point.at_s, point.at_s + slice_s))]
    if not all_s:
        return None
    return max(min(all_s), min(0.0, *seen_s) - _BEFORE_S), min(max(all_s), max(0.0, *seen_s) + _AFTER_S)


def _within(series: Series, domain: tuple[float, float]) -> list[Point]:
    """The slices that lie wholly in the chart."""
    return [point for point in series.points if domain[0] <= point.at_s and point.at_s + series.slice_s <= domain[1]]


def _x(domain: tuple[float, float], title: str | None = None) -> alt.X:
    scale = alt.Scale(domain=list(domain), nice=False)
    axis = alt.Axis(title=title, grid=True, format="~r", tickCount=8, labelFlush=False)
    return alt.X("at_s:Q", scale=scale, axis=axis)


def _marks(report: Report) -> list[alt.Chart]:
    """A strong line at t0, fine ones at the other moments."""
    others = [{"at_s": mark.at_s} for mark in report.marks]
    layers = [_data([{"at_s": 0.0}]).mark_rule(color=BAD, strokeWidth=1.5).encode(x="at_s:Q")]
    if others:
        layers.append(_data(others).mark_rule(color=MUTED, strokeDash=[2, 3]).encode(x="at_s:Q"))
    return layers


def _steps(report: Report, width: Width, domain: tuple[float, float]) -> Any:
    rows = [
        {
            "at_s": step.start_s,
            "end_s": domain[1] if step.end_s is None else step.end_s,
            "name": step.name,
            "colour": _OUTCOME_COLOURS.get(step.outcome, IDLE),
        }
        for step in report.steps
    ]
    limit = _extent(width)
    axis = alt.Axis(
        title=None, labelLimit=limit, labelColor=INK, domain=False, ticks=False, minExtent=limit, grid=False
    )
    bars = _data(rows).encode(
        x=_x(domain),
        x2="end_s:Q",
        y=alt.Y("name:N", sort=[step.name for step in report.steps], axis=axis),
        color=alt.Color("colour:N", scale=None),
        stroke=alt.Stroke("colour:N", scale=None),
    )
    # A stroke keeps a step of a few milliseconds visible.
    layers = [*_marks(report), bars.mark_bar(height=9, cornerRadius=1, strokeWidth=1.5)]
    return alt.layer(*layers, title="Steps").properties(width=int(width), height=alt.Step(17))


def _success(report: Report, series: Series, width: Width, domain: tuple[float, float]) -> Any:
    rows = [
        {"at_s": point.at_s, "end_s": point.at_s + series.slice_s, "ok": point.ok_ratio, "bad": 1 - point.ok_ratio}
        for point in _within(series, domain)
        if point.ok_ratio is not None
    ]
    axis = alt.Axis(title=None, format="%", values=[0, 0.5, 1], minExtent=_extent(width), domain=False, ticks=False)
    y = alt.Y("ok:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    good = _data(rows).mark_bar(color=SOFT).encode(x=_x(domain), x2="end_s:Q", y=y, y2=alt.Y2(datum=0))
    bad = _data([row for row in rows if row["bad"] > 0]).mark_bar(color=BAD)
    missing = bad.encode(x=_x(domain), x2="end_s:Q", y=y, y2=alt.Y2(datum=1))
    layers = [good, missing, *_marks(report)]
    title = "Requests acknowledged"
    return alt.layer(*layers, title=title).properties(width=int(width), height=90)


def _latency(report: Report, series: Series, width: Width, domain: tuple[float, float]) -> Any:
    rows = [
        {"at_s": point.at_s + series.slice_s / 2, "ms": None if value_s is None else value_s * 1000, "which": which}
        for point in _within(series, domain)
        for which, value_s in (("p50", point.p50_s), ("p99", point.p99_s))
    ]
    axis = alt.Axis(title=None, minExtent=_extent(width), domain=False, ticks=False, tickCount=4, format="~s")
    lines = (
        _data(rows)
        .mark_line(strokeWidth=1.5, interpolate="linear", point=alt.OverlayMarkDef(size=9))
        .encode(
            x=_x(
                domain,
                title="seconds since the first signal of the fault (t0)" if width is Width.WIDE else "seconds since t0",
            ),
            y=alt.Y("ms:Q", axis=axis),
            color=alt.Color("which:N", scale=alt.Scale(domain=["p50", "p99"], range=[MUTED, LINE]), legend=None),
        )
    )
    layers: list[Any] = [*_marks(report), lines]
    if series.latency_limit_s is not None:
        limit = _data([{"ms": series.latency_limit_s * 1000}])
        layers.append(limit.mark_rule(color=BAD, strokeDash=[4, 3]).encode(y="ms:Q"))
    title = "Latency of acknowledged requests, ms: p99 (strong), median (pale)"
    if width is Width.NARROW:
        title = "Latency, ms: p99 and median (pale)"
    return alt.layer(*layers, title=title).properties(width=int(width), height=110)


def _extent(width: Width) -> int:
    return 150 if width is Width.WIDE else 96


def _data(rows: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=rows))
