"""`aurops runs lost`: what a region had alone, as journals tell it; on a real bed: tests/e2e/test_bed.py."""

import json
from pathlib import Path

import pytest

from aurops.clock import RealClock
from aurops.journal import Journal, RecordKind
from aurops.store import Store, open_store
from failover.execute import begin
from failover.goal import FailoverGoal, Mode
from failover.targets.simulated import REGIONS
from tests.runbooks.here import here

WRITE = {"xid": 745, "at": "2026-11-24 22:22:07 UTC", "lsn": "0/0175F8F0", "ledger_ids": ["w-1", "w-2"]}
REWOUND = {"method": "rewind", "diverged_commits": 2, "only_here": [WRITE, {**WRITE, "xid": 746, "ledger_ids": None}]}


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that commands use."""
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path))
    return open_store(str(tmp_path))


def told(store: Store, kind: str, *, run: str, **steps: dict[str, object]) -> Journal:
    """A run whose steps gave this."""
    goal = FailoverGoal(REGIONS, "north", "south", Mode.FORCED)
    journal = begin(store, RealClock(), kind, goal, {"bed": "b"}, run=run)
    journal.append(RecordKind.DECISION, {"name": "standbys", "value": ["south", "west"], "reason": "every voter read"})
    for step, data in steps.items():
        name = step.replace("_", " ")
        journal.append(RecordKind.INTENT, {"step": name, "no_return": name.startswith("promote")})
        journal.append(RecordKind.RESULT, {"step": name, "outcome": "done", **data})
    return journal


def test_what_a_lost_region_had_alone_is_in_the_run_that_brought_it_back(
    store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not known before; then each transaction with its time, position and rows, and what was known of its voters."""
    told(store, "failover", run="1-failover", promote_database_south={})
    assert here("runs", "lost", "1-failover") == 0
    assert "not known yet" in capsys.readouterr().out
    told(store, "reprotect", run="2-reprotect", repoint_north_to_south={**REWOUND, "evidence": "/bed/only-here-3"})
    told(store, "reprotect", run="3-reprotect", repoint_north_to_south={"method": "repoint"})
    assert here("runs", "lost", "1-failover") == 0
    text = capsys.readouterr().out
    assert text.startswith("2 transactions only north had (run 2-reprotect); none is merged\n  every voter read\n")
    assert "745  0/0175F8F0    2026-11-24 22:22:07 UTC         w-1 w-2" in text
    assert "not readable" in text
    assert "/bed/only-here-3" in text
    assert here("runs", "lost", "1-failover", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["count"], found["transactions"][0]["ledger_ids"]) == (2, ["w-1", "w-2"])


def test_nothing_is_said_only_when_it_is_known(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """A region that followed at once had nothing alone; one that followed at the second call may have been rewound."""
    told(store, "failover", run="1-failover", promote_database_south={}, repoint_north_to_south={"method": "repoint"})
    assert here("runs", "lost", "1-failover") == 0
    assert "nothing: north had no transaction" in capsys.readouterr().out
    twice = told(store, "failover", run="2-failover", promote_database_south={})
    for data in ({"outcome": "waiting", "waiting": "copying"}, {"outcome": "done", "method": "repoint"}):
        twice.append(RecordKind.INTENT, {"step": "repoint north to south"})
        twice.append(RecordKind.RESULT, {"step": "repoint north to south", **data})
    assert here("runs", "lost", "2-failover") == 0
    assert "not known: north was brought back by a call that was not answered" in capsys.readouterr().out


def test_a_run_that_left_no_region_is_refused(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2: a failover that promoted nothing, a re-protection."""
    told(store, "failover", run="1-failover")
    told(store, "reprotect", run="2-reprotect")
    for run in ("1-failover", "2-reprotect"):
        assert here("runs", "lost", run) == 2
        assert "no failover that promoted" in capsys.readouterr().err
