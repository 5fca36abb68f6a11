"""Files that are replaced as a whole, for good."""

from __future__ import annotations

import os
import stat
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


ENTERABLE = 0o755
"""Whatever the umask: a proxy's workers are other users than whoever makes its folder."""


def write_durably(file: Path, text: str, *, beside: Path | None = None, mode: int | None = None) -> None:
    """Replace a file at once and for good: after a crash it holds the old text or the new, never a part.

    Args:
        file: What to replace.
        text: What it is to hold; of two who write at once the last wins.
        beside: The folder, on the same file system, in which the new text is written first; None: the file's own.
        mode: Who may do what with it, and its group is its folder's; None: as the umask says.
    """
    with _written(beside or file.parent, file.name, text, mode) as temporary:
        move_durably(temporary, file)


def create_durably(file: Path, text: str, *, mode: int | None = None) -> bool:
    """Write a file for good if there is none; whether it was written. Of two who do so at once one does.

    Raises:
        OSError: It cannot be written, or its file system has no hard links.
    """
    with _written(file.parent, file.name, text, mode) as temporary:
        try:
            file.hardlink_to(temporary)
        except FileExistsError:
            return False
        _sync_folder(file.parent)
        return True


@contextmanager
def _written(folder: Path, name: str, text: str, mode: int | None) -> Iterator[Path]:
    """A file of this thread alone: two that write one at once would else write into each other's text."""
    temporary = folder / f".{name}.{os.getpid()}-{threading.get_ident()}.new"
    try:
        with temporary.open("w", encoding="utf-8") as out:
            if mode is not None:
                share(out.fileno(), folder, mode)
            out.write(text)
            out.flush()
            os.fsync(out.fileno())
        yield temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that lack, so that everybody may enter; those that are there stay as they are.

    Raises:
        OSError: It cannot be made.
    """
    if folder.is_dir():
        return
    make_folder(folder.parent)
    with suppress(FileExistsError):
        folder.mkdir()
        folder.chmod(stat.S_IMODE(folder.stat().st_mode) | ENTERABLE)  # what else it has is of the folder above


def share(opened: int, folder: Path, mode: int) -> None:
    """Give an open file this mode whatever the umask, and the group of its folder; one of somebody else stays."""
    with suppress(OSError):
        os.fchmod(opened, mode)
        os.fchown(opened, -1, folder.stat().st_gid)


def move_durably(source: Path, target: Path) -> None:
    """Move a file over another on the same file system, for good."""
    source.replace(target)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
