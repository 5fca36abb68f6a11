"""Gates as a step of a plan, and what the journal says of one. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from pydantic import TypeAdapter

from aurops.gates.approval import binding
from aurops.gates.finding import Finding, shut
from aurops.gates.keeper import Spot
from aurops.gates.signing import Signers
from aurops.gates.spec import Gate
from aurops.history import Outcome
from aurops.journal import RecordKind
from aurops.plan import Answer, Step

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from aurops.history import History
    from aurops.journal import Record

World = TypeVar("World")
ACTION = "pass gates"
GATES_OF = "gates of "
"""How the name of every such step begins."""
GOOD_FOR_S = 300.0
"""Gates that were passed, and behind which nothing has happened for so long, are looked at again: the run stood still
between them and what they let through, and they may be shut by now."""
_LOOK_WITHIN_S = 35.0
"""A check may take 30 s."""
_GATES = TypeAdapter(tuple[Gate, ...])


def name(stage: str) -> str:
    """What the step is called that waits before a stage."""
    return f"{GATES_OF}{stage}"


def gate_step(
    stage: str, gates: tuple[Gate, ...], history: History, now: datetime, *, behind: Collection[str], over: bool = False
) -> Step[World]:
    """The step that waits until all gates of a stage are open at once.

    Args:
        stage: What begins behind them.
        gates: All of them.
        history: Says whether they were passed.
        now: The time of day.
        behind: The steps of that stage: while one of them gets on, the gates stay passed.
        over: Whether that stage is over: its gates are of the past.
    """
    is_passed = over or passed(stage, history, now, behind=behind)
    dumped = _GATES.dump_python(gates, mode="json", by_alias=True)
    return Step(
        name(stage),
        ACTION,
        f"{stage} begins when all are open at once: {', '.join(gate.name for gate in gates) or 'no gate'}",
        done=lambda _: is_passed,
        arguments={"stage": stage, "gates": dumped},
        timeout_s=_LOOK_WITHIN_S,
        may_skip=False,
    )


def passed(stage: str, history: History, now: datetime, *, behind: Collection[str]) -> bool:
    """Whether a run went through the gates of a stage, and not so long ago that it must look again.

    A step behind them that is done, or on its way, lets them stand; one that fails does not, however often it is tried.
    """
    result = history.results.get(name(stage))
    if result is None or result.get("outcome") != Outcome.DONE:
        return False
    at = [datetime.fromisoformat(history.moved[step]) for step in (name(stage), *behind) if step in history.moved]
    return abs((now - max(at)).total_seconds()) <= GOOD_FOR_S


def answer(findings: Sequence[Finding]) -> Answer:
    """What a look at a stage's gates means for the run."""
    return Answer({"findings": [each.data() for each in findings]}, shut=shut(findings))


def spot(records: Sequence[Record], history: History, stage: str, gates: tuple[Gate, ...]) -> Spot:
    """Where a run waits, from its journal."""
    return Spot(
        stage,
        gates,
        binding(records, history, stage),
        datetime.fromisoformat(max(records, key=lambda record: record.at).at),
        {finding.gate: finding for finding in findings_of(history, stage)},
    )


def findings_of(history: History, stage: str) -> tuple[Finding, ...]:
    """What the last look at a stage's gates found; nothing when nobody looked yet."""
    result = history.results.get(name(stage), {})
    return tuple(Finding.read(each) for each in result.get("findings", ()))


def waits_at(records: Sequence[Record], history: History) -> Spot | None:
    """The gates that a run waits at, as the journal tells; None when it waits at none."""
    last = next((record for record in reversed(records) if record.kind is RecordKind.INTENT), None)
    if last is None or last.data.get("action") != ACTION or history.finished:
        return None
    arguments = last.data["arguments"]
    if (
        not isinstance(arguments, dict)
        or history.results.get(str(last.data["step"]), {}).get("outcome") == Outcome.DONE
    ):
        return None
    return spot(records, history, str(arguments["stage"]), read(arguments["gates"]))


def signers_of(history: History) -> Signers:
    """Who may sign for a run, as its first record says."""
    said = history.arguments.get("signers", {})
    return Signers(said.get("text", ""), said.get("file", ""), said.get("revoked", ""))


def read(given: object) -> tuple[Gate, ...]:
    """Gates as the journal holds them."""
    return _GATES.validate_python(given)
