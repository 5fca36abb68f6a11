"""Sample platforms as tests, benchmarks and rehearsals use them: bring some up, kill one, start it again, count.

with stack.up(V10, V11) as platforms:
    httpx.get(f"{platforms['v10'].url}/v1/system/health")
    platforms.kill("v11")
    platforms.start("v11")
    platforms.executions("v10", "v11")
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import TypeAdapter

from aurops.clock import RealClock
from aurops.errors import OutsideError, UsageError
from testbeds.local import guardian, processes
from testbeds.local.layout import LOOPBACK
from testbeds.local.platforms.members import Kind, Member, Running
from testbeds.local.platforms.place import ROCKS
from testbeds.local.processes import BED_MARK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aurops.processes import Process

PREFIX = "aurops-platforms-"
ANSWER_S = 60.0
GONE_S = 10.0
_Runnings = TypeAdapter(list[Running])


class Stack:
    """Platforms that are up.

    Args:
        folder: Their own; logs are in it, `<name>.log`.
        control_url: Their supervisor's.
    """

    def __init__(self, folder: Path, control_url: str) -> None:
        self.folder = folder
        self._control_url = control_url
        self._running = self._read(self._ask("GET", control_url))

    def __getitem__(self, name: str) -> Running:
        """The platform of this name.

        Raises:
            KeyError: There is none.
        """
        return self._running[name]

    @property
    def names(self) -> tuple[str, ...]:
        """Its platforms'."""
        return tuple(self._running)

    def kill(self, name: str, signum: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to one platform's process; after SIGKILL it returns when the process is gone.

        Raises:
            OutsideError: It still lives after `GONE_S`.
        """
        process = processes.identity(self[name].pid)
        if process is not None:
            self._signal(process, signum)

    def start(self, name: str) -> Running:
        """Start a platform that was killed, in its old place; returns when it answers.

        Raises:
            OutsideError: It does not start.
        """
        self._running = self._read(self._ask("POST", f"{self._control_url}/start", {"name": name}))
        return self[name]

    def put_database(self, *, up: bool) -> None:
        """Kill the PostgreSQL of all platforms as in a crash, or start it again; returns when that is so.

        Raises:
            OutsideError: It does not start.
        """
        self._ask("POST", f"{self._control_url}/database", {"up": up})

    def restore(self, source: str, *targets: str) -> None:
        """Make these platforms copies of a V10, as restored from one backup; all of them are started anew.

        Raises:
            OutsideError: One does not start, or the copy fails.
        """
        for name in (source, *targets):
            self.kill(name)
        rocks = Path(self[source].place.folder, ROCKS)
        for name in targets:
            place = self[name].place
            if self[name].member.kind is Kind.REST:
                shutil.rmtree(Path(place.folder, ROCKS), ignore_errors=True)
                shutil.copytree(rocks, Path(place.folder, ROCKS))
            else:
                command = [f"{__package__}.copies", f"--rocks={rocks}", f"--conninfo={place.conninfo}"]
                done = subprocess.run([sys.executable, "-m", *command], capture_output=True, text=True, check=False)
                if done.returncode:
                    raise OutsideError(f"{name} could not be restored: {done.stderr[-600:]}", where=place.folder)
        for name in (source, *targets):
            self.start(name)

    def run(self, name: str, command: list[str]) -> int:
        """Start a process that ends with the stack; what it says is in `<name>.log`. Returns its process id."""
        with (self.folder / f"{name}.log").open("ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env={**os.environ, BED_MARK: self.bed},
                start_new_session=True,
            )
        threading.Thread(target=child.wait, daemon=True).start()  # take note of its end, whenever that is
        return child.pid

    def end(self, pid: int) -> None:
        """Kill a process that `run` has started; returns when it is gone.

        Raises:
            OutsideError: It still lives after `GONE_S`.
        """
        process = processes.identity(pid)
        if process is not None:
            self._signal(process, signal.SIGKILL)

    @staticmethod
    def _signal(process: Process, signum: signal.Signals) -> None:
        processes.send([process], signum)
        clock = RealClock()
        deadline_s = clock.now_s() + GONE_S
        while signum is signal.SIGKILL and process.is_alive():
            if clock.now_s() > deadline_s:
                raise OutsideError("a process does not end", where=f"process {process}")
            clock.sleep(0.002)

    @property
    def bed(self) -> str:
        """Its id, by which its guardian knows its processes."""
        return self.folder.name.removeprefix(PREFIX)

    def executions(self, *names: str) -> Counter[str]:
        """How often each request that had an `x-request-id` was executed, summed over these platforms."""
        total: Counter[str] = Counter()
        for name in names:
            total.update(self._ask("GET", f"{self[name].control_url}/executions").json())
        return total

    def sockets(self, name: str) -> dict[str, int]:
        """WebSockets of a platform: `open`, `accepted` ever, `closed_by_command`."""
        seen: dict[str, int] = self._ask("GET", f"{self[name].control_url}/sockets").json()
        return seen

    def drain(self, name: str, over_s: float = 0.0) -> int:
        """Close a platform's open WebSockets with 1012, spread over so many seconds; returns how many."""
        return int(self._ask("POST", f"{self[name].control_url}/drain", {"over_s": over_s}).json()["closed"])

    @staticmethod
    def _read(answer: httpx.Response) -> dict[str, Running]:
        return {running.member.name: running for running in _Runnings.validate_json(answer.content)}

    @staticmethod
    def _ask(method: str, url: str, body: Any = None) -> httpx.Response:
        try:
            return httpx.request(method, url, json=body, timeout=ANSWER_S, trust_env=False).raise_for_status()
        except httpx.HTTPError as error:
            raise OutsideError(f"a platform does not answer: {error!r}", where=url) from error


@contextmanager
def up(*members: Member) -> Iterator[Stack]:
    """Bring platforms up; at the end nothing of them is left, also when this process dies.

    Raises:
        UsageError: Two have the same name.
        OutsideError: One does not come up.
    """
    if len({member.name for member in members}) < len(members):
        raise UsageError("two platforms have the same name", allowed="a name of its own for each")
    folder = Path(tempfile.mkdtemp(prefix=PREFIX))
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)  # PostgreSQL's user comes through to its own folder inside
    bed = folder.name.removeprefix(PREFIX)
    log_file = folder / "supervisor.log"
    with log_file.open("ab") as log:
        supervisor = subprocess.Popen(
            _command(bed, folder, members),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            env={**os.environ, BED_MARK: bed},
            start_new_session=True,
        )
    try:
        yield Stack(folder, _await_ready(supervisor, log_file))
    finally:
        supervisor.kill()
        supervisor.communicate()
        guardian.clean(bed, folder)


def _command(bed: str, folder: Path, members: tuple[Member, ...]) -> list[str]:
    asked = json.dumps([member.model_dump(mode="json") for member in members])
    module = f"{__package__}.supervisor"
    return [sys.executable, "-m", module, f"--bed={bed}", f"--folder={folder}", f"--members={asked}"]


def _await_ready(supervisor: subprocess.Popen[bytes], log_file: Path) -> str:
    """The control URL, once everything is up.

    Raises:
        OutsideError: It failed.
    """
    for line in supervisor.stdout or ():
        told = json.loads(line)
        if "failed" in told:
            raise OutsideError(**told["failed"])
        if "ready" in told:
            return f"http://{LOOPBACK}:{told['control_port']}"
    said = log_file.read_text(errors="replace")[-800:].strip()
    raise OutsideError(f"The platforms' supervisor ended: {said}", where=str(log_file))
