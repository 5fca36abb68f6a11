"""What is wrong with gates before a run begins: found out by day, not at night when one is reached."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from aurops import documents
from aurops.errors import OutsideError, UsageError
from aurops.gates import prometheus, signing, sql, window
from aurops.gates.quantity import CommandNumber, HttpNumber, PrometheusQuery, SqlQuery
from aurops.gates.spec import ApprovalGate, Calendar, CapacityCheck, CommandCheck, SoakGate, WindowGate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from aurops.gates.quantity import Quantity
    from aurops.gates.signing import Signers
    from aurops.gates.spec import Gate


def with_calendars(gates: tuple[Gate, ...], folder: Path, where: str) -> tuple[Gate, ...]:
    """The gates with the freezes of the calendars that they name.

    Args:
        gates: Some of them name a calendar, relative to `folder`.
        folder: Where the file with the gates stands.
        where: File and key of the gates, for errors.

    Raises:
        UsageError: A calendar cannot be read, or says what is not allowed.
    """
    return tuple(_with_calendar(gate, folder, where) if isinstance(gate, WindowGate) else gate for gate in gates)


def _with_calendar(gate: WindowGate, folder: Path, where: str) -> WindowGate:
    if not gate.calendar:
        return gate
    try:
        freezes = documents.load(folder / gate.calendar, Calendar).freezes
    except UsageError as error:
        error.where = f"{where}: gate `{gate.name}`: calendar: {error.where}"
        raise
    return gate.model_copy(update={"calendar": "", "freezes": (*gate.freezes, *freezes)})


def refuse(
    gates: tuple[Gate, ...],
    where: str,
    *,
    signers: Signers | None,
    now: datetime,
    env: Mapping[str, str],
) -> None:
    """Refuse gates that could never open, or of which this machine could never tell.

    Args:
        gates: The gates of one stage.
        where: File and key, for errors.
        signers: Who may sign; None: nobody is named.
        now: The time of day.
        env: The environment of the runner.

    Raises:
        UsageError: A query that does not parse, a window that never opens, people who have no key.
        OutsideError: This machine lacks what a gate needs.
    """
    for gate in gates:
        at = f"{where}: gate `{gate.name}`"
        match gate:
            case PrometheusQuery() | SqlQuery() | CommandCheck():
                _refuse_asked(gate, at, env)
            case CapacityCheck():
                _refuse_asked(gate.can_take, f"{at}: can_take", env)
                _refuse_asked(gate.peak, f"{at}: peak", env)
                _refuse_ageless(gate.peak, f"{at}: peak")
            case WindowGate():
                _refuse_window(gate, at, now)
            case ApprovalGate():
                _refuse_people(gate, at, signers)
            case SoakGate():
                refuse(gate.checks, at, signers=signers, now=now, env=env)
            case _:
                pass


def _refuse_asked(asked: CommandCheck | Quantity, at: str, env: Mapping[str, str]) -> None:
    match asked:
        case PrometheusQuery():
            _refuse_query(asked, at)
        case SqlQuery():
            _refuse_sql(asked, at, env)
        case CommandCheck() | CommandNumber():
            if shutil.which(asked.argv[0]) is None:
                raise UsageError(f"there is no program {asked.argv[0]!r}", where=at, allowed="a program on PATH")
        case HttpNumber():
            pass


def _refuse_ageless(peak: Quantity, at: str) -> None:
    """A peak is of now: one that was written down once would open its gate for ever."""
    if isinstance(peak, CommandNumber | HttpNumber) and peak.max_age_s is None:
        raise UsageError(
            "nobody would see that this peak is an old one",
            where=at,
            allowed="max_age_s: seconds; the text says measured_at",
            next_step='max_age_s: 300, and a text as {"value": 1200, "measured_at": "2026-12-01T10:00:00Z"}',
        )


def _refuse_query(asked: PrometheusQuery, at: str) -> None:
    for query in (asked.query, *asked.fresh):
        try:
            prometheus.selectors(query)
        except ValueError as cause:
            raise UsageError(
                f"this is no query for a gate: {cause}", where=f"{at}: {query}", allowed="PromQL"
            ) from cause


def _refuse_sql(asked: SqlQuery, at: str, env: Mapping[str, str]) -> None:
    if not sql.available():
        raise OutsideError("psycopg is not installed", where=at, next_step=sql.HOW_TO_GET)
    if not env.get(asked.dsn_env):
        what = f"the environment variable {asked.dsn_env} is not set"
        raise OutsideError(what, where=at, next_step=f"export {asked.dsn_env}=postgresql://…")


def _refuse_window(gate: WindowGate, at: str, now: datetime) -> None:
    for freeze in gate.freezes:
        begins, ends = window.span_of(freeze)
        if begins >= ends:
            raise UsageError(f"the freeze `{freeze.reason}` ends before it begins", where=at)
    if why := window.never_opens(gate, now):
        raise UsageError(f"this window never opens: {why}", where=at, allowed="a window that opens")


def _refuse_people(gate: ApprovalGate, at: str, signers: Signers | None) -> None:
    if signers is None:
        raise UsageError("who may sign is not said", where=at, allowed="an allowed-signers file (ssh-keygen(1))")
    if why := signers.unusable():
        raise UsageError(why, where=at)
    without = [who for who in gate.of if not signing.is_listed(who, signers)]
    if without:
        names = ", ".join(without)
        raise UsageError(f"the allowed-signers file has no key of {names}", where=at, next_step="add it, or ask others")
