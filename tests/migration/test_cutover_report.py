"""A cutover's report: from the journal alone, at any moment of a run."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from aurops import execution, report_chart
from aurops.gates import approval, signing
from aurops.gates.signing import Signers
from aurops.gates.spec import ApprovalGate
from aurops.gates.steps import waits_at
from aurops.history import History
from aurops.journal import Journal, Record, RecordKind
from aurops.ports import Interruption, SideSeen
from aurops.report import Report, Verdict
from aurops.runner import Ending
from migration import clients, interruptions
from migration.cutover import shift_name
from migration.cutover_report import report
from migration.outline import Action
from migration.probe_ledger import Probed
from tests.aurops.gates.people import needs_ssh_keygen, new_key
from tests.migration.cutovers import START, Scene

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from aurops.plan import Json


def made(scene: Scene) -> Report:
    """The report of its run as it stands."""
    return report(scene.open().records, versions={"aurops": "0"}, now=START)


@pytest.fixture(scope="module")
def done() -> Scene:
    """A cutover that reached its end."""
    scene = Scene()
    assert scene.go().ending is Ending.DONE
    return scene


def test_weights_are_what_was_set_and_when(done: Scene) -> None:
    """Each proxy from 0 over the plan's steps to all, in seconds from the plan's start; the figure is the least."""
    shown = made(done)
    for proxy in done.file.proxies:
        own = [weight for weight in shown.weights if weight.proxy == proxy]
        assert [weight.share for weight in own] == [0.0, 0.05, 1.0]
        assert own[0].at_s < 0 <= own[1].at_s < own[2].at_s
    assert shown.objectives[1].measured == 100
    assert (shown.verdict, shown.journal_head) == (Verdict.PASSED, done.open().head_hash)


def test_gates_stand_with_their_evidence_and_every_stage_with_its_time(done: Scene) -> None:
    """Each gate before each stage, open, with looks and what was seen; the point of no return is marked."""
    shown = made(done)
    by_stage = {(gate.stage, gate.gate): gate for gate in shown.gates}
    assert {gate.state for gate in shown.gates} == {"open"}
    assert by_stage["hand over", "people"].kind == "approval"
    soak = by_stage["west 100%", "well"]
    assert soak.looks > 1
    assert '"checks"' in soak.evidence
    names = [step.name for step in shown.steps]
    assert names.index("west 5%") < names.index("west 100%") < names.index("north 5%")
    assert [mark.name for mark in shown.marks] == ["point of no return"]


def test_interruption_is_what_the_gates_saw_in_the_worst_region(done: Scene) -> None:
    """At most and at least, by region; above 30 s for certain the run has failed, unknown it shows nothing."""
    assert (made(done).objectives[0].measured, made(done).objectives[0].met) == (0.0, True)

    def moving(scene: Scene, **found: dict[str, float]) -> Callable[[Record], None]:
        def hear(record: Record) -> None:
            if record.data.get("action") == Action.SHIFT:
                vars(scene.probing).update(found)

        return hear

    short = Scene()
    assert short.go(moving(short, failing_s={"north": 2.5})).ending is Ending.DONE
    assert (made(short).objectives[0].measured, made(short).objectives[0].met) == (2.5, True)
    assert "north: without an answer for at least 2.5 s, at most 2.5 s" in made(short).to_html()
    unknown = Scene()
    unknown.go(moving(unknown, recent_s={"west": 45.0}), most=8)
    unknown.probing.recent_s = {}
    assert unknown.go().ending is Ending.DONE
    shown = made(unknown)
    assert (shown.verdict, shown.objectives[0].measured, shown.objectives[0].met) == (Verdict.INCONCLUSIVE, 45.0, None)
    assert "nobody knows of 45 s of west" in shown.because
    long = Scene()
    why = long.go(moving(long, failing_s={"west": 31.0})).why
    shown = made(long)
    assert (shown.objectives[0].measured, shown.objectives[0].met) == (31.0, False)
    assert "interruption of west under 30 s" in why


def test_where_another_host_went_on_what_lies_between_its_ledger_and_the_first_is_unknown() -> None:
    """Two ledgers of one region: the time between them counts as time of which nobody knows."""

    def seen(began_s: float, last_s: float) -> interruptions.Told:
        return interruptions.Told(START, Interruption("west", began_s, last_s, 0.5, 0.6, 0.1, 0.0, 20, 20))

    (span,) = interruptions.spans([seen(100, 150), seen(100, 200), seen(260, 300)])
    assert (span.at_least_s, span.at_most_s, span.unknown_s, span.met) == (0.5, 60.0, 60.0, None)
    (span,) = interruptions.spans([seen(100, 200), seen(210, 300)])
    assert (span.at_most_s, span.met) == (10.0, True)


def test_the_sides_are_what_probes_saw_at_each_look_or_else_the_checks(done: Scene) -> None:
    """Success of both sides, worst region's latency; without probes `watch` for V11, `capacity` for V10."""
    scene = Scene()
    sides = (SideSeen("v10", 90, 45, 0.002, 0.01), SideSeen("v11", 10, 10, 0.003, 0.02))
    scene.probing.sides = sides
    scene.go()
    shown = {side.name: side.points for side in made(scene).sides}
    assert list(shown) == ["V11 (probes)", "V10 (probes)"]
    assert {(point.sent, point.ok_ratio, point.p99_s) for point in shown["V10 (probes)"]} >= {(180, 0.5, 0.01)}
    began_s = {weight.at_s for weight in made(scene).weights if weight.share}
    assert min(began_s) - 60 in {point.at_s for point in shown["V11 (probes)"]}, "before the first percent's gates"
    bare = made(done)
    assert [side.name for side in bare.sides] == ["V11 (watch)", "V10 (capacity)"]
    assert {point.ok_ratio for side in bare.sides for point in side.points} == {1.0}
    assert {point.p99_s for side in bare.sides for point in side.points} == {None}


def test_what_probes_saw_is_drawn_from_the_first_step_on() -> None:
    """Right after the first percent, too, when all that moved did so in a moment: the slices around it are in view."""
    scene = Scene()
    scene.probing.sides = (SideSeen("v10", 90, 90, 0.002, 0.01),)

    def stop(record: Record) -> None:
        if record.data.get("step") == shift_name("west-1", 500) and record.kind is RecordKind.RESULT:
            scene.keeper.shut = frozenset({"errors"})

    scene.go(stop)
    shown = made(scene)
    (series,) = shown.sides
    low_s, high_s = report_chart.focus(shown, report_chart.whole(shown) or (0, 0))
    assert [point for point in series.points if low_s <= point.at_s and point.at_s + series.slice_s <= high_s]


def test_a_run_at_a_gate_is_not_over_and_says_what_it_waits_for() -> None:
    """Neither passed nor failed; the shut gate is shown shut."""
    scene = Scene()
    scene.keeper.shut = frozenset({"people"})
    scene.go()
    shown = made(scene)
    assert (shown.verdict, shown.because) == (Verdict.OPEN, "Waits before west 5%: phase 2, people.")
    assert {gate.gate for gate in shown.gates if gate.state == "closed"} == {"phase 2", "people"}
    assert "… Not over" in shown.to_html()


@needs_ssh_keygen
def test_approvals_are_shown_with_the_fingerprint_of_the_key_that_signed(tmp_path: Path) -> None:
    """As `ssh-keygen -l` prints it, with who, when and why, for the stage that it let begin; in the page, too."""
    key = new_key(tmp_path / "ann")
    scene = Scene(signers=Signers(f"ann {key.with_suffix('.pub').read_text()}"))
    scene.keeper.signed = True
    scene.go()
    records = scene.open().records
    spot = waits_at(records, History(records))
    assert spot is not None
    gate = next(gate for gate in spot.gates if isinstance(gate, ApprovalGate))
    said = approval.statement(spot.binding, gate, scene.clock.wall(), "capacity was proven at noon")
    signature = signing.sign(said.text(), str(key))
    at = scene.clock.wall().isoformat()
    approval.leave(scene.store, approval.Approval(who="?", reason="", at=at, statement=said, signature=signature))
    scene.once()
    printed = subprocess.run(["ssh-keygen", "-lf", key], capture_output=True, text=True, check=True).stdout
    fingerprint = printed.split()[1]
    assert fingerprint.startswith("SHA256:")
    shown = made(scene)
    assert [(row.stage, row.who, row.key, row.reason) for row in shown.approvals] == [
        ("west 5%", "ann", fingerprint, "capacity was proven at noon")
    ]
    assert fingerprint in shown.to_html().replace("&#43;", "+")


def test_a_run_that_was_rolled_back_or_aborted_has_failed() -> None:
    """It names who rolled back and why; what went past its gates is back at 0."""
    scene = Scene()
    scene.keeper.shut = frozenset({"people"})
    scene.go()
    scene.roll_back(who="ann")
    assert scene.once().ending is Ending.HELD
    shown = made(scene)
    assert shown.verdict is Verdict.FAILED
    assert "was rolled back by ann: errors" in shown.because
    moved = Scene()
    moved.keeper.shut = frozenset({"people"})
    moved.go()
    moved.proxies.proxies["west-1"].weights = {"v11": 5_000, "v10": 5_000}
    assert moved.once().ending is Ending.VIOLATION
    shown = made(moved)
    assert shown.verdict is Verdict.FAILED
    assert "past its gates" in shown.because


@pytest.mark.parametrize(
    ("ok", "mark", "note", "because"),
    [
        (
            True,
            "rolled back",
            "Rolled back by ann on ops-1, now: panic. west-1 back.",
            "Afterwards: Rolled back by ann",
        ),
        (
            False,
            "a rollback that took nothing back",
            "Nothing was taken back by a rollback by ann on ops-1, now: panic. west-1 NOT back (past the point).",
            "takes no write any more.",
        ),
    ],
)
def test_a_rollback_after_the_end_is_told_by_what_it_took_back(
    done: Scene, *, ok: bool, mark: str, note: str, because: str
) -> None:
    """One that was refused is no rollback; one that was forced is told beside what the run had reached."""
    about: dict[str, Json] = {"service": "ledger", "after": done.journal.run, "reason": "panic", "who": "ann"}
    rolled = execution.begin(done.store, done.clock, "rollback", about | {"host": "ops-1", "began": "now"})
    why = "" if ok else "past the point"
    became: dict[str, Json] = {"step": "roll back west-1", "outcome": "done", "proxy": "west-1", "ok": ok, "why": why}
    rolled.append(RecordKind.RESULT, became)
    shown = report(done.open().records, versions={}, now=START, rollbacks=(rolled.records,))
    assert shown.marks[-1].name == mark
    assert any(each.startswith(note) for each in shown.notes)
    assert because in shown.because


def test_a_run_that_goes_on_after_a_broken_invariant_says_so_and_is_not_failed_for_it() -> None:
    """Failed while it stands there; mended it is under way, with what had happened; at its end it is no pass."""
    scene = Scene()
    scene.keeper.shut = frozenset({"people"})
    scene.go()
    scene.open().append(RecordKind.VIOLATION, {"invariants": ["the weights of west-1 sum to 1"]})
    assert made(scene).verdict is Verdict.FAILED
    assert scene.once().ending is Ending.AT_GATE
    shown = made(scene)
    assert (shown.verdict, "Waits before west 5%" in shown.because) == (Verdict.OPEN, True)
    assert "Mended since: an invariant was broken: the weights of west-1 sum to 1" in shown.to_html()
    scene.keeper.shut = frozenset()
    assert scene.go().ending is Ending.DONE
    shown = made(scene)
    assert shown.verdict is Verdict.INCONCLUSIVE
    assert "on the way, and mended since, an invariant was broken: the weights of west-1 sum to 1" in shown.because


def test_what_probes_saw_is_part_of_the_journal_and_shown_by_side(done: Scene) -> None:
    """Success and latency of both sides by second; clients who were not served well fail a run that reached its end."""
    scene = Scene()
    scene.go()
    journal = Journal.open(scene.store, scene.journal.run, scene.clock)
    now_s = START.timestamp() + 100
    probes = [Probed(now_s - 10 + n / 10, 0.002 if n != 3 else None, "v10" if n < 50 else "v11") for n in range(100)]
    probes.append(Probed(now_s - 5, None, ""))
    slices = clients.slices(probes)
    clients.keep(journal, clients.Clients(interruption_s={"west": 31.0}, slices=slices, why_not="west-1 lost 2 writes"))
    shown = made(scene)
    sides = {side.name: side.points for side in shown.sides}
    assert list(sides) == ["V11 (probes)", "V10 (probes)", "no side (probes)"]
    assert sum(point.sent for point in sides["V10 (probes)"]) == 50
    assert [point.at_s for point in sides["V10 (probes)"]] == [90.0, 91.0, 92.0, 93.0, 94.0]
    assert sides["V11 (probes)"][0].at_s == 95.0
    assert min(point.ok_ratio or 0 for point in sides["V10 (probes)"]) < 1
    assert {point.p99_s for point in sides["V11 (probes)"]} == {0.002}
    assert (sides["no side (probes)"][0].ok_ratio, sides["no side (probes)"][0].p99_s) == (0, None)
    assert (shown.verdict, "west-1 lost 2 writes" in shown.because) == (Verdict.FAILED, True)
    assert journal.records[-1].hash == shown.journal_head
    assert made(done).verdict is Verdict.PASSED


def test_the_page_asks_for_nothing_and_says_how_to_verify_it(done: Scene) -> None:
    """No script, no request; lanes for every proxy; gates, last hash and the command; text from outside is escaped."""
    scene = Scene()
    scene.go()
    journal = Journal.open(scene.store, scene.journal.run, scene.clock)
    journal.append(RecordKind.DECISION, {"name": "x", "value": "<script>alert(1)</script>", "reason": "y"})
    page = made(scene).to_html()
    assert "<script" not in page
    assert not re.search(r"(src|href)=|url\(|@import", page.replace("xmlns:xlink", ""))
    assert f"aurops runs verify {scene.journal.run}" in page
    assert journal.head_hash in page
    for name in ("west-1", "north-1", "Gates, as they were found last", "Traffic on the new side"):
        assert name in page
    assert "minutes since t0" in made(done).to_html()
