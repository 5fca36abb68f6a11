"""The sample comment in docs is what the real command writes of a change that touches all 13 stacks.

AUROPS_ACCEPT=1 writes docs/preview-comment.md anew.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ruamel.yaml import YAML

from runbooks.sites import LAB_HOME
from stacks.review_markdown import LIMIT
from stacks.review_top import LINES

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "docs" / "preview-comment.md"
CHANGE: Mapping[str, Mapping[str, Any]] = {
    "*": {"tags.team": "core"},
    "aws-*-*-*": {"nodes.version": "1.35", "database.name": "journal"},
    "azure-eastus": {"database.backup_retention_days": 7},
    "azure-westeurope": {"protect": False},
    "gcp-us-central1": {"archive.retention_years": 1},
}
"""By pattern of stacks: what is set to what."""
pytestmark = [pytest.mark.campaign, pytest.mark.timeout(900)]


def aurops(folder: Path, lab: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in a folder that stands for a clone."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    env = own | {LAB_HOME: str(lab), "AUROPS_STORE": str(lab.parent / "store"), "NO_COLOR": "1"}
    command = [sys.executable, "-m", "runbooks", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)


def clone(folder: Path) -> Path:
    """The repository's stack files and policy."""
    (folder / "ci").mkdir(parents=True)
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    shutil.copytree(ROOT / "ci" / "policy", folder / "ci" / "policy")
    (folder / "stacks").mkdir()
    for file in (ROOT / "stacks").glob("Pulumi.*.yaml"):
        shutil.copy(file, folder / "stacks")
    return folder


def change(folder: Path) -> None:
    """Make the change."""
    yaml = YAML(typ="safe")
    for pattern, edits in CHANGE.items():
        for file in sorted((folder / "stacks").glob(f"Pulumi.{pattern}.yaml")):
            document = yaml.load(file.read_text())
            (config,) = document["config"].values()
            for path, value in edits.items():
                part, _, key = path.rpartition(".")
                (config.setdefault(part, {}) if part else config)[key] = value
            with file.open("w") as out:
                yaml.dump(document, out)


def test_the_sample_is_what_the_command_writes(tmp_path: Path) -> None:
    """All 13 stacks up, one change of all: exit 1, dangers in the first lines, a row for each stack, and it fits."""
    folder, lab, comment = clone(tmp_path / "repo"), tmp_path / "lab", tmp_path / "comment.md"
    up = aurops(folder, lab, "up", "--lab")
    assert up.returncode == 0, up.stderr
    change(folder)
    done = aurops(folder, lab, "preview", "--lab", "--policy", "--markdown", str(comment))
    assert done.returncode == 1, done.stderr
    page = comment.read_text()
    assert len(page.encode()) < LIMIT
    first = "\n".join(page.splitlines()[:LINES])
    for name in ("payments-db-global", "payments-db-server", "payments-archive-main", "payments-keys-vault"):
        assert f"`{name}`" in first
    assert len(re.findall(r"^\| `[a-z0-9-]+` \|", page, re.MULTILINE)) == 13
    if os.environ.get("AUROPS_ACCEPT"):
        SAMPLE.write_text(page)
    assert page == SAMPLE.read_text(), "AUROPS_ACCEPT=1 writes it anew"
