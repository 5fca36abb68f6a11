"""A small disk for one region: a tmpfs of limited size that only the region's own processes see.

The region's agent, and with it all that it starts, lives in a mount namespace of its own: as root, or as an ordinary
user in a user namespace where the machine allows one. The volume ends with the last of these processes, however they
end: nothing is left mounted.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from testbeds.local.layout import Region

SIZE_BYTES = 128 * 1024 * 1024
"""A fresh database takes 40 MB, and a drill writes a few log segments of 16 MB until its fault."""
_MOUNT = 'mount -t tmpfs -o "size=$1,mode=0755" aurops "$2" && shift 2 && exec "$@"'
_TRY_S = 10.0


def enclosed(region: Region, command: list[str]) -> list[str]:
    """A command that runs with the region's volume mounted.

    Args:
        region: One that is limited.
        command: To be run.
    """
    return [*in_namespace(), "sh", "-c", _MOUNT, "sh", str(SIZE_BYTES), str(region.volume), *command]


@cache
def lacking() -> str:
    """Why this user can mount no volume of its own; empty when it can."""
    with tempfile.TemporaryDirectory(prefix="aurops-volume-") as folder:
        command = [*in_namespace(), "sh", "-c", _MOUNT, "sh", "4096", folder, "true"]
        try:
            tried = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TRY_S)
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"no tmpfs can be mounted in a namespace: {error}"
    return "" if tried.returncode == 0 else f"no tmpfs can be mounted in a namespace: {tried.stderr.strip()[-200:]}"


def in_namespace() -> list[str]:
    """What begins a command that sees mounts of its own: as root, or as an ordinary user in a user namespace."""
    whose = [] if os.geteuid() == 0 else ["--user", "--map-current-user", "--keep-caps"]
    return ["unshare", *whose, "--mount"]


def inside(pid: int, path: Path) -> Path:
    """A path as a process sees it, for who lives outside its namespace (proc(5), /proc/PID/root)."""
    return Path(f"/proc/{pid}/root", *path.parts[1:])
