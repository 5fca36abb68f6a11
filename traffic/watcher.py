"""Looks after one proxy: `python -m traffic.watcher --site FILE`, on the proxy's host, all the time.

A proxy that falls back returns by itself as soon as the dead side answers again. On the first request that a fallback
was given this process rolls back: latch, then everything to the way back. It does the same when a critical gate of the
cutover says no, whether or not a runner lives. Where there is no way back any more, where a critical gate does not
answer, where the runner is lost while traffic is away from the way back, and where somebody else changed the file that
steers, it holds instead, and calls a person.

It needs nothing but the proxy, its files, and what the critical gates ask. Killed and started again it sees the same
counters and files, and does what is left to do; only how long a gate has said no is counted from then on.
"""

from __future__ import annotations

import argparse
import signal
import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from aurops import documents
from aurops.clock import RealClock
from aurops.errors import AuropsError, UsageError
from aurops.plan import CallUnknownError
from traffic import critical, heartbeat, hold, watching
from traffic.critical import Said
from traffic.dialects import open_driver
from traffic.driver import PUT_RIGHT, TOTAL_WEIGHT, Capability
from traffic.health import Health
from traffic.obeying import Cutover
from traffic.site import Site

if TYPE_CHECKING:
    from collections.abc import Callable

    from aurops.clock import Clock
    from traffic.driver import Active, Driver
    from traffic.folder import Latch
    from traffic.watching import Watching

LOOK_S = 0.1
WHO = "the watcher on the proxy's host"


def judge(now: Active, held: Latch | None, way_back: str) -> str | None:
    """Why to roll back, as the proxy tells; None: not at all. Pure.

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


def no_way_back(now: Active, way_back: str, over: str) -> str:
    """Why traffic must not be sent to the way back; empty: it may. Pure.

    Args:
        now: What is in effect.
        way_back: The side that others fall back to.
        over: Why there is none any more, as `rollback.json` says; empty: there is.
    """
    if over:
        return over
    flows = now.flows
    others = [flow for side, flow in flows.items() if side != way_back and now.steering.weight(side)]
    if way_back in flows and flows[way_back].healthy == 0 and any(flow.healthy != 0 for flow in others):
        return f"no backend of {way_back} answers health checks: it is cold or dead"
    return ""


class Watcher:
    """Looks at one proxy.

    Args:
        site: The proxy.
        driver: Steers it.
        say: Told what is done and what is in the way, once each.
        clock: For the heartbeat, and for how long a gate says no.
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
        self._holds: dict[str, str] = {}
        """What was said of each hold: the seconds in its reason grow with every look."""
        self._cutover = Cutover(site.folder, clock, say)
        self._way_back = str(site.way_back)
        self._forward: bool | None = None
        """Whether anything but the way back had traffic when the proxy answered last; None: it never has."""
        self._latched = False
        self._seen_s = clock.now_s()
        """When the proxy answered last."""
        self._foreign = ""
        """Why what it obeyed then is not what aurops wrote, and what to do; empty: it is."""
        self._unreadable_s: float | None = None
        """Since when `runner.json` cannot be read; None: it can."""
        self._unwritten: dict[str, str] = {}
        """Since when no hold can be written, by cause."""
        self._standing = driver.standing()
        """What was written before it looked last: what it decides on then is dropped when somebody wrote since."""

    def look(self) -> None:
        """Once: say that somebody watches, look, and roll back or hold if it has to be.

        Each of these is done whatever becomes of the others: a full disk, on which nobody can say that he looks, sends
        traffic back all the same.
        """
        unsaid, did, changed = self._tried(self._beat), self._tried(self._act), self._tried(self._check_ours)
        unpaged = self._tried(self._page_what_was_done)
        said = (
            "; ".join(filter(None, (did, changed))) or self._cutover.cannot or unpaged,
            f"nobody hears that this watcher looks: {unsaid}" * bool(unsaid),
        )
        self._tell("; ".join(filter(None, said)))

    def _tried(self, do: Callable[[], str]) -> str:
        """What was done, or why it was not."""
        try:
            return do()
        except (AuropsError, CallUnknownError, OSError) as error:
            return str(error)

    def _beat(self) -> str:
        self._cutover.read(keep=bool(self._forward) or self._latched)
        heartbeat.beat(self._site.folder, self._clock, obeys=self._cutover.obeys, cannot=self._cutover.cannot)
        return ""

    def end(self) -> None:
        """Ask nothing, call nobody any more."""
        self._cutover.end()

    def _act(self) -> str:
        """Do what has to be done now; what that was, empty: nothing."""
        self._standing = self._driver.standing()
        try:
            now = self._seen()
        except (AuropsError, CallUnknownError) as error:
            return self._act_blind(error)
        self._foreign = f"{now.foreign} {PUT_RIGHT}" if now.foreign else ""
        held, steering = self._driver.latch(), now.steering
        forward = not steering.closed and steering.weight(self._way_back) != TOTAL_WEIGHT
        self._forward, self._latched, self._seen_s = forward, held is not None, self._clock.now_s()
        self._cutover.asking.turn(on=forward and held is None)
        if held is not None:
            reason = judge(now, held, self._way_back)
            return self._roll_back(reason) if reason else ""
        said = self._said_of(now)
        return self._do(said, no_way_back(now, self._way_back, watching.over(self._site.folder))) if said else ""

    def _check_ours(self) -> str:
        """The proxy obeys at its next start what somebody wrote by hand, and does not know that: say so before.

        Under a latch it is put right at once: everything belongs at the way back, whoever wrote.
        """
        changed = self._driver.changed() or self._foreign
        if not changed:
            return ""
        latch = self._driver.latch()
        if latch is None:
            return self._hold("its steering file", changed)
        at = self._clock.wall().isoformat(timespec="seconds")
        self._page("rollback", f"latch {latch.epoch} changed", f"a latch holds, and is put right: {changed}", at)
        return self._roll_back(f"a latch holds, but: {changed}")

    def _act_blind(self, unseen: Exception) -> str:
        """The proxy does not say what it does: go by the critical gates and the runner, which can still be asked.

        That a rollback took effect nobody hears then; it is latched and written, and the proxy takes it up.
        """
        cutover, dark_s = self._cutover.said, self._clock.now_s() - self._seen_s
        if cutover is None or self._forward is False or self._driver.latch() is not None:
            raise unseen
        said = self._said_of_cutover(cutover) if self._forward else None
        if said is None and dark_s >= cutover.silent_s:
            reason = f"the proxy has not answered for {dark_s:.0f} s: {unseen}"
            said = Said(back=False, cause="the proxy is dark", reason=reason)
        if said is None:
            raise unseen
        return self._do(said, watching.over(self._site.folder))

    def _do(self, said: Said, why_not: str) -> str:
        """Roll back where that is called for and there is a way back; else hold."""
        if said.back and not why_not:
            return self._roll_back(said.reason)
        reason = f"{said.reason}; nothing was rolled back: {why_not}" if said.back else said.reason
        return self._hold(said.cause, reason)

    def _said_of(self, now: Active) -> Said | None:
        """What has to be done while no latch holds."""
        if reason := judge(now, None, self._way_back):
            return Said(back=True, cause="fallback", reason=reason)
        return self._said_of_cutover(self._cutover.said) if self._forward else None

    def _said_of_cutover(self, cutover: Watching | None) -> Said | None:
        """What has to be done by critical gates, by what became of `watch.json`, and by the runner."""
        spells, now_s = self._cutover.asking.spells(), self._clock.now_s()
        found = critical.judge(spells, now_s, cutover.silent_s) if cutover else None
        if found is not None and found.back:
            return found
        if self._cutover.lost:
            obeyed = "the one before it is obeyed" if cutover else "nothing is obeyed"
            reason = f"{self._cutover.lost}, while traffic is moved: {obeyed}"
            return Said(back=False, cause=heartbeat.WATCH, reason=reason)
        return found or (self._said_of_runner(cutover) if cutover else None)

    def _said_of_runner(self, cutover: Watching) -> Said | None:
        """Whether it is lost; one whose word cannot be read says nothing."""
        unreadable, now_s = heartbeat.unreadable(self._site.folder), self._clock.now_s()
        self._unreadable_s = (now_s if self._unreadable_s is None else self._unreadable_s) if unreadable else None
        if self._unreadable_s is not None and now_s - self._unreadable_s >= cutover.silent_s:
            reason = f"whether the runner lives cannot be read, for {now_s - self._unreadable_s:.0f} s: {unreadable}"
            return Said(back=False, cause=heartbeat.RUNNER, reason=reason)
        if lost := heartbeat.silence(self._site.folder, self._clock, cutover.silent_s):
            runner, how = lost
            reason = f"the runner of {runner.run} is lost while traffic is moved: {how}"
            return Said(back=False, cause=f"{hold.LOST}{runner.token}", reason=reason)
        return None

    def _roll_back(self, reason: str) -> str:
        self._driver.roll_back(reason, WHO, standing=self._standing)
        return f"rolled back: {reason}"

    def _hold(self, cause: str, reason: str) -> str:
        """Hold, and call a person about this: also when somebody holds already, or no hold can be written."""
        run = self._cutover.said.run if self._cutover.said else ""
        at = self._clock.wall().isoformat(timespec="milliseconds")
        made = hold.Hold(run=run, cause=cause, reason=reason, who=WHO, at=at)
        try:
            held = hold.read(self._site.folder)
            if held is None:
                hold.put(self._site.folder, made)
                held = hold.read(self._site.folder) or made
        except (AuropsError, OSError) as error:
            since = self._unwritten.setdefault(cause, at)
            self._page("hold", f"{run} {cause} unwritten {since}", f"{reason}; NO hold could be written: {error}", at)
            raise
        self._unwritten.clear()
        key = f"{cause} {held.at}"
        self._page("hold", key, reason, at)
        return self._holds.setdefault(key, f"held: {reason}")

    def _page_what_was_done(self) -> str:
        """By this watcher, by one before it that was killed before a person was called, or by the run that holds."""
        if self._cutover.pager is None:
            return ""
        latch, held = self._driver.latch(), hold.read(self._site.folder)
        if latch is not None and latch.who == WHO:
            self._page("rollback", f"latch {latch.epoch}", latch.reason, latch.at)
        if held is not None:  # whoever holds: also the run itself
            self._page("hold", f"{held.cause} {held.at}", held.reason, held.at, held.who)
        return ""

    def _page(self, kind: str, key: str, reason: str, at: str, who: str = WHO) -> None:
        said, pager = self._cutover.said, self._cutover.pager
        if said is None or pager is None:
            return
        about = {"service": said.service, "run": said.run, "proxy": said.proxy, "host": socket.gethostname()}
        pager.call(key, {"kind": kind, **about, "at": at, "text": f"{said.proxy}: {kind}: {reason}", "who": who})

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
    parser = argparse.ArgumentParser(description="Looks after a proxy: rolls back, holds, pages.")
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
    watcher.end()


if __name__ == "__main__":
    main()
