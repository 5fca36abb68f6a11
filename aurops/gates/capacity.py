"""The gate that compares what a platform can take with the peak that would come: two numbers, asked side by side."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, ValidationError

from aurops.calls import CallPool
from aurops.gates import commands, prometheus, sql, urls
from aurops.gates.approval import MAX_SKEW_S
from aurops.gates.finding import Finding, State
from aurops.gates.quantity import CommandNumber, HttpNumber, Part, PrometheusQuery, SqlQuery
from aurops.gates.seen import found
from aurops.plan import Observation

if TYPE_CHECKING:
    from datetime import datetime

    from aurops.clock import Clock
    from aurops.gates.commands import Ended
    from aurops.gates.prometheus import Metrics
    from aurops.gates.quantity import Quantity
    from aurops.gates.spec import CapacityCheck
    from aurops.gates.urls import Answered
    from aurops.plan import Json

_MOST_CHARS = 60
_OK = 200


@dataclass(frozen=True)
class Reading:
    """A number that somebody gave.

    Args:
        value: It.
        age_s: How long before the look it was measured, seconds; None: nobody says. Never below 0, though the clock
            of whoever measured it may be a little ahead.
    """

    value: float
    age_s: float | None


@dataclass(frozen=True)
class Seen:
    """Both numbers, each as far as it could be had."""

    can_take: Observation[Reading]
    peak: Observation[Reading]


class _Said(Part):
    """A number with the time at which it was measured."""

    value: float
    measured_at: AwareDatetime | None = None


def look(check: CapacityCheck, clock: Clock, now: datetime) -> Seen:
    """Ask for both numbers, side by side."""
    with CallPool(2, "quantity") as pool:
        both = [pool.submit(measure, quantity, clock, now) for quantity in (check.can_take, check.peak)]
    return Seen(*(each.result() for each in both))


def measure(quantity: Quantity, clock: Clock, now: datetime) -> Observation[Reading]:
    """Ask for one number.

    Args:
        quantity: Who is asked.
        clock: Time.
        now: The time of day.
    """
    match quantity:
        case PrometheusQuery():
            return _of_metrics(quantity, prometheus.ask(quantity, clock), now)
        case SqlQuery():
            number = sql.look(quantity, clock)
            return _unknown(number) if number.value is None else _known(number, Reading(number.value, None))
        case CommandNumber():
            return _of_command(quantity, commands.look(quantity, clock), now)
        case HttpNumber():
            return _of_page(quantity, urls.look(quantity, clock), now)


def _of_metrics(asked: PrometheusQuery, seen: Observation[Metrics], now: datetime) -> Observation[Reading]:
    if seen.value is None:
        return _unknown(seen)
    if why := prometheus.not_one(asked, seen.value, now):
        return _unknown(seen, why)
    (series,) = seen.value.series
    return _known(seen, Reading(series.points[-1][1], max(0.0, prometheus.age_s(seen.value))))


def _of_command(asked: CommandNumber, seen: Observation[Ended], now: datetime) -> Observation[Reading]:
    if seen.value is None:
        return _unknown(seen)
    if seen.value.code:
        return _unknown(seen, f"it ended with {seen.value.code}: {_short(seen.value.warned or seen.value.said)}")
    number = _read(asked.max_age_s, seen.value.said, seen, now)
    if number.value is None and seen.value.warned:
        return _unknown(seen, f"{number.why_unknown}, and says {_short(seen.value.warned)}")
    return number


def _of_page(asked: HttpNumber, seen: Observation[Answered], now: datetime) -> Observation[Reading]:
    if seen.value is None:
        return _unknown(seen)
    if seen.value.status != _OK:
        return _unknown(seen, f"it answers {seen.value.status}, not {_OK}")
    return _read(asked.max_age_s, seen.value.body, seen, now)


def _known(asked: Observation[object], reading: Reading) -> Observation[Reading]:
    return Observation(reading, asked.at_s, asked.observer)


def _unknown(asked: Observation[object], why: str = "") -> Observation[Reading]:
    return Observation(None, asked.at_s, asked.observer, why or asked.why_unknown)


def _read(max_age_s: float | None, text: str, asked: Observation[object], now: datetime) -> Observation[Reading]:
    """The number in a text, if it is one and not too old."""
    try:
        stripped = text.strip()
        said = _Said.model_validate_json(stripped) if stripped.startswith("{") else _Said(value=float(stripped))
    except (ValidationError, ValueError):
        return _unknown(asked, f"it gives {_short(text)}, no number")
    age_s = None if said.measured_at is None else (now - said.measured_at).total_seconds()
    if age_s is not None and age_s < -MAX_SKEW_S:
        return _unknown(asked, f"it was measured {-age_s:.0f} s in the future: a clock is wrong")
    if max_age_s is not None and age_s is None:
        return _unknown(asked, "it does not say when it was measured (measured_at)")
    if max_age_s is not None and age_s is not None and age_s > max_age_s:
        return _unknown(asked, f"stale: it was measured {age_s:.0f} s ago, allowed are {max_age_s:g} s")
    return _known(asked, Reading(said.value, None if age_s is None else max(0.0, age_s)))


def _short(text: str) -> str:
    return repr(text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]}…") if text.strip() else "nothing"


def judge(check: CapacityCheck, seen: Seen, now: datetime) -> Finding:
    """Whether what it can take is enough for the peak. Pure."""
    evidence: dict[str, Json] = {
        "can_take": _evidence(check, seen.can_take),
        "peak": _evidence(check, seen.peak),
        "headroom": check.headroom,
    }
    ages = [each.value.age_s for each in (seen.can_take, seen.peak) if each.value and each.value.age_s is not None]
    age_s = max(ages, default=0.0)
    unknown = [why for why in (_amiss("what it can take", seen.can_take), _amiss("the peak", seen.peak)) if why]
    if unknown or seen.can_take.value is None or seen.peak.value is None:
        return found(check, State.UNKNOWN, "; ".join(unknown), now, evidence, age_s)
    can_take, peak = seen.can_take.value, seen.peak.value
    if not peak.value:
        why = f"the peak is 0 {check.unit}: who sees no traffic proves nothing ({seen.peak.observer})"
        return found(check, State.UNKNOWN, why, now, evidence, age_s)
    least = check.headroom * peak.value
    enough = can_take.value >= least
    times = f"{check.headroom:g} times " if check.headroom != 1 else ""
    why = (
        f"it can take {can_take.value:g} {check.unit}{_aged(can_take)}, {'enough for' if enough else 'less than'} "
        f"{times}the peak of {peak.value:g} {check.unit}{_aged(peak)}"
    )
    return found(check, State.OPEN if enough else State.CLOSED, why, now, evidence, age_s)


def _amiss(name: str, seen: Observation[Reading]) -> str:
    """Why a number is none to compare; empty when it is one."""
    if seen.value is None:
        return f"{name} is not known: {seen.observer}: {seen.why_unknown}"
    if not math.isfinite(seen.value.value) or seen.value.value < 0:
        return f"{name} is {seen.value.value:g}, no rate ({seen.observer})"
    return ""


def _aged(reading: Reading) -> str:
    return f" ({reading.age_s:.0f} s old)" if reading.age_s is not None else ""


def _evidence(check: CapacityCheck, seen: Observation[Reading]) -> dict[str, Json]:
    said: dict[str, Json] = {"asked": seen.observer, "unit": check.unit}
    if seen.value is None:
        return said | {"why_unknown": seen.why_unknown}
    age_s = None if seen.value.age_s is None else round(seen.value.age_s, 3)
    return said | {"value": repr(seen.value.value), "age_s": age_s}
