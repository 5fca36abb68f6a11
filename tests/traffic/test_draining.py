"""How a side is drained: who is asked, how often, and what is counted."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from aurops.errors import OutsideError
from migration.proxies import Proxies
from tests.traffic.played import Place, Played, steering
from tests.traffic.sites import SIDES
from traffic import draining
from traffic.driver import TOTAL_WEIGHT, Drained
from traffic.file_driver import FileDriver

SPREAD_S = 60.0


class Application(ThreadingHTTPServer):
    """Keeps what it was asked, and answers as it is told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[object] = []
        self.status = 200
        self.silent = threading.Event()
        self.silent.set()

    @property
    def url(self) -> str:
        """Where it is asked."""
        return f"http://127.0.0.1:{self.server_address[1]}/drain"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        application = self.server
        assert isinstance(application, Application)
        application.asked.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        application.silent.wait()
        with suppress(OSError):
            self.send_response(application.status)
            self.send_header("content-length", "0")
            self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[Application]:
    """One that closes its WebSockets when it is asked."""
    server = Application()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.silent.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def application() -> Iterator[Application]:
    """V10's."""
    with serving() as server:
        yield server


@pytest.fixture
def second() -> Iterator[Application]:
    """Another one of V10's, on another host."""
    with serving() as server:
        yield server


@pytest.fixture
def place(tmp_path: Path, application: Application) -> Place:
    """All at V11; at V10 three WebSockets are left."""
    return left_at(tmp_path, application.url)


def left_at(folder: Path, *urls: str) -> Place:
    """The same, closed by these applications."""
    sides = [{"name": name, "backends": ["127.0.0.1:1"], "instead": None if name == "v10" else "v10"} for name in SIDES]
    sides[1]["drain_urls"] = list(urls)
    place = Place(folder, sides=sides)
    place.driver.shift(steering(TOTAL_WEIGHT, 2))
    place.proxy.counted |= {"v10__upstream_rq_active": 3, "v11_or___upstream_rq_101": 0}
    return place


def drain(place: Place) -> Drained:
    """A call that waits for nothing."""
    return place.driver.drain("v10", 2, spread_s=SPREAD_S, wait_s=0)


def test_each_application_is_asked_once_whoever_calls(place: Place, application: Application) -> None:
    """The next call, from another process too, only looks; what closed and what came back is counted from the first."""
    assert drain(place) == Drained(left=3, closed=0, reconnected=0, asked=1)
    place.proxy.counted |= {"v10__upstream_rq_active": 1, "v11+__upstream_rq_101": 2}
    other = FileDriver(place.site, place.proxy, place.clock)
    assert other.drain("v10", 2, spread_s=SPREAD_S, wait_s=0) == Drained(left=1, closed=2, reconnected=2, asked=1)
    assert application.asked == [{"over_s": SPREAD_S}]


def test_what_is_left_after_the_spread_is_asked_for_once_more(place: Place, application: Application) -> None:
    """Sockets that came about after the first question are nobody's to forget."""
    drain(place)
    place.clock.advance(SPREAD_S + draining.GRACE_S + 1)
    drain(place)
    assert len(application.asked) == 2


def test_an_application_that_refuses_is_said_and_asked_again(place: Place, application: Application) -> None:
    """Nothing is counted as asked that was not."""
    application.status = 500
    with pytest.raises(OutsideError, match=f"{application.url}: it answers 500"):
        drain(place)
    application.status = 200
    assert drain(place).asked == 1
    assert len(application.asked) == 2


def test_one_application_that_is_down_keeps_none_of_the_others_from_closing(
    tmp_path: Path, application: Application, second: Application
) -> None:
    """Those that are up are asked once; the one that is not is named, and asked at each call until it is asked."""
    application.status = 503
    place = left_at(tmp_path, "http://127.0.0.1:1/drain", application.url, second.url)
    down = "http://127.0.0.1:1/drain: ConnectError"
    for _ in range(3):
        drained = drain(place)
        assert (drained.left, drained.asked, drained.silent) == (3, 1, ())
        assert [each.partition("(")[0] for each in drained.failed] == [down, f"{application.url}: it answers 503"]
    assert (len(application.asked), len(second.asked)) == (3, 1)
    application.status = 200
    assert drain(place).asked == 2
    answer = Proxies({"edge": place.driver}, place.clock, who="ann", drain_s=SPREAD_S).drain("edge", "v10", 2, 1.0)
    assert answer.waiting.startswith(f"3 are left on v10, as the proxy counts; could not be asked: {down}")
    assert str(answer.data["failed"]).startswith(down)
    assert (len(application.asked), len(second.asked)) == (4, 1)


def test_all_are_asked_at_once(
    tmp_path: Path, application: Application, second: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many that do not answer take no longer than one."""
    monkeypatch.setattr(draining, "ANSWER_S", 5.0)
    for each in (application, second):
        each.silent.clear()
    place = left_at(tmp_path, application.url, second.url)
    call = threading.Thread(target=drain, args=(place,))
    call.start()
    deadline_s = time.monotonic() + 4
    while not (application.asked and second.asked) and time.monotonic() < deadline_s:
        time.sleep(0.005)
    assert [len(each.asked) for each in (application, second)] == [1, 1]
    for each in (application, second):
        each.silent.set()
    call.join()


def test_an_application_that_does_not_answer_is_not_waited_for_and_named(
    place: Place, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may answer when all are closed, or hang: it was asked, and is named, whoever looks; then it is asked anew."""
    monkeypatch.setattr(draining, "ANSWER_S", 0.1)
    application.silent.clear()
    for driver in (place.driver, FileDriver(place.site, place.proxy, place.clock)):
        drained = driver.drain("v10", 2, spread_s=SPREAD_S, wait_s=0)
        assert drained == Drained(left=3, asked=1, silent=(application.url,))
    assert len(application.asked) == 1
    application.silent.set()
    place.clock.advance(SPREAD_S + draining.GRACE_S + 1)
    assert drain(place) == Drained(left=3, asked=1)
    assert len(application.asked) == 2


def test_a_cutover_says_who_does_not_answer(
    place: Place, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step waits for what is left, and names the application; so does the journal."""
    monkeypatch.setattr(draining, "ANSWER_S", 0.1)
    application.silent.clear()
    proxies = Proxies({"edge": place.driver}, place.clock, who="ann", drain_s=SPREAD_S)
    answer = proxies.drain("edge", "v10", 2, 1.0)
    why = f"asked, and no answer within 0.1 s (it may come when all are closed): {application.url}"
    assert answer.waiting == f"3 are left on v10, as the proxy counts; {why}"
    assert (answer.data["asked"], answer.data["silent"]) == (1, application.url)


def test_one_that_answers_when_all_are_closed_was_asked(
    place: Place, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the proxy counts says that it closed them; that it did not answer in time is said, and no more."""
    monkeypatch.setattr(draining, "ANSWER_S", 0.1)
    application.silent.clear()
    drain(place)
    place.proxy.counted["v10__upstream_rq_active"] = 0
    answer = Proxies({"edge": place.driver}, place.clock, who="ann", drain_s=SPREAD_S).drain("edge", "v10", 2, 1.0)
    assert answer.waiting == ""
    assert (answer.data["left"], answer.data["closed"], answer.data["asked"]) == (0, 3, 1)


def test_while_something_is_left_all_are_asked_again_and_again(place: Place, application: Application) -> None:
    """Each time when they should have been done for some seconds."""
    for turn in range(1, 4):
        drain(place)
        drain(place)
        assert len(application.asked) == turn
        place.clock.advance(SPREAD_S + draining.GRACE_S + 1)


def test_a_side_where_nothing_is_left_asks_nobody(place: Place, application: Application) -> None:
    """Nothing to close."""
    place.proxy.counted["v10__upstream_rq_active"] = 0
    assert drain(place) == Drained(left=0)
    assert application.asked == []


def test_a_side_that_had_weight_in_between_is_drained_anew(place: Place, application: Application) -> None:
    """What was counted before was of another drain."""
    drain(place)
    place.driver.shift(steering(0, 2))
    place.driver.shift(steering(TOTAL_WEIGHT, 2))
    place.proxy.counted["v10__upstream_rq_active"] = 5
    assert drain(place) == Drained(left=5, asked=1)
    assert len(application.asked) == 2


def test_it_waits_no_longer_than_it_is_told(place: Place) -> None:
    """By the injected clock."""
    clock = place.clock
    began_s = clock.now_s()
    assert place.driver.drain("v10", 2, spread_s=SPREAD_S, wait_s=3).left == 3
    assert 3 <= clock.now_s() - began_s < 4


def test_a_site_without_applications_says_what_is_left(tmp_path: Path) -> None:
    """Nobody is asked, nothing is claimed."""
    place = Place(tmp_path)
    place.driver.shift(steering(TOTAL_WEIGHT, 2))
    place.proxy.counted["v10__upstream_rq_active"] = 3
    assert drain(place) == Drained(left=3)
    assert isinstance(place.proxy, Played)
