"""Probes see an interruption from outside, and how long it was."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from aurops.clock import RealClock
from migration.probes import RATE_PER_S, Probes, longest_gap_s

CLOCK = RealClock()


class Server(ThreadingHTTPServer):
    """Answers 200, or 503 while it is out."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.out = threading.Event()
        self.answered = 0
        self.keys: set[str] = set()
        self.numbers: set[str] = set()


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.answered += 1
        self.send_response(503 if self.server.out.is_set() else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.keys.add(self.headers["idempotency-key"])
        self.server.numbers.add(self.path.rsplit("/", 1)[-1])
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Tests print nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """On a free port."""
    made = Server()
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def test_an_interruption_is_as_long_as_clients_had_no_answer(server: Server) -> None:
    """A second of refusals is a second, whatever comes after; each write carries its number as key."""
    url = f"http://127.0.0.1:{server.server_address[1]}"
    with Probes(f"{url}/read", f"{url}/writes/{{n}}", CLOCK, first=500) as probes:
        wait_for(server, 20)
        began_s = CLOCK.now_s()
        server.out.set()
        wait_for(server, server.answered + 20)
        server.out.clear()
        out_s = CLOCK.now_s() - began_s
        wait_for(server, server.answered + 20)
    seen = probes.seen()
    assert abs(seen.interruption_s - out_s) <= 3 / RATE_PER_S
    assert 0 < seen.ok < seen.sent
    assert server.keys == server.numbers
    assert min(map(int, server.keys)) == 500


def wait_for(server: Server, answered: int) -> None:
    """Until so many were answered."""
    deadline_s = CLOCK.now_s() + 30
    while server.answered < answered:
        assert CLOCK.now_s() < deadline_s
        CLOCK.sleep(0.01)


def test_a_service_that_never_answers_is_interrupted_all_the_time() -> None:
    """Nothing listens: the whole time counts."""
    with Probes("http://127.0.0.1:9/", "http://127.0.0.1:9/{n}", CLOCK) as probes:
        CLOCK.sleep(0.5)
    seen = probes.seen()
    assert seen.ok == 0
    assert seen.interruption_s >= 0.2


@pytest.mark.parametrize(
    ("successes", "gap_s"),
    [([], 10.0), ([1.0, 2.0, 9.0], 7.0), ([9.0, 1.0, 2.0], 7.0), ([6.0], 6.0), ([2.0, 3.0], 7.0)],
)
def test_the_longest_gap_counts_the_begin_and_the_end(successes: list[float], gap_s: float) -> None:
    """Of ten seconds of probing."""
    assert longest_gap_s(successes, 0.0, 10.0) == gap_s
