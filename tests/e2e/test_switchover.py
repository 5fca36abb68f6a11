"""A region of a real bed hands over under load, and takes over again: no request fails, none is lost."""

import json
import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from aurops.clock import RealClock
from failover.ledger import Ledger, Outcome
from testbeds.local import bed as beds
from testbeds.local.drillbed import LocalDrillBed
from testbeds.local.state import BedState
from tests.e2e.commands import COMMAND, until

pytestmark = pytest.mark.e2e
RATE_PER_S = 60.0
PATIENCE_S = 10.0
"""How long a client waits: longer than any part of the bed does, so that a busy machine makes no outcome unknown."""
RUN = "clients"
HELD = "held for"
"""What a request is told that has waited as long as it may: the machine was too busy. Then it is tried once more."""
wait_for = partial(until, limit_s=60)


class Loaded:
    """A bed whose clients write 60 times a second, and commands on it."""

    def __init__(self, bed: BedState, store: Path) -> None:
        self.bed = bed
        self.drillbed = LocalDrillBed(bed, RealClock())
        self.env = {**os.environ, "AUROPS_STORE": str(store)}
        load = {"url": bed.proxy_url, "run": RUN, "ledger": self.drillbed.ledger_file, "rate-per-s": RATE_PER_S}
        load |= {"duration-s": 600, "timeout-s": PATIENCE_S}
        beds.start_process(
            bed, "testbeds.local.client", [f"--{name}={value}" for name, value in load.items()], "client.log"
        )
        self.served()

    def served(self) -> None:
        """Wait until clients were served for two more seconds."""
        wanted = self.acknowledged() + 2 * RATE_PER_S
        wait_for(lambda: self.acknowledged() > wanted)

    def acknowledged(self) -> int:
        """Writes acknowledged so far."""
        return sum(entry.is_ok for entry in self.drillbed.ledger().entries)

    def ask(self, *arguments: str) -> dict[str, Any]:
        """A command to its end; its result."""
        done = subprocess.run(
            [*COMMAND, *arguments, "--bed", self.bed.id, "--yes", "--json"],
            env=self.env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        result: dict[str, Any] = json.loads(done.stdout)
        return result

    def end(self, serving: str) -> Ledger:
        """Stop the clients; what they saw. Every acknowledged write is readable in the region that serves."""
        ledger = self.drillbed.stop_load()
        readable = self.drillbed.readable_ids(serving, RUN)
        assert readable is not None
        assert {entry.id for entry in ledger.entries if entry.is_ok} <= readable
        refused = {entry.id for entry in ledger.entries if entry.outcome is Outcome.FAIL}
        assert not refused & readable
        return ledger

    def streaming(self, serving: str) -> bool:
        """Whether every other region copies this one."""
        return self.drillbed.target.observe().unprotected(serving) == {}


@pytest.fixture
def loaded(tmp_path: Path) -> Iterator[Loaded]:
    """A bed under load."""
    bed = beds.up(idle_s=600)
    service = None
    try:
        service = Loaded(bed, tmp_path / "store")
        yield service
    finally:
        if service is not None:
            service.drillbed.close()
        beds.down(bed)


def there_and_back(loaded: Loaded) -> None:
    """A switchover and a failback, in which nobody is rewound."""
    results = [loaded.ask("failover", "north")]
    loaded.served()
    results.append(loaded.ask("failback"))
    loaded.served()
    assert [result["followed"] for result in results] == [
        {"north": "repoint", "west": "repoint"},
        {"south": "repoint", "west": "repoint"},
    ]


def test_a_switchover_and_a_failback_fail_no_request(loaded: Loaded) -> None:
    """Under 60 writes/s each request is acknowledged, in one region or the other, and is there; nobody is rewound."""
    there_and_back(loaded)
    first = loaded.drillbed.ledger().entries
    if was_too_busy := any(HELD in (entry.error or "") for entry in first):
        there_and_back(loaded)
    ledger = loaded.end("north")
    judged = ledger.entries[len(first) :] if was_too_busy else ledger.entries
    assert [entry for entry in judged if not entry.is_ok] == []
    assert {entry.region for entry in ledger.entries if entry.is_ok} == {"north", "south"}
    assert loaded.streaming("north")


def killed(loaded: Loaded, at: str) -> str:
    """A switchover of north that got SIGKILL when it told a certain line; its run."""
    running = subprocess.Popen(
        [*COMMAND, "failover", "north", "--bed", loaded.bed.id, "--yes"],
        env=loaded.env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stderr is not None
    with running.stderr as told:
        assert any(at in line for line in told)
        running.kill()
    running.wait()
    listed = subprocess.run([*COMMAND, "runs", "list", "--json"], env=loaded.env, capture_output=True, check=True)
    return str(json.loads(listed.stdout)[-1]["run"])


def steer(loaded: Loaded, *arguments: str) -> str:
    """`aurops runs` with these arguments; what it said."""
    done = subprocess.run([*COMMAND, "runs", *arguments], env=loaded.env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.campaign
@pytest.mark.parametrize("at", ["decided position", "send traffic to south: done", "promote database south: done"])
def test_a_switchover_that_was_killed_is_finished_by_resume(at: str, loaded: Loaded) -> None:
    """SIGKILL while requests are held: whoever waits too long is refused as not executed, a resume goes on; 0 lost."""
    run = killed(loaded, at)
    assert f"done: run {run}" in steer(loaded, "resume", run)
    loaded.served()
    loaded.end("south")
    wait_for(lambda: loaded.streaming("south"))


@pytest.mark.campaign
def test_a_switchover_is_aborted_while_requests_are_held(loaded: Loaded) -> None:
    """Killed with the old primary demoted, then aborted: it serves again, 0 lost, both others copy it."""
    run = killed(loaded, "demote database north: done")
    assert f"restored: run {run}" in steer(loaded, "abort", run, "--reason", "not now")
    loaded.served()
    loaded.end("north")
    wait_for(lambda: loaded.streaming("north"))
