"""A run that waits at gates: it holds nothing, survives every crash, and passes only what is open."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurops.clock import ManualClock
from aurops.errors import OutsideError
from aurops.execution import begin, drive
from aurops.gates import holds
from aurops.gates.finding import State
from aurops.gates.keeper import Keeper
from aurops.gates.signing import Signers
from aurops.gates.spec import Gate, HoldGate, PortCheck, SoakGate, WindowGate
from aurops.gates.steps import ACTION, GOOD_FOR_S, answer, findings_of, gate_step, name, passed, read, spot, waits_at
from aurops.gates.waiting import Waiter
from aurops.history import RESTORE, History, Outcome
from aurops.journal import Journal, RecordKind
from aurops.lease import Lease
from aurops.plan import Answer, Observation, Stage, Step
from aurops.ports import Comparison, Ports, not_connected
from aurops.requests import RequestKind, ask, halt
from aurops.runner import Ending, Result
from aurops.store import Store, open_store
from aurops.testing import SimulatedCrash
from tests.failover.stores import Losable

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

EQUAL = PortCheck(kind="port", name="equal", port="equal")
BY_HAND = HoldGate(kind="hold", name="by hand", reason="look at the dashboards")
NIGHT = WindowGate.model_validate({"kind": "window", "name": "night", "windows": [{"from": "00:05", "to": "23:00"}]})
CALM = SoakGate(kind="soak", name="calm", for_s=600, every_s=60, checks=(EQUAL,))


@dataclass
class Data:
    """The port `equal`, as the test wants it."""

    clock: ManualClock
    different: int | None = 0
    looks: int = 0

    def equal(self, timeout_s: float) -> Observation[Comparison]:
        del timeout_s
        self.looks += 1
        if self.different is None:
            return Observation(None, self.clock.now_s(), "data", "no answer")
        return Observation(Comparison(equal=5, different=self.different), self.clock.now_s(), "data")


@dataclass
class Scene:
    """A run with one stage behind gates.

    Args:
        gates: What it waits at.
    """

    gates: tuple[Gate, ...]
    clock: ManualClock = field(default_factory=ManualClock)
    store: Store = field(default_factory=lambda: open_store("memory://"))
    done: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    on_done: Callable[[], None] = lambda: None
    said_equal: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.data = Data(self.clock)
        self.keeper = Keeper(
            self.store,
            self.clock,
            Signers(""),
            Ports(self.data, *(not_connected(self.clock).lag,) * 5),  # type: ignore[arg-type]
        )
        self.journal = begin(self.store, self.clock, "test", {})

    # The playbook (aurops.plan.Playbook); the world is the time of day and what was done.
    def observe(self) -> tuple[datetime, frozenset[str]]:
        return self.clock.wall(), frozenset(self.done)

    def plan(self, world: tuple[datetime, frozenset[str]], history: History) -> tuple[Stage, ...]:  # type: ignore[type-arg]
        if history.goal == RESTORE:
            return ()
        over = "go" in world[1]
        gate: Step = gate_step("go", self.gates, history, world[0], behind=("go",), over=over)  # type: ignore[type-arg]
        go: Step = Step("go", "do", "the test wants it", lambda seen: "go" in seen[1])  # type: ignore[type-arg]
        return Stage("before go", (gate,)), Stage("go", (go,))

    def call(self, step: Step, epoch: int) -> Answer:  # type: ignore[type-arg]
        assert epoch
        if step.action == ACTION:
            records = self.open().records
            gates = read(step.arguments["gates"])
            findings = self.keeper.look(spot(records, History(records), str(step.arguments["stage"]), gates))
            return answer(findings)
        self.on_done()
        self.done.append(step.name)
        return Answer()

    def violations(self, world: object, history: History) -> tuple[str, ...]:
        del world, history
        return ()

    def safe_stop(self, world: object, history: History) -> Stage:  # type: ignore[type-arg]
        del world, history
        return Stage("safe stop")

    def open(self) -> Journal:
        return Journal.open(self.store, self.journal.run, self.clock)

    def history(self) -> History:
        return History(self.open().records)

    def lease(self) -> Lease:
        return Lease(self.store, "service", self.clock, 60.0)

    def go(self, *, again: bool = False) -> Result:
        """Take the run up, once."""
        return drive(self, self.open(), self.lease(), store=self.store, clock=self.clock, again=again)  # type: ignore[type-var]

    def wait(self, **more: object) -> Result:
        """Take the run up, and stay."""
        clock = more.get("clock", self.clock)
        waiter = Waiter(self.store, self.journal.run, clock, self.keeper, self.told.append)  # type: ignore[arg-type]
        return waiter.pass_gates(self.go)

    def turn(self, *, on: bool, stage: str = "go") -> None:
        self._turn(on=on, stage=stage)

    def open_gate(self, gate: str = "by hand", stage: str = "go") -> None:
        self._turn(on=False, stage=stage, gate=gate)

    def _turn(self, *, on: bool, stage: str, gate: str = "") -> None:
        about = {"reason": "the test", "who": "ann", "gate": gate}
        holds.turn(self.store, self.journal.run, on=on, stage=stage, clock=self.clock, **about)


class Acting(ManualClock):
    """A clock on which things happen while somebody sleeps."""

    def __init__(self) -> None:
        super().__init__()
        self.acts: dict[float, Callable[[], None]] = {}
        self.slept = 0

    def at(self, after_s: float, act: Callable[[], None]) -> None:
        self.acts[self.now_s() + after_s] = act

    def sleep(self, seconds: float) -> None:
        self.slept += 1
        super().sleep(seconds)
        for due_s in [due_s for due_s in self.acts if due_s <= self.now_s()]:
            self.acts.pop(due_s)()


def test_an_open_gate_is_passed_with_its_evidence_in_the_journal() -> None:
    """Gate, state, reason, time, age and what was seen stand in the record of the step."""
    scene = Scene((EQUAL,))
    assert scene.go() == Result(Ending.DONE)
    (found,) = findings_of(scene.history(), "go")
    assert (found.gate, found.state, found.why) == ("equal", State.OPEN, "5 compared, 5 equal, 0 in flight")
    assert found.at == "2026-01-01T00:00:00+00:00"
    assert found.evidence["said"] == {
        "equal": 5, "in_flight": 0, "missing_v10": 0, "missing_v11": 0, "different": 0, "parked": 0, "digest": "",
    }  # fmt: skip


@pytest.mark.parametrize("different", [3, None])
def test_a_shut_gate_ends_the_run_and_lets_the_lease_go(different: int | None) -> None:
    """Closed or unknown: nothing behind it is called, the reason is said, anybody may act on the service."""
    scene = Scene((EQUAL,))
    scene.data.different = different
    ended = scene.go()
    assert ended.ending is Ending.AT_GATE
    assert ended.why == (
        "equal is closed: 8 compared, 5 equal, 0 in flight, 3 different" if different else "equal is unknown: no answer"
    )
    assert scene.done == []
    assert scene.lease().acting() is None
    other = scene.lease()
    other.take("somebody else")
    other.release()
    scene.data.different = 0
    assert scene.go() == Result(Ending.DONE)


def test_all_gates_of_a_stage_are_open_at_once_or_none_is_passed() -> None:
    """What was open yesterday is looked at again today, beside the one that was shut."""
    scene = Scene((EQUAL, BY_HAND))
    assert scene.go().why == "by hand is closed: waits for a person: look at the dashboards"
    scene.open_gate()
    scene.data.different = 1
    assert scene.go().why == "equal is closed: 6 compared, 5 equal, 0 in flight, 1 different"
    scene.data.different = 0
    assert scene.go() == Result(Ending.DONE)


def test_gates_that_were_passed_long_ago_are_looked_at_again() -> None:
    """A run that died between its gates and what is behind them does not go on by an old answer."""
    scene = Scene((EQUAL,))

    def crash() -> None:
        raise SimulatedCrash

    scene.on_done = crash
    with pytest.raises(SimulatedCrash):
        scene.go()
    assert scene.data.looks == 1
    scene.on_done = lambda: None
    scene.data.different = 2
    scene.clock.advance(GOOD_FOR_S + 61)
    assert scene.go().ending is Ending.AT_GATE
    assert scene.done == []
    scene.data.different = 0
    assert scene.go() == Result(Ending.DONE)


def test_tries_that_fail_do_not_keep_an_old_answer_alive() -> None:
    """A step fails again and again, each time within the five minutes: its gates are looked at again all the same."""
    scene = Scene((EQUAL,))

    def fail() -> None:
        raise OutsideError("the proxy does not answer")

    scene.on_done = fail
    assert scene.go().ending is Ending.STUCK
    looks = scene.data.looks
    scene.clock.advance(GOOD_FOR_S / 2)
    assert scene.go().ending is Ending.STUCK
    assert scene.data.looks == looks
    scene.clock.advance(GOOD_FOR_S / 2 + 30)
    scene.data.different = 2
    assert scene.go().ending is Ending.AT_GATE
    assert scene.done == []
    scene.data.different, scene.on_done = 0, lambda: None
    assert scene.go() == Result(Ending.DONE)


@given(tries=st.lists(st.tuples(st.sampled_from(list(Outcome)), st.floats(1, 290)), max_size=8))
def test_only_a_step_that_gets_on_lets_its_gates_stand(tries: list[tuple[Outcome, float]]) -> None:
    """However its tries end, and whenever: five minutes after the last one that was done, or on its way, it is over."""
    clock = ManualClock()
    journal = begin(open_store("memory://"), clock, "test", {})
    journal.append(RecordKind.RESULT, {"step": name("go"), "outcome": "done"})
    good_until = clock.wall() + timedelta(seconds=GOOD_FOR_S)
    for outcome, after_s in tries:
        clock.advance(after_s)
        journal.append(RecordKind.INTENT, {"step": "go", "action": "do", "stage": "go", "reason": ""})
        journal.append(RecordKind.RESULT, {"step": "go", "outcome": outcome.value})
        if outcome in (Outcome.DONE, Outcome.ADOPTED, Outcome.WAITING):
            good_until = clock.wall() + timedelta(seconds=GOOD_FOR_S)
    history = History(journal.records)
    assert passed("go", history, good_until - timedelta(seconds=1), behind=("go",))
    assert not passed("go", history, good_until + timedelta(seconds=1), behind=("go",))


def test_a_look_that_a_crash_cut_short_opens_nothing() -> None:
    """The gates were to be looked at again, and whoever looked died: what they said before is not renewed."""
    clock = ManualClock()
    journal = begin(open_store("memory://"), clock, "test", {})
    journal.append(RecordKind.RESULT, {"step": name("go"), "outcome": "done"})
    clock.advance(GOOD_FOR_S + 1)
    journal.append(RecordKind.INTENT, {"step": name("go"), "action": ACTION, "stage": "before go", "reason": ""})
    assert not passed("go", History(journal.records), clock.wall(), behind=("go",))


def test_nobody_skips_a_gate_with_a_word() -> None:
    """`skip` leaves out steps; what needs approvals is not left out by one command."""
    scene = Scene((BY_HAND,))
    scene.go()
    ask(scene.store, scene.journal.run, RequestKind.SKIP, step=name("go"), reason="hurry", who="eve", clock=scene.clock)
    assert scene.go().ending is Ending.AT_GATE


def test_a_hold_shuts_the_gates_of_a_stage_or_of_a_run() -> None:
    """It lasts until it is released, each for what it was said of, and names who holds."""
    scene = Scene((EQUAL,))
    scene.turn(on=True, stage="")
    assert scene.go().why.startswith("hold is closed: ann holds it since 2026-01-01T00:0")
    scene.turn(on=True, stage="go")
    scene.turn(on=False, stage="")
    assert scene.go().ending is Ending.AT_GATE
    scene.turn(on=True, stage="another stage")
    scene.turn(on=False, stage="go")
    assert scene.go() == Result(Ending.DONE)


def test_a_gate_that_waits_for_a_person_is_opened_by_its_name_and_after_it_asked() -> None:
    """Letting go of a hold opens no gate, nor does another gate's name, another stage, or what was said beforehand."""
    other = BY_HAND.model_copy(update={"name": "another"})
    scene = Scene((BY_HAND, other))
    scene.open_gate()
    scene.turn(on=True)
    scene.turn(on=False)
    assert scene.go().ending is Ending.AT_GATE
    scene.turn(on=True)
    scene.turn(on=False)
    scene.turn(on=True, stage="")
    scene.turn(on=False, stage="")
    scene.open_gate(stage="another stage")
    scene.open_gate("another")
    assert scene.go().why == "by hand is closed: waits for a person: look at the dashboards"
    scene.turn(on=True)
    scene.open_gate()
    assert scene.go().why.startswith("hold is closed: ann holds it"), "which opens a gate, and lets go of no hold"
    scene.turn(on=False)
    assert scene.go() == Result(Ending.DONE)


def test_who_waits_sleeps_and_goes_on_when_the_window_opens() -> None:
    """The journal grows with what turned, not with what was looked at."""
    scene = Scene((NIGHT, EQUAL))
    assert scene.wait() == Result(Ending.DONE)
    assert f"{scene.clock.wall():%H:%M}" == "00:05"
    assert len(scene.open().records) < 15
    assert scene.data.looks > 15
    assert scene.told == ["waits: night is closed: it opens at 2026-01-01 00:05 UTC"]


def test_the_lease_is_free_while_somebody_waits() -> None:
    """Whoever else needs the service takes it in the meantime."""
    clock = Acting()
    scene = Scene((NIGHT,), clock=clock)

    def act() -> None:
        other = scene.lease()
        other.take("a failover")
        other.release()
        scene.done.append("failover")

    clock.at(100, act)
    assert scene.wait() == Result(Ending.DONE)
    assert scene.done == ["failover", "go"]


def test_a_run_is_taken_up_when_something_that_it_keeps_going_has_died() -> None:
    """No gate has turned, and nobody asked anything: within a look it is taken up all the same."""
    clock = Acting()
    scene = Scene((NIGHT,), clock=clock)
    assert scene.go().ending is Ending.AT_GATE
    died: list[str] = []
    clock.at(100, lambda: died.append("the probes"))
    began_s = clock.now_s()
    Waiter(scene.store, scene.journal.run, clock, scene.keeper, must_act=lambda _: bool(died)).wait()
    assert 100 <= clock.now_s() - began_s < 120
    assert scene.done == []


@pytest.mark.parametrize("kind", [RequestKind.PAUSE, RequestKind.ABORT])
def test_who_waits_obeys_a_request(kind: RequestKind) -> None:
    """A pause or an abort that comes in the night ends the waiting."""
    clock = Acting()
    scene = Scene((NIGHT,), clock=clock)
    clock.at(100, lambda: ask(scene.store, scene.journal.run, kind, reason="no", who="ann", clock=clock) and None)
    ended = scene.wait()
    assert ended.ending is (Ending.PAUSED if kind is RequestKind.PAUSE else Ending.RESTORED)
    assert scene.clock.now_s() < 1000 + 200
    assert scene.done == []


def test_a_request_is_heard_before_the_next_look() -> None:
    """A check is asked every 15 s; a pause is heard within two."""
    clock = Acting()
    scene = Scene((EQUAL,), clock=clock)
    scene.data.different = 1
    request = {"reason": "no", "who": "ann", "clock": clock}
    clock.at(101, lambda: ask(scene.store, scene.journal.run, RequestKind.PAUSE, **request) and None)  # type: ignore[arg-type]
    began_s = clock.now_s()
    assert scene.wait().ending is Ending.PAUSED
    assert clock.now_s() - began_s < 105


def test_the_halt_switch_stops_it_at_the_gate() -> None:
    """With the switch on not even a gate is looked at under the lease."""
    scene = Scene((EQUAL,))
    halt(scene.store, on=True, reason="stop", who="ann", clock=scene.clock)
    assert scene.go().ending is Ending.HALTED


def test_a_soak_is_looked_at_as_often_as_it_says_and_opens_in_time() -> None:
    """Ten minutes of a look a minute are eleven looks, each in the journal."""
    scene = Scene((CALM,))
    began_s = scene.clock.now_s()
    assert scene.wait() == Result(Ending.DONE)
    assert 600 <= scene.clock.now_s() - began_s < 615
    (found,) = findings_of(scene.history(), "go")
    assert found.evidence["looks"] == 11


def test_a_soak_that_is_over_fills_no_journal_while_something_else_is_shut() -> None:
    """An hour of waiting for a person after it costs no record, and the soak stays open because it is looked at."""
    clock = Acting()
    scene = Scene((CALM, BY_HAND), clock=clock)
    clock.at(3600, scene.open_gate)
    began_s = clock.now_s()
    assert scene.wait() == Result(Ending.DONE)
    assert 3600 <= clock.now_s() - began_s < 3700
    soak, _ = findings_of(scene.history(), "go")
    assert soak.evidence["looks"] == scene.data.looks > 60
    intents = [record for record in scene.open().records if record.kind is RecordKind.INTENT]
    assert len(intents) < 18


def test_what_breaks_a_soak_while_somebody_waits_begins_it_anew() -> None:
    """A difference in the fifth minute costs five minutes."""
    clock = Acting()
    scene = Scene((CALM,), clock=clock)
    clock.at(290, lambda: setattr(scene.data, "different", 1))
    clock.at(310, lambda: setattr(scene.data, "different", 0))
    began_s = clock.now_s()
    assert scene.wait() == Result(Ending.DONE)
    assert 950 < clock.now_s() - began_s < 1000


def test_a_store_that_is_away_for_a_while_ends_no_wait() -> None:
    """It is said once and tried again."""
    clock, store = Acting(), Losable()
    scene = Scene((NIGHT,), clock=clock, store=store)  # type: ignore[arg-type]
    clock.at(100, lambda: setattr(store, "lost", True))
    clock.at(200, lambda: setattr(store, "lost", False))
    assert scene.wait() == Result(Ending.DONE)
    assert sum("the store is gone" in text for text in scene.told) == 1


@pytest.mark.parametrize("number", range(1, 60, 4))
def test_a_wait_survives_a_crash_at_any_record(number: int) -> None:
    """Killed when it has written this many records, and taken up by another: the same end, the soak not forgotten."""
    clock = Acting()
    scene = Scene((CALM, BY_HAND), clock=clock)
    clock.at(400, scene.open_gate)
    count = {"left": number}

    def dying() -> Result:
        def hear(_: object) -> None:
            count["left"] -= 1
            if count["left"] == 0:
                raise SimulatedCrash

        return drive(scene, scene.open(), scene.lease(), store=scene.store, clock=clock, listener=hear, again=True)  # type: ignore[type-var]

    waiter = Waiter(scene.store, scene.journal.run, clock, scene.keeper)
    began_s = clock.now_s()
    try:
        result = waiter.pass_gates(lambda *, again: dying() if count["left"] > 0 else scene.go(again=again))
    except SimulatedCrash:
        result = scene.wait()
    assert result == Result(Ending.DONE)
    assert scene.done == ["go"]
    assert 600 <= clock.now_s() - began_s < 700, "the soak's start survived"
    scene.open().verify()


def test_where_a_run_waits_is_read_from_its_journal_alone() -> None:
    """Gates with all that was said of them, and what the last look found."""
    scene = Scene((NIGHT, EQUAL))
    assert waits_at(scene.open().records, scene.history()) is None
    scene.go()
    found = waits_at(scene.open().records, scene.history())
    assert found is not None
    assert (found.stage, found.gates) == ("go", (NIGHT, EQUAL))
    assert {gate: each.state for gate, each in found.before.items()} == {"night": State.CLOSED, "equal": State.OPEN}
    scene.clock.advance(5 * 60)
    scene.go()
    assert waits_at(scene.open().records, scene.history()) is None


def test_a_clock_behind_the_journal_holds_every_gate() -> None:
    """Taken up on a host whose clock is wrong, a run passes nothing by the time of day."""
    scene = Scene((EQUAL,))
    scene.clock.advance(120)
    scene.journal.append(RecordKind.NOTE, {"text": "written by a host that is two minutes ahead"})
    behind = Scene((EQUAL,), store=scene.store)
    behind.journal = scene.journal
    assert behind.go().why.startswith(
        "clock is unknown: the run's last record is 120 s in this host's future: the clock"
    )
