"""Machines that are folders of this one: each process there reads a boot ID of that machine, where the kernel has it.

As systemd-nspawn(1) does with its containers: a file is mounted over the kernel's, in a namespace that sees nothing
else of its own. What aurops does on such a machine is what it does on a real one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from aurops.processes import BOOT_ID, boot_id
from testbeds.local import volumes

if TYPE_CHECKING:
    from pathlib import Path

FILE = "boot_id"
_BOOT = f'mount --bind "$1" {BOOT_ID} && shift && exec "$@"'


def set_up(folder: Path, *, real: bool) -> None:
    """Make a folder a machine, or the folder of the one that the tests run on, where proxies and watchers are.

    Skips where this user can mount nothing.
    """
    if why := volumes.lacking():
        pytest.skip(why)
    (folder / FILE).write_text(f"{boot_id() if real else uuid4()}\n")


def on(folder: Path, command: list[str]) -> list[str]:
    """A command that runs on the machine of a folder."""
    return [*volumes.in_namespace(), "sh", "-c", _BOOT, "sh", str(folder / FILE), *command]
