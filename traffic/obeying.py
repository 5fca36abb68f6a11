"""What a watcher obeys of a cutover: `watch.json` as it lies beside the proxy, read again at each look."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from aurops.errors import AuropsError, UsageError
from aurops.gates import refusals
from traffic import heartbeat, watching
from traffic.critical import Asking
from traffic.pager import Pager

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aurops.clock import Clock
    from traffic.watching import Watching


class Cutover:
    """What lies beside the proxy for the watcher, and what it takes to obey it.

    Args:
        folder: The proxy's.
        clock: Time.
        say: Told why a page is not taken.
    """

    def __init__(self, folder: Path, clock: Clock, say: Callable[[str], None]) -> None:
        self.said: Watching | None = None
        self.obeys = self.cannot = ""
        self.lost = ""
        """Why what is obeyed is no longer what lies there; empty: it is."""
        self.asking = Asking((), clock)
        self.pager: Pager | None = None
        self._folder, self._clock, self._say = folder, clock, say
        self._text: bytes | None = None

    def read(self, *, keep: bool) -> None:
        """Read it, if it is another than before.

        Args:
            keep: Traffic is not all at the way back, or went back just now: one that vanishes, or that cannot be
                understood any more, takes away neither the critical gates nor whoever is called. The last one that
                was understood is obeyed.
        """
        file = self._folder / watching.FILE
        text, said, lost = None, None, f"{file} is gone"
        try:
            text = file.read_bytes()
            said, lost = self.said if text == self._text else watching.read(text, str(file)), ""
        except FileNotFoundError:
            pass
        except OSError as error:
            self.cannot = self.lost = f"{file} cannot be read: {error.strerror}"
            return
        except UsageError as error:
            lost = f"{error.what} ({error.where})"
        if said is None and self.said is not None and keep:
            self.cannot = self.lost = lost
            return
        self.lost = lost if text is not None else ""
        if text != self._text:
            self._obey(text, said)
        if said is None:
            self.cannot = self.lost
        elif self.cannot:
            self.cannot = self._lacks()

    def _obey(self, text: bytes | None, said: Watching | None) -> None:
        self.end()
        self.said, self.obeys, self.cannot, self._text = said, "", "", text
        self.asking, self.pager = Asking((), self._clock), None
        if text is None or said is None:
            return
        self.obeys = heartbeat.digest_of(text)
        self.asking = Asking(said.critical, self._clock).start()
        if said.page is not None:
            self.pager = Pager(said.page, self._folder / "paged.json", self._say)
        self.cannot = self._lacks()

    def _lacks(self) -> str:
        """What is missing here to do what it says: found out when it is laid, not when a gate is dark."""
        if self.said is None:
            return ""
        checks = tuple(critical.check for critical in self.said.critical)
        try:
            refusals.refuse(checks, watching.FILE, signers=None, now=self._clock.wall(), env=os.environ)
        except AuropsError as error:
            return f"{error.what} ({error.where})"
        return self.pager.cannot() if self.pager else ""

    def end(self) -> None:
        """Ask nothing, call nobody any more."""
        self.asking.end()
        if self.pager is not None:
            self.pager.end()
