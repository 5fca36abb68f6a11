"""Trials of a driver under load, judged by ledger and tallies: a migration there and back, and a V11 that dies."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aurops.clock import RealClock
from aurops.errors import OutsideError
from testbeds.local.steering.bed import OLD, SIDES
from testbeds.local.steering.load import USERS, Kind, Outcome
from testbeds.local.steering.tally import Tally
from traffic.driver import TOTAL_WEIGHT, Drained, Steering

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from testbeds.local.steering.bed import Bed

NEW = "v11"
STEPS = (0, 100, 500, 1_000, 2_500, 5_000, 7_500, TOTAL_WEIGHT, 0)
"""V11's weights, in order."""
CONNECTIONS = 64
SOCKETS = 8
STALLED_S = 60.0
_CLOCK = RealClock()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a trial showed.

    Args:
        sent: Requests.
        failed: Of each kind: those that were not acknowledged.
        lost: Writes that were acknowledged and not executed.
        twice: Requests that were executed more than once, on all sides together.
        moved_back: Users who were at V11 and, while its weight grew, at another side after that.
        by_side: Answers by side.
        dropped: WebSockets that ended without a close frame.
        closed: WebSockets that were closed, by code.
        silence_s: The longest time without an acknowledgement.
        seconds: The whole load.
    """

    sent: int
    failed: dict[str, int]
    lost: int
    twice: int
    moved_back: int
    by_side: dict[str, int]
    dropped: int
    closed: dict[str, int]
    silence_s: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Stepped:
    """A migration there and back.

    Args:
        verdict: Of the whole load.
        shift_s: How long each change of weights took to be in effect.
        drained: V10's drain at the end, with all weight at V11.
    """

    verdict: Verdict
    shift_s: tuple[float, ...]
    drained: Drained


@dataclass(frozen=True, slots=True)
class Died:
    """A V11 that died at 100% and came back.

    Args:
        verdict: Of the whole load.
        under_way: Requests without an answer when it was killed.
        latched_s: From the kill to the latch.
        executed_after: What V11 executed after it came back.
    """

    verdict: Verdict
    under_way: int
    latched_s: float
    executed_after: int


def migrate(bed: Bed, requests: int, *, spread_s: float = 2.0) -> Stepped:
    """POSTs through all steps there and back, WebSockets open throughout; then V10 drained."""
    epoch, took_s, grown = bed.driver.observe().steering.epoch, [], requests
    with _load(bed, (Kind.POST,)) as run:
        for place, weight in enumerate(STEPS):
            run.until(place * requests // len(STEPS))
            if place == len(STEPS) - 1:
                grown = run.sent
            began_s = _CLOCK.now_s()
            bed.driver.shift(_all(weight, epoch))
            took_s.append(_CLOCK.now_s() - began_s)
        run.until(requests)
        bed.driver.shift(_all(TOTAL_WEIGHT, epoch))
        drained = bed.driver.drain(OLD, epoch, spread_s=spread_s, wait_s=spread_s + 5)
        back_by_s = _CLOCK.now_s() + 5
        while drained.reconnected < drained.closed and _CLOCK.now_s() < back_by_s:
            drained = bed.driver.drain(OLD, epoch, spread_s=spread_s, wait_s=0)
            _CLOCK.sleep(0.05)
        result = run.finish()
    return Stepped(_judge(bed, (Kind.POST,), result, grown), tuple(took_s), drained)


def kill(bed: Bed, requests: int, kinds: tuple[Kind, ...]) -> Died:
    """V11 dies at 100% after a third of the requests, and comes back after the second third."""
    bed.driver.shift(_all(TOTAL_WEIGHT, bed.driver.observe().steering.epoch))
    with _load(bed, kinds) as run:
        run.until(requests // 3)
        under_way = run.ledger.read().count(Outcome.UNDER_WAY)
        killed_s = _CLOCK.now_s()
        bed.kill(NEW)
        while bed.driver.latch() is None:
            _CLOCK.sleep(0.002)
        latched_s = _CLOCK.now_s() - killed_s
        before = sum(bed.executed(NEW))
        run.until(requests // 3 * 2)
        bed.start(NEW)
        bed.await_health(NEW)
        run.until(requests)
        result = run.finish()
    return Died(_judge(bed, kinds, result, 0), under_way, latched_s, sum(bed.executed(NEW)) - before)


def _all(weight: int, epoch: int) -> Steering:
    return Steering({NEW: weight, OLD: TOTAL_WEIGHT - weight, "baseline": 0}, epoch)


@dataclass
class _Run:
    """A load that runs."""

    process: subprocess.Popen[bytes]
    ledger: Tally
    result: Path

    @property
    def sent(self) -> int:
        """Requests so far: they are sent in order."""
        return self.ledger.filled()

    def until(self, sent: int) -> None:
        """Return when so many requests were sent.

        Raises:
            OutsideError: The load ended, or stands still.
        """
        last, moved_s = -1, _CLOCK.now_s()
        while (now := self.sent) < sent:
            if now != last:
                last, moved_s = now, _CLOCK.now_s()
            if self.process.poll() is not None or _CLOCK.now_s() - moved_s > STALLED_S:
                raise OutsideError(f"The load stands still at {now} of {sent}.", where=str(self.process.args))
            _CLOCK.sleep(0.005)

    def finish(self) -> dict[str, Any]:
        """Have it end, and say what it saw."""
        while Outcome.UNDER_WAY in self.ledger.read() and self.process.poll() is None:
            _CLOCK.sleep(0.01)
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(STALLED_S)
        said: dict[str, Any] = json.loads(self.result.read_text())
        return said


@contextmanager
def _load(bed: Bed, kinds: tuple[Kind, ...]) -> Iterator[_Run]:
    ledger = bed.folder / "ledger"
    tally = Tally.make(ledger, len(Tally(bed.folder / OLD)))
    Tally.make(bed.folder / "answered", len(tally))
    files = [f"--ledger={ledger}", f"--answered={bed.folder / 'answered'}", f"--sides={','.join(SIDES)}"]
    counts = [f"--connections={CONNECTIONS}", f"--sockets={SOCKETS}", "--until-told"]
    command = [sys.executable, "-m", "testbeds.local.steering.load", f"--port={bed.port}", *files, *counts]
    result = bed.folder / "result"
    process = subprocess.Popen([*command, f"--kinds={','.join(kinds)}", f"--result={result}"])
    try:
        yield _Run(process, tally, result)
    finally:
        process.kill()
        process.wait()


def _judge(bed: Bed, kinds: tuple[Kind, ...], result: dict[str, Any], grown: int) -> Verdict:
    """What ledger and tallies say; users are followed over the first `grown` requests."""
    ledger, answered = (Tally(bed.folder / name).read() for name in ("ledger", "answered"))
    executed = bed.executed()
    failed = dict.fromkeys(kinds, 0)
    lost = 0
    for number, outcome in enumerate(ledger):
        kind = kinds[number % len(kinds)]
        failed[kind] += outcome != Outcome.ACKNOWLEDGED
        lost += kind is not Kind.GET and outcome == Outcome.ACKNOWLEDGED and executed[number] == 0
    return Verdict(
        sent=len(ledger) - ledger.count(Outcome.NOT_SENT),
        failed={str(kind): count for kind, count in failed.items()},
        lost=lost,
        twice=sum(count > 1 for count in executed),
        moved_back=_moved_back(answered[:grown]),
        by_side={name: answered.count(place) for place, name in enumerate(SIDES, start=1)},
        dropped=result["dropped"],
        closed=result["closed"],
        silence_s=result["longest_silence_s"],
        seconds=result["seconds"],
    )


def _moved_back(answered: bytes) -> int:
    new = SIDES.index(NEW) + 1
    arrived: set[int] = set()
    back: set[int] = set()
    for number, side in enumerate(answered):
        user = number % USERS
        if side == new:
            arrived.add(user)
        elif side and user in arrived:
            back.add(user)
    return len(back)
