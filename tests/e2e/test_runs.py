"""Steering failovers of a real bed: pause, resume, abort, with and without a process."""

import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

from aurops.clock import RealClock
from aurops.history import History
from aurops.journal import Journal, list_runs
from aurops.store import Store, open_store
from runbooks.runs import app
from testbeds.local import bed as beds
from testbeds.local import processes
from testbeds.local.state import BedState
from tests.e2e.commands import COMMAND, until

pytestmark = pytest.mark.e2e
wait_for = partial(until, limit_s=60)


@pytest.fixture
def bed() -> Iterator[BedState]:
    """A bed of its own."""
    bed = beds.up(idle_s=600)
    yield bed
    beds.down(bed)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that commands use, in this process and in others."""
    monkeypatch.setenv("AUROPS_STORE", str(tmp_path / "store"))
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def failover(bed: BedState, store: Store) -> Iterator[Callable[[], subprocess.Popen[bytes]]]:
    """Starts `aurops failover north --force` as a process."""
    assert store
    command = [*COMMAND, "failover", "north", "--force", "--bed", bed.id, "--yes"]
    started = []

    def start() -> subprocess.Popen[bytes]:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        started.append(subprocess.Popen(command, env=dict(os.environ), **quiet))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def history(store: Store, run: str) -> History:
    """The run as its journal has it."""
    return History(Journal.open(store, run, RealClock()).records)


def weights(bed: BedState) -> dict[str, int]:
    """Where traffic goes now."""
    found: dict[str, int] = beds.status(bed)["edge"]["weights"]
    return {region: weight for region, weight in found.items() if weight}


def test_a_failover_is_paused_resumed_and_aborted(
    bed: BedState, store: Store, failover: Callable[[], subprocess.Popen[bytes]]
) -> None:
    """Stuck before the promotion it is aborted in one step; the next one is paused by request and then finished."""
    frozen = processes.find(bed.id, "south")
    processes.send(frozen, signal.SIGSTOP)
    assert failover().wait(60) == 4  # a standby that cannot be detached: stuck
    processes.send(frozen, signal.SIGCONT)
    (first,) = list_runs(store)
    assert weights(bed) == {}
    assert "no process acts" in CliRunner().invoke(app, ["pause", first, "--reason", "look"]).stdout
    aborted = CliRunner().invoke(app, ["abort", first, "--reason", "false alarm"])
    assert f"restored: run {first}" in aborted.stdout, aborted.exception
    assert weights(bed) == {"north": 10_000}
    assert history(store, first).finished == "restored"

    processes.send(frozen, signal.SIGSTOP)
    running = failover()
    wait_for(lambda: len(list_runs(store)) > 1)
    second = list_runs(store)[-1]
    wait_for(lambda: "detach south" in history(store, second).tries)
    asked = CliRunner().invoke(app, ["pause", second, "--reason", "wait for me"])
    assert f"pid {running.pid}" in asked.stdout
    assert running.wait(60) == 4
    processes.send(frozen, signal.SIGCONT)
    assert not history(store, second).past_no_return
    resumed = subprocess.run([*COMMAND, "runs", "resume", second], capture_output=True, text=True, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert sum(weights(bed).values()) == 10_000
    assert "north" not in weights(bed)
    kinds = [record.kind.value for record in Journal.open(store, second, RealClock()).records]
    assert [kind for kind in kinds if kind in ("paused", "resumed", "finished")] == ["paused", "resumed", "finished"]
    rows = json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)
    assert [row["ended"] for row in rows] == ["restored", "done"]


def test_a_lost_store_does_not_stop_a_failover_that_may_break_the_glass(
    bed: BedState, store: Store, tmp_path: Path
) -> None:
    """Refused with the way on; with --break-glass done from this machine, and its journal brought back and whole."""
    with socket.socket() as nobody:  # bound and not listening: refuses connections while it is held
        nobody.bind(("127.0.0.1", 0))
        lost = {
            "AUROPS_STORE": "s3://runs/x",
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{nobody.getsockname()[1]}",
            "AWS_ACCESS_KEY_ID": "none",
            "AWS_SECRET_ACCESS_KEY": "none",
            "AWS_REGION": "us-east-1",
            "XDG_STATE_HOME": str(tmp_path),
        }

        def ask(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
            whole = {**os.environ, "XDG_STATE_HOME": str(tmp_path), **env}
            return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, env=whole)

        refused = ask("failover", "north", "--force", "--bed", bed.id, "--yes", **lost)
        assert (refused.returncode, "--break-glass" in refused.stderr) == (3, True), refused.stderr
        assert weights(bed) == {"north": 10_000}
        done = ask("failover", "north", "--force", "--bed", bed.id, "--yes", "--break-glass", **lost)
    assert done.returncode == 0, done.stderr
    assert "THE STORE IS LOST" in done.stderr
    assert "north" not in weights(bed)
    run = done.stdout.removeprefix("done: run ").strip()
    assert list_runs(store) == []
    assert ask("runs", "bring-back", run).returncode == 0
    assert "unbroken" in ask("runs", "verify", run).stdout
    assert history(store, run).finished == "done"
