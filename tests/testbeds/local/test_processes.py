"""Finding and signalling the processes of a bed."""

import signal
import subprocess
import uuid
from pathlib import Path
from typing import Any

from aurops.processes import Process
from testbeds.local import processes
from testbeds.local.processes import BED_MARK, REGION_MARK


def test_only_processes_with_the_marks_of_bed_and_region_are_found(start: Any) -> None:
    """A region's processes are those that carry its bed and its region; neighbours are not touched."""
    bed = uuid.uuid4().hex
    north = start(**{BED_MARK: bed, REGION_MARK: "north"})
    south = start(**{BED_MARK: bed, REGION_MARK: "south"})
    start(**{BED_MARK: f"{bed}2", REGION_MARK: "north"})
    assert processes.find(bed, "north") == {north}
    assert processes.find(bed) == {north, south}


def test_a_child_that_lost_its_environment_is_found_by_descent(start: Any) -> None:
    """PostgreSQL's backends overwrite their environment; they belong to the region all the same."""
    bed = uuid.uuid4().hex
    code = "import subprocess as s; p=s.Popen(['sleep','60'], env={}, stdout=s.DEVNULL); print(flush=True); p.wait()"
    parent = start(code=code, **{BED_MARK: bed, REGION_MARK: "north"})
    found = processes.find(bed, "north")
    assert parent in found
    (child,) = found - {parent}
    processes.send([child], signal.SIGKILL)


def test_a_process_that_works_in_the_folder_is_found(start: Any, tmp_path: Path) -> None:
    """An orphan of the bed without any mark is known by its working folder."""
    orphan = start(cwd=tmp_path)
    assert processes.find(uuid.uuid4().hex, folder=tmp_path) == {orphan}


def test_a_signal_spares_a_process_that_reuses_the_pid(start: Any) -> None:
    """Pid and start time must both match, else nothing is sent."""
    process = start()
    assert processes.send([Process(process.pid, process.start_ticks + 1)], signal.SIGKILL) == 0
    assert processes.state(process) is not None
    assert processes.send([process], signal.SIGKILL) == 1


def test_a_process_that_is_gone_has_no_state() -> None:
    """A pid that was reaped is reported as gone, and signalling it is no error."""
    child = subprocess.Popen(["sleep", "600"])
    process = processes.identity(child.pid)
    assert process is not None
    child.kill()
    child.wait()
    assert processes.state(process) is None
    assert processes.send([process], signal.SIGCONT) == 0
