"""Steering runs whose process is gone."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from aurops.clock import RealClock
from aurops.errors import ExitCode, HeldError, UsageError
from aurops.journal import Journal, RecordKind
from aurops.requests import pending
from aurops.store import Store, open_store
from failover.execute import begin
from failover.planner import FailoverGoal
from failover.targets.simulated import REGIONS
from runbooks.runs import app

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
