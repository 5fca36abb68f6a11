"""Executes a plan: observe, plan, do the first unfinished stage, journal, observe again.

The runner keeps no state that the journal does not hold, so a crash costs nothing but time: the next runner reads the
journal, takes the lease with a higher epoch, observes, and plans again (docs/ARCHITECTURE.md, "Plan and run").
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from aurops.calls import CallPool
from aurops.errors import AuropsError, UsageError
from aurops.history import RESTORE, History, Outcome
from aurops.journal import Journal, JournalTakenError, Record, RecordKind
from aurops.plan import Answer, CallUnknownError, Json, Lasting, Playbook, Repeat, Stage, StaleEpochError, Step
from aurops.requests import RequestKind, halted, pending
from aurops.store_errors import StoreError

if TYPE_CHECKING:
    from aurops.clock import Clock
    from aurops.store import Store

World = TypeVar("World")
_ROUNDS_WITHOUT_PROGRESS = 2
_PAUSE_BETWEEN_ROUNDS_S = 0.05
_UNSEEN_S = 2.0
"""How long a call that was done is not repeated while its effect cannot be seen: an agent on a busy machine answers
late, and only another call tells one that has died."""


class Ending(StrEnum):
    """How a runner stopped."""

    DONE = "done"
    RESTORED = "restored"
    """Aborted before the point of no return, and brought back to where it began."""
    PAUSED = "paused"
    HALTED = "halted"
    HELD = "held"
    """The plan needs a person."""
    AT_GATE = "at a gate"
    """A gate is not open; the run goes on from there when it is taken up again (aurops/gates)."""
    STUCK = "stuck"
    VIOLATION = "violation"


@dataclass(frozen=True)
class Result:
    """The end of one `Runner.run`.

    Args:
        ending: How it stopped.
        why: In words; empty when done.
    """

    ending: Ending
    why: str = ""


class Fence(Protocol):
    """What the runner asks of a lease (`aurops.lease.Lease`)."""

    @property
    def epoch(self) -> int:
        """The fencing number that every call carries."""
        ...

    def check(self, call_timeout_s: float) -> None:
        """Raise unless the lease outlives a call of this length."""
        ...


class _StopError(Exception):
    def __init__(self, ending: Ending, why: str) -> None:
        self.result = Result(ending, why)
        super().__init__(why)


Listener = Callable[[Record], None]


class Runner(Generic[World]):
    """Runs one run until it ends.

    Args:
        playbook: What kind of run.
        store: Where requests and the halt switch are looked up before each call.
        journal: The run's journal; its first record (`started`) names the goal.
        lease: The held lease of the service.
        clock: Time.
        listener: Told of every record as soon as it is durable; for live output. It must not raise.
    """

    def __init__(
        self,
        playbook: Playbook[World],
        *,
        store: Store,
        journal: Journal,
        lease: Fence,
        clock: Clock,
        listener: Listener = lambda _: None,
    ) -> None:
        self._playbook = playbook
        self._store = store
        self._journal = journal
        self._lease = lease
        self._clock = clock
        self._listener = listener
        self._lock = threading.Lock()
        self._unwritten: StoreError | None = None
        self._dark_since_s: dict[str, float] = {}

    def run(self) -> Result:
        """Run to the goal, or until something stops it.

        Raises:
            LeaseLostError: Another holder took over; nothing was called after that.
            JournalTakenError: The same, seen at the journal.
            StaleEpochError: The same, seen at a target.
            StoreError: The journal cannot be written; the stage in hand was finished, nothing was begun after it.
            KeyboardInterrupt: Ctrl-C; calls in flight have ended and are journalled.
        """
        if not self._history().goal:
            raise UsageError("the journal does not begin with `started`", where=self._journal.run)
        self._append(RecordKind.TAKEN, {"epoch": self._lease.epoch})
        try:
            return self._rounds()
        except _StopError as stop:
            return stop.result

    def _rounds(self) -> Result:
        idle, before = 0, ""
        while True:
            self._obey_requests()
            history, world = self._history(), self._playbook.observe()
            self._guard(world, history)
            stages = self._playbook.plan(world, history)
            self._remember_dark(stages, world)
            stage = first_open(stages, world, history)
            if stage is None:
                return self._finish(history)
            if stage.hold:
                raise self._stopped(Ending.HELD, stage.hold, stage=stage.name)
            for decision in stage.undecided(history):
                self._append(
                    RecordKind.DECISION, {"name": decision.name, "value": decision.value, "reason": decision.reason}
                )
            waiting = self._execute(stage, world)
            after = _marker(stage, world, self._history())
            idle = 0 if waiting or after != before else idle + 1
            before = after
            if idle >= _ROUNDS_WITHOUT_PROGRESS:
                self._stuck(stage, world)
            if idle:
                self._clock.sleep(_PAUSE_BETWEEN_ROUNDS_S)

    def _execute(self, stage: Stage[World], world: World) -> bool:
        """Run what is left of a stage side by side; say whether something is on its way."""
        history = self._history()
        steps = stage.unfinished(world, history)
        if not steps:
            return False
        with CallPool(len(steps), "step") as pool:  # the lease is not let go of while a call is under way
            futures = [pool.submit(self._do, stage.name, step, world, history) for step in steps]
        errors = [error for future in futures if (error := future.exception()) is not None]
        for error in errors:
            raise error
        if self._unwritten is not None:
            raise self._unwritten
        if shut := self._shut(steps):
            raise _StopError(Ending.AT_GATE, shut)
        return any(future.result() is Outcome.WAITING for future in futures)

    def _shut(self, called: tuple[Step[World], ...]) -> str:
        """Why a run cannot pass: what the gates among these steps said just now; empty when none is shut."""
        results = self._history().results
        return "; ".join(str(why) for step in called if (why := results.get(step.name, {}).get("shut")))

    def _do(self, stage: str, step: Step[World], world: World, history: History) -> Outcome:
        if step.lasting is Lasting.LATCHED and history.in_doubt(step.name):
            seen = step.done(world)
            if seen:
                self._result(step, Outcome.ADOPTED, {})
                return Outcome.ADOPTED
            if seen is None and step.repeat is Repeat.AT_MOST_ONCE:
                error = history.results.get(step.name, {}).get("error", "no answer is known")
                why = f"`{step.name}` may or may not have happened, and must not happen twice: {error}"
                raise self._stopped(Ending.HELD, why, stage=stage)
        self._check_deadline(step, history)
        if self._waits_for_light(step, history):
            self._clock.sleep(_PAUSE_BETWEEN_ROUNDS_S)
            return Outcome.WAITING
        self._check_halt()
        self._lease.check(step.timeout_s)
        intent: dict[str, Json] = {"stage": stage, "step": step.name, "action": step.action, "reason": step.reason}
        self._append(RecordKind.INTENT, intent | {"arguments": dict(step.arguments), "no_return": step.no_return})
        outcome, data = self._call(step)
        self._result(step, outcome, data)
        return outcome

    def _call(self, step: Step[World]) -> tuple[Outcome, Mapping[str, Json]]:
        try:
            answer: Answer = self._playbook.call(step, self._lease.epoch)
        except StaleEpochError as error:
            self._result(step, Outcome.FAILED, {"error": str(error)})
            raise
        except CallUnknownError as error:
            return Outcome.UNKNOWN, {"error": str(error)}
        except AuropsError as error:
            return Outcome.FAILED, {"error": str(error), "exit_code": int(error.exit_code)}
        except Exception as error:  # noqa: BLE001 (the runner is where any failure of a step becomes an outcome)
            return Outcome.FAILED, {"error": f"{type(error).__name__}: {error}", "bug": True}
        if answer.shut:
            return Outcome.WAITING, {"waiting": answer.shut, "shut": answer.shut, **answer.data}
        if answer.waiting:
            return Outcome.WAITING, {"waiting": answer.waiting, **answer.data}
        return Outcome.DONE, answer.data

    def _waits_for_light(self, step: Step[World], history: History) -> bool:
        """Whether it was done for us and the world does not say so yet: unknown is not undone, so it is waited for."""
        tries, now_s = history.tries.get(step.name), self._clock.now_s()
        if (
            tries is None
            or tries.done_s is None
            or step.lasting is Lasting.LATCHED
            or step.name not in self._dark_since_s
        ):
            return False
        dark_s = now_s - self._dark_since_s[step.name]
        if dark_s > step.deadline_s:
            unseen = f"for {dark_s:.1f} s it cannot be seen (its deadline is {step.deadline_s:g} s)"
            raise self._stopped(Ending.STUCK, f"`{step.name}` was done, and {unseen}", step=step.name)
        return min(dark_s, now_s - tries.done_s) < _UNSEEN_S

    def _remember_dark(self, stages: tuple[Stage[World], ...], world: World) -> None:
        """Since when, without a break, the world has not said whether a step is done."""
        now_s = self._clock.now_s()
        dark = [step.name for stage in stages for step in stage.steps if step.done(world) is None]
        self._dark_since_s = {name: self._dark_since_s.get(name, now_s) for name in dark}

    def _check_deadline(self, step: Step[World], history: History) -> None:
        tries = history.tries.get(step.name)
        if tries is None or tries.first_intent_s is None:
            return
        waited_s = self._clock.now_s() - tries.first_intent_s
        if waited_s > step.deadline_s and tries.outcomes[-1:] == [Outcome.WAITING]:
            why = f"`{step.name}` is not done after {waited_s:.1f} s (its deadline is {step.deadline_s:g} s)"
            raise self._stopped(Ending.STUCK, why, step=step.name)

    def _check_halt(self) -> None:
        try:
            halt = halted(self._store)
        except StoreError:
            return  # a lost store is no order to halt; the journal decides whether the run can go on
        if halt is not None:
            self._append(RecordKind.HALTED, {"reason": halt.reason, "who": halt.who})
            raise _StopError(Ending.HALTED, f"{halt.who} halted all runs: {halt.reason}")

    def _obey_requests(self) -> None:
        history = self._history()
        asked = pending(self._store, self._journal.run, history.requests_seen)
        for request in asked:
            said: dict[str, Json] = {"request": request.n, "who": request.who, "reason": request.reason}
            match request.kind:
                case RequestKind.SKIP:
                    self._append(RecordKind.SKIPPED, said | {"step": request.step or ""})
                case RequestKind.PAUSE:
                    over = (RequestKind.RESUME, RequestKind.ABORT)
                    if any(later.kind in over and later.n > request.n for later in asked):
                        continue
                    self._append(RecordKind.PAUSED, said)
                    raise _StopError(Ending.PAUSED, f"{request.who} paused it: {request.reason}")
                case RequestKind.RESUME:
                    self._append(RecordKind.RESUMED, said)
                case RequestKind.ABORT:
                    self._abort(said)

    def _abort(self, said: dict[str, Json]) -> None:
        if self._history().past_no_return:
            self._append(RecordKind.NOTE, said | {"text": "abort refused: past the point of no return, only forward"})
            return
        self._append(RecordKind.GOAL, said | {"goal": RESTORE})

    def _guard(self, world: World, history: History) -> None:
        broken = self._playbook.violations(world, history)
        if not broken:
            return
        stop = self._playbook.safe_stop(world, history)
        why, held = "; ".join(broken), {"hold": stop.hold} if stop.hold else {}
        self._append(RecordKind.VIOLATION, {"invariants": list(broken), **held})
        why += f"; {stop.hold}" if stop.hold else ""
        try:
            self._execute(stop, world)
        except _StopError as halted:  # the switch is for every call, this one too
            why += f"; the safe stop was NOT made: {halted.result.why}"
        else:
            why += self._missed(stop.unfinished(world, history))
        raise _StopError(Ending.VIOLATION, why)

    def _missed(self, called: tuple[Step[World], ...]) -> str:
        """Which calls of a safe stop failed, or nobody knows of; empty when all is done."""
        history, said = self._history(), ""
        for step in called:
            failed = history.tries[step.name].outcomes[-1] is Outcome.FAILED
            if failed or history.in_doubt(step.name):
                error = history.results.get(step.name, {}).get("error", "no answer is known")
                said += f"; the safe stop did NOT succeed: `{step.name}`: {error}"
        return said

    def _stopped(self, ending: Ending, why: str, **where: str) -> _StopError:
        """Journal that the run cannot go on by itself, at which stage or step, and give what to raise."""
        self._append(RecordKind.STUCK, {**where, "why": why})
        return _StopError(ending, why)

    def _stuck(self, stage: Stage[World], world: World) -> None:
        history = self._history()
        names = [
            f"`{step.name}`: {history.results.get(step.name, {}).get('error', 'the world does not show it done')}"
            for step in stage.unfinished(world, history)
        ]
        why = f"no progress in stage {stage.name}: {'; '.join(names)}"
        raise self._stopped(Ending.STUCK, why, stage=stage.name)

    def _finish(self, history: History) -> Result:
        ending = Ending.RESTORED if history.goal == RESTORE else Ending.DONE
        self._append(RecordKind.FINISHED, {"outcome": ending.value})
        return Result(ending)

    def _history(self) -> History:
        with self._lock:
            return History(self._journal.records)

    def _result(self, step: Step[World], outcome: Outcome, data: Mapping[str, Json]) -> None:
        try:
            self._append(RecordKind.RESULT, {"step": step.name, "outcome": outcome.value, **data})
        except JournalTakenError:
            raise
        except StoreError as error:
            self._unwritten = error  # the call is made: its stage is finished first, then the run stops

    def _append(self, kind: RecordKind, data: Mapping[str, Json]) -> None:
        with self._lock:
            record = self._journal.append(kind, dict(data), epoch=self._lease.epoch)
        self._listener(record)


def first_open(stages: tuple[Stage[World], ...], world: World, history: History) -> Stage[World] | None:
    """The first stage with something left to do; None when the goal is reached."""
    return next((stage for stage in stages if stage.open(world, history)), None)


def _marker(stage: Stage[World], world: World, history: History) -> str:
    """What counts as progress: another stage, other steps left, another decision."""
    left = sorted(step.name for step in stage.unfinished(world, history))
    return f"{stage.name}|{left}|{sorted(history.decisions)}"
