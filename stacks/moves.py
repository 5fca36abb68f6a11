"""The failovers that a store knows of: what explains that roles, weights and sizes are not as the program left them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aurops.errors import AuropsError
from aurops.history import RESTORE, History
from aurops.journal import Journal, Record, journal_key, list_runs
from aurops.runner import Ending
from aurops.store_errors import StoreError
from stacks.deploy import Goal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from aurops.clock import Clock
    from aurops.store import Store

MOVES = ("failover", "failback")
_RUN = re.compile(rf"\d{{8}}T\d{{6}}Z-(?P<kind>{'|'.join((*MOVES, *Goal))})-[0-9a-f]+")
"""Ids of the runs that can tell (`aurops.journal.new_run_id`); a drill's own failover has another, and is a bed's."""


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


def read(store: Store, clock: Clock, fleet: str, *, is_lab: bool) -> Moves:
    """What the store tells; a failover of a test bed is none of the fleet's, whatever its regions are called.

    Of thousands of runs it reads the few that can tell: failovers whole, of deployments the first record.

    Args:
        store: Holds the runs.
        clock: Time.
        fleet: Name of the fleet.
        is_lab: Whether it is the lab's fleet.

    Raises:
        StoreError: It cannot be read.
    """
    moves: list[Move] = []
    noted: dict[str, str] = {}
    for run in reversed(list_runs(store)):
        match = _RUN.fullmatch(run)
        history, at = (None, "") if match is None else _told(store, clock, run, whole=match["kind"] in MOVES)
        if history is None or not _is_of(history, fleet, is_lab=is_lab):
            continue
        if history.kind in MOVES and "bed" not in history.arguments:
            moves.append(_move(run, history, at))
        elif history.kind in set(Goal) and history.arguments.get("refresh"):
            for stack in (stack for wave in history.arguments["waves"] for stack in wave):
                noted.setdefault(stack, at)
    return Moves(tuple(moves), noted)


def _is_of(history: History, fleet: str, *, is_lab: bool) -> bool:
    arguments = history.arguments
    return bool(arguments.get("lab")) is is_lab and arguments.get("fleet", fleet) == fleet


def _told(store: Store, clock: Clock, run: str, *, whole: bool) -> tuple[History | None, str]:
    """A run's history and when it began; none of one that cannot be read, as `aurops runs list` says."""
    try:
        if whole:
            records = Journal.open(store, run, clock).records
        else:
            records = (Record.model_validate_json(store.read(journal_key(run, 1)) or b""),)
    except StoreError:
        raise
    except (AuropsError, ValueError):
        return None, ""
    return (History(records), records[0].at) if records else (None, "")


def _move(run: str, history: History, at: str) -> Move:
    return Move(
        run,
        at,
        frozenset(history.arguments.get("regions", ())),
        to=str(history.decisions.get("target", "")),
        is_open=not history.finished,
        is_undone=history.goal == RESTORE and history.finished == Ending.RESTORED,
    )
