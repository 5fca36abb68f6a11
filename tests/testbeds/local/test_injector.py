"""The fault injector as a process, on processes that stand in for a region."""

import signal
import subprocess
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from aurops.clock import RealClock
from aurops.processes import Process
from failover.faults import Event, read_journal
from testbeds.local import injector, layout, processes
from testbeds.local.processes import BED_MARK, REGION_MARK

WITH_CHILD = "import subprocess as s; p=s.Popen(['sleep','60'], env={}, stdout=s.DEVNULL); print(flush=True); p.wait()"


@dataclass
class Bed:
    """A bed's folder, a supervisor that only notes what it is asked, and the processes of two regions."""

    folder: Path
    journal: Path
    id: str
    north: list[Process] = field(default_factory=list)
    others: list[Process] = field(default_factory=list)
    revived: list[str] = field(default_factory=list)

    def events(self) -> list[Event]:
        """What the injector journalled so far."""
        return [entry.event for entry in read_journal(self.journal).events]

    def states(self) -> list[str | None]:
        """State letters of north's processes."""
        return [processes.state(process) for process in self.north]


@pytest.fixture
def bed(tmp_path: Path, start: Any) -> Iterator[Bed]:
    """North has a process with a child that lost its marks; south and a stranger must not be touched."""
    bed = Bed(tmp_path, tmp_path / "journal.jsonl", uuid.uuid4().hex)

    class Supervisor(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bed.revived.append(self.path + self.rfile.read(int(self.headers["content-length"])).decode())
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_args: object) -> None:
            """Keep the test's output clean."""

    server = HTTPServer(("127.0.0.1", 0), Supervisor)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    components = layout.Components(postgres_bin="", valkey="", envoy="")
    layout.save(layout.plan(bed.id, tmp_path, server.server_port, components, None))
    start(code=WITH_CHILD, **{BED_MARK: bed.id, REGION_MARK: "north"})
    bed.north = list(processes.find(bed.id, "north"))
    bed.others = [start(**{BED_MARK: bed.id, REGION_MARK: "south"}), start()]
    yield bed
    assert all(processes.state(process) == "S" for process in bed.others)
    processes.send(bed.north, signal.SIGKILL)
    server.shutdown()
    server.server_close()
    thread.join()


Inject = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def inject(bed: Bed, run_module: Any) -> Inject:
    """Starts an injector on north."""

    def run(fault: str, *arguments: object) -> subprocess.Popen[bytes]:
        where = ("--bed", bed.folder, "--region", "north", "--journal", bed.journal)
        process: subprocess.Popen[bytes] = run_module(
            "testbeds.local.injector", *where, "--fault", fault, *arguments, **{BED_MARK: bed.id}
        )
        return process

    return run


def test_a_freeze_stops_every_process_and_is_undone_on_demand(bed: Bed, inject: Inject, wait_for: Any) -> None:
    """Frozen means all of them, children included; afterwards they run on."""
    assert len(bed.north) == 2
    before_s = RealClock().now_s()
    injector = inject("freeze")
    wait_for(lambda: Event.EFFECTIVE in bed.events())
    assert bed.states() == ["T", "T"]
    record = read_journal(bed.journal)
    assert record.t0_s is not None
    assert record.effective_s is not None
    assert before_s < record.t0_s <= record.effective_s <= RealClock().now_s()
    assert record.events[-1].processes == 2
    injector.send_signal(signal.SIGTERM)
    assert injector.wait(20) == 0
    assert bed.events() == [Event.ARMED, Event.SIGNALLED, Event.EFFECTIVE, Event.UNDOING, Event.UNDONE]
    assert bed.states() == ["S", "S"]


def test_a_fault_is_undone_although_its_journal_cannot_be_written(bed: Bed, tmp_path: Path, wait_for: Any) -> None:
    """Nothing tells when the undo began then, and it is done all the same."""
    journal = injector.Journal(tmp_path / "full.jsonl", "freeze", "north")
    one = injector.Injector(layout.load(bed.folder / "layout.json"), "freeze", "north", journal)
    one.inject()
    assert bed.states() == ["T", "T"]
    journal._file.close()  # it fails as a full disk does
    with pytest.raises(ValueError, match="closed file"):
        one.undo("asked")
    wait_for(lambda: bed.states() == ["S", "S"])


def test_a_kill_leaves_nothing_and_asks_for_the_power_back(bed: Bed, inject: Inject, wait_for: Any) -> None:
    """The undo of a kill is the supervisor's."""
    injector = inject("kill")
    wait_for(lambda: Event.EFFECTIVE in bed.events())
    assert bed.states() == [None, None]
    assert bed.revived == []
    injector.send_signal(signal.SIGTERM)
    assert injector.wait(20) == 0
    assert bed.revived == ['/revive{"region":"north"}']


def test_a_fault_expires_by_itself(bed: Bed, inject: Inject) -> None:
    """Nobody has to remember it."""
    assert inject("freeze", "--expires-s", 0.3).wait(20) == 0
    assert read_journal(bed.journal).events[-1].reason == "expired"
    assert bed.states() == ["S", "S"]


def test_a_fault_ends_with_its_owner(bed: Bed, inject: Inject, wait_for: Any) -> None:
    """When the orchestrator is killed, the region comes back."""
    owner = subprocess.Popen(["sleep", "60"])
    injector = inject("freeze", "--owner-pid", owner.pid)
    wait_for(lambda: Event.EFFECTIVE in bed.events())
    owner.kill()
    assert injector.wait(20) == 0
    owner.wait()
    assert read_journal(bed.journal).events[-1].reason == "the owner is gone"
    assert bed.states() == ["S", "S"]


def test_what_a_killed_injector_left_behind_can_be_undone(bed: Bed, inject: Inject, wait_for: Any) -> None:
    """SIGKILL is the one thing an injector cannot answer; its journal tells, and `--undo` repairs."""
    injector = inject("freeze")
    wait_for(lambda: Event.EFFECTIVE in bed.events())
    injector.kill()
    injector.wait(20)
    assert read_journal(bed.journal).left_behind
    assert inject("freeze", "--undo").wait(20) == 0
    assert not read_journal(bed.journal).left_behind
    assert bed.states() == ["S", "S"]


def test_a_region_without_processes_is_an_error_and_nothing_is_revived(bed: Bed, inject: Inject, wait_for: Any) -> None:
    """A drill must not start its clock on a fault that did nothing."""
    processes.send(bed.north, signal.SIGKILL)
    wait_for(lambda: bed.states() == [None, None])
    assert inject("kill").wait(20) == 3
    assert bed.events() == [Event.ARMED, Event.UNDONE, Event.FAILED]
    assert bed.revived == []


def test_a_supervisor_that_is_gone_is_reported(bed: Bed, inject: Inject, wait_for: Any) -> None:
    """An undo that could not be carried out is not journalled as done."""
    layout.save(replace(layout.load(bed.folder / "layout.json"), control_port=1))
    injector = inject("kill")
    wait_for(lambda: Event.EFFECTIVE in bed.events())
    injector.send_signal(signal.SIGTERM)
    assert injector.wait(20) == 3
    assert read_journal(bed.journal).left_behind
    assert "did not revive north" in (read_journal(bed.journal).events[-1].reason or "")


def test_a_bed_that_is_not_there_is_an_error_and_nothing_is_done(bed: Bed, inject: Inject) -> None:
    """The error names the folder."""
    (bed.folder / "layout.json").unlink()
    assert inject("kill").wait(20) == 3
    assert bed.events() == [Event.FAILED]
    assert bed.states() == ["S", "S"]
