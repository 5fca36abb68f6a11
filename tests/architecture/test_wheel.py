"""The wheel as its users get it: the packages, their data, the command, and nothing else."""

import os
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from aurops import __version__

ROOT = Path(__file__).parents[2]
PACKAGES = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"][
    "packages"
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """The wheel, built by the project's own backend; no network is needed."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return zipfile.ZipFile(next(folder.glob("*.whl")))


def test_the_wheel_holds_the_packages_and_nothing_else(wheel: zipfile.ZipFile) -> None:
    """No tests, no benchmarks, no folder of a tool: the packages and the wheel's own information."""
    assert {name.partition("/")[0] for name in wheel.namelist()} == {*PACKAGES, f"aurops-{__version__}.dist-info"}
    modules = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert modules == set(PACKAGES), "a package of the tree is missing in the wheel"


def test_every_file_of_the_packages_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    """Templates, schemas and the lab's tables come with the code, and no bytecode does."""
    found = (path for package in PACKAGES for path in (ROOT / package).rglob("*") if path.is_file())
    here = {str(path.relative_to(ROOT)) for path in found if "__pycache__" not in path.parts}
    there = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert there == here
    data = (
        "aurops/report.html.j2",
        "stacks/stack.schema.json",
        "failover/experiment.schema.json",
        "testbeds/lab/data/aws.json",
    )
    assert set(data) <= there


def test_the_command_runs_from_the_wheel_alone(wheel: zipfile.ZipFile, tmp_path: Path) -> None:
    """What is unpacked somewhere else answers `aurops --version` and renders a report, away from the source tree."""
    wheel.extractall(tmp_path)
    script = f"""
import sys
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

found = metadata.PathDistribution(Path({str(tmp_path / f"aurops-{__version__}.dist-info")!r}))
command, = found.entry_points.select(group="console_scripts", name="aurops")
main = command.load()
import aurops.report, runbooks.cli
for module in (aurops.report, runbooks.cli):
    assert module.__file__.startswith({str(tmp_path)!r}), module.__file__
told = aurops.report.Report(title="t", run="r", made_at=datetime.now(UTC), verdict="passed", because="b")
assert "<html" in told.to_html()
main(["--version"])
"""
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=env, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"aurops {__version__}\n")
