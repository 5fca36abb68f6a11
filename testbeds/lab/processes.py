"""A process, told apart from a later one that got the same number."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Process:
    """One process of this machine.

    Args:
        pid: Its number.
        start_ticks: When it started, in clock ticks since boot (proc(5), stat field 22).
    """

    pid: int
    start_ticks: int

    def __str__(self) -> str:
        return f"{self.pid}:{self.start_ticks}"

    @classmethod
    def parse(cls, text: str) -> Process:
        """Read what `str()` wrote.

        Raises:
            ValueError: It is not `pid:start`.
        """
        pid, start = text.split(":")
        return cls(int(pid), int(start))

    @classmethod
    def current(cls) -> Process:
        """This process."""
        return cls(os.getpid(), _start_ticks(os.getpid()) or 0)

    def is_alive(self) -> bool:
        """Whether this very process still runs; a zombie does not."""
        return _start_ticks(self.pid) == self.start_ticks


def _start_ticks(pid: int) -> int | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the command in brackets, which may itself hold blanks and brackets.
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else int(fields[18])
