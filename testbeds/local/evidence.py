"""The part of a log that only a former primary has: kept before a rewind destroys it, and listed."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from testbeds.local.postgres import STANDBY_SIGNAL, SUPERUSER, ProgramError, own, run

if TYPE_CHECKING:
    from testbeds.local.layout import Layout

SEGMENT_BYTES = 16 * 1024 * 1024
"""initdb's default."""
READ_S = 30.0
_COMMIT = re.compile(r"tx: +(\d+), lsn: ([0-9A-F]+/[0-9A-F]+),.* desc: COMMIT ([^;\n]+)")
_ROWS_OF = "SELECT json_build_object('xid', xmin::text, 'id', id) AS row FROM ledger WHERE xmin::text::bigint IN "
_ROW = re.compile(r'row = "(.*)"\t\(typeid')
"""How a single-user server prints a column (printtup.c, debugtup)."""


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


@dataclass(frozen=True, slots=True)
class OnlyHere:
    """A transaction that only a former primary's log has.

    Args:
        xid: Its number.
        at: When it was committed, by that server's clock.
        lsn: Position of its commit in the log.
        ledger_ids: The rows that it wrote into the ledger; None: they could not be read.
    """

    xid: int
    at: str
    lsn: str
    ledger_ids: tuple[str, ...] | None = None


async def keep(layout: Layout, data: Path, history: str, folder: Path) -> tuple[OnlyHere, ...]:
    """Copy the log from the fork on, and list the transactions committed in it, here and in `transactions.json`.

    Nothing is merged: whether such a write is wanted is for people to say.

    Args:
        layout: The bed's.
        data: Data folder of the stopped former primary.
        history: The new primary's timeline history file; empty when it has none.
        folder: Where to; made when there is anything to keep.

    Returns:
        What was committed in this database's log only; empty when its timeline was never left.
    """
    segments = _segments(data)
    if not segments:
        return ()
    timeline = int(max(segments)[:8], 16)
    fork = forks(history).get(timeline)
    if fork is None:
        return ()
    _copy(layout, [data / "pg_wal" / name for name in segments if name >= wal_file(timeline, fork)], folder)
    start = f"{fork >> 32:X}/{fork & 0xFFFFFFFF:X}"
    arguments = [f"--path={folder}", f"--timeline={timeline}", f"--start={start}", "--rmgr=Transaction"]
    try:
        said = await run(layout, "pg_waldump", *arguments, seconds=READ_S)
    except ProgramError as error:  # how it ends at the end of every log, after printing what it found
        said = error.said
    found = commits(said)
    rows = await _ledger_rows(layout, data, folder / "copy", [each.xid for each in found]) if found else {}
    whole = tuple(replace(each, ledger_ids=None if rows is None else rows.get(each.xid, ())) for each in found)
    _list(folder).write_text(json.dumps([asdict(each) for each in whole], indent=1))
    return whole


def kept(folder: Path) -> tuple[OnlyHere, ...]:
    """What `keep` has listed in this folder; empty when it never did."""
    if not _list(folder).exists():
        return ()
    raw = json.loads(_list(folder).read_text())
    return tuple(OnlyHere(**{**each, "ledger_ids": each["ledger_ids"] and tuple(each["ledger_ids"])}) for each in raw)


def _list(folder: Path) -> Path:
    return folder / "transactions.json"


def commits(said: str) -> tuple[OnlyHere, ...]:
    """The commits that pg_waldump printed (xactdesc.c)."""
    return tuple(OnlyHere(int(match[1]), match[3], match[2]) for match in _COMMIT.finditer(said))


async def _ledger_rows(layout: Layout, data: Path, copy: Path, xids: list[int]) -> dict[int, tuple[str, ...]] | None:
    """The ledger's rows by the transaction that wrote them, read in a copy after its recovery; None: unreadable.

    A single-user server recovers the copy, listens nowhere and ends with its input. What is copied stays as it was.
    """
    numbers = ", ".join(map(str, xids))
    query = f"{_ROWS_OF}({numbers}) ORDER BY at\n"
    memory = ("-c", "shared_memory_type=mmap", "-c", "dynamic_shared_memory_type=mmap")
    try:
        await asyncio.to_thread(_clone, layout, data, copy)
        said = await run(
            layout, "postgres", "--single", "-D", str(copy), *memory, SUPERUSER, seconds=READ_S, asked=query
        )
    except (ProgramError, OSError):
        return None
    finally:
        shutil.rmtree(copy, ignore_errors=True)
    if "ERROR:" in said:  # it goes on, and exits with 0
        return None
    rows: dict[int, tuple[str, ...]] = {}
    for match in _ROW.finditer(said):
        row = json.loads(match[1])
        rows[int(row["xid"])] = (*rows.get(int(row["xid"]), ()), str(row["id"]))
    return rows


def _clone(layout: Layout, data: Path, copy: Path) -> None:
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(data, copy, ignore=shutil.ignore_patterns("postmaster.pid", STANDBY_SIGNAL))
    for path in (copy, *copy.rglob("*")):
        own(layout, path)


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
