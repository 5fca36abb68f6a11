"""The step of a pull request, with the real aurops: compared with its base, on stand-in clouds, judged by policy."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.engine.fleets import HOME, ROOT, SmallFleet

if TYPE_CHECKING:
    from collections.abc import Sequence

WHO = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
pytestmark = pytest.mark.timeout(400)


def run(command: Sequence[str | Path], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run something in the repository."""
    own = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "AUROPS_", "GITHUB_"))}
    return subprocess.run(command, cwd=folder, env=own | more, capture_output=True, text=True, check=False)


def test_a_pull_request_that_replaces_the_database_is_told_so_first(tmp_path: Path) -> None:
    """Exit 1, the loss in the comment's first 15 lines and in the findings; nothing of the repository is touched."""
    folder = SmallFleet.make(tmp_path, (HOME,)).folder
    shutil.copytree(ROOT / "ci" / "policy", folder / "ci" / "policy", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / ".gitignore").write_text("__pycache__\n")
    file = folder / "stacks" / f"Pulumi.{HOME}.yaml"
    for number, text in enumerate((file.read_text(), file.read_text().replace("name: ledger", "name: journal"))):
        file.write_text(text)
        if number == 0:
            run(["git", "init", "-q"], folder)
        run(["git", "add", "-A"], folder)
        assert run(["git", *WHO, "commit", "-q", "-m", "x"], folder).returncode == 0
    out, summary = tmp_path / "out", tmp_path / "summary.md"
    own = {"AUROPS": str(Path(sys.executable).with_name("aurops")), "GITHUB_ACTIONS": "true"}
    own |= {"GITHUB_STEP_SUMMARY": str(summary), "AUROPS_CACHE_HOME": str(tmp_path / "cache")}
    step = ["sh", ROOT / "ci" / "steps" / "preview", "lab", "HEAD^1", str(out)]
    done = run(step, folder, REPORT_URL="https://ci.example/runs/1", **own)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "::error title=preview::against policy" in done.stdout
    comment = (out / "comment.md").read_text()
    assert "payments-db-global" in "\n".join(comment.splitlines()[:15])
    assert comment.splitlines()[0] in summary.read_text()
    review = json.loads((out / "review.json").read_text())
    assert [each["stack"] for each in review["stacks"]] == [HOME]
    assert {"deleted", "replaced"} & {each["kind"] for each in review["dangers"]}
    assert json.loads((out / "policy.sarif").read_text())["runs"][0]["results"]
    assert run(["git", "status", "--porcelain"], folder).stdout == ""
