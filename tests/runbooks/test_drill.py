"""What `aurops failover-test` makes of a measured drill; with real processes: tests/e2e/test_drill.py."""

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from aurops.clock import RealClock
from aurops.runner import Ending, Result
from aurops.store import open_store
from failover.drill import DrillOrder
from failover.drill import _begin as begin_drill
from failover.drill_verdict import DrillResult
from failover.faults import Event, FaultEvent, FaultRecord
from failover.ledger import Entry, Ledger, Outcome
from failover.measurement import Objective, measure
from runbooks import drill
from testbeds.local import mechanisms
from tests.runbooks.here import here

T0_S = 10.0
LEDGER = Ledger(
    tuple(
        Entry(f"r-{number}", at_s, at_s, at_s + 0.01, Outcome.FAIL if T0_S <= at_s < T0_S + 1 else Outcome.OK)
        for number, at_s in enumerate(7 + number / 32 for number in range(256))
    )
)
"""Thirty-two requests a second for eight seconds, of which one second failed."""


def drilled(*lost: str) -> DrillResult:
    """A drill whose clients wrote this ledger, and whose database holds all that was acknowledged but these."""
    readable = {entry.id for entry in LEDGER.entries if entry.is_ok} - set(lost)
    return DrillResult(
        run="20261124T093000Z-drill-ab12",
        order=DrillOrder("kill", "north", ("north", "south", "west")),
        fault=FaultRecord((FaultEvent(event=Event.SIGNALLED, at_s=T0_S, fault="kill", region="north"),)),
        serving="south",
        measurement=measure(LEDGER, T0_S, readable, None, Objective()),
        ledger=LEDGER,
        failover={"ending": "done"},
        reprotected={"ending": "done"},
        records=(),
        again={"well": True, "unprotected": {}},
    )


def aurops(monkeypatch: pytest.MonkeyPatch, result: DrillResult, *arguments: str) -> int:
    """`aurops failover-test` that ends with this drill; its exit code."""

    def conduct(_bed: object, order: DrillOrder, *_: object) -> tuple[Result, object]:
        return Result(Ending.DONE), SimpleNamespace(
            result=replace(result, order=order), journal=SimpleNamespace(run=result.run)
        )

    bed = SimpleNamespace(id="b1", agents={"north": "", "south": "", "west": ""}, versions={})
    monkeypatch.setattr(drill.beds, "up", lambda **_: bed)
    monkeypatch.setattr(drill, "_conduct", conduct)
    return here("failover-test", *arguments)


@pytest.mark.parametrize(
    ("limits", "lost", "code", "missed"),
    [
        (["--rto", "1.5"], [], 0, ""),
        (["--rto", "0.5"], [], 1, "RTO"),
        (["--rto", "1.5"], ["r-1"], 1, "RPO (1 acknowledged writes are lost)"),
        (["--rto", "1.5", "--rpo", "1"], ["r-1"], 0, ""),
    ],
)
def test_a_missed_objective_is_a_no(
    limits: list[str],
    lost: list[str],
    code: int,
    missed: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit 1 names each objective that was missed, beside its figure and its limit; met limits exit 0."""
    assert aurops(monkeypatch, drilled(*lost), *limits) == code
    told = capsys.readouterr()
    assert f"RTO              1.00 s (limit {limits[1]} s)" in told.out
    assert f"RPO              {len(lost)} writes (limit" in told.out
    assert told.out.startswith(f"FAILED: missed: {missed}" if code else "PASSED: ")
    assert (f"missed: {missed}" in told.err) is bool(code)


def test_a_missed_objective_is_in_every_form_of_the_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """JSON on standard output and the HTML file are written also when the answer is no."""
    page = tmp_path / "made" / "drill.html"
    assert aurops(monkeypatch, drilled("r-1"), "--json", "--report", str(page)) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "failed"
    assert {figure["name"]: figure["met"] for figure in report["objectives"]}["RPO"] is False
    assert "RPO" in page.read_text()


def test_a_drill_that_is_resumed_prints_the_report_that_it_would_have_ended_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One document on standard output; exit 1 when the answer is no, as without --json."""
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path / "store"))
    order = DrillOrder("kill", "north", ("north", "south", "west"), bed="b1")
    run = begin_drill(order, open_store(str(tmp_path / "store")), RealClock()).run
    measured = SimpleNamespace(result=replace(drilled("r-1"), run=run, order=order), journal=SimpleNamespace(run=run))
    bed = SimpleNamespace(id="b1", agents={"north": "", "south": "", "west": ""}, versions={})
    monkeypatch.setattr(drill.beds, "beds", lambda: [bed])
    monkeypatch.setattr(drill.beds, "touch", lambda _: None)
    monkeypatch.setattr(drill, "_conduct", lambda *_, **__: (Result(Ending.DONE), measured))
    codes = [here("runs", "resume", run)]
    assert capsys.readouterr().out.startswith("FAILED: ")
    codes.append(here("runs", "resume", run, "--json"))
    assert codes == [1, 1]
    report = json.loads(capsys.readouterr().out)
    assert (report["run"], report["verdict"]) == (run, "failed")


def test_a_fault_that_cannot_be_done_here_is_skipped_and_not_passed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3, the reason and the rights that it takes, before anything is started."""
    monkeypatch.setattr(drill, "lacking", lambda fault: f"no right to {fault}")
    monkeypatch.setattr(drill.beds, "up", lambda **_: pytest.fail("a bed was brought up"))
    assert here("failover-test", "--fault", "slow-disk") == 3
    told = capsys.readouterr()
    assert told.out == ""
    assert "skipped: `slow-disk` cannot be done here: no right to slow-disk" in told.err
    assert "control groups" in told.err


def test_doctor_lists_the_faults_that_can_be_done_and_why_others_cannot(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault that needs a right does not make the machine unfit for drills."""
    monkeypatch.setattr(mechanisms, "lacking", lambda fault: "not root" if fault == "slow-disk" else "")
    code = here("doctor", "--json")
    found = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert "kill, freeze" in found["faults"]["detail"]
    assert "slow-disk" not in found["faults"]["detail"]
    assert (found["fault slow-disk"]["ok"], found["fault slow-disk"]["detail"]) == (False, "not root")
    assert code == int(any(row["needed"] and not row["ok"] for row in found.values()))
