"""Every shipped experiment on real processes: the fault gets the answer that it deserves, and is undone."""

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from testbeds.local import processes

pytestmark = pytest.mark.e2e
EXPERIMENTS = Path(__file__).parents[2] / "testbeds" / "local" / "experiments"
SAMPLE = {"double"}
"""What `make test` takes, with a short load; `make campaign` takes all."""
SHORT = {"steady": {"before_s": 1.5, "after_s": 1.5}, "load": {"seconds": 1.5}}
NO_VERDICT = ("not well before the fault", "too busy to tell")
"""A machine that is too busy for the drill gives no verdict; then it is tried once more."""


def cases() -> list[object]:
    """Every file, most of them for the campaign."""
    files = sorted(EXPERIMENTS.glob("*.yaml"))
    return [
        pytest.param(file, id=file.stem, marks=() if file.stem in SAMPLE else pytest.mark.campaign) for file in files
    ]


@pytest.mark.parametrize("file", cases())
def test_a_fault_gets_the_answer_that_it_deserves(file: Path, tmp_path: Path) -> None:
    """Nothing acknowledged is lost, nobody moves for nothing, every region is a copy again, the bed is gone."""
    if file.stem in SAMPLE:
        whole = YAML(typ="safe").load(file.read_text())
        file = tmp_path / file.name
        file.write_text(json.dumps(whole | SHORT))
    for attempt in ("first", "second"):
        done = aurops("failover-test", "--experiment", str(file), "--json", store=tmp_path / attempt)
        assert done.stdout, done.stderr
        report = json.loads(done.stdout)
        if not any(busy in report["because"] for busy in NO_VERDICT):
            break
    assert report["verdict"] == "passed", report["because"]
    assert done.returncode == 0
    assert report["requests"]["lost"] == 0
    assert report["requests"]["split_brain"] == 0
    bed = re.search(r"bed (\S+) is up", done.stderr)
    assert bed is not None
    assert not (Path(tempfile.gettempdir()) / f"aurops-bed-{bed[1]}").exists()
    assert processes.find(bed[1]) == frozenset()


def aurops(*arguments: str, store: Path) -> subprocess.CompletedProcess[str]:
    """A command to its end."""
    command = [sys.executable, "-m", "runbooks", *arguments]
    env = {**os.environ, "AUROPS_STORE": str(store)}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env, timeout=110)
