"""Who holds a lease: enough to name the process to a person, and to prove that it is gone."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Self
from uuid import uuid4

from pydantic import BaseModel, ConfigDict

from aurops.processes import Process, boot_id, read_stat


class Holder(BaseModel):
    """One process, or rather one lease object in it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    uuid: str
    host: str
    boot_id: str
    """Random for each boot of a kernel (random(4)); containers of one machine share it."""
    pid_ns: str
    """The name space that `pid` counts in (namespaces(7)): a pid of another container says nothing here."""
    pid: int
    start_ticks: int
    """Start of the process in clock ticks since boot (proc_pid_stat(5), field 22): tells a reused pid."""

    @classmethod
    def this_process(cls) -> Self:
        """A new holder that lives as long as this process."""
        return cls(
            uuid=uuid4().hex,
            host=socket.gethostname(),
            boot_id=boot_id(),
            pid_ns=str(Path("/proc/self/ns/pid").readlink()),
            pid=os.getpid(),
            start_ticks=Process.current().start_ticks,
        )


def provably_dead(other: Holder, me: Holder) -> bool:
    """Whether `other` has certainly ended: same boot, same pid name space, and its pid is free, reused or a zombie.

    False whenever it cannot be proven.
    """
    if (other.boot_id, other.pid_ns) != (me.boot_id, me.pid_ns):
        return False
    try:
        os.kill(other.pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass  # it lives, as another user's
    stat = read_stat(other.pid)
    if stat is None:
        return False  # hidden from this user, or gone just now: not proven
    return stat.process.start_ticks != other.start_ticks or not stat.alive
