"""A critical gate that says no, with no runner and no store: `python benchmarks/watcher.py [TIMES]` (default 20).

Each begins with all traffic at V11 of a real Envoy under 16 connections. From the moment in which the gate turns to the
last write that V11 executed, as its server counts. The gate is a command, asked every 0.1 s, critical when it has said
no for 0.5 s. The floor, in the same run and by turns: a rollback that this process calls itself in that moment.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from rollback import figures

from aurops.clock import RealClock
from testbeds.local.steering.bed import Bed, up
from testbeds.local.steering.tally import Tally
from testbeds.local.steering.writers import Writers
from traffic import heartbeat, watching
from traffic.driver import TOTAL_WEIGHT, Steering
from traffic.site import Kind
from traffic.watching import Watching

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONNECTIONS, REQUESTS = 16, 2_000_000
FOR_S, EVERY_S = 0.5, 0.1
STILL_S = 0.3
_CLOCK = RealClock()


def main() -> None:
    """Print medians, 95% and maxima."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    with up(Kind.ENVOY, requests=REQUESTS) as bed:
        well = bed.folder / "well"
        _lay(bed, well)
        by_watcher, by_hand = [], []
        with Writers(bed, CONNECTIONS, pause_s=0.02) as writers:
            for _ in range(times):
                by_watcher.append(_once(bed, writers, well, well.unlink))
                by_hand.append(_once(bed, writers, well, lambda: bed.driver.roll_back("by hand", "benchmark")))
        sent, failed, twice = writers.ended, len(writers.bad), sum(count > 1 for count in bed.executed())
    print(f"by the watcher, critical after {FOR_S:g} s: {figures(by_watcher)}")
    print(f"by hand: {figures(by_hand)}")
    print(f"{sent} writes, {failed} failed, {twice} executed twice")


def _lay(bed: Bed, well: Path) -> None:
    check = {"kind": "command", "name": "well", "argv": ["test", "-e", str(well)]}
    said = {"service": "bench", "run": "bench", "proxy": "edge"}
    critical = [{"check": check, "for_s": FOR_S, "every_s": EVERY_S}]
    watching.lay(bed.site.folder, Watching.model_validate(said | {"critical": critical}))


def _once(bed: Bed, writers: Writers, well: Path, turn: Callable[[], object]) -> float:
    """Seconds from a turn until V11's last write."""
    well.touch()
    if latch := bed.driver.latch():
        bed.driver.release("benchmark", latch.epoch + 1)
    while not heartbeat.is_watched(bed.site.folder, _CLOCK):
        time.sleep(0.01)
    epoch = bed.driver.observe().steering.epoch + 1
    bed.driver.shift(Steering({"v11": TOTAL_WEIGHT, "v10": 0, "baseline": 0}, epoch))
    before = writers.ended
    while writers.ended < before + 200:
        time.sleep(0.01)
    tally, last, count = Tally(bed.folder / "v11"), 0.0, 0
    began = time.monotonic()
    turn()
    while not (bed.driver.latch() and time.monotonic() - began > last + STILL_S):
        now = sum(map(bool, tally.read()[: writers.last + 1]))
        if now != count:
            last, count = time.monotonic() - began, now
        time.sleep(0.005)
    return last


if __name__ == "__main__":
    main()
