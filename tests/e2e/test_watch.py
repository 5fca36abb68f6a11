"""The watch on real processes: it moves nobody while it is held, and everybody when it may."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from aurops.clock import RealClock
from aurops.store import open_store
from testbeds.local import bed as beds
from testbeds.local.drillbed import LocalDrillBed
from tests.e2e.commands import until

pytestmark = pytest.mark.e2e
COMMAND = [sys.executable, "-m", "runbooks", "watch"]


@contextmanager
def receiver() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A URL, and what was posted to it."""
    got: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Keep the test's output clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", got
    finally:
        server.shutdown()
        server.server_close()


class Daemon:
    """`aurops watch` as a process, and the changes that it printed."""

    def __init__(self, bed: str, env: dict[str, str], *options: str) -> None:
        self.bed, self.env = bed, env
        self.told: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [*COMMAND, "--bed", bed, "--json", *options],
            env=env,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def until(self, **wanted: str) -> dict[str, Any]:
        """The next change that looks like this."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.told.append(json.loads(line))
            if wanted.items() <= self.told[-1].items():
                return self.told[-1]
        raise AssertionError([*self.told, self.process.communicate()])

    def metrics(self) -> str:
        """What it serves, at the address that it told."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if "metrics at " in line:
                return httpx.get(line.rsplit(" ", 1)[-1].strip(), timeout=10, trust_env=False).text
        raise AssertionError(self.told)

    def end(self) -> int:
        """Ctrl-C; its exit code. Everything that it said is known then."""
        self.process.send_signal(signal.SIGINT)
        said = self.process.communicate(timeout=20)[0]
        self.told += [json.loads(line) for line in said.splitlines()]
        return self.process.returncode

    def ask(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Another `aurops watch` command about the same service."""
        command = [*COMMAND, *arguments, "--bed", self.bed]
        return subprocess.run(command, env=self.env, text=True, capture_output=True, check=False, timeout=60)


def test_a_watch_acts_alone_unless_it_is_held(tmp_path: Path) -> None:
    """Held, it calls a person about a lost region and moves nobody; let go, it fails over, by itself and once.

    A second watch is refused; while nothing happens the service's lease is free; every change reaches the webhook; a
    vantage point that died is started again where it was.
    """
    env = {**os.environ, "AUROPS_STORE": (tmp_path / "store").as_uri()}
    bed = beds.up(idle_s=120)
    drill_bed = LocalDrillBed(bed, RealClock())
    watch: Daemon | None = None
    try:
        where = drill_bed.start_vantages("north")
        (dead,) = drill_bed._living("vantage", f"--name={drill_bed.VANTAGES[0]}")
        os.kill(dead.pid, signal.SIGKILL)
        until(lambda: not dead.is_alive(), limit_s=10)
        drill_bed.revive_vantages()
        assert drill_bed.start_vantages("north") == where
        with receiver() as (url, got):
            watch = Daemon(bed.id, env, "--metrics", "0", "--webhook", url)
            watch.until(change="found", state="well", region="north")
            second = watch.ask()
            assert second.returncode == 4
            assert f"another watch is on this service: pid {watch.process.pid}" in second.stderr
            assert not list(open_store(env["AUROPS_STORE"]).keys(f"lease/ledger-{bed.id}"))
            assert watch.ask("hold", "--reason", "a test").returncode == 0
            watch.until(change="hands off")
            drill_bed.inject("freeze", "north", 60)
            assert "a test" in watch.until(change="found", action="call a person", state="lost")["why"]
            world = drill_bed.target.observe()
            assert (world.weight("north"), world.weight("south"), world.weight("west")) == (10_000, 0, 0)
            assert watch.ask("resume").returncode == 0
            done = watch.until(change="failed over")
            assert "ended as done" in done["why"]
            watch.until(change="found", state="well", region=done["region"])
            assert done["region"] != "north"
            assert drill_bed.target.observe().writers() == (done["region"],)
            shown = watch.metrics()
            assert f'aurops_region_in_force{{region="{done["region"]}",service="ledger-{bed.id}"}} 1.0' in shown
            assert watch.end() == 130
        assert got == watch.told
        assert [event["change"] for event in watch.told].count("failed over") == 1
    finally:
        if watch is not None and watch.process.poll() is None:
            watch.process.kill()
            watch.process.communicate()
        drill_bed.undo_fault()
        drill_bed.close()
        beds.down(bed)
