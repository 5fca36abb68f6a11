"""How the latch of a proxy is raised: by whoever rolls back, and by whoever only rehearses it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from aurops.errors import HeldError, OutsideError
from traffic.driver import TOTAL_WEIGHT

if TYPE_CHECKING:
    from traffic.driver import Steering
    from traffic.folder import Latch, ProxyFolder


def held(folder: ProxyFolder) -> Latch | None:
    """The latch that holds and can be read: one that cannot is written anew by a rollback."""
    with suppress(OutsideError):
        return folder.latch()
    return None


def raise_latch(
    folder: ProxyFolder, made: Latch, known: int, *, anew: bool = False, higher: bool = False
) -> OSError | None:
    """Hold traffic back, above every epoch that is known; why that cannot be.

    Args:
        folder: The proxy's files.
        made: What is to hold, of an epoch above `known`. It takes the place of a rehearsal's latch.
        known: The highest epoch in effect or in the file.
        anew: One in earnest that holds gives way to these words, too.
        higher: Or keeps its own, under a new epoch.
    """
    try:
        there = held(folder)
        if there is None:
            with suppress(OSError):  # no hard links here; or no space, as the next write finds out
                if folder.raise_first_latch(made):
                    return None
            there = held(folder)
        latch = made if there is None or there.rehearsal or anew else there
        if there and (latch is made or higher or there.epoch < known):  # or somebody went forward while it was raised
            latch = latch.model_copy(update={"epoch": max(made.epoch, there.epoch + 1)})
        if latch != there:
            folder.raise_latch(latch)
            if there and not there.rehearsal and anew:
                folder.keep(there, f"replaced by the rollback of {made.who}, {made.at}")
    except OSError as error:  # a full disk does not keep traffic where it is broken: a move needs no space
        return error
    return None


def raise_rehearsal(folder: ProxyFolder, made: Latch) -> Latch:
    """The latch that holds: this one, or one that was there; a rehearsal takes nobody's place, with the lock held.

    A rollback does not wait for the lock for long: of two latches that are raised in the same moment one is.

    Raises:
        OutsideError: There is one that cannot be read, or this one cannot be written.
    """
    if there := folder.latch():
        return there
    try:
        folder.raise_first_latch(made)
    except OSError as error:
        raise OutsideError(
            f"The latch of a rehearsal cannot be written, so nothing was moved: {error}.", where=str(folder.latch_file)
        ) from error
    return folder.latch() or made


def refuse_rehearsal(now: Steering, way_back: str, where: str) -> None:
    """Refuse to rehearse where that would move traffic.

    Raises:
        HeldError: Not everything is at the way back.
    """
    if now.weight(way_back) == TOTAL_WEIGHT:
        return
    moved = ", ".join(f"{side} {weight}" for side, weight in now.weights.items() if side != way_back and weight)
    raise HeldError(
        f"A rehearsal moves no traffic, and not all of it is at {way_back}: {moved or 'it is closed'} "
        f"(of {TOTAL_WEIGHT}).",
        where=where,
        next_step="Rehearse before the first step, or when all traffic is back (`aurops runs abort`). "
        "To go back in earnest: `aurops rollback` without --rehearsal.",
    )
