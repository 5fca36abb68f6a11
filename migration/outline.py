"""The parts of a cutover in order, with their gates, before anything is observed. Pure: the file in, the parts out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from aurops.gates.spec import Gate, PortCheck, SoakGate, TimeGate, WindowGate, unique
from aurops.gates.window import openings
from migration.model import TOTAL_WEIGHT

if TYPE_CHECKING:
    from datetime import datetime

    from migration.cutover_file import Cutover


ALLOWED_INTERRUPTION_S = 30.0
"""The longest time that clients of a region may be without an answer."""
PROBED_BEFORE_S = 120.0
"""Probes begin so long before `start`: the first step's gate has seen each region for a while."""
OPERATORS_S = 20.0
"""So long the operators' hosts may take to answer, all of them side by side: ssh there, from there to each proxy's."""
ANSWERED_S, UNANSWERED_S = 30.0, 3.0
"""Before the first step each region has answered for so long, but for no more than so long at a time: an outage of V10
that is no interruption by this cutover, as it was there before, holds it until it is over."""


class Action(StrEnum):
    """What a part asks of each of its proxies, or of the run."""

    RELEASE = "release"
    PREPARE = "prepare"
    REHEARSE = "rehearse"
    PROBE = "probe"
    SHIFT = "shift"
    DRAIN = "drain"
    CLOSE_PHASE = "close phase"
    HAND_OVER = "hand over"
    STOP_PROBES = "stop probes"
    ROLL_BACK = "roll back"
    HOLD = "hold"


@dataclass(frozen=True)
class Part:
    """A stage of a cutover.

    Args:
        name: Unique; approvals and holds name it.
        phase: 1 to 4.
        action: What is done.
        gates: What must be open before it.
        proxies: To whom; empty: the run itself.
        weight: Of the new side, for a shift.
        lasts_s: So long it takes by itself, seconds.
        reason: Why, for whoever reads the plan.
    """

    name: str
    phase: int
    action: Action
    reason: str
    gates: tuple[Gate, ...] = ()
    proxies: tuple[str, ...] = ()
    weight: int = 0
    lasts_s: float = 0.0

    @property
    def no_return(self) -> bool:
        """Whether there is no way back after it."""
        return self.action is Action.HAND_OVER


def outline(cutover: Cutover, *, releases: bool = False) -> tuple[Part, ...]:
    """All parts, in order.

    Args:
        cutover: The file.
        releases: It follows a rollback, whose latches it takes away.

    Raises:
        ValueError: A gate of the file has the name of one that every cutover has.
    """
    parts = (*_prepare(cutover, releases=releases), *_move(cutover), *_validate(cutover))
    for part in parts:
        unique(part.gates)
    return parts


def _prepare(cutover: Cutover, *, releases: bool) -> tuple[Part, ...]:
    times = cutover.times
    first = _from("phase 1", cutover.start - timedelta(seconds=times.prepare_s))
    everywhere = cutover.proxies
    release = Part(
        "release",
        1,
        Action.RELEASE,
        "a rollback holds until a person releases it with a new plan",
        gates=(first, *(gate for gate in cutover.gates.traffic if not isinstance(gate, WindowGate))),
        proxies=everywhere,
    )
    return (
        *((release,) if releases else ()),
        Part(
            "prepare",
            1,
            Action.PREPARE,
            "a rollback needs nothing but what lies on the proxy's host",
            gates=(first, _equal(), *cutover.gates.prepare),
            proxies=everywhere,
        ),
        *(
            Part(
                f"rehearse {number}",
                1,
                Action.REHEARSE,
                f"rollback, rehearsed on every proxy: {number} of {cutover.rehearsals}",
                proxies=everywhere,
            )
            for number in range(1, cutover.rehearsals + 1)
        ),
    )


def _move(cutover: Cutover) -> tuple[Part, ...]:
    parts: list[Part] = []
    rehearsed = PortCheck(kind="port", name="rollback rehearsed", port="rehearsed", times=cutover.rehearsals)
    ready = (rehearsed, *_operators(cutover))
    first = (_from("phase 2", cutover.start), *ready, *cutover.capacity, *_answering(cutover))
    for region in cutover.regions:
        for percent in cutover.steps:
            gates = (*_windows(cutover), *cutover.gates.step) if parts else cutover.gates.traffic
            before = (_well(cutover),) if parts else first
            parts.append(
                Part(
                    f"{region.name} {percent:g}%",
                    2,
                    Action.SHIFT,
                    f"V11 gets {percent:g}% of {region.name}",
                    gates=(*before, *gates),
                    proxies=region.proxies,
                    weight=round(percent * TOTAL_WEIGHT / 100),
                )
            )
        why = f"weights move no WebSocket: what is left on V10 in {region.name} is closed over {cutover.drain_s:g} s"
        gates = (_well(cutover), *_windows(cutover))
        parts.append(Part(f"{region.name} drain", 2, Action.DRAIN, why, gates, region.proxies, lasts_s=cutover.drain_s))
    why = "how long clients are without an answer is seen from outside, all the time from here on"
    begin = _from("probes begin", cutover.start - timedelta(seconds=PROBED_BEFORE_S))
    return (Part("probes", 2, Action.PROBE, why, (begin,)), *parts)


def _validate(cutover: Cutover) -> tuple[Part, ...]:
    def at(phase: str, seconds: float) -> TimeGate:
        return _from(phase, cutover.start + timedelta(seconds=seconds))

    well, gates = _well(cutover), cutover.gates
    return (
        Part(
            "phase 2 over",
            2,
            Action.CLOSE_PHASE,
            "V11 serves everything, V10 stays warm",
            (at("end of phase 2", cutover.times.traffic_s), well, *_operators(cutover)),
        ),
        Part(
            "phase 3 over",
            3,
            Action.CLOSE_PHASE,
            "pending transactions are final, assets equal, performance as before, and people say so",
            (at("end of phase 3", cutover.times.validate_s), well, _equal(), *gates.validate_),
        ),
        Part(
            "hand over",
            4,
            Action.HAND_OVER,
            "V10 takes no write any more: from here on it is for decommission, and nothing goes back to it",
            (well, _equal(), *gates.hand_over),
        ),
        Part(
            "phase 4 over",
            4,
            Action.CLOSE_PHASE,
            "V11 has all that V10 acknowledged; decommission takes over",
            (PortCheck(kind="port", name="V10 drained", port="drained"),),
        ),
        Part("probes over", 4, Action.STOP_PROBES, "nothing is moved any more"),
    )


def _from(name: str, at: datetime) -> TimeGate:
    return TimeGate(kind="time", name=name, at=at)


def _equal() -> PortCheck:
    return PortCheck(kind="port", name="data equal", port="equal")


def _well(cutover: Cutover) -> SoakGate:
    """V11 does well, V10 could take everything back, and every watcher would do so, for a while without a break."""
    soak = cutover.soak
    checks = (*cutover.watch, *cutover.capacity, *_interruptions(cutover), *_watched(cutover))
    return SoakGate(kind="soak", name="well", for_s=soak.for_s, every_s=soak.every_s, checks=checks)


def _operators(cutover: Cutover) -> tuple[PortCheck, ...]:
    """That people can roll back from every operators' host, and its clock is this one's: phase 1 may be days ago.

    Before the first step and where phase 3 begins, but in no soak: each look starts aurops on all of these hosts, and
    one that is restarted would begin the soak anew.
    """
    check = PortCheck(kind="port", name="operators' hosts", port="operators", timeout_s=OPERATORS_S)
    return (check,) if cutover.operator_hosts else ()


def _windows(cutover: Cutover) -> tuple[WindowGate, ...]:
    """The windows and freezes of the first step, for every later one: a run that stood still goes on inside of them.

    `needs_s` is for all of the night. A later step asks for a soak or a drain, whichever is longer, and never for more.
    """
    own_s = max(cutover.soak.for_s, cutover.drain_s)
    windows = (gate for gate in cutover.gates.traffic if isinstance(gate, WindowGate))
    return tuple(gate.model_copy(update={"needs_s": min(gate.needs_s, own_s)}) for gate in windows)


def _answering(cutover: Cutover) -> tuple[PortCheck, ...]:
    """That every region answers now, before anything has moved."""
    return tuple(
        _unanswered(region.name, f"{region.name} answers", UNANSWERED_S, ANSWERED_S) for region in cutover.regions
    )


def _interruptions(cutover: Cutover) -> tuple[PortCheck, ...]:
    """That no region is without an answer for long, by its probes and its clients' ledgers."""
    slowest_s = max(check.timeout_s for check in (*cutover.watch, *cutover.capacity))
    # A soak forgives three looks that are missing.
    over_s = max(2 * ALLOWED_INTERRUPTION_S, 4 * max(cutover.soak.every_s, slowest_s))
    under = f"under {ALLOWED_INTERRUPTION_S:g} s"
    return tuple(
        _unanswered(region.name, f"interruption of {region.name} {under}", ALLOWED_INTERRUPTION_S, over_s)
        for region in cutover.regions
    )


def _unanswered(region: str, name: str, limit_s: float, over_s: float) -> PortCheck:
    """That a region is without an answer for no longer than this, and that nothing of so long before is unknown."""
    return PortCheck(
        kind="port",
        name=name,
        port="interruption",
        region=region,
        limit_s=limit_s,
        over_s=over_s,
        max_age_s=ALLOWED_INTERRUPTION_S,
    )


def _watched(cutover: Cutover) -> tuple[PortCheck, ...]:
    """That beside each proxy a watcher obeys this cutover: also while nothing moves it alone would go back at once."""
    return tuple(
        PortCheck(kind="port", name=f"watcher of {proxy}", port="watched", proxy=proxy) for proxy in cutover.proxies
    )


@dataclass(frozen=True)
class Timed:
    """A part, and when it begins at the earliest.

    Args:
        part: The part.
        not_before: The earliest moment: times, windows, soaks and drains added up; None: its window opens no more.
    """

    part: Part
    not_before: datetime | None


def timetable(parts: tuple[Part, ...], now: datetime) -> tuple[Timed, ...]:
    """When each part begins at the earliest, if every check and person is quick; in the time zone of `now`."""
    zone = now.tzinfo
    rows: list[Timed] = []
    at: datetime | None = now
    for part in parts:
        for gate in part.gates:
            at = _after(gate, at)
        rows.append(Timed(part, at.astimezone(zone) if at else None))
        at = at + timedelta(seconds=part.lasts_s) if at else None
    return tuple(rows)


def _after(gate: Gate, at: datetime | None) -> datetime | None:
    if at is None:
        return None
    match gate:
        case TimeGate():
            return max(at, gate.at)
        case SoakGate():
            return at + timedelta(seconds=gate.for_s)
        case WindowGate():
            ahead = openings(gate, at)
            return ahead[0][0] if ahead else None
        case _:
            return at
