"""What was recorded and brought up of earlier revisions, kept on disk: safe for commands side by side and for kills.

    CACHE/baselines/KEY/lock          locked while somebody writes (alone) or copies (together)
                        entry.json    what there is, with a checksum of every file; replaced in one move
                        lab-N/        state and world of a lab in which stacks are up
    CACHE/scratch/NAME/lock           locked by the command that uses the folder; the folder goes with it

Whatever is not named by an entry, or differs from its checksum, counts as not there. Only JSON is read.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

from stacks.revision.records import Recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SCHEMA: Final = 1
MOST_BYTES: Final = 512 * 1024 * 1024
"""What all entries may take together; those that were used longest ago go first."""
LONGEST_S: Final = 30 * 24 * 3600.0
"""How long an entry stays that nobody uses."""
_ENTRY: Final = "entry.json"
_LOCK: Final = "lock"


@dataclass(frozen=True)
class Lab:
    """A lab that is kept.

    Args:
        name: Its folder within the entry.
        files: Checksum of each of its files by path.
        up: The stacks that are up in it, and whether each has settled.
    """

    name: str
    files: Mapping[str, str]
    up: Mapping[str, bool]


@dataclass(frozen=True)
class Entry:
    """What is known of one revision.

    Args:
        recording: The graphs of its stacks.
        lab: A lab in which some of them are up; None: none is.
    """

    recording: Recording
    lab: Lab | None = None

    def document(self) -> dict[str, Any]:
        """As JSON values."""
        return {"schema": SCHEMA, "recording": self.recording.document(), "lab": self.lab and vars(self.lab)}

    @classmethod
    def read(cls, text: str) -> Entry | None:
        """Read what `document` wrote; None when it is something else."""
        try:
            given = json.loads(text)
            if given["schema"] != SCHEMA:
                return None
            return cls(Recording.read(given["recording"]), Lab(**given["lab"]) if given["lab"] else None)
        except (ValueError, KeyError, TypeError, AttributeError):
            return None


@dataclass(frozen=True)
class Place:
    """The place of one revision in the cache. What is read or written here needs its lock (`Cache.locked`)."""

    folder: Path

    def entry(self) -> Entry | None:
        """What there is; whoever asks has used it."""
        file = self.folder / _ENTRY
        try:
            found = Entry.read(file.read_text(encoding="utf-8"))
            os.utime(file)
        except (OSError, UnicodeDecodeError):
            return None
        return found

    def take(self, lab: Lab, folder: Path) -> bool:
        """Copy a lab that is kept; False when it is not what it was, and nothing of it is left in `folder`."""
        source = self.folder / lab.name
        try:
            shutil.copytree(source, folder)
            whole = _sums(folder) == lab.files
        except OSError:
            whole = False
        if not whole:
            shutil.rmtree(folder, ignore_errors=True)
        return whole

    def put(self, recording: Recording, lab: Path | None = None, up: Mapping[str, bool] | None = None) -> None:
        """Keep a recording, and a lab in which some of its stacks are up.

        Args:
            recording: The recording.
            lab: A folder with the lab's files, which this takes away; None: without.
            up: The stacks that are up in it.
        """
        kept = None
        if lab is not None:
            place = Path(tempfile.mkdtemp(prefix="lab-", dir=self.folder))
            lab.rename(place)  # onto an empty folder: in one move
            kept = Lab(place.name, _sums(place), dict(up or {}))
        fresh = self.folder / f"{_ENTRY}.new"
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(Entry(recording, kept).document(), file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.folder / _ENTRY)
        for old in self.folder.glob("lab-*"):
            if kept is None or old.name != kept.name:
                shutil.rmtree(old, ignore_errors=True)


@dataclass(frozen=True)
class Cache:
    """The cache.

    Args:
        folder: Where it is; made when it is needed, for this user alone.
        now_s: The time now, seconds since the epoch.
    """

    folder: Path
    now_s: Callable[[], float] = field(default=time.time)

    @contextmanager
    def locked(self, key: str, *, alone: bool, waiting: Callable[[], None] = lambda: None) -> Iterator[Place]:
        """The place of a key, and its lock.

        Args:
            key: The key.
            alone: Whether nobody else may be at it: to write.
            waiting: Called once if somebody else has it.
        """
        folder = self._made("baselines") / key
        with _held(folder, fcntl.LOCK_EX if alone else fcntl.LOCK_SH, waiting):
            yield Place(folder)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """An empty folder that lasts as long as this."""
        folder = Path(tempfile.mkdtemp(prefix="", dir=self._made("scratch")))
        try:
            with _held(folder, fcntl.LOCK_EX, lambda: None):
                yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def prune(self) -> None:
        """Remove what nobody uses any more: what was left by kills, old entries, the oldest of too many."""
        with suppress(OSError):  # somebody else may be at it, too
            self._prune()

    def _prune(self) -> None:
        for folder in self._made("scratch").iterdir():
            with _if_free(folder) as free:
                if free:
                    shutil.rmtree(folder, ignore_errors=True)
        left = MOST_BYTES
        for folder in sorted(self._made("baselines").iterdir(), key=_used_s, reverse=True):
            left -= _size(folder)
            if left < 0 or self.now_s() - _used_s(folder) > LONGEST_S:
                with _if_free(folder) as free:
                    if free:
                        shutil.rmtree(folder, ignore_errors=True)

    def _made(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder


@contextmanager
def _held(folder: Path, how: int, waiting: Callable[[], None]) -> Iterator[None]:
    """A lock on a folder; made again if somebody removed it between our opening and our locking."""
    told = False
    while True:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            file = (folder / _LOCK).open("a")
        except FileNotFoundError:
            continue
        with file:
            try:
                fcntl.flock(file, how | fcntl.LOCK_NB)
            except BlockingIOError:
                if not told:
                    waiting()
                    told = True
                fcntl.flock(file, how)
            if _is_there(file, folder):
                yield
                return


@contextmanager
def _if_free(folder: Path) -> Iterator[bool]:
    """Whether nobody has the lock of a folder; until the end of this, nobody gets it."""
    try:
        file = (folder / _LOCK).open("a")
    except OSError:
        yield False
        return
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield _is_there(file, folder)


def _is_there(file: IO[str], folder: Path) -> bool:
    with suppress(OSError):
        return os.fstat(file.fileno()).st_ino == (folder / _LOCK).stat().st_ino
    return False


def _sums(folder: Path) -> dict[str, str]:
    files = (file for file in sorted(folder.rglob("*")) if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _used_s(folder: Path) -> float:
    for file in (folder / _ENTRY, folder):
        with suppress(OSError):
            return file.stat().st_mtime
    return 0.0
