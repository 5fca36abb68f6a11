"""`aurops preview` on the real engine: what it says, what it leaves behind, how it ends."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aurops.clock import RealClock
from aurops.processes import read_stat
from runbooks.sites import LAB_HOME
from testbeds.lab.world import World
from tests.inside import inside

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
HOME, EU, GLOBAL = "aws-us-east-1", "aws-eu-west-1", "aws-global"
INIT = ("init", "--fleet", "orders", "--cloud", "aws", "--domain", "orders.example.com", "--zone-id", "Z1")
pytestmark = pytest.mark.timeout(400)


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """A clone with the stack files of the repository."""
    made = tmp_path / "repo"
    (made / "stacks").mkdir(parents=True)
    for file in (ROOT / "Pulumi.yaml", *(ROOT / "stacks").glob("Pulumi.*.yaml")):
        shutil.copy(file, made / file.relative_to(ROOT))
    return made


def environment(lab: Path) -> dict[str, str]:
    """What the command runs in: a lab of its own, no settings of a real backend."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PULUMI_")}
    return own | {LAB_HOME: str(lab)}


def aurops(repo: Path, lab: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in the clone."""
    return inside(repo, environment(lab), *arguments)


def rewrite(repo: Path, stack: str, old: str, new: str) -> None:
    """Change a stack file."""
    file = repo / "stacks" / f"Pulumi.{stack}.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def left_behind(lab: Path) -> set[str]:
    """The stacks that the lab's backend holds, and the locks."""
    state = lab / "state" / ".pulumi"
    return {file.name for file in state.glob("stacks/*/*.json")} | {str(each) for each in state.glob("locks/**/*.json")}


def test_a_loss_of_data_is_named_with_its_cause_and_makes_the_answer_no(
    repo: Path, home_seed: Path, tmp_path: Path
) -> None:
    """Another database name replaces what is protected: all of it is listed, exit 1; a new stack is none afterwards.

    The stacks that read the home region's inventory are told what of it would change.
    """
    lab = shutil.copytree(home_seed, tmp_path / "lab", symlinks=True)
    for stack in (HOME, EU, "aws-ap-southeast-1"):
        rewrite(repo, stack, "name: ledger", "name: journal")
    rewrite(repo, HOME, "zones: [a, b, c]", "zones: [a, b, c, d]")
    files = {file.name: file.read_text() for file in (repo / "stacks").iterdir()}
    comment = tmp_path / "comment.md"
    options = ("--json", "--markdown", str(comment), "--fail-on", "stateful-replace")
    done = aurops(repo, lab, "preview", "--lab", *options, HOME, EU)
    assert done.returncode == 1, done.stderr
    first = comment.read_text().splitlines()
    assert first[0] == "## 🛑 aurops preview: 1 lost"
    assert first[1].startswith("- **replaced** `payments-db-global` (GlobalCluster) in `aws-us-east-1`")
    by_name = {each["stack"]: each for each in json.loads(done.stdout)["stacks"]}
    home, secondary = by_name[HOME], by_name[EU]
    changes: dict[str, Any] = {each["name"]: each for each in home["changes"]}
    group = changes["payments-db-global"]
    assert (group["op"], group["protected"], group["replaces"]) == ("replace", True, ["databaseName"])
    assert group["differences"][0] == {"key": "databaseName", "before": '"ledger"', "after": '"journal"'}
    assert group["urn"] in home["losses"]
    assert changes["payments-nodes-group-d"]["op"] == "create"
    assert "payments-db-global" in done.stderr
    assert (secondary["is_new"], secondary["counts"]["create"], secondary["error"]) == (True, 143, None)
    assert list(secondary["upstream"]) == [HOME]
    assert left_behind(lab) == {f"{HOME}.json"}
    # Neither in the clone nor in the lab's copy has a preview written into a stack file.
    for folder in (repo / "stacks", lab / "work" / "stacks"):
        assert {file.name: file.read_text() for file in folder.glob("Pulumi.*.yaml")} == files


def test_what_init_writes_previews_from_nothing(repo: Path, tmp_path: Path) -> None:
    """The files of a new fleet go through the engine: only creations, nothing lost, no backend touched."""
    lab = tmp_path / "lab"
    shutil.rmtree(repo / "stacks")
    (repo / "stacks").mkdir()
    assert aurops(repo, lab, *INIT, "--region", "eu-central-1").returncode == 0
    done = aurops(repo, lab, "preview", "--lab")
    assert done.returncode == 0, done.stderr
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines()[1:3]}
    assert set(rows) == {"aws-eu-central-1", GLOBAL}
    assert int(rows["aws-eu-central-1"][1]) > 100
    assert all(row[2:6] == ["0", "0", "0", "0"] for row in rows.values())
    assert "Nothing that holds data would be replaced or deleted." in done.stdout
    assert left_behind(lab) == set()


def test_a_stack_that_fails_hides_no_other(repo: Path, home_seed: Path, tmp_path: Path) -> None:
    """With one stack's state broken, the others' rows are there, then the failure, and the exit code is its own."""
    lab = shutil.copytree(home_seed, tmp_path / "lab", symlinks=True)
    (lab / "state/.pulumi/stacks/aurops" / f"{GLOBAL}.json").write_text("{broken")
    done = aurops(repo, lab, "preview", "--lab", HOME, GLOBAL)
    assert done.returncode == 3, done.stdout
    rows = {line.split()[0]: line.split() for line in done.stdout.splitlines()[1:3]}
    assert rows[HOME][1:6] == ["0", "0", "0", "0", "169"]
    assert rows[GLOBAL][-1] == "failed"
    assert f"stack {GLOBAL}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_look_at_the_cloud_shows_what_up_would_take_back_and_writes_nothing(
    repo: Path, home_seed: Path, tmp_path: Path
) -> None:
    """Only with `--refresh`: what somebody changed or deleted is an update or a creation; the state stays as it was."""
    lab = shutil.copytree(home_seed, tmp_path / "lab", symlinks=True)
    with closing(World(lab / "world.sqlite")) as world:
        vpc, route = world.objects("aws:ec2/vpc:Vpc")[0], world.objects("aws:ec2/route:Route")[0]
        world.tamper(vpc.id, "enableDnsHostnames", value=False, type_=vpc.type)
        world.remove(route.seq)
    state = lab / "state/.pulumi/stacks/aurops" / f"{HOME}.json"
    before = state.read_bytes()
    for option, expected in (((), {}), (("--refresh",), {"payments-net-vpc": "update", route.type: "create"})):
        done = aurops(repo, lab, "preview", "--lab", "--json", *option, HOME)
        assert done.returncode == 0, done.stderr
        (stack,) = json.loads(done.stdout)["stacks"]
        found = {each["type"] if each["op"] == "create" else each["name"]: each["op"] for each in stack["changes"]}
        assert found == expected
        assert sum(stack["counts"].values()) == 169
    assert state.read_bytes() == before


def test_an_unknown_stack_names_those_that_exist(repo: Path, tmp_path: Path) -> None:
    """A name that no file has: exit 2, with the names that there are."""
    done = aurops(repo, tmp_path / "lab", "preview", "--lab", "aws-mars-1")
    assert done.returncode == 2
    assert "aws-mars-1" in done.stderr
    assert HOME in done.stderr


def engines(parent: int) -> Iterator[int]:
    """The engines that a process has started: pids of `pulumi preview`."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        stat = read_stat(int(entry.name))
        if stat and stat.alive and stat.parent == parent and b"preview" in command:
            yield stat.process.pid


def test_an_interrupt_of_this_process_alone_ends_the_engines(repo: Path, home_seed: Path, tmp_path: Path) -> None:
    """SIGINT to aurops and to nobody else: exit 130, no engine runs on, no lock and no borrowed stack stays."""
    lab = shutil.copytree(home_seed, tmp_path / "lab", symlinks=True)
    command = [sys.executable, "-m", "runbooks", "preview", "--lab", HOME, EU]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=repo, env=environment(lab), stdout=pipe, stderr=pipe, text=True) as process:
        started: set[int] = set()
        while len(started) < 2 and process.poll() is None:
            started |= set(engines(process.pid))
            RealClock().sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=200)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert all((stat := read_stat(pid)) is None or not stat.alive for pid in started)
    assert left_behind(lab) == {f"{HOME}.json"}


def test_stacks_of_three_clouds_are_previewed_in_one_command(repo: Path, tmp_path: Path) -> None:
    """Each cloud in a process of its own: one answer, in the order that was asked for, with every cloud's resources."""
    wanted = ("gcp-global", "aws-global", "azure-global")
    done = aurops(repo, tmp_path / "lab", "preview", "--lab", "--json", *wanted)
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["stacks"]
    assert [row["stack"] for row in rows] == list(wanted)
    assert all(row["counts"]["create"] > 10 and row["is_new"] and row["error"] is None for row in rows)
    assert left_behind(tmp_path / "lab") == set()
