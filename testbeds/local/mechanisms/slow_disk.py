"""A disk that is slow: what one region's PostgreSQL may write to it is limited by a control group (cgroups(7))."""

from __future__ import annotations

import os
import shlex
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from aurops.errors import OutsideError
from testbeds.local.mechanisms import scopes

if TYPE_CHECKING:
    from testbeds.local.layout import Layout

_CGROUPS = (Path("/sys/fs/cgroup/blkio"), Path("/sys/fs/cgroup"))
"""Version 1 and version 2 (cgroups(7))."""
_BYTES_PER_S = 16_384
_WRITES_PER_S = 2
_BLOCK_BYTES, _BLOCKS = 4096, 4
_SLOW_S = 0.5
"""A commit that takes longer than the objective and the probes allow."""


class SlowDisk:
    """A region's PostgreSQL that may write only a few blocks a second to its disk.

    Args:
        place: The bed.
        region: Which region.
    """

    def __init__(self, place: Layout, region: str) -> None:
        self._scope = scopes.database(place, region)
        self._folder = Path(place.folder)
        self._group = f"aurops-{place.bed}-{region}"

    def ready(self) -> None:
        """PostgreSQL runs, and this user may slow it down."""
        if why := throttle_lacking(self._folder):
            raise OutsideError(why)
        if not self._scope():
            raise OutsideError("there is no running process to hit")

    def inject(self) -> int:
        """Put PostgreSQL into a control group that may write little."""
        root = _root()
        group = root / self._group
        group.mkdir(exist_ok=True)
        device = _device(self._folder)
        if _is_v2(root):
            (group / "io.max").write_text(f"{device} wbps={_BYTES_PER_S} wiops={_WRITES_PER_S}")
        else:
            (group / "blkio.throttle.write_bps_device").write_text(f"{device} {_BYTES_PER_S}")
            (group / "blkio.throttle.write_iops_device").write_text(f"{device} {_WRITES_PER_S}")
        hit = self._scope()
        for process in hit:
            _move(process.pid, group)
        return len(hit)

    def proved(self) -> bool:
        """PostgreSQL is in the group, and a few blocks written there take too long."""
        group = _root() / self._group
        members = {int(line) for line in (group / "cgroup.procs").read_text().split()}
        return {process.pid for process in self._scope()} <= members and _is_slow(self._folder, group)

    def undo(self) -> None:
        """Let PostgreSQL out, and remove the group."""
        root = _root()
        group = root / self._group
        if not group.exists():
            return
        while members := (group / "cgroup.procs").read_text().split():
            for pid in members:
                _move(int(pid), root)
        group.rmdir()


def throttle_lacking(folder: Path) -> str:
    """Why this user cannot slow a disk down; empty when it can."""
    if os.geteuid() != 0:
        return "only root may limit what other processes write (control groups)"
    root = _root()
    control = "cgroup.subtree_control" if _is_v2(root) else "blkio.throttle.write_bps_device"
    if not (root / control).exists() or (_is_v2(root) and "io" not in (root / control).read_text().split()):
        return "no control group here limits input and output"
    if os.major(folder.stat().st_dev) == 0:
        return f"{folder} lies on no disk that could be limited"
    return ""


def _root() -> Path:
    return next((root for root in _CGROUPS if (root / "blkio.throttle.write_bps_device").exists()), _CGROUPS[-1])


def _is_v2(root: Path) -> bool:
    return root == _CGROUPS[-1]


def _device(folder: Path) -> str:
    number = folder.stat().st_dev
    return f"{os.major(number)}:{os.minor(number)}"


def _move(pid: int, group: Path) -> None:
    try:
        (group / "cgroup.procs").write_text(str(pid))
    except ProcessLookupError:
        return  # it has ended meanwhile


def _is_slow(folder: Path, group: Path) -> bool:
    """Whether a few blocks that a process of the group writes and flushes take too long; it is not waited for then."""
    sample = folder / "sample"
    writes = f"dd if=/dev/urandom bs={_BLOCK_BYTES} count={_BLOCKS} conv=fsync of={shlex.quote(str(sample))}"
    script = f"echo $$ > {shlex.quote(str(group / 'cgroup.procs'))} && exec {writes}"
    writer = subprocess.Popen(["sh", "-c", script], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        writer.wait(_SLOW_S)
    except subprocess.TimeoutExpired:
        writer.kill()
        threading.Thread(target=writer.wait, daemon=True).start()
        return True
    finally:
        sample.unlink(missing_ok=True)
    return False
