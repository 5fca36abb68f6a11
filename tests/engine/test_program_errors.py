"""A change whose code is wrong: exit 2 with file and line, wherever it fails; never taken for the surroundings."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from aurops.caches import CACHE_HOME
from runbooks.sites import LAB_HOME

ROOT = Path(__file__).parents[2]
PACKAGES = ("aurops", "components", "failover", "migration", "runbooks", "stacks", "testbeds", "traffic")
GLOBAL = "aws-global"
COMPONENT = "components/traffic/component.py"
pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Clone:
    """A repository with the program, and a lab of its own."""

    folder: Path

    def preview(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Preview the smallest stack in the lab."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "AUROPS_"))}
        command = [sys.executable, "-m", "runbooks", "preview", "--lab", *arguments, GLOBAL]
        env = own | {
            LAB_HOME: str(self.folder.parent / "lab"),
            CACHE_HOME: str(self.folder.parent / "cache"),
            "NO_COLOR": "1",
        }
        return subprocess.run(command, cwd=self.folder, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """One for the whole file: to compile it takes longer than a preview."""
    folder = tmp_path_factory.mktemp("program") / "clone"
    for package in PACKAGES:
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Pulumi.yaml", folder)
    return Clone(folder)


BROKEN = [
    pytest.param(COMPONENT, "        build = ", "        build = {}['nothing'] or ", "KeyError: 'nothing'", id="runs"),
    pytest.param(COMPONENT, "class Traffic(", "class Traffic(Nothing, ", "NameError: name 'Nothing'", id="imports"),
    pytest.param("components/traffic/aws.py", "def build", "def def build", "SyntaxError: invalid syntax", id="parses"),
    pytest.param(
        "components/traffic/spec.py",
        "class Routing",
        "class class Routing",
        "SyntaxError: invalid syntax",
        id="is read",
    ),
    pytest.param(
        "stacks/program.py",
        "    whole = inventory",
        "    pulumi.export('late', pulumi.Output.from_input({}).apply(lambda it: it['late']))\n    whole = inventory",
        "KeyError: 'late'",
        id="applies",
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "what"), BROKEN)
def test_a_program_that_fails_is_the_changes_own_fault(clone: Clone, file: str, old: str, new: str, what: str) -> None:
    """When it runs, is imported or parsed, and where values come late: exit 2, what, in which line; no traceback."""
    path = clone.folder / file
    text = path.read_text()
    assert old in text
    try:
        path.write_text(text.replace(old, new, 1))
        line = next(n for n, each in enumerate(path.read_text().splitlines(), 1) if new.strip().splitlines()[0] in each)
        done = clone.preview()
    finally:
        path.write_text(text)
    assert done.returncode == 2, done.stderr
    assert what in done.stderr
    assert f"{file}, line {line}" in done.stderr
    assert "Traceback" not in done.stderr
    assert "bug in aurops" not in done.stderr


def test_a_stack_that_is_new_since_a_revision_fails_with_its_own_error(clone: Clone, tmp_path: Path) -> None:
    """Its program is served to the engine by another process: what it raised there is still exit 2, file and line."""
    ignored = shutil.ignore_patterns("__pycache__", "Pulumi.*.yaml")
    new = Clone(shutil.copytree(clone.folder, tmp_path / "clone", ignore=ignored))
    who = ("-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
    for command in (("init", "-q"), ("add", "."), (*who, "commit", "-q", "-m", "no stack yet")):
        subprocess.run(["git", "-C", new.folder, *command], check=True)
    for file in (ROOT / "stacks").glob("Pulumi.aws-*.yaml"):
        shutil.copy(file, new.folder / "stacks")
    component = new.folder / COMPONENT
    component.write_text(component.read_text().replace("        build = ", "        build = {}['nothing'] or ", 1))
    done = new.preview("--since", "HEAD")
    assert done.returncode == 2, done.stderr
    assert "KeyError: 'nothing'" in done.stderr
    assert f"{COMPONENT}, line " in done.stderr
    assert "Traceback" not in done.stderr
