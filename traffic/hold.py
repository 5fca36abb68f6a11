"""A hold beside a proxy: nothing goes forward there until a person lets go; what is back, or goes back, is no matter.

A latch says that traffic went back. A hold says that it stays where it is, because nobody knows enough to move it, or
because there is nowhere to go back to.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from aurops.errors import HeldError, OutsideError
from aurops.files import create_durably, write_durably
from traffic import heartbeat
from traffic.folder import READABLE

if TYPE_CHECKING:
    from pathlib import Path

FILE = "hold.json"
LOST = "runner "
"""How the cause of a hold begins that is about a runner that is lost; its token follows."""


class Hold(BaseModel):
    """Why nothing goes forward.

    Args:
        run: The cutover that is held.
        cause: What it is about, the same for the same thing: a person is called once for it.
        reason: For people.
        who: Who holds.
        at: When, in UTC, to the millisecond.
        released: By whom, when and why; empty while it holds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str
    cause: str
    reason: str
    who: str
    at: str
    released: str = ""


def read(folder: Path) -> Hold | None:
    """The hold beside a proxy; None: there is none.

    Raises:
        OutsideError: There is one that cannot be read: it holds, whatever it says.
    """
    file = folder / FILE
    try:
        return Hold.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise OutsideError(
            "A hold cannot be read, so nothing goes forward.", where=str(file), next_step="Look at it, and mend it."
        ) from error


def put(folder: Path, hold: Hold) -> None:
    """Hold, unless somebody does already.

    Raises:
        OutsideError: It cannot be written.
    """
    file = folder / FILE
    try:
        with suppress(OSError):  # no hard links here
            create_durably(file, hold.model_dump_json(), mode=READABLE)
        if not file.exists():
            write_durably(file, hold.model_dump_json(), mode=READABLE)
    except OSError as error:
        raise OutsideError(
            f"No hold can be written: {error}.", where=str(file), next_step="Make space; until then nothing holds."
        ) from error


def refuse(folder: Path) -> None:
    """Refuse to go forward while a hold is there.

    Raises:
        HeldError: One is.
        OutsideError: One is that cannot be read.
    """
    held = read(folder)
    if held is not None:
        raise HeldError(
            f"A hold is on this proxy: {held.reason}.",
            where=f"{folder / FILE}: {held.who}, {held.at}",
            next_step=f"Look; then aurops release {held.run} --reason …" if held.run else "Look; then take it away.",
        )


def release(folder: Path, hold: Hold, released: str) -> None:
    """Take it away, and keep what it said; a runner that is lost owes nothing any more.

    Raises:
        OutsideError: It cannot be taken away.
    """
    text = hold.model_copy(update={"released": released}).model_dump_json()
    number = next(n for n in count(1) if not (folder / f"hold-{n}.json").exists())
    try:
        if hold.cause.startswith(LOST):
            heartbeat.settle(folder, hold.cause.removeprefix(LOST), released)
        write_durably(folder / f"hold-{number}.json", text, mode=READABLE)
        if read(folder) == hold:  # another one that was put meanwhile holds
            (folder / FILE).unlink(missing_ok=True)
    except OSError as error:
        raise OutsideError(f"The hold cannot be taken away: {error}.", where=str(folder / FILE)) from error
