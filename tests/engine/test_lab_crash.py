"""The lab when the engine or the session is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi_aws as aws
import pytest
from pulumi.automation import CommandError, ConcurrentUpdateError

from aurops.processes import read_stat
from testbeds.lab.folder import CLOUDS
from testbeds.lab.session import lab_session
from tests.engine.killing import kill_engines
from tests.engine.processes import processes_of, server_of, wait_until

if TYPE_CHECKING:
    from conftest import Engine

ROOT = Path(__file__).parents[2]
VPC = "aws:ec2/vpc:Vpc"
SERVERS = 1 + len(CLOUDS)
"""Processes of a session: one for each cloud, and the one that they come from."""


def test_a_killed_engine_leaves_an_object_that_the_next_up_makes_again(slow_engine: Engine) -> None:
    """What was being made exists, the engine does not know it, and no dedup hides the second one."""

    def program() -> None:
        aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")

    world, folder = slow_engine.lab.world, slow_engine.lab.folder
    stack = slow_engine.stack(program)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(stack.up)
        wait_until(lambda: len(world.objects(VPC)) == 1)
        kill_engines(folder)
        assert isinstance(running.exception(timeout=30), CommandError)
    with pytest.raises(ConcurrentUpdateError):
        stack.up()
    stack.cancel()
    stack.up()
    assert len(world.objects(VPC)) == 2


def test_a_killed_engine_leaves_no_process(slow_engine: Engine) -> None:
    """The shims end with the engine; only the session's servers go on."""
    world, folder = slow_engine.lab.world, slow_engine.lab.folder
    stack = slow_engine.stack(lambda: aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16") and None)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(stack.up)
        wait_until(lambda: len(world.objects(VPC)) == 1)
        kill_engines(folder)
        running.exception(timeout=30)
    wait_until(lambda: all("testbeds.lab.server" in command for command in processes_of(folder).values()))
    assert len(processes_of(folder)) == SERVERS


def test_a_killed_session_leaves_no_process_and_keeps_its_world(tmp_path: Path) -> None:
    """The servers watch their session; the next session in the folder finds what the last one made."""
    script = (
        "import sys, pathlib, threading\n"
        "from testbeds.lab.session import lab_session\n"
        "from testbeds.lab.world import NewObject\n"
        "with lab_session(pathlib.Path(sys.argv[1]), folder=pathlib.Path(sys.argv[2])) as lab:\n"
        f"    lab.world.add(NewObject({VPC!r}, 'us-east-1', 'vpc-1', {{}}, {{}}, {{}}))\n"
        "    print('open', flush=True)\n"
        "    threading.Event().wait()\n"
    )
    session = subprocess.Popen(
        [sys.executable, "-c", script, str(ROOT), str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert session.stdout is not None
    with session.stdout:
        assert session.stdout.readline() == "open\n"
    assert len(processes_of(tmp_path)) == SERVERS
    session.kill()
    session.wait()
    wait_until(lambda: processes_of(tmp_path) == {})
    with lab_session(ROOT, folder=tmp_path) as lab:
        assert [found.id for found in lab.world.objects()] == ["vpc-1"]


def test_the_servers_do_not_outlive_the_process_that_they_come_from(tmp_path: Path) -> None:
    """Killed alone, it takes them along, though the session goes on."""
    with lab_session(ROOT, folder=tmp_path):
        server = read_stat(server_of(tmp_path, "aws"))
        assert server is not None
        os.kill(server.parent, signal.SIGKILL)
        wait_until(lambda: processes_of(tmp_path) == {})


def test_the_shim_refuses_to_start_outside_a_lab(engine: Engine) -> None:
    """Found on a PATH by accident, the stand-in says what it is and ends."""
    shim = engine.lab.folder / "bin" / "pulumi-resource-aws"
    env = {name: value for name, value in os.environ.items() if name != "AUROPS_LAB"}
    refused = subprocess.run([shim, "127.0.0.1:1"], env=env, capture_output=True, text=True, check=False)
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert "--lab" in refused.stderr
