"""A region lost for real, measured from the clients' ledger."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from testbeds.local import processes

pytestmark = pytest.mark.e2e
BUSY = "not well before the fault"
"""A machine that is too busy to serve even before the fault gives no verdict, and is no failure of the drill."""
GOALS = ["measure", "failover", "reprotect"]


@pytest.mark.parametrize(("fault", "rto_s", "code"), [("kill", "30", 0), ("freeze", "0.001", 1)])
def test_a_drill_loses_nothing_and_leaves_nothing(fault: str, rto_s: str, code: int, tmp_path: Path) -> None:
    """A lost region is replaced, every acknowledged write is readable, its journal is unbroken, the bed is gone.

    A recovery that takes longer than was asked for is a no: exit 1.
    """
    env = {**os.environ, "AUROPS_STORE": str(tmp_path / "store")}
    command = [sys.executable, "-m", "runbooks"]
    drill = [
        *command,
        "failover-test",
        "--fault",
        fault,
        "--rto",
        rto_s,
        "--json",
        "--report",
        str(tmp_path / "r.html"),
    ]
    done = subprocess.run(drill, capture_output=True, text=True, check=False, env=env, timeout=110)
    assert done.stdout, done.stderr
    report = json.loads(done.stdout)
    assert done.returncode == code or BUSY in report["because"], done.stderr
    assert ("missed: RTO" in done.stderr) is bool(code) or BUSY in report["because"]
    assert report["requests"]["lost"] == 0
    assert report["requests"]["split_brain"] == 0
    assert report["requests"]["ok"] > 100
    assert (tmp_path / "r.html").read_text().count("<svg") >= 1
    runs = json.loads(
        subprocess.run([*command, "runs", "list", "--json"], capture_output=True, check=True, env=env).stdout
    )
    assert [run["goal"] for run in runs] == GOALS
    for run in runs:
        subprocess.run([*command, "runs", "verify", run["run"]], capture_output=True, check=True, env=env)
    bed = re.search(r"bed (\S+) is up", done.stderr)
    assert bed is not None
    assert not (Path(tempfile.gettempdir()) / f"aurops-bed-{bed[1]}").exists()


def test_a_killed_failover_is_finished_by_resume(tmp_path: Path) -> None:
    """SIGKILL in mid-failover loses nothing: `runs resume` finishes it, and the service writes in one region."""
    env = {**os.environ, "AUROPS_STORE": str(tmp_path)}
    command = [sys.executable, "-m", "runbooks"]

    def ask(*arguments: str) -> str:
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, env=env, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    bed = json.loads(ask("local", "up", "--json"))
    try:
        plan = json.loads(ask("failover", "north", "--bed", bed["id"], "--dry-run", "--json"))
        assert "promote" in [stage["stage"] for stage in plan]
        assert json.loads(ask("runs", "list", "--json")) == []
        killed = subprocess.Popen(
            [*command, "failover", "north", "--bed", bed["id"], "--yes"], env=env, stderr=subprocess.PIPE, text=True
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


@pytest.mark.parametrize(
    ("killed_at", "too", "wanted"),
    [
        ("s after the fault: north is lost", "nothing", "(the owner is gone)"),
        ("s after the fault: north is lost", "testbeds.local.injector", "PASSED"),
        pytest.param("open traffic to south: done", "nothing", "PASSED", marks=pytest.mark.campaign),
    ],
)
def test_a_killed_drill_is_finished_by_resume(killed_at: str, too: str, wanted: str, tmp_path: Path) -> None:
    """SIGKILL between fault and verdict, of the injector too: an honest verdict, and nothing is left running."""
    env = {**os.environ, "AUROPS_STORE": str(tmp_path)}
    command = [sys.executable, "-m", "runbooks"]
    drill = subprocess.Popen(
        [*command, "failover-test", "--rto", "30"], env=env, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
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

    def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*command, *arguments], capture_output=True, text=True, check=False, env=env, timeout=110)

    run = json.loads(ask("runs", "list", "--json").stdout)[0]["run"]
    resumed = ask("runs", "resume", run)
    assert wanted in resumed.stdout or BUSY in resumed.stdout, resumed.stderr
    assert resumed.returncode == (0 if "PASSED" in resumed.stdout else 1), resumed.stderr
    assert "0 lost" in resumed.stdout
    rows = json.loads(ask("runs", "list", "--json").stdout)
    assert [(row["goal"], row["ended"]) for row in rows] == [(goal, "done") for goal in GOALS]
    assert not (Path(tempfile.gettempdir()) / f"aurops-bed-{bed[1]}").exists()
    assert processes.find(bed[1]) == frozenset()
