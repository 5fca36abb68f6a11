"""The gate that runs a command."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurops.gates.finding import Finding, State
from aurops.gates.seen import found, unseen
from aurops.gates.spec import CommandCheck
from aurops.plan import Observation

if TYPE_CHECKING:
    from datetime import datetime

    from aurops.clock import Clock
    from aurops.gates.quantity import CommandNumber

_MOST_CHARS = 500


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Args:
        code: Its exit code; negative: the signal that ended it.
        said: The end of what it printed; of a number's command on stdout alone.
        warned: The end of what a number's command printed on stderr.
    """

    code: int
    said: str
    warned: str = ""


def look(check: CommandCheck | CommandNumber, clock: Clock) -> Observation[Ended]:
    """Run the command once; one that takes too long is killed with all that it started.

    A check's output is one text, as on a terminal. A number's stands on stdout alone: tools warn on stderr.
    """
    at_s, name = clock.now_s(), " ".join(check.argv)
    try:
        child = subprocess.Popen(
            check.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if isinstance(check, CommandCheck) else subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return Observation(None, at_s, name, f"it cannot be run: {error.strerror}")
    try:
        output, warned = child.communicate(timeout=check.timeout_s)
    except subprocess.TimeoutExpired:
        return Observation(None, at_s, name, f"it did not end within {check.timeout_s:g} s")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        for pipe in (child.stdout, child.stderr):
            if pipe is not None:
                pipe.close()
    return Observation(Ended(child.returncode, _end(output), _end(warned)), at_s, name)


def _end(printed: bytes | None) -> str:
    return (printed or b"").decode(errors="replace").strip()[-_MOST_CHARS:]


def judge(check: CommandCheck, seen: Observation[Ended], now: datetime) -> Finding:
    """Whether the exit code opens the gate. Pure."""
    if seen.value is None:
        return unseen(check, seen, now)
    code, said = seen.value.code, seen.value.said
    last = f": {said.splitlines()[-1]}" if said else ""
    state = {0: State.OPEN, 1: State.CLOSED}.get(code, State.UNKNOWN)
    return found(check, state, f"`{seen.observer}` ended with {code}{last}", now, {"code": code, "said": said})
