"""How commands speak on a terminal: a timeline on stderr while they work, the verdict on stdout."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from aurops.clock import RealClock
from aurops.report import Report, quantity, seconds

if TYPE_CHECKING:
    from pathlib import Path


class Timeline:
    """One line per event, with the seconds since the command began."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._clock = RealClock()
        self._start_s = self._clock.now_s()

    def tell(self, text: str) -> None:
        """Print one event."""
        self._console.print(f"{self._clock.now_s() - self._start_s:7.2f} s  {text}", markup=False)

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
