"""Who hears of a cutover's records: the terminal, and the webhook of `AUROPS_WEBHOOK`."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from aurops.history import History
from aurops.journal import RecordKind
from aurops.webhook import VARIABLE, Webhook
from migration.execute import cutover_of
from migration.phases import Phases
from runbooks.terminal import SPOKEN
from runbooks.words import said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aurops.journal import Journal, Record
    from runbooks.terminal import Timeline

_NEWS = SPOKEN.keys() | {RecordKind.GOAL, RecordKind.FINISHED}


@contextmanager
def listening(told: Timeline, journal: Journal) -> Iterator[Callable[[Record], None]]:
    """What is told of every record of a run: the webhook gets what the terminal is told, and each turn of a phase.

    Args:
        told: The terminal; also told, once, that the webhook takes nothing.
        journal: The run: what it holds already is no news.

    Raises:
        UsageError: `AUROPS_WEBHOOK` is no URL.
    """
    url = os.environ.get(VARIABLE)
    if not url:
        yield told.hear
        return
    history = History(journal.records)
    cutover = cutover_of(history)
    phases = Phases(cutover, journal.records, releases=bool(history.arguments["releases"]))
    waits: dict[str, str] = {}
    with Webhook(url, warn=told.tell) as hook:

        def hear(record: Record) -> None:
            told.hear(record)
            event = {"service": cutover.service, "run": record.run, "n": record.n, "at": record.at}
            text = said(record, brief=True)
            if record.kind in _NEWS and not _again(record, text, waits):
                hook.tell(event | {"kind": record.kind.value, "text": text})
            for turn in phases.hear(record):
                hook.tell(event | {"kind": "phase", "phase": turn.phase, "text": turn.text})

        yield hear


def _again(record: Record, text: str, waits: dict[str, str]) -> bool:
    """Whether it says once more what a step waits for."""
    if not record.data.get("waiting"):
        return False
    step = str(record.data.get("step"))
    before, waits[step] = waits.get(step), text
    return before == text
