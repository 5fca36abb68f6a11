"""The quorum of vantage points."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurops.clock import RealClock
from failover.detector import Board, Report, Rule, State, Vote, judge

VANTAGES = ("one", "two", "three")


def report(vantage: str, failures: int, *, region: str = "north", age_s: float = 0.1, received_s: float = 50) -> Report:
    """A report on a clock that has nothing to do with the reader's."""
    return Report(
        vantage=vantage,
        region=region,
        consecutive_failures=failures,
        last_ok_s=7.0 if failures else 9.0 - age_s,
        last_failure_s=9.0 - age_s if failures else None,
        now_s=9.0,
        error="time-out" if failures else None,
        received_s=received_s,
    )


def state_of(*reports: Report, now_s: float = 50.0) -> State:
    """The verdict about north at the reader's 50 s."""
    return judge("north", VANTAGES, reports, now_s, Rule()).state


def test_two_of_three_with_three_failures_each_say_lost() -> None:
    """A quorum is enough; the third may be of another opinion or silent."""
    assert state_of(report("one", 3), report("two", 4)) is State.LOST
    assert state_of(report("one", 3), report("two", 4), report("three", 0)) is State.LOST


def test_two_failures_in_a_row_are_not_yet_a_vote() -> None:
    """A short hiccup moves nobody."""
    verdict = judge("north", VANTAGES, [report("one", 3), report("two", 2)], 50.0, Rule())
    assert verdict.state is State.UNDECIDED
    assert [item.vote for item in verdict.evidence] == [Vote.LOST, Vote.FAILING, Vote.UNKNOWN]


def test_a_stale_report_is_unknown_and_never_a_vote() -> None:
    """Old news is no news, whether the vantage point stopped probing or stopped answering."""
    assert state_of(report("one", 9), report("two", 9, age_s=1.1)) is State.UNDECIDED
    assert state_of(report("one", 9), report("two", 9), now_s=51.1) is State.UNDECIDED


def test_a_report_about_another_region_is_unknown() -> None:
    """Failures of the region that was left say nothing of the one in force."""
    assert state_of(report("one", 9), report("two", 9, region="south")) is State.UNDECIDED


def test_the_evidence_names_votes_numbers_and_reasons() -> None:
    """The journal can quote why a region was given up."""
    text = judge("north", VANTAGES, [report("one", 3), report("two", 4), report("three", 0)], 50.0, Rule()).text
    assert text == (
        "north is lost: one: lost (3 failures in a row, last probe 0.10 s ago: time-out); "
        "two: lost (4 failures in a row, last probe 0.10 s ago: time-out); "
        "three: well (0 failures in a row, last probe 0.10 s ago)"
    )


times = st.one_of(st.none(), st.floats(0, 100))
any_report = st.builds(
    Report,
    vantage=st.sampled_from([*VANTAGES, "stranger"]),
    region=st.sampled_from(["north", "south"]),
    consecutive_failures=st.integers(0, 10),
    last_ok_s=times,
    last_failure_s=times,
    now_s=st.floats(0, 100),
    received_s=st.floats(0, 100),
)


@given(st.sampled_from(VANTAGES), st.lists(any_report), st.floats(0, 200))
def test_no_single_blind_vantage_point_can_cause_a_failover(blind: str, reports: list[Report], now_s: float) -> None:
    """Whatever one vantage point and strangers say, and however often, the region is not lost."""
    said = [item for item in reports if item.vantage in {blind, "stranger"} or not item.consecutive_failures]
    assert judge("north", VANTAGES, said, now_s, Rule()).state is not State.LOST


@given(st.lists(any_report), st.floats(0, 200))
def test_lost_needs_two_fresh_votes(reports: list[Report], now_s: float) -> None:
    """`lost` always comes with two named vantage points whose numbers satisfy the rule."""
    verdict = judge("north", VANTAGES, reports, now_s, Rule())
    voters = {item.vantage for item in verdict.evidence if item.vote is Vote.LOST}
    assert (verdict.state is State.LOST) == (len(voters) >= 2)
    for item in verdict.evidence:
        if item.vote is Vote.LOST:
            assert item.consecutive_failures is not None
            assert item.consecutive_failures >= 3
            assert item.age_s is not None
            assert item.age_s <= 1.0


Serve = Callable[[str, int], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts vantage points that always report the same number of failures, just now."""
    servers: list[ThreadingHTTPServer] = []

    def start(name: str, failures: int) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = json.loads(report(name, failures).model_dump_json())
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, *_args: object) -> None:
                """Keep the test's output clean."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        servers.append(server)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_what_vantage_points_say_is_read_and_counted(serve: Serve) -> None:
    """Two that say lost are enough, though the third does not even listen."""
    urls = {"one": serve("one", 3), "two": serve("two", 3), "three": "http://127.0.0.1:1"}
    clock = RealClock()
    deadline_s = clock.now_s() + 10
    with Board(urls, clock) as board:
        while (verdict := board.judge("north", Rule())).state is not State.LOST:
            assert clock.now_s() < deadline_s, verdict.text
            board.wait_for_news()
    assert verdict.detected_at_s <= clock.now_s()
    assert [evidence.vote for evidence in verdict.evidence] == [Vote.LOST, Vote.LOST, Vote.UNKNOWN]
