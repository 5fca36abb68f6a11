"""Reading what the clients wrote down: requests with their outcomes, one JSON line each.

The client is outside the regions under test and goes through the real traffic path; its file is the only evidence
that RTO and RPO are computed from (failover/measurement.py). All times are seconds of CLOCK_BOOTTIME.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from aurops.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


class Outcome(StrEnum):
    """How a request ended, as far as its client can know."""

    OK = "ok"
    """Acknowledged: the service said that the write is committed."""
    FAIL = "fail"
    """Certainly not executed: refused before anything was done."""
    INFO = "info"
    """Not known: a time-out, a reset, any answer that does not settle it."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One request.

    Args:
        id: Unique over all runs.
        intended_s: When the load schedule wanted it sent; latencies count from here, so that a client that is held up
            cannot hide waiting time (coordinated omission).
        sent_s: When it was sent.
        end_s: When the client knew the outcome.
        outcome: `ok`, `fail` or `info`.
        status: HTTP status, if an answer came.
        epoch: Epoch that the answer named.
        region: Region that the answer named.
        cached: Whether the service also wrote it to its cache; None when the answer did not say.
        error: What went wrong, for people.
    """

    id: str
    intended_s: float
    sent_s: float
    end_s: float
    outcome: Outcome
    status: int | None = None
    epoch: int | None = None
    region: str | None = None
    cached: bool | None = None
    error: str | None = None

    @property
    def latency_s(self) -> float:
        """Seconds from the intended send time to the end."""
        return self.end_s - self.intended_s

    @property
    def is_ok(self) -> bool:
        """Whether it was acknowledged."""
        return self.outcome is Outcome.OK


_ENTRY = TypeAdapter(Entry)


@dataclass(frozen=True, slots=True)
class Ledger:
    """All requests of a file, in the order in which they ended.

    Args:
        entries: The requests.
        torn_lines: 1 when the last line was cut short (the client was killed while it wrote), else 0.
    """

    entries: tuple[Entry, ...]
    torn_lines: int = 0


def parse(text: str, *, where: str = "ledger") -> Ledger:
    """Read the lines of a client's ledger.

    Args:
        text: The file's content. A last line without its end, or cut short, is counted and left out.
        where: The file's name, for errors.

    Raises:
        OutsideError: Any other line is broken, or an id occurs twice: such a file is no evidence.
    """
    lines = text.split("\n")
    unended = lines.pop()
    entries = [_entry(line, f"{where}, line {number}") for number, line in enumerate(lines, start=1)]
    _refuse_doubles(entries, where)
    return Ledger(tuple(entries), torn_lines=1 if unended else 0)


def read(path: Path) -> Ledger:
    """Read a client's ledger from its file; a file that is not there yet is an empty ledger.

    Raises:
        OutsideError: The file is broken (see `parse`) or cannot be read.
    """
    try:
        return parse(path.read_text(encoding="utf-8", errors="replace"), where=str(path))
    except FileNotFoundError:
        return Ledger(())
    except OSError as error:
        raise OutsideError(f"the ledger cannot be read: {error.strerror}", where=str(path)) from error


class Tail:
    """What a client appends while it runs, read piece by piece: for showing it live. A verdict comes from `read`.

    Args:
        path: The ledger; it need not exist yet, or any more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0

    def new(self) -> tuple[Entry, ...]:
        """The requests that have ended since the last call.

        Raises:
            OutsideError: A line is broken.
        """
        try:
            with self._path.open("rb") as file:
                file.seek(self._read_bytes)
                whole, end, _unended = file.read().rpartition(b"\n")
        except FileNotFoundError:
            return ()
        self._read_bytes += len(whole) + len(end)
        return tuple(_entry(text, str(self._path)) for text in whole.decode(errors="replace").splitlines())


def line(entry: Entry) -> str:
    """The ledger line of a request, with its end of line."""
    return _ENTRY.dump_json(entry).decode() + "\n"


def _entry(text: str, where: str) -> Entry:
    try:
        return _ENTRY.validate_json(text)
    except ValidationError as error:
        raise OutsideError(
            "a line of the ledger is broken, so it is no evidence of what clients saw",
            where=where,
            next_step="run the drill again; keep this file if the disk is in doubt",
        ) from error


def _refuse_doubles(entries: Iterable[Entry], where: str) -> None:
    seen: set[str] = set()
    for entry in entries:
        if entry.id in seen:
            raise OutsideError(f"the ledger names request {entry.id!r} twice", where=where)
        seen.add(entry.id)
