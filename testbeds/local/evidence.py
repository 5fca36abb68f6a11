"""The part of a log that only a former primary has: kept before a rewind destroys it, and counted."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from testbeds.local.postgres import ProgramError, own, run

if TYPE_CHECKING:
    from testbeds.local.layout import Layout

SEGMENT_BYTES = 16 * 1024 * 1024
"""initdb's default."""
READ_S = 30.0


def wal_file(timeline: int, position: int) -> str:
    """Name of the segment file that holds a position (xlog_internal.h, XLogFileName).

    Args:
        timeline: Timeline number.
        position: Position in the log, in bytes.
    """
    segment, per_id = position // SEGMENT_BYTES, 0x100000000 // SEGMENT_BYTES
    return f"{timeline:08X}{segment // per_id:08X}{segment % per_id:08X}"


def forks(history: str) -> dict[int, int]:
    """For each timeline that a history file names: the position, in bytes, at which it was left (timeline.c)."""
    lines = [line.split() for line in history.splitlines() if line.strip() and not line.startswith("#")]
    return {int(line[0]): _bytes(line[1]) for line in lines}


async def keep(layout: Layout, data: Path, history: str, folder: Path) -> int:
    """Copy the log from the fork on, and count the transactions committed in it.

    Args:
        layout: The bed's.
        data: Data folder of the stopped former primary.
        history: The new primary's timeline history file; empty when it has none.
        folder: Where to; made when there is anything to keep.

    Returns:
        Commits that only this database's log has; 0 when its timeline was never left.
    """
    segments = _segments(data)
    if not segments:
        return 0
    timeline = int(max(segments)[:8], 16)
    fork = forks(history).get(timeline)
    if fork is None:
        return 0
    _copy(layout, [data / "pg_wal" / name for name in segments if name >= wal_file(timeline, fork)], folder)
    start = f"{fork >> 32:X}/{fork & 0xFFFFFFFF:X}"
    arguments = [f"--path={folder}", f"--timeline={timeline}", f"--start={start}", "--rmgr=Transaction"]
    try:
        said = await run(layout, "pg_waldump", *arguments, seconds=READ_S)
    except ProgramError as error:  # how it ends at the end of every log, after printing what it found
        said = error.said
    return said.count("desc: COMMIT")


def _segments(data: Path) -> list[str]:
    folder = data / "pg_wal"
    names = [file.name for file in folder.iterdir() if file.is_file()] if folder.is_dir() else []
    return sorted(name for name in names if len(name) == len(wal_file(1, 0)) and "." not in name)


def _copy(layout: Layout, files: list[Path], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    own(layout, folder)
    for file in files:
        own(layout, Path(shutil.copy(file, folder / file.name)))


def _bytes(position: str) -> int:
    high, low = position.split("/")
    return (int(high, 16) << 32) + int(low, 16)
