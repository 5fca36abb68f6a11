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
from aurops.plan import Observation

if TYPE_CHECKING:
    from datetime import datetime

    from aurops.clock import Clock
    from aurops.gates.quantity import CommandNumber
    from aurops.gates.spec import CommandCheck

_MOST_CHARS = 500


@dataclass(frozen=True)
class Ended:
    """How a command ended.

    Args:
        code: Its exit code; negative: the signal that ended it.
        said: The end of what it printed.
    """

    code: int
    said: str


def look(check: CommandCheck | CommandNumber, clock: Clock) -> Observation[Ended]:
    """Run the command once; one that takes too long is killed with all that it started."""
    at_s, name = clock.now_s(), " ".join(check.argv)
    try:
        child = subprocess.Popen(
            check.argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        return Observation(None, at_s, name, f"it cannot be run: {error.strerror}")
    try:
        output, _ = child.communicate(timeout=check.timeout_s)
    except subprocess.TimeoutExpired:
        return Observation(None, at_s, name, f"it did not end within {check.timeout_s:g} s")
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if child.stdout is not None:
            child.stdout.close()
    return Observation(Ended(child.returncode, output.decode(errors="replace").strip()[-_MOST_CHARS:]), at_s, name)


def judge(check: CommandCheck, seen: Observation[Ended], now: datetime) -> Finding:
    """Whether the exit code opens the gate. Pure."""
    if seen.value is None:
        return unseen(check, seen, now)
    code, said = seen.value.code, seen.value.said
    last = f": {said.splitlines()[-1]}" if said else ""
    state = {0: State.OPEN, 1: State.CLOSED}.get(code, State.UNKNOWN)
    return found(check, state, f"`{seen.observer}` ended with {code}{last}", now, {"code": code, "said": said})
