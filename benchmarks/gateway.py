"""What the gateway costs: `python benchmarks/gateway.py [SECONDS] [DELAY_MS]`.

Latency: one open-loop client (k6, gateway.js) and several paths to one backend that takes so long. They take turns
at the same rate: gRPC to the backend itself, REST to it, REST through two Envoys that do nothing, through the
gateway, through edge and gateway. The figure is the difference of the medians as a share of gRPC's, in one run; 95%
of what a bootstrap over the rounds finds stands beside it. The client's own gRPC is not as fast as its own HTTP:
direct REST shows it. Before V11 on PostgreSQL at the lowest rate, and before a light one that answers on time
(late.py) at all of them, there also with cores that do not sleep, where the kernel lets us: each hop wakes a core
twice, and the profiles for servers that pass requests on (tuned's network-latency) keep them awake.

CPU: Envoy's own (schedstat of its threads) for each request, 64 keep-alive connections, closed loop, `SECONDS` for
each path, less what it uses when idle; before the same V11s. The floors are an Envoy that only passes the same
requests on to REST as slow, and one that does so over two hops, HTTP/2 between them: microseconds depend on the
hour, the ratio to a floor does not. All take turns, `ROUNDS` times; medians are told.
"""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import statistics
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from migration.gateway.envoy_clusters import OPTIONS
from migration.gateway.protos import compile_protos
from testbeds.local import components
from testbeds.local.layout import LOOPBACK
from testbeds.local.platforms import gateways, stack
from testbeds.local.platforms.members import Kind, Member
from testbeds.local.platforms.protos import FOLDER
from testbeds.local.ports import claim
from traffic.envoy import TYPE, address, router

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from testbeds.local.platforms.gateways import Started
    from testbeds.local.platforms.stack import Stack
    from traffic.envoy import Object

RATES_PER_S = (60, 307, 997)
"""A rate that divides 1,000 would meet every timer that counts milliseconds at the same place."""
DIRECT, REST = "gRPC", "REST"
TURNS = 6
LEAST = 150
"""Requests in a turn, at least."""
DRAWS = 400
CONNECTIONS = 64
IDLE_S = 3
ROUNDS = 5
FLEET_RATE_PER_S = 100_000
WAKE_LATENCY = Path("/dev/cpu_dma_latency")
MADE = {"id": "bench", "sender": "a", "recipient": "b", "assetId": "gold", "amount": 2**53 + 1, "memo": "a memo"}
PATH = "/v1/transactions/bench"


def main() -> None:
    """Print latencies with their ratios, then CPU."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20
    delay_s = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.02
    slow = (Member(name=kind.value, kind=kind, delay_s=delay_s) for kind in Kind)
    with stack.up(*slow) as platforms, claim(None) as claimed:
        port = claimed.getsockname()[1]
        protoset = platforms.folder / "protoset.pb"
        protoset.write_bytes(compile_protos([FOLDER]).SerializeToString())
        print(f"backend {delay_s * 1000:g} ms; load average {os.getloadavg()[0]:.1f}")
        with gateways.up(platforms, edge=True) as gateway:
            for url in (gateway.url, platforms["v10"].url):
                httpx.post(f"{url}/v1/transactions", json=MADE).raise_for_status()
            measured = _measured(platforms, gateway, platforms["v10"].target, port)
            print(f"latency before V11, {PATH}")
            paths = {DIRECT: platforms["v11"].target, **_urls(measured)}
            _latencies(paths, protoset, RATES_PER_S[0])
            print(f"CPU before V11, {PATH}")
            _cpu(measured, seconds / ROUNDS)
        with (
            _light(platforms, port + 9, delay_s) as light,
            gateways.up(platforms, changes={"v11": {"hosts": [light], "health": "none"}}, edge=True) as gateway,
        ):
            measured = _measured(platforms, gateway, light, port + 4)
            print(f"latency before a light V11, {PATH}")
            paths = {DIRECT: light, REST: f"http://{light}", **_urls(measured)}
            for rate_per_s in RATES_PER_S:
                _latencies(paths, protoset, rate_per_s)
                if os.access(WAKE_LATENCY, os.W_OK):
                    with _awake():
                        print("with cores that do not sleep: ", end="")
                        _latencies(paths, protoset, rate_per_s)
            print(f"CPU before a light V11, {PATH}")
            _cpu(measured, seconds / ROUNDS)
        print(f"load average {os.getloadavg()[0]:.1f}")


@contextmanager
def _awake() -> Iterator[None]:
    """No core sleeps where it has nothing to do, as long as the file is open (kernel: power/pm_qos_interface)."""
    with WAKE_LATENCY.open("wb", buffering=0) as file:
        file.write(struct.pack("=i", 0))
        yield


def _urls(measured: dict[str, tuple[int, int]]) -> dict[str, str]:
    """All but the single bare hop."""
    return {name: f"http://{LOOPBACK}:{port}" for name, (_, port) in list(measured.items())[1:]}


def _measured(platforms: Stack, gateway: Started, rest: str, port: int) -> dict[str, tuple[int, int]]:
    """Processes and their ports by name, the floors first; they go to this REST, from three ports after `port`."""
    return {
        "one bare hop": (_bare(platforms, [port + 1], rest), port + 1),
        "two bare hops": (_bare(platforms, [port + 2, port + 3], rest), port + 2),
        "gateway": (gateway.pid, int(gateway.url.rpartition(":")[2])),
        "both hops": (gateway.pid, gateway.edge_port),
    }


@contextmanager
def _light(platforms: Stack, port: int, delay_s: float) -> Iterator[str]:
    """A V11 and a REST that always give the same transaction; where."""
    late = ["testbeds.local.platforms.late", str(port), str(1000 * delay_s)]
    pid = platforms.run("light", [sys.executable, "-m", *late])
    try:
        _await(f"http://{LOOPBACK}:{port}{PATH}")
        yield f"{LOOPBACK}:{port}"
    finally:
        platforms.end(pid)


def _await(url: str) -> None:
    while True:
        try:
            httpx.get(url).raise_for_status()
        except httpx.HTTPError:
            time.sleep(0.02)
        else:
            return


def _latencies(paths: dict[str, str], protoset: Path, rate_per_s: int) -> None:
    """Ask by each path in turns, and tell what each adds to gRPC.

    Args:
        paths: URLs by name; `gRPC` is the direct one, `REST` the same backend's, if it has one.
        protoset: V11's descriptors.
        rate_per_s: How often.
    """
    turn_s = max(2.0, LEAST / rate_per_s)
    busy_s, began_s = _busy_s(), time.monotonic()
    rounds, bad = _k6(paths, protoset, rate_per_s, turn_s)
    busy = (_busy_s() - busy_s) / (time.monotonic() - began_s) / (os.cpu_count() or 1)
    print(f"{rate_per_s}/s, {TURNS} turns of {turn_s:g} s each, {bad} bad or dropped; the machine was {busy:.0%} busy")
    for name in paths:
        ms = sorted(chain.from_iterable(rounds[name]))
        line = f"  {name:13}  n={len(ms)}  median {statistics.median(ms):.3f} ms  p95 {ms[len(ms) * 95 // 100]:.3f} ms"
        if name != DIRECT:
            line += f"  {_added(rounds, name, DIRECT)}"
        if REST in paths and name not in {DIRECT, REST}:
            line += f"; less the client's own {_added(rounds, name, REST)}"
        print(line)


def _added(rounds: dict[str, list[list[float]]], name: str, floor: str) -> str:
    """What a path adds to the floor's median, as a share of that of gRPC: a bootstrap over rounds, all paths alike."""

    def share(chosen: Sequence[int]) -> float:
        over, under, direct = (
            statistics.median(chain.from_iterable(rounds[each][at] for at in chosen)) for each in (name, floor, DIRECT)
        )
        return 100 * (over - under) / direct

    drawn = random.Random(0)
    every = range(TURNS)
    tries = sorted(share([drawn.choice(every) for _ in every]) for _ in range(DRAWS))
    return f"{share(every):+.2f}% ({tries[DRAWS // 40]:+.2f} to {tries[-1 - DRAWS // 40]:+.2f})"


def _k6(
    paths: dict[str, str], protoset: Path, rate_per_s: int, turn_s: float
) -> tuple[dict[str, list[list[float]]], int]:
    """Milliseconds by path and round, and how many requests were bad or could not be sent in time."""
    rows = protoset.with_name(f"k6-{rate_per_s}.csv")
    k6 = shutil.which("k6") or str(Path(sys.prefix, "bin", "k6"))
    told = {"RATE": rate_per_s, "ROUNDS": TURNS, "TURN_S": turn_s, "PATHS": json.dumps(paths), "PROTOSET": protoset}
    env = {**os.environ, **{key: str(value) for key, value in told.items()}, "K6_CSV_SAVE_INTERVAL": "1h"}
    script = str(Path(__file__).with_suffix(".js"))
    command = [k6, "run", "--quiet", "--no-usage-report", "--no-summary", "--address", "", f"--out=csv={rows}", script]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(done.stderr)
    rounds: dict[str, list[list[float]]] = {name: [[] for _ in range(TURNS)] for name in paths}
    bad = 0
    with rows.open(newline="") as file:
        for row in csv.DictReader(file):
            metric, value = row["metric_name"], float(row["metric_value"])
            if metric in {"grpc_req_duration", "http_req_duration"}:
                name, _, at = row["scenario"].replace("-", " ").rpartition("_")
                rounds[name][int(at)].append(value)
            bad += (metric == "checks" and not value) or (metric == "dropped_iterations" and int(value))
    return rounds, bad


def _busy_s() -> float:
    """CPU time of the whole machine (proc_stat(5)): all but what was idle or waited."""
    spent = [int(each) for each in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    return (sum(spent) - spent[3] - spent[4]) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Spent:
    """One round.

    Args:
        each_us: Envoy's CPU time for a request, microseconds.
        answers: How many there were.
        bad: How many of them were not 200.
    """

    each_us: float
    answers: int
    bad: int


def _cpu(measured: dict[str, tuple[int, int]], seconds: float) -> None:
    """Measure in turns, and tell what each costs beside the floors."""
    idle = {pid: _idle(pid) for pid in {pid for pid, _ in measured.values()}}
    rounds: dict[str, list[Spent]] = {name: [] for name in measured}
    for turn in range(ROUNDS):
        for name in list(measured)[:: 1 if turn % 2 else -1]:
            pid, port = measured[name]
            rounds[name].append(_spent(pid, idle[pid], port, seconds))
    one, two = (rounds[name] for name in list(measured)[:2])
    print(f"  {ROUNDS} rounds of {seconds:g} s, {CONNECTIONS} connections")
    for name, seen in rounds.items():
        each_us = statistics.median(each.each_us for each in seen)
        answers, bad = (sum(getattr(each, count) for each in seen) for count in ("answers", "bad"))
        per_s = answers / seconds / ROUNDS
        beside = " and ".join(f"{_ratio(seen, floor):.2f}" for floor in (one, two))
        print(
            f"  {name:13}  n={answers} ({per_s:.0f}/s, {bad} bad)  {each_us:.0f} us a request "
            f"({beside} floors), {each_us * FLEET_RATE_PER_S / 1e6:.1f} cores for {FLEET_RATE_PER_S}/s"
        )


def _ratio(seen: list[Spent], floor: list[Spent]) -> float:
    """The median of each round beside the floor's in the same round."""
    return statistics.median(one.each_us / other.each_us for one, other in zip(seen, floor, strict=True))


def _idle(pid: int) -> float:
    """CPU time a second without requests: health checks, mostly."""
    began_s = _cpu_s(pid)
    time.sleep(IDLE_S)
    return (_cpu_s(pid) - began_s) / IDLE_S


def _spent(pid: int, idle: float, port: int, seconds: float) -> Spent:
    before_s, began_s = _cpu_s(pid), time.monotonic()
    load = [sys.executable, "-m", "testbeds.local.platforms.load", str(port), PATH, str(seconds)]
    said = subprocess.run([*load, str(CONNECTIONS)], capture_output=True, text=True, check=True).stdout
    spent_s = _cpu_s(pid) - before_s - idle * (time.monotonic() - began_s)
    answers, bad = map(int, said.split())
    return Spent(1e6 * spent_s / answers, answers, bad)


def _bare(platforms: Stack, ports: list[int], rest: str) -> int:
    """Start an Envoy that only passes requests on, from port to port and then to REST; its process."""
    listeners = [_passing(port, f"after-{port}") for port in ports]
    onward = [*(f"{LOOPBACK}:{port}" for port in ports[1:]), rest]
    clusters = [
        _next(f"after-{port}", target, h2=port != ports[-1]) for port, target in zip(ports, onward, strict=True)
    ]
    file = platforms.folder / f"floor-{ports[0]}.json"
    file.write_text(json.dumps({"static_resources": {"listeners": listeners, "clusters": clusters}}))
    options = ["--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]
    pid = platforms.run(file.stem, [str(components.envoy().path), "-c", str(file), *options])
    _await(f"http://{LOOPBACK}:{ports[0]}{PATH}")
    return pid


def _passing(port: int, cluster: str) -> Object:
    route = {"match": {"prefix": "/"}, "route": {"cluster": cluster}}
    manager = {
        "@type": f"{TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": cluster,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [router()],
    }
    filters = [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]
    return {"address": address(f"{LOOPBACK}:{port}"), "filter_chains": [{"filters": filters}]}


def _next(name: str, target: str, *, h2: bool) -> Object:
    spoken: Object = {"http2_protocol_options": {}} if h2 else {"http_protocol_options": {}}
    options = {"@type": f"type.googleapis.com/{OPTIONS}", "explicit_http_config": spoken}
    assigned = {"cluster_name": name, "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(target)}}]}]}
    return {
        "name": name,
        "type": "STATIC",
        "load_assignment": assigned,
        "typed_extension_protocol_options": {OPTIONS: options},
    }


def _cpu_s(pid: int) -> float:
    """What a process has used since its start: the first number of each thread's schedstat, nanoseconds."""
    threads = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


if __name__ == "__main__":
    main()
