"""`aurops failover-test --runs N` on drills that went as a test wants; on real processes: `make campaign`."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aurops.errors import OutsideError
from aurops.runner import Ending, Result
from failover.drill import DrillOrder
from failover.faults import FAULTS
from runbooks import campaign, drill
from runbooks.stopping import Stopped
from tests.runbooks.here import here
from tests.runbooks.test_drill import drilled

Drilled = Callable[[DrillOrder], tuple[Result, Any]]


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[DrillOrder]:
    """The drills that were done; each one passes as a kill of north does, unless a test says otherwise."""
    done: list[DrillOrder] = []
    bed = SimpleNamespace(id="b1", agents={}, versions={"postgres": "18"}, folder=tmp_path / "gone")
    monkeypatch.setattr(drill.beds, "up", lambda **_: bed)
    monkeypatch.setenv("AUROPS_STORE", (tmp_path / "store").as_uri())
    monkeypatch.setattr(campaign.processes, "find", lambda _: frozenset())
    conducts(monkeypatch, done, lambda order: (Result(Ending.DONE), drilled_as(order)))
    return done


def drilled_as(order: DrillOrder, *lost: str) -> Any:
    """A kill of north that was answered well, whatever was drawn, but for these acknowledged writes."""
    return SimpleNamespace(result=drilled(*lost), journal=SimpleNamespace(run=f"run-{order.seed}"))


def conducts(monkeypatch: pytest.MonkeyPatch, done: list[DrillOrder], how: Drilled) -> None:
    """From now on drills go so."""

    def conduct(_bed: object, order: DrillOrder, *_: object) -> tuple[Result, Any]:
        done.append(order)
        return how(order)

    monkeypatch.setattr(drill, "_conduct", conduct)


def test_a_campaign_of_drills_that_pass_is_done(
    orders: list[DrillOrder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 0, one line each on stderr, bounds on stdout; each drill has its own seed; files as asked."""
    files = ["--junit", str(tmp_path / "c.xml"), "--report", str(tmp_path / "c.html")]
    assert here("failover-test", "--runs", "4", "--seed", "10", "--fault", "kill", *files) == 0
    said = capsys.readouterr()
    assert [order.seed for order in orders] == [10, 11, 12, 13]
    assert {order.fault for order in orders} == {"kill"}
    assert said.err.count("kill in ") >= 4
    assert "failed over needlessly" in said.out
    assert (tmp_path / "c.xml").read_text().count("<testcase") == 4
    assert "<svg" in (tmp_path / "c.html").read_text()


def test_a_drill_that_lost_a_write_fails_the_campaign(
    orders: list[DrillOrder], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 1 with the command that repeats the first one alone; the others are done all the same."""
    conducts(monkeypatch, orders, lambda order: (Result(Ending.DONE), drilled_as(order, *["r-1"] * (order.seed == 2))))
    assert here("failover-test", "--runs", "3", "--fault", "freeze", "--json") == 1
    said = capsys.readouterr()
    body = json.loads(said.out)
    assert len(orders) == 3
    assert body["schema"] == 1
    assert body["verdict"] == "failed"
    assert body["bounds"]["lost an acknowledged write"]["times"] == 1
    failed = [trial["seed"] for trial in body["trials"] if "RPO" in trial["because"]]
    assert failed == [2]
    assert "aurops failover-test --runs 1 --seed" in said.err


def test_a_bed_that_does_not_come_up_proves_nothing(
    orders: list[DrillOrder], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is counted apart, and when nothing else was done the answer is no."""

    def fails(_: DrillOrder) -> tuple[Result, Any]:
        raise OutsideError("no port is free")

    conducts(monkeypatch, orders, fails)
    assert here("failover-test", "--runs", "2") == 1
    assert "2 more proved nothing" in capsys.readouterr().out


def test_a_stuck_drill_and_leftovers_fail(
    orders: list[DrillOrder], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A drill without a measurement is no pass; nor is one whose bed is still there."""
    stuck = SimpleNamespace(result=None, journal=SimpleNamespace(run="run-1"))
    conducts(monkeypatch, orders, lambda _: (Result(Ending.STUCK, "no progress"), stuck))
    assert here("failover-test", "--runs", "1") == 1
    assert "ended as stuck: no progress" in capsys.readouterr().out
    (tmp_path / "gone").mkdir()
    conducts(monkeypatch, orders, lambda order: (Result(Ending.DONE), drilled_as(order)))
    assert here("failover-test", "--runs", "1", "--fault", "kill", "--json") == 1
    assert json.loads(capsys.readouterr().out)["bounds"]["left something behind"]["times"] == 1


@pytest.mark.parametrize("ending", [Ending.HALTED, Ending.PAUSED])
def test_a_person_who_halts_a_drill_stops_the_campaign(
    ending: Ending, orders: list[DrillOrder], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 4; what was done by then is said."""

    def second(order: DrillOrder) -> tuple[Result, Any]:
        return Result(ending if order.seed == 2 else Ending.DONE, "on-call halted all runs"), drilled_as(order)

    conducts(monkeypatch, orders, second)
    assert here("failover-test", "--runs", "5", "--fault", "kill") == 4
    assert "ended after 1 of 5" in capsys.readouterr().out
    assert len(orders) == 2


def test_ctrl_c_says_what_is_known_by_then(
    orders: list[DrillOrder], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 130, after the result of the drills that ended."""

    def second(order: DrillOrder) -> tuple[Result, Any]:
        if order.seed == 2:
            raise Stopped(2)
        return Result(Ending.DONE), drilled_as(order)

    conducts(monkeypatch, orders, second)
    assert here("failover-test", "--runs", "5", "--fault", "kill") == 130
    assert "ended after 1 of 5: SIGINT" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--runs", "2", "--region", "south"], "a campaign draws that itself"),
        (["--runs", "2", "--rate", "50"], "--rate"),
        (["--runs", "2", "--experiment", "x.yaml"], "--experiment"),
        (["--runs", "2", "--fault", "quake"], "there is no fault 'quake'"),
        (["--runs", "0"], "--runs"),
        (["--junit", "c.xml"], "JUnit XML is a campaign's"),
        (["--runs", "2", "--junit", "/proc/none/c.xml"], "--junit"),
    ],
)
def test_what_a_campaign_cannot_mean_is_refused(
    arguments: list[str], says: str, orders: list[DrillOrder], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 before any bed comes up."""
    assert here("failover-test", *arguments) == 2
    assert says in capsys.readouterr().err
    assert orders == []


def test_every_fault_can_be_drawn_somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """And only where it makes sense."""
    monkeypatch.setattr(campaign, "lacking", lambda _: "")
    drawable = campaign.places(None)
    assert set(drawable) == set(FAULTS)
    assert all(FAULTS[name].case(serves=region == "north") for name, found in drawable.items() for region in found)
    assert list(campaign.places("kill")) == ["kill"]


def test_a_fault_that_cannot_be_done_here_is_not_drawn_and_the_result_says_so(
    orders: list[DrillOrder], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Skipped is not passed: the campaign's result names it with the reason."""
    monkeypatch.setattr(campaign, "lacking", lambda fault: "" if fault == "kill" else "no right to")
    assert here("failover-test", "--runs", "3", "--seed", "1", "--json") == 0
    assert {order.fault for order in orders} == {"kill"}
    skipped = json.loads(capsys.readouterr().out)["skipped"]
    assert set(skipped) == set(FAULTS) - {"kill"}
    assert set(skipped.values()) == {"no right to"}
