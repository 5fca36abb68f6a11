"""What the gateway costs: `python benchmarks/gateway.py [SECONDS] [DELAY_MS]`.

Latency: three open-loop clients at once, 60 requests a second each, on one V11 that takes so long (k6, gateway.js):
gRPC to V11, REST through the gateway, REST through edge and gateway. The figure is the ratio of their medians, in one
run. CPU: Envoy's own, from /proc, for each request of a run through both hops, less what it does when idle.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from migration.gateway.protos import compile_protos
from testbeds.local.layout import LOOPBACK
from testbeds.local.platforms import gateways, stack
from testbeds.local.platforms.members import V10, V11, Kind, Member
from testbeds.local.platforms.protos import FOLDER

if TYPE_CHECKING:
    from testbeds.local.platforms.gateways import Started
    from testbeds.local.platforms.stack import Stack

RATE_PER_S = 60
CPU_RATES_PER_S = (200, 500)
FLEET_RATE_PER_S = 100_000
MADE = {"id": "bench", "sender": "a", "recipient": "b", "assetId": "gold", "amount": 2**53 + 1, "memo": "a memo"}
_HOST_TICKS = os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Print latencies with their ratios, then CPU."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    delay_s = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.02
    slow = Member(name="v11", kind=Kind.GRPC, delay_s=delay_s)
    with stack.up(V10, slow) as platforms, gateways.up(platforms, edge=True) as gateway:
        httpx.post(f"{gateway.url}/v1/transactions", json=MADE).raise_for_status()
        _latencies(platforms, gateway, seconds, delay_s)
    with stack.up(V10, V11) as platforms:
        for name in ("gateway", "edge"):
            for rate in CPU_RATES_PER_S:
                with gateways.up(platforms, edge=True) as gateway:
                    httpx.post(f"{gateway.url}/v1/transactions", json=MADE)
                    _cpu(platforms, gateway, name, rate, seconds)


def _latencies(platforms: Stack, gateway: Started, seconds: int, delay_s: float) -> None:
    said = _k6(platforms, gateway, seconds, RATE_PER_S, "direct,gateway,edge")
    direct = said["grpc_req_duration{scenario:direct}"]
    print(f"backend {delay_s * 1000:g} ms, {RATE_PER_S}/s each for {seconds} s")
    print(f"  direct   n={direct['count']}  median {direct['med']:.3f} ms  p95 {direct['p(95)']:.3f} ms")
    for name in ("gateway", "edge"):
        seen = said[f"http_req_duration{{scenario:{name}}}"]
        added = 100 * (seen["med"] / direct["med"] - 1)
        line = f"  {name:8} n={seen['count']}  median {seen['med']:.3f} ms  p95 {seen['p(95)']:.3f} ms  {added:+.2f}%"
        print(f"{line}  failed {said[f'checks{{scenario:{name}}}']['fails']}")


def _cpu(platforms: Stack, gateway: Started, name: str, rate: int, seconds: int) -> None:
    idle_s = _cpu_s(gateway.pid)
    time.sleep(2)
    idle_s = (_cpu_s(gateway.pid) - idle_s) / 2
    before_s, began_s = _cpu_s(gateway.pid), time.monotonic()
    said = _k6(platforms, gateway, seconds, rate, name)
    spent_s = _cpu_s(gateway.pid) - before_s - idle_s * (time.monotonic() - began_s)
    done = said[f"http_req_duration{{scenario:{name}}}"]["count"]
    each_us = 1e6 * spent_s / done
    cores = each_us * FLEET_RATE_PER_S / 1e6
    print(
        f"CPU {name} at {rate}/s: n={done}  {each_us:.0f} us a request, {cores:.1f} cores for {FLEET_RATE_PER_S}/s"
        f"  (idle {100 * idle_s:.1f}% of a core)"
    )


def _k6(platforms: Stack, gateway: Started, seconds: int, rate: int, only: str) -> dict[str, Any]:
    """A run's metrics."""
    protoset, summary = platforms.folder / "protoset.pb", platforms.folder / "summary.json"
    protoset.write_bytes(compile_protos([FOLDER]).SerializeToString())
    k6 = shutil.which("k6") or str(Path(sys.prefix, "bin", "k6"))
    env = {
        **os.environ,
        "RATE": str(rate),
        "SECONDS": str(seconds),
        "ONLY": only,
        "PROTOSET": str(protoset),
        "DIRECT": platforms["v11"].target,
        "GATEWAY": gateway.url,
        "EDGE": f"http://{LOOPBACK}:{gateway.edge_port}",
    }
    script = str(Path(__file__).with_suffix(".js"))
    command = [k6, "run", "--quiet", "--no-usage-report", "--address", "", f"--summary-export={summary}", script]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    metrics: dict[str, Any] = json.loads(summary.read_text())["metrics"]
    return metrics


def _cpu_s(pid: int) -> float:
    """What a process has used since its start (proc_pid_stat(5), utime and stime)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _HOST_TICKS


if __name__ == "__main__":
    main()
