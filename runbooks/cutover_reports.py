"""What a cutover's report is made of: its journal, and those of the rollbacks that followed it, wherever they are."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from aurops import __version__
from aurops.clock import RealClock
from aurops.errors import AuropsError, UsageError
from aurops.history import History
from aurops.journal import Journal, list_runs
from failover.break_glass import local_store
from migration import cutover_report
from migration.cutover import KIND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from aurops.journal import Record
    from aurops.report import Report
    from aurops.store import Store

DAY = "20261124"
"""So much of a run's id says on which day it began."""


def report_of(journal: Journal, store: Store | None = None) -> Report:
    """A cutover's report, from its journal (`runbooks.serve`), and with a store from those of its rollbacks.

    Raises:
        UsageError: The run is no cutover.
    """
    if History(journal.records).kind != KIND:
        raise UsageError("the run is no cutover", where=f"run {journal.run}", next_step="aurops runs list")
    rollbacks = tuple(_rollbacks(journal, store)) if store else ()
    return cutover_report.report(journal.records, versions={"aurops": __version__}, rollbacks=rollbacks)


def rolled_back(journal: Journal, store: Store) -> tuple[tuple[str, int], ...]:
    """The rollbacks that may be a cutover's, and how many records each has: when it changes, so does the report."""
    return tuple((run, len(there.keys(f"runs/{run}/journal"))) for run, there in _rollback_runs(journal, store).items())


def _rollbacks(journal: Journal, store: Store) -> Iterator[Sequence[Record]]:
    """The journals of what was rolled back by what this run had laid ready, oldest first."""
    for each, there in _rollback_runs(journal, store).items():
        with suppress(AuropsError):  # one that cannot be read hides no other; `aurops runs list` says it
            records = Journal.open(there, each, RealClock()).records
            if History(records).arguments.get("after") == journal.run:
                yield records


def _rollback_runs(journal: Journal, store: Store) -> dict[str, Store]:
    """Rollbacks since a run began, with the store that has them: its own, and this host's folder for a lost one."""
    found: dict[str, Store] = {}
    for there in (local_store(), store):  # what was brought back is read from the store
        for run in list_runs(there):  # a run's id begins with its time, and has its kind: no other need be read
            if "-rollback-" in run and run[: len(DAY)] >= journal.run[: len(DAY)]:
                found[run] = there
    return dict(sorted(found.items()))


def write_report(file: Path | None, run: str, store: Store) -> None:
    """The run's report as it stands, if one is wanted."""
    if file is not None:
        file.write_text(report_of(Journal.open(store, run, RealClock()), store).to_html(), encoding="utf-8")
