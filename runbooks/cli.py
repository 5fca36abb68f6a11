"""The command line: a table of commands, each module imported when its command is called, and every error in one place.

`aurops --help` imports no command module, so it stays fast however many commands there are.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import traceback
from contextlib import suppress
from importlib import import_module, metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command as typer_command

from aurops import __version__
from aurops.errors import AuropsError, ExitCode, OutsideError, UsageError
from aurops.tracebacks import raised_at
from runbooks.stopping import Stopped, stoppable

if TYPE_CHECKING:
    from collections.abc import Sequence


class Entry(NamedTuple):
    """One command of the table: where its Typer app is, what it does, and whether it changes anything."""

    module: str
    help: str
    only_looks: bool = False
    """Whether it begins no run and changes nothing: whoever stops it need not look for what it left."""
    looking: tuple[str, ...] = ()
    """Which of its own commands do neither."""
    left: str = "`aurops runs list` shows what was begun"
    """What to say to whoever stopped one that does more."""


COMMANDS = {
    "approve": Entry("runbooks.approve", "Sign with an SSH key that a run may go on."),
    "archive": Entry("runbooks.archive", "Lock the retention of records that must be kept."),
    "compare": Entry(
        "runbooks.compare", "What each cloud makes of each field of each spec, and why they differ.", only_looks=True
    ),
    "cutover": Entry(
        "runbooks.cutover", "Move traffic from the old platform to the new one, by a plan.", looking=("report",)
    ),
    "destroy": Entry("runbooks.destroy", "Take stacks down, in the reverse order of their creation."),
    "doctor": Entry("runbooks.doctor", "What this machine has, what is missing, and how to get it.", only_looks=True),
    "drift": Entry(
        "runbooks.drift", "What is not in the cloud what it is in the state, why, and what mends it.", only_looks=True
    ),
    "failback": Entry("runbooks.failback", "Serve again from the region that was born primary; no request is refused."),
    "failover": Entry("runbooks.failover", "Leave a region of a bed that is up, or show the plan for it."),
    "failover-test": Entry("runbooks.drill", "Lose a region on purpose and measure RTO and RPO."),
    "gates": Entry("runbooks.gates", "The gates that a run waits at, and why they are shut.", only_looks=True),
    "gateway": Entry(
        "runbooks.gateway",
        "Serve V11's gRPC as V10's REST: build it, and ask whether it answers alike.",
        left="it begins no run; each file is whole, or as it was",
    ),
    "halt": Entry("runbooks.halt", "Halt every run before its next call, or let them go on."),
    "hold": Entry("runbooks.hold", "Keep the gates of a run shut."),
    "init": Entry("runbooks.init", "Write the stack files of a new fleet for chosen clouds and regions."),
    "lab": Entry("runbooks.lab", "Stand-in clouds on this machine: no account."),
    "local": Entry("runbooks.local", "Test beds of real processes on this machine."),
    "preview": Entry("runbooks.preview", "What a change would do to each stack; changes nothing.", only_looks=True),
    "recover": Entry(
        "runbooks.recover", "Finish what a killed engine left on a stack, with your answers where needed."
    ),
    "release": Entry("runbooks.release", "Let go of the gates of a run."),
    "reprotect": Entry("runbooks.reprotect", "Make a region that was left or lost a standby of the one that serves."),
    "rollback": Entry(
        "runbooks.rollback",
        "All traffic back to the old platform, now, and latched there.",
        left="what it began holds: a proxy may be latched, and all at V10; to go back everywhere give it again",
    ),
    "runs": Entry(
        "runbooks.runs", "List, show, verify and steer runs.", looking=("list", "lost", "serve", "show", "verify")
    ),
    "status": Entry(
        "runbooks.status", "What is up, what was never finished, and whether the store knows it.", only_looks=True
    ),
    "up": Entry("runbooks.up", "Bring stacks up, wave by wave."),
    "watch": Entry("runbooks.watch", "Watch a service, and fail it over when the policy says so."),
}
_ROOT = Path(__file__).resolve().parents[1]
_READER_GONE = 128 + signal.SIGPIPE
"""`aurops … | head -1`."""
_STREAMS = (0, 1, 2)
_PACKAGES = ("pulumi", "pulumi-aws", "pulumi-azure-native", "pulumi-gcp", "pulumi-kubernetes")


class Commands(TyperGroup):
    """Reads the table; imports a command's module when the command is called."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.commands = {name: TyperCommand(name, short_help=entry.help) for name, entry in COMMANDS.items()}

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 (click's signature)
        """The table's names."""
        return sorted(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Import the module of the command that was called."""
        name, command, rest = super().resolve_command(ctx, args)
        if name in COMMANDS:
            loaded = typer_command(_imported(COMMANDS[name].module).app)
            loaded.name = name
            return name, loaded, rest
        return name, command, rest


def _imported(module: str) -> Any:
    """A command's module. What it imports is code that a team changes: its components, its stacks.

    Raises:
        UsageError: Some of that code cannot be loaded; says file and line.
        OutsideError: A package is not installed.
    """
    gc.disable()  # what is imported stays: to look through it for cycles meanwhile is an eighth of the time
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if (_ROOT / package).exists():
            raise _broken(error) from error
        raise OutsideError(
            f"the package {package} is not installed", where=raised_at(error, _ROOT), next_step="make setup"
        ) from error
    except Exception as error:
        raise _broken(error) from error
    finally:
        gc.enable()


def _broken(error: Exception) -> UsageError:
    said = error.msg if isinstance(error, SyntaxError) else error
    return UsageError(
        f"code of this repository cannot be loaded: {type(error).__name__}: {said}",
        where=raised_at(error, _ROOT),
        next_step="mend that line, then run again",
    )


app = typer.Typer(cls=Commands, no_args_is_help=True, pretty_exceptions_enable=False, rich_markup_mode=None)


def _print_version(value: bool) -> None:  # noqa: FBT001 (Typer calls it with the flag's value)
    if not value:
        return
    from runbooks.doctor import pulumi_cli  # noqa: PLC0415 (only --version asks)

    typer.echo(f"aurops {__version__}")
    typer.echo(f"pulumi CLI {pulumi_cli() or 'none that answers'}")
    for package in _PACKAGES:
        typer.echo(f"{package} {_version_of(package)}")
    raise typer.Exit


def _version_of(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


@app.callback()
def options(
    *,
    debug: bool = typer.Option(default=False, help="Show tracebacks."),
    version: bool = typer.Option(False, "--version", callback=_print_version, is_eager=True, help="Show versions."),  # noqa: ARG001, FBT003
) -> None:
    """Run one service on three clouds, lose a region on purpose, and always have a way back."""
    if debug:
        os.environ["AUROPS_DEBUG"] = "1"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and exit with its code."""
    _open_closed_streams()
    try:
        with stoppable():
            code = _run(arguments)
    except Stopped as stopped:  # while an error was being said
        code = stopped.exit_code
    raise SystemExit(code)


def _open_closed_streams() -> None:
    """Whoever closed a standard stream (`>&-`) hears nothing there, and no file of ours gets its number."""
    while (fd := os.open(os.devnull, os.O_RDWR)) <= _STREAMS[-1]:
        os.set_inheritable(fd, True)  # noqa: FBT003 (the library's signature)
    os.close(fd)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 (as long as the process)


def _run(arguments: Sequence[str] | None) -> int:
    """A command's exit code; whatever it raises is said."""
    try:
        exited = app(args=None if arguments is None else list(arguments), standalone_mode=False)
        sys.stdout.flush()
    except BaseException as error:  # noqa: BLE001 (a signal and an exit are answers, too)
        code = _explain(error, left=_left(arguments))
        if os.environ.get("AUROPS_DEBUG"):
            traceback.print_exc()
        _let_go()
        return code
    return exited if isinstance(exited, int) else ExitCode.DONE


def _left(arguments: Sequence[str] | None) -> str:
    """What the command that was called may have left when it is stopped, in words."""
    given = sys.argv[1:] if arguments is None else arguments
    name, own = [*(each for each in given if not each.startswith("-")), "", ""][:2]
    entry = COMMANDS.get(name, Entry("", ""))
    return "nothing was begun or changed" if entry.only_looks or own in entry.looking else entry.left


def _explain(error: BaseException, *, left: str) -> int:  # noqa: PLR0911 (a kind, a code)
    """The one place that turns an exception into words and an exit code."""
    match error:
        case Stopped():
            _say(f"stopped by {error.signum.name}; {left}")
            return error.exit_code
        case typer.TyperException():
            cast("Any", error).show()  # click's errors print themselves, with the usage of the command
            return int(error.exit_code)
        case AuropsError():
            _say(str(error))
            return int(error.exit_code)
        case BrokenPipeError():
            return _READER_GONE
        case SystemExit() if isinstance(error.__context__, BrokenPipeError):
            return _READER_GONE  # Typer's own exit for that is 1, which is an answer here
        case OSError():
            _say(f"{error}\n  next: make room, or give access, and try again")
            return ExitCode.ENVIRONMENT
        case Exception():
            where = raised_at(error, _ROOT)
            _say(
                f"a bug in aurops: {type(error).__name__}: {error}\n  where: {where}\n  next: report what --debug says"
            )
            return ExitCode.BUG
    raise error


def _say(text: str) -> None:
    with suppress(OSError):  # the terminal may be gone; the exit code still speaks
        sys.stderr.write(f"aurops: {text}\n")


def _let_go() -> None:
    """Flush what can be flushed, so that the interpreter's own last flush cannot change the exit code."""
    for stream in filter(None, (sys.__stdout__, sys.__stderr__)):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
