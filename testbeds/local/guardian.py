"""The one way in which a bed ends: `python -m testbeds.local.guardian --bed ID --folder FOLDER`.

The guardian's standard input is a pipe whose other end only the supervisor holds. When it closes (the supervisor ended,
was idle too long, or was killed), every process of the bed is killed, and its shared memory and folder are removed.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from testbeds.local import processes, segments
from testbeds.local.layout import REGIONS

if TYPE_CHECKING:
    from aurops.processes import Process

_POLL_S = 0.02


def clean(bed: str, folder: Path) -> None:
    """Kill every process of a bed but the caller, then remove its shared memory and its folder. Repeatable."""
    while left := living(bed, folder):
        processes.send(left, signal.SIGKILL)
        time.sleep(_POLL_S)
    for region in REGIONS:
        segments.remove(folder / region / "data")
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(_POLL_S)


def living(bed: str, folder: Path) -> frozenset[Process]:
    """The bed's processes but for the caller; those without a mark are known by a data folder they work in."""
    own = processes.identity(os.getpid())
    places = (folder / region / place for region in REGIONS for place in ("data", "volume"))
    found = processes.find(bed).union(*map(processes.working_in, places))
    return found - {own} if own else found


def main() -> None:
    """Wait for the pipe to close, then clean."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bed", required=True)
    parser.add_argument("--folder", required=True, type=Path)
    arguments = parser.parse_args()
    for ignored in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    sys.stdin.buffer.read()
    clean(arguments.bed, arguments.folder)


if __name__ == "__main__":
    main()
