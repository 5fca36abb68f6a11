"""Plays a cutover: proxies and sides come up, load comes, people approve, the run is driven, clients are asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from aurops.clock import RealClock
from aurops.errors import OutsideError
from aurops.gates import approval, signing
from aurops.gates.finding import State
from aurops.gates.signing import Signers
from aurops.gates.spec import ApprovalGate
from aurops.gates.steps import waits_at
from aurops.history import History
from aurops.journal import Journal
from aurops.plan import Answer, Observation
from aurops.ports import Comparison, Drained, Ports, Side, not_connected
from aurops.runner import Ending
from migration import execute, rollback
from migration.clients import Clients, keep, slices
from migration.outline import ALLOWED_INTERRUPTION_S
from migration.probe_ledger import Ledger
from migration.probes import Probe, Request, Write
from migration.probing import Probes
from migration.proxies import Proxies
from testbeds.local.rehearsal.script import BEFORE_START_S, Place, Script, script
from testbeds.local.steering.bed import Bed, up
from traffic.site import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from aurops.runner import Listener, Result
    from aurops.store import Store
    from migration.cutover_file import Cutover

RATE_PER_S = 40
"""Iterations of the load at each proxy, a read and a write each."""
WITHIN_S = 600.0
_CLOCK = RealClock()
_NOBODY = "a rehearsal: nothing is compared"


@dataclass(frozen=True)
class Load:
    """What the load of one proxy saw, and its servers counted.

    Args:
        sent: Reads and writes.
        not_answered: Those without a 200.
        written: Writes that were acknowledged.
        lost: Acknowledged writes that no server executed.
        twice: Writes that were executed more than once.
    """

    sent: int
    not_answered: int
    written: int
    lost: int
    twice: int

    @property
    def said(self) -> str:
        """In words."""
        return (
            f"{self.sent} requests, {self.not_answered} without an answer; "
            f"{self.written} writes acknowledged, {self.lost} lost, {self.twice} executed twice"
        )


@dataclass(frozen=True)
class Played:
    """A rehearsal.

    Args:
        run: The run.
        result: How it ended.
        loads: By proxy.
        interruption_s: By region, as its probes saw.
        rollbacks_s: How long each rehearsed rollback took at the slowest proxy.
        left_out: What of the plan was not played.
    """

    run: str
    result: Result
    loads: dict[str, Load]
    interruption_s: dict[str, float]
    rollbacks_s: tuple[float, ...]
    left_out: tuple[str, ...]

    @property
    def why_not(self) -> str:
        """Why it has not passed; empty when it has."""
        if self.result.ending is not Ending.DONE:
            return f"the run ended as {self.result.ending.value}: {self.result.why}"
        for name, load in self.loads.items():
            if load.not_answered or load.lost or load.twice or not load.written:
                return f"{name}: {load}"
        worst = max(self.interruption_s.values())
        return f"clients were without an answer for {worst:.1f} s" if worst > ALLOWED_INTERRUPTION_S else ""


class _Data:
    """Ports of a rehearsal: there is no data to compare, and they say so."""

    def __init__(self) -> None:
        self._fenced = False

    def equal(self, timeout_s: float) -> Observation[Comparison]:  # noqa: ARG002 (the protocol's)
        """As if one record were equal."""
        return Observation(Comparison(equal=1), _CLOCK.now_s(), _NOBODY)

    def fence(self, side: Side, epoch: int, timeout_s: float) -> Answer:  # noqa: ARG002 (the protocol's)
        """Noted."""
        self._fenced = True
        return Answer({"rehearsed": True})

    def drained(self, side: Side, timeout_s: float) -> Observation[Drained]:  # noqa: ARG002 (the protocol's)
        """Nothing is left once it was fenced."""
        return Observation(Drained(side, 0 if self._fenced else 1), _CLOCK.now_s(), _NOBODY)


def play(
    cutover: Cutover,
    store: Store,
    *,
    lasts_s: float,
    kind: Kind = Kind.ENVOY,
    listener: Listener = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
) -> Played:
    """Play a plan; at the end nothing of it is left but its run.

    Args:
        cutover: The plan.
        store: Where its run is kept.
        lasts_s: From the first percent to the end of phase 3, seconds.
        kind: Which proxy.
        listener: Told of every record.
        tell: Told what happens.

    Raises:
        OutsideError: This machine lacks a proxy, k6 or ssh-keygen.
    """
    load_s = lasts_s + BEFORE_START_S
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="aurops-rehearsal-")))
        tell(f"bringing up {len(cutover.proxies)} proxies with their sides")
        writes = int(RATE_PER_S * (WITHIN_S + load_s))
        beds = {name: stack.enter_context(_bed(kind, 2 * writes)) for name in cutover.proxies}
        made = script(
            cutover, {name: _place(bed, writes) for name, bed in beds.items()}, _CLOCK.wall(), lasts_s=lasts_s
        )
        keys, signers = _people(folder, made.people)
        loads = {name: stack.enter_context(_load(bed, folder / f"{name}.json")) for name, bed in beds.items()}
        journal = execute.begin(store, _CLOCK, made.cutover, signers, about={"rehearsal": True})
        drivers = {name: bed.driver for name, bed in beds.items()}
        target = Proxies(
            drivers,
            _CLOCK,
            who="rehearsal",
            drain_s=made.cutover.drain_s,
            lay_ready=_lay(made, journal.run, folder),
        )
        probes = Probes(made.cutover, journal.run, _CLOCK, folder / "probes")
        stack.callback(probes.stop)
        result = _drive(journal, target, probes, store, keys, listener, tell)
        probes.stop()
        counted = {name: _counted(loads[name], folder / f"{name}.json", beds[name], writes) for name in beds}
        ledgers = {region.name: _ledger(probes, region.name) for region in cutover.regions}
        seen = {name: max(each.without_s for each in ledger.streams.values()) for name, ledger in ledgers.items()}
        probed = slices(one for ledger in ledgers.values() for one in ledger.recent())
    took = History(Journal.open(store, journal.run, _CLOCK).records).results
    rollbacks = tuple(float(data["took_s"]) for data in took.values() if "rehearsal" in data)
    played = Played(journal.run, result, counted, seen, rollbacks, made.left_out)
    said = tuple(f"{name}: {load.said}" for name, load in counted.items())
    said += tuple(f"Not played: {each}." for each in made.left_out)
    clients = Clients(interruption_s=seen, said=said, why_not=played.why_not, slices=probed)
    keep(Journal.open(store, journal.run, _CLOCK), clients)
    return played


@contextmanager
def _bed(kind: Kind, requests: int) -> Iterator[Bed]:
    with up(kind, requests=requests, shared_keys=True) as bed:
        for side in bed.site.names:
            bed.await_health(side)
        yield bed


def _place(bed: Bed, first: int) -> Place:
    health = {name: f"http://{bed.site.side(name).backends[0]}/health" for name in ("v11", "v10")}
    url = f"http://{bed.site.listens}"
    probe = Probe(read=Request(url=f"{url}/reads/0"), write=Write(url=f"{url}/writes/{{n}}"), first=first)
    return Place(bed.folder / "site.json", health["v11"], health["v10"], probe)


def _people(folder: Path, people: tuple[str, ...]) -> tuple[dict[str, Path], Signers]:
    """A key for everybody, good for this hour."""
    if shutil.which("ssh-keygen") is None:
        raise OutsideError("there is no ssh-keygen on this machine", next_step="apt-get install openssh-client")
    keys = {who: folder / f"key-{number}" for number, who in enumerate(people)}
    for key in keys.values():
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rehearsal", "-f", str(key)]
        subprocess.run(command, check=True, capture_output=True)
    lines = [f"{who} {key.with_suffix('.pub').read_text()}" for who, key in keys.items()]
    return keys, Signers("".join(lines))


def _ledger(probes: Probes, region: str) -> Ledger:
    """Everything that was probed; nothing when the run ended before."""
    ledger = Ledger(probes.ledger(region), keep_s=WITHIN_S)
    with suppress(FileNotFoundError):
        ledger.read_on()
    return ledger


def _lay(made: Script, run: str, folder: Path) -> Callable[[str], dict[str, str]]:
    ready = rollback.ready(made.cutover.service, run, made.cutover.sites, _CLOCK)
    return lambda proxy: rollback.lay(ready, (folder / proxy,))


def _drive(
    journal: Journal,
    target: Proxies,
    probes: Probes,
    store: Store,
    keys: dict[str, Path],
    listener: Listener,
    tell: Callable[[str], None],
) -> Result:
    """Take the run up until it ends; who is asked approves, one after the other."""
    data, nothing = _Data(), not_connected(_CLOCK)
    ports = Ports(data, nothing.lag, nothing.unsynced, data, data, nothing.judge)
    until_s = _CLOCK.now_s() + WITHIN_S
    while True:
        opened = Journal.open(store, journal.run, _CLOCK)
        result = execute.execute(
            opened, target, store=store, clock=_CLOCK, ports=ports, listener=listener, probing=probes
        )
        if result.ending is not Ending.AT_GATE or _CLOCK.now_s() > until_s:
            return result
        tell(f"waits: {result.why}")
        if not _approve(Journal.open(store, journal.run, _CLOCK), store, keys):
            _CLOCK.sleep(0.5)


def _approve(journal: Journal, store: Store, keys: dict[str, Path]) -> bool:
    """Have one person more sign, if one is asked; whether one did."""
    spot = waits_at(journal.records, History(journal.records))
    for gate in spot.gates if spot else ():
        if not isinstance(gate, ApprovalGate) or spot is None or spot.before[gate.name].state is State.OPEN:
            continue
        counted = cast("list[dict[str, str]]", spot.before[gate.name].evidence.get("counted", []))
        who = next(each for each in gate.of if each not in {one["who"] for one in counted})
        now = _CLOCK.wall()
        said = approval.statement(spot.binding, gate, now, "a rehearsal")
        signature = signing.sign(said.text(), str(keys[who]))
        made = approval.Approval(who=who, reason="a rehearsal", at=now.isoformat(), statement=said, signature=signature)
        approval.leave(store, made)
        return True
    return False


@contextmanager
def _load(bed: Bed, summary: Path) -> Iterator[subprocess.Popen[bytes]]:
    """k6, until it is told to end."""
    k6 = shutil.which("k6") or str(Path(sys.prefix, "bin", "k6"))
    env = {**os.environ, "URL": f"http://{bed.site.listens}", "RATE": str(RATE_PER_S), "SECONDS": str(int(WITHIN_S))}
    command = [k6, "run", "--quiet", "--no-usage-report", "--address", "", f"--summary-export={summary}"]
    try:
        child = subprocess.Popen(
            [*command, str(Path(__file__).with_name("load.js"))],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except OSError as cause:
        raise OutsideError("there is no k6 on this machine", next_step="uv sync --group local") from cause
    try:
        yield child
    finally:
        child.kill()
        child.wait()


def _counted(child: subprocess.Popen[bytes], summary: Path, bed: Bed, writes: int) -> Load:
    """End the load, and compare what it was told with what the servers executed."""
    child.terminate()
    child.wait(30)
    if not summary.exists():
        raise OutsideError(f"k6 ended with {child.returncode} and said nothing", where=str(summary))
    metrics = json.loads(summary.read_text())["metrics"]
    executed = bed.executed()[:writes]
    written = int(metrics["written"]["count"])
    done = sum(map(bool, executed))
    return Load(
        sent=int(metrics["http_reqs"]["count"]),
        not_answered=int(metrics["not_answered"]["count"]),
        written=written,
        lost=max(0, written - done),
        twice=sum(times > 1 for times in executed),
    )
