"""The hosts of a cutover: this one, and those that are reached over plain OpenSSH. The one place that knows the ways.

Nothing but `ssh` and the operator's own keys, agent and configuration: no secret manager, no store, no agent of ours.
What runs there is aurops itself, on that host's own folders.
"""

from __future__ import annotations

import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Annotated

from pydantic import BaseModel, ConfigDict, Field

from aurops.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

HostName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9][a-zA-Z0-9.-]*$", max_length=253)]
CONNECT_S = 3
SSH = f"ssh -o BatchMode=yes -o ConnectTimeout={CONNECT_S} -o ServerAliveInterval=2 -o ServerAliveCountMax=2"
"""BatchMode: nobody is asked for a password or about an unknown host key; it fails, and says so."""
_ENDED_S = 1.0


class Host(BaseModel):
    """How a host is reached from another one."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    name: HostName
    """What it calls itself (`hostname`, or `AUROPS_HOST` there)."""
    ssh: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_][a-zA-Z0-9_.@:/\[\]-]*$")] | None = None
    """Where ssh(1) connects: [user@]host, or ssh://[user@]host[:port]. None: by its name."""
    aurops: Annotated[str, Field(min_length=1)] = "aurops"
    """What starts aurops there, for that host's shell: it has seldom the PATH of a login."""


@dataclass(frozen=True)
class Said:
    """What a command on another host said.

    Args:
        code: Its exit code; 255: ssh's own.
        out: Its output.
        err: Its messages, and ssh's.
    """

    code: int
    out: str
    err: str

    @property
    def why(self) -> str:
        """Its last words, in one line."""
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return f"exit code {self.code}: {' '.join(line.strip() for line in lines[-3:]) or 'no word'}"


def here() -> str:
    """What this host calls itself: `AUROPS_HOST`, else its hostname."""
    return os.environ.get("AUROPS_HOST") or socket.gethostname()


def is_here(name: str) -> bool:
    """Whether a name means this host; an empty one does."""
    return name in ("", here(), here().partition(".")[0])


def ask(
    host: Host,
    arguments: Sequence[str],
    *,
    within_s: float,
    stdin: str = "",
    hear: Callable[[str], bool] = lambda _: False,
) -> Said:
    """Run aurops on a host: over ssh, and as a child of its own when it is this one.

    Args:
        host: Which; here it is the aurops that asks, whatever `host.aurops` says.
        arguments: Of aurops.
        within_s: It is given up after so long, seconds; what it did by then nobody knows.
        stdin: What it reads.
        hear: Given each line of its messages when it comes; one that it takes (true) is not in what was said.

    Raises:
        OutsideError: It cannot be reached, or has not answered in time.
    """
    if is_here(host.name):
        command = [sys.executable, "-m", "runbooks", *arguments]
    else:
        ssh = shlex.split(os.environ.get("AUROPS_SSH") or SSH)
        command = [*ssh, host.ssh or host.name, f"{host.aurops} {shlex.join(arguments)}"]
    pipe = subprocess.PIPE
    try:
        child = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, encoding="utf-8", errors="replace", start_new_session=True
        )
    except OSError as error:
        raise OutsideError(f"{host.name} is not reached: {error}", where=command[0]) from error
    messages, child.stderr, lines = child.stderr, None, list[str]()  # so that `communicate` leaves them to the thread
    hearing = threading.Thread(target=_hear, args=(messages, hear, lines), name=f"hear {host.name}", daemon=True)
    try:
        hearing.start()
        out, _ = child.communicate(stdin, timeout=within_s)
    except subprocess.TimeoutExpired as error:
        raise OutsideError(
            f"{host.name} has not answered within {within_s:g} s: what it did nobody knows", where=shlex.join(command)
        ) from error
    finally:
        _end(child)
        if hearing.ident is not None:  # a master connection of ssh (ControlPersist) keeps its end open: not waited for
            hearing.join(_ENDED_S)
    err = "".join(lines)
    if child.returncode == 255:  # noqa: PLR2004 (ssh's own, ssh(1): exit status)
        raise OutsideError(
            f"{host.name} is not reached: {err.strip()[-300:] or 'ssh says nothing'}",
            where=shlex.join(command),
            next_step="ssh there yourself: keys, host key, name",
        )
    return Said(child.returncode, out, err)


def _hear(messages: IO[str], hear: Callable[[str], bool], lines: list[str]) -> None:
    with messages:
        for line in messages:
            if not hear(line):
                lines.append(line)  # noqa: PERF401 (what has come by now is read, also when the rest never comes)


def _end(child: subprocess.Popen[str]) -> None:
    """End it and what it started, if they are still there."""
    if child.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        with suppress(subprocess.TimeoutExpired):
            child.communicate(timeout=_ENDED_S)
