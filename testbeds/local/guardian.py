"""The one way in which a bed ends: `python -m testbeds.local.guardian --bed ID --folder FOLDER`.

The guardian's standard input is a pipe whose other end only the supervisor holds. When it closes (the supervisor ended,
was idle too long, or was killed), every process of the bed is killed, and its shared memory and folder are removed.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from testbeds.local import processes
from testbeds.local.layout import REGIONS

_POLL_S = 0.02
_IPC_RMID = 0  # sys/ipc.h
_SEGMENT_LINE = 6  # LOCK_FILE_LINE_SHMEM_KEY of PostgreSQL's pidfile.h, counted from 0


def clean(bed: str, folder: Path) -> None:
    """Kill every process of a bed but the caller, then remove its shared memory and its folder. Repeatable."""
    while left := living(bed, folder):
        processes.send(left, signal.SIGKILL)
        time.sleep(_POLL_S)
    for region in REGIONS:
        remove_segment(folder / region / "data")
    while folder.exists():
        shutil.rmtree(folder, ignore_errors=True)
        time.sleep(_POLL_S)


def living(bed: str, folder: Path) -> frozenset[processes.Process]:
    """The bed's processes but for the caller; those without a mark are known by a data folder they work in."""
    own = processes.identity(os.getpid())
    found = processes.find(bed).union(*(processes.find(bed, folder=folder / region / "data") for region in REGIONS))
    return found - {own} if own else found


def remove_segment(data: Path) -> None:
    """Remove the System V segment that a killed PostgreSQL has left, if it is still there and nobody is attached.

    Args:
        data: PostgreSQL's data folder; its postmaster.pid names the segment by key and id.
    """
    try:
        key, segment = (data / "postmaster.pid").read_text().splitlines()[_SEGMENT_LINE].split()
        table = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    except (OSError, IndexError, ValueError):
        return  # no segment was ever named, or this kernel has none
    # Columns: key, id, …, number of processes attached (ipc/shm.c, sysvipc_shm_proc_show).
    if any(line[:2] == [key, segment] and line[6] == "0" for line in table):
        ctypes.CDLL(None).shmctl(int(segment), _IPC_RMID, None)


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
