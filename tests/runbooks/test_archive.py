"""`aurops archive lock`: asked for by name, one line of one file, never anything else."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from stacks.config import load
from tests.inside import inside

ROOT = Path(__file__).parents[2]
STACK = "aws-us-east-1"
LOCK = [sys.executable, "-m", "runbooks", "archive", "lock"]


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A clone."""
    shutil.copytree(ROOT / "stacks", tmp_path / "stacks", ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    return tmp_path


def lock(repo: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the clone, with no terminal."""
    return inside(repo, os.environ, "archive", "lock", *arguments)


def text(repo: Path) -> str:
    """The stack's file."""
    return (repo / "stacks" / f"Pulumi.{STACK}.yaml").read_text()


def files(repo: Path) -> dict[str, str]:
    """Every stack file."""
    return {file.name: file.read_text() for file in (repo / "stacks").glob("Pulumi.*.yaml")}


def test_the_archive_is_locked_by_one_line_and_all_others_stay(repo: Path) -> None:
    """Comments and order are kept, the program reads the lock, and the next step is said; twice is once."""
    before = text(repo).splitlines()
    done = lock(repo, STACK, "--sure", STACK)
    assert done.returncode == 0, done.stderr
    assert f"next: aurops up {STACK}" in done.stdout
    added = [line for line in text(repo).splitlines() if line not in before]
    assert [line.strip() for line in added] == ["# Cannot be taken back.", "locked: true"]
    assert [line for line in text(repo).splitlines() if line not in added] == before
    archive = load(repo / "stacks").regions()[STACK].archive
    assert archive is not None
    assert archive.locked
    once = text(repo)
    again = lock(repo, STACK, "--json")
    assert json.loads(again.stdout) == {"stack": STACK, "years": 7, "written": False, "next": f"aurops up {STACK}"}
    assert text(repo) == once


def test_a_lock_that_was_taken_out_by_hand_is_put_back_in_its_place(repo: Path) -> None:
    """`locked: false` becomes `locked: true` where it stands."""
    file = repo / "stacks" / f"Pulumi.{STACK}.yaml"
    file.write_text(text(repo).replace("      retention_years: 7\n", "      locked: false\n      retention_years: 7\n"))
    before = text(repo)
    assert lock(repo, STACK, "--sure", STACK).returncode == 0
    assert text(repo) == before.replace("locked: false", "locked: true")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ((STACK,), 2, "no terminal to ask on"),
        ((STACK, "--sure", "yes"), 4, "'yes' is not aws-us-east-1"),
        (("aws-eu-west-1", "--sure", "aws-eu-west-1"), 2, "aws-eu-west-1 has no archive"),
        (("moon", "--sure", "moon"), 2, "moon has no archive"),
        (("azure-eastus", "--sure", "azure-eastus"), 2, "az storage container immutability-policy lock"),
    ],
)
def test_what_is_not_asked_for_by_name_changes_nothing(
    repo: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """Another name, none, or a stack without an archive: refused in words, and every file is as it was."""
    before = files(repo)
    done = lock(repo, *arguments)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert files(repo) == before


def test_an_archive_in_one_line_is_not_guessed_at(repo: Path) -> None:
    """A flow mapping has no line of its own for the lock: the file is left, and the way on is said."""
    file = repo / "stacks" / f"Pulumi.{STACK}.yaml"
    head, _, _ = text(repo).partition("    archive:\n")
    file.write_text(f"{head}    archive: {{replica_region: us-west-2}}\n")
    done = lock(repo, STACK, "--sure", STACK)
    assert (done.returncode, "give each key a line" in done.stderr) == (2, True), done.stderr


def test_on_a_terminal_the_stacks_name_is_asked_for(repo: Path) -> None:
    """A person types the name; `y` is not enough."""
    for answer, code in (("y\n", 4), (f"{STACK}\n", 0)):
        ours, theirs = pty.openpty()
        with subprocess.Popen(
            [*LOCK, STACK], cwd=repo, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as asked:
            os.close(theirs)
            os.write(ours, answer.encode())
            _, said = asked.communicate(timeout=60)
        os.close(ours)
        assert asked.returncode == code
        assert f"type {STACK}:" in said.decode()
    assert "locked: true" in text(repo)
