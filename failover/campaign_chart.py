"""A campaign's charts as inline SVG in the page's style: every RTO by fault, and the resilience score over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt

from aurops.report_chart import BAD, INK, LINE, Width, drawn

if TYPE_CHECKING:
    from failover.campaign import CampaignReport

_LABELS = {Width.WIDE: 150, Width.NARROW: 80}
_ROW_PIXELS = 22


def charts(report: CampaignReport) -> dict[str, dict[str, str]]:
    """By chart and width; a chart that has nothing to draw is left out."""
    made: dict[str, dict[str, str]] = {}
    if any(row.rtos_s for row in report.rows):
        made["rto"] = {width.name.lower(): drawn(_rto(report, width)) for width in Width}
    if report.scores[1:]:
        made["score"] = {width.name.lower(): drawn(_score(report, width)) for width in Width}
    return made


def _rto(report: CampaignReport, width: Width) -> Any:
    """One dot for each drill, a tick at the median, the objective as a line."""
    dots = [{"fault": row.fault, "rto_s": rto_s} for row in report.rows for rto_s in row.rtos_s]
    ticks = [{"fault": row.fault, "rto_s": row.rto_median_s} for row in report.rows if row.rtos_s]
    domain = [0.0, 1.05 * max([report.rto_limit_s, *(rto_s for row in report.rows for rto_s in row.rtos_s)])]
    labels = _LABELS[width]
    x = alt.X("rto_s:Q", title="RTO, seconds", scale=alt.Scale(domain=domain, nice=False), axis=alt.Axis(tickCount=6))
    axis = alt.Axis(title=None, labelColor=INK, labelLimit=labels, minExtent=labels, domain=False, ticks=False)
    y = alt.Y("fault:N", sort=[row.fault for row in report.rows], axis=axis)
    limit = _data([{"rto_s": report.rto_limit_s}]).mark_rule(color=BAD, strokeDash=[4, 3]).encode(x=x)
    points = _data(dots).mark_circle(color=LINE, opacity=0.55, size=36).encode(x=x, y=y)
    medians = _data(ticks).mark_tick(color=INK, thickness=2, size=_ROW_PIXELS * 0.7).encode(x=x, y=y)
    return alt.layer(limit, points, medians).properties(width=int(width), height=alt.Step(_ROW_PIXELS))


def _score(report: CampaignReport, width: Width) -> Any:
    rows = [{"n": n, "score": point.score} for n, point in enumerate(report.scores, 1)]
    x = alt.X("n:Q", title="drills in the store, oldest first", axis=alt.Axis(tickMinStep=1, format="d"))
    y = alt.Y("score:Q", title=None, scale=alt.Scale(domain=[0, 100]), axis=alt.Axis(minExtent=_LABELS[width]))
    line = _data(rows).mark_line(color=LINE, strokeWidth=1.5).encode(x=x, y=y)
    return line.properties(width=int(width), height=120)


def _data(rows: list[dict[str, Any]]) -> alt.Chart:
    return alt.Chart(alt.InlineData(values=rows))
