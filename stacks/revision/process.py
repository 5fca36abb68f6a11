"""The parent's side of `stacks.revision.child`: one process for each cloud of a tree."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from aurops.errors import OutsideError, UsageError
from stacks.engine import Served
from stacks.revision.messages import Failure, StackRecord, Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from aurops.errors import AuropsError
    from stacks.revision.tree import Tree


class EndedError(OutsideError):
    """A process that runs programs has ended: that says nothing of the programs."""


@dataclass(frozen=True)
class Needs:
    """The stack cannot be recorded before another."""

    stack: str


class ProgramProcess:
    """A child that runs the programs of one cloud. It does one thing at a time; threads take turns.

    Args:
        tree: The tree.
        answers: `module:class` of what answers for the providers.
        env: Its environment: no real account's settings are for a program that is only looked at.
    """

    def __init__(self, tree: Tree, answers: str, env: Mapping[str, str]) -> None:
        self._lock = threading.RLock()
        command = [sys.executable, "-m", "stacks.revision.child", str(tree.folder), answers]
        self._process = subprocess.Popen(
            command,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            process_group=0,  # Ctrl-C is for us to hand on
        )
        self._served: Served | None = None

    def record(self, task: Task) -> StackRecord | Needs:
        """Record a stack.

        Raises:
            AuropsError: Its program failed.
            EndedError: The process has ended.
        """
        answer = self._ask({"record": task.document()})
        return Needs(answer["needs"]) if "needs" in answer else StackRecord.read(answer["record"])

    def served(self) -> Served:
        """Where engines find the programs, for as long as this process lasts."""
        with self._lock:
            if self._served is None:
                self._served = Served(*(self._ask({"serve": how})["address"] for how in ("up", "settle")))
            return self._served

    def refused(self, stack: str) -> AuropsError | None:
        """What the program of a stack raised when an engine last ran it; None when it raised nothing."""
        found = self._ask({"refused": stack})["refused"]
        return Failure.read(found).error() if found else None

    def _ask(self, question: Mapping[str, Any]) -> dict[str, Any]:
        with self._lock:
            line = ""
            if self._process.stdin and self._process.stdout:
                with suppress(BrokenPipeError, ValueError):  # its end, or our closing of the pipes
                    self._process.stdin.write(json.dumps(question) + "\n")
                    self._process.stdin.flush()
                    line = self._process.stdout.readline()
            if not line:
                raise EndedError(
                    f"the process that runs the stacks' programs ended with code {self._process.wait()}",
                    next_step="run the same command again; a traceback above is a bug: report it",
                )
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise Failure.read(answer["error"]).error()
        return answer

    def end(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with suppress(BrokenPipeError):
                    pipe.close()


class Programs:
    """The programs of a tree, a process for each of its clouds. A context manager: at its end all processes have ended.

    Args:
        tree: The tree.
        answers: `module:class` of what answers for the providers.
        env: The processes' environment.
    """

    def __init__(self, tree: Tree, answers: str, env: Mapping[str, str]) -> None:
        self.tree = tree
        self.clouds = {stack: _cloud(tree, stack) for stack in tree.files()}
        """The cloud of each stack."""
        self._answers = answers
        self._env = env
        self._processes: dict[str, ProgramProcess] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """End all processes, whatever they do."""
        for each in tuple(self._processes.values()):
            each.end()

    def start(self, stacks: Iterable[str]) -> None:
        """Start the processes of stacks; they import while something else is done."""
        for stack in stacks:
            self.of(stack)

    def of(self, stack: str) -> ProgramProcess:
        """The process of a stack's cloud."""
        cloud = self.clouds[stack]
        with self._lock:
            if cloud not in self._processes:
                self._processes[cloud] = ProgramProcess(self.tree, self._answers, self._env)
            return self._processes[cloud]


def _cloud(tree: Tree, stack: str) -> str:
    """The cloud of a stack; empty for a file that cannot be read, of which its own program complains."""
    try:
        return tree.cloud(stack)
    except UsageError:
        return ""
