"""How commands speak on a terminal: a timeline on stderr while they work, the verdict on stdout."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer
from rich.console import Console

from aurops.clock import RealClock
from aurops.errors import HeldError, UsageError
from aurops.journal import RecordKind
from aurops.report import Report, quantity, seconds
from aurops.runner import Ending, Result

if TYPE_CHECKING:
    from pathlib import Path

    from aurops.journal import Record


class Timeline:
    """One line per event, with the seconds since the command began."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._clock = RealClock()
        self._start_s = self._clock.now_s()

    def tell(self, text: str) -> None:
        """Print one event."""
        self._console.print(f"{self._clock.now_s() - self._start_s:7.2f} s  {text}", markup=False)

    def hear(self, record: Record) -> None:
        """Print what a record says of a step or a decision."""
        if record.kind is RecordKind.RESULT:
            said = record.data.get("error") or record.data.get("waiting", "")
            self.tell(f"{record.data['step']}: {record.data['outcome']} {said}".rstrip())
        elif record.kind is RecordKind.DECISION:
            self.tell(f"decided {record.data['name']} = {record.data['value']} ({record.data['reason']})")

    def verdict(self, report: Report, file: Path | None) -> str:
        """The figures that the command ends with."""
        lines = [f"{report.verdict.value.upper()}: {report.because}"]
        for figure in report.objectives:
            measured = seconds(figure.measured) if figure.unit == "s" else quantity(figure.measured, figure.unit)
            wanted = "" if figure.limit is None else f" (limit {figure.limit:g} {figure.unit})"
            lines.append(f"  {figure.name:<12} {measured}{wanted}")
        if report.requests is not None:
            r = report.requests
            lines.append(f"  clients      {r.sent} sent, {r.ok} ok, {r.fail} fail, {r.info} info, {r.lost} lost")
        lines += [f"  run          {report.run}   (aurops runs verify {report.run})"]
        lines += [f"  report       {file}"] if file else []
        return "\n".join(lines) + "\n"


def confirm(question: str, *, yes: bool) -> None:
    """Ask a person, unless `--yes` was given.

    Raises:
        HeldError: The answer is no.
        UsageError: There is no terminal to ask on.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", next_step="give --yes to go ahead without being asked")
    if not typer.confirm(question, err=True):
        raise HeldError("declined; nothing was changed")


def ended(run: str, result: Result) -> None:
    """Say how a run ended.

    Raises:
        HeldError: It was stopped by a person, a gate or an invariant.
    """
    if result.ending is Ending.DONE:
        typer.echo(f"done: run {run}")
        return
    raise HeldError(
        f"the run ended as {result.ending.value}: {result.why or 'aborted'}",
        where=f"run {run}",
        next_step=f"aurops runs show {run}; aurops runs resume {run}",
    )
