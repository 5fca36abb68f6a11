"""Runs listed, shown, and steered when their process is gone."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from aurops.clock import RealClock
from aurops.errors import AnswerIsNoError, ExitCode, HeldError, UsageError
from aurops.gates.signing import Signers
from aurops.journal import Journal, JournalBrokenError, RecordKind, journal_key
from aurops.lease import Lease
from aurops.requests import pending
from aurops.runner import Ending, Result
from aurops.store import Store, open_store
from failover import break_glass
from failover.drill import DrillOrder, _begin
from failover.execute import begin
from failover.goal import FailoverGoal
from failover.targets.simulated import REGIONS
from migration import execute as cutovers
from migration.probing import Probes
from runbooks.runs import app
from runbooks.terminal import ended
from tests.migration.cutovers import cutover

if TYPE_CHECKING:
    from aurops.plan import Json

INTENT = {"step": "promote database south", "action": "promote_database", "stage": "promote", "reason": "", "n": 1}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that the commands use."""
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path / "store"))
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def journal(store: Store) -> Journal:
    """A failover that nobody executes."""
    return begin(store, RealClock(), "failover", FailoverGoal(REGIONS, "north"), {"bed": "gone"})


def test_the_list_says_when_each_run_began_and_who_acts_on_it(store: Store, journal: Journal) -> None:
    """A run without a process is open; one whose process lives names it; one that ended says how."""
    run = journal.run
    assert CliRunner().invoke(app, ["list"]).stdout.splitlines()[1].split()[-1] == "open"
    lease = Lease(store, "ledger-gone", RealClock())
    lease.take(run)
    assert f"pid {os.getpid()} on " in CliRunner().invoke(app, ["list"]).stdout
    lease.release()
    journal.append(RecordKind.FINISHED, {"outcome": "done"})
    text = CliRunner().invoke(app, ["list"]).stdout
    row = json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)[0]
    assert row == {"run": run, "goal": "failover", "began": journal.records[0].at, "ended": "done", "process": ""}
    assert text.splitlines()[1].split() == [run, "failover", *row["began"][:19].split("T"), "done"]


def test_a_journal_that_was_edited_hides_no_other_run(store: Store, journal: Journal, tmp_path: Path) -> None:
    """The list names it as unreadable, and shows the others; `show` and `verify` say which record is wrong."""
    other = begin(store, RealClock(), "failover", FailoverGoal(REGIONS, "south"), {"bed": "gone"}).run
    file = tmp_path / "store" / journal_key(journal.run, 1)
    file.write_text(file.read_text().replace("north", "south", 1))
    rows = {row["run"]: row["ended"] for row in json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)}
    assert rows[other] == "open"
    assert "was edited" in rows[journal.run]
    for command in ("show", "verify"):
        error = CliRunner().invoke(app, [command, journal.run]).exception
        assert isinstance(error, JournalBrokenError)
        assert error.number == 1


def test_show_is_one_readable_line_per_record(journal: Journal) -> None:
    """Number, time, kind, and in words what was decided, called, answered and asked; as JSON the record itself."""
    said: list[tuple[RecordKind, dict[str, Json], str]] = [
        (RecordKind.DECISION, {"name": "target", "value": "south", "reason": "ahead"}, "target = south (ahead)"),
        (
            RecordKind.INTENT,
            INTENT | {"no_return": True, "reason": "the writable copy"},
            "promote database south (no way back after this): the writable copy [n 1]",
        ),
        (
            RecordKind.RESULT,
            {"step": "promote database south", "outcome": "failed", "error": "no answer\n  where: there"},
            "promote database south: failed no answer where: there",
        ),
        (RecordKind.RESULT, {"step": "detach west", "outcome": "done", "lsn": 7}, "detach west: done [lsn 7]"),
        (RecordKind.PAUSED, {"request": 1, "who": "ann", "reason": "look"}, "reason look, request 1, who ann"),
    ]
    for kind, data, _ in said:
        journal.append(kind, data)
    head, *lines = CliRunner().invoke(app, ["show", journal.run]).stdout.splitlines()
    assert head.split() == ["n", "time", "(UTC)", "kind", "what"]
    assert "lost north" in lines[0]
    cells = [line.split(maxsplit=3) for line in lines[1:]]
    assert [(n, kind, what) for n, _, kind, what in cells] == [
        (str(number), kind.value, words) for number, (kind, _, words) in enumerate(said, 2)
    ]
    assert cells[0][1] == journal.records[1].at[11:23]
    dumped = [json.loads(line) for line in CliRunner().invoke(app, ["show", journal.run, "--json"]).stdout.splitlines()]
    assert [row["hash"] for row in dumped] == [record.hash for record in journal.records]


def test_pausing_a_run_without_a_process_says_so(store: Store, journal: Journal) -> None:
    """There is nothing to pause, and no request is left that would stop a later resume."""
    done = CliRunner().invoke(app, ["pause", journal.run, "--reason", "look"])
    assert done.exit_code == 0
    assert f"no process acts on {journal.run}" in done.stdout
    assert pending(store, journal.run) == ()


def test_an_abort_past_the_point_of_no_return_is_refused_at_once(store: Store, journal: Journal) -> None:
    """Exit 4, only forward, and how; no request is left."""
    journal.append(RecordKind.INTENT, INTENT | {"no_return": True})
    error = CliRunner().invoke(app, ["abort", journal.run, "--reason", "too late"]).exception
    assert isinstance(error, HeldError)
    assert error.exit_code is ExitCode.DECLINED
    assert "only forward" in error.what
    assert error.next_step == f"aurops runs resume {journal.run}"
    assert pending(store, journal.run) == ()


def test_an_abort_only_closes_a_run_that_another_has_overtaken(store: Store, journal: Journal) -> None:
    """Even past its point of no return: a record says who and which run acted since, and nothing is called."""
    journal.append(RecordKind.TAKEN, {"epoch": 2}, epoch=2)
    journal.append(RecordKind.INTENT, INTENT | {"no_return": True}, epoch=2)
    newer = begin(store, RealClock(), "failover", FailoverGoal(REGIONS, "south"), {"bed": "gone"})
    newer.append(RecordKind.INTENT, INTENT, epoch=3)
    done = CliRunner().invoke(app, ["abort", journal.run, "--reason", "stale"])
    assert done.exit_code == 0
    assert f"closed: run {journal.run}; run {newer.run} has acted" in done.stdout
    *_, note, last = Journal.open(store, journal.run, RealClock()).records
    assert newer.run in str(note.data["text"])
    assert last.data == {"outcome": "overtaken"}


def test_an_abort_closes_a_cutover_that_another_has_overtaken(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is what `aurops runs resume` of the older one says to do: no proxy is asked for it, and its probes end."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    older, newer = (cutovers.begin(store, RealClock(), cutover(), Signers("")) for _ in range(2))
    for epoch, run in enumerate((older, newer), 1):
        run.append(RecordKind.TAKEN, {"epoch": epoch}, epoch=epoch)
        run.append(RecordKind.INTENT, INTENT, epoch=epoch)
    probes = Probes(cutover(), older.run, RealClock())
    probes.start()
    try:
        done = CliRunner().invoke(app, ["abort", older.run, "--reason", "begun twice"])
        assert not probes.alive()
    finally:
        probes.stop()
    assert done.exit_code == 0
    assert f"closed: run {older.run}; run {newer.run} has acted" in done.stdout
    assert Journal.open(store, older.run, RealClock()).records[-1].data == {"outcome": "overtaken"}


def test_a_rehearsal_whose_platforms_are_gone_can_only_be_closed(store: Store, tmp_path: Path) -> None:
    """Its site files went with them: resume says so and how to close it, and abort closes it, asking no proxy."""
    plan = cutover()
    gone = plan.model_copy(update={"sites": dict.fromkeys(plan.sites, str(tmp_path / "gone.json"))})
    run = cutovers.begin(store, RealClock(), gone, Signers(""), about={"rehearsal": True}).run
    error = CliRunner().invoke(app, ["resume", run]).exception
    assert isinstance(error, UsageError)
    assert "its platforms are gone" in error.what
    assert f"aurops runs abort {run}" in str(error.next_step)
    done = CliRunner().invoke(app, ["abort", run, "--reason", "stopped it"])
    assert (done.exit_code, "nothing was called" in done.stdout) == (0, True)
    assert Journal.open(store, run, RealClock()).records[-1].data == {"outcome": "given up"}


@pytest.mark.parametrize("command", ["pause", "abort", "skip", "resume"])
def test_a_run_that_has_ended_is_not_steered(command: str, store: Store, journal: Journal) -> None:
    """A request to it would never be read: refused, with the way to see how it ended."""
    journal.append(RecordKind.FINISHED, {"outcome": "done"})
    arguments = [command, journal.run, *(["a step"] if command == "skip" else [])]
    arguments += [] if command == "resume" else ["--reason", "none"]
    error = CliRunner().invoke(app, arguments).exception
    assert isinstance(error, UsageError)
    assert "has ended: done" in error.what
    assert pending(store, journal.run) == ()


def test_a_drill_whose_bed_is_gone_is_closed_as_inconclusive(store: Store) -> None:
    """Exit 1 with what is missing and what to do; asked again, the run has ended."""
    drill = _begin(DrillOrder("kill", "north", REGIONS, bed="gone"), store, RealClock())
    error = CliRunner().invoke(app, ["resume", drill.run]).exception
    assert isinstance(error, AnswerIsNoError)
    assert "INCONCLUSIVE: its bed gone is gone, and the clients' ledger with it" in error.what
    assert error.next_step == "aurops failover-test"
    again = CliRunner().invoke(app, ["resume", drill.run]).exception
    assert isinstance(again, UsageError)
    assert "has ended: inconclusive" in again.what


def test_a_step_that_was_never_called_is_not_skipped_by_mistake(store: Store, journal: Journal) -> None:
    """A slip of the pen is refused with the names that were called; one that comes later is said to be so."""
    journal.append(RecordKind.INTENT, INTENT | {"step": "detach west"})
    skip = ["skip", journal.run, "--reason", "west is gone"]
    error = CliRunner().invoke(app, [*skip, "detach wets"]).exception
    assert isinstance(error, UsageError)
    assert error.allowed == "`detach west`"
    assert "--later" in str(error.next_step)
    assert pending(store, journal.run) == ()
    assert CliRunner().invoke(app, [*skip, "detach west"]).exit_code == 0
    assert CliRunner().invoke(app, [*skip, "promote cache south", "--later"]).exit_code == 0
    assert [request.step for request in pending(store, journal.run)] == ["detach west", "promote cache south"]


def test_a_run_that_lives_in_the_local_folder_is_found_there(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Begun while the store was lost: once that is well, every command names the one that brings it back."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    away = begin(break_glass.local_store(), RealClock(), "failover", FailoverGoal(REGIONS, "north"), {"bed": "gone"})
    for command in (["resume", away.run, "--break-glass"], ["show", away.run], ["verify", away.run]):
        error = CliRunner().invoke(app, command).exception
        assert isinstance(error, UsageError)
        assert f"aurops runs bring-back {away.run}" in str(error.next_step)
    assert CliRunner().invoke(app, ["bring-back", away.run]).exit_code == 0
    assert Journal.open(store, away.run, RealClock()).head_hash == away.head_hash


@pytest.mark.parametrize(
    ("ending", "way"),
    [
        (Ending.STUCK, "aurops runs skip r1"),
        (Ending.STUCK, "aurops runs abort r1"),
        (Ending.HELD, "aurops runs abort r1"),
        (Ending.VIOLATION, "aurops local status"),
        (Ending.HALTED, "aurops halt --off"),
        (Ending.PAUSED, "aurops runs resume r1"),
        (Ending.RESTORED, "aurops runs show r1"),
    ],
)
def test_whoever_finds_a_run_stopped_is_told_the_ways_on(ending: Ending, way: str) -> None:
    """Exit 4, with the commands that fit how it stopped, and back as well as forth."""
    with pytest.raises(HeldError) as caught:
        ended("r1", Result(ending, "why"))
    assert way in str(caught.value.next_step)
