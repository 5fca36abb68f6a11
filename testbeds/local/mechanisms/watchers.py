"""Faults of the watch itself: its store, its clock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from aurops.errors import OutsideError, UsageError
from aurops.store import StoreError, open_store
from testbeds.local import watcher

if TYPE_CHECKING:
    from testbeds.local.layout import Layout

_JUMP_S = 3600.0


class StoreLost:
    """The watch's store is moved away, and a file stands in its place.

    Args:
        place: The bed.
    """

    def __init__(self, place: Layout) -> None:
        self._store = Path(place.folder, watcher.STORE)
        self._away = self._store.with_suffix(".away")

    def ready(self) -> None:
        """There is such a store."""
        if not self._store.is_dir():
            raise OutsideError("the watch has no store yet", where=str(self._store))

    def inject(self) -> int:
        """Move it away."""
        self._store.rename(self._away)
        self._store.touch()
        return 1

    def proved(self) -> bool:
        """It can be neither opened nor read."""
        try:
            open_store(self._store.as_uri()).keys("lease")
        except (StoreError, UsageError):  # a file is no store at all
            return True
        return False

    def undo(self) -> None:
        """Bring it back."""
        if self._away.exists():
            self._store.unlink(missing_ok=True)
            self._away.rename(self._store)


class ClockJump:
    """The clock that the watch reads jumps an hour ahead, as after a machine slept.

    Args:
        place: The bed.
    """

    def __init__(self, place: Layout) -> None:
        self._folder = Path(place.folder)

    def ready(self) -> None:
        """There is a watch whose clock can jump."""
        if not Path(self._folder, watcher.STORE).is_dir():
            raise OutsideError("there is no watch yet", where=str(self._folder))

    def inject(self) -> int:
        """Let it jump."""
        (self._folder / watcher.SEEN).unlink(missing_ok=True)
        (self._folder / watcher.SKEW).write_text(str(_JUMP_S))
        return 1

    def proved(self) -> bool:
        """The watch has read the other time."""
        seen = self._folder / watcher.SEEN
        return seen.exists() and seen.read_text() == str(_JUMP_S)

    def undo(self) -> None:
        """Whoever begins to watch from now on has the right time; a clock that jumped does not jump back."""
        (self._folder / watcher.SKEW).unlink(missing_ok=True)
