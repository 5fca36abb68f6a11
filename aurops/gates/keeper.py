"""Looks at gates: asks what a file says, and hands what was seen to the pure judgements. It changes nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from aurops.calls import CallPool
from aurops.errors import AuropsError
from aurops.gates import approval, checks, deadline, holds, port, soak, window
from aurops.gates.approving import checked, people
from aurops.gates.finding import Finding, State
from aurops.gates.second_clock import SecondClock
from aurops.gates.seen import found
from aurops.gates.spec import (
    MOST_POINTS,
    ApprovalGate,
    Check,
    Gate,
    HoldGate,
    PortCheck,
    PrometheusCheck,
    SoakGate,
    TimeGate,
    WindowGate,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aurops.clock import Clock
    from aurops.gates.approval import Binding
    from aurops.gates.signing import Signers
    from aurops.journal import Record
    from aurops.ports import Ports
    from aurops.store import Store


@dataclass(frozen=True)
class Spot:
    """Where a run waits.

    Args:
        stage: The stage behind the gates.
        gates: All of them.
        binding: What an approval must be for.
        latest_at: The time of day of the journal's last record: ours is not before it, unless a clock is wrong.
        before: What the last look found, by gate.
    """

    stage: str
    gates: tuple[Gate, ...]
    binding: Binding
    latest_at: datetime
    before: Mapping[str, Finding] = field(default_factory=dict)


class Keeper:
    """Looks at all gates of a spot, side by side.

    Args:
        store: Where approvals and holds are left.
        clock: Time.
        signers: Who may sign.
        ports: For gates that ask one.
    """

    def __init__(self, store: Store, clock: Clock, signers: Signers, ports: Ports) -> None:
        self._store = store
        self._clock = clock
        self._signers = signers
        self._ports = ports
        self._second_clock = SecondClock(store, clock)
        self._soaks: dict[tuple[str, str, str], Finding] = {}
        """What this process saw of each soak last: between what is journalled, it goes on from there."""

    def look(self, spot: Spot, wrote: Record | None = None) -> tuple[Finding, ...]:
        """One look; it never raises: what cannot be seen is unknown.

        Args:
            spot: Where the run waits.
            wrote: The record that this process has just written, if it has: it says how the store's clock is.
        """
        if wrote is not None:
            self._second_clock.hear(wrote)
        now = self._clock.wall()
        with CallPool(len(spot.gates) + 1, "gate") as pool:
            held = pool.submit(self._held, spot, now)
            looks = [pool.submit(self._look_at, gate, spot, now) for gate in spot.gates]
        clocks = _skewed(spot, now) or self._second_clock.judge(spot.gates, now)
        return (*clocks, *held.result(), *(look.result() for look in looks))

    def _held(self, spot: Spot, now: datetime) -> tuple[Finding, ...]:
        try:
            return holds.judge_turns(holds.turns(self._store, spot.binding.run), spot.stage, now)
        except AuropsError as error:
            return (Finding("hold", "hold", State.UNKNOWN, f"the store: {error.what}", now.isoformat()),)

    def _look_at(self, gate: Gate, spot: Spot, now: datetime) -> Finding:
        try:
            return self._finding(gate, spot, now)
        except Exception as error:  # noqa: BLE001 (a look that fails in whatever way opens nothing)
            return checks.failed(gate, error, now)

    def _finding(self, gate: Gate, spot: Spot, now: datetime) -> Finding:
        match gate:
            case ApprovalGate():
                return self._approvals(gate, spot, now)
            case WindowGate():
                return window.judge(gate, now)
            case TimeGate():
                return window.judge_time(gate, now)
            case SoakGate():
                return self._soak(gate, spot, now)
            case HoldGate():
                turns = holds.turns(self._store, spot.binding.run)
                return holds.judge(gate, turns, spot.stage, spot.before.get(gate.name), now)
            case _:
                return self._check(gate, now)

    def _check(self, check: Check, now: datetime, since_s: float | None = None) -> Finding:
        if isinstance(check, PortCheck):
            return deadline.within(check, lambda: self._port(check, now), now)
        return checks.look(check, self._clock, now, since_s)

    def _port(self, check: PortCheck, now: datetime) -> Finding:
        return port.judge(check, port.look(check, self._ports), now, self._clock.now_s())

    def _soak(self, gate: SoakGate, spot: Spot, now: datetime) -> Finding:
        key = (spot.binding.run, spot.stage, gate.name)
        known = [found for found in (spot.before.get(gate.name), self._soaks.get(key)) if found is not None]
        # Of two of one second the one that broke the soak counts.
        before = max(
            known, key=lambda each: (datetime.fromisoformat(each.at), soak.last_look(each) is None), default=None
        )
        well_at = soak.last_look(before)
        since_s = None if well_at is None else well_at.timestamp()
        can_bridge = since_s is not None and all(
            isinstance(check, PrometheusCheck) and (now.timestamp() - since_s) / check.step_s < MOST_POINTS
            for check in gate.checks
        )
        with CallPool(len(gate.checks), "check") as pool:
            futures = [pool.submit(self._check, check, now, since_s if can_bridge else None) for check in gate.checks]
        found = soak.judge(gate, before, [future.result() for future in futures], now, bridged=can_bridge)
        self._soaks[key] = found
        return found

    def _approvals(self, gate: ApprovalGate, spot: Spot, now: datetime) -> Finding:
        if why := self._signers.unusable():
            return found(gate, State.UNKNOWN, why, now, {})
        given = approval.left(self._store, spot.binding.run)
        asked = people(spot.gates)
        return approval.judge(gate, spot.binding, checked(given, spot.stage, asked, self._signers, now), now)


def _skewed(spot: Spot, now: datetime) -> tuple[Finding, ...]:
    """A journal written in our future: one of two hosts has a wrong clock, and no time of day means anything."""
    ahead_s = (spot.latest_at - now).total_seconds()
    if ahead_s <= approval.MAX_SKEW_S:
        return ()
    why = f"the run's last record is {ahead_s:.0f} s in this host's future: the clock here or its writer's is wrong"
    return (Finding("clock", "clock", State.UNKNOWN, why, now.isoformat(timespec="seconds")),)
