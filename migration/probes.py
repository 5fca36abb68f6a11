"""Synthetic probes of a cutover: how long clients were without an answer, seen from outside.

Open loop: a read and an idempotent write at fixed moments, ten a second each, whatever became of the ones before. So a
proxy that stalls is not probed less often for that. A probe counts at the moment at which it was due.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Self

import httpx

if TYPE_CHECKING:
    from aurops.clock import Clock

RATE_PER_S = 10.0
TIMEOUT_S = 2.0
_MOST_AT_ONCE = 64
"""Ten a second of each kind, for three seconds, are 60."""


@dataclass(frozen=True)
class Seen:
    """What the probes of a region saw.

    Args:
        sent: Probes of both kinds.
        ok: Those that were answered with success.
        interruption_s: The longest time between two moments at which a probe of one kind succeeded, less the time
            between two probes; the worse of both kinds.
    """

    sent: int
    ok: int
    interruption_s: float


@dataclass(frozen=True)
class Probed:
    """One probe that is over.

    Args:
        due_s: When it was due, by the clock.
        took_s: From when it was sent to its answer or end, seconds.
        ok: Whether it was answered with success.
        side: Which side answered, as the answer says; empty: it does not, or there was none.
    """

    due_s: float
    took_s: float
    ok: bool
    side: str


class Probes:
    """Probes one region; a context manager.

    Args:
        read: A URL that is asked with GET.
        write: A URL that is asked with POST; `{n}` becomes the probe's number, which is its idempotency key, too.
        clock: Time.
        first: The number of the first write.
        side_header: The header of an answer that names the side it came from; empty: there is none.
    """

    def __init__(self, read: str, write: str, clock: Clock, *, first: int = 0, side_header: str = "") -> None:
        self._urls = {"GET": read, "POST": write}
        self._clock = clock
        self._first = first
        self._side_header = side_header
        self._all: list[Probed] = []
        self._ok: dict[str, list[float]] = {"GET": [], "POST": []}
        self._sent = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._client = httpx.Client(timeout=TIMEOUT_S, trust_env=False)
        self._pool = ThreadPoolExecutor(_MOST_AT_ONCE, "probe")
        self._thread = threading.Thread(target=self._send_all, name="probes")
        self._began_s = self._ended_s = clock.now_s()

    def __enter__(self) -> Self:
        self._began_s = self._clock.now_s()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._pool.shutdown(wait=True)
        self._client.close()

    def seen(self) -> Seen:
        """What was seen, from the first probe to the last."""
        with self._lock:
            worst = max(longest_gap_s(ok, self._began_s, self._ended_s) for ok in self._ok.values())
            return Seen(self._sent, sum(map(len, self._ok.values())), max(0.0, worst - 1 / RATE_PER_S))

    def all(self) -> tuple[Probed, ...]:
        """Every probe that is over, as they ended."""
        with self._lock:
            return tuple(self._all)

    def _send_all(self) -> None:
        number = 0
        while not self._stop.is_set():
            due_s = self._began_s + number / RATE_PER_S
            if (wait_s := due_s - self._clock.now_s()) > 0 and self._stop.wait(wait_s):
                break
            for method in self._urls:
                self._pool.submit(self._probe, method, self._first + number, due_s)
            with self._lock:
                self._sent += len(self._urls)
                self._ended_s = due_s
            number += 1

    def _probe(self, method: str, number: int, due_s: float) -> None:
        url = self._urls[method].format(n=number)
        headers = {"idempotency-key": str(number)} if method == "POST" else {}
        began_s, is_ok, side = self._clock.now_s(), False, ""
        with suppress(httpx.HTTPError):
            answer = self._client.request(method, url, json={} if method == "POST" else None, headers=headers)
            is_ok, side = answer.is_success, answer.headers.get(self._side_header, "") if self._side_header else ""
        with self._lock:
            self._all.append(Probed(due_s, self._clock.now_s() - began_s, is_ok, side))
            if is_ok:
                self._ok[method].append(due_s)


def longest_gap_s(successes: list[float], began_s: float, ended_s: float) -> float:
    """The longest time without a success, the begin and the end of probing included. Pure."""
    moments = sorted([began_s, *successes, ended_s])
    return max((after - before for before, after in pairwise(moments)), default=0.0)
