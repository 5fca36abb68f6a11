"""Whether backends are well, asked by the driver of a proxy that does not look itself."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from aurops.clock import RealClock
from aurops.errors import HeldError
from migration import fitness, rollback
from tests.traffic.played import Played, steering
from tests.traffic.sites import platforms
from traffic import health, heartbeat
from traffic.driver import Active
from traffic.file_driver import FileDriver
from traffic.site import Kind, Side

DEAD = "127.0.0.1:1"
READY = rollback.Ready(service="s", run="r", at="", proxies=())


class Blind(Played):
    """A proxy that does not look after health, as NGINX."""

    def ask(self) -> Active:
        """Of no side it knows how many are well."""
        now = super().ask()
        return replace(now, flows={name: replace(flow, healthy=None) for name, flow in now.flows.items()})


@contextmanager
def backend(status: int = 200, after: int = 0) -> Iterator[str]:
    """One that says this of its health; before so many looks the contrary. Its host:port."""
    looks = [0]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            looks[0] += 1
            self.send_response(status if self.path == "/health" and looks[0] > after else 503)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


Drivers = Callable[[str, str], FileDriver]


@pytest.fixture
def driver(tmp_path: Path) -> Drivers:
    """Of a proxy with these backends of V11 and V10; all at V10, watched."""

    def make(v11: str, v10: str) -> FileDriver:
        sides = (
            Side(name="v11", backends=(v11,), health_path="/health", instead="v10"),
            Side(name="v10", backends=(DEAD, v10), health_path="/health"),
            Side(name="baseline", backends=(DEAD,), health_path="/health", instead="v10"),
        )
        site = platforms(Kind.ENVOY, tmp_path, sides=sides)
        proxy = Blind(site)
        made = FileDriver(site, proxy, RealClock())
        made.install(steering(0, 1))
        proxy.take()
        heartbeat.beat(tmp_path, RealClock())
        return made

    return make


@pytest.mark.parametrize(
    ("v11", "v10", "refused"), [(200, None, True), (200, 503, True), (None, None, False), (200, 200, False)]
)
def test_a_rollback_asks_itself_whether_v10_is_worse(
    driver: Drivers, v11: int | None, v10: int | None, *, refused: bool
) -> None:
    """V10 does not answer, or says that it is not well, and V11 is: refused, as with a proxy that looks itself."""
    with ExitStack() as stack:
        made = driver(*(stack.enter_context(backend(status)) if status else DEAD for status in (v11, v10)))
        found = fitness.refusal(READY, "west", made)
    assert (found is not None) is refused
    assert found is None or (found.refused and "no backend of V10 answers its health checks" in found.why)


def test_a_look_that_was_missed_once_makes_no_v10_dead(driver: Drivers) -> None:
    """A busy V10 answers the second time: it is fit to go back to."""
    with backend() as v11, backend(after=1) as v10:
        made = driver(v11, v10)
        assert fitness.refusal(READY, "west", made) is None
    with backend(after=1) as v10:
        assert driver_well(made, v10) == 1


def driver_well(made: FileDriver, v10: str) -> int | None:
    """How many of V10 are well, with this one in it."""
    return health.count(made.site.side("v10").model_copy(update={"backends": (DEAD, v10)}))


def test_a_step_forward_asks_both_sides(driver: Drivers) -> None:
    """To a V11 that does not answer, or away from a V10 that is cold: refused with the backends; else it is made."""
    with backend() as v11, backend(503) as cold:
        made = driver(v11, cold)
        with pytest.raises(HeldError, match="v10 is the way back, and cold or dead") as refused:
            made.shift(steering(100, 2))
        assert cold in str(refused.value.where)
        assert made.observe().steering == steering(0, 1)


def test_a_step_forward_to_a_side_that_does_not_answer_is_refused(driver: Drivers) -> None:
    """Before any request meets it; back it goes without asking who is left."""
    with backend() as v10:
        made = driver(DEAD, v10)
        with pytest.raises(HeldError, match="v11 is to get more: none of its backends answers health checks"):
            made.shift(steering(100, 2))
        assert made.observe().steering == steering(0, 1)


def test_a_step_between_sides_that_answer_is_made(driver: Drivers) -> None:
    """Forward, and back while V11 is dead by then."""
    with backend() as v10:
        with backend() as v11:
            made = driver(v11, v10)
            assert made.shift(steering(100, 2)).steering == steering(100, 2)
        assert made.shift(steering(0, 3)).steering == steering(0, 3)


def test_a_side_without_a_path_to_ask_at_is_not_known() -> None:
    """Nobody can say; unknown is not dead."""
    assert health.count(Side(name="v10", backends=(DEAD,))) is None
