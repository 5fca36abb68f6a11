"""The load client: writes at a fixed mean rate through the proxy and notes what it can know of each.

Open loop: arrivals follow a schedule drawn from a seed and never wait for answers, as real clients do not. A process
of its own, outside the regions, so that neither the fault nor the end of the orchestrator touches the evidence.

    python -m testbeds.local.client --url URL --run RUN --ledger FILE [--rate-per-s 60] [--duration-s 60] [--seed 1]

It ends after the duration or on SIGTERM, in both cases when every request under way has an outcome.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp

from aurops.clock import RealClock
from failover.ledger import Entry, Outcome, line
from traffic.headers import NOT_SENT_HEADER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TextIO


class Arrivals(StrEnum):
    """How requests are spread over time."""

    POISSON = "poisson"
    CONSTANT = "constant"


@dataclass(frozen=True)
class Load:
    """What to send.

    Args:
        run: First part of every id; unique, so that two runs' writes are never mixed up.
        rate_per_s: Mean arrivals per second (> 0).
        duration_s: Stop sending after so many seconds.
        seed: Seed of the arrivals.
        arrivals: How they are spread.
        timeout_s: A request without an answer by then is `info`, and its socket is closed.
    """

    run: str
    rate_per_s: float = 60.0
    duration_s: float = 60.0
    seed: int = 1
    arrivals: Arrivals = Arrivals.POISSON
    timeout_s: float = 2.0


def schedule(load: Load) -> Iterator[float]:
    """Seconds from the start at which requests are to be sent; the same for the same load."""
    draw = random.Random(load.seed)  # noqa: S311 - arrivals that can be repeated, no secret
    at_s = 0.0
    while True:
        at_s += draw.expovariate(load.rate_per_s) if load.arrivals is Arrivals.POISSON else 1 / load.rate_per_s
        if at_s >= load.duration_s:
            return
        yield at_s


@dataclass(frozen=True, slots=True)
class _Answer:
    """What is known when a request ends."""

    outcome: Outcome
    status: int | None = None
    epoch: int | None = None
    region: str | None = None
    cached: bool | None = None
    error: str | None = None


def classify(status: int, headers: Mapping[str, str], body: bytes, request_id: str) -> tuple[Outcome, str | None]:
    """The outcome that an answer proves, and why, when it is not `ok`.

    Only an answer that says so is `ok`; only one that a node or the proxy gave *before* anything was done is `fail`.
    """
    said = _object(body)
    if status == HTTPStatus.OK and said.get("id") == request_id:
        return Outcome.OK, None
    not_executed = status == HTTPStatus.SERVICE_UNAVAILABLE and NOT_SENT_HEADER in headers
    return Outcome.FAIL if not_executed else Outcome.INFO, body[:200].decode(errors="replace")


class Client:
    """Sends a load and keeps its ledger.

    Args:
        url: The proxy's address.
        load: What to send.
        ledger: Where the lines go; each is written at once when its request ends.
    """

    def __init__(self, url: str, load: Load, ledger: TextIO) -> None:
        self._url = f"{url}/writes"
        self._load = load
        self._ledger = ledger
        self._clock = RealClock()
        self._under_way: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Send everything; returns when it is sent, or SIGTERM or SIGINT came, and every request has an outcome."""
        # No limit: a pool that is full would delay arrivals. POST is never retried by aiohttp (client.py,
        # IDEMPOTENT_METHODS), and on a time-out it closes the socket.
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=self._load.timeout_s)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
            arrivals = asyncio.create_task(self._arrive(session))
            for signum in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(signum, arrivals.cancel)
            await asyncio.wait([arrivals])
            if self._under_way:
                await asyncio.wait(self._under_way)
            if not arrivals.cancelled():
                arrivals.result()

    async def _arrive(self, session: aiohttp.ClientSession) -> None:
        start_s = self._clock.now_s()
        for number, at_s in zip(count(), schedule(self._load), strict=False):
            intended_s = start_s + at_s
            await asyncio.sleep(intended_s - self._clock.now_s())
            task = asyncio.create_task(self._request(session, number, intended_s))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _request(self, session: aiohttp.ClientSession, number: int, intended_s: float) -> None:
        request_id = f"{self._load.run}-{number}"
        sent_s = self._clock.now_s()
        answer = await self._post(session, request_id, number)
        entry = Entry(
            id=request_id,
            intended_s=intended_s,
            sent_s=sent_s,
            end_s=self._clock.now_s(),
            outcome=answer.outcome,
            status=answer.status,
            epoch=answer.epoch,
            region=answer.region,
            cached=answer.cached,
            error=answer.error,
        )
        self._ledger.write(line(entry))

    async def _post(self, session: aiohttp.ClientSession, request_id: str, number: int) -> _Answer:
        body = json.dumps({"id": request_id, "amount": number}).encode()
        try:
            async with session.post(self._url, data=body, headers={"content-type": "application/json"}) as response:
                raw = await response.read()
        except aiohttp.ClientConnectorError as error:  # no connection to the proxy: nothing was sent
            return _Answer(Outcome.FAIL, error=str(error))
        except TimeoutError:
            return _Answer(Outcome.INFO, error="time-out")
        except aiohttp.ClientError as error:
            return _Answer(Outcome.INFO, error=f"{type(error).__name__}: {error}")
        outcome, why = classify(response.status, response.headers, raw, request_id)
        said = _object(raw)
        return _Answer(outcome, response.status, said.get("epoch"), said.get("region"), said.get("cached"), why)


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object in a body; empty when there is none."""
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def main() -> None:
    """Read the arguments and send the load."""
    parser = argparse.ArgumentParser(description="Open-loop load through the proxy; writes a ledger.")
    parser.add_argument("--url", required=True, help="the proxy")
    parser.add_argument("--run", required=True, help="first part of every id")
    parser.add_argument("--ledger", required=True, type=Path, help="JSON lines are appended here")
    parser.add_argument("--rate-per-s", type=float, default=Load.rate_per_s)
    parser.add_argument("--duration-s", type=float, default=Load.duration_s)
    parser.add_argument("--seed", type=int, default=Load.seed)
    parser.add_argument("--arrivals", type=Arrivals, choices=list(Arrivals), default=Load.arrivals)
    parser.add_argument("--timeout-s", type=float, default=Load.timeout_s)
    asked = parser.parse_args()
    load = Load(asked.run, asked.rate_per_s, asked.duration_s, asked.seed, asked.arrivals, asked.timeout_s)
    with asked.ledger.open("a", buffering=1, encoding="utf-8") as ledger:  # 1: each line is written at its end
        asyncio.run(Client(asked.url, load, ledger).run())


if __name__ == "__main__":
    main()
