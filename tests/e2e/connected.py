"""`aurops` as a process of its own whose ports are connected: data that is equal, writes to V10 that stop when told.

python -m tests.e2e.connected runs resume RUN --wait

What else it does is said by its environment: see `Told`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurops.clock import RealClock
from aurops.gates import steps, waiting
from aurops.journal import Journal
from aurops.plan import Answer, Observation
from aurops.ports import Comparison, Drained, Ports, Side, not_connected
from migration.playbook import CutoverPlaybook
from migration.rehearsals import KIND
from runbooks import cutover
from runbooks.cli import main
from traffic import folder

if TYPE_CHECKING:
    from collections.abc import Mapping

CLOCK = RealClock()
SHORT_S = 0.2


class Told(StrEnum):
    """What the environment of such a process says."""

    FENCED = "CONNECTED_FENCED"
    """The file that says that writes to V10 were stopped: whoever takes the run up knows it, too."""
    SHORT = "CONNECTED_SHORT"
    """It looks at shut gates after `SHORT_S`."""
    DIES = "CONNECTED_DIES"
    """Where it kills itself, as `Point` and which: `record 17`."""


class Point(StrEnum):
    """Where a process kills itself, at the N-th time."""

    RECORD = "record"
    """A record is durable, in whichever journal, and nothing has followed."""
    OWN = "own"
    """A record of the run's own journal is durable."""
    EFFECT = "effect"
    """A call that is no look at gates has had its effect, and its result is not written."""
    WRITTEN = "written"
    """A proxy's steering file is in place, and the proxy was not told."""


class Data:
    """Data that is always equal; writes to V10 are stopped when told, for whoever has the file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def fenced(self) -> bool:
        """Whether writes to V10 are stopped."""
        return self._file.exists()

    def equal(self, timeout_s: float) -> Observation[Comparison]:
        """One record is."""
        del timeout_s
        return Observation(Comparison(equal=1), CLOCK.now_s(), "the test")

    def fence(self, side: Side, epoch: int, timeout_s: float) -> Answer:
        """Noted."""
        assert (side, bool(epoch), bool(timeout_s)) == (Side.V10, True, True)
        self._file.touch()
        return Answer()

    def drained(self, side: Side, timeout_s: float) -> Observation[Drained]:
        """Nothing is left once it was fenced."""
        del timeout_s
        return Observation(Drained(side, 0 if self.fenced else 1), CLOCK.now_s(), "the test")


def connected(data: Data) -> Ports:
    """All ports that a cutover needs."""
    nothing = not_connected(CLOCK)
    return Ports(data, nothing.lag, nothing.unsynced, data, data, nothing.judge)


def die_at(point: Point, number: int) -> None:
    """From now on this process ends itself by SIGKILL there."""
    lock, left = threading.Lock(), [number]

    def count(here: Point) -> None:
        with lock:
            left[0] -= here is point
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    append, call, write = Journal.append, CutoverPlaybook.call, folder.write_durably

    def appending(journal: Journal, *given: Any, **more: Any) -> Any:
        record = append(journal, *given, **more)
        count(Point.RECORD)
        if f"-{KIND}-" not in journal.run:
            count(Point.OWN)
        return record

    def calling(playbook: CutoverPlaybook, step: Any, epoch: int) -> Any:
        answer = call(playbook, step, epoch)
        if step.action != steps.ACTION:
            count(Point.EFFECT)
        return answer

    def writing(file: Path, text: str, **more: Any) -> None:
        write(file, text, **more)
        if more.get("beside"):  # what steers, and nothing else, is written beside its own folder
            count(Point.WRITTEN)

    Journal.append = appending  # type: ignore[method-assign]
    CutoverPlaybook.call = calling  # type: ignore[method-assign]
    folder.write_durably = writing


def obey(env: Mapping[str, str]) -> None:
    """Do what an environment says."""
    ports = connected(Data(Path(env[Told.FENCED])))
    cutover.not_connected = lambda _: ports  # type: ignore[assignment]
    if Told.SHORT in env:
        waiting._PEOPLE_S = waiting._CHECK_S = SHORT_S
    if Told.DIES in env:
        point, _, number = env[Told.DIES].partition(" ")
        die_at(Point(point), int(number))


if __name__ == "__main__":
    obey(os.environ)
    main(sys.argv[1:])
