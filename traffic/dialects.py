"""What differs from proxy to proxy: what it is told, how it is asked. The one place that knows which there are."""

from __future__ import annotations

import zlib
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from aurops.errors import OutsideError, UsageError
from traffic import envoy, envoy_routes, nginx, validation
from traffic.dialect import WAY_BACK, Start
from traffic.driver import Active, Capabilities, Capability, Steering
from traffic.file_driver import FileDriver
from traffic.site import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aurops.clock import Clock
    from traffic.dialect import Dialect, Trial
    from traffic.folder import Rendered
    from traffic.site import Site

ANSWER_S = 1.0
ENVOY_FILE = "envoy.json"
_NUMBERS = 100_000_000
"""Below what Envoy takes as `--base-id`: ten times the number fits into 32 bits."""
TRIED = "the real proxy on one machine; never in front of a real platform"
_DUMP = "/config_dump?resource=dynamic_route_configs"
_STATS = (
    "/stats?format=json&filter="
    r"^cluster\..*\.(upstream_rq_(total|active|pending_active|101)|membership_healthy|health_check\.(attempt|success))$"
)


def open_driver(site: Site, clock: Clock | None = None) -> FileDriver:
    """The driver of a site, on the proxy's own host.

    Args:
        site: The proxy.
        clock: For deadlines; None: the machine's.
    """
    return FileDriver(site, open_dialect(site), clock)


def open_dialect(site: Site) -> Dialect:
    """What a site's proxy is told, and how it is asked."""
    dialects: dict[Kind, Callable[[Site], Dialect]] = {Kind.ENVOY: EnvoyDialect, Kind.NGINX: NginxDialect}
    return dialects[site.kind](site)


class _Admin:
    """A proxy's own interface on loopback. Nothing stays open between two questions: drivers need no end."""

    def __init__(self, site: Site) -> None:
        self._address = site.admin

    def ask(self, *paths: str, method: str = "GET") -> list[str]:
        """What it answers, one after the other.

        Raises:
            OutsideError: Nothing, or that it will not.
        """
        with closing(HTTPConnection(self._address, timeout=ANSWER_S)) as connection:
            return [self._ask(connection, path, method) for path in paths]

    def _ask(self, connection: HTTPConnection, path: str, method: str) -> str:
        where = f"http://{self._address}{path}"
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        except (OSError, HTTPException) as error:
            raise OutsideError(
                f"The proxy does not answer: {error!r}.",
                where=where,
                next_step="Is it running? Until it answers nobody knows where requests go.",
            ) from error
        if answer.status == HTTPStatus.OK:
            return text
        raise OutsideError(f"The proxy refuses: {text[:300].strip()}", where=where)

    def not_ours(self, error: Exception) -> OutsideError:
        """What it answers is not what it was told."""
        return OutsideError(
            f"The proxy does not steer by aurops' file: {error}.",
            where=self._address,
            next_step="Start it with what `aurops gateway edge SITE` writes (of a gateway: `aurops gateway build`).",
        )


class EnvoyDialect:
    """Envoy: reads its file by itself when it is moved in place; says its routes in its configuration dump."""

    can = Capabilities(frozenset(Capability), {}, TRIED)

    def __init__(self, site: Site) -> None:
        self.live = envoy.steering_file(site.folder)
        self._site = site
        self._admin = _Admin(site)

    def start(self) -> Start:
        """`envoy.json`; the number tells Envoys of one host apart, and a second one of this site is refused by it."""
        file = str(self._site.folder / ENVOY_FILE)
        number = str(zlib.crc32(str(self._site.folder).encode()) % _NUMBERS)
        command = (validation.program(self._site), "-c", file, "--base-id", number, "--log-level", "warning")
        return Start({ENVOY_FILE: envoy.bootstrap(self._site)}, command)

    def render(self, wanted: Steering, instead_before: Mapping[str, int]) -> Rendered:
        """An RDS file."""
        return envoy_routes.render(self._site, wanted, instead_before)

    def version_of(self, text: str) -> str:
        """Envoy's `version_info`."""
        return envoy_routes.version_of(text)

    def sides_of(self, text: str) -> tuple[str, ...]:
        """Each has a route for probes."""
        return envoy_routes.sides_of(text)

    def version(self) -> str:
        """By its routes alone; empty before it has some."""
        (dump,) = self._admin.ask(_DUMP)
        try:
            return envoy_routes.version_in_effect(self._site, dump)
        except ValueError as error:
            raise self._admin.not_ours(error) from error

    def ask(self) -> Active:
        """Its routes and statistics."""
        dump, stats = self._admin.ask(_DUMP, _STATS)
        try:
            active = envoy_routes.active(self._site, dump, stats)
        except (ValueError, UsageError) as error:
            raise self._admin.not_ours(error) from error
        if active is None:
            raise OutsideError("Envoy has no routes yet.", where=self._site.admin)
        return active

    def validate(self, text: str, trial: Trial = WAY_BACK) -> str:
        """`envoy --mode validate`, with the file's routes in the configuration that Envoy is started with."""
        program = validation.program(self._site)
        with TemporaryDirectory(prefix="aurops-") as folder:
            file = Path(folder) / ENVOY_FILE
            try:
                file.write_text(envoy.trial(self._site, text))
            except ValueError as error:
                raise OutsideError(
                    f"{trial.what} is no steering file: {error}.", where=str(self._site.folder)
                ) from error
            quiet = ["--log-level", "error"]
            return validation.ask([program, "--mode", "validate", "-c", str(file), *quiet], trial, folder)

    def take(self) -> None:
        """Nothing: it watches the folder."""


class NginxDialect:
    """NGINX: a script reads the file when it is told, and at its first request; says what it goes by."""

    can = nginx.CAN

    def __init__(self, site: Site) -> None:
        self.live = nginx.steering_file(site.folder)
        self._site = site
        self._admin = _Admin(site)

    def start(self) -> Start:
        """`nginx.conf`, and what its script knows of the site."""
        options = ("-p", str(self._site.folder), "-c", nginx.CONFIGURATION_FILE, "-g", "daemon off;")
        return Start(nginx.configuration(self._site), (validation.program(self._site), *options))

    def render(self, wanted: Steering, instead_before: Mapping[str, int]) -> Rendered:
        """A JSON file."""
        return nginx.render(self._site, wanted, instead_before)

    def version_of(self, text: str) -> str:
        """Its `version`."""
        return nginx.version_of(text)

    def sides_of(self, text: str) -> tuple[str, ...]:
        """Each has a weight."""
        return nginx.sides_of(text)

    def version(self) -> str:
        """As the script says."""
        return self.ask().version

    def ask(self) -> Active:
        """What the script says."""
        (said,) = self._admin.ask("/steering")
        try:
            return nginx.active(self._site, said)
        except (ValueError, UsageError) as error:
            raise self._admin.not_ours(error) from error

    def validate(self, text: str, trial: Trial = WAY_BACK) -> str:
        """`nginx -t`, with the file among what it reads."""
        program = validation.program(self._site)
        with TemporaryDirectory(prefix="aurops-") as folder:
            for name, content in nginx.trial(self._site, Path(folder), text).items():
                (Path(folder) / name).write_text(content)
            options = ["-p", folder, "-c", nginx.CONFIGURATION_FILE, "-e", "stderr"]
            return validation.ask([program, "-t", *options], trial, folder)

    def take(self) -> None:
        """Tell it to read the file."""
        self._admin.ask("/steering", method="POST")
