"""`aurops init` writes a fleet's files, and never over others."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from stacks.config import load
from tests.inside import inside

if TYPE_CHECKING:
    import subprocess

ROOT = Path(__file__).parents[2]
GOOD = ("--fleet", "payments", "--cloud", "aws", "--domain", "api.example.com", "--zone-id", "Z1")
TWO = (*GOOD, "--region", "us-east-1", "--region", "eu-west-1")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A clone whose stack files are not written yet."""
    (tmp_path / "stacks").mkdir()
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    return tmp_path


def init(repo: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `aurops init` in the clone, with no terminal."""
    return inside(repo, os.environ, "init", *arguments)


def written(repo: Path) -> dict[str, str]:
    """The stack files."""
    return {file.name: file.read_text() for file in (repo / "stacks").iterdir()}


def test_the_files_are_a_fleet_and_the_next_steps_are_said(repo: Path) -> None:
    """Without a question: a file for each region and one for the cloud, which the program accepts."""
    done = init(repo, *TWO)
    assert done.returncode == 0, done.stderr
    assert set(load(repo / "stacks").stacks) == {"aws-us-east-1", "aws-eu-west-1", "aws-global"}
    assert "aurops preview" in done.stdout


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ((), {"owner": "payments", "cost-center": "payments", "environment": "production"}),
        (
            ("--owner", "ledger", "--cost-center", "c-17", "--environment", "test", "--data-class", "internal"),
            {"owner": "ledger", "cost-center": "c-17", "environment": "test", "data-class": "internal"},
        ),
    ],
)
def test_every_stack_carries_the_tags_that_policy_wants(
    options: tuple[str, ...], wanted: dict[str, str], repo: Path
) -> None:
    """Owner, cost centre, environment and data class are in each file, as given or by default."""
    done = init(repo, *TWO, *options)
    assert done.returncode == 0, done.stderr
    for stack in load(repo / "stacks").stacks.values():
        assert wanted.items() <= stack.tags.items()
        assert set(stack.tags) == {"service", "owner", "cost-center", "environment", "data-class"}


def test_a_dry_run_prints_and_writes_nothing(repo: Path) -> None:
    """`--dry-run` prints the files as they would be."""
    done = init(repo, *TWO, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "# stacks/Pulumi.aws-eu-west-1.yaml" in done.stdout
    assert written(repo) == {}


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_as_json_the_files_are_on_standard_output(repo: Path, more: tuple[str, ...]) -> None:
    """Their texts by path, and whether they were written."""
    told = json.loads(init(repo, *TWO, "--json", *more).stdout)
    assert told["written"] is not bool(more)
    assert set(told["files"]) == {f"stacks/Pulumi.aws-{name}.yaml" for name in ("us-east-1", "eu-west-1", "global")}
    if not more:
        assert {f"stacks/{name}": text for name, text in written(repo).items()} == told["files"]


def test_nothing_is_overwritten_unless_it_was_listed_and_forced(repo: Path) -> None:
    """An existing file stops the command, is named, and stays; so do its neighbours; `--force` replaces it."""
    init(repo, *GOOD, "--region", "us-east-1")
    mine = repo / "stacks" / "Pulumi.aws-us-east-1.yaml"
    mine.write_text(mine.read_text() + "# mine\n")
    before = written(repo)
    refused = init(repo, *TWO)
    assert refused.returncode == 2
    assert "stacks/Pulumi.aws-us-east-1.yaml" in refused.stderr
    assert "Pulumi.aws-eu-west-1.yaml" not in refused.stderr
    assert written(repo) == before
    assert init(repo, *TWO, "--force").returncode == 0
    assert "# mine" not in mine.read_text()


def test_files_that_contradict_those_that_stay_are_not_written(repo: Path) -> None:
    """Another fleet's stack in the folder is a contradiction that is said before anything is written."""
    init(repo, *GOOD, "--region", "us-east-1")
    before = written(repo)
    other = ("--fleet", "orders", "--cloud", "aws", "--domain", "a.example.com", "--region", "eu-west-1", "--force")
    refused = init(repo, *other)
    assert refused.returncode == 2
    assert "fleets" in refused.stderr
    assert written(repo) == before


@pytest.mark.parametrize(
    "wrong",
    [
        (*GOOD, "--region", "mars-north-1"),
        (*GOOD, "--region", "us-east-1", "--region", "us-east-1"),
        (*GOOD, "--region", "us-east-1", "--home", "eu-west-1"),
        (*GOOD, "--region", "us-east-1", "--fleet", "payments-and-more"),
        (*GOOD, "--region", "us-east-1", "--domain", "nodots"),
        (*GOOD, "--region", "us-east-1", "--image", "no tag"),
        (*GOOD, "--region", "us-east-1", "--cloud", "gcp"),
        (*GOOD, "--region", "us-east-1", "--cloud", "moon"),
        GOOD,
    ],
)
def test_bad_input_exits_2_and_writes_nothing(wrong: tuple[str, ...], repo: Path) -> None:
    """What cannot be is refused with a sentence and no traceback."""
    refused = init(repo, *wrong)
    assert refused.returncode == 2, refused.stderr
    assert "Traceback" not in refused.stderr
    assert refused.stderr
    assert written(repo) == {}


def test_regions_that_the_data_class_forbids_are_not_written(repo: Path) -> None:
    """Where the repository's policy says where a class may lie, `init` goes by it."""
    shutil.copytree(ROOT / "ci" / "policy", repo / "ci" / "policy")
    done = init(repo, *TWO, "--data-class", "personal-eu")
    assert done.returncode == 2
    assert "personal-eu data may lie in eu; us-east-1 is in us" in done.stderr
    assert written(repo) == {}
