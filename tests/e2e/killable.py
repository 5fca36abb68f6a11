"""A cutover of two real proxies by command, whose runner is killed and taken up again, with what clients see of it.

Envoy and NGINX are moved side by side, rehearsed from their own host and from an operator's. Times are short; commands,
processes, proxies, keys and signals are real.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Self

from aurops.clock import RealClock
from aurops.errors import OutsideError
from aurops.gates.steps import GATES_OF, waits_at
from aurops.history import History
from aurops.journal import Journal, RecordKind, list_runs
from aurops.processes import Process
from aurops.store import open_store
from migration import rollback
from migration.model import NEW, OLD
from migration.prober import FILE as TASK
from migration.prober import PROCESS
from testbeds.local.rehearsal.play import approve
from testbeds.local.steering.bed import up
from testbeds.local.steering.writers import Writers
from tests.aurops.gates.people import new_key
from tests.e2e.commands import until
from tests.e2e.connected import Told
from tests.e2e.measured import Measured
from tests.e2e.test_hosts import AUROPS, EDGE, Hosts, scripted
from traffic.driver import TOTAL_WEIGHT, Steering
from traffic.site import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from aurops.gates.keeper import Spot
    from testbeds.local.steering.bed import Bed

CLOCK = RealClock()
PROXIES = {"envoy": Kind.ENVOY, "nginx": Kind.NGINX}
STEPS = (5_000, TOTAL_WEIGHT)
SIGNED = ("west 50%", "hand over")
"""The stages before which people are asked."""
CLIENTS, PROBED = 400_000, 600
"""So many writes clients have numbers for; and so many the probes of each cutover, above those."""
CUTOVERS = 300
WITHIN_S = 400.0


@contextmanager
def set_up(folder: Path) -> Iterator[Scene]:
    """Both proxies with their sides and watchers, measured, all traffic at V10; at the end no probe is left."""
    with ExitStack() as held:
        beds = {
            name: held.enter_context(up(kind, requests=CLIENTS + CUTOVERS * PROBED)) for name, kind in PROXIES.items()
        }
        measured = {name: held.enter_context(Measured(bed, folder)) for name, bed in beds.items()}
        made = Scene(
            folder, beds, [each.check(name=f"V10 at {name} takes the peak") for name, each in measured.items()]
        )
        yield made
        made.end_probes()


@dataclass(frozen=True)
class Look:
    """What a proxy obeyed at a moment.

    Args:
        at_s: When it was asked.
        epoch: The steering's.
        weight: V11's.
    """

    at_s: float
    epoch: int
    weight: int


class Seen:
    """What the proxies themselves say all the while.

    Args:
        beds: They, by name.
    """

    def __init__(self, beds: dict[str, Bed]) -> None:
        self.of: dict[str, list[Look]] = {name: [] for name in beds}
        self._beds, self._stop = beds, threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        while not self._stop.wait(0.1):
            for name, bed in self._beds.items():
                with suppress(OutsideError):
                    at_s, steering = CLOCK.now_s(), bed.driver.observe().steering
                    self.of[name].append(Look(at_s, steering.epoch, steering.weight(NEW)))

    def backwards(self) -> list[str]:
        """Every epoch that was below one before it."""
        pairs = [(name, *pair) for name, looks in self.of.items() for pair in pairwise(looks)]
        return [
            f"{name}: epoch {now.epoch} after {before.epoch}" for name, before, now in pairs if now.epoch < before.epoch
        ]

    def path(self, name: str) -> list[int]:
        """Every weight that V11 had, repetitions left out."""
        return [weight for weight, _ in groupby(look.weight for look in self.of[name])]

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._stop.set()
        self._thread.join()


@dataclass
class Cutover:
    """One cutover by command, with a store of its own.

    Args:
        scene: Where.
        number: Which: no two of a scene have one.
        after_s: It begins so many seconds from now.
    """

    scene: Scene
    number: int
    after_s: float = 15.0
    signed: set[str] = field(default_factory=set)
    kills: int = 0

    def __post_init__(self) -> None:
        self.folder = self.scene.folder / f"cutover-{self.number}"
        self.folder.mkdir()
        (self.folder / "allowed_signers").write_text(f"ann {self.scene.key.with_suffix('.pub').read_text()}")
        self.store = open_store(str(self.folder / "store"))
        self.fenced = self.folder / "fenced"
        self.plan = self.folder / "cutover.yaml"
        self.log = self.folder / "log"
        self.plan.write_text(self._text())

    def _text(self) -> str:
        beds = self.scene.beds
        approval = "[{kind: approval, name: people, need: 1, of: [ann]}]"
        warm, well = (
            ", ".join(
                f"{{kind: http, name: {side} at {name}, url: 'http://{bed.site.side(side).backends[0]}/health'}}"
                for name, bed in beds.items()
            )
            for side in (OLD, NEW)
        )
        at = f"http://{beds['envoy'].site.listens}"
        first = CLIENTS + self.number * PROBED
        operators = "".join(f"- {{name: {name}, ssh: '{to}', aurops: {AUROPS}}}\n" for name, to in self.scene.at)
        return (
            f"service: ledger\nbecause: 'number {self.number}'\n"
            f"start: {(CLOCK.wall() + timedelta(seconds=self.after_s)).isoformat()}\n"
            f"steps: [{', '.join(str(weight // 100) for weight in STEPS)}]\n"
            f"sites: {{{', '.join(f'{name}: {bed.folder}/site.json' for name, bed in beds.items())}}}\n"
            f"proxy_hosts: {{{', '.join(f'{name}: {EDGE}' for name in beds)}}}\n"
            f"operator_hosts: [{EDGE}, ops-1]\nhosts:\n{operators}"
            f"regions: [{{name: west, proxies: [{', '.join(beds)}], probe: {{read: {{url: '{at}/reads/0'}}, "
            f"write: {{url: '{at}/writes/{{n}}'}}, first: {first}}}}}]\n"
            "times: {prepare_s: 60, traffic_s: 3, validate_s: 4}\nsoak: {for_s: 1.5, every_s: 1.5}\ndrain_s: 0\n"
            f"capacity: [{', '.join([warm, *self.scene.enough])}]\nwatch: [{well}]\npage: {{argv: ['true']}}\n"
            f"gates: {{prepare: [{warm.replace(' at ', ' before ')}], traffic: {approval},"
            f" validate: [{well.replace(' at ', ' after ')}], hand_over: {approval}}}\n"
            "signers: {allowed: allowed_signers}\n"
        )

    def env(self, host: str, dies: str) -> dict[str, str]:
        """Of a process on a host."""
        told = {Told.FENCED: str(self.fenced), Told.SHORT: "1", **({Told.DIES: dies} if dies else {})}
        return {**self.scene.hosts.env(host), "AUROPS_STORE": str(self.folder / "store"), **told}

    def aurops(self, *arguments: str, host: str = EDGE, dies: str = "") -> subprocess.Popen[bytes]:
        """A command begun."""
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "tests.e2e.connected", *arguments]
            return subprocess.Popen(command, stdout=log, stderr=log, env=self.env(host, dies))

    def begin(self, dies: str = "") -> subprocess.Popen[bytes]:
        """`aurops cutover FILE`."""
        return self.aurops("cutover", str(self.plan), "--yes", "--wait", dies=dies)

    def resume(self, dies: str = "") -> subprocess.Popen[bytes]:
        """`aurops runs resume RUN`."""
        return self.aurops("runs", "resume", self.run, "--wait", dies=dies)

    def attend(self, runner: subprocess.Popen[bytes], *, signs: Sequence[str] = SIGNED) -> int:
        """Until a runner ends; people sign once for each stage before which they are asked.

        A signature outlives every runner: it is given once, whoever asked.
        """
        pause, deadline_s = threading.Event(), CLOCK.now_s() + WITHIN_S
        try:
            while runner.poll() is None:
                spot = self.spot()
                if spot and "people" in spot.before and spot.stage in signs and spot.stage not in self.signed:
                    approve(self.journal, self.store, {"ann": self.scene.key})
                    self.signed.add(spot.stage)
                assert CLOCK.now_s() < deadline_s, f"{self.folder}: {self.said}"
                pause.wait(0.2)
        finally:
            runner.kill()
            runner.wait()
        return runner.returncode

    @property
    def run(self) -> str:
        """The run's id."""
        runs = [each for each in list_runs(self.store) if "-cutover-" in each]
        assert len(runs) == 1, self.said
        return runs[0]

    @property
    def journal(self) -> Journal:
        """As it stands."""
        return Journal.open(self.store, self.run, CLOCK)

    def spot(self) -> Spot | None:
        """Where it waits."""
        if not any("-cutover-" in each for each in list_runs(self.store)):
            return None
        records = self.journal.records
        return waits_at(records, History(records))

    @property
    def said(self) -> str:
        """The last words of its processes."""
        return self.log.read_text()[-1_000:]

    def records(self) -> int:
        """Of all journals: the run's, and its rehearsals'."""
        return sum(len(Journal.open(self.store, run, CLOCK).records) for run in list_runs(self.store))

    def rehearsed(self) -> list[History]:
        """Its rehearsals."""
        found = [History(Journal.open(self.store, run, CLOCK).records) for run in list_runs(self.store)]
        return [history for history in found if history.kind == "rehearsal"]

    def done(self) -> Counter[str]:
        """How often each step was recorded as done."""
        results = [record.data for record in self.journal.records if record.kind is RecordKind.RESULT]
        return Counter(str(data["step"]) for data in results if data["outcome"] in ("done", "adopted"))

    def intents(self) -> Counter[str]:
        """How often each step was announced."""
        return Counter(str(each.data["step"]) for each in self.journal.records if each.kind is RecordKind.INTENT)


@dataclass
class Scene:
    """Both proxies, their host, an operator's, and who signs.

    Args:
        folder: Everything's.
        beds: The proxies.
        enough: That V10 of each takes its peak, as a plan says it.
    """

    folder: Path
    beds: dict[str, Bed]
    enough: list[str]

    def __post_init__(self) -> None:
        self.hosts: Hosts = scripted(self.folder)
        self.key = new_key(self.folder / "ann")
        self.cutovers = 0

    @property
    def at(self) -> list[tuple[str, str]]:
        """How the hosts are reached."""
        return [(name, to) for name, to in self.hosts.at.items() if name in (EDGE, "ops-1")]

    def cutover(self) -> Cutover:
        """Another one, all traffic at V10 and nothing in its way."""
        self.reset()
        self.cutovers += 1
        return Cutover(self, self.cutovers)

    def reset(self) -> None:
        """Whatever was there before: no probe, no hold, no latch, all at V10."""
        self.end_probes()
        for bed in self.beds.values():
            if latch := bed.driver.latch():
                bed.driver.release("the test", latch.epoch + 1)
            bed.driver.release_hold("the test")
            now = bed.driver.observe().steering
            bed.driver.shift(Steering({name: TOTAL_WEIGHT * (name == OLD) for name in now.weights}, now.epoch + 1))

    def end_probes(self) -> None:
        """Have every run's probes end."""
        for task in (self.hosts.base / EDGE / "state/aurops/probes").glob(f"*/{TASK}"):
            task.unlink()
        for process in (self.hosts.base / EDGE / "state/aurops/probes").glob(f"*/{PROCESS}"):
            sending = Process.parse(process.read_text())
            until(lambda sending=sending: not sending.is_alive(), limit_s=20, what="probes end")  # type: ignore[misc]

    def ready(self) -> rollback.Ready:
        """What lies ready on the proxies' host."""
        return rollback.read(self.hosts.base / EDGE / "state/aurops/rollback/ledger" / rollback.FILE)

    @contextmanager
    def clients(self) -> Iterator[dict[str, Writers]]:
        """Writers at both proxies."""
        with ExitStack() as held:
            yield {
                name: held.enter_context(Writers(bed, connections=2, pause_s=0.05)) for name, bed in self.beds.items()
            }

    def lost(self, clients: dict[str, Writers]) -> list[str]:
        """What went wrong with any request: failed, acknowledged and not executed, executed twice."""
        found = []
        for name, writers in clients.items():
            executed = self.beds[name].executed()
            found += [f"{name}: failed: {bad}" for bad in writers.bad]
            found += [f"{name}: {number} was not executed" for number in writers.ok if not executed[number]]
            twice = [number for number, times in enumerate(executed) if times > 1]
            found += [f"{name}: {number} was executed {executed[number]} times" for number in twice]
            found += [] if len(writers.ok) > 20 else [f"{name}: only {len(writers.ok)} writes"]
        return found


def is_gate(step: str) -> bool:
    """Whether a step only looks at gates."""
    return step.startswith(GATES_OF)


def is_killed(code: int) -> bool:
    """Whether a process ended by SIGKILL."""
    return code == -signal.SIGKILL
