"""The stacks with Pulumi's own command line, as `aurops lab run -- pulumi …`, through the Python language host."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from testbeds.lab.folder import LabFolder
from testbeds.lab.world import World
from tests.engine.fleets import SmallFleet

ROOT = Path(__file__).parents[2]
HOME, EU, GLOBAL = "aws-us-east-1", "aws-eu-west-1", "aws-global"
pytestmark = [
    pytest.mark.timeout(400),
    pytest.mark.skipif(
        shutil.which("pulumi-language-python") is None,
        reason="no `pulumi-language-python` on PATH: it is part of Pulumi's official release",
    ),
]


def in_lab(folder: Path, script: str, repo: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a shell script in a lab, as a user does."""
    return subprocess.run(
        [sys.executable, "-m", "runbooks", "lab", "run", "--", "sh", "-ec", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=repo,
        env=dict(os.environ) | {"AUROPS_LAB_HOME": str(folder)},
    )


def up(stack: str) -> str:
    """The commands that bring a stack up."""
    return f"pulumi stack init {stack}; pulumi up --yes --skip-preview --color never --stack {stack} 2>&1"


def objects(folder: Path) -> int:
    """How much there is in the lab's clouds."""
    world = World(LabFolder(folder.resolve()).world)
    try:
        return len(world.objects())
    finally:
        world.close()


def test_a_stack_before_its_upstream_is_refused_by_stack_and_key(tmp_path: Path) -> None:
    """Plain `pulumi up` of a secondary names stack, key and next action, with no traceback; nothing is made."""
    refused = in_lab(tmp_path, up(EU))
    assert refused.returncode != 0
    assert f"error: stack {HOME} has not exported database.global_group" in refused.stdout
    assert f"where: stack {EU}, which needs it" in refused.stdout
    assert f"next: bring {HOME} up first" in refused.stdout
    assert "Traceback" not in refused.stdout
    assert objects(tmp_path) == 0


def test_a_wrong_stack_file_is_refused_by_file_and_key(tmp_path: Path) -> None:
    """Plain `pulumi preview` says what is wrong in which key, with no traceback."""
    wrong = in_lab(
        tmp_path,
        f"sed -i 's/zones: .a, b, c./zones: [a, z]/' stacks/Pulumi.{HOME}.yaml; pulumi stack init {HOME};"
        f"pulumi preview --color never --stack {HOME} 2>&1",
    )
    assert wrong.returncode != 0
    assert f"stacks/Pulumi.{HOME}.yaml: aurops:region.network.zones" in wrong.stdout
    assert "Traceback" not in wrong.stdout


def test_home_comes_up_and_stays_as_it_is(tmp_path: Path) -> None:
    """After plain `pulumi up`, a preview in a later session of the same lab has nothing to do."""
    small = SmallFleet.make(tmp_path, (HOME,))
    shutil.copy(ROOT / "stacks" / "__main__.py", small.folder / "stacks")
    lab = small.state / "lab"
    made = in_lab(lab, up(HOME), small.folder)
    assert made.returncode == 0, made.stdout + made.stderr
    before = objects(lab)
    assert before > 30
    again = in_lab(lab, f"pulumi preview --color never --expect-no-changes --stack {HOME} 2>&1", small.folder)
    assert again.returncode == 0, again.stdout
    assert objects(lab) == before


@pytest.mark.campaign
def test_every_stack_comes_up(tmp_path: Path) -> None:
    """All four, full size, in the order of their waves; in a later session a preview of home has nothing to do."""
    made = in_lab(tmp_path, "; ".join(up(stack) for stack in (HOME, EU, "aws-ap-southeast-1", GLOBAL)))
    assert made.returncode == 0, made.stdout + made.stderr
    again = in_lab(tmp_path, f"pulumi preview --color never --expect-no-changes --stack {HOME} 2>&1")
    assert again.returncode == 0, again.stdout
