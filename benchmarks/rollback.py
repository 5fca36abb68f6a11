"""Rollbacks by command while clients write: `python benchmarks/rollback.py [TIMES] [KIND]` (default 40 envoy).

Each begins with all traffic at V11 under 16 connections and no store: `AUROPS_STORE` leads nowhere. From before the
command's process is made: until the last write that V11 executed (as its server counts), and until the command ended.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING

from aurops.clock import RealClock
from migration import rollback
from migration.proxies import Proxies
from testbeds.local.steering.bed import Bed, up
from testbeds.local.steering.tally import Tally
from testbeds.local.steering.writers import Writers
from traffic.driver import TOTAL_WEIGHT, Steering
from traffic.site import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

CONNECTIONS = 16
REQUESTS = 2_000_000
_CLOCK = RealClock()


def main() -> None:
    """Print medians, 95% and maxima."""
    times = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    kind = Kind(sys.argv[2]) if len(sys.argv) > 2 else Kind.ENVOY
    with tempfile.TemporaryDirectory() as state, up(kind, requests=REQUESTS) as bed:
        os.environ |= {"XDG_STATE_HOME": state, "AUROPS_STORE": "s3://nowhere/at-all"}
        with Writers(bed, CONNECTIONS, pause_s=0.02) as writers:
            taken = [_once(bed, writers) for _ in range(times)]
        sent, failed, executed = writers.ended, len(writers.bad), bed.executed()
    idle, ended = zip(*taken, strict=True)
    tell(f"{kind}: V11's last write", idle)
    tell(f"{kind}: command ended", ended)
    print(f"{times} rollbacks, {sent} writes, {failed} failed, {sum(count > 1 for count in executed)} executed twice")


def _once(bed: Bed, writers: Writers) -> tuple[float, float]:
    """Seconds from before the command until V11's last write, and until its end."""
    _forward(bed)
    before = writers.ended
    while writers.ended < before + 50:
        time.sleep(0.01)
    command = [sys.executable, "-m", "runbooks", "rollback", "bench", "--reason", "benchmark", "--json"]
    last, count, tally = 0.0, 0, Tally(bed.folder / "v11")
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        while child.poll() is None:
            now = sum(map(bool, tally.read()[: writers.last + 1]))
            if now != count:
                last, count = time.monotonic() - began, now
            time.sleep(0.005)
        ended = time.monotonic() - began
        if child.returncode:
            sys.exit(f"exit code {child.returncode}: {child.communicate()[1].decode()}")
    time.sleep(0.2)
    if sum(map(bool, tally.read()[: writers.last + 1])) != count:
        sys.exit("V11 executed something after the command had ended")
    return last, ended


def _forward(bed: Bed) -> None:
    """All traffic at V11, and a rollback laid ready."""
    if latch := bed.driver.latch():
        bed.driver.release("benchmark", latch.epoch + 1)
    made = rollback.ready("bench", "benchmark", {"edge": str(bed.folder / "site.json")}, _CLOCK)
    Proxies({"edge": bed.driver}, _CLOCK, who="benchmark", drain_s=0).prepare("edge", 10**9, 1.0)
    rollback.lay(made, (rollback.home("bench"), Path(bed.site.folder)))
    epoch = bed.driver.observe().steering.epoch + 1
    bed.driver.shift(Steering({"v11": TOTAL_WEIGHT, "v10": 0, "baseline": 0}, epoch))


def figures(seconds: Sequence[float]) -> str:
    """How many there are, median, 95%, the longest."""
    p95 = quantiles(seconds, n=20)[-1] if len(seconds) > 1 else seconds[0]
    return f"n {len(seconds)}, median {median(seconds):.2f} s, 95% {p95:.2f}, max {max(seconds):.2f}"


def tell(what: str, seconds: Sequence[float]) -> None:
    """Print them, and how many are under two seconds."""
    print(f"{what}: {figures(seconds)}; {sum(each < 2 for each in seconds)} under 2 s")


if __name__ == "__main__":
    main()
