"""Numbers per request that outlive whoever writes them: one byte each in a mapped file.

A process that is killed leaves what it had counted: the pages belong to the kernel (mmap(2), MAP_SHARED).
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path


class Tally:
    """One byte for each request, by its number.

    Args:
        file: Made beforehand by `make`.
    """

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as opened:
            self._bytes = mmap.mmap(opened.fileno(), 0)

    @classmethod
    def make(cls, file: Path, requests: int) -> Self:
        """A new one for this many requests (≥ 1), all 0."""
        with file.open("wb") as opened:
            opened.truncate(requests)
        return cls(file)

    def __len__(self) -> int:
        return len(self._bytes)

    def __getitem__(self, number: int) -> int:
        return self._bytes[number]

    def __setitem__(self, number: int, value: int) -> None:
        self._bytes[number] = value

    def add(self, number: int) -> None:
        """Once more; 255 is as far as it goes."""
        self._bytes[number] = min(255, self._bytes[number] + 1)

    def filled(self) -> int:
        """How many at the beginning are not 0."""
        place = self._bytes.find(b"\0")
        return len(self) if place < 0 else place

    def read(self) -> bytes:
        """All of it as it is now."""
        return self._bytes[:]
