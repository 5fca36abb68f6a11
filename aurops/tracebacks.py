"""Where an exception arose, in words for people: file and line, without a traceback."""

from __future__ import annotations

import json
import re
import traceback
from pathlib import Path

_LIBRARY = Path(json.__file__).parents[1]
"""Python's own."""
_FRAME = re.compile(r'^  File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)


def raised_at(error: BaseException, root: Path) -> str:
    """The innermost line that an exception went through and that is in no installed package: `components/a.py, line 7`.

    Args:
        error: The exception. Of a file that cannot be parsed it is the line that is wrong there.
        root: The repository: what is in it goes by its path there, other code by its whole path.

    Returns:
        File and line; empty when only Python and packages took part.
    """
    if isinstance(error, SyntaxError) and error.filename:
        frames = [(error.filename, error.lineno or 0)]
    else:
        frames = [(each.filename, each.lineno or 0) for each in traceback.extract_tb(error.__traceback__)]
    return _innermost(frames, root)


def told_at(trace: str, root: Path) -> str:
    """The same of a traceback's text."""
    return _innermost([(each["file"], int(each["line"])) for each in _FRAME.finditer(trace)], root)


def after_frames(trace: str) -> str:
    """What stands below a traceback's last frame."""
    frames = list(_FRAME.finditer(trace))
    return trace[frames[-1].end() :] if frames else trace


def _innermost(frames: list[tuple[str, int]], root: Path) -> str:
    for file, line in reversed(frames):
        path = Path(file)
        if not file.startswith("<") and _is_own(path):
            return f"{path.relative_to(root) if path.is_relative_to(root) else path}, line {line}"
    return ""


def _is_own(path: Path) -> bool:
    return "site-packages" not in path.parts and not path.is_relative_to(_LIBRARY)
