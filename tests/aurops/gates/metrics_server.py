"""A tiny Prometheus: the query API as documented, over samples that a test writes down.

It knows `time()`, a selector `name`, `sum(name)`, and `min(timestamp(name))`, with the staleness of the real one: an
instant answers with a series' last sample of the five minutes before it.
"""

from __future__ import annotations

import json
import math
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from aurops.clock import ManualClock

_LOOKBACK_S = 300.0

Sample = tuple[float, float]
"""Time (seconds since 1970) and value."""


@dataclass
class TinyPrometheus:
    """A context manager; it listens on loopback.

    Args:
        clock: Its time of day.
    """

    clock: ManualClock
    samples: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)
    """By metric and instance."""
    ahead_s: float = 0.0
    """How far its clock is ahead of everybody's."""
    error: str = ""
    silent: bool = False
    raw: str = ""
    """Answered instead of what would be right."""
    asked: list[tuple[str, str]] = field(default_factory=list)

    def __enter__(self) -> Self:
        tiny, self._gone = self, threading.Event()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if tiny.silent:
                    tiny._gone.wait(20)
                    return
                status, body = tiny.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Tests print nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._gone.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    @property
    def now_s(self) -> float:
        return self.clock.wall().timestamp() + self.ahead_s

    def add(self, metric: str, value: float, *, instance: str = "a", ago_s: float = 0.0) -> None:
        """A sample."""
        series = self.samples.setdefault(metric, {}).setdefault(instance, [])
        series.append((self.now_s - ago_s, value))
        series.sort()

    def answer(self, path: str) -> tuple[int, bytes]:
        parts = urlsplit(path)
        endpoint, asked = parts.path.removeprefix("/api/v1/"), {k: v[0] for k, v in parse_qs(parts.query).items()}
        self.asked.append((endpoint, asked["query"]))
        if self.raw:
            return 200, self.raw.encode()
        if self.error:
            return 400, json.dumps({"status": "error", "errorType": "bad_data", "error": self.error}).encode()
        data = self._instant(asked["query"]) if endpoint == "query" else self._range(asked)
        return 200, json.dumps({"status": "success", "data": data}).encode()

    def _instant(self, query: str) -> dict[str, Any]:
        at_s = self.now_s
        if query == "time()":
            return {"resultType": "scalar", "result": [at_s, str(at_s)]}
        found = self._at(query, at_s)
        result = [{"metric": metric, "value": [at_s, _text(value)]} for metric, value in found]
        return {"resultType": "vector", "result": result}

    def _range(self, asked: dict[str, str]) -> dict[str, Any]:
        start_s, end_s, step_s = (float(asked[name]) for name in ("start", "end", "step"))
        series: dict[str, tuple[dict[str, str], list[list[Any]]]] = {}
        for number in range(int((end_s - start_s) / step_s) + 1):
            at_s = start_s + number * step_s
            for metric, value in self._at(asked["query"], at_s):
                series.setdefault(json.dumps(metric), (metric, []))[1].append([at_s, _text(value)])
        return {
            "resultType": "matrix",
            "result": [{"metric": metric, "values": values} for metric, values in series.values()],
        }

    def _at(self, query: str, at_s: float) -> list[tuple[dict[str, str], float]]:
        if query.startswith("min(timestamp("):
            times = [sample[0] for _, sample in self._latest(query[len("min(timestamp(") : -2], at_s)]
            return [({}, min(times))] if times else []
        if query.startswith("sum("):
            values = [sample[1] for _, sample in self._latest(query[len("sum(") : -1], at_s)]
            return [({}, sum(values))] if values else []
        return [({"__name__": query, "instance": name}, sample[1]) for name, sample in self._latest(query, at_s)]

    def _latest(self, metric: str, at_s: float) -> list[tuple[str, Sample]]:
        found = []
        for instance, samples in self.samples.get(metric, {}).items():
            near = [sample for sample in samples if at_s - _LOOKBACK_S < sample[0] <= at_s]
            found += [(instance, near[-1])] if near else []
        return found


def _text(value: float) -> str:
    """As Go prints it."""
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else repr(value)
