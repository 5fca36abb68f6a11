"""The files of one proxy on its host.

<folder>/live/         what steers the proxy, nothing else
<folder>/way-back      the same for "everything to the way back", of the epoch after the one in effect; nothing is laid
                       there that the proxy's own binary has not found right
<folder>/written       what aurops wrote last: who finds the live file changed can put this one back
<folder>/latch.json    a rollback that holds; latch-<epoch>.json: one that was released, or replaced by a later one
<folder>/latch.going   the one that is being released: it still holds
<folder>/lock          held by whoever writes
<folder>/watched       the watcher's heartbeat; runner.json: that of a cutover's runner
<folder>/watch.json    what the watcher obeys; paged.json: what it has called a person about
<folder>/hold.json     the watcher's hold; hold-<n>.json: one that was released
<folder>/drain-SIDE.json  how far a drain is

Files are replaced, never edited, so whoever may write in the folder may steer, and nobody else: their modes do not
follow the umask of whoever wrote last, and their group is the folder's.
"""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from aurops.errors import OutsideError
from aurops.files import create_durably, make_folder, move_durably, share, write_durably
from traffic.driver import TamperedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from aurops.clock import Clock

READABLE = 0o644
"""Of every file here, whatever the umask: the proxy, the watcher and every operator read it."""
LOCKABLE = 0o664
"""Of the lock: whoever is of the folder's group opens it."""
_LOCK_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Rendered:
    """What a proxy's file is to hold.

    Args:
        text: All of it.
        version: Its epoch, a hyphen, and a digest of the text; the proxy says it back once it obeys.
    """

    text: str
    version: str


def epoch_of(version: str) -> int:
    """The epoch in a version; 0 in one that is none of ours."""
    epoch = version.partition("-")[0]
    return int(epoch) if epoch.isdecimal() else 0


class Latch(BaseModel):
    """Why traffic is held back: a rollback that holds until a person releases it with a new plan.

    A proxy alone would return to a side that has come back: of 16,756 requests 13,901 returned so, unasked.

    Args:
        epoch: The rollback's; only a greater one may release it.
        reason: For people.
        who: Who rolled back.
        at: When, in UTC, for people.
        released: By whom and when; empty while it holds.
        rehearsal: It was made to see whether a rollback works; one in earnest takes its place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epoch: int
    reason: str
    who: str
    at: str
    released: str = ""
    rehearsal: bool = False


class ProxyFolder:
    """A proxy's files.

    Args:
        folder: Theirs; on one file system.
        live: The file that steers the proxy, in a folder of its own below.
        version_of: The version of a text that aurops wrote; raises ValueError for any other text.
    """

    def __init__(self, folder: Path, live: Path, version_of: Callable[[str], str]) -> None:
        self.live = live
        self.written = folder / "written"
        self.way_back = folder / "way-back"
        self.latch_file = folder / "latch.json"
        self._going = folder / "latch.going"
        self._folder = folder
        # The watcher asks twenty times a second about the same two texts; only one that is another is looked through.
        self._version_of = lru_cache(maxsize=2)(version_of)

    def make_live(self) -> None:
        """The folder of the file that steers, for whoever may write in the folder above it."""
        make_folder(self.live.parent)
        above = self._folder.stat()
        with suppress(OSError):
            os.chown(self.live.parent, -1, above.st_gid)
            self.live.parent.chmod(stat.S_IMODE(above.st_mode))

    @contextmanager
    def locked(self, clock: Clock, wait_s: float, *, insist: bool = True) -> Iterator[bool]:
        """Alone with these files; without `insist` perhaps not, as it says.

        Args:
            clock: For the wait.
            wait_s: For so long, at most.
            insist: Without the lock: not at all. Else go on after the wait: whoever holds it may stand still for good;
                or at once, when there cannot be one (a disk that can only be read, somebody else's file).

        Raises:
            OutsideError: Somebody else writes, all the time; or there cannot be a lock.
        """
        file = self._folder / "lock"
        with ExitStack() as stack:
            try:
                lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, LOCKABLE)
            except OSError as error:
                if insist:
                    raise OutsideError(f"The lock cannot be opened: {error.strerror}.", where=str(file)) from error
                yield False
                return
            stack.callback(os.close, lock)
            share(lock, self._folder, LOCKABLE)
            alone = _lock(lock, clock, clock.now_s() + wait_s)
            if insist and not alone:
                raise OutsideError(
                    f"Another process has been steering this proxy for {wait_s:g} s.",
                    where=str(file),
                    next_step="Wait for it, or find it (`fuser`) and end it.",
                )
            yield alone

    def put(self, rendered: Rendered) -> None:
        """Have this steer the proxy, by a move: at once or not at all."""
        write_durably(self.live, rendered.text, beside=self._folder, mode=READABLE)
        try:
            self.written.unlink(missing_ok=True)  # it may be somebody else's
            self.written.write_text(rendered.text, encoding="utf-8")
            self.written.chmod(READABLE)
        except OSError:  # it steers all the same; better no copy than that of another steering
            with suppress(OSError):
                self.written.unlink(missing_ok=True)

    def put_way_back(self) -> str:
        """Move the file that was made beforehand in place; returns its version.

        Raises:
            OSError: There is none.
            ValueError: It is not one of aurops.
        """
        version = self.way_back_version()
        move_durably(self.way_back, self.live)
        return version

    def check_one_move(self) -> None:
        """See that the file made beforehand can be moved over the live one at once.

        Raises:
            OutsideError: They are on two file systems.
        """
        try:
            devices = {place.stat().st_dev for place in (self.way_back, self.live, self.live.parent)}
        except OSError as error:
            raise OutsideError(f"The way back cannot be looked at: {error}.", where=str(self.way_back)) from error
        if len(devices) > 1 or self.live.is_mount():
            raise OutsideError(
                "The way back and the file that steers are on two file systems: a rollback could not be one move.",
                where=f"{self.way_back}, {self.live}",
                next_step="Have the site's folder and `live/` in it on one file system; mount neither the file alone.",
            )

    def has_ready(self, way_back: Rendered) -> bool:
        """Whether exactly this was made beforehand, and lies there."""
        with suppress(OSError, ValueError):
            return self.way_back.read_text(encoding="utf-8") == way_back.text
        return False

    def way_back_version(self) -> str:
        """The version of the file that was made beforehand.

        Raises:
            OSError: There is none.
            ValueError: It is not one of aurops.
        """
        return self._version_of(self.way_back.read_text(encoding="utf-8"))

    def version(self) -> str:
        """The version in the live file.

        Raises:
            TamperedError: It is gone, or somebody else changed it.
        """
        try:
            return self._version_of(self.live.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            again = self._folder / "again"
            raise TamperedError(
                f"Somebody else changed what steers this proxy: {error}.",
                where=str(self.live),
                next_step=f"Compare it with {self.written}, which aurops wrote last. To put that one back: "
                f"cp {self.written} {again} && mv {again} {self.live}",
            ) from error

    def changed(self) -> str:
        """Why the live file is not as aurops wrote it, where, and what to do; empty: it is, or none was written yet."""
        try:
            self.version()
        except TamperedError as error:
            installed = os.path.lexists(self.live) or os.path.lexists(self.written)
            return f"{error.what} ({error.where}) {error.next_step}" if installed else ""
        return ""

    def latch(self) -> Latch | None:
        """The rollback that holds; None: none does.

        Raises:
            OutsideError: There is one that cannot be read: it holds, whatever it says.
        """
        for file in (self.latch_file, self._going, self.latch_file):  # again: it may have been put back meanwhile
            if (held := self._read(file)) is not None:
                return held
        return None

    def _read(self, file: Path) -> Latch | None:
        try:
            return Latch.model_validate_json(file.read_bytes())
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            raise OutsideError(
                "The latch of a rollback cannot be read, so nothing goes forward.",
                where=str(file),
                next_step="Look at it. Rolling back once more writes a new one.",
            ) from error

    def raise_latch(self, latch: Latch) -> None:
        """Hold traffic back."""
        write_durably(self.latch_file, latch.model_dump_json(), mode=READABLE)

    def raise_first_latch(self, latch: Latch) -> bool:
        """The same if none is there; whether it was raised. Of two who do so at once one does.

        Raises:
            OSError: It cannot be written.
        """
        return create_durably(self.latch_file, latch.model_dump_json(), mode=READABLE)

    def keep(self, latch: Latch, released: str) -> None:
        """Keep what a latch said, and what became of it."""
        kept = self._folder / f"latch-{latch.epoch}.json"
        write_durably(kept, latch.model_copy(update={"released": released}).model_dump_json(), mode=READABLE)

    def release(self, latch: Latch, released: str) -> None:
        """Take exactly this one away, and keep what it said; with the lock held.

        A rollback may raise another at any moment, without the lock. So it is moved aside, where it still holds, and
        looked at there: nothing that is raised from then on is touched, and what was raised before is put back.
        """
        self.keep(latch, released)
        with suppress(FileNotFoundError):  # whoever released it died before it was gone
            move_durably(self.latch_file, self._going)
        if self._read(self._going) != latch:
            with suppress(FileExistsError):  # one that was raised since holds
                self.latch_file.hardlink_to(self._going)
        self._going.unlink(missing_ok=True)


def _lock(file: int, clock: Clock, deadline_s: float) -> bool:
    """Whether nobody else has the lock, and we do, before the deadline."""
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if clock.now_s() >= deadline_s:
                return False
            clock.sleep(_LOCK_POLL_S)
        else:
            return True
