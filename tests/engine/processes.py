"""What runs, and when it has stopped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from aurops.clock import RealClock

if TYPE_CHECKING:
    from collections.abc import Callable


def wait_until(condition: Callable[[], bool], *, within_s: float = 30.0) -> None:
    """Poll a condition; fail when it does not come true in time."""
    clock = RealClock()
    deadline_s = clock.now_s() + within_s
    while not condition():
        assert clock.now_s() < deadline_s, "it did not come true in time"
        clock.sleep(0.02)


def processes_of(folder: Path) -> dict[int, str]:
    """Command line by pid of every process that runs in a lab's environment."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                if f"AUROPS_LAB={folder}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
    return found


def server_of(folder: Path, cloud: str) -> int:
    """Pid of a lab's server of one cloud: `aws`."""
    (found,) = (pid for pid in processes_of(folder) if name_of(pid) == f"lab {cloud}")
    return found


def name_of(pid: int) -> str:
    """What a process calls itself; nothing if it has ended meanwhile."""
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
