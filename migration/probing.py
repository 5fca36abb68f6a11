"""The probes of a run on this host: the process that sends them, and what its ledgers say (`Ports.interruption`)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from aurops.errors import OutsideError
from aurops.files import write_durably
from aurops.plan import Answer, Observation
from aurops.ports import Interruption, SideSeen
from aurops.processes import Process
from aurops.store import state_folder
from migration.probe_ledger import AHEAD_S, CLIENTS_STALE_S, NOBODY, STALE_S, ClientLedger, Ledger, percentile_s
from migration.prober import FILE, LOG, PROCESS, Task

if TYPE_CHECKING:
    from aurops.clock import Clock
    from aurops.plan import Json
    from migration.cutover_file import Cutover

KEPT_S = 120.0
"""Latency and success of the sides are of so many seconds."""
BEYOND_S = 24 * 3600.0
"""Probes that nobody ends, end so long after the plan does, and not sooner than so long after they began."""
_UP_S, _GONE_S, _POLL_S = 30.0, 5.0, 0.02


class Probing(Protocol):
    """What a cutover asks of its probes."""

    def alive(self) -> bool:
        """Whether they are sent from this host now."""
        ...

    def died(self) -> bool:
        """Whether they were sent from this host, nobody has ended them, and they are not sent any more."""
        ...

    def start(self) -> Answer:
        """Have them sent, by a process that outlives this one; that they are is fine."""
        ...

    def stop(self) -> Answer:
        """Have them end; what was seen by region. That they have ended is fine."""
        ...

    def count_from(self, moved_s: float | None) -> None:
        """When traffic began to move, Unix time, from when on interruptions count; None: it has not."""
        ...

    def interruption(self, region: str, over_s: float, timeout_s: float) -> Observation[Interruption]:
        """How long a region was without an answer: since traffic began to move, before that lately."""
        ...


class Probes:
    """The probes of a run on this host.

    Args:
        cutover: The plan.
        run: Its run.
        clock: Time.
        folder: Where task and ledgers are; None: in this user's state folder, by run.
    """

    def __init__(self, cutover: Cutover, run: str, clock: Clock, folder: Path | None = None) -> None:
        self.cutover = cutover
        self._run = run
        self._clock = clock
        self._given = folder
        self._lock = threading.Lock()
        self._ledgers: dict[str, Ledger] = {}
        self._clients: dict[str, ClientLedger] = {}
        self._moved_s: float | None = None

    @property
    def folder(self) -> Path:
        """Where task and ledgers are.

        Raises:
            UsageError: This user has no home.
        """
        return self._given or state_folder() / "probes" / self._run

    def ledger(self, region: str) -> Path:
        """A region's ledger."""
        return self.folder / f"{region}.jsonl"

    def alive(self) -> bool:
        """Whether their process runs on this host."""
        return self._process() is not None

    def died(self) -> bool:
        """Whether their process was started here, nobody has ended it, and it is gone."""
        return (self.folder / FILE).exists() and not self.alive()

    def _process(self) -> Process | None:
        with suppress(OSError, ValueError):
            process = Process.parse((self.folder / PROCESS).read_text())
            return process if process.is_alive() else None
        return None

    def start(self) -> Answer:
        """Start their process, and return when it is at work.

        Raises:
            OutsideError: It does not start: a secret is missing, or the folder cannot be written.
        """
        regions = {region.name: region.probe for region in self.cutover.regions}
        for name, probe in regions.items():
            probe.check(os.environ, f"the probe of {name}")
        ends_s = self.cutover.start.timestamp() + self.cutover.times.validate_s
        until_s = max(ends_s, self._clock.wall().timestamp()) + BEYOND_S
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            task = Task(run=self._run, until_s=until_s, regions=regions)
            write_durably(self.folder / FILE, task.model_dump_json(indent=2) + "\n")
            with (self.folder / LOG).open("ab") as log:
                child = subprocess.Popen(
                    [sys.executable, "-m", "migration.prober", str(self.folder)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,  # Ctrl-C ends the runner, not the probes
                )
        except OSError as cause:
            raise OutsideError(f"probes cannot be sent: {cause.strerror}", where=str(self.folder)) from cause
        threading.Thread(target=child.wait, daemon=True).start()  # take note of its end, whenever that is
        return Answer({"process": str(self._await(child)), "folder": str(self.folder)})

    def _await(self, child: subprocess.Popen[bytes]) -> Process:
        deadline_s = self._clock.now_s() + _UP_S
        while (process := self._process()) is None:
            if child.poll() is not None or self._clock.now_s() > deadline_s:
                said = (self.folder / LOG).read_text(errors="replace")[-600:].strip()
                raise OutsideError(f"probes are not sent: {said}", where=str(self.folder))
            self._clock.sleep(_POLL_S)
        return process

    def stop(self) -> Answer:
        """End their process by its id; its last lines are written by then."""
        for signum in (signal.SIGTERM, signal.SIGKILL):
            deadline_s = self._clock.now_s() + _GONE_S
            if process := self._process():
                with suppress(ProcessLookupError):
                    os.kill(process.pid, signum)
            while self.alive() and self._clock.now_s() < deadline_s:
                self._clock.sleep(_POLL_S)
        with suppress(OSError):
            (self.folder / FILE).unlink(missing_ok=True)  # one that was being started ends, too
        found: dict[str, Json] = {}
        for region in self.cutover.regions:
            with suppress(OSError, ValueError), self._lock:  # what the gates saw last is in the journal
                if seen := self._seen(region.name, KEPT_S):
                    found[region.name] = seen.data()
        return Answer({"interruption": found})

    def count_from(self, moved_s: float | None) -> None:
        """When traffic began to move; the ledgers are read anew when that is known."""
        with self._lock:
            if moved_s != self._moved_s:
                self._moved_s = moved_s
                self._ledgers.clear()
                self._clients.clear()

    def interruption(self, region: str, over_s: float, timeout_s: float) -> Observation[Interruption]:  # noqa: ARG002
        """What the ledgers say by now; a ledger that is missing or stale says nothing of now."""
        now_s, wall_s = self._clock.now_s(), self._clock.wall().timestamp()
        where = str(self.ledger(region))
        try:
            with self._lock:
                seen = self._seen(region, over_s)
                last_s = self._ledgers[region].last_s
                asked = {name: each.stream.last_s for name, each in self._of(region).items()}
        except FileNotFoundError as error:
            return Observation(None, now_s, where, f"there is no ledger {error.filename}")
        except (OSError, ValueError) as error:
            return Observation(None, now_s, where, f"a ledger cannot be read: {error}")
        if seen is None:
            return Observation(None, now_s, where, "no probe has ended yet")
        if why := _not_of_now("the last probe", wall_s - last_s, STALE_S):
            return Observation(None, now_s, where, why)
        for name, client_s in asked.items():
            if why := _not_of_now("the client's last request", wall_s - client_s, CLIENTS_STALE_S):
                return Observation(None, now_s, name, f"{why}: {name}")
        return Observation(seen, now_s - max(0.0, wall_s - last_s), where)

    def _of(self, region: str) -> dict[str, ClientLedger]:
        probe = next(each.probe for each in self.cutover.regions if each.name == region)
        return {name: self._clients.setdefault(name, ClientLedger(Path(name), self._moved_s)) for name in probe.clients}

    def _seen(self, region: str, over_s: float) -> Interruption | None:
        """What all ledgers of a region say by now; None: nothing yet.

        Raises:
            OSError: One cannot be read.
            ValueError: A client's is broken.
        """
        ledger = self._ledgers.setdefault(region, Ledger(self.ledger(region), KEPT_S, self._moved_s))
        ledger.read_on()
        clients = self._of(region)
        for each in clients.values():
            each.read_on()
        streams = list(ledger.streams.values())
        if not all(stream.seen for stream in streams):
            return None
        before, since_s = self._moved_s is None, self._clock.wall().timestamp() - over_s
        since_s = max(since_s, self._moved_s or since_s)
        failing = (*streams, *(each.stream for each in clients.values()))
        recent_s = max(stream.without_since_s(since_s) for stream in streams)
        return Interruption(
            region=region,
            began_s=min(stream.began_s for stream in streams),
            last_s=ledger.last_s,
            failing_s=max(each.failing_since_s(since_s) if before else each.failing_s for each in failing),
            without_s=recent_s if before else max(stream.without_s for stream in streams),
            recent_s=recent_s,
            unasked_s=max(stream.unasked_s for stream in streams),
            sent=ledger.sent,
            ok=ledger.ok,
            clients=sum(each.stream.seen for each in clients.values()),
            sides=_sides(ledger),
            before=before,
        )


def _not_of_now(what: str, age_s: float, most_s: float) -> str:
    """Why a ledger says nothing of now; empty: it does. Pure."""
    if age_s > most_s:
        return f"stale: {what} was due {age_s:.0f} s ago"
    return f"a clock was set back: {what} is due in {-age_s:.0f} s" if age_s < -AHEAD_S else ""


def _sides(ledger: Ledger) -> tuple[SideSeen, ...]:
    found: dict[str, list[float | None]] = {}
    for probe in ledger.recent():
        found.setdefault(probe.side or NOBODY, []).append(probe.took_s)
    return tuple(
        SideSeen(
            side=side,
            sent=len(took),
            ok=len(well := [each for each in took if each is not None]),
            p50_s=percentile_s(well, 0.5),
            p99_s=percentile_s(well, 0.99),
        )
        for side, took in sorted(found.items())
    )
