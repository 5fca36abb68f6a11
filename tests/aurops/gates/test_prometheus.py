"""Gates that ask Prometheus: what opens them, and all that does not."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from aurops.clock import ManualClock
from aurops.errors import UsageError
from aurops.gates import prometheus
from aurops.gates.finding import Finding, State
from aurops.gates.prometheus import Series
from aurops.gates.refusals import refuse
from aurops.gates.spec import PrometheusCheck
from tests.aurops.gates.metrics_server import TinyPrometheus


@pytest.fixture
def clock() -> ManualClock:
    """Time that the test moves."""
    return ManualClock()


@pytest.fixture
def server(clock: ManualClock) -> Iterator[TinyPrometheus]:
    """A server that answers as Prometheus does."""
    with TinyPrometheus(clock) as tiny:
        yield tiny


def check(server: TinyPrometheus, query: str = "errors", **more: object) -> PrometheusCheck:
    """At most 1% of whatever it is."""
    said = {"kind": "prometheus", "name": "errors", "url": server.url, "query": query, "value": {"at_most": 0.01}}
    return PrometheusCheck.model_validate(said | more)


def look(asked: PrometheusCheck, clock: ManualClock, since_s: float | None = None) -> Finding:
    """One look."""
    return prometheus.judge(asked, prometheus.look(asked, clock, since_s=since_s), clock.wall())


def test_every_series_must_keep_the_limit(server: TinyPrometheus, clock: ManualClock) -> None:
    """One instance above it closes the gate, and is named with its value; the evidence holds the query."""
    server.add("errors", 0.001, instance="a", ago_s=7)
    found = look(check(server), clock)
    assert (found.state, found.why, found.age_s) == (State.OPEN, "0.001", 7)
    assert found.evidence["query"] == "errors"
    server.add("errors", 0.5, instance="b")
    found = look(check(server), clock)
    assert found.state is State.CLOSED
    assert found.why == '0.5 is not at most 0.01 (__name__="errors", instance="b")'


@pytest.mark.parametrize(
    ("limit", "value", "state"),
    [
        ({"below": 1}, 1.0, State.CLOSED),
        ({"below": 1}, 0.9, State.OPEN),
        ({"above": 1}, 1.0, State.CLOSED),
        ({"at_least": 1}, 1.0, State.OPEN),
        ({"equals": 1}, 1.1, State.CLOSED),
        ({"at_least": 1, "below": 2}, 2.0, State.CLOSED),
        ({"above": 0}, float("inf"), State.CLOSED),
        ({"below": 0}, float("-inf"), State.CLOSED),
    ],
)
def test_a_limit_means_what_it_says(
    server: TinyPrometheus, clock: ManualClock, limit: dict[str, float], value: float, state: State
) -> None:
    """Below, at most, above, at least, equals; infinity keeps none."""
    server.add("errors", value)
    assert look(check(server, value=limit), clock).state is state


def test_what_nobody_knows_opens_nothing(server: TinyPrometheus, clock: ManualClock) -> None:
    """No series, NaN, an old sample, an error, an answer that is none: each is unknown and says which."""
    assert look(check(server), clock).why == "the query returns nothing"
    server.add("errors", float("nan"))
    found = look(check(server), clock)
    assert (found.state, found.why) == (State.UNKNOWN, 'nan is no number to judge (__name__="errors", instance="a")')
    server.samples.clear()
    server.add("errors", 0.0, ago_s=121)  # Prometheus itself goes on answering with it for five minutes
    found = look(check(server), clock)
    assert (found.state, found.why) == (State.UNKNOWN, "stale: the last sample of errors is 121 s old")
    assert found.age_s == 121
    server.error = "query processing would load too many samples"
    assert look(check(server), clock).why == "Prometheus refuses: query processing would load too many samples"
    for raw in ("<html>", "[]", '{"status": "success", "data": {"resultType": "string", "result": [0, "x"]}}'):
        server.raw = raw
        found = look(check(server), clock)
        assert found.state is State.UNKNOWN
        assert "answer" in found.why or "refuses" in found.why


def test_one_old_series_among_fresh_ones_is_stale(server: TinyPrometheus, clock: ManualClock) -> None:
    """A sum hides that one of its parts is old; the samples behind it are asked for, not the sum."""
    server.add("errors", 0.0, instance="a")
    server.add("errors", 0.0, instance="b", ago_s=200)
    found = look(check(server, "sum(errors)"), clock)
    assert (found.state, found.why) == (State.UNKNOWN, "stale: the last sample of errors is 200 s old")
    assert look(check(server, "sum(errors)", max_age_s=240), clock).state is State.OPEN


def test_a_server_that_does_not_answer_opens_nothing(server: TinyPrometheus) -> None:
    """In time, or at all."""
    from aurops.clock import RealClock  # noqa: PLC0415 (a time-out is real time)

    server.silent = True
    found = prometheus.judge(
        check(server, timeout_s=0.2), prometheus.look(check(server, timeout_s=0.2), RealClock()), server.clock.wall()
    )
    assert found.state is State.UNKNOWN
    # On a machine under load the time may be over between two of its questions.
    assert found.why in ("no answer within 0.2 s", "no whole answer within 0.2 s")
    gone = check(server, url="http://127.0.0.1:9")
    found = prometheus.judge(gone, prometheus.look(gone, RealClock()), server.clock.wall())
    assert found.state is State.UNKNOWN
    assert "no answer" in found.why


@pytest.mark.parametrize(("ahead_s", "side"), [(45, "ahead of"), (-45, "behind")])
def test_clocks_that_are_apart_open_nothing(
    server: TinyPrometheus, clock: ManualClock, ahead_s: float, side: str
) -> None:
    """Whoever is wrong: the gate says that one of the clocks is."""
    server.add("errors", 0.0)
    server.ahead_s = ahead_s
    found = look(check(server), clock)
    assert (found.state, found.why) == (State.UNKNOWN, f"its clock is 45 s {side} this host's: one of them is wrong")


def test_a_range_must_be_whole_and_good_at_every_step(server: TinyPrometheus, clock: ManualClock) -> None:
    """A spike that is over closes the gate; a time without values, or with old ones, makes it unknown."""
    over = check(server, over_s=600, step_s=15)
    for ago_s in range(0, 700, 15):
        server.add("errors", 0.0, ago_s=ago_s)
    assert look(over, clock).state is State.OPEN
    server.add("errors", 0.7, ago_s=300)
    found = look(over, clock)
    assert found.state is State.CLOSED
    assert found.why == '0.7 is not at most 0.01 (__name__="errors", instance="a"), 300 s ago'
    server.samples["errors"]["a"] = [sample for sample in server.samples["errors"]["a"] if sample[1] < 0.5]
    kept = server.samples["errors"]["a"]
    server.samples["errors"]["a"] = [s for s in kept if not 100 < server.now_s - s[0] < 290]
    found = look(over, clock)
    assert found.state is State.UNKNOWN
    assert found.why.startswith("stale "), "what the server remembers for five minutes is no measurement"
    server.samples["errors"]["a"] = [s for s in kept if server.now_s - s[0] < 200]
    assert look(over, clock).why == 'no value of __name__="errors", instance="a" from 600 s to 195 s ago'


def test_every_series_of_a_range_must_be_whole_and_still_there(server: TinyPrometheus, clock: ManualClock) -> None:
    """One that vanished, then or just now, is named; what is not allowed of another closes all the same."""
    over = check(server, over_s=600, step_s=15, series=2)
    for ago_s in range(0, 700, 15):
        server.add("errors", 0.0, ago_s=ago_s)
    assert look(over, clock).why == "the query returns 1 of at least 2 series"
    for ago_s in range(0, 700, 15):
        server.add("errors", 0.0, instance="b", ago_s=ago_s)
    assert look(over, clock).state is State.OPEN
    gone = Series('__name__="errors", instance="c"', tuple((server.now_s - ago_s, 0.0) for ago_s in range(600, 0, -15)))
    seen = prometheus.look(over, clock)
    assert seen.value is not None
    with_it = replace(seen, value=replace(seen.value, past=(*seen.value.past, gone)))
    assert prometheus.judge(over, with_it, clock.wall()).why == f"no value of {gone.labels} any more"
    early = replace(gone, points=gone.points[:8])
    with_it = replace(seen, value=replace(seen.value, past=(early, *seen.value.past)))
    found = prometheus.judge(over, with_it, clock.wall())
    assert (found.state, found.why) == (State.UNKNOWN, f"no value of {gone.labels} from 495 s to 0 s ago")
    server.add("errors", 0.7, instance="b")
    seen = prometheus.look(over, clock)
    assert seen.value is not None
    with_it = replace(seen, value=replace(seen.value, past=(early, *seen.value.past)))
    assert prometheus.judge(over, with_it, clock.wall()).state is State.CLOSED


def test_the_time_since_the_last_look_can_be_asked_for(server: TinyPrometheus, clock: ManualClock) -> None:
    """What happened while nobody looked is found."""
    for ago_s in range(0, 700, 15):
        server.add("errors", 0.9 if 100 < ago_s < 120 else 0.0, ago_s=ago_s)
    now_s = clock.wall().timestamp()
    assert look(check(server), clock).state is State.OPEN
    assert look(check(server), clock, since_s=now_s - 60).state is State.OPEN
    assert look(check(server), clock, since_s=now_s - 180).state is State.CLOSED


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("sum(rate(errors[5m])", "unclosed left parenthesis"),
        ("rate(errors)", "expected type matrix"),
        ("errors[5m]", "gives no value but samples"),
        ("max_over_time(errors[1h:1m])[1h:5m]", "gives no value but samples"),
        ('"up"', "gives no value but samples or a text"),
        ("vector(0)", "it reads no series"),
        ("time() > bool 0", "it reads no series"),
        ("", "no expression"),
    ],
)
def test_a_query_that_cannot_be_meant_is_refused_before_the_run(server: TinyPrometheus, query: str, why: str) -> None:
    """It does not parse, gives no value, or reads nothing; the error names the gate and the query."""
    with pytest.raises(UsageError, match="this is no query for a gate") as caught:
        refuse((check(server, query),), "cutover.yaml", signers=None, now=server.clock.wall(), env={})
    assert why in caught.value.what
    assert caught.value.where == f"cutover.yaml: gate `errors`: {query}"
    assert not server.asked


def test_the_selectors_of_a_query_are_those_that_it_reads() -> None:
    """Wherever they stand, with their labels, without offset and `@`, each once."""
    query = (
        'rate(h{code=~"5..",path!="a\\"b\\n"}[5m] offset 1h) / sum({__name__="up"} @ end()) + up + up{a!~"1" or b="2"}'
    )
    read = ('h{code=~"5..",path!="a\\"b\\n"}', '{__name__="up"}', "up", 'up{a!~"1" or b="2"}')
    assert prometheus.selectors(query) == read
    assert prometheus.selectors(" + ".join(read)) == read
