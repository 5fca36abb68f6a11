"""Sends the probes of a run: `python -m migration.prober FOLDER`, a process of its own that outlives its runner.

What it sends stands in the folder's `probes.json`, and what came of it in `REGION.jsonl`: a line a second for each kind
(`migration.probe_ledger.Line`). It ends when it is told to, when the file is gone, or at the file's latest moment. Of
two in one folder the second ends. A moment at which it could not send, as its machine stood still, is left out.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import ssl
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

import httpx
from pydantic import BaseModel, ConfigDict

from aurops.clock import RealClock
from aurops.errors import AuropsError, OutsideError
from aurops.processes import Process
from migration.probe_ledger import Line
from migration.probes import RATE_PER_S, READ, TIMEOUT_S, WRITE, Probe, key

FILE, PROCESS, LOCK, LOG = "probes.json", "process", "lock", "log"
LATE_S = 0.5
"""A probe that could not be sent so long after it was due is not sent: it would say how busy this machine is."""
_SKIP = 100
"""How many numbers a process leaves out that goes on where another was killed: those may have been sent."""
_CLOCK = RealClock()


class Task(BaseModel):
    """What is sent.

    Args:
        run: The run.
        until_s: When it ends at the latest, Unix time.
        regions: By name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    until_s: float
    regions: dict[str, Probe]


class Region:
    """Sends one region's probes.

    Args:
        task: The run's.
        name: The region.
        ledger: Where its lines go.
        number: Of the first probe.
    """

    def __init__(self, task: Task, name: str, ledger: IO[str], number: int) -> None:
        probe = task.regions[name]
        self._run, self._name, self._probe, self._ledger, self._number = task.run, name, probe, ledger, number
        self._headers = {
            READ: probe.read.sent(os.environ, name),
            WRITE: {"content-type": "application/json", **probe.write.sent(os.environ, name)},
        }
        verify = ssl.create_default_context(cafile=probe.ca or None)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._in_order = asyncio.Lock()
        self._client = httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, limits=limits, verify=verify)

    async def send(self, stop: asyncio.Event) -> None:
        """Send until told to stop; what was sent by then is still written down."""
        next_s, pending = _CLOCK.now_s(), set[asyncio.Task[None]]()
        while not stop.is_set():
            due, from_s = [], next_s
            for _ in range(RATE_PER_S):
                await _until(next_s, stop)
                if stop.is_set() or _CLOCK.now_s() - next_s > LATE_S:
                    break
                asked = [asyncio.create_task(self._ask(kind, self._number, next_s)) for kind in (READ, WRITE)]
                due.append((self._number, asked))
                self._number += 1
                next_s += 1 / RATE_PER_S
            if due:
                unix_s = from_s + _CLOCK.wall().timestamp() - _CLOCK.now_s()  # anew: somebody may set the clock
                pending.add(asyncio.create_task(self._write(unix_s, due)))
                pending = {each for each in pending if not each.done()}
            if _CLOCK.now_s() - next_s > LATE_S:
                next_s = _CLOCK.now_s()
        await asyncio.gather(*pending)
        await self._client.aclose()

    async def _write(self, from_s: float, due: list[tuple[int, list[asyncio.Task[tuple[float | None, str]]]]]) -> None:
        """Write a line for each kind, once all of its probes are over, and after those that were due before."""
        async with self._in_order:
            for place, kind in enumerate((READ, WRITE)):
                seen = [await asked[place] for _, asked in due]
                took_s, side = tuple(each[0] for each in seen), tuple(each[1] for each in seen)
                line = Line(from_s=round(from_s, 3), kind=kind, took_s=took_s, side=side, last=due[-1][0])
                self._ledger.write(line.model_dump_json() + "\n")
            self._ledger.flush()

    async def _ask(self, kind: str, number: int, due_s: float) -> tuple[float | None, str]:
        """One probe: from when it was due to its answer, and the side that gave it."""
        request = self._probe.write if kind == WRITE else self._probe.read
        url = request.url.replace("{n}", str(number))
        with suppress(httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError):
            async with asyncio.timeout(max(0.001, TIMEOUT_S - (_CLOCK.now_s() - due_s))):
                if kind == READ:
                    answer = await self._client.get(url, headers=self._headers[READ])
                else:
                    body = self._probe.write.body.replace("{n}", str(number))
                    headers = self._headers[WRITE] | key(self._run, self._name, number)
                    answer = await self._client.request(self._probe.write.method, url, content=body, headers=headers)
            took_s = round(_CLOCK.now_s() - due_s, 5) if answer.is_success else None
            return took_s, answer.headers.get(self._probe.side_header, "")
        return None, ""


async def _until(moment_s: float, stop: asyncio.Event) -> None:
    """Sleep; what is under way goes on also when the moment is past."""
    with suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), max(0.001, moment_s - _CLOCK.now_s()))


async def probe(folder: Path, task: Task) -> None:
    """Send all regions' probes until SIGTERM or SIGINT, the file's end, or its latest moment.

    Raises:
        OutsideError: A secret is not there.
    """
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    ledgers = {name: _opened(folder / f"{name}.jsonl") for name in task.regions}
    regions = [
        Region(task, name, ledger, _next(folder / f"{name}.jsonl", task.regions[name].first))
        for name, ledger in ledgers.items()
    ]
    (folder / PROCESS).write_text(str(Process.current()))
    async with asyncio.TaskGroup() as group:
        for region in regions:
            group.create_task(region.send(stop))
        while not stop.is_set() and (folder / FILE).exists() and _CLOCK.wall().timestamp() < task.until_s:
            await _until(_CLOCK.now_s() + 1, stop)
        stop.set()
    for ledger in ledgers.values():
        ledger.close()


def _opened(file: Path) -> IO[str]:
    """A ledger to go on with, on a line of its own: the last one may have been torn."""
    ledger = file.open("a", encoding="utf-8")
    if ledger.tell():
        ledger.write("\n")
    return ledger


def _next(file: Path, first: int) -> int:
    """The number to go on with."""
    with file.open("rb") as ledger:
        ledger.seek(max(0, file.stat().st_size - 20_000))
        for text in reversed(ledger.read().splitlines()):
            with suppress(ValueError):
                return Line.model_validate_json(text).last + _SKIP
    return first


def main() -> None:
    """Send what stands in the folder's file."""
    folder = Path(sys.argv[1])
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            task = Task.model_validate_json((folder / FILE).read_text(encoding="utf-8"))
            asyncio.run(probe(folder, task))
        except BlockingIOError:
            sys.exit("another process sends these probes")
        except (OSError, ssl.SSLError) as error:
            raise SystemExit(str(OutsideError(str(error), where=str(folder)))) from error
        except AuropsError as error:
            raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
