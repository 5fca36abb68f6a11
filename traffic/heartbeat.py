"""Who is at work beside a proxy, as its files say: the watcher to whoever steers, a cutover's runner to the watcher.

The watcher says with each look that it looks, and what it obeys; without that nothing goes forward. The runner says
every second that it lives, and at its end that it has ended: at a shut gate it waits without a process, for days, and
owes nothing. One that says neither was killed, or stands still.
"""

from __future__ import annotations

import hashlib
import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from aurops.errors import AuropsError
from aurops.processes import boot_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from aurops.clock import Clock

WATCHED_S = 2.0
"""A watcher that looks ten times a second and has said nothing for so long is gone, or stands still."""
PATIENCE_S = 3.0
"""One that is being started anew, or has just been given something to obey, says within so long that it looks."""
_POLL_S = 0.1
BEAT_S = 1.0
"""How often a runner says that it lives."""
RUNNER = "runner.json"
WATCH = "watch.json"
"""What the watcher obeys (`traffic.watching`)."""


def beat(folder: Path, clock: Clock, *, obeys: str = "", cannot: str = "") -> None:
    """Say that somebody watches. Not synced: what a crash of the machine loses here was no longer true.

    Args:
        folder: The proxy's.
        clock: Time.
        obeys: The digest of the `watch.json` that is obeyed; empty: of none.
        cannot: Why what lies there cannot be obeyed.
    """
    said = {"boot": boot_id(), "at_s": clock.now_s(), "obeys": obeys, "cannot": cannot}
    _replace(folder / "watched", json.dumps(said), "watcher")


def unwatched(folder: Path, clock: Clock) -> str:
    """Why nobody watches a proxy as it must be; empty: somebody does, and said so within `WATCHED_S`."""
    try:
        said = json.loads((folder / "watched").read_text())
        age_s = clock.now_s() - float(said["at_s"])
        if said["boot"] != boot_id() or not 0 <= age_s <= WATCHED_S:
            return "its watcher is gone or stands still"
        if said["cannot"]:
            return f"its watcher cannot do what it must: {said['cannot']}"
        if said["obeys"] != digest(folder):
            return f"its watcher does not obey the {WATCH} that lies there"
    except FileNotFoundError:
        return "no watcher was ever started"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"what its watcher says cannot be read: {error}"
    return ""


def patiently(why_not: Callable[[], str], clock: Clock) -> str:
    """Why nobody watches, if that stays so for `PATIENCE_S`; empty: somebody does.

    Args:
        why_not: Says so of now.
        clock: Time.
    """
    deadline_s = clock.now_s() + PATIENCE_S
    while (why := why_not()) and clock.now_s() < deadline_s:
        clock.sleep(_POLL_S)
    return why


def is_watched(folder: Path, clock: Clock) -> bool:
    """Whether somebody watches."""
    return not unwatched(folder, clock)


def digest(folder: Path) -> str:
    """SHA-256 of the `watch.json` in a proxy's folder; empty: there is none.

    Raises:
        OSError: It cannot be read.
    """
    try:
        return digest_of((folder / WATCH).read_bytes())
    except FileNotFoundError:
        return ""


def digest_of(text: bytes) -> str:
    """SHA-256, as it is journalled."""
    return hashlib.sha256(text).hexdigest()


class Runner(BaseModel):
    """What the runner of a cutover says beside a proxy.

    Args:
        run: Its run.
        token: The process; two that act on one run do not take each other for themselves.
        boot: The boot of its machine.
        at_s: When it said so, in seconds of this boot.
        ended: How it ended, and that nobody need look after it; empty: it lives.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    token: str
    boot: str
    at_s: float
    ended: str = ""


def runner(folder: Path) -> Runner | None:
    """What the last runner said; None: none has, or it cannot be read (`unreadable`)."""
    return _read(folder)[0]


def unreadable(folder: Path) -> str:
    """Why what the last runner said cannot be read; empty: it can, or none has said anything."""
    return _read(folder)[1]


def _read(folder: Path) -> tuple[Runner | None, str]:
    """What the last runner said, or why that cannot be read."""
    file = folder / RUNNER
    try:
        return Runner.model_validate_json(file.read_bytes()), ""
    except FileNotFoundError:
        return None, ""
    except OSError as error:
        return None, f"{file}: {error.strerror}"
    except ValidationError as error:
        return None, f"{file}: {error.errors()[0]['msg']}"


def silence(folder: Path, clock: Clock, silent_s: float) -> tuple[Runner, str] | None:
    """A runner that is lost, and how that is known; None: none is.

    Args:
        folder: The proxy's.
        clock: Time.
        silent_s: It has said nothing for so long.
    """
    said = runner(folder)
    if said is None or said.ended:
        return None
    if said.boot != boot_id():
        return said, "this machine was started anew since it spoke last"
    age_s = clock.now_s() - said.at_s
    return (said, f"it has said nothing for {age_s:.0f} s") if age_s >= silent_s else None


class Attendance:
    """Says beside these proxies every second that the runner of a cutover lives; at its end, that it has ended.

    A context manager. It says nothing before `begin`: who is refused, for another acts, must not speak in his place.
    It has not ended well when an error comes through that nobody foresaw: then it is as if it had been killed.

    Args:
        folders: The proxies'.
        run: The run.
        clock: Time.
    """

    def __init__(self, folders: Iterable[Path], run: str, clock: Clock) -> None:
        self._folders, self._run, self._clock = tuple(folders), run, clock
        self._token, self._stop = uuid4().hex, threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """This process acts now; again is no matter."""
        if self._thread is None:
            self._say(self._folders)
            self._thread = threading.Thread(target=self._beats, name="runner's heartbeat", daemon=True)
            self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._stop.set()
        if self._thread is None or (isinstance(error, Exception) and not isinstance(error, AuropsError)):
            return
        self._thread.join()
        mine = [folder for folder in self._folders if (said := runner(folder)) and said.token == self._token]
        how = "it said how to go on" if error is None else f"{type(error).__name__}: {error}"
        self._say(mine, how)

    def _beats(self) -> None:
        while not self._stop.wait(BEAT_S):
            self._say(self._folders)

    def _say(self, folders: Iterable[Path], ended: str = "") -> None:
        said = Runner(run=self._run, token=self._token, boot=boot_id(), at_s=self._clock.now_s(), ended=ended)
        for folder in folders:
            with suppress(OSError):  # a full disk: the watcher will hold, and say why
                _replace(folder / RUNNER, said.model_dump_json(), self._token)


def settle(folder: Path, token: str, by: str) -> None:
    """A person knows that this runner is lost: it owes nothing any more. One that lives says so again at once.

    Raises:
        OSError: It cannot be written.
    """
    said = runner(folder)
    if said is not None and said.token == token and not said.ended:
        _replace(folder / RUNNER, said.model_copy(update={"ended": f"lost; {by}"}).model_dump_json(), "settled")


def _replace(file: Path, text: str, writer: str) -> None:
    temporary = file.with_name(f".{file.name}.{writer}.new")
    temporary.write_text(text)
    temporary.chmod(0o644)  # whoever steers or watches may be another user, whatever this one's umask
    temporary.replace(file)
