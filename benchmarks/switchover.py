"""Planned switchovers under load: `python benchmarks/switchover.py [N] [SEED]`, on each of N beds one, and back."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from itertools import pairwise

from aurops.clock import RealClock
from testbeds.local import bed as beds
from testbeds.local.drillbed import LocalDrillBed

RATE_PER_S = 60.0
SETTLE_S = 2.0


def main() -> None:
    """Print what each one did to the clients, then the medians and maxima."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    first_seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    pauses_s: dict[str, list[float]] = {"failover": [], "failback": []}
    totals = {"sent": 0, "not ok": 0, "lost": 0}
    for seed in range(first_seed, first_seed + count):
        pauses, seen = _there_and_back(seed)
        for command, pause_s in pauses.items():
            pauses_s[command].append(pause_s)
        totals = {name: totals[name] + seen[name] for name in totals}
        print(f"seed {seed}  " + "  ".join(f"{name} {value:.3f} s" for name, value in pauses.items()), flush=True)
    for command, values in pauses_s.items():
        print(f"{command:9} pause: n={len(values)}  median {statistics.median(values):.3f} s  max {max(values):.3f} s")
    print(", ".join(f"{value} {name}" for name, value in totals.items()))
    sys.exit(int(totals["not ok"] + totals["lost"] > 0))


def _there_and_back(seed: int) -> tuple[dict[str, float], dict[str, int]]:
    clock, pauses = RealClock(), {}
    bed = beds.up(idle_s=300)
    try:
        under_load = LocalDrillBed(bed, clock)
        under_load.start_load("bench", RATE_PER_S, seed)
        clock.sleep(SETTLE_S)
        for command in (["failover", "north"], ["failback"]):
            begun_s = clock.now_s()
            _run([*command, "--bed", bed.id, "--yes"])
            clock.sleep(SETTLE_S)
            pauses[command[0]] = _pause_s(under_load, begun_s)
        ledger, readable = under_load.stop_load(), under_load.readable_ids("north", "bench") or frozenset()
        under_load.close()
    finally:
        beds.down(bed)
    acknowledged = {entry.id for entry in ledger.entries if entry.is_ok}
    sent = len(ledger.entries)
    return pauses, {"sent": sent, "not ok": sent - len(acknowledged), "lost": len(acknowledged - readable)}


def _run(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory() as store:
        env = {**os.environ, "AUROPS_STORE": store}
        command = [sys.executable, "-m", "runbooks", *arguments]
        subprocess.run(command, env=env, capture_output=True, check=True)


def _pause_s(under_load: LocalDrillBed, since_s: float) -> float:
    """The longest silence between two acknowledgements since then, in seconds."""
    ended_s = sorted(entry.end_s for entry in under_load.ledger().entries if entry.is_ok and entry.end_s > since_s)
    return max(later - earlier for earlier, later in pairwise(ended_s))


if __name__ == "__main__":
    main()
