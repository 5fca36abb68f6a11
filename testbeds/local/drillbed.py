"""What a drill needs of a local bed: its processes started, its journals read (`failover.drill.DrillBed`)."""

from __future__ import annotations

import json
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import psycopg
import valkey

from aurops.errors import OutsideError
from failover import faults
from failover import ledger as ledgers
from failover.targets.local import LocalEndpoints, LocalTarget
from testbeds.local import bed as beds
from testbeds.local import layout, processes, watcher, wiring

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from aurops.clock import Clock
    from aurops.processes import Process
    from failover.watching import Watching
    from testbeds.local.state import BedState

_PHASE_S = 0.083
"""A third of the probe interval: three vantage points look at three different moments."""
_WAIT_S = 10.0
_UNDO_S = 40.0
"""An undo may start a database again and wait until it streams."""
_AIM_S = 0.5


class LocalDrillBed:
    """A bed that is up, for one drill.

    Args:
        bed: The bed.
        clock: Time.
    """

    VANTAGES = layout.VANTAGES

    def __init__(self, bed: BedState, clock: Clock) -> None:
        self._bed = bed
        self._clock = clock
        self.target = LocalTarget(LocalEndpoints(bed.agents, bed.edge_url), clock)
        self._folder = bed.folder
        self._place = layout.load(bed.folder / "layout.json")
        self._stopped = False
        self._aimed_at: str | None = None

    def start_vantages(self, region: str) -> Mapping[str, str]:
        """Three processes that probe the region through the proxy."""
        self._start_dead_vantages(region)
        self._aimed_at = region
        return {name: self._reports_at(name) for name in self.VANTAGES}

    def revive_vantages(self) -> None:
        """Start those again that have died, where they were: whoever reads them knows their addresses."""
        if self._aimed_at is not None:
            self._start_dead_vantages(self._aimed_at)

    def _start_dead_vantages(self, region: str) -> None:
        for number, name in enumerate(self.VANTAGES):
            if self._living("vantage", f"--name={name}"):
                continue
            ready = self._folder / f"{name}.json"
            port = self._place.wiring.report_ports[name] if self._place.wiring else _port_of(ready)
            ready.unlink(missing_ok=True)
            self._start(
                "vantage",
                name,
                {
                    "name": name,
                    "region": region,
                    "url": self._seen_by(name, wiring.EDGE) or self._bed.proxy_url,
                    "port": port,
                    "phase-s": number * _PHASE_S,
                    "ready": ready,
                    "log": self._folder / f"{name}.jsonl",
                },
            )

    def aim_vantages(self, region: str) -> None:
        """Have the vantage points probe another region; one that does not answer is no vote any more."""
        self._aimed_at = region
        for name in self.VANTAGES:
            with suppress(httpx.HTTPError):
                url = f"{self._reports_at(name)}/watch"
                httpx.post(url, json={"region": region}, timeout=_AIM_S, trust_env=False).raise_for_status()

    def watching(self, region: str) -> AbstractContextManager[Watching]:
        """The watch, as the daemon has it."""
        return watcher.watch(self._bed.id, self._folder, self.target, self.start_vantages(region), self._clock, region)

    def start_load(self, run: str, rate_per_s: float, seed: int) -> None:
        """One process of open-loop clients."""
        if self._living("client"):
            return
        if self.ledger_file.exists():
            raise OutsideError("the clients have ended", where=str(self.ledger_file))
        self._start(
            "client",
            "client",
            {
                "url": self._bed.proxy_url,
                "run": run,
                "ledger": self.ledger_file,
                "rate-per-s": rate_per_s,
                "seed": seed,
                "duration-s": 600,
            },
        )

    def ledger(self) -> ledgers.Ledger:
        """The clients' ledger so far."""
        return ledgers.read(self.ledger_file)

    def loaded(self) -> bool:
        """Whether clients have not been stopped."""
        return not self._stopped

    def stop_load(self) -> ledgers.Ledger:
        """Ask the clients to stop, and wait until every request has its outcome."""
        self._end("client", "the clients did not stop")
        self._stopped = True
        return self.ledger()

    def inject(self, fault: str, region: str, expires_s: float) -> None:
        """Start the injector; it undoes its fault by itself when this process is gone."""
        self._inject(fault, region, f"--expires-s={expires_s}", f"--owner-pid={os.getpid()}")

    def injecting(self) -> bool:
        """Whether a process of the injector lives."""
        return bool(self._living("injector"))

    def fault(self) -> faults.FaultRecord:
        """The injector's journal."""
        return faults.read_journal(self._fault_file)

    def undo_fault(self) -> None:
        """Let the injector end; when one was killed, another undoes what it left. Nothing to do when none ever ran."""
        self._end("injector", "the fault injector did not end", _UNDO_S)
        record = self.fault()
        if record.left_behind:
            armed = record.events[0]
            self._inject(armed.fault, armed.region, "--undo")
            complaint = "what a killed injector left behind was not undone"
            self._await(lambda: not self.injecting(), complaint, _UNDO_S)

    def readable_ids(self, region: str, run: str) -> frozenset[str] | None:
        """`SELECT id` on the region's PostgreSQL; None when it cannot be read."""
        dsn = f"host=127.0.0.1 port={self._bed.postgres_ports[region]} user=postgres dbname=postgres connect_timeout=5"
        try:
            with psycopg.connect(dsn) as connection:
                rows = connection.execute("SELECT id FROM ledger WHERE starts_with(id, %s)", [f"{run}-"]).fetchall()
        except psycopg.Error:
            return None
        return frozenset(row[0] for row in rows)

    def cached_ids(self, region: str, run: str) -> frozenset[str] | None:
        """The region's Valkey; None when it cannot be read."""
        try:
            with valkey.Valkey(port=self._bed.valkey_ports[region], decode_responses=True) as client:
                return frozenset(str(key).removeprefix("w:") for key in client.scan_iter(f"w:{run}-*", count=1000))
        except valkey.ValkeyError:
            return None

    def close(self) -> None:
        """Let go of the target's connections."""
        self.target.close()

    @property
    def ledger_file(self) -> Path:
        """What the clients write down."""
        return self._folder / "ledger.jsonl"

    @property
    def _fault_file(self) -> Path:
        return self._folder / "fault.jsonl"

    def _inject(self, fault: str, region: str, *more: str) -> None:
        options = {"bed": self._folder, "fault": fault, "region": region, "journal": self._fault_file}
        self._start("injector", "injector", options, *more)

    def _start(self, module: str, name: str, options: Mapping[str, object], *more: str) -> None:
        arguments = [*(f"--{option}={value}" for option, value in options.items()), *more]
        pid = beds.start_process(self._bed, f"testbeds.local.{module}", arguments, f"{name}.log")
        if processes.identity(pid) is None:
            raise OutsideError(f"{name} ended at once", where=str(self._folder / f"{name}.log"))

    def _living(self, module: str, *arguments: str) -> frozenset[Process]:
        """The bed's processes that run this module with these arguments, whoever started them."""
        wanted = {f"testbeds.local.{module}", *arguments}
        return frozenset(found for found in processes.find(self._bed.id) if wanted <= processes.arguments(found))

    def _reports_at(self, name: str) -> str:
        """Where a vantage point answers, once it does: by its link, where there is one."""
        listens = self._ready(self._folder / f"{name}.json")
        return self._seen_by(wiring.OUTSIDE, name) or listens

    def _seen_by(self, source: str, to: str) -> str | None:
        """The address of the link between two places; None in a bed without links."""
        if self._place.wiring is None:
            return None
        return f"http://{layout.LOOPBACK}:{wiring.between(self._place, source, to).port}"

    def _ready(self, file: Path) -> str:
        self._await(lambda: _url_in(file) is not None, f"{file.stem} did not come up")
        return str(_url_in(file))

    def _end(self, module: str, complaint: str, within_s: float = _WAIT_S) -> None:
        processes.send(self._living(module), signal.SIGTERM)
        self._await(lambda: not self._living(module), complaint, within_s)

    def _await(self, condition: Callable[[], bool], complaint: str, within_s: float = _WAIT_S) -> None:
        deadline_s = self._clock.now_s() + within_s
        while not condition():
            if self._clock.now_s() > deadline_s:
                raise OutsideError(complaint, where=str(self._folder))
            self._clock.sleep(0.02)


def _url_in(ready: Path) -> str | None:
    """Where a process said that it listens; None before that."""
    try:
        return str(json.loads(ready.read_text())["url"])
    except (FileNotFoundError, ValueError):
        return None


def _port_of(ready: Path) -> int:
    """The port of a process that lived before; 0, any free one, for a new one."""
    url = _url_in(ready)
    return urlsplit(url).port or 0 if url else 0
