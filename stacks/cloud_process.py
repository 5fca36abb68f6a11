"""Previews the stacks of one cloud in a process of its own: each cloud's SDK is imported beside the others', not after.

Threads alone share one interpreter lock: with three clouds the second core has little to do. The two sides talk in
pickles over the child's standard input and output; both are this program, of the same version.
"""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aurops.errors import OutsideError
from stacks.site import Site

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO

    from stacks.changes import Changes
    from stacks.preview import Listen, StackPreview


@dataclass(frozen=True)
class Work:
    """What a child is to do."""

    site: Site
    stacks: tuple[str, ...]
    refresh: bool = False


@dataclass(frozen=True)
class Progress:
    """How far a stack is."""

    stack: str
    changes: Changes


@dataclass(frozen=True)
class Done:
    """The previews of all stacks of the child, in the order that was asked for."""

    previews: tuple[StackPreview, ...]


class CloudProcess:
    """A child that previews some stacks. It is in a process group of its own: this process passes Ctrl-C on.

    Args:
        site: Where the engine works.
        stacks: Those of one cloud.
        refresh: Whether it looks at the cloud first.
    """

    def __init__(self, site: Site, stacks: Sequence[str], *, refresh: bool = False) -> None:
        self._stacks = tuple(stacks)
        command = [sys.executable, "-m", "stacks.cloud_child"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, process_group=0)
        plain = Site(site.work_dir, dict(site.env), is_lab=site.is_lab)
        with suppress(BrokenPipeError), self._of(self._process.stdin) as pipe:
            pickle.dump(Work(plain, self._stacks, refresh), pipe)

    def previews(self, listen: Listen) -> tuple[StackPreview, ...]:
        """Wait for the child.

        Raises:
            OutsideError: It died. What it died of, if it was a fault of its own, stands on standard error.
        """
        for told in _messages(self._of(self._process.stdout)):
            if isinstance(told, Done):
                self._process.wait()
                return told.previews
            listen(told.stack, told.changes)
        raise OutsideError(
            f"the process that previews {', '.join(self._stacks)} ended with code {self._process.wait()}",
            next_step="run the same command again; a traceback above is a bug: report it",
        )

    def interrupt(self) -> None:
        """Ask the child to end its engines, then itself."""
        self._process.send_signal(signal.SIGINT)

    def close(self) -> None:
        """Wait for its end."""
        self._process.wait()
        self._of(self._process.stdout).close()

    @staticmethod
    def _of(pipe: IO[bytes] | None) -> IO[bytes]:
        if pipe is None:
            raise TypeError("both pipes were asked for")
        return pipe


def _messages(pipe: IO[bytes]) -> Iterator[Any]:
    with suppress(EOFError):
        while True:
            yield pickle.load(pipe)  # noqa: S301 (our own child wrote it)
