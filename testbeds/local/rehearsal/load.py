"""The load of a rehearsal at one proxy: k6, open loop; what it was told, against what the platforms executed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aurops.errors import OutsideError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RATE_PER_S = 10
"""Iterations of the load at each proxy, a read and a write each: the platforms are Python and share two cores, and one
that answers no health check for two seconds is rolled back, as in earnest."""
BURST_S = 2
BURST_AT_ONCE = 8
"""Requests under way at a time while it is measured what V10 takes, for so many seconds: its health checks wait behind
no more than these."""
_END_S = 30.0


@dataclass(frozen=True)
class Load:
    """What the load of one proxy saw, and its platforms counted.

    Args:
        sent: Reads and writes.
        not_answered: Those without success.
        written: Writes that were acknowledged.
        lost: Acknowledged writes that no platform executed.
        twice: Writes that were executed more than once.
    """

    sent: int
    not_answered: int
    written: int
    lost: int
    twice: int

    @property
    def said(self) -> str:
        """In words."""
        return (
            f"{self.sent} requests, {self.not_answered} without an answer; "
            f"{self.written} writes acknowledged, {self.lost} lost, {self.twice} executed twice"
        )


@contextmanager
def loading(name: str, url: str, summary: Path, for_s: float) -> Iterator[subprocess.Popen[bytes]]:
    """k6, until it is told to end.

    Args:
        name: The proxy; each write's id begins so.
        url: Where clients come.
        summary: What it says at its end.
        for_s: It ends by itself after so many seconds.

    Raises:
        OutsideError: There is no k6.
    """
    child = _k6(summary, NAME=name, URL=url, RATE=RATE_PER_S, SECONDS=int(for_s))
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def can_take(name: str, url: str, summary: Path) -> float:
    """What a URL takes, requests a second: closed loop, so many at a time, each as fast as it is answered.

    Args:
        name: Whose URL; each write's id begins so.
        url: Where it is asked, with the same reads and writes as those of the load.
        summary: What k6 says at its end.

    Raises:
        OutsideError: There is no k6, or not every request was answered.
    """
    child = _k6(summary, NAME=name, URL=url, VUS=BURST_AT_ONCE, SECONDS=BURST_S)
    try:
        child.wait(BURST_S + _END_S)
    except subprocess.TimeoutExpired:
        pass  # as one that said nothing
    finally:
        child.kill()
        child.wait()
    said = _counted(child, summary)
    if said["not_answered"]:
        raise OutsideError(f"{name} did not answer {said['not_answered']} of {said['http_reqs']} requests", where=url)
    return said["http_reqs"] / BURST_S


def _k6(summary: Path, **env: str | float) -> subprocess.Popen[bytes]:
    """k6 with `load.js`.

    Raises:
        OutsideError: There is none.
    """
    k6 = shutil.which("k6") or str(Path(sys.prefix, "bin", "k6"))
    command = [k6, "run", "--quiet", "--no-usage-report", "--address", "", f"--summary-export={summary}"]
    try:
        return subprocess.Popen(
            [*command, str(Path(__file__).with_name("load.js"))],
            env={**os.environ, **{name: str(value) for name, value in env.items()}},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as cause:
        raise OutsideError("there is no k6 on this machine", next_step="uv sync --group local") from cause


def end(child: subprocess.Popen[bytes], summary: Path) -> dict[str, int]:
    """End the load; what it counted, by k6's name of it.

    Raises:
        OutsideError: It says nothing.
    """
    child.terminate()
    child.wait(_END_S)
    return _counted(child, summary)


def _counted(child: subprocess.Popen[bytes], summary: Path) -> dict[str, int]:
    if not summary.exists():
        raise OutsideError(f"k6 ended with {child.returncode} and said nothing", where=str(summary))
    metrics = json.loads(summary.read_text())["metrics"]
    return {name: int(metrics.get(name, {"count": 0})["count"]) for name in ("http_reqs", "written", "not_answered")}


def counted(name: str, said: Mapping[str, int], executions: Mapping[str, int]) -> Load:
    """What the load was told, against what was executed. Pure.

    Args:
        name: The proxy.
        said: What k6 counted.
        executions: Times by request id, of all platforms.
    """
    own = [times for request, times in executions.items() if request.rpartition("-")[0] == name]
    return Load(
        sent=said["http_reqs"],
        not_answered=said["not_answered"],
        written=said["written"],
        lost=max(0, said["written"] - len(own)),
        twice=sum(times > 1 for times in own),
    )
