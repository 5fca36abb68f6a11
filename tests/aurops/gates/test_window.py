"""Time windows and freezes, on clocks that are put back and forward."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurops.gates.finding import State
from aurops.gates.spec import WindowGate
from aurops.gates.window import HORIZON_DAYS, judge, never_opens, openings

NIGHT = {"from": "22:00", "to": "04:00", "zone": "Europe/Berlin"}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def gate(*windows: dict[str, object], freezes: tuple[dict[str, object], ...] = (), needs_s: float = 0.0) -> WindowGate:
    """A gate as a file would say it."""
    said = {"kind": "window", "name": "w", "windows": windows, "freezes": freezes, "needs_s": needs_s}
    return WindowGate.model_validate(said)


def utc(text: str) -> datetime:
    """A moment."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "state"),
    [
        ("2026-12-05T20:59:59", State.CLOSED),  # 21:59:59 in Berlin
        ("2026-12-05T21:00:00", State.OPEN),
        ("2026-12-06T02:59:59", State.OPEN),  # past midnight it is still Saturday's window
        ("2026-12-06T03:00:00", State.CLOSED),
        ("2026-12-06T21:30:00", State.CLOSED),  # Sunday has none
    ],
)
def test_a_window_past_midnight_belongs_to_the_day_that_it_begins_on(at: str, state: State) -> None:
    """It opens and closes to the second, in its own zone, and lasts into the next day."""
    assert judge(gate(NIGHT | {"days": ["sat"]}), utc(at)).state is state


def test_whoever_waits_is_told_when_it_opens() -> None:
    """A closed window says when it will open, and which freeze keeps it shut."""
    found = judge(
        gate(NIGHT, freezes=({"from": "2026-12-05", "to": "2026-12-07", "reason": "sale"},)), utc("2026-12-06T23:00:00")
    )
    assert found.state is State.CLOSED
    assert found.why == "a freeze: sale; it opens at 2026-12-08 00:00 UTC"
    assert found.evidence == {"opens": "2026-12-08T00:00:00+00:00", "closes": "2026-12-08T03:00:00+00:00"}


@pytest.mark.parametrize(
    ("window", "day", "opens", "closes"),
    [
        # 2026-10-25 in Berlin: 03:00 becomes 02:00. What occurs twice opens late and closes early.
        ({"from": "02:30", "to": "06:00"}, date(2026, 10, 25), "2026-10-25T01:30:00", "2026-10-25T05:00:00"),
        ({"from": "00:00", "to": "02:30"}, date(2026, 10, 25), "2026-10-24T22:00:00", "2026-10-25T00:30:00"),
        # 2026-03-29: 02:00 becomes 03:00. What does not exist is the moment of the change.
        ({"from": "02:30", "to": "06:00"}, date(2026, 3, 29), "2026-03-29T01:00:00", "2026-03-29T04:00:00"),
        ({"from": "01:00", "to": "02:30"}, date(2026, 3, 29), "2026-03-29T00:00:00", "2026-03-29T01:00:00"),
    ],
)
def test_a_clock_that_is_put_back_or_forward_makes_no_window_longer(
    window: dict[str, object], day: date, opens: str, closes: str
) -> None:
    """On the days of the change the window is the shorter of what it could mean."""
    only = gate(window | {"zone": "Europe/Berlin", "dates": [day.isoformat()]})
    before = datetime.combine(day, datetime.min.time(), UTC) - timedelta(days=2)
    assert openings(only, before) == ((utc(opens), utc(closes)),)


def test_a_window_inside_of_the_gap_does_not_open() -> None:
    """From 02:10 to 02:50 does not exist on the day on which the clock is put forward."""
    only = gate({"from": "02:10", "to": "02:50", "zone": "Europe/Berlin", "dates": ["2026-03-29"]})
    assert "none of its windows opens" in never_opens(only, utc("2026-03-01T00:00:00"))


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (gate({"from": "22:00", "to": "23:00", "dates": ["2020-01-01"]}), "opens within 400 days"),
        (
            gate(NIGHT, freezes=({"from": "2026-01-01", "to": "2030-01-01", "reason": "merger"},)),
            "in a freeze (merger)",
        ),
        (gate({"from": "22:00", "to": "23:00"}, needs_s=7200), "none of its windows lasts the 7200 s"),
    ],
)
def test_a_window_that_never_opens_is_known_before_anything_begins(made: WindowGate, why: str) -> None:
    """Of the past, behind freezes, or too short: it says which."""
    assert why in never_opens(made, utc("2026-12-05T00:00:00"))


def test_a_window_that_touches_the_next_is_one() -> None:
    """Every day, all day, leaves no gap at midnight, so what needs a day and a half finds it."""
    always = gate({"from": "00:00", "to": "00:00"}, needs_s=36 * 3600)
    assert judge(always, utc("2026-12-05T23:59:59")).state is State.OPEN


def test_what_is_left_of_a_window_must_be_enough() -> None:
    """Two hours' work is not let in half an hour before the window closes."""
    two_hours = gate(NIGHT, needs_s=7200)
    assert judge(two_hours, utc("2026-12-06T00:59:00")).state is State.OPEN
    assert judge(two_hours, utc("2026-12-06T01:01:00")).state is State.CLOSED


@st.composite
def windows(draw: st.DrawFn) -> tuple[dict[str, object], date]:
    """A window in some zone, and a day near it; changes of the clock included."""
    minute = st.integers(0, 24 * 60 - 1).map(lambda m: f"{m // 60:02}:{m % 60:02}")
    days = draw(st.sets(st.sampled_from(WEEKDAYS)))
    zone = draw(st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]))
    day = draw(st.dates(date(2026, 1, 1), date(2027, 12, 31)))
    return {"from": draw(minute), "to": draw(minute), "zone": zone, "days": sorted(days)}, day


@settings(max_examples=60)
@given(windows(), st.integers(0, 24 * 60 - 1))
def test_a_window_is_open_exactly_when_a_clock_on_the_wall_says_so(
    drawn: tuple[dict[str, object], date], minute: int
) -> None:
    """Wherever no clock is changed within a day, the local time of day decides; the horizon does not matter."""
    said, day = drawn
    at = datetime.combine(day, datetime.min.time(), UTC) + timedelta(minutes=minute)
    zone = ZoneInfo(str(said["zone"]))
    local = at.astimezone(zone)
    near = [(at + timedelta(hours=hours)).astimezone(zone).utcoffset() for hours in (-30, 30)]
    if near[0] != near[1]:
        return
    wall, opens, closes = f"{local:%H:%M}", str(said["from"]), str(said["to"])
    days = said["days"] or WEEKDAYS
    assert isinstance(days, list | tuple)
    today, yesterday = WEEKDAYS[local.weekday()] in days, WEEKDAYS[local.weekday() - 1] in days
    if opens < closes:
        expected = today and opens <= wall < closes
    else:
        expected = (today and wall >= opens) or (yesterday and wall < closes)
    assert (judge(gate(said), at).state is State.OPEN) == expected
    assert all(closes <= at + timedelta(days=HORIZON_DAYS + 2) for _, closes in openings(gate(said), at))
