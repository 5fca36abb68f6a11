"""Looks once at a check that needs nothing but this machine: no store, no port, no run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.errors import AuropsError
from aurops.gates import capacity, commands, deadline, prometheus, sql, urls
from aurops.gates.finding import Finding, State
from aurops.gates.seen import found
from aurops.gates.spec import CapacityCheck, CommandCheck, HttpCheck, PrometheusCheck, SqlCheck

if TYPE_CHECKING:
    from datetime import datetime

    from aurops.clock import Clock
    from aurops.gates.spec import Gate, StandingCheck


def look(check: StandingCheck, clock: Clock, now: datetime, since_s: float | None = None) -> Finding:
    """What one look finds; it comes back within `timeout_s` and `deadline.MARGIN_S`.

    Args:
        check: What is asked.
        clock: Time.
        now: The time of day.
        since_s: Only of Prometheus: also at every step since then, seconds since 1970.
    """
    return deadline.within(check, lambda: _found(check, clock, now, since_s), now)


def _found(check: StandingCheck, clock: Clock, now: datetime, since_s: float | None) -> Finding:
    match check:
        case HttpCheck():
            return urls.judge(check, urls.look(check, clock), now)
        case PrometheusCheck():
            return prometheus.judge(check, prometheus.look(check, clock, since_s=since_s), now)
        case SqlCheck():
            return sql.judge(check, sql.look(check, clock), now)
        case CommandCheck():
            return commands.judge(check, commands.look(check, clock), now)
        case CapacityCheck():
            return capacity.judge(check, capacity.look(check, clock, now), now)


def failed(gate: Gate, error: Exception, now: datetime) -> Finding:
    """A look that fails in whatever way opens nothing, and closes nothing."""
    why = error.what if isinstance(error, AuropsError) else f"a bug in aurops: {type(error).__name__}: {error}"
    return found(gate, State.UNKNOWN, why, now, {})
