"""A cutover on simulated proxies, with people, data and checks as a test wants them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aurops.clock import ManualClock
from aurops.gates.finding import Finding, State
from aurops.gates.keeper import Keeper
from aurops.gates.signing import Signers
from aurops.gates.spec import ApprovalGate, CapacityCheck, CommandCheck
from aurops.gates.steps import waits_at
from aurops.history import History
from aurops.journal import Journal
from aurops.lease import Lease
from aurops.plan import Answer, Observation
from aurops.ports import Comparison, Drained, Ports, Rehearsed, Side, not_connected
from aurops.runner import Ending, Result, Runner
from aurops.store import Store, open_store
from aurops.testing import HeldLease
from migration import execute
from migration.cutover_file import Cutover
from migration.execute import cutover_of
from migration.operators import OperatorHosts
from migration.playbook import CutoverPlaybook
from migration.rehearsals import Rehearsals
from migration.simulated import SimulatedProbing, SimulatedProxies
from migration.watchers import Watchers

if TYPE_CHECKING:
    from aurops.gates.keeper import Spot
    from aurops.runner import Listener

COMMANDS = ("prepare", "rehearse", "shift", "drain", "roll_back", "release")
START = datetime(2026, 1, 2, 12, tzinfo=UTC)
APPROVAL = {"kind": "approval", "name": "people", "need": 1, "of": ["ann"]}
GATES: dict[str, Any] = {
    "prepare": [{"kind": "command", "name": "dashboards", "argv": ["true"]}],
    "traffic": [APPROVAL],
    "validate": [{"kind": "command", "name": "suite", "argv": ["true"]}],
    "hand_over": [APPROVAL],
}
PROBE = {"read": {"url": "http://127.0.0.1:9/read"}, "write": {"url": "http://127.0.0.1:9/writes/{n}"}}
WARM = {"kind": "command", "name": "V10 warm", "argv": ["true"]}
ENOUGH = {
    "kind": "capacity",
    "name": "V10 takes the peak",
    "can_take": {"kind": "command", "argv": ["echo", "1200"]},
    "peak": {"kind": "command", "argv": ["echo", "1000"]},
}
FILE: dict[str, Any] = {
    "service": "ledger",
    "start": START.isoformat(),
    "regions": [
        {"name": "west", "proxies": ["west-1", "west-2"], "probe": PROBE},
        {"name": "north", "proxies": ["north-1"], "probe": PROBE},
    ],
    "sites": {name: f"{name}.json" for name in ("west-1", "west-2", "north-1")},
    "operator_hosts": ["ops-1", "ops-2"],
    "steps": [5, 100],
    "soak": {"for_s": 120, "every_s": 60},
    "capacity": [WARM, ENOUGH],
    "watch": [{"kind": "command", "name": "errors", "argv": ["true"]}],
    "page": {"argv": ["true"]},
    "gates": GATES,
    "signers": {"allowed": "allowed_signers"},
}


def cutover(**more: Any) -> Cutover:
    """The file above, with other values."""
    return Cutover.model_validate(FILE | more)


@dataclass
class Data:
    """Every port: equal, fenced when told, drained."""

    clock: ManualClock
    different: int = 0
    left: int = 0
    fenced: list[int] = field(default_factory=list)

    def equal(self, timeout_s: float) -> Observation[Comparison]:
        del timeout_s
        return Observation(Comparison(equal=9, different=self.different), self.clock.now_s(), "data")

    def fence(self, side: Side, epoch: int, timeout_s: float) -> Answer:
        assert side is Side.V10
        assert timeout_s
        self.fenced.append(epoch)
        return Answer()

    def drained(self, side: Side, timeout_s: float) -> Observation[Drained]:
        del timeout_s
        return Observation(Drained(side, self.left if self.fenced else 5), self.clock.now_s(), "data")


class Gatekeeper(Keeper):
    """A keeper for whom commands end, V10 suffices and people approve as the test says, and all else is real."""

    shut: frozenset[str] = frozenset()
    """Names of checks and approvals that are closed; all others are open."""
    asked: frozenset[str] = frozenset()
    """Names of checks that are asked as they are on the day: what their commands end with, or print."""
    signed: bool = False
    """Approvals are looked at, too: whether people have signed."""

    def _finding(self, gate: Any, spot: Spot, now: datetime) -> Finding:
        if isinstance(gate, ApprovalGate) and not self.signed:
            return self._said(gate, now)
        return super()._finding(gate, spot, now)

    def _check(self, check: Any, now: datetime, since_s: float | None = None) -> Finding:
        if isinstance(check, CommandCheck | CapacityCheck) and check.name not in self.asked:
            return self._said(check, now)
        return super()._check(check, now, since_s)

    def _said(self, gate: Any, now: datetime) -> Finding:
        state = State.CLOSED if gate.name in self.shut else State.OPEN
        return Finding(gate.name, gate.kind, state, "the test says so", now.isoformat(timespec="seconds"))


@dataclass
class Scene:
    """One service with its proxies and store; runs come and go.

    Args:
        file: What is wanted.
    """

    file: Cutover = field(default_factory=cutover)
    clock: ManualClock = field(default_factory=ManualClock)
    store: Store = field(default_factory=lambda: open_store("memory://"))
    target: Any = None
    connected: bool = True
    signers: Signers = field(default_factory=lambda: Signers(""))

    def __post_init__(self) -> None:
        self.proxies = SimulatedProxies(self.file.proxies, self.clock)
        self.target = self.target or self.proxies
        self.data = Data(self.clock)
        nothing = not_connected(self.clock)
        self.ports = Ports(self.data, nothing.lag, nothing.unsynced, self.data, self.data, nothing.judge)
        self.probing = SimulatedProbing(self.clock)
        watchers = Watchers(self.proxies, self.file.proxies, self.clock)
        operators = OperatorHosts(self.proxies, self.file.operator_hosts, self.clock)
        mine = {"interruption": self.probing, "rehearsed": self, "watched": watchers, "operators": operators}
        self.ports = replace(self.ports if self.connected else nothing, **mine)
        self.keeper = Gatekeeper(self.store, self.clock, self.signers, self.ports)
        self.epoch = 0
        self.journal = self.begin()

    def begin(self, *, releases: bool = False) -> Journal:
        """A new run."""
        return execute.begin(self.store, self.clock, self.file, self.signers, releases=releases)

    def open(self) -> Journal:
        return Journal.open(self.store, self.journal.run, self.clock)

    def history(self) -> History:
        return History(self.open().records)

    def once(self, listener: Listener = lambda _: None) -> Result:
        """Take the run up, until it meets a shut gate or ends; under an epoch of its own."""
        journal = self.open()
        history, self._latest = History(journal.records), journal
        playbook = CutoverPlaybook(
            cutover_of(history),
            self.target,
            self.probing,
            self.rehearsals(),
            ports=self.ports,
            keeper=self.keeper,
            journal=journal,
            clock=self.clock,
            releases=bool(history.arguments["releases"]),
        )
        self.epoch = max(self.epoch, playbook.observe().highest_epoch() + 6, history.epoch) + 1
        lease = HeldLease(self.epoch)
        return Runner(
            playbook, store=self.store, journal=journal, lease=lease, clock=self.clock, listener=listener
        ).run()

    def rehearsals(self) -> Rehearsals:
        file = self.file
        return Rehearsals(
            self.store, self.clock, self.journal.run, file.service, file.proxies, self.target, reports=None
        )

    def rehearsed(self, timeout_s: float) -> Observation[Rehearsed]:
        """The port, for whichever run is under way."""
        return self.rehearsals().rehearsed(timeout_s)

    def execute(self) -> Result:
        """The same under a real lease, as the command does it."""
        target, ports, probing = self.target, self.ports, self.probing
        return execute.execute(self.open(), target, store=self.store, clock=self.clock, ports=ports, probing=probing)

    def lease(self) -> Lease:
        return Lease(self.store, execute.service_of(self.journal), self.clock)

    def go(self, listener: Listener = lambda _: None, *, most: int = 400) -> Result:
        """Take it up again and again, while time goes on, until it ends otherwise than at a gate that opens in time."""
        result = self.once(listener)
        while result.ending is Ending.AT_GATE and self._time_helps() and most:
            most -= 1
            result = self.once(listener)
        return result

    def _time_helps(self) -> bool:
        """Move the clock to where a gate may open by itself; False when only somebody else can open it."""
        records = self._latest.records
        spot = waits_at(records, History(records))
        assert spot is not None
        shut = {name for name, found in spot.before.items() if found.state is not State.OPEN}
        times = [gate.at for gate in spot.gates if gate.kind == "time" and gate.name in shut]
        others = [gate for gate in spot.gates if gate.name in shut and gate.kind not in ("time", "soak")]
        soaks = [gate.every_s for gate in spot.gates if gate.kind == "soak" and gate.name in shut]
        if others or any(gate.kind == "soak" and "begin anew" in spot.before[gate.name].why for gate in spot.gates):
            return False
        ahead_s = max([(at - self.clock.wall()) / timedelta(seconds=1) for at in times], default=0.0)
        self.clock.advance(max([*soaks[:1], 1.0]) if soaks and ahead_s < 1 else max(ahead_s, 1.0))
        return True

    def weights(self) -> dict[str, int]:
        """What V11 gets, by proxy."""
        return {name: proxy.weights["v11"] for name, proxy in self.proxies.proxies.items()}

    def roll_back(self, *names: str, who: str = "ann") -> None:
        """`aurops rollback` at these proxies, or at all: it asks nobody, and its epoch is one more than in effect."""
        for name in names or self.file.proxies:
            self.proxies.roll_back(name, "errors", 0, 1.0, who=who)
