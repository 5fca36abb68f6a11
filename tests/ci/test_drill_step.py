"""The weekly step as the workflow runs it: the real fleet on stand-in clouds, and a region that is really lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.needs import needs_pulumi

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.e2e, pytest.mark.campaign, needs_pulumi, pytest.mark.timeout(900)]


def test_the_weekly_step_passes_and_leaves_its_report(tmp_path: Path) -> None:
    """Exit 0, a report as a page and as data with measured RTO and RPO, and a notice in the job's summary."""
    own = {"AUROPS": str(Path(sys.executable).with_name("aurops")), "XDG_STATE_HOME": str(tmp_path / "state")}
    env = {**os.environ, **own, "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md")}
    command = ["sh", ROOT / "ci" / "steps" / "drill", str(tmp_path / "out"), "--fault", "kill"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((tmp_path / "out" / "drill.json").read_text())
    assert report["verdict"] == "passed"
    assert (tmp_path / "out" / "drill.html").read_text().startswith("<!")
    assert "**drill:** passed" in (tmp_path / "summary.md").read_text()
