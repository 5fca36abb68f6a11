"""The drivers of the real proxies keep the contract of every driver."""

import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from testbeds.local.steering.bed import PROXY, WATCHER, Bed, up
from tests.contract.driver import Bench, DriverContract, until
from traffic import nginx
from traffic.dialects import open_driver
from traffic.driver import Driver
from traffic.folder import Rendered
from traffic.headers import NOT_SENT_HEADER, SIDE_HEADER
from traffic.site import Kind

pytestmark = pytest.mark.e2e


class RealProxy:
    """A bed."""

    def __init__(self, bed: Bed, http: httpx.Client) -> None:
        self.bed = bed
        self.driver: Driver = bed.driver
        self._http = http

    def ask(self, user: str) -> str:
        """By the proxy; what it refuses was not sent."""
        url = f"http://{self.bed.site.listens}/writes/1"
        answer = self._http.post(url, json={}, headers={"x-user-id": user})
        if answer.status_code == 503:
            assert NOT_SENT_HEADER in answer.headers
            return "refused"
        assert answer.status_code == 200
        return answer.headers[SIDE_HEADER]

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
        with up(kind, requests=10) as bed, httpx.Client(trust_env=False) as http:
            for side in bed.site.names:
                bed.await_health(side)
            yield RealProxy(bed, http)
