"""Makes a fallback last: `python -m traffic.watcher --site FILE`, on the proxy's host, all the time.

A proxy that falls back returns by itself as soon as the dead side answers again. On the first request that a fallback
was given this process rolls back: latch, then everything to the way back. It needs nothing but the proxy and its files.
It keeps nothing in mind: killed and started again it sees the same counters, and does what is left to do.
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aurops import documents
from aurops.clock import RealClock
from aurops.errors import AuropsError, UsageError
from aurops.plan import CallUnknownError
from traffic import heartbeat
from traffic.dialects import open_driver
from traffic.driver import TOTAL_WEIGHT, Capability
from traffic.health import Health
from traffic.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from aurops.clock import Clock
    from traffic.driver import Active, Driver
    from traffic.folder import Latch

LOOK_S = 0.1
WHO = "the watcher on the proxy's host"


def judge(now: Active, held: Latch | None, way_back: str) -> str | None:
    """Why to roll back; None: not at all. Pure.

    Args:
        now: What is in effect.
        held: The latch, if one holds.
        way_back: The side that others fall back to.
    """
    if held is not None:
        # Somebody wrote after the rollback, or the rollback was cut short between latch and file.
        forward = now.steering.weight(way_back) != TOTAL_WEIGHT
        return f"a latch holds, but not everything goes to {way_back}" if forward else None
    for side, why in now.fallen().items():
        return f"{side} fell back to {way_back}: {why}"
    return None


class Watcher:
    """Looks at one proxy.

    Args:
        site: The proxy.
        driver: Steers it.
        say: Told what is done and what is in the way, once each.
        clock: For the heartbeat.
        health: Who is well, where the proxy does not know; None: the proxy knows.
    """

    def __init__(
        self, site: Site, driver: Driver, say: Callable[[str], None], clock: Clock, health: Health | None = None
    ) -> None:
        self._site = site
        self._driver = driver
        self._say = say
        self._clock = clock
        self._health = health
        self._said = ""

    def look(self) -> None:
        """Once: say that somebody watches, look, and roll back if it has to be."""
        try:
            heartbeat.beat(self._site.folder, self._clock)
            reason = judge(self._seen(), self._driver.latch(), str(self._site.way_back))
            if reason:
                self._driver.roll_back(reason, WHO)
            self._tell(f"rolled back: {reason}" if reason else "")
        except (AuropsError, CallUnknownError, OSError) as error:
            self._tell(str(error))

    def _seen(self) -> Active:
        now = self._driver.observe()
        if self._health is None:
            return now
        return replace(now, flows={s: replace(f, healthy=self._health.well(s)) for s, f in now.flows.items()})

    def _tell(self, text: str) -> None:
        if text != self._said:
            self._said = text
            if text:
                self._say(text)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)  # noqa: T201 - the watcher's log


def main() -> None:
    """Look until told to stop."""
    parser = argparse.ArgumentParser(description="Makes a proxy's fallback last.")
    parser.add_argument("--site", required=True, type=Path, help="the file that describes the proxy")
    try:
        watch(documents.load(parser.parse_args().site, Site))
    except AuropsError as error:
        _say(str(error))
        sys.exit(error.exit_code)


def watch(site: Site) -> None:
    """Look at a proxy until SIGTERM or SIGINT.

    Raises:
        UsageError: The site has nothing to watch.
    """
    if site.way_back is None:
        raise UsageError(
            "No side of this site names another that serves when it dies: there is nothing to watch.",
            allowed="a side with `instead`",
        )
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: stop.set())
    driver = open_driver(site)
    knows = Capability.CHECKS_HEALTH in driver.capabilities().can
    watcher = Watcher(site, driver, _say, RealClock(), None if knows else Health(site))
    while not stop.is_set():
        watcher.look()
        stop.wait(LOOK_S)


if __name__ == "__main__":
    main()
