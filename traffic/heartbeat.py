"""Whether somebody watches a proxy: its watcher says so with each look."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aurops.clock import Clock

WATCHED_S = 2.0
"""A watcher that looks ten times a second and has said nothing for so long is gone, or stands still."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def beat(folder: Path, clock: Clock) -> None:
    """Say that somebody watches. Not synced: what a crash of the machine loses here was no longer true."""
    temporary = folder / ".watched.new"
    temporary.write_text(f"{_boot()} {clock.now_s()}")
    temporary.chmod(0o644)  # whoever steers may be another user, whatever this one's umask
    temporary.replace(folder / "watched")


def is_watched(folder: Path, clock: Clock) -> bool:
    """Whether somebody said so within `WATCHED_S`."""
    with suppress(OSError, ValueError):
        boot, at_s = (folder / "watched").read_text().split()
        return boot == _boot() and 0 <= clock.now_s() - float(at_s) <= WATCHED_S
    return False


def _boot() -> str:
    return _BOOT_ID.read_text().strip()
