"""What the gateway costs: `python benchmarks/gateway.py [SECONDS] [DELAY_MS]`.

Latency: three open-loop clients at once, 60 requests a second each, on one V11 that takes so long (k6, gateway.js):
gRPC to V11, REST through the gateway, REST through edge and gateway. The figure is the ratio of their medians, in one
run. They read the same transaction from PostgreSQL; its 64-bit integers become numbers.

CPU: Envoy's own (schedstat of its threads) for each request, 64 keep-alive connections, closed loop, on the same V11,
less what it uses when idle; the same for a V11 that asks no database and so lets more through. The floor is an Envoy
that only passes the same requests on to a V10 as slow: microseconds depend on the hour, the ratio to it does not.
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
from testbeds.local import components
from testbeds.local.layout import LOOPBACK
from testbeds.local.platforms import gateways, stack
from testbeds.local.platforms.members import Kind, Member
from testbeds.local.platforms.protos import FOLDER
from testbeds.local.ports import claim
from traffic.envoy import TYPE, address, router

if TYPE_CHECKING:
    from testbeds.local.platforms.gateways import Started
    from testbeds.local.platforms.stack import Stack

RATE_PER_S = 60
CONNECTIONS = 64
IDLE_S = 3
FLEET_RATE_PER_S = 100_000
MADE = {"id": "bench", "sender": "a", "recipient": "b", "assetId": "gold", "amount": 2**53 + 1, "memo": "a memo"}
PATHS = ("/v1/transactions/bench", "/v1/system/info")
ROUTE = {"match": {"prefix": "/"}, "route": {"cluster": "v10"}}


def main() -> None:
    """Print latencies with their ratios, then CPU."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    delay_s = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.02
    slow = (Member(name=kind.value, kind=kind, delay_s=delay_s) for kind in Kind)
    with stack.up(*slow) as platforms, gateways.up(platforms, edge=True) as gateway, claim(None) as claimed:
        for url in (gateway.url, platforms["v10"].url):
            httpx.post(f"{url}/v1/transactions", json=MADE).raise_for_status()
        _latencies(platforms, gateway, seconds, delay_s)
        floor = claimed.getsockname()[1] + 1
        measured = {
            "floor": (_bare(platforms, floor), floor),
            "gateway": (gateway.pid, int(gateway.url.rpartition(":")[2])),
            "edge": (gateway.pid, gateway.edge_port),
        }
        for path in PATHS:
            spent = {name: _cpu(pid, f"{name} {path}", port, path, seconds) for name, (pid, port) in measured.items()}
            print("  ratio to the floor: " + ", ".join(f"{n} {us / spent['floor']:.2f}" for n, us in spent.items()))


def _latencies(platforms: Stack, gateway: Started, seconds: int, delay_s: float) -> None:
    said = _k6(platforms, gateway, seconds)
    direct = said["grpc_req_duration{scenario:direct}"]
    print(f"backend {delay_s * 1000:g} ms, {RATE_PER_S}/s each for {seconds} s")
    print(f"  direct   n={direct['count']}  median {direct['med']:.3f} ms  p95 {direct['p(95)']:.3f} ms")
    for name in ("gateway", "edge"):
        seen = said[f"http_req_duration{{scenario:{name}}}"]
        added = 100 * (seen["med"] / direct["med"] - 1)
        line = f"  {name:8} n={seen['count']}  median {seen['med']:.3f} ms  p95 {seen['p(95)']:.3f} ms  {added:+.2f}%"
        print(f"{line}  failed {said[f'checks{{scenario:{name}}}']['fails']}")


def _cpu(pid: int, name: str, port: int, path: str, seconds: int) -> float:
    """Envoy's CPU time for a request, microseconds."""
    began_s = _cpu_s(pid)
    time.sleep(IDLE_S)
    idle = (_cpu_s(pid) - began_s) / IDLE_S
    before_s, began_s = _cpu_s(pid), time.monotonic()
    load = [sys.executable, "-m", "testbeds.local.platforms.load", str(port), path, str(seconds)]
    said = subprocess.run([*load, str(CONNECTIONS)], capture_output=True, text=True, check=True).stdout
    spent_s = _cpu_s(pid) - before_s - idle * (time.monotonic() - began_s)
    answers, bad = map(int, said.split())
    each_us = 1e6 * spent_s / answers
    cores = each_us * FLEET_RATE_PER_S / 1e6
    print(
        f"  {name}: n={answers} ({answers / seconds:.0f}/s, {bad} bad)  {each_us:.0f} us CPU a request, "
        f"{cores:.1f} cores for {FLEET_RATE_PER_S}/s"
    )
    return each_us


def _bare(platforms: Stack, port: int) -> int:
    """Start an Envoy that passes requests on to V10 and does nothing else; its process."""
    manager = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "floor",
        "route_config": {"virtual_hosts": [{"name": "v10", "domains": ["*"], "routes": [ROUTE]}]},
        "http_filters": [router()],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    listener = {"address": address(f"{LOOPBACK}:{port}"), "filter_chains": [{"filters": filters}]}
    endpoint = {"endpoint": {"address": address(platforms["v10"].target)}}
    assigned = {"cluster_name": "v10", "endpoints": [{"lb_endpoints": [endpoint]}]}
    cluster = {"name": "v10", "type": "STATIC", "load_assignment": assigned}
    file = platforms.folder / "floor.json"
    file.write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}))
    options = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]
    pid = platforms.run("floor", [str(components.envoy().path), "-c", str(file), *options])
    while True:
        try:
            httpx.get(f"http://{LOOPBACK}:{port}/v1/system/info").raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.02)
        else:
            return pid


def _k6(platforms: Stack, gateway: Started, seconds: int) -> dict[str, Any]:
    """A run's metrics."""
    protoset, summary = platforms.folder / "protoset.pb", platforms.folder / "summary.json"
    protoset.write_bytes(compile_protos([FOLDER]).SerializeToString())
    k6 = shutil.which("k6") or str(Path(sys.prefix, "bin", "k6"))
    env = {
        **os.environ,
        "RATE": str(RATE_PER_S),
        "SECONDS": str(seconds),
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
    """What a process has used since its start: the first number of each thread's schedstat, nanoseconds."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


if __name__ == "__main__":
    main()
