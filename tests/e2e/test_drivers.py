"""The drivers of the real proxies keep the contract of every driver."""

import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import pytest

from aurops.errors import OutsideError
from testbeds.local import components
from testbeds.local.steering.bed import PROXY, WATCHER, Bed, up
from tests.contract.bench import (
    ADDRESSES,
    ANYBODY,
    Bench,
    Client,
    assert_by_the_first,
    sides,
    steering,
    until,
)
from tests.contract.driver import DriverContract
from tests.traffic.sites import platforms
from traffic import nginx
from traffic.dialects import open_driver
from traffic.driver import TOTAL_WEIGHT, Active, Driver, Flow, Steering
from traffic.folder import Rendered
from traffic.headers import KEY_HEADER, NOT_SENT_HEADER, SIDE_HEADER
from traffic.hold import Hold, put
from traffic.site import Kind

pytestmark = pytest.mark.e2e
ASKED = {
    "write": ("POST", "/writes/1"),
    "keyed write": ("POST", "/writes/1"),
    "read": ("GET", "/reads/1"),
    "socket": ("GET", "/socket"),
}
NOTHING = ("content-length", "0")
SENT = {
    "write": [NOTHING],
    "keyed write": [NOTHING, (KEY_HEADER, "1")],
    "socket": [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", b64encode(bytes(16)).decode()),
    ],
}


class RealProxy:
    """A bed."""

    def __init__(self, bed: Bed) -> None:
        self.bed = bed
        self.driver: Driver = bed.driver

    def ask(self, client: Client) -> str:
        """By the proxy; what it refuses was not sent."""
        connection = HTTPConnection(self.bed.site.listens, timeout=10, source_address=(client.source, 0))
        with closing(connection):
            connection.putrequest(*ASKED[client.asks])
            for name, value in self._headers(client):
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            answer.read()
        if answer.status == 503:
            assert NOT_SENT_HEADER in answer.headers
            return "refused"
        assert answer.status == (101 if client.asks == "socket" else 200)
        return answer.headers[SIDE_HEADER]

    def _headers(self, client: Client) -> list[tuple[str, str]]:
        sticky = self.bed.site.sticky
        assert sticky is not None
        said = {sticky.user_header: client.user, sticky.key_header: client.key, "x-forwarded-for": client.forwarded}
        lines = [(name, line) for name, lines in said.items() for line in lines]
        return [*SENT.get(client.asks, ()), *lines]

    def tamper(self) -> None:
        """An editor saves the file, in place."""
        live = next((self.bed.site.folder / "live").glob("*.json"))
        live.write_text(live.read_text().replace("0", "1", 1))

    def kill(self, side: str) -> None:
        """SIGKILL."""
        self.bed.kill(side)

    def revive(self, side: str) -> None:
        """Started again."""
        self.bed.start(side)
        self.bed.await_health(side)
        if self.bed.site.kind is Kind.NGINX:  # it looks away for a while after a failure, and nobody can ask it
            over_s = time.monotonic() + 2 * nginx.FAILED_S
            until(lambda: time.monotonic() > over_s)

    def stop(self) -> None:
        """SIGKILL."""
        self.bed.kill(PROXY)

    def start(self) -> None:
        """Started again."""
        self.bed.start(PROXY)
        for side in self.bed.site.names:
            self.bed.await_health(side)

    def hold(self, reason: str) -> None:
        """As the watcher writes it."""
        put(self.bed.site.folder, Hold(run="run-1", cause="the test", reason=reason, who="the watcher", at="now"))

    def unwatch(self) -> None:
        """SIGKILL."""
        self.bed.kill(WATCHER)

    def watch(self) -> None:
        """Started again."""
        self.bed.start(WATCHER)

    def another(self) -> Driver:
        """Of the same site."""
        return open_driver(self.bed.site)

    def stands_still(self, driver: Driver, meanwhile: Callable[[], object]) -> None:
        """Where SIGSTOP would have to meet it: with the lock held, after its second look at the latch."""
        folder = driver._folder  # type: ignore[attr-defined]
        put = folder.put

        def late(rendered: Rendered) -> None:
            folder.put = put
            meanwhile()
            put(rendered)

        folder.put = late


@pytest.mark.parametrize("kind", list(Kind), scope="class")
class TestRealProxies(DriverContract):
    """One bed of each kind for all of its tests."""

    @pytest.fixture(scope="class")
    def bench(self, kind: Kind) -> Iterator[Bench]:
        """Born anew, and ended."""
        with up(kind, requests=10) as bed:
            yield RealProxy(bed)


@pytest.mark.parametrize("kind", list(Kind))
def test_an_address_in_x_forwarded_for_counts_where_the_last_trusted_hop_wrote_it(kind: Kind) -> None:
    """Two hops are trusted: the last but one is the client's, whatever stands before it; else the connection's is."""
    with up(kind, requests=10, trusted_hops=2) as bed:
        bench = RealProxy(bed)
        bed.driver.shift(steering(5_000, 2))
        written = [Client(forwarded=(f"10.0.0.{number}, 10.9.9.9",)) for number in range(1, 21)]
        assert_by_the_first(bench, written, ADDRESSES[:3])
        for client, side in sides(bench, written[:10]).items():
            (line,) = client.forwarded
            address = line.partition(",")[0]
            others = [(f"10.7.7.{number},{line}",) for number in range(8)]
            others += [(f"10.7.7.{number}", line) for number in range(8)]
            others += [(f"{address},10.8.8.{number}",) for number in range(8)]
            assert set(sides(bench, [Client(forwarded=lines) for lines in others]).values()) == {side}
        unwritten = [(f"10.0.0.{number}",) for number in range(1, 9)]
        unwritten += [
            (f"{said}, 10.9.9.9",) for said in ("", "unknown", "10.0.0.1:4711", "[2001:db8::1]", "a", "b", "c")
        ]
        assert_by_the_first(bench, ADDRESSES[:10], [Client(forwarded=lines) for lines in unwritten])


@pytest.mark.parametrize(
    ("kind", "right", "wrong", "says"),
    [
        (Kind.ENVOY, '"v10"', '"v12"', "unknown cluster 'v12'"),
        (Kind.ENVOY, '"weighted_clusters"', '"weighed_clusters"', "'weighed_clusters'"),
        (Kind.NGINX, '"weights"', "weights", "preload objects"),
    ],
)
def test_a_way_back_that_the_proxys_own_binary_refuses_is_refused_in_its_words(
    kind: Kind, right: str, wrong: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a real binary, without a running proxy: what a template made wrong never lies ready as if it were right."""
    binary = components.envoy() if kind is Kind.ENVOY else components.nginx()
    site = platforms(kind, tmp_path, program=str(binary.path))
    driver = open_driver(site)
    driver.install(steering(0, 1))
    dialect = driver._dialect
    monkeypatch.setattr(dialect, "ask", lambda: Active(steering(0, 1), "1-x", dict.fromkeys(site.names, Flow())))
    assert driver.lay_way_back()
    ready = (site.folder / "way-back").read_text()
    render = dialect.render

    def corrupted(wanted: Steering, before: Mapping[str, int]) -> Rendered:
        made = render(wanted, before)
        return Rendered(made.text.replace(right, wrong), made.version)

    monkeypatch.setattr(dialect, "render", corrupted)
    for lay in (driver.lay_way_back, lambda: driver.shift(steering(0, 2))):
        with pytest.raises(OutsideError, match=r"refused by the proxy's own binary") as refused:
            lay()
        assert says in refused.value.what
    assert (site.folder / "way-back").read_text() == ready


@pytest.mark.parametrize("kind", list(Kind))
def test_a_file_that_was_edited_before_a_restart_is_held_and_its_weights_are_nobodys(kind: Kind) -> None:
    """Valid weights are obeyed, by either proxy; at once there is a hold, and who looks is told; a rollback ends it."""
    with up(kind, requests=10) as bed:
        live = next((bed.site.folder / "live").glob("*.json"))
        edits = [('"v11+", "weight": 0', '"v11+", "weight": 9000'), ('"v10", "weight": 10000', '"v10", "weight": 1000')]
        if kind is Kind.NGINX:
            edits = [('["v11", 0]', '["v11", 9000]'), ('["v10", 10000]', '["v10", 1000]')]
        text = live.read_text()
        for old, new in edits:
            assert old in text
            text = text.replace(old, new)
        live.write_text(text)
        until(lambda: bed.driver.hold() is not None)
        bed.kill(PROXY)
        bed.start(PROXY)
        now = bed.driver.observe()
        assert now.steering.weight("v11") == 9_000
        assert "Somebody else has steered: v11 9000, v10 1000" in now.foreign
        assert not bed.driver.roll_back("nobody steered there", "bob").foreign
        assert bed.driver.observe().steering.weight("v10") == TOTAL_WEIGHT


def test_nginx_obeys_no_weights_that_do_not_sum() -> None:
    """Told to read them, it keeps what it has; started with them it sends everything to V10, and says why."""
    with up(Kind.NGINX, requests=200) as bed:
        bed.driver.shift(steering(TOTAL_WEIGHT, 2))
        live = bed.driver._dialect.live
        live.write_text(live.read_text().replace('["v11", 10000]', '["v11", 3000]'))
        with pytest.raises(OutsideError, match="sum to 3000, not to 10000"):
            bed.driver._dialect.take()
        assert bed.driver.observe().steering == steering(TOTAL_WEIGHT, 2)
        bed.kill(PROXY)
        bed.start(PROXY)
        now = bed.driver.observe()
        assert now.steering == steering(0, 2)
        assert "cannot obey (its weights sum to 3000, not to 10000): everything goes to v10" in now.foreign
        assert RealProxy(bed).ask(ANYBODY) == "v10"
        live.write_text("{")
        bed.kill(PROXY)
        bed.start(PROXY)
        assert bed.driver.observe().steering == steering(0, 0)
        assert bed.driver.hold() is not None
