"""`aurops runs … --json`: one document on standard output, and the exit codes that there are without it."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from aurops.clock import RealClock
from aurops.errors import ExitCode
from aurops.gates.signing import Signers
from aurops.journal import Journal, RecordKind, journal_key
from aurops.lease import Lease
from aurops.requests import RequestKind, pending
from aurops.store import Store, open_store
from failover import break_glass
from failover.execute import begin
from failover.goal import FailoverGoal, Mode
from failover.targets.simulated import REGIONS, SimulatedTarget
from migration import execute as cutovers
from migration.simulated import SimulatedProxies
from tests.migration.cutovers import GATES, cutover
from tests.runbooks.here import here
from traffic.site import Kind, Side, Site

if TYPE_CHECKING:
    from aurops.plan import Json

CLOCK = RealClock()
STEP = "detach west"
INTENT: dict[str, "Json"] = {"step": STEP, "action": "detach", "stage": "detach", "reason": "", "n": 1}
SHUT = GATES | {"prepare": [{"kind": "command", "name": "dashboards", "argv": ["false"]}]}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that the commands use."""
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> SimulatedTarget:
    """What failovers act on instead of a bed."""
    found = SimulatedTarget(CLOCK.now_s())

    @contextmanager
    def opened(bed: str) -> Iterator[tuple[Any, SimulatedTarget]]:
        yield SimpleNamespace(id=bed), found

    monkeypatch.setattr("runbooks.failover.open_service", opened)
    return found


@pytest.fixture
def journal(store: Store) -> Journal:
    """A failover that nobody executes."""
    return begin(store, CLOCK, "failover", FailoverGoal(REGIONS, "north", mode=Mode.FORCED), {"bed": "here"})


@pytest.fixture
def shut(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    """A cutover whose first gate is shut, on proxies in memory."""
    plan = cutover(gates=SHUT)
    sites = {name: str(tmp_path / name / "site.json") for name in plan.proxies}
    for file in map(Path, sites.values()):
        file.parent.mkdir()
        sides = (Side(name="v10", backends=("127.0.0.1:9",)),)
        site = Site(kind=Kind.NGINX, folder=file.parent, listens="127.0.0.1:7", admin="127.0.0.1:8", sides=sides)
        file.write_text(site.model_dump_json(by_alias=True))
    proxies = SimulatedProxies(plan.proxies, CLOCK)
    monkeypatch.setattr("runbooks.cutover._target", lambda *_: proxies)
    return cutovers.begin(store, CLOCK, plan.model_copy(update={"sites": sites}), Signers(""))


def printed(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The one document that standard output is, on a line of its own."""
    (line,) = capsys.readouterr().out.splitlines()
    document = json.loads(line)
    assert isinstance(document, dict)
    return document


def test_verify_prints_the_hash_that_stands_for_the_journal(
    journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    """With how many records there are."""
    assert here("runs", "verify", journal.run, "--json") == 0
    assert printed(capsys) == {"run": journal.run, "records_n": 1, "last_hash": journal.head_hash}


def test_what_is_brought_back_is_counted(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """The same document, once the records are in the store."""
    away = begin(break_glass.local_store(), CLOCK, "failover", FailoverGoal(REGIONS, "north"), {"bed": "here"})
    assert here("runs", "bring-back", away.run, "--json") == 0
    assert printed(capsys) == {"run": away.run, "records_n": 1, "last_hash": away.head_hash}
    assert Journal.open(store, away.run, CLOCK).head_hash == away.head_hash


def test_a_pause_says_who_will_see_it(store: Store, journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody acts on the run: nothing was asked. Somebody does: it was, and the process is named as in the list."""
    pause = ["runs", "pause", journal.run, "--reason", "look", "--json"]
    assert here(*pause) == 0
    assert printed(capsys) == {"run": journal.run, "asked": None, "process": ""}
    assert pending(store, journal.run) == ()
    lease = Lease(store, "ledger-here", CLOCK)
    lease.take(journal.run)
    assert here(*pause) == 0
    said = printed(capsys)
    assert here("runs", "list", "--json") == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert said == {"run": journal.run, "asked": "pause", "process": row["process"]}
    assert row["process"].startswith(f"pid {os.getpid()} on ")
    assert [request.kind for request in pending(store, journal.run)] == [RequestKind.PAUSE]


def test_a_skip_names_its_step(store: Store, journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    """And that nobody acts on the run now."""
    assert here("runs", "skip", journal.run, STEP, "--later", "--reason", "west is gone", "--json") == 0
    assert printed(capsys) == {"run": journal.run, "asked": "skip", "step": STEP, "process": ""}
    assert [request.step for request in pending(store, journal.run)] == [STEP]


def test_an_abort_of_a_run_that_somebody_acts_on_is_asked_for(
    store: Store, journal: Journal, capsys: pytest.CaptureFixture[str]
) -> None:
    """The document says so and has no ending: the process goes back by itself."""
    Lease(store, "ledger-here", CLOCK).take(journal.run)
    assert here("runs", "abort", journal.run, "--reason", "false alarm", "--json") == 0
    said = printed(capsys)
    assert (said["asked"], "ending" in said) == ("abort", False)
    assert said["process"]


def test_an_abort_of_a_run_without_a_process_says_how_it_ended(
    journal: Journal, target: SimulatedTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is the only document: that it was asked for first is a line on standard error."""
    assert here("runs", "abort", journal.run, "--reason", "false alarm", "--json") == 0
    told = capsys.readouterr()
    assert [json.loads(line) for line in told.out.splitlines()] == [
        {"run": journal.run, "ending": "restored", "why": ""}
    ]
    assert f"asked {journal.run} to abort" in told.err
    assert target.weights == {"north": 10_000}


def test_a_run_that_is_only_closed_says_how(store: Store, journal: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    """Its ending is the one in the list of runs, and the other run is named."""
    journal.append(RecordKind.TAKEN, {"epoch": 2}, epoch=2)
    journal.append(RecordKind.INTENT, INTENT, epoch=2)
    newer = begin(store, CLOCK, "failover", FailoverGoal(REGIONS, "south"), {"bed": "here"})
    newer.append(RecordKind.INTENT, INTENT, epoch=3)
    assert here("runs", "abort", journal.run, "--reason", "stale", "--json") == 0
    said = printed(capsys)
    assert (said["run"], said["ending"]) == (journal.run, "overtaken")
    assert newer.run in said["why"]


def test_a_failover_that_is_resumed_prints_what_aurops_failover_does(
    journal: Journal, target: SimulatedTarget, capsys: pytest.CaptureFixture[str]
) -> None:
    """How it ended, and what protects nothing now."""
    target.kill("north")
    assert here("runs", "resume", journal.run, "--json") == 0
    said = printed(capsys)
    assert (said["run"], said["ending"], said["why"], list(said["unprotected"])) == (journal.run, "done", "", ["north"])


def test_a_cutover_at_a_shut_gate_prints_why_and_exits_4(shut: Journal, capsys: pytest.CaptureFixture[str]) -> None:
    """As `aurops cutover --json` does; what a person can do is on standard error. Then back, in one document too."""
    assert here("runs", "resume", shut.run, "--json") == ExitCode.DECLINED
    told = capsys.readouterr()
    (line,) = told.out.splitlines()
    said = json.loads(line)
    assert (said["run"], said["ending"]) == (shut.run, "at a gate")
    assert "dashboards" in said["why"]
    assert f"aurops runs resume {shut.run} --wait" in told.err
    assert here("runs", "pause", shut.run, "--reason", "look", "--json") == 0
    assert printed(capsys) == {"run": shut.run, "asked": "pause", "process": ""}
    assert here("runs", "abort", shut.run, "--reason", "another day", "--json") == 0
    assert printed(capsys) == {"run": shut.run, "ending": "restored", "why": ""}


@pytest.mark.parametrize("command", ["verify", "pause", "resume", "bring-back", "abort", "skip"])
def test_what_is_refused_leaves_standard_output_empty(
    command: str, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Words and exit code are those without --json."""
    asked = [command, "nobody", *([STEP] if command == "skip" else [])]
    asked += ["--reason", "none"] if command in ("pause", "abort", "skip") else []
    told = []
    for more in ([], ["--json"]):
        code = here("runs", *asked, *more)
        said = capsys.readouterr()
        assert (code != 0, said.out, "nobody" in said.err) == (True, "", True)
        told.append((code, said.err))
    assert told[0] == told[1]
    assert store.url


def test_a_journal_that_was_edited_is_no_document(
    journal: Journal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said on standard error, with the exit code that it has in words."""
    file = tmp_path / "store" / journal_key(journal.run, 1)
    file.write_text(file.read_text().replace("north", "south", 1))
    codes = [here("runs", "verify", journal.run, *more) for more in ([], ["--json"])]
    assert codes[0] == codes[1] != 0
    told = capsys.readouterr()
    assert (told.out, "was edited" in told.err) == ("", True)
