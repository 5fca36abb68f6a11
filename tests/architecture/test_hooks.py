"""The hooks that CONTRIBUTING.md asks for."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_hooks_run_on_a_commit_without_a_network(tmp_path: Path) -> None:
    """They are the project's own tools: nothing is fetched, and clean code passes."""
    if subprocess.run(["git", "rev-parse"], cwd=ROOT, capture_output=True, check=False).returncode:
        pytest.skip("pre-commit works in a git clone only, and git says that this is none")
    env = {**os.environ, "PRE_COMMIT_HOME": str(tmp_path), "SKIP": "mypy,ty"}  # `make lint` runs those, too
    files = ["--files", "aurops/errors.py", "runbooks/cli.py"]
    done = subprocess.run(
        [sys.executable, "-m", "pre_commit", "run", *files],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("Passed") == 2, done.stdout
    assert not list(tmp_path.glob("repo*"))
