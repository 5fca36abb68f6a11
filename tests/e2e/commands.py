"""aurops commands as processes, and waiting for what they bring about."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

COMMAND = [sys.executable, "-m", "runbooks"]
SHORT = {"steady": {"before_s": 1.5, "after_s": 1.5}, "load": {"seconds": 1.5}}
"""The part of an experiment that makes it as short as can be judged."""


def aurops(*arguments: str, env: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """A command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, env=dict(env), timeout=300
    )


def until(condition: Callable[[], bool], what: str = "the condition did not come true", *, limit_s: float) -> None:
    """Wait until a condition holds."""
    pause, deadline_s = threading.Event(), time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline_s, f"not within {limit_s:g} s: {what}"
        pause.wait(0.02)
