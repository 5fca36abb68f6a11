"""The Pulumi CLI as this process starts it: asked once for its version, and every engine can be told to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from pulumi import automation as auto
from pulumi.automation.errors import create_command_error

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import IO

    Told = Callable[[str], object]

_LOCK = threading.Lock()


class Cli(auto.PulumiCommand):
    """The CLI on PATH.

    The SDK's own class leaves its processes in our group and keeps no list: a terminal's Ctrl-C reaches them, a SIGINT
    to this process alone does not, and we could not tell which it was. Here they have groups of their own.
    """

    def __init__(self) -> None:
        super().__init__()
        self._running: set[subprocess.Popen[str]] = set()

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: Told | None = None,
        on_error: Told | None = None,
    ) -> auto.CommandResult:
        """Run a command to its end; the SDK calls this for everything that it does."""
        command = [self.command, "--non-interactive", *args]
        env = {**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"}
        pipe = subprocess.PIPE
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, cwd=cwd, env=env, text=True, process_group=0
        ) as process:
            self._running.add(process)
            try:
                errors: list[str] = []
                reader = threading.Thread(target=_read, args=(process.stderr, on_error, errors))
                reader.start()
                output: list[str] = []
                _read(process.stdout, on_output, output)
                reader.join()
                code = process.wait()
            finally:
                self._running.discard(process)
        result = auto.CommandResult(stdout="\n".join(output), stderr="\n".join(errors), code=code)
        if code != 0:
            raise create_command_error(result)
        return result

    def interrupt(self) -> None:
        """Ask what runs to stop: once, it finishes what it began; twice, it stops at once, as `pulumi` takes Ctrl-C."""
        for process in tuple(self._running):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)


def cli() -> Cli:
    """This process's one CLI.

    Raises:
        FileNotFoundError: It is not on PATH.
    """
    with _LOCK:
        return _cli()


@cache
def _cli() -> Cli:
    return Cli()


def _read(stream: IO[str] | None, told: Told | None, lines: list[str]) -> None:
    for line in stream or ():
        lines.append(line.rstrip())
        if told:
            told(lines[-1])
