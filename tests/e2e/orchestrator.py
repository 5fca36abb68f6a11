"""An aurops command that stops itself at a chosen point of a chosen call, as a crash or a pause would.

python -m tests.e2e.orchestrator POINT STEP SIGNAL COMMAND…
"""

from __future__ import annotations

import os
import signal
import sys
from enum import StrEnum
from typing import Any

from aurops.journal import Journal, RecordKind
from failover import playbook
from runbooks.cli import main


class Point(StrEnum):
    """Where in a call."""

    BEFORE_INTENT = "before the intent"
    AFTER_INTENT = "after the intent"
    AFTER_EFFECT = "after the side effect"
    AFTER_RESULT = "after the result"


def stop_at(point: Point, step: str, signum: signal.Signals) -> None:
    """From now on this process sends itself the signal there, once."""
    struck: list[bool] = []

    def strike(here: Point, name: object) -> None:
        if (here, name) == (point, step) and not struck:
            struck.append(True)
            os.kill(os.getpid(), signum)

    append, command = Journal.append, playbook.command

    def appending(journal: Journal, kind: RecordKind, data: Any, **more: Any) -> Any:
        if kind is RecordKind.INTENT:
            strike(Point.BEFORE_INTENT, data["step"])
        record = append(journal, kind, data, **more)
        if kind is RecordKind.INTENT:
            strike(Point.AFTER_INTENT, data["step"])
        if kind is RecordKind.RESULT:
            strike(Point.AFTER_RESULT, data["step"])
        return record

    def commanding(target: Any, step: Any, epoch: int) -> Any:
        try:
            return command(target, step, epoch)
        finally:
            strike(Point.AFTER_EFFECT, step.name)

    Journal.append = appending  # type: ignore[method-assign]
    playbook.command = commanding


if __name__ == "__main__":
    stop_at(Point(sys.argv[1]), sys.argv[2], signal.Signals[sys.argv[3]])
    main(sys.argv[4:])
