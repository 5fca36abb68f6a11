"""A process of this machine, told apart from a later one that got the same number; read from /proc."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_DEAD = "ZX"  # zombie, dead (proc_pid_stat(5))
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """What the kernel calls this boot of it: random, new at each boot, the same in all of its containers (random(4)).

    systemd-nspawn(1) is the exception: it gives each of its containers one of its own.

    Raises:
        OSError: It cannot be read: another system than Linux, or a /proc that is hidden or not all there.
    """
    return BOOT_ID.read_text().strip()


@dataclass(frozen=True, slots=True)
class Process:
    """One process.

    Args:
        pid: Its number.
        start_ticks: When it started, in clock ticks since boot (proc_pid_stat(5), field 22).
    """

    pid: int
    start_ticks: int

    def __str__(self) -> str:
        return f"{self.pid}:{self.start_ticks}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str()` wrote.

        Raises:
            ValueError: It is not `pid:start`.
        """
        pid, start = text.split(":")
        return cls(int(pid), int(start))

    @classmethod
    def current(cls) -> Process:
        """This process."""
        stat = read_stat(os.getpid())
        return stat.process if stat else cls(os.getpid(), 0)

    def is_alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        stat = read_stat(self.pid)
        return stat is not None and stat.process == self and stat.alive


@dataclass(frozen=True, slots=True)
class Stat:
    """What /proc says of a pid now.

    Args:
        process: The process that has the pid.
        state: Its state letter: R, S, D, T, Z …
        parent: Its parent's pid.
        name: File name of its program, cut to 15 characters.
    """

    process: Process
    state: str
    parent: int
    name: str

    @property
    def alive(self) -> bool:
        """Whether more than a zombie is left of it."""
        return self.state not in _DEAD


def read_stat(pid: int) -> Stat | None:
    """What /proc says of a pid; None when it is gone or hidden from this user (mount option hidepid)."""
    try:
        # The name in field 2 may hold blanks and brackets: fields count from the last bracket on.
        head, _, tail = Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")
    except OSError:
        return None
    fields = tail.split()
    return Stat(Process(pid, int(fields[19])), fields[0], int(fields[1]), head.partition("(")[2])


def started_s(process: Process) -> float:
    """When a process started: seconds since the epoch on this machine's clock as it is set now, to about a second."""
    lines = Path("/proc/stat").read_text().splitlines()
    booted_s = next(int(line.split()[1]) for line in lines if line.startswith("btime "))
    return booted_s + process.start_ticks / os.sysconf("SC_CLK_TCK")
