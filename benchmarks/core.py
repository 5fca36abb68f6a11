"""What durability costs: a journal's append and a lease's take on a folder store, against the bare system calls.

Run: python benchmarks/core.py [N]    (default N=500; the store lies in TMPDIR)
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from aurops.clock import RealClock
from aurops.journal import Journal, RecordKind
from aurops.lease import Lease
from aurops.store import open_store

ROUNDS = 5


def bare(folder: Path, name: str, data: bytes) -> None:
    """The least that a durable create costs: write, sync the file, sync the folder."""
    handle = os.open(folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    os.write(handle, data)
    os.fsync(handle)
    os.close(handle)
    handle = os.open(folder, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def main() -> None:
    """Print the figures; appends and bare writes alternate in blocks, so that both see the same disk."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    append_ms: list[float] = []
    bare_ms: list[float] = []
    take_ms: list[float] = []
    clock = RealClock()
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        store = open_store(str(root / "store"))
        journal = Journal.create(store, "bench", clock)
        size = len(journal.append(RecordKind.STARTED, {"step": "promote", "region": "aws-eu-west-1"}).model_dump_json())
        for block in range(ROUNDS):
            (root / f"bare{block}").mkdir()
            for number in range(count // ROUNDS):
                start = time.perf_counter()
                journal.append(RecordKind.INTENT, {"step": "promote", "region": "aws-eu-west-1"}, epoch=1)
                middle = time.perf_counter()
                bare(root / f"bare{block}", str(number), b"x" * size)
                append_ms.append((middle - start) * 1e3)
                bare_ms.append((time.perf_counter() - middle) * 1e3)
        for number in range(count // ROUNDS):
            lease = Lease(store, f"service{number}", clock)
            start = time.perf_counter()
            lease.take("bench")
            take_ms.append((time.perf_counter() - start) * 1e3)
            lease.release()
    for label, values in (("journal append", append_ms), ("bare write + 2 fsync", bare_ms), ("lease take", take_ms)):
        p99 = statistics.quantiles(values, n=100)[98]
        print(f"{label:22} n={len(values):4}  median {statistics.median(values):6.3f} ms  p99 {p99:6.3f} ms")
    print(f"{'append / bare':22} {statistics.median(append_ms) / statistics.median(bare_ms):.2f} (medians)")


if __name__ == "__main__":
    main()
