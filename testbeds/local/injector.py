"""The fault injector: does one fault to a bed, proves it, and undoes it whatever happens.

A process of its own, so that the end of the orchestrator cannot leave a fault behind. How each fault is done stands in
testbeds/local/mechanisms; signals reach only processes of this bed, each by pid and start time.

    python -m testbeds.local.injector --bed FOLDER --fault NAME --region R --expires-s N --journal FILE
        [--owner-pid PID]

It undoes on SIGTERM, SIGINT or SIGHUP, after `--expires-s`, and when the owner is gone. With `--undo` it injects
nothing and only undoes what an injector that was killed itself has left behind.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from aurops.clock import RealClock
from aurops.errors import AuropsError, ExitCode, OutsideError
from failover.faults import FAULTS, Event, FaultEvent
from testbeds.local import layout, processes
from testbeds.local.layout import REGIONS
from testbeds.local.mechanisms import mechanism

if TYPE_CHECKING:
    from aurops.processes import Process

_EFFECT_LIMIT_S = 5.0
_PROOF_POLL_S = 0.002
_POLL_S = 0.1


class Journal:
    """The injector's journal: JSON lines, each on disk before `note` returns."""

    def __init__(self, path: Path, fault: str, region: str) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._fault = fault
        self._region = region

    def note(
        self,
        event: Event,
        at_s: float,
        *,
        expires_s: float | None = None,
        count: int | None = None,
        reason: str | None = None,
    ) -> None:
        """Append one event."""
        entry = FaultEvent(
            event=event,
            at_s=at_s,
            fault=self._fault,
            region=self._region,
            expires_s=expires_s,
            processes=count,
            reason=reason,
        )
        self._file.write(entry.model_dump_json(exclude_none=True) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())


class Injector:
    """One fault on one region.

    Args:
        place: The bed.
        fault: Its name.
        region: The region that it is to happen to.
        journal: Where every event goes.
    """

    def __init__(self, place: layout.Layout, fault: str, region: str, journal: Journal) -> None:
        self._mechanism = mechanism(fault, region, place)
        self._region = region
        self._journal = journal
        self._clock = RealClock()
        self._struck = False

    def inject(self) -> None:
        """Do it and prove it.

        Raises:
            OutsideError: There was nothing to hit, or it was not seen to be in effect in time.
        """
        self._mechanism.ready()
        at_s = self._clock.now_s()
        deadline_s = at_s + _EFFECT_LIMIT_S
        self._struck = True
        count = self._mechanism.inject()
        self._journal.note(Event.SIGNALLED, at_s, count=count)
        while not self._mechanism.proved():
            if self._clock.now_s() > deadline_s:
                what = f"the fault was not seen to be in effect within {_EFFECT_LIMIT_S:g} s"
                raise OutsideError(what, where=f"region {self._region}")
            self._clock.sleep(_PROOF_POLL_S)
        self._journal.note(Event.EFFECTIVE, self._clock.now_s(), count=count)

    def undo(self, reason: str, *, left_behind: bool = False) -> None:
        """End the fault. Does nothing when nothing was done.

        Args:
            reason: What asked for it.
            left_behind: Another injector did it.

        Raises:
            OutsideError: It could not be ended.
        """
        if self._struck or left_behind:
            try:
                self._journal.note(Event.UNDOING, self._clock.now_s(), reason=reason)
            finally:  # a journal that cannot be written keeps no fault in effect
                self._mechanism.undo()
        self._journal.note(Event.UNDONE, self._clock.now_s(), reason=reason)


def _wait(stop: threading.Event, owner: Process | None, expires_s: float) -> str:
    """Wait for a reason to undo, and name it."""
    clock = RealClock()
    deadline_s = clock.now_s() + expires_s
    while not stop.wait(_POLL_S):
        if owner and processes.state(owner) is None:
            return "the owner is gone"
        if clock.now_s() > deadline_s:
            return "expired"
    return "asked"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Do a fault to a local bed; undo it whatever happens.")
    parser.add_argument("--bed", required=True, type=Path, help="the bed's folder")
    parser.add_argument("--fault", required=True, choices=list(FAULTS))
    parser.add_argument("--region", required=True, choices=REGIONS)
    parser.add_argument("--journal", required=True, type=Path, help="JSON lines are appended here")
    parser.add_argument("--expires-s", type=float, default=60.0, help="undo after so many seconds")
    parser.add_argument("--owner-pid", type=int, help="undo when this process is gone")
    parser.add_argument("--undo", action="store_true", help="inject nothing; undo what was left behind")
    return parser.parse_args()


def _place(folder: Path) -> layout.Layout:
    try:
        return layout.load(folder / "layout.json")
    except OSError as error:
        raise OutsideError(f"there is no bed: {error.strerror}", where=str(folder)) from error


def _run(asked: argparse.Namespace, journal: Journal, stop: threading.Event) -> None:
    injector = Injector(_place(asked.bed), asked.fault, asked.region, journal)
    if asked.undo:
        injector.undo("left behind", left_behind=True)
        return
    owner = processes.identity(asked.owner_pid) if asked.owner_pid else None
    if asked.owner_pid and owner is None:
        raise OutsideError("the owner is gone already; nothing was done", where=f"process {asked.owner_pid}")
    journal.note(Event.ARMED, RealClock().now_s(), expires_s=asked.expires_s)
    reason = "it did not take effect"
    try:
        if not stop.is_set():
            injector.inject()
        reason = _wait(stop, owner, asked.expires_s)
    finally:
        injector.undo(reason)


def main() -> int:
    """Read the arguments, inject, wait, undo."""
    asked = _arguments()
    stop = threading.Event()
    for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(signum, lambda *_: stop.set())
    journal = Journal(asked.journal, asked.fault, asked.region)
    try:
        _run(asked, journal, stop)
    except AuropsError as error:
        journal.note(Event.FAILED, RealClock().now_s(), reason=str(error))
        print(error, file=sys.stderr)  # noqa: T201 - a process of its own: this is its log
        return error.exit_code
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main())
