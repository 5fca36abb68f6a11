"""Makes a proxy's folder what the proxy is started from, on its own host, before a run ever steers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurops.files import write_durably
from traffic.dialects import open_dialect, open_driver
from traffic.driver import TOTAL_WEIGHT, Steering
from traffic.folder import READABLE

if TYPE_CHECKING:
    from pathlib import Path

    from traffic.site import Site


@dataclass(frozen=True, slots=True)
class Prepared:
    """A proxy that can be started.

    Args:
        written: The files that were not there, or said something else.
        began_at: The side that gets everything, where the proxy had no steering; empty: it had one, which is untouched.
        command: What starts it.
    """

    written: tuple[Path, ...]
    began_at: str
    command: tuple[str, ...]


def prepare(site: Site) -> Prepared:
    """Write what a site's proxy is started with, once its own binary has found it right.

    A proxy that runs goes on with what it was started with.

    Raises:
        OutsideError: Its binary is not here, or refuses the configuration: nothing was written.
    """
    dialect = open_dialect(site)
    start = dialect.start()
    dialect.validate(dialect.render(_first(site), {}).text)
    site.folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in start.files.items():
        file = site.folder / name
        if not file.is_file() or file.read_text() != text:
            write_durably(file, text, mode=READABLE)
            written.append(file)
    return Prepared(tuple(written), begin(site), start.command)


def begin(site: Site) -> str:
    """Everything to the way back, where a proxy has no steering yet: it would answer nothing without.

    Returns:
        The side; empty where there is steering, which is left alone.
    """
    if open_dialect(site).live.exists():
        return ""
    open_driver(site).install(_first(site))
    return _first_side(site)


def _first(site: Site) -> Steering:
    return Steering({name: TOTAL_WEIGHT * (name == _first_side(site)) for name in site.names}, 0)


def _first_side(site: Site) -> str:
    return site.way_back or site.names[-1]
