"""`aurops failover` on three regions in memory; on real processes: tests/e2e/test_drill.py."""

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from aurops.plan import Answer, CallUnknownError
from failover.targets.simulated import REGIONS, SimulatedTarget
from runbooks import service
from tests.runbooks.here import here


class Watched(SimulatedTarget):
    """Three regions in memory that can be closed, and that know whether they were commanded."""

    def close(self) -> None:
        """Nothing to let go of."""

    def state(self) -> str:
        """Everything that a command could change."""
        return repr((self.regions, self.weights, self.stamp_epoch, self.edge_epoch))


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Watched:
    """The one bed that is up."""
    found = Watched()
    bed = SimpleNamespace(id="b1", agents=dict.fromkeys(REGIONS, ""), edge_url="")
    monkeypatch.setattr(service.beds, "find", lambda _bed: bed)
    monkeypatch.setattr(service.beds, "touch", lambda _bed: None)
    monkeypatch.setattr(service, "LocalTarget", lambda *_: found)
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path / "store"))
    return found


@pytest.mark.parametrize(
    ("mode", "planned"),
    [
        ("--force", ["fence", "decide", "promote", "verify", "open", "re-protect"]),
        ("--planned", ["decide", "hold", "shift", "drain", "demote", "catch up", "promote", "verify"]),
    ],
)
def test_a_dry_run_names_everything_and_calls_nothing(
    mode: str, planned: list[str], target: Watched, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Stages, steps, decisions, each with its reason, and the point of no return; no region and no store is touched."""
    before = target.state()
    assert here("failover", "north", mode, "--dry-run") == 0
    text = capsys.readouterr().out
    assert here("failover", "north", mode, "--dry-run", "--json") == 0
    stages = json.loads(capsys.readouterr().out)
    assert [stage["stage"] for stage in stages] == planned
    assert {row["name"] for stage in stages for row in stage["decisions"]} >= {"target", "position", "standbys", "mode"}
    said = [row for stage in stages for row in stage["steps"] + stage["decisions"]]
    assert all(row["reason"] and row["name"] in text and row["reason"] in text for row in said)
    assert [row["name"] for stage in stages for row in stage["steps"] if row["no_return"]] == ["promote database south"]
    assert "promote database south (no way back after this)" in text
    assert target.state() == before
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["moon"], "north, south, west"),
        (["south"], "allowed: north"),
        (["north", "--to", "north"], "south, west"),
        (["north", "--to", "moon"], "north, south, west"),
        (["north", "--to", "west"], "cannot take over"),
    ],
)
def test_a_goal_that_cannot_be_meant_is_refused(
    arguments: list[str], says: str, target: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    """A region that is unknown, does not serve, is itself, or is down: exit 2, what is allowed, and nothing is done."""
    target.kill("west")
    before = target.state()
    assert here("failover", *arguments, "--yes") == 2
    assert says in capsys.readouterr().err
    assert target.state() == before


def test_without_a_terminal_it_does_not_ask_and_does_nothing(
    target: Watched, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody can answer: exit 2, and the option that goes ahead is named."""
    before = target.state()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    assert here("failover", "north") == 2
    assert "--yes" in capsys.readouterr().err
    assert target.state() == before


class Keyboard(io.StringIO):
    """A terminal on which somebody has typed."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
@pytest.mark.parametrize(
    ("by", "asks"),
    [
        ([], "Leave north? It hands over"),
        (
            ["--force"],
            "Leave north by force? Its writers are stopped until it is re-protected. As seen now: every voter",
        ),
    ],
)
def test_a_no_is_a_no(
    answer: str,
    by: list[str],
    asks: str,
    target: Watched,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No, no word, and the end of the input decline: exit 4, and nothing is done."""
    before = target.state()
    monkeypatch.setattr(sys, "stdin", Keyboard(answer))
    assert here("failover", "north", *by) == 4
    told = capsys.readouterr()
    assert told.out == ""
    assert asks in told.err
    assert "nothing was changed" in told.err
    assert target.state() == before


def test_a_failover_says_its_run_and_how_it_ended(target: Watched, capsys: pytest.CaptureFixture[str]) -> None:
    """The result is on standard output, as JSON when asked, the steps on standard error; the run can be read back."""
    target.kill("north")
    assert here("failover", "north", "--force", "--yes", "--json") == 0
    told = capsys.readouterr()
    result = json.loads(told.out)
    assert result["ending"] == "done"
    assert "open traffic to south: done" in told.err
    assert target.weights["south"] > 0
    assert here("runs", "verify", result["run"]) == 0


def test_a_failover_names_what_it_left_unprotected_and_reprotect_brings_it_back(
    target: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    """A region that did not answer is said to protect nothing, with the command; that one makes it a standby again."""
    target.kill("north")
    assert here("failover", "north", "--force", "--yes") == 0
    assert "north does not answer\n  next: aurops reprotect north --bed b1" in capsys.readouterr().out
    assert here("reprotect", "north", "--yes") == 3
    assert "north does not answer" in capsys.readouterr().err
    target.heal("north")
    before = target.state()
    assert here("reprotect", "north", "--dry-run") == 0
    assert "repoint north to south" in capsys.readouterr().out
    assert target.state() == before
    assert here("reprotect", "north", "--yes", "--json") == 0
    assert json.loads(capsys.readouterr().out)["ending"] == "done"
    assert target.observe().unprotected("south") == {}
    assert here("reprotect", "north", "--yes") == 0


def test_a_region_hands_over_and_takes_over_again(target: Watched, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a flag it is planned; the result says how long requests waited; a failback is the same the other way."""
    assert target.write("first")
    assert here("failback", "--yes") == 2
    assert "nothing to fail back: north serves" in capsys.readouterr().err
    assert here("failover", "north", "--yes") == 0
    said = capsys.readouterr().out
    assert re.search(r"requests were held for \d+\.\d\d s; north follows without a rewind, west follows without", said)
    assert here("failback", "--dry-run") == 0
    assert "promote database north" in capsys.readouterr().out
    assert here("failback", "--yes", "--json") == 0
    result = json.loads(capsys.readouterr().out)
    assert result["followed"] == {"south": "repoint", "west": "repoint"}
    assert result["unprotected"] == {}
    assert target.weights == {"north": 10_000}
    assert here("runs", "list", "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert {(row["goal"], row["ended"]) for row in rows} == {("failover", "done"), ("failback", "done")}


def test_a_region_that_does_not_stream_is_not_failed_back_to(
    target: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is fenced after a forced failover: exit 2 with the command that makes it stream."""
    target.kill("north")
    assert here("failover", "north", "--force", "--yes") == 0
    target.heal("north")
    before = target.state()
    capsys.readouterr()
    assert here("failback", "--yes") == 2
    assert "next: aurops reprotect north" in capsys.readouterr().err
    assert target.state() == before


@pytest.mark.parametrize("flags", [[], ["--planned"]])
def test_a_region_that_is_lost_is_left_only_by_force(
    flags: list[str], target: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, why it cannot hand over, and --force with what may be lost; nothing is done."""
    target.kill("north")
    target.isolate("west")
    before = target.state()
    assert here("failover", "north", *flags, "--yes") == 2
    said = capsys.readouterr().err
    assert "north does not answer, so it cannot hand over" in said
    assert "aurops failover north --force: west cannot be read: how many" in said
    assert target.state() == before


class Mute(Watched):
    """North dies while it hands over."""

    def demote(self, region: str, epoch: int, timeout_s: float) -> Answer:
        if region == "north":
            raise CallUnknownError("north hangs")
        return super().demote(region, epoch, timeout_s)


def test_a_switchover_that_is_stuck_goes_back_by_itself(target: Watched, capsys: pytest.CaptureFixture[str]) -> None:
    """Clients wait: before the promotion a step that fails twice ends in the old region serving again, exit 4."""
    target.demote = Mute.demote.__get__(target)  # type: ignore[method-assign]
    assert target.write("first")
    assert here("failover", "north", "--yes") == 4
    said = capsys.readouterr().err
    assert "went back by itself" in said
    assert "demote database north" in said
    assert target.weights == {"north": 10_000}
    assert target.write("after")
    assert target.observe().unprotected("north") == {}


@pytest.mark.parametrize(("region", "says"), [("moon", "north, south, west"), ("north", "it follows nobody")])
def test_a_region_that_cannot_follow_is_refused(
    region: str, says: str, target: Watched, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2 with what is allowed; nothing is called."""
    before = target.state()
    assert here("reprotect", region, "--yes") == 2
    assert says in capsys.readouterr().err
    assert target.state() == before


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_store_that_cannot_be_written_stops_a_failover_before_its_first_call(
    trouble: str, tiny_disk: Path, target: Watched, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 3, what is wrong with it, and --break-glass for whoever cannot wait; no region was touched."""
    monkeypatch.setenv("AUROPS_STORE", str(tiny_disk))
    if trouble == "full":
        (tiny_disk / "filler").write_bytes(bytes(os.statvfs(tiny_disk).f_bavail * 4096))
    else:
        subprocess.run(["mount", "-o", "remount,ro", tiny_disk], check=True)
    target.kill("north")
    before = target.state()
    assert here("failover", "north", "--force", "--yes") == 3
    said = capsys.readouterr().err
    assert ("the store is full" if trouble == "full" else "cannot be written by this user") in said
    assert "--break-glass" in said
    assert target.state() == before


def test_a_bug_is_said_to_be_one(
    target: Watched, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 70 with its name and what to report; a traceback only with --debug."""
    monkeypatch.setattr(target, "observe", lambda: {}["no such key"])
    monkeypatch.delenv("AUROPS_DEBUG", raising=False)
    assert here("failover", "north") == 70
    said = capsys.readouterr().err
    assert "a bug in aurops: KeyError" in said
    assert "Traceback" not in said
    monkeypatch.setenv("AUROPS_DEBUG", "")  # put back after the test
    assert here("--debug", "failover", "north") == 70
    assert "Traceback" in capsys.readouterr().err
