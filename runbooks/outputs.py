"""Files that a command is asked to write: found out to be writable before the work, not after it."""

from __future__ import annotations

from pathlib import Path

from aurops.errors import UsageError

STDOUT = Path("-")


def check_writable(option: str, file: Path | None) -> None:
    """Find out whether a file can be written; leaves none behind. `-` always can.

    Raises:
        UsageError: Nothing can be written there.
    """
    if file is None or file == STDOUT:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        known = file.exists()
        file.open("a").close()
        if not known:
            file.unlink()  # a command that is stopped leaves no empty report
    except OSError as error:
        raise UsageError(f"the report cannot be written: {error.strerror}", where=f"{option} {file}") from error
