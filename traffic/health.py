"""Asks the backends of a site whether they are well, for a proxy that does not."""

from __future__ import annotations

import threading
from contextlib import closing
from dataclasses import replace
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING

from aurops.calls import CallPool

if TYPE_CHECKING:
    from collections.abc import Iterable

    from traffic.driver import Active
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


def seen(site: Site, now: Active, names: Iterable[str]) -> Active:
    """The same, with these sides' health asked where the proxy does not look, or has only just begun to."""
    unknown = (name for name in names if now.flows[name].healthy is None or now.flows[name].starting)
    asked = {name: replace(now.flows[name], healthy=count(site.side(name)), starting=False) for name in unknown}
    return replace(now, flows={**now.flows, **asked}) if asked else now


def count(side: Side) -> int | None:
    """How many of a side's backends answer now, all asked at once; None: it has no path to ask at.

    0 only when none did in `FAILURES` rounds: a single look that a busy backend misses says nothing.
    """
    if not side.health_path:
        return None
    for turn in range(FAILURES):
        if turn:
            threading.Event().wait(EVERY_S)
        with CallPool(len(side.backends), "health") as pool:
            asked = [pool.submit(answers, backend, side.health_path) for backend in side.backends]
        if well := sum(each.result() for each in asked):
            return well
    return 0


def answers(backend: str, path: str) -> bool:
    """Whether a backend (host:port) says within `ANSWER_S` that it is well: 200."""
    try:
        with closing(HTTPConnection(backend, timeout=ANSWER_S)) as connection:
            connection.request("GET", path)
            return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
