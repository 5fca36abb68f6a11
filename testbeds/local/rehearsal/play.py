"""Plays a cutover: proxies and sides come up, load comes, people approve, the run is driven, clients are asked."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from aurops.clock import RealClock
from aurops.errors import OutsideError
from aurops.gates import approval, signing
from aurops.gates.finding import State
from aurops.gates.quantity import CommandNumber
from aurops.gates.signing import Signers
from aurops.gates.spec import ApprovalGate
from aurops.gates.steps import waits_at
from aurops.history import History
from aurops.journal import Journal, RecordKind
from aurops.plan import Answer, Observation
from aurops.ports import Comparison, Drained, Ports, Side, not_connected
from aurops.runner import Ending
from migration import execute, rollback
from migration.clients import Clients, keep, slices
from migration.outline import ALLOWED_INTERRUPTION_S, Action
from migration.probe_ledger import Ledger
from migration.probes import Probe, Request, Write
from migration.probing import Probes
from migration.proxies import Proxies
from testbeds.local.rehearsal import load, metering
from testbeds.local.rehearsal.edges import READ, SEED, SOCKET, WRITE
from testbeds.local.rehearsal.edges import up as edges_up
from testbeds.local.rehearsal.metering import Meter
from testbeds.local.rehearsal.script import Place, Script, check_lasts, script
from testbeds.local.rehearsal.sockets import Sockets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from aurops.clock import Clock
    from aurops.journal import Record
    from aurops.runner import Listener, Result
    from aurops.store import Store
    from migration.cutover_file import Cutover
    from testbeds.local.rehearsal.edges import Edge
    from testbeds.local.rehearsal.load import Load
    from testbeds.local.rehearsal.sockets import Seen

SOCKETS = 8
"""WebSockets that stay open at each proxy."""
WITHIN_S = 600.0
"""It gives up so long after it should have been over: whatever stands at a gate for that long has not passed."""
_SLACK_S = 60.0
"""What the load begins earlier than the run: it ends after it."""
PEAK_AGE_S = 15.0
"""A peak that was written down longer ago is unknown: it is every second, on a machine that is busy a few seconds."""
_CLOCK = RealClock()
_NOBODY = "a rehearsal: nothing is compared"


@dataclass(frozen=True)
class Capacity:
    """What was measured of a region, requests a second.

    Args:
        can_take_per_s: By V10, asked alone as fast as it answers.
        peak_per_s: By its proxies, in the busiest second of the rehearsal.
    """

    can_take_per_s: float
    peak_per_s: float

    @property
    def said(self) -> str:
        """In words."""
        return f"V10 took {self.can_take_per_s:.0f} requests/s, the peak was {self.peak_per_s:.0f} requests/s"


@dataclass(frozen=True)
class Played:
    """A rehearsal.

    Args:
        run: The run.
        result: How it ended.
        loads: By proxy.
        sockets: By proxy.
        capacities: By region.
        interruption_s: By region, as its probes saw.
        rollbacks_s: How long each rehearsed rollback took at the slowest proxy.
        left_out: What of the plan was not played.
        lasted_s: From the first percent to the end of phase 3; None: it did not come so far.
    """

    run: str
    result: Result
    loads: dict[str, Load]
    sockets: dict[str, Seen]
    capacities: dict[str, Capacity]
    interruption_s: dict[str, float]
    rollbacks_s: tuple[float, ...]
    left_out: tuple[str, ...]
    lasted_s: float | None

    @property
    def why_not(self) -> str:
        """Why it has not passed; empty when it has."""
        if self.result.ending is Ending.AT_GATE:
            late = f"{WITHIN_S / 60:g} minutes after it should have been over"
            return f"{late} it still stood at a gate: {self.result.why}"
        if self.result.ending is not Ending.DONE:
            return f"the run ended as {self.result.ending.value}: {self.result.why}"
        for name, each in self.loads.items():
            if each.not_answered or each.lost or each.twice or not each.written:
                return f"{name}: {each.said}"
        for name, sockets in self.sockets.items():
            if sockets.dropped or sockets.at_v11 < sockets.opened:
                return f"{name}: {sockets.said}"
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
    listener: Listener = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
) -> Played:
    """Play a plan; at the end nothing of it is left but its run.

    Args:
        cutover: The plan.
        store: Where its run is kept.
        lasts_s: From the first percent to the end of phase 3, seconds.
        listener: Told of every record.
        tell: Told what happens.

    Raises:
        UsageError: The plan takes longer.
        OutsideError: This machine lacks a component, k6 or ssh-keygen.
    """
    check_lasts(cutover, lasts_s)
    _check_programs()
    with ExitStack() as held:
        folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="aurops-rehearsal-")))
        tell(f"bringing up V11, {len(cutover.regions)} V10 and {len(cutover.proxies)} proxies with gateways")
        platforms, edges = held.enter_context(edges_up(cutover))
        tell("measuring what each V10 takes")
        can_take = _can_take(cutover, edges, folder)
        meters = {
            region.name: held.enter_context(
                Meter([edges[name].driver for name in region.proxies], _peak_file(folder, region.name), _CLOCK)
            )
            for region in cutover.regions
        }
        clients = held.enter_context(_clients(edges, folder, lasts_s))
        places = {
            name: _place(edges[name], folder, region.name) for region in cutover.regions for name in region.proxies
        }
        made = script(cutover, places, _CLOCK.wall(), lasts_s=lasts_s)
        keys, signers = _people(folder, made.people)
        journal = execute.begin(store, _CLOCK, made.cutover, signers, about={"rehearsal": True})
        held.push(partial(_give_up, journal.run, store))
        target = Proxies(
            {name: edge.driver for name, edge in edges.items()},
            _CLOCK,
            who="rehearsal",
            drain_s=made.cutover.drain_s,
            lay_ready=_lay(made, journal.run, folder),
        )
        probes = Probes(made.cutover, journal.run, _CLOCK, folder / "probes")
        held.callback(probes.stop)
        result = drive(
            _take_up(journal, target, probes, store, listener),
            lambda: approve(Journal.open(store, journal.run, _CLOCK), store, keys),
            _CLOCK,
            _CLOCK.now_s() + lasts_s + WITHIN_S,
            tell,
        )
        probes.stop()
        sockets = {name: each.end() for name, each in clients.sockets.items()}
        said = {name: load.end(child, folder / f"{name}.json") for name, child in clients.loads.items()}
        executed = platforms.executions(*platforms.names)
        loads = {name: load.counted(name, each, executed) for name, each in said.items()}
        ledgers = {region.name: _ledger(probes, region.name, lasts_s + WITHIN_S) for region in cutover.regions}
        capacities = {name: Capacity(per_s, meters[name].peak_per_s) for name, per_s in can_take.items()}
    seen = {name: max(each.without_s for each in ledger.streams.values()) for name, ledger in ledgers.items()}
    records = Journal.open(store, journal.run, _CLOCK).records
    took = History(records).results.values()
    played = Played(
        journal.run,
        result,
        loads,
        sockets,
        capacities,
        seen,
        tuple(float(data["took_s"]) for data in took if "rehearsal" in data),
        made.left_out,
        _lasted_s(records),
    )
    told = [f"{name}: {each.said}; {sockets[name].said}" for name, each in loads.items()]
    told += [f"{name}: {each.said}." for name, each in capacities.items()]
    told += [f"Not played: {each}." for each in made.left_out]
    probed = slices(one for ledger in ledgers.values() for one in ledger.recent())
    shown = Clients(interruption_s=seen, said=tuple(told), why_not=played.why_not, slices=probed)
    keep(Journal.open(store, journal.run, _CLOCK), shown)
    return played


def _give_up(run: str, store: Store, stopped: type[BaseException] | None, *_: object) -> None:
    """Whoever stops a rehearsal takes its platforms away: its run ends, lest it be listed as one that waits."""
    if stopped is None:
        return
    journal = Journal.open(store, run, _CLOCK)
    if not History(journal.records).finished:
        journal.append(RecordKind.NOTE, {"text": f"the rehearsal ended early: {stopped.__name__}"})
        journal.append(RecordKind.FINISHED, {"outcome": "given up"})


@dataclass(frozen=True)
class _AtWork:
    loads: dict[str, subprocess.Popen[bytes]]
    sockets: dict[str, Sockets]


@contextmanager
def _clients(edges: Mapping[str, Edge], folder: Path, lasts_s: float) -> Iterator[_AtWork]:
    """Load and WebSockets at every proxy."""
    for_s = lasts_s + WITHIN_S + _SLACK_S
    with ExitStack() as held:
        loads = {
            name: held.enter_context(load.loading(name, edge.url, folder / f"{name}.json", for_s))
            for name, edge in edges.items()
        }
        users = [f"socket-{number}" for number in range(SOCKETS)]
        sockets = {
            name: held.enter_context(Sockets(f"ws://{edge.listens}{SOCKET}", users)) for name, edge in edges.items()
        }
        yield _AtWork(loads, sockets)


def _lasted_s(records: Sequence[Record]) -> float | None:
    """From the first percent to the end of phase 3, seconds; None: it did not come so far."""
    at = {str(record.data.get("step")): record.at_s for record in records if record.kind is RecordKind.RESULT}
    first = next((at_s for step, at_s in at.items() if step.startswith(Action.SHIFT)), None)
    last = at.get("phase 3 over")
    return None if first is None or last is None else round(last - first, 1)


def _can_take(cutover: Cutover, edges: Mapping[str, Edge], folder: Path) -> dict[str, float]:
    """What each region's V10 takes, requests a second; measured one after the other, before anything else is asked."""
    found = dict[str, float]()
    for region in cutover.regions:
        summary = folder / f"{region.name}-burst.json"
        found[region.name] = load.can_take(f"burst-{region.name}", edges[region.proxies[0]].old, summary)
        metering.write(_can_take_file(folder, region.name), found[region.name], _CLOCK)
    return found


def _can_take_file(folder: Path, region: str) -> Path:
    return folder / f"{region}-can-take.json"


def _peak_file(folder: Path, region: str) -> Path:
    return folder / f"{region}-peak.json"


def _place(edge: Edge, folder: Path, region: str) -> Place:
    body = json.dumps({**SEED, "id": f"probe-{edge.name}-NUMBER"}).replace("NUMBER", "{n}")
    probe = Probe(read=Request(url=edge.url + READ), write=Write(url=edge.url + WRITE, body=body))
    can_take = CommandNumber(kind="command", argv=("cat", str(_can_take_file(folder, region))))
    peak = CommandNumber(kind="command", argv=("cat", str(_peak_file(folder, region))), max_age_s=PEAK_AGE_S)
    return Place(edge.site, edge.v11, edge.v10, probe, can_take, peak)


def _check_programs() -> None:
    if shutil.which("ssh-keygen") is None:
        raise OutsideError("there is no ssh-keygen on this machine", next_step="apt-get install openssh-client")


def _people(folder: Path, people: tuple[str, ...]) -> tuple[dict[str, Path], Signers]:
    """A key for everybody, good for this hour."""
    keys = {who: folder / f"key-{number}" for number, who in enumerate(people)}
    for key in keys.values():
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rehearsal", "-f", str(key)]
        subprocess.run(command, check=True, capture_output=True)
    lines = [f"{who} {key.with_suffix('.pub').read_text()}" for who, key in keys.items()]
    return keys, Signers("".join(lines))


def _ledger(probes: Probes, region: str, keep_s: float) -> Ledger:
    """Everything that was probed; nothing when the run ended before."""
    ledger = Ledger(probes.ledger(region), keep_s=keep_s)
    with suppress(FileNotFoundError):
        ledger.read_on()
    return ledger


def _lay(made: Script, run: str, folder: Path) -> Callable[[str, float], dict[str, str]]:
    ready = rollback.ready(made.cutover.service, run, made.cutover.sites, _CLOCK)
    return lambda proxy, _within_s: rollback.lay(ready, (folder / proxy,))


def _take_up(
    journal: Journal, target: Proxies, probes: Probes, store: Store, listener: Listener
) -> Callable[[], Result]:
    """What takes the run up, until it ends or meets a shut gate."""
    data, nothing = _Data(), not_connected(_CLOCK)
    ports = Ports(data, nothing.lag, nothing.unsynced, data, data, nothing.judge)

    def take_up() -> Result:
        opened = Journal.open(store, journal.run, _CLOCK)
        return execute.execute(
            opened, target, store=store, clock=_CLOCK, ports=ports, listener=listener, probing=probes
        )

    return take_up


def drive(
    take_up: Callable[[], Result],
    have_approved: Callable[[], bool],
    clock: Clock,
    until_s: float,
    tell: Callable[[str], None],
) -> Result:
    """Take a run up until it ends; who is asked approves, one after the other.

    Args:
        take_up: Takes it up.
        have_approved: Has one person more sign, if one is asked; whether one did.
        clock: Time.
        until_s: Whatever stands at a gate at this time of the clock is left there.
        tell: Told what it waits for.
    """
    while True:
        result = take_up()
        if result.ending is not Ending.AT_GATE or clock.now_s() > until_s:
            return result
        tell(f"waits: {result.why}")
        if not have_approved():
            clock.sleep(0.5)


def approve(journal: Journal, store: Store, keys: Mapping[str, Path]) -> bool:
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
