"""Drills in a row: RTO, detection, loss. `python benchmarks/drill.py [N] [SEED]`: N drills each of kill and freeze."""

from __future__ import annotations

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile


def drill(fault: str, seed: int, store: str) -> dict[str, float]:
    """One drill as a process of its own; its figures by name."""
    command = [sys.executable, "-m", "runbooks", "failover-test", "--fault", fault, "--seed", str(seed), "--json"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=120, env={**os.environ, "AUROPS_STORE": store}
    )
    if not done.stdout.strip():
        raise SystemExit(f"{fault} with seed {seed} gave no report:\n{done.stderr}")
    report = json.loads(done.stdout)
    figures = {figure["name"]: figure["measured"] for figure in report["objectives"]}
    ends = {step["name"].split()[0] + step["name"].split()[1]: step for step in report["steps"]}
    promote = next(step for name, step in ends.items() if name == "promotedatabase")
    opened = next(step for name, step in ends.items() if name == "opentraffic")
    up = re.search(r"is up after ([0-9.]+) s", done.stderr)
    promotion_s = promote["end_s"] - promote["start_s"]
    return {
        "rto_s": figures["RTO"],
        "lost": figures["RPO"],
        "detection_s": figures["Detection"],
        "promotion_s": promotion_s,
        "orchestrator_s": opened["end_s"] - figures["Detection"] - promotion_s,
        "ok": report["requests"]["ok"],
        "bed_up_s": float(up[1]) if up else float("nan"),
    }


def main() -> None:
    """Print one line per drill and a table at the end."""
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    with tempfile.TemporaryDirectory() as store:
        rows = {fault: [drill(fault, seed + i, store) for i in range(n)] for fault in ("kill", "freeze")}
    print(f"n = {n} each, seeds {seed} to {seed + n - 1}")
    print("| fault | figure | median | max |\n|---|---|---|---|")
    for fault, figures in rows.items():
        for name in figures[0]:
            values = [row[name] for row in figures]
            print(f"| {fault} | {name} | {statistics.median(values):.2f} | {max(values):.2f} |")
    print(
        f"acknowledged {sum(r['ok'] for f in rows.values() for r in f):.0f}, "
        f"lost {sum(r['lost'] for f in rows.values() for r in f):.0f}"
    )


if __name__ == "__main__":
    main()
