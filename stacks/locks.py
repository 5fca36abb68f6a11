"""A stack's lock that was left by a process which is gone."""

from __future__ import annotations

import os
import socket
from datetime import datetime
from typing import TYPE_CHECKING

from aurops.processes import read_stat, started_s

if TYPE_CHECKING:
    from stacks.engine import EngineStack
    from stacks.engine_errors import Holder, StackLockedError

_ENGINE = "pulumi"
_CLOCK_S = 2.0
"""Lock times are whole seconds, and so is the moment of boot."""


def remove_dead_lock(stack: EngineStack, locked: StackLockedError) -> str:
    """Remove the lock if everybody who holds it is gone; what was done, in words.

    Only this host can say so of its own processes. A host is known by its name, as the lock has no more: two machines,
    or two containers, with one name and one backend would be taken for one.

    Args:
        stack: The locked stack.
        locked: The engine's refusal just now.

    Raises:
        StackLockedError: `locked` itself: somebody may still be at work, or nobody is named.
        OutsideError: The lock cannot be removed.
    """
    if not locked.holders or not all(is_gone(holder) for holder in locked.holders):
        raise locked
    stack.command("cancel", "--yes")
    named = ", ".join(f"process {holder.pid} of {holder.user}, since {holder.at}" for holder in locked.holders)
    return f"removed the lock of a process that is gone ({named})"


def is_gone(holder: Holder) -> bool:
    """Whether the process that took a lock surely runs no more."""
    if holder.host != socket.gethostname():
        return False
    try:
        os.kill(holder.pid, 0)
    except ProcessLookupError:
        return True
    except OSError:  # another user's: it exists
        pass
    stat = read_stat(holder.pid)
    if stat is None:  # hidden from this user (mount option hidepid)
        return False
    if not stat.alive:
        return True
    # The number may be another process's by now. The clock may have been set since, so an engine counts as the holder.
    return stat.name != _ENGINE and started_s(stat.process) > _epoch_s(holder.at) + _CLOCK_S


def _epoch_s(at: str) -> float:
    try:
        return datetime.fromisoformat(at).timestamp()
    except ValueError:
        return float("inf")
