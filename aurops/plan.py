"""What a plan is made of: observations, steps, stages, decisions. All values; nothing here acts.

A *playbook* knows one kind of run. `plan(world, history)` is pure: it says, from what is observed now and what the
journal holds, which stages lead to the goal. The runner (`aurops.runner`) executes the first unfinished stage, then
observes and plans again; after a crash it does exactly the same.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Generic, Protocol, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from aurops.history import History

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
World = TypeVar("World")
T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True)
class Observation(Generic[T_co]):
    """A value, or *unknown*; unknown is never "no".

    Args:
        value: What was seen; None means unknown.
        at_s: When it was seen (or asked in vain), in seconds of the clock.
        observer: Who looked.
        why_unknown: Why there is no value; empty when there is one.
    """

    value: T_co | None
    at_s: float
    observer: str
    why_unknown: str = ""

    def age_s(self, now_s: float) -> float:
        """Seconds since it was seen."""
        return now_s - self.at_s


class Repeat(StrEnum):
    """How a call may be repeated when nobody knows whether it took effect."""

    IDEMPOTENT = "idempotent"
    """Again is the same as once."""
    AT_MOST_ONCE = "at most once"
    """Never again unless an observation proves that it did not happen (inject a fault)."""
    AT_LEAST_ONCE = "at least once"
    """Again does no harm (notify)."""


class Lasting(StrEnum):
    """Where a step's predicate lives."""

    MAINTAINED = "maintained"
    """In the observed world: fenced, one writer, weights. It can become undone, and is then done again."""
    LATCHED = "latched"
    """In the journal only: fault injected, write verified. It never becomes undone."""


@dataclass(frozen=True)
class Step(Generic[World]):
    """The smallest thing that a run does.

    Args:
        name: Unique within the plan, stable from plan to plan: `runs skip` and the journal use it.
        action: What the playbook is asked to do, one of its own words.
        arguments: Plain values of the action; they are journalled.
        reason: Why this step, for the person who reads the plan.
        done: Whether the observed world shows it done: yes, no, or None for unknown.
        timeout_s: Longest time that one call may take.
        deadline_s: Longest time from the first call of a run's present holder until it is done; a step that waits
            longer stops the run.
        repeat: How the call may be repeated.
        lasting: Whether the world or the journal says that it is done.
        required: False for best effort: it is tried once, and its failure blocks nothing.
        no_return: Its intent is the point of no return: after it the run only goes forward.
        may_skip: Whether a person may leave it out with a word; nobody leaves out a gate.
    """

    name: str
    action: str
    reason: str
    done: Callable[[World], bool | None]
    arguments: Mapping[str, Json] = field(default_factory=dict)
    timeout_s: float = 5.0
    deadline_s: float = 30.0
    repeat: Repeat = Repeat.IDEMPOTENT
    lasting: Lasting = Lasting.MAINTAINED
    required: bool = True
    no_return: bool = False
    may_skip: bool = True

    def finished(self, world: World, history: History) -> bool:
        """Whether nothing is left to do for this step."""
        if (self.name in history.skipped and self.may_skip) or (not self.required and history.attempted(self.name)):
            return True
        if self.lasting is Lasting.LATCHED:
            return history.latched(self.name)
        return self.done(world) is True


@dataclass(frozen=True)
class Decision:
    """A choice that is journalled before anything acts on it, and never made again in the run.

    Args:
        name: What is chosen: target, position, standbys, mode.
        value: The choice.
        reason: The evidence for it.
    """

    name: str
    value: Json
    reason: str


@dataclass(frozen=True)
class Stage(Generic[World]):
    """Steps that run side by side; the next stage waits for all of them.

    Args:
        name: The stage's name.
        steps: What to do; may be empty when the stage only decides or holds.
        decisions: What to journal before any step of this stage.
        hold: When not empty: a person is needed; the run stops here and says why.
    """

    name: str
    steps: tuple[Step[World], ...] = ()
    decisions: tuple[Decision, ...] = ()
    hold: str = ""

    def undecided(self, history: History) -> tuple[Decision, ...]:
        """The decisions that the journal does not hold yet."""
        return tuple(decision for decision in self.decisions if decision.name not in history.decisions)

    def unfinished(self, world: World, history: History) -> tuple[Step[World], ...]:
        """The steps that are left."""
        return tuple(step for step in self.steps if not step.finished(world, history))

    def open(self, world: World, history: History) -> bool:
        """Whether anything in this stage is left to do."""
        return bool(self.hold or self.undecided(history) or self.unfinished(world, history))


@dataclass(frozen=True)
class Answer:
    """What a call gave.

    Args:
        data: What to keep of it in the journal.
        waiting: Not empty: the call was understood and its effect is on the way; asking again is no retry.
        shut: Not empty: a gate, and why it is not open. Nothing is on the way: the run ends here, lets its lease go,
            and is taken up again when somebody or something outside may have opened it.
    """

    data: Mapping[str, Json] = field(default_factory=dict)
    waiting: str = ""
    shut: str = ""


class CallUnknownError(Exception):
    """Nobody knows whether the call took effect: it timed out or the connection broke.

    Args:
        why: What happened, for the journal.
    """


class StaleEpochError(Exception):
    """The target has obeyed a newer epoch: this holder has lost its lease and must stop.

    Args:
        why: What the target said.
    """


class Playbook(Protocol[World]):
    """One kind of run: how it observes, plans and acts. Planning and judging are pure."""

    def observe(self) -> World:
        """The world now; what cannot be seen is *unknown* inside it. Never raises for that."""
        ...

    def plan(self, world: World, history: History) -> tuple[Stage[World], ...]:
        """The stages from here to `history.goal`, finished ones included, in order. Pure."""
        ...

    def call(self, step: Step[World], epoch: int) -> Answer:
        """Do one step, within `step.timeout_s`.

        Raises:
            CallUnknownError: It may or may not have happened.
            StaleEpochError: The target obeys a newer epoch.
            AuropsError: It did not happen, and why.
        """
        ...

    def violations(self, world: World, history: History) -> tuple[str, ...]:
        """Every invariant that the world breaks, in words; empty when all hold. Pure."""
        ...

    def safe_stop(self, world: World, history: History) -> Stage[World]:
        """What to do, once, when an invariant is broken, before it stops; its hold: what people are told. Pure."""
        ...
