"""Which processes belong to a bed or to one of its regions, and signals that reach these and no others.

A process belongs when its environment holds the bed's mark (`AUROPS_BED=<id>`, `AUROPS_REGION=<region>`), or when it
descends from one that does. The second rule is needed: PostgreSQL's children write their title over their argv *and*
environment (`PS_USE_CLOBBER_ARGV` in src/backend/utils/misc/ps_status.c), so `/proc/PID/environ` of a backend is empty.
A child that outlived its parent has lost both marks and is still known by its working folder inside the bed's.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

from aurops.processes import Process, read_stat

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BED_MARK = "AUROPS_BED"
REGION_MARK = "AUROPS_REGION"


def identity(pid: int) -> Process | None:
    """The process that has this pid now; None when there is none."""
    stat = read_stat(pid)
    return stat.process if stat else None


def state(process: Process) -> str | None:
    """Its state letter (R, S, D, T …; proc_pid_stat(5)), or None when it is gone or only a zombie is left."""
    stat = read_stat(process.pid)
    if stat is None or stat.process != process or not stat.alive:
        return None
    return stat.state


def arguments(process: Process) -> frozenset[str]:
    """Its command line's words; empty when it is gone."""
    try:
        return frozenset(Path(f"/proc/{process.pid}/cmdline").read_text(errors="replace").split("\0"))
    except OSError:
        return frozenset()


def find(bed: str, region: str | None = None, *, folder: Path | None = None) -> frozenset[Process]:
    """Every living process of a bed, or of one region of it.

    Args:
        bed: The bed's id.
        region: Only this region's; None means all of the bed, the caller included when it is marked.
        folder: The bed's folder (or the region's): whatever works inside it counts too.
    """
    marks = [f"{BED_MARK}={bed}"] + ([f"{REGION_MARK}={region}"] if region else [])
    return _find(lambda pid: _carries(pid, marks) or (folder is not None and _works_in(pid, folder)))


def working_in(folder: Path) -> frozenset[Process]:
    """Every living process that works in a folder, or descends from one that does."""
    return _find(lambda pid: _works_in(pid, folder))


def _find(belongs: Callable[[int], bool]) -> frozenset[Process]:
    stats = {stat.process.pid: stat for stat in map(read_stat, _pids()) if stat and stat.alive}
    found = {pid for pid in stats if belongs(pid)}
    children: dict[int, list[int]] = {}
    for pid, stat in stats.items():
        children.setdefault(stat.parent, []).append(pid)
    todo = list(found)
    while todo:
        new = [child for child in children.get(todo.pop(), ()) if child not in found]
        found.update(new)
        todo += new
    return frozenset(stats[pid].process for pid in found)


def send(processes: Iterable[Process], signum: signal.Signals) -> int:
    """Send a signal to exactly these processes; returns how many were reached.

    A pid that was given to another process in the meantime is left alone: the signal goes through a pidfd, opened
    before the start time is compared (pidfd_open(2)).
    """
    return sum(_send(process, signum) for process in processes)


def _send(process: Process, signum: signal.Signals) -> bool:
    try:
        handle = os.pidfd_open(process.pid)
    except ProcessLookupError:
        return False
    try:
        if identity(process.pid) != process:
            return False
        signal.pidfd_send_signal(handle, signum)
    except ProcessLookupError:
        return False
    finally:
        os.close(handle)
    return True


def _pids() -> Iterable[int]:
    return (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())


def _carries(pid: int, marks: list[str]) -> bool:
    try:
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:  # gone, or another user's: not ours
        return False
    return all(mark.encode() in environment for mark in marks)


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink().is_relative_to(folder)
    except OSError:
        return False
