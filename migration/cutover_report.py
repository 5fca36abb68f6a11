"""A cutover's run in the report's words: from its journal alone, at any moment. Pure."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from aurops import report_rows
from aurops.gates import steps
from aurops.gates.finding import Finding, State
from aurops.history import History, Outcome
from aurops.journal import RecordKind
from aurops.report import ApprovalRow, Figure, GateRow, Mark, Point, Report, Series, Verdict, Weight
from migration.clients import NOBODY, kept
from migration.execute import cutover_of
from migration.model import NEW, OLD, TOTAL_WEIGHT
from migration.outline import Action

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aurops.journal import Record
    from aurops.report_rows import Moment
    from migration.clients import Clients
    from migration.cutover_file import Cutover

ALLOWED_INTERRUPTION_S = 30.0
"""The longest time that clients may be without an answer."""
_SAID = {OLD: "V10 (probes)", NEW: "V11 (probes)"}


def report(records: Sequence[Record], *, versions: Mapping[str, str], now: datetime | None = None) -> Report:
    """The report of a cutover; times are seconds since the plan's `start`.

    Args:
        records: The journal; at least one record.
        versions: Version by component.
        now: When it is made; None: now.
    """
    history, cutover = History(records), cutover_of(History(records))
    at_s, seen = report_rows.since(cutover.start), kept(records)
    verdict, because = judge(records, history, seen[0] if seen else None)
    weights = _weights(records, cutover, at_s)
    return Report(
        title=f"{'Rehearsal of the cutover' if history.arguments.get('rehearsal') else 'Cutover'} of {cutover.service}",
        run=records[0].run,
        made_at=now or datetime.now(UTC),
        verdict=verdict,
        because=because,
        summary=f"From V10 to V11 in {', '.join(region.name for region in cutover.regions)}, "
        f"{', '.join(f'{percent:g}%' for percent in cutover.steps)}, from {cutover.start.isoformat()} on.",
        objectives=(_interruption(seen[0] if seen else None), _reached(weights), *_rehearsed(records)),
        steps=report_rows.steps(records, at_s, by="stage"),
        decisions=report_rows.decisions(records, at_s),
        t0=f"the plan's start was: {cutover.start.isoformat()}",
        weights=weights,
        sides=_probed(*seen, at_s) if seen else _looked(records, cutover, at_s),
        gates=_gates(records),
        approvals=_approvals(records),
        marks=tuple(_marks(records, at_s)),
        notes=tuple(_notes(seen[0] if seen else None)),
        versions=dict(versions),
        journal_head=records[-1].hash,
    )


def judge(records: Sequence[Record], history: History, clients: Clients | None) -> tuple[Verdict, str]:
    """What a run has shown so far, and why."""
    if history.finished and history.finished != "done":
        return Verdict.FAILED, f"The run ended as {history.finished}: V11 does not serve by it."
    if history.finished:
        worst_s = max(clients.interruption_s.values(), default=0.0) if clients else 0.0
        why = (clients.why_not if clients else "") or (
            f"clients were without an answer for {worst_s:.1f} s" if worst_s > ALLOWED_INTERRUPTION_S else ""
        )
        handed = "Handed over: V11 has all traffic in every region, and V10 takes no write any more"
        return (Verdict.FAILED, f"{handed}; but {why}.") if why else (Verdict.PASSED, f"{handed}.")
    if why := report_rows.stopped(records):
        gone = any(
            record.kind is RecordKind.VIOLATION or record.data.get("stage") == "rolled back" for record in records
        )
        return Verdict.FAILED if gone else Verdict.OPEN, f"{why[0].upper()}{why[1:]}"
    spot = steps.waits_at(records, history)
    if spot is None:
        return Verdict.OPEN, "The run is under way."
    closed = [finding.gate for finding in spot.before.values() if finding.state is not State.OPEN]
    return Verdict.OPEN, f"Waits before {spot.stage}: {', '.join(closed) or 'its gates are being looked at'}."


def _interruption(clients: Clients | None) -> Figure:
    measured = max(clients.interruption_s.values(), default=None) if clients else None
    return Figure(
        name="Interruption",
        measured=measured,
        unit="s",
        limit=ALLOWED_INTERRUPTION_S,
        met=None if measured is None else measured <= ALLOWED_INTERRUPTION_S,
        means="The longest time without a success at the worst proxy, as probes from outside saw it: ten reads and ten "
        "idempotent writes a second, open loop. Not known where no probes were sent.",
    )


def _reached(weights: tuple[Weight, ...]) -> Figure:
    now = {weight.proxy: weight.share for weight in weights}
    means = "What the proxy with the least sends to V11, as this run has set it last."
    return Figure(name="On V11", measured=100 * min(now.values(), default=0.0), unit="%", means=means)


def _rehearsed(records: Sequence[Record]) -> tuple[Figure, ...]:
    took_s = [float(str(record.data["took_s"])) for record in records if "took_s" in record.data]
    means = f"The slowest of {len(took_s)} on this run's proxies, before its first percent."
    return (Figure(name="Rehearsed rollback", measured=max(took_s), unit="s", means=means),) if took_s else ()


def _weights(records: Sequence[Record], cutover: Cutover, at_s: Moment) -> tuple[Weight, ...]:
    """What this run has set, from its first record on; a rollback in its safe stop counts, too."""
    found = [Weight(at_s=at_s(records[0]), proxy=proxy, share=0.0) for proxy in cutover.proxies]
    intents: dict[str, Mapping[str, object]] = {}
    for record in records:
        if record.kind is RecordKind.INTENT:
            intents[str(record.data["step"])] = record.data
        elif record.kind is RecordKind.RESULT and record.data["outcome"] in (Outcome.DONE, Outcome.ADOPTED):
            called = intents.get(str(record.data["step"]), {})
            given = cast("Mapping[str, object]", called.get("arguments") or {})
            weights = cast("Mapping[str, int]", given.get("weights", {}))
            if called.get("action") in (Action.SHIFT, Action.ROLL_BACK):
                share = weights.get(NEW, 0) / TOTAL_WEIGHT
                found.append(Weight(at_s=at_s(record), proxy=str(given["proxy"]), share=share))
    return tuple(found)


def _probed(clients: Clients, note: Record, at_s: Moment) -> tuple[Series, ...]:
    """What probes saw of each side."""
    shift_s = at_s(note) - note.at_s
    found: dict[str, list[Point]] = {}
    for each in clients.slices:
        point = Point(
            at_s=each.at_s + shift_s, sent=each.sent, ok_ratio=each.ok / each.sent, p50_s=each.p50_s, p99_s=each.p99_s
        )
        found.setdefault(each.side, []).append(point)
    order = (NEW, OLD, *(side for side in found if side not in _SAID))
    return tuple(
        Series(name=_SAID.get(side, f"{side} (probes)"), slice_s=clients.slice_s, points=tuple(found[side]))
        for side in order
        if side in found
    )


def _looked(records: Sequence[Record], cutover: Cutover, at_s: Moment) -> tuple[Series, ...]:
    """What the plan's checks saw of each side: `watch` of V11, `capacity` of V10."""
    sides = {
        "V11 (watch)": {check.name for check in cutover.watch},
        "V10 (capacity)": {check.name for check in cutover.capacity},
    }
    found: dict[str, list[Point]] = {side: [] for side in sides}
    for record in records:
        checks = [*_checks(_findings(record))]
        for side, names in sides.items():
            seen = [check.state is State.OPEN for check in checks if check.gate in names]
            if seen:
                ratio = sum(seen) / len(seen)
                point = Point(at_s=at_s(record), sent=len(seen), ok_ratio=ratio, p50_s=None, p99_s=None)
                found[side].append(point)
    return tuple(Series(name=side, slice_s=cutover.soak.every_s, points=tuple(found[side])) for side in found)


def _findings(record: Record) -> tuple[Finding, ...]:
    given = record.data.get("findings")
    return tuple(Finding.read(cast("Mapping[str, object]", each)) for each in given) if isinstance(given, list) else ()


def _checks(findings: Sequence[Finding]) -> Iterator[Finding]:
    """The findings, those inside a soak in its place."""
    for finding in findings:
        inside = finding.evidence.get("checks")
        if isinstance(inside, list):
            yield from (Finding.read(cast("Mapping[str, object]", each)) for each in inside)
        else:
            yield finding


def _gates(records: Sequence[Record]) -> tuple[GateRow, ...]:
    last: dict[tuple[str, str], Finding] = {}
    looks: dict[tuple[str, str], int] = {}
    for record in records:
        stage = str(record.data.get("step", "")).removeprefix(steps.GATES_OF)
        for finding in _findings(record):
            last[stage, finding.gate] = finding
            looks[stage, finding.gate] = looks.get((stage, finding.gate), 0) + 1
    return tuple(
        GateRow(
            stage=stage,
            gate=gate,
            kind=finding.kind,
            state=finding.state.value,
            why=finding.why,
            at=finding.at,
            looks=looks[stage, gate],
            evidence=json.dumps(finding.evidence, ensure_ascii=False) if finding.evidence else "",
        )
        for (stage, gate), finding in last.items()
    )


def _approvals(records: Sequence[Record]) -> tuple[ApprovalRow, ...]:
    """Those that the last look at each gate counted."""
    found: dict[tuple[str, str], list[ApprovalRow]] = {}
    for record in records:
        stage = str(record.data.get("step", "")).removeprefix(steps.GATES_OF)
        for finding in _findings(record):
            counted = cast("list[dict[str, str]]", finding.evidence.get("counted", []))
            found[stage, finding.gate] = [
                ApprovalRow(
                    stage=stage,
                    who=each["who"],
                    key=each["key"],
                    signed_at=each["signed_at"],
                    reason=each.get("reason", ""),
                )
                for each in counted
            ]
    return tuple(row for rows in found.values() for row in rows)


def _marks(records: Sequence[Record], at_s: Moment) -> Iterator[Mark]:
    for record in records:
        if record.kind in report_rows.STOPS:
            yield Mark(at_s=at_s(record), name=report_rows.STOPS[record.kind])
        if record.kind is RecordKind.INTENT and record.data.get("no_return"):
            yield Mark(at_s=at_s(record), name="point of no return")


def _notes(clients: Clients | None) -> Iterator[str]:
    yield "Weights are what this run has set, as its journal says; what `aurops rollback` did is in that run's journal."
    if clients is None:
        yield (
            "Success of the sides is the part of the plan's checks that were well at each look: `watch` for V11, "
            "`capacity` for V10. No probes from outside were sent, so interruption and latency are not known here."
        )
        return
    yield (
        f"Probes are drawn by the side that answered ({NOBODY}: nobody, or an answer that does not say). Those of a "
        "proxy come from one address, so one that keeps clients at a side by address moves them all at one step."
    )
    yield "A rehearsal: times are shortened, checks ask the sides of this machine, and nobody compared data."
    yield from clients.said
