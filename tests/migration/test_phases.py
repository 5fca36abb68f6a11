"""When the phases of a cutover begin and end."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from aurops.gates import holds
from aurops.requests import RequestKind, ask
from aurops.runner import Ending
from migration.cutover import PROBES
from migration.outline import outline, timetable
from migration.phases import Phases
from tests.migration.cutovers import APPROVAL, GATES, START, Scene, cutover

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aurops.journal import Record

ALL = [f"phase {number} {turn}" for number in (1, 2, 3, 4) for turn in ("begins", "ends")]


def turns(scene: Scene, heard: Sequence[Record], known: Sequence[Record] = ()) -> list[str]:
    """What turns while these records are heard, by whoever knows those."""
    phases = Phases(scene.file, known)
    return [turn.text.split(":")[0] for record in heard for turn in phases.hear(record)]


def test_every_phase_begins_and_ends_once_whoever_drives_the_run() -> None:
    """In order, over resumes; what the journal held before is no news."""
    scene = Scene()
    assert scene.go().ending is Ending.DONE
    assert turns(scene, scene.open().records) == ALL
    records = scene.open().records
    for known in range(0, len(records), 7):
        assert turns(scene, records[:known]) + turns(scene, records[known:], records[:known]) == ALL, known


def test_phase_2_begins_at_start_with_the_first_step_and_probes_two_minutes_before() -> None:
    """Phase 1 has a whole day: who is told that traffic moves is told when it does."""
    scene, begun = Scene(), dict[str, datetime]()
    phases = Phases(scene.file, ())

    def hear(record: Record) -> None:
        if record.data.get("step") == PROBES:
            begun.setdefault(PROBES, scene.clock.wall())
        for turn in phases.hear(record):
            begun[turn.text.split(":")[0]] = scene.clock.wall()

    assert scene.go(hear).ending is Ending.DONE
    assert abs(begun["phase 1 begins"] - (START - timedelta(days=1))) < timedelta(minutes=1)
    assert abs(begun[PROBES] - (START - timedelta(minutes=2))) < timedelta(seconds=5)
    assert timedelta(0) <= begun["phase 2 begins"] - START < timedelta(seconds=5)
    rows = {row.part.name: row.not_before for row in timetable(outline(scene.file), START - timedelta(days=2))}
    assert rows["probes"] == START - timedelta(minutes=2)


def test_an_outage_of_v10_before_the_probes_begin_closes_nothing() -> None:
    """Nobody asks yet: after it the cutover goes on. While the run is held later, probes that died are sent again."""
    scene = Scene()
    assert scene.once().ending is Ending.AT_GATE
    scene.clock.advance((START - timedelta(hours=1) - scene.clock.wall()).total_seconds())
    assert scene.once().ending is Ending.AT_GATE
    assert scene.probing.started == 0, "so no ledger knows of an outage now"
    scene.keeper.shut = frozenset({"people"})
    assert scene.go().ending is Ending.AT_GATE
    about = {"run": scene.journal.run, "reason": "look", "who": "ann", "clock": scene.clock}
    holds.turn(scene.store, on=True, stage="", **about)  # type: ignore[arg-type]
    scene.probing.sending = False
    scene.clock.advance(3600)
    assert scene.once().ending is Ending.AT_GATE
    assert (scene.probing.sending, scene.probing.started) == (True, 2)


def test_a_run_that_stood_still_goes_on_inside_of_its_window_alone() -> None:
    """V11 has 5% when the window closes: days later everything is well, and nothing moves before it opens again."""
    days = {"kind": "window", "name": "day", "windows": [{"days": ["fri"], "from": "11:00", "to": "13:00"}]}
    scene = Scene(cutover(gates=GATES | {"traffic": [APPROVAL, days]}))
    scene.clock.advance((START - scene.clock.wall()).total_seconds())
    while not scene.weights()["west-1"]:
        scene.once()
        scene.clock.advance(1)
    scene.clock.advance(3 * 86400)
    for _ in range(8):
        assert "day is closed: it opens at 2026-01-09 11:00 UTC" in scene.once().why
        scene.clock.advance(60)
    assert scene.weights() == {"west-1": 500, "west-2": 500, "north-1": 0}
    scene.clock.advance((START + timedelta(days=7) - scene.clock.wall()).total_seconds())
    for _ in range(8):
        scene.once()
        scene.clock.advance(60)
    assert scene.weights()["west-1"] == 10_000


def test_a_phase_whose_last_step_was_left_out_ends() -> None:
    """A person may leave the end of phase 2 out with a word."""
    scene = Scene()
    reason = {"who": "ann", "reason": "no", "clock": scene.clock}
    ask(scene.store, scene.journal.run, RequestKind.SKIP, step="phase 2 over", above_n=0, **reason)  # type: ignore[arg-type]
    assert scene.go().ending is Ending.DONE
    assert "phase 2 ends" in turns(scene, scene.open().records)
