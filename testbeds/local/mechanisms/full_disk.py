"""A disk that is full."""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING

from aurops.errors import OutsideError
from testbeds.local import volumes
from testbeds.local.mechanisms import scopes
from testbeds.local.mechanisms.amends import Restart

if TYPE_CHECKING:
    from pathlib import Path

    from testbeds.local.layout import Layout

_BLOCK_BYTES = 4096
_TOP_UP_S = 0.05


class DiskFull:
    """A region's volume that is full, and stays so: what is freed is taken again.

    Args:
        place: The bed.
        region: A region that has a volume of its own.
    """

    def __init__(self, place: Layout, region: str) -> None:
        self._database = scopes.database(place, region)
        self._restart = Restart(place, region)
        self._agent = scopes.agent(place, region)
        self._region = place.region(region)
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def ready(self) -> None:
        """The region has a volume, and an agent by which it is reached."""
        if not self._region.limited:
            raise OutsideError("this region was brought up without a volume of its own", where=self._region.name)
        self._volume()

    def inject(self) -> int:
        """Fill it, and keep it full."""
        filler = self._volume() / "filler"
        _fill(filler)
        self._thread = threading.Thread(target=self._keep_full, args=(filler,), daemon=True)
        self._thread.start()
        return 1

    def proved(self) -> bool:
        """Not a byte more can be written to it."""
        other = self._volume() / "one-byte"
        try:
            with other.open("wb", buffering=0) as file:
                file.write(b"x")
        except OSError as error:
            return error.errno == errno.ENOSPC
        finally:
            other.unlink(missing_ok=True)
        return False

    def undo(self) -> None:
        """Give the space back, and start a PostgreSQL that ended for lack of it."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
        agents = self._agent()
        for agent in agents:
            (volumes.inside(agent.pid, self._region.volume) / "filler").unlink(missing_ok=True)
        if agents and not self._database():
            self._restart()

    def _volume(self) -> Path:
        agents = self._agent()
        if not agents:
            raise OutsideError("the region has no agent by which its volume is reached", where=self._region.name)
        return volumes.inside(next(iter(agents)).pid, self._region.volume)

    def _keep_full(self, filler: Path) -> None:
        while not self._over.wait(_TOP_UP_S):
            try:
                _fill(filler)
            except OSError:
                return  # the region is gone, and its volume with it


def _fill(filler: Path) -> None:
    """Take every block that is free."""
    with filler.open("ab", buffering=0) as file:
        block_bytes = 256 * _BLOCK_BYTES
        while block_bytes >= _BLOCK_BYTES:
            try:
                if file.write(bytes(block_bytes)) == block_bytes:
                    continue
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
            block_bytes //= 4
