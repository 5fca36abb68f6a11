"""What a cutover lays beside each proxy for its watcher, and whether that obeys it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.errors import HeldError
from traffic import heartbeat, watching

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aurops.clock import Clock
    from migration.cutover_file import Cutover
    from traffic.driver import Driver

WATCHER_S = 3.0
"""A watcher looks ten times a second at what was laid for it."""


class Beside:
    """The watchers of a cutover.

    Args:
        cutover: What is critical, and who is called.
        run: The run.
        drivers: By proxy.
        folders: The proxies'.
        clock: Time.
    """

    def __init__(
        self, cutover: Cutover, run: str, drivers: Mapping[str, Driver], folders: Mapping[str, Path], clock: Clock
    ) -> None:
        self._cutover, self._run, self._clock = cutover, run, clock
        self._drivers, self._folders = drivers, folders

    def lay(self, proxy: str) -> dict[str, str]:
        """Lay it, and see that the watcher obeys: by day, not at the first step. The file with its digest.

        A hold of another run goes: this one comes after it, when all traffic is back.

        Raises:
            HeldError: Nobody obeys within `WATCHER_S`.
            OSError: It cannot be written.
        """
        folder, held = self._folders[proxy], self._drivers[proxy].hold()
        if held is not None and held.run != self._run:
            self._drivers[proxy].release_hold(f"run {self._run}, which begins anew")
        laid = watching.lay(folder, self._cutover.watching(self._run, proxy))
        self._await(proxy, folder)
        return {str(folder / watching.FILE): laid}

    def changed(self, proxy: str) -> str:
        """Why what lies there is not what this run laid; empty: it is."""
        return watching.differs(self._folders[proxy], self._cutover.watching(self._run, proxy))

    def _await(self, proxy: str, folder: Path) -> None:
        deadline_s = self._clock.now_s() + WATCHER_S
        while why := heartbeat.unwatched(folder, self._clock):
            if self._clock.now_s() > deadline_s:
                raise HeldError(
                    f"nobody watches {proxy} as it must be: {why}",
                    where=str(folder),
                    next_step="on its host start `python -m traffic.watcher --site FILE`, with what it lacks; resume",
                )
            self._clock.sleep(0.1)
