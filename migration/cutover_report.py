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
from migration.clients import kept
from migration.cutover import ROLLED_BACK
from migration.execute import cutover_of
from migration.interruptions import before, spans, told, within
from migration.model import NEW, OLD, TOTAL_WEIGHT
from migration.outline import ALLOWED_INTERRUPTION_S, Action
from migration.probe_ledger import NOBODY
from migration.rollback import NOT_IN_V10

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from aurops.journal import Record
    from aurops.ports import SideSeen
    from aurops.report_rows import Moment
    from migration.clients import Clients
    from migration.cutover_file import Cutover
    from migration.interruptions import Span, Told

_SAID = {OLD: "V10 (probes)", NEW: "V11 (probes)"}


def report(
    records: Sequence[Record],
    *,
    versions: Mapping[str, str],
    now: datetime | None = None,
    rollbacks: Sequence[Sequence[Record]] = (),
) -> Report:
    """The report of a cutover; times are seconds since the plan's `start`.

    Args:
        records: The journal; at least one record.
        versions: Version by component.
        now: When it is made; None: now.
        rollbacks: The journals of what `aurops rollback` did with what this run had laid ready.
    """
    history, cutover = History(records), cutover_of(History(records))
    at_s, seen, looks = report_rows.since(cutover.start), kept(records), told(records)
    regions, outages = spans(looks), before(looks)
    verdict, because = judge(records, history, seen, regions, rollbacks)
    weights = (*_weights(records, cutover, at_s), *_rolled_back(rollbacks, at_s))
    return Report(
        title=f"{'Rehearsal of the cutover' if history.arguments.get('rehearsal') else 'Cutover'} of {cutover.service}",
        run=records[0].run,
        made_at=now or datetime.now(UTC),
        verdict=verdict,
        because=because,
        summary=f"From V10 to V11 in {', '.join(region.name for region in cutover.regions)}, "
        f"{', '.join(f'{percent:g}%' for percent in cutover.steps)}, from {cutover.start.isoformat()} on.",
        objectives=(_interruption(regions), _reached(weights), *_rehearsed(records)),
        steps=report_rows.steps(records, at_s, by="stage"),
        decisions=report_rows.decisions(records, at_s),
        t0=f"the plan's start was: {cutover.start.isoformat()}",
        weights=weights,
        sides=_probed(seen, cutover) if seen else _seen_at_looks(looks, cutover) or _looked(records, cutover, at_s),
        gates=_gates(records),
        approvals=_approvals(records),
        marks=(*_marks(records, at_s), *(Mark(at_s=at_s(each[0]), name=_named(each)) for each in rollbacks)),
        notes=(
            *((f"It followed a rollback, because: {cutover.because}",) if cutover.because else ()),
            *_broken(records),
            *_rehearsals(records),
            *map(_told, rollbacks),
            *(
                f"Before traffic moved {region} was without an answer for {failing_s:.1f} s; that counts as none here."
                for region, failing_s in outages.items()
            ),
            *_notes(seen, regions),
        ),
        versions=dict(versions),
        journal_head=records[-1].hash,
    )


def judge(
    records: Sequence[Record],
    history: History,
    clients: Clients | None,
    regions: Sequence[Span],
    rollbacks: Sequence[Sequence[Record]] = (),
) -> tuple[Verdict, str]:
    """What a run has shown so far, and why; a rollback that nobody's runner has seen yet ends it, too."""
    brought_back = [_told(each) for each in rollbacks if any(_brought_back(each))]
    if brought_back and not history.finished:
        return Verdict.FAILED, brought_back[-1]
    if history.finished and history.finished != "done":
        return Verdict.FAILED, f"The run ended as {history.finished}: V11 does not serve by it."
    if history.finished:
        verdict, why = _ended(clients, regions, _mended(records, None))
        return verdict, " Afterwards: ".join((why, *brought_back[-1:]))
    if stop := report_rows.stop(records):
        why = report_rows.why(stop)
        gone = stop.kind is RecordKind.VIOLATION or ROLLED_BACK in why
        return Verdict.FAILED if gone else Verdict.OPEN, f"{why[0].upper()}{why[1:]}"
    spot = steps.waits_at(records, history)
    if spot is None:
        return Verdict.OPEN, "The run is under way."
    closed = [finding.gate for finding in spot.before.values() if finding.state is not State.OPEN]
    return Verdict.OPEN, f"Waits before {spot.stage}: {', '.join(closed) or 'its gates are being looked at'}."


def _mended(records: Sequence[Record], stop: Record | None) -> tuple[str, ...]:
    """The invariants that were broken on the way, and are not what the run stands at now."""
    return tuple(
        f"{report_rows.why(record)} ({record.at})"
        for record in records
        if record.kind is RecordKind.VIOLATION and record is not stop
    )


def _ended(clients: Clients | None, regions: Sequence[Span], mended: Sequence[str]) -> tuple[Verdict, str]:
    """What a run has shown that reached its end: neither unknown time nor a gate that was passed shut is a pass."""
    handed = "Handed over: V11 has all traffic in every region, and V10 takes no write any more"
    if clients and clients.why_not:
        return Verdict.FAILED, f"{handed}; but {clients.why_not}."
    for each in regions:
        if each.met is False:
            why = f"clients of {each.region} were without an answer for {each.at_least_s:.1f} s"
            return Verdict.FAILED, f"{handed}; but {why}."
    if not regions or any(each.met is None for each in regions):
        unknown = ", ".join(f"{each.at_most_s:.0f} s of {each.region}" for each in regions if each.met is None)
        why = f"whether clients were without an answer nobody knows of {unknown or 'any moment'}"
        return Verdict.INCONCLUSIVE, f"{handed}; but {why}."
    if mended:
        return Verdict.INCONCLUSIVE, f"{handed}; but on the way, and mended since, {'; '.join(mended)}."
    return Verdict.PASSED, f"{handed}."


def _interruption(regions: Sequence[Span]) -> Figure:
    met = None if not regions or any(each.met is None for each in regions) else True
    return Figure(
        name="Interruption",
        measured=max((each.at_most_s for each in regions), default=None),
        unit="s",
        limit=ALLOWED_INTERRUPTION_S,
        met=False if any(each.met is False for each in regions) else met,
        means="The longest time between two successes, less the tenth between two probes, in the worst region, as "
        "probes from outside (ten reads and ten idempotent writes a second, open loop) and clients' ledgers say. Time "
        "within which nobody asked counts, too.",
    )


def _reached(weights: tuple[Weight, ...]) -> Figure:
    now = {weight.proxy: weight.share for weight in weights}
    means = "What the proxy with the least sends to V11, as this run has set it last."
    return Figure(name="On V11", measured=100 * min(now.values(), default=0.0), unit="%", means=means)


def _rehearsed(records: Sequence[Record]) -> tuple[Figure, ...]:
    took_s = [float(str(record.data["took_s"])) for record in records if "rehearsal" in record.data]
    means = f"The slowest proxy of {len(took_s)} rehearsals, each a run of its own, before the first percent."
    return (Figure(name="Rehearsed rollback", measured=max(took_s), unit="s", means=means),) if took_s else ()


def _rehearsals(records: Sequence[Record]) -> Iterator[str]:
    """Each rehearsed rollback, with its run and its report."""
    for record in records:
        if "rehearsal" in record.data:
            data, took_s = record.data, float(str(record.data["took_s"]))
            where = f"; its report: {data['report']} (SHA-256 {data['report_digest']})" if "report" in data else ""
            yield f"{data['step']}: run {data['rehearsal']}, {took_s:.3f} s at the slowest proxy{where}."


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


def _rolled_back(rollbacks: Sequence[Sequence[Record]], at_s: Moment) -> Iterator[Weight]:
    """Where a rollback ended: its proxies send V11 nothing more."""
    for records in rollbacks:
        for record in _brought_back(records):
            yield Weight(at_s=at_s(record), proxy=str(record.data["proxy"]), share=0.0)


def _brought_back(rollback: Sequence[Record]) -> Iterator[Record]:
    return (record for record in rollback if record.kind is RecordKind.RESULT and record.data.get("ok"))


def _named(rollback: Sequence[Record]) -> str:
    """What a mark calls it: one that left every proxy alone, or reached none, took nothing back."""
    return "rolled back" if any(_brought_back(rollback)) else "a rollback that took nothing back"


def _told(records: Sequence[Record]) -> str:
    """A rollback in words, with the hash of its own journal: the run's covers it not."""
    given = History(records).arguments
    results = [record.data for record in records if record.kind is RecordKind.RESULT]
    became = [f"{each['proxy']} " + ("back" if each["ok"] else f"NOT back ({each['why']})") for each in results]
    lacking = next((each.data[NOT_IN_V10] for each in records if NOT_IN_V10 in each.data), "")
    named = f" Acknowledged V11 writes that V10 does not have: {lacking}." if lacking else ""
    who = f"{given['who']} on {given.get('host', 'its host')}, {given.get('began', records[0].at)}"
    return (
        f"{'Rolled back' if any(_brought_back(records)) else 'Nothing was taken back by a rollback'} by {who}: "
        f"{given['reason']}. "
        f"{'; '.join(became)}. Run {records[0].run}, whose last hash is {records[-1].hash}.{named}"
    )


def _probed(clients: Clients, cutover: Cutover) -> tuple[Series, ...]:
    """What probes saw of each side."""
    start_s = cutover.start.timestamp()
    found: dict[str, list[Point]] = {}
    for each in clients.slices:
        point = Point(
            at_s=each.at_s - start_s, sent=each.sent, ok_ratio=each.ok / each.sent, p50_s=each.p50_s, p99_s=each.p99_s
        )
        found.setdefault(each.side, []).append(point)
    return _series(found, clients.slice_s)


def _series(found: Mapping[str, Sequence[Point]], slice_s: float) -> tuple[Series, ...]:
    order = (NEW, OLD, *(side for side in found if side not in _SAID))
    return tuple(
        Series(name=_SAID.get(side, f"{side} (probes)"), slice_s=slice_s, points=tuple(found[side]))
        for side in order
        if side in found
    )


def _seen_at_looks(looks: Sequence[Told], cutover: Cutover) -> tuple[Series, ...]:
    """What probes had seen of each side when a gate looked: all regions' counts, the worst region's latency."""
    found: dict[str, dict[float, list[SideSeen]]] = {}
    for look in looks:
        at_s = (look.at - cutover.start).total_seconds() - cutover.soak.every_s  # what it saw was before it
        for side in look.seen.sides:
            found.setdefault(side.side, {}).setdefault(at_s, []).append(side)
    points = {side: [_point(at_s, seen) for at_s, seen in at.items()] for side, at in found.items()}
    return _series(points, cutover.soak.every_s)


def _point(at_s: float, seen: Sequence[SideSeen]) -> Point:
    sent = sum(each.sent for each in seen)
    return Point(
        at_s=at_s,
        sent=sent,
        ok_ratio=sum(each.ok for each in seen) / sent,
        p50_s=max((each.p50_s for each in seen if each.p50_s is not None), default=None),
        p99_s=max((each.p99_s for each in seen if each.p99_s is not None), default=None),
    )


def _looked(records: Sequence[Record], cutover: Cutover, at_s: Moment) -> tuple[Series, ...]:
    """What the plan's checks saw of each side: `watch` of V11, `capacity` of V10."""
    sides = {
        "V11 (watch)": {check.name for check in cutover.watch},
        "V10 (capacity)": {check.name for check in cutover.capacity},
    }
    found: dict[str, list[Point]] = {side: [] for side in sides}
    for record in records:
        checks = [check for finding in _findings(record) for check in within(finding)]
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


def _broken(records: Sequence[Record]) -> tuple[str, ...]:
    """What was broken before the run went on."""
    return tuple(f"Mended since: {each}." for each in _mended(records, report_rows.stop(records)))


def _notes(clients: Clients | None, regions: Sequence[Span]) -> Iterator[str]:
    yield (
        "Weights are what this run has set, as its journal says; what `aurops rollback` did is shown as far as its own "
        "journals are in the store (`aurops runs bring-back`) or on this host."
    )
    for each in regions:
        yield (
            f"{each.region}: without an answer for at least {each.at_least_s:.1f} s, at most {each.at_most_s:.1f} s; "
            f"of {each.unknown_s:.1f} s in all nobody knows, for nobody asked."
        )
    if clients is None:
        yield from _on_the_day(regions)
        return
    yield (
        f"Probes are drawn by the side that answered ({NOBODY}: nobody, or an answer that does not say). Those of a "
        "region come from one address, so a proxy that keeps clients at a side by address moves them all at one step."
    )
    yield "A rehearsal: times are shortened, checks ask the sides of this machine, and nobody compared data."
    yield from clients.said


def _on_the_day(regions: Sequence[Span]) -> Iterator[str]:
    if regions:
        yield (
            "Success and latency of the sides are what probes saw in the two minutes before each look of a gate: all "
            "regions' counts, the worst region's latency, which counts from when a probe was due."
        )
        return
    yield (
        "Success of the sides is the part of the plan's checks that were well at each look: `watch` for V11, "
        "`capacity` for V10. No probes from outside were looked at, so interruption and latency are not known here."
    )
