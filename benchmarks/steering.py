"""A million requests through each driver while it is steered there and back, and V11 killed at 100%.

Run: python benchmarks/steering.py [REQUESTS] [DEATHS] [KIND...]    (default 1000000 5 envoy nginx)

The kills send 30,000 requests each, to sides that take 5 ms: reads, writes, and writes with a key in turn.
"""

from __future__ import annotations

import statistics
import sys
from dataclasses import asdict

from testbeds.local.steering import trial
from testbeds.local.steering.bed import up
from testbeds.local.steering.load import Kind as Asked
from traffic.site import Kind

DEATH_REQUESTS = 30_000
DELAY_MS = 5.0


def main() -> None:
    """Print what each trial showed; exit 1 when one showed a loss."""
    requests = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    deaths = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    kinds = [Kind(name) for name in sys.argv[3:]] or list(Kind)
    bad = 0
    for kind in kinds:
        bad += _migrate(kind, requests) if requests else 0
        for turn in range(deaths):
            bad += _kill(kind, turn)
    sys.exit(int(bad > 0))


def _migrate(kind: Kind, requests: int) -> int:
    with up(kind, requests=requests) as bed:
        bed.await_health(trial.NEW)
        done = trial.migrate(bed, requests, spread_s=5.0)
    verdict = done.verdict
    print(f"{kind} there and back: {asdict(verdict)}")
    shifts_ms = [1000 * each for each in done.shift_s]
    print(
        f"{kind} {verdict.sent / verdict.seconds:.0f} requests/s; a change of weights took median "
        f"{statistics.median(shifts_ms):.0f} ms, max {max(shifts_ms):.0f} ms; {done.drained}",
        flush=True,
    )
    return sum(verdict.failed.values()) + verdict.lost + verdict.twice + verdict.dropped + verdict.moved_back


def _kill(kind: Kind, turn: int) -> int:
    with up(kind, requests=DEATH_REQUESTS, delay_ms=DELAY_MS) as bed:
        bed.await_health(trial.NEW)
        died = trial.kill(bed, DEATH_REQUESTS, (Asked.GET, Asked.POST, Asked.KEYED))
    verdict = died.verdict
    print(
        f"{kind} death {turn + 1}: {died.under_way} under way; failed {verdict.failed}; lost {verdict.lost}; "
        f"executed twice {verdict.twice}; latched after {1000 * died.latched_s:.0f} ms; "
        f"V11 executed {died.executed_after} after it came back; longest silence {1000 * verdict.silence_s:.0f} ms",
        flush=True,
    )
    beyond = max(0, verdict.failed["post"] - died.under_way)
    return verdict.failed["get"] + verdict.failed["keyed"] + beyond + verdict.lost + verdict.twice + died.executed_after


if __name__ == "__main__":
    main()
