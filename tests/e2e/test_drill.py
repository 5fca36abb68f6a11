"""A region lost for real, measured from the clients' ledger."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e


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
    assert done.returncode == code, done.stderr
    assert ("missed: RTO" in done.stderr) is bool(code)
    report = json.loads(done.stdout)
    assert report["requests"]["lost"] == 0
    assert report["requests"]["split_brain"] == 0
    assert report["requests"]["ok"] > 100
    assert (tmp_path / "r.html").read_text().count("<svg") >= 1
    runs = json.loads(
        subprocess.run([*command, "runs", "list", "--json"], capture_output=True, check=True, env=env).stdout
    )
    assert [run["goal"] for run in runs] == ["measure", "failover", "reprotect"]
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
