"""`aurops lab`: what people do with the stand-in clouds."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from testbeds.lab.folder import LabFolder
from testbeds.lab.world import NewObject, World
from tests.engine.processes import processes_of, wait_until

ROOT = Path(__file__).parents[2]
VPC, BUCKET = "aws:ec2/vpc:Vpc", "aws:s3/bucket:Bucket"
COUNTS_SIGINT = """
import signal, sys, time
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
print("ready", flush=True)
while not seen:
    time.sleep(0.01)
time.sleep(0.5)  # a second one would have come by now
sys.exit(40 + len(seen))
"""
ON_A_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""


@pytest.fixture
def home(tmp_path: Path) -> LabFolder:
    """A folder for a lab that nobody has opened yet."""
    return LabFolder(tmp_path.resolve() / "lab")


@pytest.fixture
def full(home: LabFolder) -> LabFolder:
    """A lab with a network and a bucket that no stack knows."""
    home.path.mkdir()
    with home.claimed():
        world = World(home.world)
        world.add(NewObject(VPC, "us-east-1", "vpc-1", {}, {"tags": {}}, {"Name": "net"}))
        world.add(NewObject(BUCKET, "eu-west-1", "b-1", {}, {"bucket": "b-1"}, {}))
        world.close()
    return home


def environment(home: LabFolder) -> dict[str, str]:
    """What a user's shell has."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
        "AUROPS_LAB_HOME": str(home.path)
    }


def lab(home: LabFolder, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `aurops lab …` as a process of its own in the repository."""
    return subprocess.run(
        [sys.executable, "-m", "runbooks", "lab", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env=environment(home),
        stdin=subprocess.DEVNULL,
    )


def test_the_list_is_narrowed_by_a_part_of_the_type(full: LabFolder) -> None:
    """`lab list vpc` shows the networks and nothing else; `--json` gives every property."""
    assert len(lab(full, "list").stdout.splitlines()) == 2
    assert lab(full, "list", "VPC").stdout.split() == [VPC, "us-east-1", "vpc-1", "net"]
    (one,) = json.loads(lab(full, "list", "bucket", "--json").stdout)
    assert (one["type"], one["id"], one["outputs"]) == (BUCKET, "b-1", {"bucket": "b-1"})


def test_looking_makes_no_lab(home: LabFolder) -> None:
    """`list`, `status` and `reset` of a lab that does not exist say so and make nothing."""
    assert lab(home, "list").stdout == "nothing\n"
    assert json.loads(lab(home, "status", "--json").stdout)["objects"] == 0
    assert "no lab" in lab(home, "reset").stdout
    assert json.loads(lab(home, "reset", "--json").stdout)["removed"] == 0
    assert lab(home, "tamper", "vpc-1", "cidrBlock", "x").returncode == 2
    assert not home.path.exists()


@pytest.mark.parametrize(
    ("text", "value"), [("eleven", "eleven"), ("11", 11), ("true", True), ('{"a": [1]}', {"a": [1]}), ('"11"', "11")]
)
def test_tampering_takes_json_or_text(full: LabFolder, text: str, value: object) -> None:
    """The value is JSON where it is JSON, else the text itself; the world keeps it for the next command."""
    done = lab(full, "tamper", "b-1", "bucket", text, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["outputs"]["bucket"] == value
    assert json.loads(lab(full, "list", "bucket", "--json").stdout)[0]["outputs"]["bucket"] == value


def test_tampering_with_what_is_not_there_is_refused(full: LabFolder) -> None:
    """An unknown id is a usage error that says how to find the right one."""
    refused = lab(full, "tamper", "vpc-9", "tags.owner", "me")
    assert refused.returncode == 2
    assert "aurops lab list" in refused.stderr


def test_the_status_counts_by_type_and_names_what_no_stack_knows(full: LabFolder) -> None:
    """Folder, objects by type, and objects that are in no stack's state: what a crash leaves behind."""
    told = json.loads(lab(full, "status", "--json").stdout)
    assert told["folder"] == str(full.path)
    assert told["in_use_by"] is None
    assert told["by_type"] == {VPC: 1, BUCKET: 1}
    assert told["by_stack"] == {"in no stack's state": 2}
    assert "nobody" in lab(full, "status").stdout


def test_a_reset_asks_first_and_then_leaves_nothing(full: LabFolder) -> None:
    """Without a terminal and without `--yes` nothing happens; with it the world and the state are gone."""
    assert lab(full, "reset").returncode == 2
    assert full.world.exists()
    assert json.loads(lab(full, "reset", "--yes", "--json").stdout) == {"folder": str(full.path), "removed": 2}
    assert [each.name for each in full.path.iterdir()] == ["session"]
    assert json.loads(lab(full, "status", "--json").stdout)["objects"] == 0


def test_a_folder_with_other_things_is_never_taken_for_a_lab(home: LabFolder) -> None:
    """A mistyped `AUROPS_LAB_HOME` costs nobody a folder: neither `run` nor `reset` touches it."""
    home.path.mkdir()
    (home.path / "work").mkdir()
    (home.path / "work" / "thesis.txt").write_text("mine")
    assert lab(home, "run", "--", "true").returncode == 2
    lab(home, "reset", "--yes")
    assert [str(each.relative_to(home.path)) for each in sorted(home.path.rglob("*"))] == ["work", "work/thesis.txt"]


def test_a_command_runs_in_the_lab_and_its_exit_code_is_passed_on(home: LabFolder) -> None:
    """Work dir, backend and providers are the lab's; options of the command need no quoting; codes come through."""
    script = 'pwd; echo "$PULUMI_BACKEND_URL"; command -v pulumi-resource-aws; ls stacks; exit 7'
    done = lab(home, "run", "sh", "-c", script)
    assert done.returncode == 7
    folder, backend, provider, *stacks = done.stdout.splitlines()
    assert folder == str(home.work_dir)
    assert backend.startswith(f"file://{home.path}/state")
    assert provider == f"{home.path}/bin/pulumi-resource-aws"
    assert {"Pulumi.aws-us-east-1.yaml", "__main__.py"} <= set(stacks)
    assert processes_of(home.path) == {}
    assert lab(home, "run", "--", "no-such-program").returncode == 2


def test_a_session_is_named_to_the_next_one_and_shared_with_its_own_commands(full: LabFolder) -> None:
    """While a command runs, `status` names it, another session is refused, `reset` too; commands inside may use it."""
    inside = f"{sys.executable} -m runbooks lab run -- true && echo shared; read _"
    with running(full, "sh", "-c", inside, stdin=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "shared\n"
        user = json.loads(lab(full, "status", "--json").stdout)["in_use_by"]
        assert user["pid"] == child.pid
        assert "lab run" in user["command"]
        for refused in (lab(full, "run", "--", "true"), lab(full, "reset", "--yes")):
            assert refused.returncode == 3
            assert f"in use by process {child.pid}" in refused.stderr
        child.communicate("\n", timeout=60)
    assert len(json.loads(lab(full, "list", "--json").stdout)) == 2


def running(home: LabFolder, *command: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[str]:
    """`aurops lab run -- COMMAND` in the background, in a session without a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "runbooks", "lab", "run", "--", *command],
        stdin=stdin,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(home),
        start_new_session=True,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_command_and_the_servers(home: LabFolder, number: signal.Signals) -> None:
    """The command gets the signal, the exit code says it as shells do, and nothing is left running."""
    with running(home, sys.executable, "-c", "print('up', flush=True); import signal; signal.pause()") as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "up\n"
        child.send_signal(number)
        code = child.wait(timeout=60)
    # Python ends itself by SIGINT after KeyboardInterrupt, so that its parent sees the signal.
    assert code == 128 + number
    wait_until(lambda: processes_of(home.path) == {})


def test_ctrl_c_on_a_terminal_reaches_the_command_once(home: LabFolder) -> None:
    """The terminal has told the command already: a second interrupt would make an engine drop what it is doing."""
    terminal, its_end = pty.openpty()
    command = [sys.executable, "-c", ON_A_TERMINAL, "-m", "runbooks", "lab", "run", sys.executable, "-c", COUNTS_SIGINT]
    with subprocess.Popen(
        command, stdin=its_end, stdout=its_end, stderr=its_end, cwd=ROOT, env=environment(home), start_new_session=True
    ) as child:
        os.close(its_end)
        try:
            seen = b""
            while b"ready" not in seen:
                seen += os.read(terminal, 1000)
            os.write(terminal, b"\x03")
            assert child.wait(timeout=60) == 41
        finally:
            child.kill()
            os.close(terminal)
    wait_until(lambda: processes_of(home.path) == {})


def test_the_lab_writes_nothing_into_the_repository(home: LabFolder) -> None:
    """`git status` says the same before and after a session whose command writes into its stack files."""

    def git_status() -> str:
        command = ["git", "status", "--porcelain", "--ignored"]
        lines = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
        return "\n".join(line for line in lines if "__pycache__" not in line)

    before = git_status()
    wrote = lab(home, "run", "--", "sh", "-c", "echo 'x: 1' >> stacks/Pulumi.aws-us-east-1.yaml; touch stacks/new")
    assert wrote.returncode == 0, wrote.stderr
    assert git_status() == before
    assert lab(home, "run", "--", "grep", "-c", "^x: 1", "stacks/Pulumi.aws-us-east-1.yaml").returncode == 1


def test_ids_and_types_are_completed(full: LabFolder) -> None:
    """The shell offers the lab's own identifiers and types."""
    for words, offered in (("aurops lab tamper v", "vpc-1"), ("aurops lab list aws:s3", BUCKET)):
        env = environment(full) | {
            "_AUROPS_COMPLETE": "complete_bash",
            "COMP_WORDS": words,
            "COMP_CWORD": str(len(words.split()) - 1),
        }
        command = [str(Path(sys.executable).parent / "aurops")]
        asked = subprocess.run(command, env=env, capture_output=True, text=True, check=False, cwd=ROOT)
        assert offered in asked.stdout
