"""When a holder counts as dead."""

from __future__ import annotations

import os
import subprocess
import sys

from aurops.holder import Holder, provably_dead

CHILD = """
import sys
from aurops.holder import Holder
print(Holder.this_process().model_dump_json(), flush=True)
sys.stdin.read()
"""


def test_a_living_process_is_never_proven_dead() -> None:
    """Neither ourselves, nor another user's process, nor one in another container or boot."""
    me = Holder.this_process()
    init = me.model_copy(update={"pid": 1, "start_ticks": -1})
    gone = {"pid": 2**22 - 1}  # above any default pid_max
    assert not provably_dead(me, me)
    assert not provably_dead(me.model_copy(update=gone | {"boot_id": "other"}), me)
    assert not provably_dead(me.model_copy(update=gone | {"pid_ns": "pid:[1]"}), me)
    assert provably_dead(init, me), "the pid is in use again by a process that started at another time"


def test_a_killed_process_is_proven_dead_even_as_a_zombie() -> None:
    """A kill -9 frees the lease at once, whether or not the parent has collected its child."""
    with subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        other = Holder.model_validate_json(child.stdout.readline())
        me = Holder.this_process()
        assert other.pid == child.pid
        assert not provably_dead(other, me)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert provably_dead(other, me), "a zombie"
    assert provably_dead(other, me), "collected"
