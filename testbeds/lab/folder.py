"""A lab's folder: what is in it, by name; who is using it; and how it goes."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aurops.errors import OutsideError, UsageError
from aurops.processes import Process
from testbeds.lab import LAB_VARIABLE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from testbeds.lab.world import World

CLOUDS: Final[Mapping[str, str]] = {
    "aws": "aws",
    "azure-native": "azure",
    "gcp": "gcp",
    "kubernetes": "kubernetes",
}
"""Pulumi's name of each package that the lab serves, and the module here that does."""

_REAL: Final = ("PULUMI_", "AWS_", "ARM_", "AZURE_", "GOOGLE_", "GCLOUD_", "CLOUDSDK_", "KUBE")
"""Beginnings of the variables that lead to somebody's real account or backend."""

_STACK_FILES: Final = (
    "Pulumi.yaml",
    "stacks/Pulumi*.yaml",
    "stacks/__main__.py",
    "ci/policy/settings.py",
    "ci/policy/jurisdictions.py",
)
_HISTORY: Final = ("backups", "history", "locks", "*.bak")
"""What the backend keeps besides the states."""
_ENCRYPTION: Final = re.compile(r"^(encryptionsalt|encryptedkey|secretsprovider):.*\n?", re.MULTILINE)
_FOLDERS: Final = ("bin", "home", "state", "work")

# The engine starts this for every provider instance, reads the port from the first line, and keeps its end of our
# standard input open for as long as it lives: `cat` ends with the engine, however that ends.
_SHIM: Final = """#!/bin/sh
# Stand-in for pulumi-resource-{cloud}: leads the engine to the lab's shared server.
if [ -z "${{{variable}:-}}" ]; then
    echo "the stand-in provider for {cloud} runs in a lab session only ({variable} is not set): use --lab" >&2
    exit 1
fi
if ! read -r port 2>/dev/null < "${variable}/{cloud}.port"; then
    echo "the lab session in ${variable} has ended: its provider server is gone" >&2
    exit 1
fi
echo "$port"
exec cat > /dev/null
"""


@dataclass(frozen=True)
class LabFolder:
    """The folder of one lab.

    Args:
        path: Absolute, without links: the engine's URL of the state backend is made from it.
    """

    path: Path

    @property
    def world(self) -> Path:
        """The objects that exist, an SQLite file."""
        return self.path / "world.sqlite"

    @property
    def work_dir(self) -> Path:
        """Copy of `Pulumi.yaml` and `stacks/` of the repository, and of where data may lie."""
        return self.path / "work"

    @property
    def session_file(self) -> Path:
        """Locked by the session that is using the folder, and naming its process; it marks the folder as a lab."""
        return self.path / "session"

    def port_file(self, cloud: str) -> Path:
        """Where a server publishes its port."""
        return self.path / f"{cloud}.port"

    @property
    def log(self) -> Path:
        """What the servers said."""
        return self.path / "servers.log"

    def lay_out(self, root: Path) -> None:
        """Make the folders, the shims and the copies; what a last session left stays, except outdated copies.

        Args:
            root: The repository.
        """
        for name in _FOLDERS:
            (self.path / name).mkdir(exist_ok=True)
        for cloud in CLOUDS:
            shim = self.path / "bin" / f"pulumi-resource-{cloud}"
            shim.write_text(_SHIM.format(cloud=cloud, variable=LAB_VARIABLE))
            shim.chmod(0o755)
        # A stack that the repository no longer has would still be checked with the others.
        for old in self.work_dir.glob("stacks/Pulumi*.yaml"):
            old.unlink()
        for pattern in _STACK_FILES:
            for file in root.glob(pattern):
                copy = self.work_dir / file.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)
        forget_encryption(self.work_dir)
        self._link_environment()

    def _link_environment(self) -> None:
        """`Pulumi.yaml` names `.venv`: plain `pulumi up` then runs the program with this very environment."""
        link = self.work_dir / ".venv"
        link.unlink(missing_ok=True)
        link.symlink_to(sys.prefix)

    def env(self) -> dict[str, str]:
        """Environment of whatever runs the engine here: this process's own, with the lab's settings."""
        return unreal() | {
            LAB_VARIABLE: str(self.path),
            "PATH": os.pathsep.join([str(self.path / "bin"), os.environ.get("PATH", os.defpath)]),
            "PULUMI_HOME": str(self.path / "home"),
            # No side files: they are not written in one move, and a kill in between leaves a state that cannot be read.
            "PULUMI_BACKEND_URL": f"file://{self.path / 'state'}?metadata=skip",
            # It protects nothing: the lab has no secrets of anybody's.
            "PULUMI_CONFIG_PASSPHRASE": "lab",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def user(self) -> Process | None:
        """The process whose session is using the folder now."""
        text = self.session_file.read_text() if self.session_file.exists() else ""
        user = Process.parse(text) if text else None
        return user if user and user.is_alive() else None

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Use the folder alone: two sessions would each overwrite the other's ports.

        Raises:
            UsageError: Something else than a lab is in the folder.
            OutsideError: Another session is using it.
        """
        if not self.session_file.exists() and any(self.path.iterdir()):
            raise UsageError("this folder is not a lab, and not empty", where=str(self.path), allowed="an empty folder")
        with self.session_file.open("a+") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as cause:
                user = self.user()
                raise OutsideError(
                    f"the lab is in use by process {user.pid}" if user else "the lab is in use",
                    where=str(self.path),
                    next_step="wait until it ends; aurops lab status names it",
                ) from cause
            file.truncate(0)
            file.write(str(Process.current()))
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)

    def keep(self, world: World, folder: Path) -> None:
        """Write what makes this lab what it is, its state and its world, into a folder: a lab again, when it is opened.

        Args:
            world: The world, which may be in use.
            folder: A new folder.
        """
        own = self.path / "state" / ".pulumi"
        shutil.copytree(own, folder / own.relative_to(self.path), ignore=shutil.ignore_patterns(*_HISTORY))
        world.copy(folder / self.world.name)
        (folder / self.session_file.name).touch()

    def reset(self) -> None:
        """Remove the world, the state and all copies; nothing that is not a lab's.

        Raises:
            UsageError: The folder is not a lab.
            OutsideError: A session is using it.
        """
        with self.claimed():
            for name in _FOLDERS:
                shutil.rmtree(self.path / name, ignore_errors=True)
            for file in (*self.path.glob(f"{self.world.name}*"), self.log, *map(self.port_file, CLOUDS)):
                file.unlink(missing_ok=True)

    def known(self) -> dict[str, set[tuple[str, str]]]:
        """Type and id of the resources that each stack's state holds, as the lab's backend keeps it."""
        return {file.stem: _resources(file) for file in self.path.glob("state/.pulumi/stacks/*/*.json")}


def forget_encryption(work_dir: Path) -> None:
    """Take out of stack files what belongs to somebody's own passphrase or key: the lab has another."""
    for file in work_dir.glob("stacks/Pulumi.*.yaml"):
        text = file.read_text(encoding="utf-8", errors="surrogateescape")
        if (bare := _ENCRYPTION.sub("", text)) != text:
            file.write_text(bare, encoding="utf-8", errors="surrogateescape")


def unreal() -> dict[str, str]:
    """This process's environment without what leads to somebody's real account or backend.

    Nothing of a real account may reach a program in the lab, and nothing of the lab a real backend.
    """
    return {name: value for name, value in os.environ.items() if not name.startswith(_REAL)}


def _resources(file: Path) -> set[tuple[str, str]]:
    latest = json.loads(file.read_text())["checkpoint"]["latest"] or {}
    made = [each for each in latest.get("resources", ()) if each.get("custom") and "id" in each]
    return {(each["type"], each["id"]) for each in made if not each["type"].startswith("pulumi:")}
