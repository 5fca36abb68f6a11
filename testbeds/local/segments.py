"""The System V shared memory that a killed PostgreSQL leaves: 56 bytes by which it would notice a second server.

PostgreSQL names it by the inode of its data folder, and by the numbers after that one when a name is taken
(sysv_shmem.c, PGSharedMemoryCreate). Its postmaster.pid names it too, but only from a moment after its creation on.
"""

from __future__ import annotations

import ctypes
from contextlib import suppress
from pathlib import Path

from testbeds.local import processes

_NAMES = 8
"""How many names PostgreSQL is assumed to have tried: one more for each neighbour that is in its way."""
_TABLE = Path("/proc/sysvipc/shm")
_IPC_RMID = 0  # sys/ipc.h
_KEY, _ID, _CREATOR, _ATTACHED, _OWNER = 0, 1, 4, 6, 7  # columns of the table (ipc/shm.c, sysvipc_shm_proc_show)


def left_by(data: Path) -> frozenset[int]:
    """Ids of segments of this data folder's owner and names that nobody is attached to and whose creator is gone.

    Args:
        data: PostgreSQL's data folder; one that does not exist has left none.
    """
    try:
        table = [line.split() for line in _TABLE.read_text().splitlines()[1:]]
    except OSError:
        return frozenset()
    keys = {
        (str(ctypes.c_int32(inode + n).value), str(owner)) for inode, owner in _folders(data) for n in range(_NAMES)
    }
    return frozenset(
        int(line[_ID])
        for line in table
        if (line[_KEY], line[_OWNER]) in keys and line[_ATTACHED] == "0" and not _lives(int(line[_CREATOR]))
    )


def remember(data: Path, file: Path) -> None:
    """Note a data folder that others cannot see, for it lies on a volume of its region's own.

    Args:
        data: PostgreSQL's data folder.
        file: Where `left_by` looks: beside where the folder would lie, with the suffix `.inodes`.
    """
    folder = data.stat()
    with file.open("a") as out:
        out.write(f"{folder.st_ino} {folder.st_uid}\n")


def _folders(data: Path) -> set[tuple[int, int]]:
    """Inode and owner of a data folder, and of the ones that were noted for it."""
    found = set()
    with suppress(OSError):
        folder = data.stat()
        found.add((folder.st_ino, folder.st_uid))
    with suppress(OSError):
        lines = data.with_suffix(".inodes").read_text().splitlines()
        found |= {(int(inode), int(owner)) for inode, owner in map(str.split, lines)}
    return found


def _lives(pid: int) -> bool:
    process = processes.identity(pid)
    return process is not None and processes.state(process) is not None


def remove(data: Path) -> None:
    """Remove what `left_by` finds. For a data folder whose server is dead."""
    for segment in left_by(data):
        ctypes.CDLL(None).shmctl(segment, _IPC_RMID, None)
