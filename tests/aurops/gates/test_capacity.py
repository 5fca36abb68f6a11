"""The gate that compares what a platform can take with the current peak."""

import json
import math
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from aurops.clock import ManualClock
from aurops.errors import OutsideError, UsageError
from aurops.gates import capacity, checks
from aurops.gates.capacity import Reading, Seen
from aurops.gates.finding import Finding, State
from aurops.gates.refusals import refuse
from aurops.gates.spec import CapacityCheck, CommandCheck, Gate, SoakGate
from aurops.plan import Observation
from tests.aurops.gates.metrics_server import TinyPrometheus

GATES: TypeAdapter[Gate] = TypeAdapter(Gate)
CLOCK = ManualClock()
NOW = CLOCK.wall()
ECHO = {"kind": "command", "argv": ["echo", "1"]}


@pytest.fixture
def server() -> Iterator[TinyPrometheus]:
    """A server that answers as Prometheus does."""
    with TinyPrometheus(CLOCK) as tiny:
        yield tiny


def check(can_take: dict[str, Any], peak: dict[str, Any], **more: object) -> CapacityCheck:
    """One comparison, as a file has it."""
    said = {"kind": "capacity", "name": "V10", "can_take": can_take, "peak": peak}
    return CapacityCheck.model_validate(said | more)


def look(can_take: dict[str, Any], peak: dict[str, Any], **more: object) -> Finding:
    """One look, as any gate gets it."""
    return checks.look(check(can_take, peak, **more), CLOCK, NOW)


def echo(text: str, **more: object) -> dict[str, Any]:
    """A command that prints this."""
    return {"kind": "command", "argv": [sys.executable, "-c", f"print({text!r})"]} | more


def measured(value: float, ago_s: float) -> str:
    """A number with the time at which it was measured."""
    return json.dumps({"value": value, "measured_at": (NOW - timedelta(seconds=ago_s)).isoformat()})


def test_it_opens_when_what_was_measured_is_enough_for_the_peak_and_names_both(server: TinyPrometheus) -> None:
    """A load test's record against a query of Prometheus: both numbers with unit and age, in words and in evidence."""
    server.add("requests", 800.0, ago_s=12)
    peak = {"kind": "prometheus", "url": server.url, "query": "sum(requests)"}
    found = look(echo(measured(1000, 7200)), peak, headroom=1.25)
    assert found.state is State.OPEN
    assert found.why == (
        "it can take 1000 requests/s (7200 s old), enough for 1.25 times the peak of 800 requests/s (12 s old)"
    )
    assert found.age_s == 7200
    assert found.evidence["can_take"] == {
        "asked": " ".join(echo(measured(1000, 7200))["argv"]),
        "unit": "requests/s",
        "value": "1000.0",
        "age_s": 7200.0,
    }
    assert found.evidence["peak"] == {"asked": server.url, "unit": "requests/s", "value": "800.0", "age_s": 12.0}
    found = look(echo(measured(1000, 7200)), peak, headroom=1.26)
    assert (found.state, "less than 1.26 times the peak of 800" in found.why) == (State.CLOSED, True)


@pytest.mark.parametrize(
    ("can_take", "peak", "headroom", "state", "why"),
    [
        (100.0, 100.0, 1.0, State.OPEN, "it can take 100 requests/s, enough for the peak of 100 requests/s"),
        (99.9, 100.0, 1.0, State.CLOSED, "it can take 99.9 requests/s, less than the peak of 100 requests/s"),
        (100.0, 100.0, 1.1, State.CLOSED, "less than 1.1 times the peak"),
        (math.nan, 100.0, 1.0, State.UNKNOWN, "what it can take is nan, no rate"),
        (math.inf, 100.0, 1.0, State.UNKNOWN, "what it can take is inf, no rate"),
        (-1.0, 100.0, 1.0, State.UNKNOWN, "what it can take is -1, no rate"),
        (100.0, math.nan, 1.0, State.UNKNOWN, "the peak is nan, no rate"),
        (100.0, -5.0, 1.0, State.UNKNOWN, "the peak is -5, no rate"),
        (100.0, math.inf, 1.0, State.UNKNOWN, "the peak is inf, no rate"),
        (100.0, 0.0, 1.0, State.UNKNOWN, "who sees no traffic proves nothing"),
        (0.0, 0.0, 1.0, State.UNKNOWN, "who sees no traffic proves nothing"),
        (0.0, 1.0, 1.0, State.CLOSED, "it can take 0 requests/s, less than"),
    ],
)
def test_two_numbers_decide(can_take: float, peak: float, headroom: float, state: State, why: str) -> None:
    """Enough opens, less closes; what is no rate, and a peak of nothing, say nothing."""
    asked = check(ECHO, ECHO, headroom=headroom)
    both = [Observation(Reading(value, None), 0.0, "somebody") for value in (can_take, peak)]
    found = capacity.judge(asked, Seen(*both), NOW)
    assert found.state is state
    assert why in found.why


@pytest.mark.parametrize(
    ("text", "more", "why"),
    [
        ("", {}, "it gives nothing, no number"),
        ("about 12", {}, "it gives 'about 12', no number"),
        ("12\n13", {}, "no number"),
        ('{"value": "much"}', {}, "no number"),
        ('{"value": 12, "measured": "yesterday"}', {}, "no number"),
        ('{"value": 12, "measured_at": "2026-01-01T00:00:00"}', {}, "no number"),
        ("nan", {}, "the peak is nan, no rate"),
        ("12", {"max_age_s": 60}, "it does not say when it was measured (measured_at)"),
        (measured(12, 61), {"max_age_s": 60}, "stale: it was measured 61 s ago, allowed are 60 s"),
        (measured(12, -31), {}, "it was measured 31 s in the future: a clock is wrong"),
    ],
)
def test_a_text_that_is_no_number_of_now_opens_nothing(text: str, more: dict[str, Any], why: str) -> None:
    """Empty, words, two numbers, an unknown key, no offset, too old, from the future: unknown, with the reason."""
    found = look(echo("12"), echo(text, **more))
    assert found.state is State.UNKNOWN
    assert why in found.why
    assert found.evidence["can_take"] == {**found.evidence["can_take"], "value": "12.0"}  # type: ignore[dict-item]


def test_more_than_one_series_none_or_an_old_one_is_no_number(server: TinyPrometheus) -> None:
    """A vector of several is no capacity: which of them would it be? Nor is one that nobody scrapes any more."""
    asked = {"kind": "prometheus", "url": server.url, "query": "capacity"}
    assert "what it can take is not known: " in look(asked, ECHO).why
    assert look(asked, ECHO).why.endswith("the query returns nothing")
    server.add("capacity", 10.0, instance="a")
    assert look(asked, ECHO).state is State.OPEN
    server.add("capacity", 20.0, instance="b")
    found = look(asked, ECHO)
    assert (found.state, found.why.endswith("the query returns 2 series, not one")) == (State.UNKNOWN, True)
    assert look(asked | {"query": "sum(capacity)"}, ECHO).state is State.OPEN
    server.add("old", 10.0, ago_s=200)
    assert "stale: the last sample of old is 200 s old" in look(asked | {"query": "old"}, ECHO).why
    server.error = "overloaded"
    assert "Prometheus refuses: overloaded" in look(asked, ECHO).why


def test_what_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that fails, a URL that is not there, a database of which nobody knows: both numbers are said."""
    monkeypatch.delenv("V10_DSN", raising=False)
    found = look(
        {"kind": "http", "url": "http://127.0.0.1:9/", "timeout_s": 1},
        {"kind": "command", "argv": ["sh", "-c", "echo no k6; exit 3"]},
    )
    assert found.state is State.UNKNOWN
    assert "what it can take is not known: http://127.0.0.1:9/: no answer" in found.why
    assert "the peak is not known: sh -c echo no k6; exit 3: it ended with 3: 'no k6'" in found.why
    found = look({"kind": "sql", "dsn_env": "V10_DSN", "query": "select 1"}, ECHO)
    assert (found.state, "V10_DSN is not set here" in found.why) == (State.UNKNOWN, True)


def test_what_could_never_be_asked_is_refused_before_a_run() -> None:
    """A query that does not parse, a database and a program that this machine does not know, by gate and part."""

    def refused(can_take: dict[str, Any], peak: dict[str, Any]) -> None:
        refuse((check(can_take, peak),), "f: capacity", signers=None, now=NOW, env={})

    with pytest.raises(UsageError, match="no query for a gate") as caught:
        refused({"kind": "prometheus", "url": "http://x", "query": "sum("}, ECHO)
    assert caught.value.where == "f: capacity: gate `V10`: can_take: sum("
    with pytest.raises(UsageError, match="no program 'no-such-program'") as caught:
        refused(ECHO, {"kind": "command", "argv": ["no-such-program"]})
    assert caught.value.where == "f: capacity: gate `V10`: peak"
    with pytest.raises(OutsideError, match="V10_DSN is not set"):
        refused({"kind": "sql", "dsn_env": "V10_DSN", "query": "select 1"}, ECHO)
    refused(ECHO, {"kind": "prometheus", "url": "http://x", "query": "max_over_time(sum(rate(r[5m]))[1d:1m])"})


@pytest.mark.parametrize("peak", [ECHO, {"kind": "http", "url": "http://127.0.0.1:9/"}], ids=["command", "http"])
def test_a_peak_of_which_nobody_knows_the_age_is_refused_before_a_run(peak: dict[str, Any]) -> None:
    """A number that was written down once, or a dead exporter's, would open for ever; what it can take may be old."""
    with pytest.raises(UsageError, match="nobody would see that this peak is an old one") as caught:
        refuse((check(ECHO, peak),), "f: capacity", signers=None, now=NOW, env={})
    assert caught.value.where == "f: capacity: gate `V10`: peak"
    assert "max_age_s" in str(caught.value.allowed)
    made = check(ECHO, peak | {"max_age_s": 60})
    refuse((made,), "f: capacity", signers=None, now=NOW, env={})
    soak = SoakGate(kind="soak", name="well", for_s=60, every_s=30, checks=(check(ECHO, peak),))
    with pytest.raises(UsageError, match="an old one"):
        refuse((soak,), "f: watch", signers=None, now=NOW, env={})


def test_a_number_is_read_from_stdout_alone() -> None:
    """A tool that warns on stderr has still given its number; when it gives none, what it said there is told."""
    warns = {"kind": "command", "argv": ["sh", "-c", "echo deprecated >&2; echo 12; echo deprecated >&2"]}
    found = look(warns, echo("12"))
    assert (found.state, found.why.startswith("it can take 12 requests/s")) == (State.OPEN, True), found.why
    fails = {"kind": "command", "argv": ["sh", "-c", "echo 12; echo no such metric >&2; exit 1"]}
    assert "it ended with 1: 'no such metric'" in look(fails, ECHO).why
    silent = {"kind": "command", "argv": ["sh", "-c", "echo no such metric >&2"]}
    assert "it gives nothing, no number, and says 'no such metric'" in look(silent, ECHO).why
    check = CommandCheck(kind="command", name="suite", argv=("sh", "-c", "echo out; echo broken >&2; exit 1"))
    assert checks.look(check, CLOCK, NOW).why.endswith("ended with 1: broken")


@pytest.mark.parametrize("ahead_s", [0.0, 0.2, 0.5, 29.0])
def test_a_number_measured_by_a_clock_that_is_a_little_ahead_is_of_now(ahead_s: float) -> None:
    """0 s old, in words and in evidence; never less."""
    found = look(echo(measured(12, -ahead_s)), echo(measured(10, -ahead_s), max_age_s=60))
    assert found.why == "it can take 12 requests/s (0 s old), enough for the peak of 10 requests/s (0 s old)"
    assert found.evidence["peak"]["age_s"] == 0.0  # type: ignore[index,call-overload]
    assert math.copysign(1, found.age_s) == 1


@pytest.mark.parametrize("headroom", [0.99, 0, -1, math.nan, math.inf])
def test_a_headroom_below_one_is_refused(headroom: float) -> None:
    """Less than the peak is never enough."""
    with pytest.raises(ValidationError):
        check(ECHO, ECHO, headroom=headroom)


def test_it_is_read_back_from_a_journal() -> None:
    """As any gate; its look may take as long as the slower of the two."""
    made = check({**ECHO, "timeout_s": 20}, ECHO)
    assert GATES.validate_python(made.model_dump(mode="json", by_alias=True)) == made
    assert made.timeout_s == 20
