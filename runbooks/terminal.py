"""How commands speak on a terminal: a timeline on stderr while they work, the verdict on stdout."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn, Self

import typer
from rich.console import Console

from aurops.clock import RealClock
from aurops.errors import HeldError, UsageError
from aurops.journal import RecordKind
from aurops.report import Report, quantity, seconds
from aurops.runner import Ending, Result
from runbooks.stopping import announced
from runbooks.words import said

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from aurops.errors import AuropsError
    from aurops.journal import Record

SPOKEN = {
    RecordKind.RESULT: "",
    RecordKind.DECISION: "decided ",
    RecordKind.VIOLATION: "violation: ",
    RecordKind.STUCK: "stuck: ",
    RecordKind.HALTED: "halted: ",
    RecordKind.PAUSED: "paused: ",
}


class Pipeable(Console):
    """A console that leaves it to `runbooks.cli` what a reader who has gone means; Rich would exit 1."""

    def on_broken_pipe(self) -> NoReturn:
        """Let the BrokenPipeError that is being handled go on."""
        raise  # noqa: PLE0704 (Rich calls this while it handles one)


class Timeline:
    """One line per event on stderr, with the seconds since the command began. A context manager, as the live one is."""

    def __init__(self) -> None:
        self._clock = RealClock()
        self._start_s = self._clock.now_s()
        self._waits: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to restore: lines are lines."""

    def tell(self, text: str) -> None:
        """Print one event; a terminal that is gone stops nothing."""
        with suppress(OSError):
            # In one piece: threads tell, too.
            sys.stderr.write(f"{self._clock.now_s() - self._start_s:7.2f} s  {text}\n")
            sys.stderr.flush()

    def hear(self, record: Record) -> None:
        """Print what a record says of a step, a decision or a stop."""
        if record.kind not in SPOKEN:
            return
        text = f"{SPOKEN[record.kind]}{said(record, brief=True)}"
        if record.data.get("waiting"):
            # Whoever waits for minutes is told what for, not five times a second.
            step = str(record.data.get("step"))
            if self._waits.get(step) == text:
                return
            self._waits[step] = text
        self.tell(text)

    def watch(self, ledger: Path, at_work: Callable[[], bool]) -> None:
        """Clients write to this ledger while they are at work; lines do not show it."""


@contextmanager
def timeline() -> Iterator[Timeline]:
    """What is told while a command works; whoever stops it is told at once that it was heard."""
    with _timeline() as told, announced(told.tell):
        yield told


def _timeline() -> Timeline:
    """A live one where stderr is a terminal that can draw and nobody asked for plain output (`NO_COLOR`)."""
    if not sys.stderr.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM", "dumb") in ("dumb", "unknown"):
        return Timeline()
    from runbooks.live import LiveTimeline  # noqa: PLC0415 (only a terminal needs it)

    return LiveTimeline(Pipeable(stderr=True, highlight=False))


def verdict(report: Report, file: Path | None) -> str:
    """The figures that a drill ends with."""
    rows = []
    for figure in report.objectives:
        measured = seconds(figure.measured) if figure.unit == "s" else quantity(figure.measured, figure.unit)
        wanted = "" if figure.limit is None else f" (limit {figure.limit:g} {figure.unit})"
        rows.append((figure.name, f"{measured}{wanted}"))
    if report.requests is not None:
        r = report.requests
        rows.append(("clients", f"{r.sent} sent, {r.ok} ok, {r.fail} fail, {r.info} info, {r.lost} lost"))
    rows.append(("run", report.run))
    if file is not None:
        rows.append(("report", str(file)))
    width = max(len(name) for name, _ in rows)
    lines = [f"{report.verdict.value.upper()}: {report.because}"]
    return "\n".join(lines + [f"  {name:<{width}}  {text}" for name, text in rows]) + "\n"


def alarm(text: str) -> None:
    """Say something that must not be overlooked, on stderr."""
    with suppress(OSError):
        typer.secho(text, err=True, bold=True, fg=typer.colors.RED)


def confirm(question: str, *, yes: bool) -> None:
    """Ask a person, unless `--yes` was given.

    Raises:
        HeldError: The answer is no, or none came.
        UsageError: There is no terminal to ask on.
    """
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", next_step="give --yes to go ahead without being asked")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)  # noqa: T201 (standard output is the result's)
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise HeldError("declined; nothing was changed")


def confirm_by_name(question: str, name: str, *, given: str, option: str) -> None:
    """Have a person type a name: a yes is given too easily for what cannot be undone.

    Args:
        question: Asked on stderr.
        name: The only right answer.
        given: The answer on the command line; empty: ask.
        option: Where it is given there.

    Raises:
        HeldError: Another answer, or none.
        UsageError: There is no terminal to ask on.
    """
    if not given and not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on", next_step=f"give {option} {name} to go ahead")
    if not given:
        print(f"{question} ", end="", file=sys.stderr, flush=True)  # noqa: T201 (standard output is the result's)
        given = sys.stdin.readline().strip()
    if given != name:
        raise HeldError(f"declined: {given or 'nothing'!r} is not {name}; nothing was changed")


def raise_lowest(errors: Iterable[AuropsError]) -> None:
    """Of what went wrong side by side, raise the one with the lowest exit code; the others are said on stderr.

    Raises:
        AuropsError: There is one.
    """
    # Two stacks often fail for one reason.
    failed = sorted({str(error): error for error in errors}.values(), key=lambda error: error.exit_code)
    for error in failed[1:]:
        typer.echo(f"aurops: {error}", err=True)
    if failed:
        raise failed[0]


def ending_json(run: str, ending: str, why: str, about: Mapping[str, object] | None = None) -> str:
    """How a run ended, for programs.

    Args:
        run: Its id.
        ending: The name of it: `aurops.runner.Ending`, or how it was closed.
        why: In words; empty when it is done.
        about: What else there is to say.
    """
    return json.dumps({"run": run, "ending": ending, "why": why, **(about or {})})


def ended(
    run: str, result: Result, *, as_json: bool = False, about: Mapping[str, object] | None = None, ways: str = ""
) -> None:
    """Say how a run ended.

    Args:
        run: Its id.
        result: How it ended.
        as_json: Print JSON.
        about: What else the JSON holds.
        ways: What a person can do now, when this kind of run has ways of its own; empty: `ways_on`.

    Raises:
        HeldError: It was stopped by a person, a gate or an invariant.
    """
    if as_json:
        typer.echo(ending_json(run, result.ending, result.why, about))
    if result.ending is Ending.DONE:
        if not as_json:
            typer.echo(f"done: run {run}")
        return
    raise HeldError(
        f"the run ended as {result.ending.value}: {result.why or 'aborted'}",
        where=f"run {run}",
        next_step=ways or ways_on(run, result.ending),
    )


def ways_on(run: str, ending: Ending) -> str:  # noqa: PLR0911 (an ending, its ways)
    """What a person can do with a run that stopped, as commands."""
    show, resume = f"aurops runs show {run}", f"aurops runs resume {run}"
    skip = f'aurops runs skip {run} "STEP" --reason …'
    abort = f"aurops runs abort {run} --reason …"
    match ending:
        case Ending.STUCK:
            out = f"leave the step out, if it may be: {skip}"
            return f"mend what it names, then {resume}; or {out}; or go back, if it can: {abort}"
        case Ending.HELD:
            return f"do what it asks for, then {resume}; or go back, if it can: {abort}"
        case Ending.AT_GATE:
            return f"open it, then {resume}; or let it wait there: {resume} --wait; or go back, if it can: {abort}"
        case Ending.VIOLATION:
            return f"look before anything else: aurops local status; {show}. When only one region can write: {resume}"
        case Ending.HALTED:
            return f"aurops halt --off, then {resume}"
        case Ending.PAUSED:
            return f"{resume}; or go back, if it can: {abort}"
        case Ending.DONE | Ending.RESTORED:
            return show
