"""Makes a proxy's folder what the proxy is started from, on its own host, before a run ever steers it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurops.errors import OutsideError, UsageError
from aurops.files import make_folder, write_durably
from traffic.dialect import Trial
from traffic.dialects import open_dialect, open_driver
from traffic.driver import TOTAL_WEIGHT, Steering
from traffic.folder import READABLE

if TYPE_CHECKING:
    from pathlib import Path

    from traffic.dialect import Dialect
    from traffic.site import Site

_SPARED = "Nothing was written"


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
        UsageError: The folder is relative, or the steering that lies there is of other sides: nothing was written.
        OutsideError: Its binary is not here, or refuses the configuration: nothing was written.
    """
    if not site.folder.is_absolute():
        raise UsageError(
            f"`folder` is {site.folder}: proxy, watcher and operators stand in different folders, and would each take "
            "another one",
            where="the site file",
            allowed=f"an absolute path, such as {site.folder.absolute()}",
            next_step=f"{_SPARED}.",
        )
    dialect = open_dialect(site)
    start = dialect.start()
    _check_steering(site, dialect)
    all_back = f"What the proxy is started with, everything at {_first_side(site)},"
    dialect.validate(dialect.render(_first(site), {}).text, Trial(all_back, _SPARED))
    make_folder(site.folder)
    written = []
    for name, text in start.files.items():
        file = site.folder / name
        if not file.is_file() or file.read_text() != text:
            write_durably(file, text, mode=READABLE)
            written.append(file)
    return Prepared(tuple(written), begin(site), start.command)


def _check_steering(site: Site, dialect: Dialect) -> None:
    """See that a proxy started by this site file can obey the steering that it has.

    Raises:
        UsageError: That is of other sides: Envoy would have no routes, NGINX everything at the way back.
        OutsideError: It cannot be read, or the proxy's binary does not take it along with this site file.
    """
    try:
        text = dialect.live.read_text(encoding="utf-8")
        sides = dialect.sides_of(text)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        why = open_driver(site).changed() or f"{error} ({dialect.live})"
        raise OutsideError(f"Its steering cannot be read: {why}", where=str(dialect.live)) from error
    if set(sides) != set(site.names):
        raise UsageError(
            f"Its steering is of the sides {', '.join(sides)}; the site file names {', '.join(site.names)}.",
            where=str(dialect.live),
            allowed="the same sides: weights and backend sets do not change in one step",
            next_step=f"{_SPARED}. Keep the old names, or describe another proxy, with a folder of its own.",
        )
    dialect.validate(text, Trial("Its steering, with what this site file says,", _SPARED))


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
