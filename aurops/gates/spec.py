"""Gates as files describe them: values only. `kind` says which; each name is unique among the gates of its stage."""

from __future__ import annotations

import math
import re
from datetime import date, datetime, time
from typing import Annotated, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BeforeValidator, Field, field_validator, model_validator

from aurops.gates.quantity import Asked, Part, PrometheusQuery, Quantity, SqlQuery, is_url
from aurops.ports import Side

MOST_LOOKS = 1000
"""Looks of one soak: each is journalled, and a journal is read as a whole."""
MOST_POINTS = 11_000
"""Points of one range query that Prometheus answers (web/api/v1: `exceeded maximum resolution`)."""
_DAY_S = 86_400.0
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Limits(Part):
    """Which numbers open a gate; at least one limit, and a number must keep all. NaN and infinity keep none."""

    below: float | None = None
    """Less than this."""
    at_most: float | None = None
    """This or less."""
    above: float | None = None
    """More than this."""
    at_least: float | None = None
    """This or more."""
    equals: float | None = None
    """Exactly this."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        given = [limit for limit in self.model_dump().values() if limit is not None]
        if not given or not all(math.isfinite(limit) for limit in given):
            raise ValueError("at least one limit, and each a finite number")
        return self

    def broken_by(self, value: float) -> str:
        """Which limit a number breaks, in words; empty when it keeps all."""
        if not math.isfinite(value):
            return f"{value:g} is no number to judge"
        kept = {
            "below": self.below is None or value < self.below,
            "at most": self.at_most is None or value <= self.at_most,
            "above": self.above is None or value > self.above,
            "at least": self.at_least is None or value >= self.at_least,
            "exactly": self.equals is None or value == self.equals,
        }
        limits = self.named()
        return next((f"{value:g} is not {name} {limits[name]:g}" for name, ok in kept.items() if not ok), "")

    def named(self) -> dict[str, float]:
        """The limits that are given, by what they are called in words."""
        named = {"below": self.below, "at most": self.at_most, "above": self.above, "at least": self.at_least}
        return {name: limit for name, limit in {**named, "exactly": self.equals}.items() if limit is not None}


class _Gate(Part):
    name: Annotated[str, Field(min_length=1, max_length=80)]
    """What it is called; unique among the gates of its stage."""


class _Check(_Gate, Asked):
    """A gate that asks somebody."""


class HttpCheck(_Check):
    """A URL is asked with GET; redirects are not followed."""

    kind: Literal["http"]
    """A URL that must answer."""
    url: str
    """http://… or https://…; no password in it."""
    status: tuple[int, ...] = Field(default=(200,), min_length=1)
    """The status codes that open the gate."""
    matches: str = ""
    """A regular expression that must be found in the body; empty: any body."""

    _url = field_validator("url")(is_url)

    @field_validator("matches")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as cause:
            raise ValueError(f"not a regular expression: {cause}") from cause
        return pattern


class PrometheusCheck(_Check, PrometheusQuery):
    """A query to Prometheus: every series of the answer keeps the limits. No series, or an old sample: not open."""

    value: Limits
    """What every value must keep."""
    series: int = Field(default=1, ge=1)
    """So many series the answer has at least; fewer are unknown."""
    over_s: float = Field(default=0.0, ge=0)
    """Not only now: at every step of so many seconds until now; 0: now."""
    step_s: float = Field(default=15.0, ge=1)
    """The step of such a range, seconds. What lies between two steps is not seen: not longer than the scrape interval,
    or a query with max_over_time(…)."""

    @model_validator(mode="after")
    def _few_points(self) -> Self:
        if self.over_s / self.step_s > MOST_POINTS:
            raise ValueError(f"over_s / step_s is more than {MOST_POINTS} points, which Prometheus refuses")
        return self


class SqlCheck(_Check, SqlQuery):
    """A query to PostgreSQL in a read-only transaction; it gives one row of one column."""

    value: Limits
    """What the number must keep."""


class CommandCheck(_Check):
    """A command of this machine: exit code 0 opens, 1 closes, anything else is unknown. It must change nothing."""

    kind: Literal["command"]
    """A command that is run."""
    argv: tuple[str, ...] = Field(min_length=1)
    """Program and arguments; no shell."""


class PortCheck(_Check):
    """What another part of aurops says of the two platforms (aurops/ports.py)."""

    kind: Literal["port"]
    """Another part of aurops that is asked."""
    port: Literal["equal", "lag", "unsynced", "drained", "judge", "interruption", "rehearsed", "watched", "operators"]
    """Which one: equal, lag, unsynced, drained, judge, interruption, rehearsed, watched or operators."""
    lag_s: float = Field(default=0.1, gt=0)
    """Only for `lag`: the longest that either way may be behind, seconds."""
    side: Side = Side.V10
    """Only for `drained`: the side whose writes were stopped."""
    region: str = ""
    """Only for `interruption`: the region."""
    limit_s: float = Field(default=30.0, gt=0)
    """Only for `interruption`: the longest time that the region may be without an answer, seconds."""
    over_s: float = Field(default=60.0, gt=0)
    """Only for `interruption`: within so many seconds every moment must be known, too."""
    times: int = Field(default=3, ge=1)
    """Only for `rehearsed`: how many rehearsed rollbacks must have ended well."""
    proxy: str = ""
    """Only for `watched`: the proxy beside which a watcher must look."""
    max_age_s: float = Field(default=600.0, gt=0)
    """How old the port's answer may be, seconds."""


class CapacityCheck(_Gate):
    """Two numbers: what a platform can take, and the peak that would come. Open when the first is enough."""

    kind: Literal["capacity"]
    """What a platform can take, compared with the peak."""
    can_take: Quantity
    """What it can take, as it was measured: the record of a load test."""
    peak: Quantity
    """The peak of now, in the same unit: max_over_time(sum(rate(…[5m]))[1d:1m]). A command or URL needs max_age_s."""
    headroom: float = Field(default=1.0, ge=1, allow_inf_nan=False)
    """It must take so many times the peak."""
    unit: str = Field(default="requests/s", min_length=1, max_length=40)
    """Of both numbers."""

    @property
    def timeout_s(self) -> float:
        """How long one look may take: both are asked side by side."""
        return max(self.can_take.timeout_s, self.peak.timeout_s)


Check = Annotated[
    HttpCheck | PrometheusCheck | SqlCheck | CommandCheck | CapacityCheck | PortCheck, Field(discriminator="kind")
]
StandingCheck = Annotated[
    HttpCheck | PrometheusCheck | SqlCheck | CommandCheck | CapacityCheck, Field(discriminator="kind")
]
"""A check that needs nothing but the machine that looks: no other part of aurops, no run."""


class ApprovalGate(_Gate):
    """N distinct people of those named approve, each signed with an SSH key (`aurops approve`)."""

    kind: Literal["approval"]
    """People who approve."""
    need: int = Field(ge=1)
    """How many of them."""
    of: tuple[str, ...] = Field(min_length=1)
    """The people: principals of the allowed-signers file."""
    valid_for_s: float = Field(default=_DAY_S, gt=0, le=30 * _DAY_S)
    """How long an approval counts, seconds: up to 30 days; without it one day."""

    @model_validator(mode="after")
    def _enough(self) -> Self:
        if len(set(self.of)) != len(self.of):
            raise ValueError("somebody is named twice in `of`")
        if self.need > len(self.of):
            raise ValueError(f"{self.need} of {len(self.of)} people can never approve")
        return self


def _is_zone(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (OSError, KeyError, ValueError) as cause:
        raise ValueError(
            f"here a time zone of the IANA database is needed, as Europe/Berlin or UTC, not {zone!r}"
        ) from cause
    return zone


class Window(Part):
    """A time of day, on some days."""

    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = ()
    """Weekdays; neither these nor `dates`: every day."""
    dates: tuple[date, ...] = ()
    """Single days."""
    opens: Annotated[time, Field(alias="from")]
    """When it opens, HH:MM in `zone`."""
    closes: Annotated[time, Field(alias="to")]
    """When it closes; not later than `from`: on the next day."""
    zone: str = "UTC"
    """The IANA time zone, as Europe/Berlin."""

    _zone = field_validator("zone")(_is_zone)

    @model_validator(mode="after")
    def _plain(self) -> Self:
        if self.days and self.dates:
            raise ValueError("either `days` or `dates`")
        if self.opens.tzinfo or self.closes.tzinfo:
            raise ValueError("times of day without an offset: `zone` says which")
        return self

    def begins_on(self, day: date) -> bool:
        """Whether a window begins on this day of its zone."""
        if self.dates:
            return day in self.dates
        return not self.days or _WEEKDAYS[day.weekday()] in self.days


def _day_or_moment(given: object) -> object:
    """A text without a time of day is a day: pydantic would take it for midnight."""
    return date.fromisoformat(given) if isinstance(given, str) and len(given) == len("2026-12-05") else given


_DayOrMoment = Annotated[datetime | date, BeforeValidator(_day_or_moment)]


class Freeze(Part):
    """A time in which nothing is changed."""

    begins: Annotated[_DayOrMoment, Field(alias="from")]
    """Its first moment or day."""
    ends: Annotated[_DayOrMoment, Field(alias="to")]
    """The moment that it ends, or its last day."""
    reason: str
    """Why; it is shown to whoever waits."""
    zone: str = "UTC"
    """The IANA time zone of moments without an offset, and of days."""

    _zone = field_validator("zone")(_is_zone)


class Calendar(Part):
    """A freeze calendar: a file of its own, that several plans may name."""

    freezes: tuple[Freeze, ...]
    """Times in which nothing is changed."""


class WindowGate(_Gate):
    """Open inside of a window, unless there is a freeze."""

    kind: Literal["window"]
    """A time window."""
    windows: tuple[Window, ...] = ()
    """When it is open; none: always, but for freezes."""
    calendar: str = ""
    """A file with freezes, beside this one; it is read before a run begins."""
    freezes: tuple[Freeze, ...] = ()
    """Times in which nothing is changed."""
    needs_s: float = Field(default=0.0, ge=0)
    """So much of the window must be left, seconds: for what begins behind the gate."""

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.windows or self.freezes or self.calendar):
            raise ValueError("neither windows nor freezes: it would always be open")
        return self


class TimeGate(_Gate):
    """Open from a moment on."""

    kind: Literal["time"]
    """A moment that must have come."""
    at: AwareDatetime
    """The moment, with an offset: 2026-12-05T22:00:00+01:00."""


class SoakGate(_Gate):
    """Its checks must be open for a time without a break; the clock begins at the first look that finds all open."""

    kind: Literal["soak"]
    """Something that must stay well for a while."""
    for_s: float = Field(gt=0)
    """For how long, seconds."""
    every_s: float = Field(gt=0)
    """How often it is looked at, seconds. Nobody looked for three times as long, or three times the longest `timeout_s`
    of its checks when that is longer: it begins anew, unless Prometheus still knows how it was."""
    checks: tuple[Check, ...] = Field(min_length=1)
    """What must be open all the time."""

    @model_validator(mode="after")
    def _few_looks(self) -> Self:
        if self.for_s / self.every_s > MOST_LOOKS:
            raise ValueError(f"more than {MOST_LOOKS} looks, each of which is journalled: take a longer every_s")
        if self.every_s > self.for_s:
            raise ValueError("every_s is longer than for_s: it would be looked at once")
        return self


class HoldGate(_Gate):
    """Closed until a person says `aurops release RUN --gate NAME`, after it was first looked at."""

    kind: Literal["hold"]
    """A person who must let go."""
    reason: str
    """What the person is to look at."""


Gate = Annotated[
    HttpCheck
    | PrometheusCheck
    | SqlCheck
    | CommandCheck
    | CapacityCheck
    | PortCheck
    | ApprovalGate
    | WindowGate
    | TimeGate
    | SoakGate
    | HoldGate,
    Field(discriminator="kind"),
]


def unique(gates: tuple[Gate, ...]) -> tuple[Gate, ...]:
    """The same gates, if no two have one name.

    Raises:
        ValueError: Two have.
    """
    names = [gate.name for gate in gates]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two gates of one stage are called {', '.join(twice)}")
    return gates
