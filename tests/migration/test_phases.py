"""When the phases of a cutover begin and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurops.requests import RequestKind, ask
from aurops.runner import Ending
from migration.phases import Phases
from tests.migration.cutovers import Scene

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


def test_a_phase_whose_last_step_was_left_out_ends() -> None:
    """A person may leave the end of phase 2 out with a word."""
    scene = Scene()
    reason = {"who": "ann", "reason": "no", "clock": scene.clock}
    ask(scene.store, scene.journal.run, RequestKind.SKIP, step="phase 2 over", above_n=0, **reason)  # type: ignore[arg-type]
    assert scene.go().ending is Ending.DONE
    assert "phase 2 ends" in turns(scene, scene.open().records)
