"""An Envoy that is played by its own renderer and reader, with a driver."""

from collections.abc import Mapping
from pathlib import Path

from aurops.clock import ManualClock
from aurops.errors import OutsideError
from tests.traffic.sites import dump, platforms, stats
from traffic import envoy, envoy_routes, heartbeat
from traffic.dialects import EnvoyDialect
from traffic.driver import TOTAL_WEIGHT, Active, Steering
from traffic.file_driver import FileDriver
from traffic.folder import Rendered
from traffic.site import Site


class Played:
    """Envoy as its file and its statistics make it."""

    can = EnvoyDialect.can

    def __init__(self, site: Site) -> None:
        self.live = envoy.steering_file(site.folder)
        self.counted: dict[str, int] = {"v11__membership_healthy": 1, "v10__membership_healthy": 1}
        self.up = True
        self.obeys = True
        self.refuses = ""
        self.checked: list[str] = []
        self._site = site
        self._loaded = ""

    def render(self, wanted: Steering, instead_before: Mapping[str, int]) -> Rendered:
        """As Envoy's file."""
        return envoy_routes.render(self._site, wanted, instead_before)

    def version_of(self, text: str) -> str:
        """As Envoy's file."""
        return envoy_routes.version_of(text)

    def validate(self, text: str) -> str:
        """As if the binary had found it right, unless it is to refuse, with these words."""
        self.checked.append(text)
        if self.refuses:
            raise OutsideError(self.refuses)
        return f"{len(text)} characters are right"

    def take(self) -> None:
        """It watches."""
        if self.obeys:
            self._loaded = self.live.read_text()

    def version(self) -> str:
        """What was loaded."""
        return self.ask().version

    def ask(self) -> Active:
        """What was loaded."""
        if not self.up:
            raise OutsideError("The proxy does not answer.")
        active = envoy_routes.active(self._site, dump(self._loaded), stats(self._site, **self.counted))
        assert active is not None
        return active


class Place:
    """A played proxy in a folder, with its driver; all at V10, watched."""

    def __init__(self, path: Path, **more: object) -> None:
        self.site = platforms(folder=path, **more)
        self.proxy = Played(self.site)
        self.clock = ManualClock()
        self.driver = FileDriver(self.site, self.proxy, self.clock)
        self.driver.install(steering(0, 1))
        self.proxy.take()
        heartbeat.beat(path, self.clock)


def steering(v11: int, epoch: int) -> Steering:
    """The rest goes to V10."""
    return Steering({"v11": v11, "v10": TOTAL_WEIGHT - v11, "baseline": 0}, epoch)
