"""What the gateway costs: `python benchmarks/gateway.py [SECONDS] [DELAY_MS]`.

Latency: three open-loop clients at once, 60 requests a second each, on one V11 that takes so long (k6, gateway.js):
gRPC to V11, REST through the gateway, REST through edge and gateway. The figure is the ratio of their medians, in one
run. They read the same transaction from PostgreSQL; its 64-bit integers become numbers.

CPU: Envoy's own (schedstat of its threads) for each request, 64 keep-alive connections, closed loop, less what it uses
when idle; before the same V11, and before a light one (NGINX) that gives the same answer as late and takes so little
that Envoy is busy, as it is where it needs many cores. The floors are an Envoy that only passes the same requests on to
REST as slow, and one that does so over two hops, HTTP/2 between them: microseconds depend on the hour, the ratio to a
floor does not. All take turns, `ROUNDS` times; medians are told.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from google.protobuf import json_format

from migration.gateway.envoy_clusters import OPTIONS
from migration.gateway.protos import compile_protos
from testbeds.local import components
from testbeds.local.layout import LOOPBACK
from testbeds.local.platforms import gateways, stack
from testbeds.local.platforms.members import Kind, Member
from testbeds.local.platforms.protos import FOLDER
from testbeds.local.platforms.v11 import messages
from testbeds.local.ports import claim
from traffic.envoy import TYPE, address, router

if TYPE_CHECKING:
    from collections.abc import Iterator

    from testbeds.local.platforms.gateways import Started
    from testbeds.local.platforms.stack import Stack
    from traffic.envoy import Object

RATE_PER_S = 60
CONNECTIONS = 64
IDLE_S = 3
ROUNDS = 5
FLEET_RATE_PER_S = 100_000
MADE = {"id": "bench", "sender": "a", "recipient": "b", "assetId": "gold", "amount": 2**53 + 1, "memo": "a memo"}
PATH = "/v1/transactions/bench"
LIGHT = """\
daemon off; master_process off; pid light.pid; error_log stderr warn; worker_rlimit_nofile 4096;
events {{ worker_connections 2048; }}
http {{
  access_log off; keepalive_requests 1000000; http2_max_concurrent_streams 1024; default_type application/json;
  js_path "{folder}"; js_import light from light.js;
  server {{
    listen {target}; http2 on;
    location /v1/ {{ js_content light.rest; }}
    location / {{ default_type application/grpc; add_trailer grpc-status 0; js_content light.grpc; }}
  }}
}}
"""
LIGHT_JS = """\
const late = (r, said) => setTimeout(() => r.return(200, said), {ms});
const kind = {{Transactions: '{transaction}', Health: '00000000020801'}};
const frames = Object.keys(kind).map((name) => [name, Buffer.from(kind[name], 'hex')]);
const nothing = Buffer.from('0000000000', 'hex');
function grpc(r) {{
  const found = frames.filter((each) => r.uri.includes(each[0] + '/'));
  if (found.length && found[0][0] === 'Transactions') late(r, found[0][1]);
  else r.return(200, found.length ? found[0][1] : nothing);
}}
function rest(r) {{ late(r, '{json}'); }}
export default {{grpc, rest}};
"""


def main() -> None:
    """Print latencies with their ratios, then CPU."""
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    delay_s = float(sys.argv[2]) / 1000 if len(sys.argv) > 2 else 0.02
    slow = (Member(name=kind.value, kind=kind, delay_s=delay_s) for kind in Kind)
    with stack.up(*slow) as platforms, claim(None) as claimed:
        port = claimed.getsockname()[1]
        with gateways.up(platforms, edge=True) as gateway:
            for url in (gateway.url, platforms["v10"].url):
                httpx.post(f"{url}/v1/transactions", json=MADE).raise_for_status()
            _latencies(platforms, gateway, seconds, delay_s)
            print(f"CPU before V11, {PATH}")
            _cpu(_measured(platforms, gateway, platforms["v10"].target, port), seconds / ROUNDS)
        with (
            _light(platforms, port + 9, delay_s) as light,
            gateways.up(platforms, changes={"v11": {"hosts": [light], "health": "none"}}, edge=True) as gateway,
        ):
            print(f"CPU before a light V11, {PATH}")
            _cpu(_measured(platforms, gateway, light, port + 4), seconds / ROUNDS)


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
    """A V11 and a REST that always give the same transaction; where.

    NGINX writes over its environment, by which the stack would find it at its end.
    """
    target, answer = f"{LOOPBACK}:{port}", messages()["Transaction"]
    given = {"id": "bench", "sender": "a", "recipient": "b", "asset_id": "gold", "amount": 2**53 + 1, "memo": "a memo"}
    made = answer(**given, created_at_ms=1_700_000_000_000)
    said = made.SerializeToString()
    framed = (b"\0" + len(said).to_bytes(4, "big") + said).hex()  # gRPC's length-prefixed message
    text = json.dumps(json_format.MessageToDict(made, always_print_fields_with_no_presence=True))
    (platforms.folder / "light.js").write_text(LIGHT_JS.format(ms=round(1000 * delay_s), transaction=framed, json=text))
    configuration = platforms.folder / "light.conf"
    configuration.write_text(LIGHT.format(folder=platforms.folder, target=target))
    nginx = str(components.nginx().path)
    pid = platforms.run("light", [nginx, "-p", str(platforms.folder), "-c", str(configuration)])
    try:
        _await(f"http://{target}{PATH}")
        yield target
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
