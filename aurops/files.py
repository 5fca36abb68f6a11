"""Files that are replaced as a whole, for good."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_durably(file: Path, text: str, *, beside: Path | None = None) -> None:
    """Replace a file at once and for good: after a crash it holds the old text or the new, never a part.

    Args:
        file: What to replace.
        text: What it is to hold.
        beside: The folder, on the same file system, in which the new text is written first; None: the file's own.
    """
    temporary = (beside or file.parent) / f".{file.name}.new"
    with temporary.open("w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    move_durably(temporary, file)


def move_durably(source: Path, target: Path) -> None:
    """Move a file over another on the same file system, for good."""
    source.replace(target)
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
