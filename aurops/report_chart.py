"""The report's chart: steps, success rate and latency on one time axis, as inline SVG.

Colours are placeholders in the drawing and become CSS variables in the SVG, so that one drawing serves light and dark.
"""

from __future__ import annotations

import json
import re
from enum import IntEnum
from math import ceil, floor
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
_FEW = 5
"""Fewer units than this on an axis: the next smaller one reads better."""
_AROUND, _AROUND_S = 0.2, 5.0
_LANE_PX, _LANE_FILL = 24, 0.8
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
    domain = whole(report)
    if domain is None:
        return None
    panels = [_steps(report, width, domain)] if report.steps else []
    domain = focus(report, domain)
    panels = [_weights(report, width, domain), *panels] if report.weights else panels
    for series in _all_series(report):
        panels += [_success(report, series, width, domain)]
        panels += [_latency(report, series, width, domain)] if _has_latency(series) else []
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


def _all_series(report: Report) -> tuple[Series, ...]:
    everything = (*((report.series,) if report.series else ()), *report.sides)
    return tuple(series for series in everything if series.points)


def _has_latency(series: Series) -> bool:
    return not series.name or any(point.p50_s is not None for point in series.points)


def whole(report: Report) -> tuple[float, float] | None:
    """From a little before to a little after everything worth seeing: steps, marks, requests that went wrong.

    A long quiet time around it would squeeze what matters into a few pixels.
    """
    every = _all_series(report)
    slices_s = [(p, p.at_s, p.at_s + series.slice_s) for series in every for p in series.points]
    seen_s = [at_s for step in report.steps for at_s in (step.start_s, step.end_s) if at_s is not None]
    seen_s += [mark.at_s for mark in report.marks]
    seen_s += [weight.at_s for weight in report.weights]
    seen_s += [end for point, *ends in slices_s if point.ok_ratio != 1 for end in ends]
    all_s = [*seen_s, *(end for _, *ends in slices_s for end in ends)]
    if not all_s:
        return None
    return max(min(all_s), min(0.0, *seen_s) - _BEFORE_S), min(max(all_s), max(0.0, *seen_s) + _AFTER_S)


def focus(report: Report, domain: tuple[float, float]) -> tuple[float, float]:
    """While traffic moved, and a little around it: hours of a run that lasts days. Else everything."""
    firsts = {weight.proxy: weight.at_s for weight in reversed(report.weights)}
    moved_s = [weight.at_s for weight in report.weights if weight.at_s != firsts[weight.proxy]]
    if not moved_s:
        return domain
    slices_s = [series.slice_s for series in _all_series(report)]
    around_s = max(_AROUND * (max(moved_s) - min(moved_s)), _AROUND_S, *(2 * slice_s for slice_s in slices_s))
    return max(domain[0], min(moved_s) - around_s), min(domain[1], max(moved_s) + around_s)


def _within(series: Series, domain: tuple[float, float]) -> list[Point]:
    """The slices that lie wholly in the chart."""
    return [point for point in series.points if domain[0] <= point.at_s and point.at_s + series.slice_s <= domain[1]]


def unit_of(domain: tuple[float, float]) -> tuple[str, int]:
    """In what a time axis is labelled, and how many seconds that is: what lasts days is not read in seconds."""
    lasts_s = domain[1] - domain[0]
    units = (("hours", 3600), ("minutes", 60))
    return next(((name, unit_s) for name, unit_s in units if lasts_s > _FEW * unit_s), ("seconds", 1))


def _since_t0(domain: tuple[float, float]) -> str:
    return f"{unit_of(domain)[0]} since t0"


def _scale(domain: tuple[float, float]) -> alt.Scale:
    return alt.Scale(domain=list(domain), nice=False)


def _x(domain: tuple[float, float], title: str | None = None) -> alt.X:
    _, unit_s = unit_of(domain)
    axis = alt.Axis(title=title, grid=True, format="~r", tickCount=8, labelFlush=False)
    if unit_s > 1:
        step_s = unit_s * next(
            each for each in (1, 2, 5, 6, 12, 24, 48, 96, 10**6) if (domain[1] - domain[0]) / unit_s / each <= _FEW * 2
        )
        ticks = range(ceil(domain[0] / step_s), floor(domain[1] / step_s) + 1)
        axis = alt.Axis(
            title=title,
            grid=True,
            values=[tick * step_s for tick in ticks],
            labelExpr=f"datum.value / {unit_s}",
            labelFlush=False,
        )
    return alt.X("at_s:Q", scale=_scale(domain), axis=axis)


def _marks(report: Report, domain: tuple[float, float]) -> list[alt.Chart]:
    """A strong line at t0, fine ones at the other moments, where they lie in the chart."""
    others = [{"at_s": mark.at_s} for mark in report.marks if domain[0] <= mark.at_s <= domain[1]]
    t0 = [{"at_s": 0.0}] if domain[0] <= 0 <= domain[1] else []
    # Without a scale of its own a layer that comes first draws the whole chart from zero on.
    x = alt.X("at_s:Q", scale=_scale(domain))
    layers = [_data(t0).mark_rule(color=BAD, strokeWidth=1.5).encode(x=x)] if t0 else []
    if others:
        layers.append(_data(others).mark_rule(color=MUTED, strokeDash=[2, 3]).encode(x=x))
    return layers


def _weights(report: Report, width: Width, domain: tuple[float, float]) -> Any:
    """A lane for each proxy: its whole height is all traffic on the new side."""
    proxies = list(dict.fromkeys(weight.proxy for weight in report.weights))
    rows, backs = [], []
    for lane, proxy in enumerate(reversed(proxies)):
        own = [weight for weight in report.weights if weight.proxy == proxy]
        ends_s = [*(weight.at_s for weight in own[1:]), domain[1]]
        backs.append({"at_s": domain[0], "end_s": domain[1], "low": lane, "high": lane + _LANE_FILL})
        rows += [
            {
                "at_s": max(weight.at_s, domain[0]),
                "end_s": min(end_s, domain[1]),
                "low": lane,
                "high": lane + _LANE_FILL * weight.share,
            }
            for weight, end_s in zip(own, ends_s, strict=True)
            if end_s > domain[0]
        ]
    labels = json.dumps(list(reversed(proxies)))
    middles = [lane + _LANE_FILL / 2 for lane in range(len(proxies))]
    axis = alt.Axis(
        title=None,
        values=middles,
        labelExpr=f"{labels}[floor(datum.value)]",
        labelColor=INK,
        labelLimit=_extent(width) - 8,
        minExtent=_extent(width),
        domain=False,
        ticks=False,
        grid=False,
    )
    y = alt.Y("low:Q", scale=alt.Scale(domain=[0, len(proxies)], nice=False), axis=axis)
    layers = [
        _data(data).mark_rect(color=colour).encode(x=_x(domain, _since_t0(domain)), x2="end_s:Q", y=y, y2="high:Q")
        for data, colour in ((backs, SOFT), (rows, LINE))
    ]
    title = "Traffic on the new side" if width is Width.NARROW else "Traffic on the new side, by proxy"
    lanes = alt.layer(*layers, *_marks(report, domain), title=title)
    return lanes.properties(width=int(width), height=_LANE_PX * len(proxies))


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
        title=None, labelLimit=limit - 8, labelColor=INK, domain=False, ticks=False, minExtent=limit, grid=False
    )
    bars = _data(rows).encode(
        # Beside lanes of other hours an axis without its unit would be read by theirs.
        x=_x(domain, _since_t0(domain) if report.weights else None),
        x2="end_s:Q",
        y=alt.Y("name:N", sort=[step.name for step in report.steps], axis=axis),
        color=alt.Color("colour:N", scale=None),
        stroke=alt.Stroke("colour:N", scale=None),
    )
    # A stroke keeps a step of a few milliseconds visible.
    layers = [*_marks(report, domain), bars.mark_bar(height=9, cornerRadius=1, strokeWidth=1.5)]
    return alt.layer(*layers, title="Steps").properties(width=int(width), height=alt.Step(17))


def _success(report: Report, series: Series, width: Width, domain: tuple[float, float]) -> Any:
    rows = [
        {"at_s": point.at_s, "end_s": point.at_s + series.slice_s, "ok": point.ok_ratio, "bad": 1 - point.ok_ratio}
        for point in _within(series, domain)
        if point.ok_ratio is not None
    ]
    axis = alt.Axis(title=None, format="%", values=[0, 0.5, 1], minExtent=_extent(width), domain=False, ticks=False)
    y = alt.Y("ok:Q", scale=alt.Scale(domain=[0, 1]), axis=axis)
    x = _x(domain, None if _has_latency(series) else _since_t0(domain))
    good = _data(rows).mark_bar(color=SOFT, stroke=SOFT).encode(x=x, x2="end_s:Q", y=y, y2=alt.Y2(datum=0))
    bad = _data([row for row in rows if row["bad"] > 0]).mark_bar(color=BAD, stroke=BAD)
    missing = bad.encode(x=x, x2="end_s:Q", y=y, y2=alt.Y2(datum=1))
    layers = [good, missing, *_marks(report, domain)]
    title = f"{series.name}: success" if series.name else "Requests acknowledged"
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
            x=_x(domain, _since_t0(domain)),
            y=alt.Y("ms:Q", axis=axis),
            color=alt.Color("which:N", scale=alt.Scale(domain=["p50", "p99"], range=[MUTED, LINE]), legend=None),
        )
    )
    layers: list[Any] = [*_marks(report, domain), lines]
    if series.latency_limit_s is not None:
        limit = _data([{"ms": series.latency_limit_s * 1000}])
        layers.append(limit.mark_rule(color=BAD, strokeDash=[4, 3]).encode(y="ms:Q"))
    of = f"{series.name}: latency" if series.name else "Latency of acknowledged requests"
    title = f"{of}, ms: p99 (strong), median (pale)"
    if width is Width.NARROW:
        title = f"{series.name or 'Latency'}, ms: p99 and median (pale)"
    return alt.layer(*layers, title=title).properties(width=int(width), height=110)


def _extent(width: Width) -> int:
    return 150 if width is Width.WIDE else 96


def _data(rows: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=rows))
