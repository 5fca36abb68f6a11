"""Asks the backends of a site whether they are well, for a proxy that does not."""

from __future__ import annotations

import threading
from contextlib import closing
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from traffic.site import Side, Site

EVERY_S = 0.2
ANSWER_S = 0.5
FAILURES = 2
"""Rounds in a row in which no backend answers, before a side is not well: as many as Envoy is told to count."""


class Health:
    """A thread for each side that has a path to ask at.

    Args:
        site: The proxy; its sides' `health_path` is asked at each backend, every `EVERY_S`.
    """

    def __init__(self, site: Site) -> None:
        self._well: dict[str, int] = {}
        self._stop = threading.Event()
        for side in site.sides:
            if side.health_path:
                threading.Thread(target=self._ask, args=(side, side.health_path), daemon=True).start()

    def well(self, side: str) -> int | None:
        """How many of its backends answer; None: nobody asks, or not for long enough."""
        return self._well.get(side)

    def stop(self) -> None:
        """Ask no more."""
        self._stop.set()

    def _ask(self, side: Side, path: str) -> None:
        failures = 0
        while not self._stop.wait(EVERY_S):
            well = sum(answers(backend, path) for backend in side.backends)
            failures = 0 if well else failures + 1
            if well or failures >= FAILURES:
                self._well[side.name] = well


def answers(backend: str, path: str) -> bool:
    """Whether a backend (host:port) says within `ANSWER_S` that it is well: 200."""
    try:
        with closing(HTTPConnection(backend, timeout=ANSWER_S)) as connection:
            connection.request("GET", path)
            return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
