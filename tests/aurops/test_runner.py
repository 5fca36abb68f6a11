"""What a run does when things go as they should not, on a playbook of a few made-up steps."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from aurops.clock import ManualClock
from aurops.errors import OutsideError, UsageError
from aurops.execution import begin
from aurops.history import RESTORE, History, Outcome
from aurops.journal import Journal, RecordKind
from aurops.plan import Answer, CallUnknownError, Decision, Lasting, Repeat, Stage, StaleEpochError, Step
from aurops.requests import RequestKind, ask, halt
from aurops.runner import Ending, Result, Runner
from aurops.store import Store, StoreReadOnlyError, open_store
from aurops.testing import HeldLease
from runbooks.stopping import Stopped, stoppable

World = frozenset[str]
Effect = Callable[[], Answer | None]
Plan = Callable[[World, History], tuple[Stage[World], ...]]


def step(name: str, **more: object) -> Step[World]:
    """A step that is done when the world holds its name."""
    whole = Step(name=name, action="do", reason=f"the test wants {name}", done=lambda world: name in world)
    return replace(whole, **more)  # type: ignore[arg-type]


def unseen(_: World) -> None:
    """A predicate that nobody can answer."""


@dataclass
class Tiny:
    """A playbook: its plan is given, a call adds the step's name to the world unless `effects` says otherwise."""

    plan_of: Plan
    world: set[str] = field(default_factory=set)
    effects: dict[str, Effect] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    broken: tuple[str, ...] = ()
    plans: int = 0

    def observe(self) -> World:
        return frozenset(self.world)

    def plan(self, world: World, history: History) -> tuple[Stage[World], ...]:
        self.plans += 1
        return self.plan_of(world, history)

    def call(self, step: Step[World], epoch: int) -> Answer:
        assert epoch
        self.calls.append(step.name)
        if step.name in self.effects:
            return self.effects[step.name]() or Answer()
        self.world.add(step.name)
        return Answer()

    def violations(self, world: World, history: History) -> tuple[str, ...]:
        del world, history
        return self.broken if self.calls else ()

    def safe_stop(self, world: World, history: History) -> Stage[World]:
        del world, history
        return Stage("safe stop", (step("stop everything", done=unseen),))


def stages(*steps: Step[World]) -> Plan:
    """One stage per step; to restore, only `undo`."""

    def plan(_: World, history: History) -> tuple[Stage[World], ...]:
        wanted = (step("undo"),) if history.goal == RESTORE else steps
        return tuple(Stage(one.name, (one,)) for one in wanted)

    return plan


class Breakable:
    """A store whose disk can become read-only."""

    def __init__(self) -> None:
        self._inner = open_store("memory://")
        self.lost = False

    def __getattr__(self, name: str) -> object:
        if self.lost and name in ("create", "read", "keys", "folders"):
            raise StoreReadOnlyError("the store was lost", where="the test")
        return getattr(self._inner, name)


LATE = 20
"""Looks at the world before it says something."""


@dataclass
class Scene:
    """A store with one run in it."""

    store: Store
    clock: ManualClock = field(default_factory=ManualClock)
    epoch: int = 0

    def run(self, playbook: Tiny) -> Result:
        """One holder after the other."""
        self.epoch += 1
        journal = self.journal() if self.epoch > 1 else Journal.create(self.store, "run", self.clock)
        if self.epoch == 1:
            journal.append(RecordKind.STARTED, {"goal": "test", "arguments": {}})
        lease = HeldLease(self.epoch)
        return Runner(playbook, store=self.store, journal=journal, lease=lease, clock=self.clock).run()

    def journal(self) -> Journal:
        return Journal.open(self.store, "run", self.clock)

    def history(self) -> History:
        return History(self.journal().records)

    def kinds(self) -> list[RecordKind]:
        return [record.kind for record in self.journal().records]

    def ask(self, kind: RequestKind, skip: str | None = None) -> None:
        ask(self.store, "run", kind, step=skip, reason="the test asks", who="tester", clock=self.clock)


@pytest.fixture
def scene() -> Scene:
    """A run in memory."""
    return Scene(open_store("memory://"))


def refuse() -> None:
    """A call that did not happen."""
    raise OutsideError("no")


def test_stages_run_in_order_and_the_planner_is_asked_after_each(scene: Scene) -> None:
    """A stage that only the first one's effect makes known is planned and done; the run ends as done."""

    def plan(world: World, _: History) -> tuple[Stage[World], ...]:
        first = Stage("first", (step("look"),))
        return (first, Stage("second", (step("act on it"),))) if "look" in world else (first,)

    playbook = Tiny(plan)
    assert scene.run(playbook) == Result(Ending.DONE)
    assert playbook.calls == ["look", "act on it"]
    assert playbook.plans == 3
    assert scene.history().finished == "done"


def test_a_hold_stops_the_run_and_says_why(scene: Scene) -> None:
    """A plan that needs a person is held with its reason, in the result and in the journal; nothing is called."""
    playbook = Tiny(lambda *_: (Stage("gate", (step("a"),), hold="two approvals are missing"),))
    assert scene.run(playbook) == Result(Ending.HELD, "two approvals are missing")
    assert playbook.calls == []
    assert scene.journal().records[-1].data["why"] == "two approvals are missing"


def test_a_step_that_waits_too_long_is_stuck_by_name_and_time(scene: Scene) -> None:
    """What is on its way may take its deadline, asked again and again, and not longer."""

    def wait() -> Answer:
        scene.clock.advance(4.0)
        return Answer(waiting="replaying")

    playbook = Tiny(stages(step("catch up", deadline_s=10.0)), effects={"catch up": wait})
    result = scene.run(playbook)
    assert result.ending is Ending.STUCK
    assert result.why == "`catch up` is not done after 12.0 s (its deadline is 10 s)"
    assert playbook.calls == ["catch up"] * 3


def test_the_time_between_two_holders_is_no_waiting(scene: Scene) -> None:
    """A run that is resumed long after its deadline asks again before it gives up."""
    playbook = Tiny(stages(step("catch up", deadline_s=10.0)))
    playbook.effects["catch up"] = lambda: scene.clock.advance(11.0) or Answer(waiting="replaying")
    assert scene.run(playbook).ending is Ending.STUCK
    scene.clock.advance(3600.0)
    del playbook.effects["catch up"]
    assert scene.run(playbook) == Result(Ending.DONE)


def at_most_once(done: Callable[[World], bool | None]) -> Step[World]:
    """A step that must not happen twice."""
    return step("inject", repeat=Repeat.AT_MOST_ONCE, lasting=Lasting.LATCHED, done=done)


def lose_the_answer() -> None:
    """A call that may or may not have happened."""
    raise CallUnknownError("the connection broke")


def test_a_call_in_doubt_that_must_not_happen_twice_holds_the_run(scene: Scene) -> None:
    """Nobody knows, so nobody tries again: held, with what is known of the call; also for the next holder."""
    playbook = Tiny(stages(at_most_once(unseen)), effects={"inject": lose_the_answer})
    for _ in range(2):
        result = scene.run(playbook)
        assert result.ending is Ending.HELD
        assert "`inject` may or may not have happened" in result.why
        assert "the connection broke" in result.why
    assert playbook.calls == ["inject"]


@pytest.mark.parametrize(("outcome", "calls"), [(Outcome.ADOPTED, 1), (Outcome.DONE, 2)])
def test_a_call_in_doubt_is_settled_by_what_the_world_shows(outcome: Outcome, calls: int, scene: Scene) -> None:
    """Seen to have happened it is adopted; proved not to have happened it is made, once."""
    playbook = Tiny(stages(at_most_once(lambda world: "region down" in world)))

    def lost() -> None:
        del playbook.effects["inject"]
        playbook.world |= {"region down"} if outcome is Outcome.ADOPTED else set()
        lose_the_answer()

    playbook.effects["inject"] = lost
    assert scene.run(playbook) == Result(Ending.DONE)
    assert playbook.calls == ["inject"] * calls
    assert scene.history().tries["inject"].outcomes[-1] is outcome


def test_a_best_effort_step_is_tried_once_and_blocks_nothing(scene: Scene) -> None:
    """A cache that cannot be promoted is in the journal as failed, and the run goes on without it."""
    playbook = Tiny(stages(step("cache", required=False), step("database")), effects={"cache": refuse})
    assert scene.run(playbook) == Result(Ending.DONE)
    assert playbook.calls == ["cache", "database"]
    assert scene.history().results["cache"]["outcome"] == "failed"


def test_steps_of_a_stage_run_side_by_side_and_the_next_stage_waits_for_all(scene: Scene) -> None:
    """Both are under way at once; one that fails ends nothing before the other has answered."""
    both, seen = threading.Barrier(2, timeout=20), []
    playbook = Tiny(lambda *_: (Stage("both", (step("a"), step("b", required=False))), Stage("then", (step("c"),))))

    def a() -> None:
        both.wait()
        playbook.world.add("a")

    def b() -> None:
        both.wait()
        refuse()

    def c() -> None:
        seen.extend(sorted(scene.history().results))
        playbook.world.add("c")

    playbook.effects |= {"a": a, "b": b, "c": c}
    assert scene.run(playbook) == Result(Ending.DONE)
    assert seen == ["a", "b"]


def test_a_store_that_is_lost_in_mid_stage_lets_the_stage_end_and_nothing_begin() -> None:
    """The calls under way are finished, no further one is begun, and the error says that the store was lost."""
    store, both = Breakable(), threading.Barrier(2, timeout=20)
    scene = Scene(store)  # type: ignore[arg-type]
    playbook = Tiny(lambda *_: (Stage("both", (step("a"), step("b"))), Stage("then", (step("c"),))))

    def lose(name: str) -> Effect:
        def effect() -> None:
            both.wait()  # both intents are written
            store.lost = True
            playbook.world.add(name)

        return effect

    playbook.effects |= {"a": lose("a"), "b": lose("b")}
    with pytest.raises(StoreReadOnlyError):
        scene.run(playbook)
    assert playbook.world == {"a", "b"}
    assert sorted(playbook.calls) == ["a", "b"]
    store.lost = False
    assert scene.run(playbook) == Result(Ending.DONE)
    assert sorted(playbook.calls) == ["a", "b", "c"]


def test_a_step_that_is_skipped_is_not_called(scene: Scene) -> None:
    """`skip` takes a step out, whoever asked and why is journalled, and the rest is done."""
    playbook = Tiny(stages(step("a"), step("b")))
    scene.ask(RequestKind.SKIP, skip="a")
    assert scene.run(playbook) == Result(Ending.DONE)
    assert playbook.calls == ["b"]
    assert scene.history().skipped == {"a": "the test asks"}


def test_the_halt_switch_is_looked_at_before_each_call(scene: Scene) -> None:
    """Turned on by the first call, it stops the second, and names who turned it; off again, the run ends."""

    def on() -> None:
        playbook.world.add("a")
        halt(scene.store, on=True, reason="look first", who="on-call", clock=scene.clock)

    playbook = Tiny(stages(step("a"), step("b")), effects={"a": on})
    assert scene.run(playbook) == Result(Ending.HALTED, "on-call halted all runs: look first")
    assert playbook.calls == ["a"]
    halt(scene.store, on=False, reason="seen", who="on-call", clock=scene.clock)
    assert scene.run(playbook) == Result(Ending.DONE)


def test_a_paused_run_goes_on_when_it_is_resumed(scene: Scene) -> None:
    """Paused in its first stage it stops before the second; resumed it does the second, and not the first again."""

    def pause() -> None:
        playbook.world.add("a")
        scene.ask(RequestKind.PAUSE)

    playbook = Tiny(stages(step("a"), step("b")), effects={"a": pause})
    assert scene.run(playbook) == Result(Ending.PAUSED, "tester paused it: the test asks")
    assert playbook.calls == ["a"]
    scene.ask(RequestKind.RESUME)
    assert scene.run(playbook) == Result(Ending.DONE)
    assert playbook.calls == ["a", "b"]
    assert RecordKind.RESUMED in scene.kinds()


def test_an_abort_before_the_point_of_no_return_restores(scene: Scene) -> None:
    """The goal changes to restore, nothing forward is called any more; a pause that was asked before is void."""

    def abort() -> None:
        scene.ask(RequestKind.PAUSE)
        scene.ask(RequestKind.ABORT)

    playbook = Tiny(stages(step("a"), step("promote", no_return=True)), effects={"a": abort})
    assert scene.run(playbook) == Result(Ending.RESTORED)
    assert playbook.calls == ["a", "undo"]
    assert scene.history().finished == "restored"


def test_an_abort_after_the_point_of_no_return_is_refused(scene: Scene) -> None:
    """Once promote was announced the run only goes forward, and the journal says that it refused."""
    playbook = Tiny(stages(step("promote", no_return=True), step("open")))
    playbook.effects["promote"] = lambda: scene.ask(RequestKind.ABORT) or playbook.world.add("promote")
    assert scene.run(playbook) == Result(Ending.DONE)
    assert playbook.calls == ["promote", "open"]
    assert any("only forward" in str(record.data.get("text")) for record in scene.journal().records)


def test_a_violation_runs_the_safe_stop_once_and_ends_the_run(scene: Scene) -> None:
    """A broken invariant is named, the safe stop is called a single time even if it fails, nothing else is."""
    playbook = Tiny(stages(step("a"), step("b")), broken=("two writers",), effects={"stop everything": refuse})
    result = scene.run(playbook)
    assert result.ending is Ending.VIOLATION
    assert result.why == "two writers; the safe stop did NOT succeed: `stop everything`: no"
    assert playbook.calls == ["a", "stop everything"]
    assert scene.history().finished == ""


def test_a_safe_stop_that_the_world_shows_done_is_not_called(scene: Scene) -> None:
    """All is closed already: the end names the broken invariant and nothing else."""
    playbook = Tiny(stages(step("a"), step("b")), broken=("two writers",))
    playbook.safe_stop = lambda *_: Stage("safe stop", (step("stop everything", done=lambda _: True),))  # type: ignore[method-assign]
    assert scene.run(playbook) == Result(Ending.VIOLATION, "two writers")
    assert playbook.calls == ["a"]


def test_a_halt_holds_the_safe_stop_too_and_it_is_said(scene: Scene) -> None:
    """The switch is for every call; the end names the broken invariant, and that nothing was stopped."""
    playbook = Tiny(stages(step("a"), step("b")), broken=("two writers",))

    def halts() -> None:
        halt(scene.store, on=True, reason="look first", who="ana", clock=scene.clock)

    playbook.effects["a"] = halts
    result = scene.run(playbook)
    assert (result.ending, playbook.calls) == (Ending.VIOLATION, ["a"])
    assert result.why == "two writers; the safe stop was NOT made: ana halted all runs: look first"


def test_a_world_that_does_not_say_is_waited_for_and_not_called_again(scene: Scene) -> None:
    """A call that was answered, and an observation that comes late: no second call, and no run that is stuck."""
    looks: list[World] = []

    def late(world: World) -> bool | None:
        looks.append(world)
        return True if len(looks) > LATE else None

    playbook = Tiny(stages(step("repoint", done=late), step("open")))
    assert scene.run(playbook) == Result(Ending.DONE)
    assert playbook.calls.count("repoint") == 1


def test_a_world_that_never_says_is_stuck_at_the_deadline(scene: Scene) -> None:
    """It is asked again every two seconds; the step's deadline bounds that, and names it."""
    playbook = Tiny(stages(step("repoint", done=unseen, deadline_s=3.0)))
    result = scene.run(playbook)
    assert result.ending is Ending.STUCK
    assert "`repoint` was done, and for 3" in result.why
    assert playbook.calls == ["repoint"] * 2


def test_a_look_missed_long_after_a_step_was_done_ends_nothing(scene: Scene) -> None:
    """What was promoted a while ago and is not seen for a moment is neither stuck nor called again."""
    began_s = scene.clock.now_s()

    def promoted(world: World) -> bool | None:
        """Not to be seen for half a second, long after the step's own deadline."""
        return None if 60.0 <= scene.clock.now_s() - began_s < 60.5 else "promote" in world

    def copies() -> Answer:
        scene.clock.advance(20.0)
        if playbook.calls.count("copy") == 5:
            playbook.world.add("copy")
        return Answer(waiting="copying")

    playbook = Tiny(stages(step("promote", done=promoted), step("copy", deadline_s=500.0)))
    playbook.effects["copy"] = copies
    result = scene.run(playbook)
    assert result.ending is Ending.DONE, result.why
    assert playbook.calls.count("promote") == 1
    assert scene.clock.now_s() - began_s > 60.5


def test_two_rounds_without_progress_are_stuck_by_name(scene: Scene) -> None:
    """A step that is refused again and again is named with its error; one that does nothing, with what is missing."""
    refused = Tiny(stages(step("detach west")), effects={"detach west": refuse})
    result = scene.run(refused)
    assert result.ending is Ending.STUCK
    assert result.why == "no progress in stage detach west: `detach west`: no"
    idle = scene.run(Tiny(stages(step("shift")), effects={"shift": lambda: None}))
    assert "`shift`: the world does not show it done" in idle.why


def test_a_decision_is_journalled_before_its_stage_acts_and_never_made_again(scene: Scene) -> None:
    """Re-planning may think otherwise; the journal keeps the first choice."""

    def plan(world: World, _: History) -> tuple[Stage[World], ...]:
        choice = "west" if "act" in world else "south"
        return (Stage("choose", (step("act"),), decisions=(Decision("target", choice, "most advanced"),)),)

    assert scene.run(Tiny(plan)) == Result(Ending.DONE)
    assert scene.run(Tiny(plan, world={"act"})) == Result(Ending.DONE)
    assert scene.history().decisions == {"target": "south"}
    kinds = scene.kinds()
    assert kinds.index(RecordKind.DECISION) < kinds.index(RecordKind.INTENT)


def test_a_target_that_obeys_a_newer_epoch_ends_the_run_at_once(scene: Scene) -> None:
    """The old holder learns from the target that it is one; it calls nothing more."""

    def stale() -> None:
        raise StaleEpochError("obeys 9")

    playbook = Tiny(stages(step("a"), step("b")), effects={"a": stale})
    with pytest.raises(StaleEpochError):
        scene.run(playbook)
    assert playbook.calls == ["a"]


def test_a_journal_that_does_not_say_what_for_is_refused(scene: Scene) -> None:
    """Without a goal nothing is taken and nothing is called."""
    journal = Journal.create(scene.store, "run", scene.clock)
    with pytest.raises(UsageError, match="does not begin"):
        Runner(Tiny(stages()), store=scene.store, journal=journal, lease=HeldLease(), clock=scene.clock).run()
    assert journal.records == ()


def test_whoever_stops_a_run_waits_for_the_call_under_way() -> None:
    """The call's result is journalled before the signal goes on to whoever releases the lease."""
    store, clock = open_store("memory://"), ManualClock()
    journal = begin(store, clock, "test", {})

    gone_on = threading.Event()

    def slow() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        assert not gone_on.wait(0.2), "the signal went on while the call was under way"

    def run() -> None:
        try:
            Runner(playbook, store=store, journal=journal, lease=HeldLease(), clock=clock).run()
        finally:
            gone_on.set()

    playbook = Tiny(stages(step("slow")), effects={"slow": slow})
    with pytest.raises(Stopped), stoppable():
        run()
    assert (journal.records[-1].kind, journal.records[-1].data["outcome"]) == (RecordKind.RESULT, Outcome.DONE)
