"""The gate that asks Prometheus.

An answer to an instant query carries the time of the evaluation, not of the samples, and a series that is scraped no
more goes on answering for up to five minutes (staleness, https://prometheus.io/docs/prometheus/latest/querying/basics/).
So the samples behind the query are asked for their own time: `min(timestamp(selector))`, for each selector in it.
The server is asked for its *now*, not for ours: clocks that are apart then show, instead of moving the question.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import promql_parser

from aurops.gates.approval import MAX_SKEW_S
from aurops.gates.finding import Finding, State
from aurops.gates.seen import found, unseen
from aurops.gates.urls import unread
from aurops.plan import Observation

if TYPE_CHECKING:
    from datetime import datetime

    from aurops.clock import Clock
    from aurops.gates.quantity import PrometheusQuery
    from aurops.gates.spec import PrometheusCheck
    from aurops.plan import Json

_NO_VALUE = (promql_parser.MatrixSelector, promql_parser.SubqueryExpr, promql_parser.StringLiteral)
_OPERATORS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}
_MOST_SHOWN = 5
HOLE = "hole"
"""In the evidence: the range has a hole, and will have it at every later look that reaches back so far."""
_GAP_STEPS = 1.5


@dataclass(frozen=True)
class Series:
    """One series of an answer.

    Args:
        labels: As `job="v11"`; empty for a plain number.
        points: Time (seconds since 1970, the server's clock) and value, in order.
    """

    labels: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Sampled:
    """When the samples behind a query were made.

    Args:
        selector: Which series.
        at_s: The oldest of their latest samples, seconds since 1970; None: there is none.
        past: The same at each step of the range.
    """

    selector: str
    at_s: float | None
    past: tuple[Series, ...] = ()


@dataclass(frozen=True)
class Metrics:
    """What Prometheus answered.

    Args:
        now_s: The server's time of the answer, seconds since 1970.
        series: Values now.
        sampled: How old they are.
        past: Values of a range, when one was asked for.
        since_s: Where that range begins, seconds since 1970; None without one.
    """

    now_s: float
    series: tuple[Series, ...]
    sampled: tuple[Sampled, ...]
    past: tuple[Series, ...] = ()
    since_s: float | None = None


class _UnknownError(Exception):
    """Prometheus does not say."""


def selectors(query: str) -> tuple[str, ...]:
    """The series that a query reads, each as a selector without offset and `@`.

    Raises:
        ValueError: It does not parse, gives no number or vector, or reads nothing.
    """
    parsed = promql_parser.parse(query)
    if isinstance(parsed, _NO_VALUE):
        raise ValueError("it gives no value but samples or a text: take rate(…), max_over_time(…) …")  # noqa: TRY004
    read: list[str] = []

    def visit(expression: promql_parser.Expr) -> bool:
        if isinstance(expression, promql_parser.VectorSelector):
            read.append(_spelled(expression))
        return True

    promql_parser.walk(parsed, visit)
    if not read:
        raise ValueError("it reads no series: whatever it gives says nothing about the service")
    return tuple(dict.fromkeys(read))


def _spelled(selector: promql_parser.VectorSelector) -> str:
    """A selector by its name and labels alone; the parser's own `str` (0.12) does not escape quotes."""
    groups = [selector.matchers.matchers, *selector.matchers.or_matchers]
    labels = " or ".join(
        ",".join(f"{each.name}{_OPERATORS[str(each.op)]}{json.dumps(each.value, ensure_ascii=False)}" for each in group)
        for group in groups
        if group
    )
    return f"{selector.name or ''}{{{labels}}}" if labels else str(selector.name)


def look(check: PrometheusCheck, clock: Clock, *, since_s: float | None = None) -> Observation[Metrics]:
    """Ask the server as a check wants it: also for the values since then.

    Args:
        check: The check.
        clock: Time.
        since_s: Ask for the values since then, too, seconds since 1970; None: as `check.over_s` says.
    """
    return ask(check, clock, since_s=since_s, over_s=check.over_s, step_s=check.step_s)


def ask(
    asked: PrometheusQuery, clock: Clock, *, since_s: float | None = None, over_s: float = 0.0, step_s: float = 1.0
) -> Observation[Metrics]:
    """Ask the server: the query now, over the past if that is wanted, and how old the samples behind it are.

    Args:
        asked: The query.
        clock: Time.
        since_s: Ask for the values since then, too, seconds since 1970; None: as `over_s` says.
        over_s: Ask for the values of so many seconds until now, too; 0: not.
        step_s: The step of such a range, seconds.
    """
    at_s = clock.now_s()
    try:
        with httpx.Client(base_url=asked.url.rstrip("/")) as client:
            get = partial(_ask, client, clock, asked.timeout_s, at_s + asked.timeout_s)
            now_s = get("query", query="time()")[0].points[0][1]
            if since_s is None and over_s:
                since_s = now_s - over_s
            series, past = _now_and_past(get, asked.query, since_s, now_s, step_s)
            read = {each: f"min(timestamp({each}))" for each in asked.fresh or selectors(asked.query)}
            times = {each: _now_and_past(get, query, since_s, now_s, step_s) for each, query in read.items()}
    except (_UnknownError, ValueError) as error:
        return Observation(None, at_s, asked.url, str(error))
    sampled = tuple(Sampled(each, _oldest(latest), before) for each, (latest, before) in times.items())
    return Observation(Metrics(now_s, series, sampled, past, since_s), at_s, asked.url)


def _now_and_past(
    get: partial[tuple[Series, ...]], query: str, since_s: float | None, now_s: float, step_s: float
) -> tuple[tuple[Series, ...], tuple[Series, ...]]:
    latest = get("query", query=query)
    past = () if since_s is None else get("query_range", query=query, start=since_s, end=now_s, step=step_s)
    return latest, past


def _oldest(answer: tuple[Series, ...]) -> float | None:
    return min((series.points[-1][1] for series in answer if series.points), default=None)


def _ask(
    client: httpx.Client, clock: Clock, timeout_s: float, deadline_s: float, endpoint: str, **params: float | str
) -> tuple[Series, ...]:
    """One question to the API (https://prometheus.io/docs/prometheus/latest/querying/api/)."""
    left_s = deadline_s - clock.now_s()
    if left_s <= 0:
        raise _UnknownError(f"no whole answer within {timeout_s:g} s")
    try:
        answer = client.get(f"/api/v1/{endpoint}", params=params, timeout=left_s)
    except httpx.HTTPError as error:
        raise _UnknownError(unread(error, timeout_s)) from error
    try:
        body = answer.json()
    except ValueError as error:
        raise _UnknownError(f"the answer is not Prometheus's ({answer.status_code})") from error
    if not isinstance(body, dict) or body.get("status") != "success":
        said = body.get("error") if isinstance(body, dict) else None
        raise _UnknownError(f"Prometheus refuses: {said or answer.status_code}")
    try:
        return _read(body["data"])
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise _UnknownError(f"the answer cannot be read: {json.dumps(body)[:200]}") from error


def _read(data: dict[str, Any]) -> tuple[Series, ...]:
    match data["resultType"]:
        case "scalar":
            return (Series("", (_point(data["result"]),)),)
        case "vector":
            return tuple(Series(_labels(each), (_point(each["value"]),)) for each in data["result"])
        case "matrix":
            return tuple(Series(_labels(each), tuple(map(_point, each["values"]))) for each in data["result"])
        case other:
            raise ValueError(other)


def _point(pair: list[Any]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _labels(each: dict[str, Any]) -> str:
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in sorted(each["metric"].items()))


def judge(check: PrometheusCheck, seen: Observation[Metrics], now: datetime) -> Finding:
    """Whether what Prometheus says opens the gate. Pure."""
    metrics = seen.value
    if metrics is None:
        return unseen(check, seen, now)
    oldest_s = age_s(metrics)
    evidence = _evidence(check, metrics)
    if unknown := _unknown(check, metrics, now, check.series):
        return found(check, State.UNKNOWN, unknown, now, evidence, oldest_s)
    for series in (*metrics.series, *metrics.past):
        for at_s, value in series.points:
            if broken := check.value.broken_by(value):
                past_s = metrics.now_s - at_s
                when = f", {past_s:.0f} s ago" if past_s >= 1 else ""
                why = f"{broken}{f' ({series.labels})' if series.labels else ''}{when}"
                return found(check, State.UNKNOWN if math.isnan(value) else State.CLOSED, why, now, evidence, oldest_s)
    # What was seen and is not allowed says no, whatever else nobody saw.
    if hole := _hole(check, metrics):
        return found(check, State.UNKNOWN, hole, now, evidence | {HOLE: hole}, oldest_s)
    shown = ", ".join(f"{series.points[-1][1]:g}" for series in metrics.series[:_MOST_SHOWN])
    return found(check, State.OPEN, shown, now, evidence, oldest_s)


def age_s(metrics: Metrics) -> float:
    """How old the oldest of the latest samples behind an answer is, seconds."""
    return max((metrics.now_s - each.at_s for each in metrics.sampled if each.at_s is not None), default=0.0)


def not_one(asked: PrometheusQuery, metrics: Metrics, now: datetime) -> str:
    """Why the answer is not one number of now; empty when it is. Pure."""
    count = len(metrics.series)
    return _unknown(asked, metrics, now, 1) or (f"the query returns {count} series, not one" if count > 1 else "")


def _unknown(asked: PrometheusQuery, metrics: Metrics, now: datetime, least: int) -> str:
    """Why the answer says nothing; empty when it does."""
    skew_s = metrics.now_s - now.timestamp()
    if abs(skew_s) > MAX_SKEW_S:
        side = "ahead of" if skew_s > 0 else "behind"
        return f"its clock is {abs(skew_s):.0f} s {side} this host's: one of them is wrong"
    count = sum(bool(series.points) for series in metrics.series)
    if not count:
        return "the query returns nothing"
    if count < least:
        return f"the query returns {count} of at least {least} series"
    return next((why for each in metrics.sampled if (why := _is_stale(each, metrics, asked.max_age_s))), "")


def _hole(check: PrometheusCheck, metrics: Metrics) -> str:
    """Where a range says nothing, which no later answer mends; empty when it is whole, or none was asked for."""
    if metrics.since_s is None:
        return ""
    for series in metrics.past or (Series("", ()),):
        of = f" of {series.labels}" if series.labels else ""
        if gap := _gap(series, metrics.since_s, metrics.now_s, check.step_s):
            return f"no value{of} {gap}"
        if all(series.labels != other.labels for other in metrics.series):
            return f"no value{of} any more"
    return next((why for each in metrics.sampled if (why := _was_stale(each, metrics, check))), "")


def _is_stale(sampled: Sampled, metrics: Metrics, max_age_s: float) -> str:
    if sampled.at_s is None:
        return f"no sample of {sampled.selector}"
    old_s = metrics.now_s - sampled.at_s
    return f"stale: the last sample of {sampled.selector} is {old_s:.0f} s old" if old_s > max_age_s else ""


def _was_stale(sampled: Sampled, metrics: Metrics, check: PrometheusCheck) -> str:
    """Whether the values of a range were old ones for a while: a server that slept shows the last it knew."""
    for series in sampled.past or (Series("", ()),):
        if gap := _gap(series, metrics.since_s or 0.0, metrics.now_s, check.step_s):
            return f"no sample of {sampled.selector} {gap}"
        for at_s, made_s in series.points:
            if at_s - made_s > check.max_age_s:
                return f"stale {metrics.now_s - at_s:.0f} s ago: {sampled.selector} was {at_s - made_s:.0f} s old then"
    return ""


def _gap(series: Series, since_s: float, until_s: float, step_s: float) -> str:
    """Where a range has no value of a series; empty when it is whole."""
    times = [at_s for at_s, _ in series.points]
    for before_s, after_s in zip([since_s, *times], [*times, until_s], strict=True):
        if after_s - before_s > step_s * _GAP_STEPS:
            return f"from {until_s - before_s:.0f} s to {until_s - after_s:.0f} s ago"
    return ""


def _evidence(check: PrometheusCheck, metrics: Metrics) -> dict[str, Json]:
    values: dict[str, Json] = {
        series.labels or "value": repr(series.points[-1][1]) for series in metrics.series[:_MOST_SHOWN] if series.points
    }
    evidence: dict[str, Json] = {"query": check.query, "series": len(metrics.series), "values": values}
    if metrics.since_s is not None:
        points = [value for series in metrics.past for _, value in series.points if math.isfinite(value)]
        worst: dict[str, Json] = {"least": repr(min(points)), "most": repr(max(points))} if points else {}
        evidence["past"] = {"seconds": round(metrics.now_s - metrics.since_s), "points": len(points), **worst}
    return evidence
