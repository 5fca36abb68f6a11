"""Kills engines of a lab."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.engine.processes import processes_of, wait_until


def engines(folder: Path) -> list[int]:
    """The running `pulumi` processes of a lab."""
    return [pid for pid, command in processes_of(folder).items() if Path(command.split(" ")[0]).name == "pulumi"]


def kill_engines(folder: Path) -> None:
    """`kill -9` of a lab's engines, those that start meanwhile included; returns when none is left."""

    def none_left() -> bool:
        found = engines(folder)
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return not found

    wait_until(none_left)
