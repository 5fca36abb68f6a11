"""Files that are replaced as a whole, for good."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_durably(file: Path, text: str, *, beside: Path | None = None) -> None:
    """Replace a file at once and for good: after a crash it holds the old text or the new, never a part.

    Args:
        file: What to replace.
        text: What it is to hold; of two who write at once the last wins.
        beside: The folder, on the same file system, in which the new text is written first; None: the file's own.
    """
    # Of this thread alone: two that write one file at once would else write into each other's text.
    temporary = (beside or file.parent) / f".{file.name}.{os.getpid()}-{threading.get_ident()}.new"
    try:
        with temporary.open("w", encoding="utf-8") as out:
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        move_durably(temporary, file)
    except OSError:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def move_durably(source: Path, target: Path) -> None:
    """Move a file over another on the same file system, for good."""
    source.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
