"""The workflows and the scripts, read by the tools that know what is wrong in such."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / "ci" / "github"
ACTIONLINT = "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"
NO_ACTIONLINT = "neither `actionlint` nor Go on PATH: https://github.com/rhysd/actionlint"
OTHERS = ("github/install", "drill-fleet", "find-uv")
SCRIPTS = [*sorted((ROOT / "ci" / "steps").iterdir()), *(ROOT / "ci" / name for name in OTHERS)]


def told(command: list[str | Path], cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """What a tool says."""
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def own(tool: str) -> str:
    """A tool of the development environment."""
    return str(Path(sys.executable).with_name(tool))


@pytest.mark.timeout(600)
def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    """Installed as a fork installs them: syntax, expressions, types of contexts, inputs of our own action."""
    if found := shutil.which("actionlint"):
        command = [found]
    elif shutil.which("go"):
        command = ["go", "run", ACTIONLINT]
    else:
        pytest.skip(NO_ACTIONLINT)
    shutil.copytree(ROOT / "ci", tmp_path / "ci", ignore=shutil.ignore_patterns("__pycache__"))
    assert told(["sh", "ci/github/install"], tmp_path).returncode == 0
    assert told(["git", "init", "-q"], tmp_path).returncode == 0
    done = told([*command, "-no-color"], tmp_path)
    if command[0] == "go" and "actionlint" in done.stderr and "dial tcp" in done.stderr:
        pytest.skip(f"the Go module proxy does not answer: {done.stderr.strip().splitlines()[-1]}")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_zizmor_finds_nothing() -> None:
    """Injection, excessive rights, dangerous triggers, unpinned actions, credentials that stay, poisoned caches."""
    files = [file for file in GITHUB.glob("*.yml") if file.name != "zizmor.yml"] + [*GITHUB.glob("*/action.yml")]
    command = [own("zizmor"), "--offline", "--no-progress", "--config", GITHUB / "zizmor.yml", *sorted(files)]
    done = told(command)
    assert done.returncode == 0, done.stdout


def test_shellcheck_finds_nothing() -> None:
    """In POSIX sh: what every runner and every machine has."""
    done = told([own("shellcheck"), "-s", "sh", "-x", "-P", ROOT / "ci" / "steps", *SCRIPTS])
    assert (done.returncode, done.stdout) == (0, "")
