"""Commands run in the process of the tests as if it were one of their own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack, chdir, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.runbooks.here import here

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_NAMES = ("stdin", "stdout", "stderr")


def inside(folder: Path, env: Mapping[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of aurops here, in a folder and an environment.

    What it starts hears and says the same: nobody types, and what is said is not a terminal.
    """
    with ExitStack() as stack:
        nothing = stack.enter_context(Path(os.devnull).open("rb"))
        out, err = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        with chdir(folder), _environment(env), _streams(nothing.fileno(), out.fileno(), err.fileno()):
            code = here(*arguments)
        said = []
        for each in (out, err):
            each.seek(0)
            said.append(each.read().decode())
    return subprocess.CompletedProcess(arguments, code, *said)


@contextmanager
def _environment(env: Mapping[str, str]) -> Iterator[None]:
    own = dict(os.environ)
    _become(env)
    try:
        yield
    finally:
        _become(own)


def _become(env: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(env)


@contextmanager
def _streams(*files: int) -> Iterator[None]:
    """Standard input, output and error are these files, for this process and for what it starts."""
    own = [os.dup(number) for number in range(3)]
    objects = [getattr(sys, name) for name in _NAMES]
    for number, file in enumerate(files):
        os.dup2(file, number)
    opened = [io.TextIOWrapper(io.FileIO(n, "rw"[n > 0], closefd=False), write_through=True) for n in range(3)]
    for name, each in zip(_NAMES, opened, strict=True):
        setattr(sys, name, each)
    try:
        yield
    finally:
        for number, file in enumerate(own):
            os.dup2(file, number)
            os.close(file)
        for name, each in zip(_NAMES, objects, strict=True):
            setattr(sys, name, each)
