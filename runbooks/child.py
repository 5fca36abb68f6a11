"""Runs somebody else's command to its end: terminal, exit code and signals are its own."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from aurops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_PASSED_ON = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


def run_to_its_end(command: Sequence[str], env: Mapping[str, str], folder: Path) -> int:
    """Run a command and wait for it.

    Args:
        command: Program and arguments.
        env: Its whole environment; its PATH finds the program.
        folder: Its working directory.

    Returns:
        Its exit code; 128 + n when signal n ended it, as shells say it.

    Raises:
        UsageError: There is no such program.
    """
    try:
        child = subprocess.Popen(command, env=dict(env), cwd=folder)
    except (FileNotFoundError, PermissionError) as cause:
        raise UsageError(f"there is no program {command[0]!r}", allowed="a program on PATH") from cause
    with _signals_for(child):
        code = child.wait()
    return code if code >= 0 else 128 - code


@contextmanager
def _signals_for(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """What reaches this process goes to the child, whose business it is how it ends."""

    def hand_on(number: int, _: Any) -> None:
        # Ctrl-C goes to the whole foreground group: a second one would make an engine give up what it has begun.
        if number == signal.SIGTERM or not _in_foreground():
            child.send_signal(number)

    before = {number: signal.signal(number, hand_on) for number in _PASSED_ON}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _in_foreground() -> bool:
    """Whether a terminal sends its keys' signals to this process group."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
