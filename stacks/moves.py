"""The failovers that a store knows of: what explains that roles, weights and sizes are not as the program left them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aurops.history import RESTORE, History
from aurops.runner import Ending
from stacks.deploy import Goal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from aurops.journal import Journal

MOVES = ("failover", "failback")


@dataclass(frozen=True)
class Move:
    """A run that moved a service between regions, or was to.

    Args:
        run: Its id.
        at: When it began, UTC, ISO 8601.
        regions: The regions that it was about.
        to: The region that it chose to serve from; empty while it has not.
        is_open: Whether it has not ended.
        is_undone: Whether it was aborted, and brought back to where it began.
    """

    run: str
    at: str
    regions: frozenset[str]
    to: str = ""
    is_open: bool = False
    is_undone: bool = False


@dataclass(frozen=True)
class Moves:
    """All of them, latest first, and what deployments have taken note of since.

    Args:
        all: The runs.
        noted: By stack: when the last deployment that looked at the cloud (`--refresh`) began, UTC, ISO 8601.
        unread: Why the store could not be read; empty when it was.
    """

    all: tuple[Move, ...] = ()
    noted: Mapping[str, str] = field(default_factory=dict)
    unread: str = ""

    def latest(self, stack: str, regions: Collection[str]) -> Move | None:
        """The last run that moved what this stack shows, since its state was last brought in line with the cloud.

        Args:
            stack: The stack.
            regions: Those that it is about.
        """
        since = self.noted.get(stack, "")
        found = (each for each in self.all if each.regions & set(regions) and each.at > since and not each.is_undone)
        return next(found, None)


def read(journals: Iterable[Journal], fleet: str, *, is_lab: bool) -> Moves:
    """What the journals tell; a failover of a test bed is none of the fleet's, whatever its regions are called.

    Args:
        journals: Of all runs, latest first.
        fleet: Name of the fleet.
        is_lab: Whether it is the lab's fleet.
    """
    moves: list[Move] = []
    noted: dict[str, str] = {}
    for journal in journals:
        history = History(journal.records)
        if bool(history.arguments.get("lab")) is not is_lab or history.arguments.get("fleet", fleet) != fleet:
            continue
        at = journal.records[0].at if journal.records else ""
        if history.kind in MOVES and "bed" not in history.arguments:
            moves.append(_move(journal.run, history, at))
        elif history.kind in set(Goal) and history.arguments.get("refresh"):
            for stack in (stack for wave in history.arguments["waves"] for stack in wave):
                noted.setdefault(stack, at)
    return Moves(tuple(moves), noted)


def _move(run: str, history: History, at: str) -> Move:
    return Move(
        run,
        at,
        frozenset(history.arguments.get("regions", ())),
        to=str(history.decisions.get("target", "")),
        is_open=not history.finished,
        is_undone=history.goal == RESTORE and history.finished == Ending.RESTORED,
    )
