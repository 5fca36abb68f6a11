"""What a cutover lays beside each proxy for its watcher, and whether that obeys it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aurops import documents
from aurops.errors import AuropsError, HeldError
from aurops.history import History
from migration import hosts
from migration.execute import cutover_of
from traffic import heartbeat, watching
from traffic.dialects import open_driver
from traffic.site import Site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aurops.clock import Clock
    from aurops.journal import Journal
    from migration.cutover_file import Cutover
    from traffic.driver import Driver
    from traffic.hold import Hold


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
            HeldError: Nobody obeys within `traffic.heartbeat.PATIENCE_S`.
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
        if why := heartbeat.patiently(lambda: heartbeat.unwatched(folder, self._clock), self._clock):
            raise HeldError(
                f"nobody watches {proxy} as it must be: {why}",
                where=str(folder),
                next_step="on its host start `python -m traffic.watcher --site FILE`, with what it lacks; resume",
            )


@dataclass(frozen=True)
class Held:
    """What is held for a run beside its proxies, as far as this host sees it.

    Args:
        found: Driver and hold, by proxy.
        latched: The rollback that holds in earnest, by proxy, in words: only a new plan goes forward there.
        unseen: Of which proxies of this host nobody knows, and why.
        elsewhere: The proxies of other hosts, with their host: nobody looked.
    """

    found: Mapping[str, tuple[Driver, Hold]]
    latched: Mapping[str, str]
    unseen: Mapping[str, AuropsError]
    elsewhere: Mapping[str, str]


def held_for(journal: Journal) -> Held:
    """What is held for a run; a proxy that cannot be looked at hides no other."""
    history = History(journal.records)
    cutover = cutover_of(history) if "cutover" in history.arguments else None
    found, unseen, elsewhere = dict[str, "tuple[Driver, Hold]"](), dict[str, AuropsError](), dict[str, str]()
    latched = dict[str, str]()
    for proxy, path in cutover.sites.items() if cutover else ():
        if cutover and not hosts.is_here(host := cutover.proxy_hosts.get(proxy, "")):
            elsewhere[proxy] = host
            continue
        try:
            driver = open_driver(documents.load(Path(path), Site))
            held = driver.hold()
        except AuropsError as error:
            unseen[proxy] = error
            continue
        if held is not None and held.run in ("", journal.run):
            found[proxy] = (driver, held)
        if said := _latched(driver):
            latched[proxy] = said
    return Held(found, latched, unseen, elsewhere)


def _latched(driver: Driver) -> str:
    """The rollback that holds in earnest, in words; a latch that cannot be read holds, whatever it says."""
    try:
        latch = driver.latch()
    except AuropsError as error:
        return f"{error.what} ({error.where})"
    return f"rolled back by {latch.who}: {latch.reason}" if latch and not latch.rehearsal else ""
