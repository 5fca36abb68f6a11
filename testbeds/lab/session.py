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
from testbeds.lab.folder import CLOUDS, LabFolder
from testbeds.lab.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_START_WITHIN_S: Final = 30.0


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
def lab_session(
    root: Path, *, folder: Path | None = None, latency_s: float = 0.0, expired: bool = False
) -> Iterator[LabSession]:
    """Open a lab; its servers end with it, and also when this process is killed.

    Args:
        root: Where the stack files are read from: the repository.
        folder: The lab's folder, kept afterwards; None: a temporary one.
        latency_s: Seconds from an object's existence to the provider's answer (≥ 0).
        expired: Whether the clouds say that the credentials have expired.

    Raises:
        UsageError: The folder holds something else than a lab.
        OutsideError: The servers do not start, or another session is using the folder.
    """
    with _folder(folder) as path:
        place = LabFolder(path.resolve())
        if os.environ.get(LAB_VARIABLE) == str(place.path) and place.user():
            # A command inside of `aurops lab run`: the session and its servers are there already.
            with _open(place) as session:
                yield session
            return
        options = ["--latency-s", str(latency_s), *(["--expired"] if expired else [])]
        with place.claimed():
            place.lay_out(root)
            with _open(place) as session, _servers(place, options, RealClock()):
                yield session


@contextmanager
def _open(place: LabFolder) -> Iterator[LabSession]:
    world = World(place.world)
    try:
        yield LabSession(place.path, world, place.env(), place.work_dir)
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


@contextmanager
def _servers(place: LabFolder, options: Sequence[str], clock: Clock) -> Iterator[None]:
    servers = _start(place, options)
    try:
        for cloud in CLOUDS:
            _wait(cloud, servers, place, clock)
        yield
    finally:
        for cloud in CLOUDS:
            place.port_file(cloud).unlink(missing_ok=True)
        servers.terminate()
        servers.wait()


def _start(place: LabFolder, options: Sequence[str]) -> subprocess.Popen[bytes]:
    for cloud in CLOUDS:
        place.port_file(cloud).unlink(missing_ok=True)
    command = [sys.executable, "-m", "testbeds.lab.server", str(place.path), "--session", str(Process.current())]
    # A session of its own: Ctrl-C reaches the engine, which then still has its providers to finish what it began.
    with place.log.open("ab") as log:
        return subprocess.Popen(
            [*command, *options],
            env=place.env(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _wait(cloud: str, servers: subprocess.Popen[bytes], place: LabFolder, clock: Clock) -> None:
    deadline_s = clock.now_s() + _START_WITHIN_S
    while not place.port_file(cloud).exists():
        if servers.poll() is not None or clock.now_s() > deadline_s:
            tail = place.log.read_text(errors="replace").splitlines()[-3:]
            raise OutsideError(
                f"the lab's {cloud} server did not start", where=str(place.log), next_step=" / ".join(tail) or None
            )
        clock.sleep(0.01)
