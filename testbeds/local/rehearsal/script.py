"""What a plan becomes when it is played in minutes. Pure: the file and where its proxies are in, another file out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aurops.errors import UsageError
from aurops.gates.spec import ApprovalGate, CapacityCheck, Gate, HttpCheck, SoakGate
from migration.cutover_file import Gates, Soak, Times
from migration.outline import outline
from traffic.watching import Page

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from aurops.gates.quantity import Quantity
    from migration.cutover_file import Cutover
    from migration.outline import Part
    from migration.probes import Probe

LEAST_SOAK_S = 1.0
STEP_S = 2.5
"""A step with its soak, its gates and its proxies takes at least so long here, on two cores."""
DRAIN_S, DRAINED_S = 5.0, 1.5
"""A region's drain is spread over at most so long; that it is over is seen so much later, or a little sooner."""
BEFORE_START_S = 10.0
"""For what phase 1 does: laying ready, three rehearsals on each proxy."""


@dataclass(frozen=True)
class Place:
    """Where a proxy of the plan is on this machine.

    Args:
        site: Its file.
        v11: A URL that says whether V11 is well.
        v10: The same of V10.
        probe: What is asked of it from outside.
        can_take: What V10 of its region was measured to take.
        peak: The peak of its region's proxies.
    """

    site: Path
    v11: str
    v10: str
    probe: Probe
    can_take: Quantity
    peak: Quantity


@dataclass(frozen=True)
class Script:
    """A plan to be played.

    Args:
        cutover: It, with other times, places and checks.
        people: Everybody who is asked for an approval.
        left_out: What of the plan is not played: gates, and ways from other hosts.
    """

    cutover: Cutover
    people: tuple[str, ...]
    left_out: tuple[str, ...]


def script(cutover: Cutover, places: Mapping[str, Place], now: datetime, *, lasts_s: float) -> Script:
    """A plan, to be played in `lasts_s` from its first percent to the end of phase 3.

    Steps, regions, proxies, approvals and their order are the plan's. What asks the real world (checks, windows, holds)
    is left out and said; in the place of `watch`, and of the checks of phases 1 and 3, the health of the sides on this
    machine is asked; in the place of `capacity` that of V10, and whether what it was measured to take here is enough
    for the peak here, with the plan's headroom. Nobody is called.
    """
    factor = lasts_s / max(cutover.times.validate_s, 1.0)
    ends_s = lasts_s - STEP_S  # the last gate is looked at, too
    times = Times(prepare_s=3600, traffic_s=min(cutover.times.traffic_s * factor, ends_s), validate_s=ends_s)
    regions = len(cutover.regions)
    drain_s = min(cutover.drain_s, DRAIN_S, lasts_s / 10 / regions)
    most_s = (lasts_s - regions * (drain_s + DRAINED_S)) / len(_soaks(cutover)) - (STEP_S - LEAST_SOAK_S)
    soak_s = max(LEAST_SOAK_S, min(cutover.soak.for_s * factor, most_s))
    kept = {name: tuple(gate for gate in gates if isinstance(gate, ApprovalGate)) for name, gates in _gates(cutover)}
    dropped = [
        f"{name}: {gate.kind} `{gate.name}`"
        for name, gates in _gates(cutover)
        for gate in gates
        if gate not in kept[name]
    ]
    dropped += [f"critical: `{gate.check}`" for gate in cutover.critical]
    dropped += [f"operator_hosts: the rollback from {host}" for host in cutover.operator_hosts]
    warm = tuple(_health(f"V10 of {name}", place.v10) for name, place in places.items())
    well = tuple(_health(f"V11 of {name}", place.v11) for name, place in places.items())
    asked = {**kept, "prepare": (*kept["prepare"], *warm), "validate": (*kept["validate"], *well)}
    changes = {
        "service": f"rehearsal-{cutover.service}"[:40],  # nothing of it may stand in the way of the service's own runs
        "start": now + timedelta(seconds=BEFORE_START_S),
        "sites": {name: str(place.site) for name, place in places.items()},
        "regions": tuple(
            region.model_copy(update={"probe": places[region.proxies[0]].probe}) for region in cutover.regions
        ),
        "times": times,
        "soak": Soak(for_s=soak_s, every_s=soak_s),
        "drain_s": drain_s,
        "capacity": (*warm, *_enough(cutover, places)),
        "watch": well,
        "gates": Gates.model_validate(asked),
        "operator_hosts": (),  # everything is on this machine, and nothing is reached from it
        "proxy_hosts": {},
        "hosts": (),
        "critical": (),
        "page": Page(argv=("true",)),
    }
    people = tuple(dict.fromkeys(who for gates in kept.values() for gate in gates for who in gate.of))
    return Script(cutover.model_copy(update=changes), people, tuple(dropped))


def check_lasts(cutover: Cutover, lasts_s: float) -> None:
    """Refuse to play a plan faster than this machine can.

    Raises:
        UsageError: It has too many steps for so short a time.
    """
    least_s = STEP_S * len(_soaks(cutover)) + DRAINED_S * len(cutover.regions)
    if lasts_s < least_s:
        raise UsageError(
            f"this plan cannot be played in {lasts_s:g} s: it has {len(_soaks(cutover))} steps with soaks",
            where="--lasts",
            allowed=f"{least_s:g} s or more",
            next_step=f"--lasts {least_s:g}",
        )


def _soaks(cutover: Cutover) -> tuple[Part, ...]:
    """The parts up to the end of phase 3 that wait for a soak."""
    return tuple(
        part
        for part in outline(cutover)
        if part.phase < 4 and any(isinstance(gate, SoakGate) for gate in part.gates)  # noqa: PLR2004 (a phase)
    )


def _gates(cutover: Cutover) -> list[tuple[str, tuple[Gate, ...]]]:
    gates = cutover.gates
    return [
        ("prepare", gates.prepare),
        ("traffic", gates.traffic),
        ("step", gates.step),
        ("validate", gates.validate_),
        ("hand_over", gates.hand_over),
    ]


def _enough(cutover: Cutover, places: Mapping[str, Place]) -> tuple[CapacityCheck, ...]:
    """That V10 of each region takes the peak of its proxies."""
    asked = [check for check in cutover.capacity if isinstance(check, CapacityCheck)]
    return tuple(
        CapacityCheck(
            kind="capacity",
            name=f"V10 of {region.name} takes the peak",
            can_take=places[region.proxies[0]].can_take,
            peak=places[region.proxies[0]].peak,
            headroom=max((check.headroom for check in asked), default=1.0),
        )
        for region in cutover.regions
    )


def _health(name: str, url: str) -> HttpCheck:
    return HttpCheck(kind="http", name=name, url=url)
