"""Requests that pass a proxy while it is steered: none lost, none executed twice, by what the servers counted."""

import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from testbeds.local.steering import trial
from testbeds.local.steering.bed import WATCHER, up
from testbeds.local.steering.load import Kind as Asked
from testbeds.local.steering.trial import CONNECTIONS, SOCKETS
from tests.contract.bench import until
from traffic.driver import TOTAL_WEIGHT, Steering
from traffic.headers import NO_ANSWER_HEADER, NOT_SENT_HEADER, SIDE_HEADER
from traffic.site import Kind

pytestmark = pytest.mark.e2e
REQUESTS = 10_000
DEATH = 4_500
WRITES = ("POST", "PUT", "PATCH", "DELETE")


@pytest.mark.parametrize("kind", list(Kind))
def test_a_migration_there_and_back_loses_nothing(kind: Kind) -> None:
    """Every step, the last one included: all acknowledged, each executed once, no WebSocket dropped, nobody moves back.

    Then V10 is drained: each WebSocket closed with 1012, and all come back at V11.
    """
    with up(kind, requests=REQUESTS) as bed:
        bed.await_health("v11")
        done = trial.migrate(bed, REQUESTS, spread_s=0.5)
        assert bed.executed() == [1] * REQUESTS
        assert bed.driver.observe().flows["v10"].under_way == 0
    verdict = done.verdict
    assert (verdict.sent, verdict.failed, verdict.lost, verdict.twice) == (REQUESTS, {"post": 0}, 0, 0)
    assert verdict.moved_back == 0
    assert verdict.by_side["v11"] > REQUESTS // 10
    assert (verdict.dropped, verdict.closed) == (0, {"1012": SOCKETS})
    assert (done.drained.left, done.drained.closed, done.drained.reconnected) == (0, SOCKETS, SOCKETS)


@pytest.mark.parametrize("kind", list(Kind))
def test_a_v11_that_dies_costs_no_more_than_what_was_in_flight(kind: Kind) -> None:
    """Reads and writes with a key: none fails. Other writes: at most those in flight. Nothing is executed twice.

    Back up, V11 gets nothing: the rollback is latched.
    """
    with up(kind, requests=DEATH, delay_ms=5) as bed:
        bed.await_health("v11")
        died = trial.kill(bed, DEATH, (Asked.GET, Asked.POST, Asked.KEYED))
    verdict = died.verdict
    assert (verdict.failed["get"], verdict.failed["keyed"]) == (0, 0)
    assert verdict.failed["post"] <= min(died.under_way, CONNECTIONS)
    assert (verdict.lost, verdict.twice) == (0, 0)
    assert died.executed_after == 0


@pytest.mark.parametrize("kind", list(Kind))
def test_a_v11_that_is_frozen_is_left_for_good(kind: Kind) -> None:
    """It takes connections and answers nothing: latched before any request has timed out, and then V10 serves."""
    with up(kind, requests=10) as bed:
        bed.await_health("v11")
        bed.driver.shift(Steering({"v11": TOTAL_WEIGHT, "v10": 0, "baseline": 0}, 2))
        bed.kill("v11", signal.SIGSTOP)
        until(lambda: bed.driver.observe().steering.weight("v10") == TOTAL_WEIGHT)
        assert bed.driver.latch() is not None
        answer = httpx.post(f"http://{bed.site.listens}/writes/1", json={}, trust_env=False)
        bed.kill("v11", signal.SIGCONT)
        assert (answer.status_code, answer.headers[SIDE_HEADER]) == (200, "v10")


@pytest.mark.parametrize(("key", "shared_keys"), [(("1",), False), (("",), True), (("", "1"), True)])
@pytest.mark.parametrize("kind", list(Kind))
def test_a_client_cannot_have_a_write_executed_twice(kind: Kind, key: tuple[str, ...], *, shared_keys: bool) -> None:
    """V11 dies with a write of each method under way: V10 never gets it, whatever the client asks for by headers.

    An idempotency key changes nothing where the sides do not look keys up in one place, nor does one with an
    empty line anywhere.
    """
    asking = [("x-envoy-retry-on", "5xx,reset"), ("x-envoy-max-retries", "3")]
    asking += [("idempotency-key", line) for line in key]
    with up(kind, requests=10, delay_ms=2_000, shared_keys=shared_keys) as bed, ThreadPoolExecutor() as pool:
        bed.await_health("v11")
        bed.driver.shift(Steering({"v11": TOTAL_WEIGHT, "v10": 0, "baseline": 0}, 2))
        url = f"http://{bed.site.listens}/writes/"
        more = {"headers": asking, "trust_env": False, "timeout": 20}
        answers = [pool.submit(httpx.request, method, f"{url}{n}", **more) for n, method in enumerate(WRITES)]
        until(lambda: bed.driver.observe().flows["v11"].under_way == len(WRITES))
        bed.kill("v11")
        assert {answer.result().status_code for answer in answers} <= {502, 503}
        assert bed.driver.observe().flows["v10"].requests == 0
        assert bed.executed() == [0] * 10


@pytest.mark.parametrize("kind", list(Kind))
def test_a_v11_whose_host_swallows_connections_costs_nothing(kind: Kind) -> None:
    """No connection comes about, so nothing was sent: the fallback serves reads and writes without a key as well."""
    with up(kind, requests=10, shared_keys=False) as bed:
        bed.await_health("v11")
        bed.driver.shift(Steering({"v11": TOTAL_WEIGHT, "v10": 0, "baseline": 0}, 2))
        bed.kill(WATCHER)
        bed.kill("v11")
        with swallowing(bed.site.side("v11").backends[0]):
            url = f"http://{bed.site.listens}"
            answers = [httpx.request(*asked, trust_env=False, timeout=20) for asked in _asked(url)]
        assert [(answer.status_code, answer.headers[SIDE_HEADER]) for answer in answers] == [(200, "v10")] * 6
        assert bed.executed() == [1, 0, 1, 0, 1, 0, 0, 0, 0, 0]


def _asked(url: str) -> list[tuple[str, str]]:
    return [
        ("POST" if number % 2 == 0 else "GET", f"{url}/{'reads' if number % 2 else 'writes'}/{number}")
        for number in range(6)
    ]


@contextmanager
def swallowing(backend: str) -> Iterator[None]:
    """Take this address, and let no connection come about there: whoever comes waits."""
    host, _, port = backend.rpartition(":")
    with socket.socket() as deaf, ExitStack() as waiting:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        deaf.bind((host, int(port)))
        deaf.listen(0)
        for _ in range(3):
            filler = waiting.enter_context(socket.socket())
            filler.settimeout(0.2)
            with suppress(TimeoutError):
                filler.connect((host, int(port)))
        yield


class _Gateway(BaseHTTPRequestHandler):
    """Stands before a V11 that is dead: well by itself, and every answer is its own, with a mark."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Health, and reads."""
        self._answer(200 if self.path == "/health" else 503)

    def do_POST(self) -> None:
        """Writes."""
        self.rfile.read(int(self.headers["content-length"]))
        self._answer(503)

    def _answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("content-length", "0")
        if mark := self.headers.get("x-test-mark"):
            self.send_header(mark, "1")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def gateway() -> Iterator[httpx.Client]:
    """A client of an Envoy with all weight at such a gateway, which nobody watches by now."""
    with up(Kind.ENVOY, requests=10) as bed:
        bed.await_health("v11")
        bed.driver.shift(Steering({"v11": TOTAL_WEIGHT, "v10": 0, "baseline": 0}, 2))
        bed.kill(WATCHER)
        bed.kill("v11")
        port = int(bed.site.side("v11").backends[0].rpartition(":")[2])
        with ThreadingHTTPServer(("127.0.0.1", port), _Gateway) as server:
            server.daemon_threads = True
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            bed.await_health("v11")
            with httpx.Client(base_url=f"http://{bed.site.listens}", trust_env=False) as http:
                yield http
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(
    ("method", "mark", "keyed", "by"),
    [
        ("POST", NOT_SENT_HEADER, False, "v10"),
        ("POST", NO_ANSWER_HEADER, False, "v11"),
        ("POST", NO_ANSWER_HEADER, True, "v10"),
        ("POST", "", True, "v11"),
        ("GET", NOT_SENT_HEADER, False, "v10"),
        ("GET", NO_ANSWER_HEADER, False, "v10"),
        ("GET", "", False, "v11"),
    ],
)
def test_a_gateways_mark_says_what_may_be_sent_again(
    method: str, mark: str, by: str, gateway: httpx.Client, *, keyed: bool
) -> None:
    """Not sent: anything. Sent and not answered: reads, and writes with a shared key. An answer of its own: nothing."""
    headers = {"x-test-mark": mark} if mark else {}
    headers |= {"idempotency-key": "1"} if keyed else {}
    path = "/reads/1" if method == "GET" else "/writes/1"
    answer = gateway.request(method, path, content=b"{}" if method == "POST" else None, headers=headers)
    assert answer.headers[SIDE_HEADER] == by
    assert answer.status_code == (200 if by == "v10" else 503)


@pytest.mark.campaign
@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("kinds", [(Asked.POST,), (Asked.GET,), (Asked.KEYED,)], ids=lambda kinds: kinds[0])
@pytest.mark.parametrize("turn", range(5))
@pytest.mark.timeout(300)
def test_deaths_again_and_again(kind: Kind, kinds: tuple[Asked, ...], turn: int) -> None:  # noqa: ARG001 - repeats
    """The same for each kind of request alone, five times."""
    with up(kind, requests=20_000, delay_ms=5) as bed:
        bed.await_health("v11")
        died = trial.kill(bed, 20_000, kinds)
    verdict = died.verdict
    assert sum(verdict.failed.values()) <= (min(died.under_way, CONNECTIONS) if kinds == (Asked.POST,) else 0)
    assert (verdict.lost, verdict.twice, died.executed_after) == (0, 0, 0)
