"""A drill that is stopped by Ctrl-C, `kill` or a closed terminal, at every moment: nothing of it is left."""

import json
import os
import pty
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Container, Iterable, Iterator
from functools import partial
from itertools import product
from pathlib import Path

import pytest

from tests.e2e import commands

pytestmark = pytest.mark.e2e
until = partial(commands.until, limit_s=30.0)

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
STARTING, STEADY, FAILING_OVER, MEASURING, ENDING = (
    "bringing up",
    "is up after",
    "decided target",
    "open traffic to",
    "ending bed",
)
MOMENTS = (STARTING, STEADY, FAILING_OVER, MEASURING, ENDING)
DRILL = [sys.executable, "-m", "runbooks", "failover-test", "--rto", "30"]
QUICK = [(TERM, STEADY), (INT, FAILING_OVER)]
CAMPAIGN = [pair for pair in product((INT, TERM, HUP), MOMENTS) if pair not in QUICK]


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder for temporary files of its own, so that whatever is in it is left by this test's bed."""
    folder = Path(tempfile.mkdtemp(prefix="aurops-test-"))
    folder.chmod(0o711)  # as root, PostgreSQL is another user and must come through
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def living(place: Path) -> dict[int, str]:
    """Processes that were started with this place, or work in it: found without the bed's own means."""
    found = {}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            words = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            started = (process / "environ").read_bytes().split(b"\0")
            if f"TMPDIR={place}".encode() in started or str(place) in f"{words} {(process / 'cwd').readlink()}":
                found[int(process.name)] = words
        except OSError:
            continue
    return found


def segments(creators: Container[int] | None = None) -> set[str]:
    """Ids of the System V shared memory segments of this machine, or of those that these processes have made."""
    lines = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return {line[1] for line in lines if creators is None or int(line[4]) in creators}


def ports(place: Path) -> list[int]:
    """The ports of the bed in this place."""
    layouts = [json.loads(file.read_text()) for file in place.glob("aurops-bed-*/layout.json")]
    return [value for layout in layouts for name, value in layout.items() if name.endswith("_port")]


def free(port: int) -> bool:
    """Whether nobody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def environment(place: Path, store: Path) -> dict[str, str]:
    """A drill's environment: its bed is made in this place."""
    return {**os.environ, "AUROPS_STORE": str(store), "TMPDIR": str(place), "TERM": "xterm"}


def ready(place: Path, moment: str) -> bool:
    """Whether the moment that a line announced has come: processes are under way, clients write."""
    wanted = {STARTING: "aurops-bed-*/envoy.log", STEADY: "aurops-bed-*/ledger.jsonl"}.get(moment)
    return wanted is None or any(place.glob(wanted))


def read_to(moment: str, lines: Iterable[str]) -> str:
    """What is said until it says this, or until it ends."""
    said = ""
    for line in lines:
        said += line
        if moment in line:
            break
    return said


def stop_at(moment: str, signum: signal.Signals, place: Path, store: Path) -> tuple[int, str, str]:
    """Stop a drill at a moment, and again while it cleans up; its exit code, its last words, its fault's journal."""
    with subprocess.Popen(
        DRILL, env=environment(place, store), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as drill:
        try:
            assert drill.stderr is not None
            words = read_to(moment, drill.stderr)
            assert moment in words, words
            until(lambda: ready(place, moment), moment)
            made, listening = segments(living(place)), ports(place)
            fault = next((file.open() for file in place.glob("aurops-bed-*/fault.jsonl")), None)
            drill.send_signal(signum)
            words += read_to(ENDING, drill.stderr)
            drill.send_signal(INT)  # while it cleans up
            words += drill.stderr.read()
            drill.wait(timeout=60)
        finally:
            drill.kill()
    check_gone(place, made, listening)
    if fault is None:
        return drill.returncode, words, ""
    with fault:  # its folder is gone; what was open can still be read
        return drill.returncode, words, fault.read()


def check_gone(place: Path, made: set[str], listening: list[int]) -> None:
    """No process, file, shared memory or socket of this place's bed is left."""
    until(lambda: not living(place), f"nothing runs: {living(place)}")
    assert list(place.iterdir()) == []
    assert not made & segments()
    assert all(free(port) for port in listening)


def check(signum: signal.Signals, moment: str, place: Path, store: Path) -> None:
    """Stop it, and look at what it said, and at what became of the fault."""
    code, words, fault = stop_at(moment, signum, place, store)
    assert code == 128 + signum, words
    assert f"stopped by {signum.name}" in words
    assert "Traceback" not in words
    events = [json.loads(line)["event"] for line in fault.splitlines()]
    assert events[-1:] == (["undone"] if moment in (FAILING_OVER, MEASURING, ENDING) else [])


@pytest.mark.parametrize(("signum", "moment"), QUICK)
def test_a_stopped_drill_leaves_nothing(signum: signal.Signals, moment: str, place: Path, tmp_path: Path) -> None:
    """It exits 128 + n, with its fault undone, and without a process, a shared memory, a socket or a file."""
    check(signum, moment, place, tmp_path)


def test_a_terminal_that_closes_ends_the_drill(place: Path, tmp_path: Path) -> None:
    """The window is closed while the timeline is drawn on it: the drill exits 129, and nothing of it is left."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["setsid", "--ctty", *DRILL], env=environment(place, tmp_path), stdin=theirs, stdout=theirs, stderr=theirs
    ) as drill:
        try:
            os.close(theirs)
            shown = b""
            while STARTING.encode() not in shown:
                shown += os.read(ours, 4096)
            until(lambda: ready(place, STARTING), STARTING)
            made, listening = segments(living(place)), ports(place)
            os.close(ours)
            assert drill.wait(timeout=60) == 128 + HUP
        finally:
            drill.kill()
    check_gone(place, made, listening)


@pytest.mark.campaign
@pytest.mark.parametrize(("signum", "moment"), CAMPAIGN)
def test_a_drill_can_be_stopped_at_every_moment(
    signum: signal.Signals, moment: str, place: Path, tmp_path: Path
) -> None:
    """The same, from the bed's first process to its last."""
    check(signum, moment, place, tmp_path)
