"""A region lost for real, measured from the clients' ledger."""

import json
import os
import re
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest

from testbeds.local import processes
from tests.e2e.commands import COMMAND, SHORT, aurops

pytestmark = pytest.mark.e2e
BUSY = "not well before the fault"
"""A machine that is too busy to serve even before the fault gives no verdict; then it is tried once more."""
GOALS = ["measure", "failover", "reprotect"]


@pytest.mark.parametrize(
    ("fault", "rto_s", "code"),
    [
        ("kill", 60, 0),  # times are asserted in campaigns
        # A missed objective: tests/runbooks/test_drill.py as well. A frozen region: test_bed.py and test_watch.py.
        pytest.param("freeze", 0.001, 1, marks=pytest.mark.campaign),
    ],
)
def test_a_drill_loses_nothing_and_leaves_nothing(fault: str, rto_s: float, code: int, tmp_path: Path) -> None:
    """A lost region is replaced, every acknowledged write is readable, its journal is unbroken, the bed is gone.

    A recovery that takes longer than was asked for is a no: exit 1.
    """
    env = {**os.environ, "AUROPS_STORE": str(tmp_path / "store")}
    experiment = tmp_path / "one.yaml"
    experiment.write_text(json.dumps({"fault": fault, "objectives": {"rto_s": rto_s}, **SHORT}))
    for _ in range(2):
        report_file = str(tmp_path / "r.html")
        done = aurops("failover-test", "--experiment", str(experiment), "--json", "--report", report_file, env=env)
        assert done.stdout, done.stderr
        report = json.loads(done.stdout)
        if BUSY not in report["because"]:
            break
    assert done.returncode == code, done.stderr
    assert ("missed: RTO" in done.stderr) is bool(code)
    assert report["requests"]["lost"] == 0
    assert report["requests"]["split_brain"] == 0
    assert report["requests"]["ok"] > 100
    assert (tmp_path / "r.html").read_text().count("<svg") >= 1
    runs = json.loads(aurops("runs", "list", "--json", env=env).stdout)
    assert [run["goal"] for run in runs][-len(GOALS) :] == GOALS
    for run in runs:
        assert aurops("runs", "verify", run["run"], env=env).returncode == 0
    bed = re.search(r"bed (\S+) is up", done.stderr)
    assert bed is not None
    assert not (Path(tempfile.gettempdir()) / f"aurops-bed-{bed[1]}").exists()


@pytest.mark.campaign
def test_a_killed_failover_is_finished_by_resume(tmp_path: Path) -> None:
    """SIGKILL in mid-failover loses nothing: `runs resume` finishes it, and the service writes in one region."""
    env = {**os.environ, "AUROPS_STORE": str(tmp_path)}

    def ask(*arguments: str) -> str:
        done = aurops(*arguments, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    bed = json.loads(ask("local", "up", "--json"))
    try:
        plan = json.loads(ask("failover", "north", "--force", "--bed", bed["id"], "--dry-run", "--json"))
        assert "promote" in [stage["stage"] for stage in plan]
        assert json.loads(ask("runs", "list", "--json")) == []
        killed = subprocess.Popen(
            [*COMMAND, "failover", "north", "--force", "--bed", bed["id"], "--yes"],
            env=env,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert killed.stderr is not None
        with killed.stderr as told:
            for line in told:
                if "decided target" in line:
                    killed.kill()
                    break
        killed.wait(timeout=10)
        run = json.loads(ask("runs", "list", "--json"))[-1]["run"]
        assert "done" in ask("runs", "resume", run)
        assert "unbroken" in ask("runs", "verify", run)
        observed = json.loads(ask("local", "status", "--json"))
        weights = next(row["observed"]["edge"]["weights"] for row in observed if row["bed"]["id"] == bed["id"])
        assert sorted(weights.values()) == [0, 0, 10_000]
        assert weights["north"] == 0
    finally:
        ask("local", "down", bed["id"])


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("killed_at", "too", "wanted"),
    [
        ("s after the fault: north is lost", "nothing", "(the owner is gone)"),
        ("s after the fault: north is lost", "testbeds.local.injector", "PASSED"),
        ("open traffic to south: done", "nothing", "(the owner is gone)"),
        ("clients are well again", "nothing", "PASSED"),
    ],
)
def test_a_killed_drill_is_finished_by_resume(killed_at: str, too: str, wanted: str, tmp_path: Path) -> None:
    """SIGKILL between fault and verdict, of the injector too: an honest verdict, and nothing is left running."""
    for attempt in ("first", "second"):
        env = {**os.environ, "AUROPS_STORE": str(tmp_path / attempt)}
        bed = killed_drill(killed_at, too, env)
        rows = json.loads(aurops("runs", "list", "--json", env=env).stdout)
        resumed = aurops("runs", "resume", rows[0]["run"], env=env)
        if BUSY not in resumed.stdout:
            break
    assert wanted in resumed.stdout, resumed.stderr
    assert resumed.returncode == (0 if wanted == "PASSED" else 1), resumed.stderr
    assert "0 lost" in resumed.stdout
    rows = json.loads(aurops("runs", "list", "--json", env=env).stdout)
    assert [(row["goal"], row["ended"]) for row in rows] == [(goal, "done") for goal in GOALS]
    assert not (Path(tempfile.gettempdir()) / f"aurops-bed-{bed}").exists()
    assert processes.find(bed) == frozenset()


def killed_drill(killed_at: str, too: str, env: dict[str, str]) -> str:
    """A drill that got SIGKILL, with another of its bed's processes, when it told a certain line; its bed."""
    command = [*COMMAND, "failover-test", "--rto", "30"]
    drill = subprocess.Popen(command, env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert drill.stderr is not None
    bed = None
    with drill.stderr as told:
        for line in told:
            bed = bed or re.search(r"bed (\S+) is up", line)
            if killed_at in line:
                assert bed is not None
                doomed = [one for one in processes.find(bed[1]) if too in processes.arguments(one)]
                assert len(doomed) == (too != "nothing")
                processes.send(doomed, signal.SIGKILL)
                drill.kill()
                break
    assert drill.communicate(timeout=60)[0] == ""
    assert bed is not None
    return bed[1]
