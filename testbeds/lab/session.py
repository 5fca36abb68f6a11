"""A lab session: everything that the real Pulumi engine needs to run a stack with no cloud account.

    with lab_session(root) as lab:
        stack = auto.create_or_select_stack(..., opts=auto.LocalWorkspaceOptions(env_vars=lab.env, …))
        ...
        lab.world.objects("aws:ec2/vpc:Vpc")

The session owns one folder: PATH entries for the engine, `PULUMI_HOME`, the state backend, a copy of the stack files,
and the world. Nothing is written anywhere else. A session in a folder that is kept finds the world of the last one.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from aurops.clock import Clock, RealClock
from aurops.errors import OutsideError
from aurops.processes import Process
from testbeds.lab import LAB_VARIABLE
from testbeds.lab.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CLOUDS: Final = ("aws", "kubernetes")
_START_WITHIN_S: Final = 30.0
_STACK_FILES: Final = ("Pulumi.yaml", "stacks/Pulumi*.yaml")

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
class LabSession:
    """A running lab.

    Args:
        folder: Its folder; everything below is in it.
        world: The objects that exist.
        env: Environment for whatever runs the engine: this process's own, with the lab's settings.
        work_dir: Copy of `Pulumi.yaml` and the stack files; a work dir for the Automation API.
    """

    folder: Path
    world: World
    env: Mapping[str, str]
    work_dir: Path


@contextmanager
def lab_session(root: Path, *, folder: Path | None = None, latency_s: float = 0.0) -> Iterator[LabSession]:
    """Open a lab; its servers end with it, and also when this process is killed.

    Args:
        root: Where the stack files are read from: the repository.
        folder: The lab's folder, kept afterwards; None: a temporary one.
        latency_s: Seconds from an object's existence to the provider's answer (≥ 0).

    Raises:
        OutsideError: The servers do not start, or another session is using the folder.
    """
    with _folder(folder) as place:
        home = _Place(place.resolve())
        home.lay_out(root)
        world = World(home.world)
        try:
            with _claimed(home), _servers(home, latency_s, RealClock()):
                yield LabSession(home.folder, world, home.env(), home.work_dir)
        finally:
            world.close()


@contextmanager
def _folder(folder: Path | None) -> Iterator[Path]:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="aurops-lab-") as made:
        yield Path(made)


@dataclass(frozen=True)
class _Place:
    """The lab's folder, by name."""

    folder: Path

    @property
    def world(self) -> Path:
        return self.folder / "world.sqlite"

    @property
    def work_dir(self) -> Path:
        return self.folder / "work"

    @property
    def owner(self) -> Path:
        return self.folder / "session"

    def port_file(self, cloud: str) -> Path:
        return self.folder / f"{cloud}.port"

    def log(self, cloud: str) -> Path:
        return self.folder / f"{cloud}.log"

    def lay_out(self, root: Path) -> None:
        """Make the folders, the shims and the copies; what a last session left stays."""
        for name in ("bin", "home", "state", "work"):
            (self.folder / name).mkdir(exist_ok=True)
        for cloud in CLOUDS:
            shim = self.folder / "bin" / f"pulumi-resource-{cloud}"
            shim.write_text(_SHIM.format(cloud=cloud, variable=LAB_VARIABLE))
            shim.chmod(0o755)
        for pattern in _STACK_FILES:
            for file in root.glob(pattern):
                copy = self.work_dir / file.relative_to(root)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, copy)

    def env(self) -> dict[str, str]:
        # Nothing of a real account may reach a program in the lab, and nothing of the lab a real backend.
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "AWS_", "KUBE"))}
        return own | {
            LAB_VARIABLE: str(self.folder),
            "PATH": os.pathsep.join([str(self.folder / "bin"), os.environ.get("PATH", os.defpath)]),
            "PULUMI_HOME": str(self.folder / "home"),
            # No side files: they are not written in one move, and a kill in between leaves a state that cannot be read.
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}?metadata=skip",
            # It protects nothing: the lab has no secrets of anybody's.
            "PULUMI_CONFIG_PASSPHRASE": "lab",
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "AWS_EC2_METADATA_DISABLED": "true",
        }


@contextmanager
def _claimed(place: _Place) -> Iterator[None]:
    """One session a folder: two would each overwrite the other's ports."""
    if place.owner.exists():
        owner = Process.parse(place.owner.read_text())
        if owner.is_alive() and owner != Process.current():
            raise OutsideError(
                f"the lab is in use by process {owner.pid}", where=str(place.folder), next_step="wait until it ends"
            )
    place.owner.write_text(str(Process.current()))
    try:
        yield
    finally:
        place.owner.unlink(missing_ok=True)


@contextmanager
def _servers(place: _Place, latency_s: float, clock: Clock) -> Iterator[None]:
    started = {cloud: _start(cloud, place, latency_s) for cloud in CLOUDS}
    try:
        for cloud, server in started.items():
            _wait(cloud, server, place, clock)
        yield
    finally:
        for cloud, server in started.items():
            place.port_file(cloud).unlink(missing_ok=True)
            server.terminate()
            server.wait()


def _start(cloud: str, place: _Place, latency_s: float) -> subprocess.Popen[bytes]:
    place.port_file(cloud).unlink(missing_ok=True)
    command = [sys.executable, "-m", "testbeds.lab.server", cloud, "--world", str(place.world)]
    command += ["--port-file", str(place.port_file(cloud)), "--session", str(Process.current())]
    command += ["--latency-s", str(latency_s)]
    # A session of its own: Ctrl-C reaches the engine, which then still has its providers to finish what it began.
    with place.log(cloud).open("ab") as log:
        return subprocess.Popen(
            command, env=place.env(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )


def _wait(cloud: str, server: subprocess.Popen[bytes], place: _Place, clock: Clock) -> None:
    deadline_s = clock.now_s() + _START_WITHIN_S
    while not place.port_file(cloud).exists():
        if server.poll() is not None or clock.now_s() > deadline_s:
            tail = place.log(cloud).read_text(errors="replace").splitlines()[-3:]
            raise OutsideError(
                f"the lab's {cloud} server did not start",
                where=str(place.log(cloud)),
                next_step=" / ".join(tail) or None,
            )
        clock.sleep(0.01)
