"""When the phases of a cutover begin and end, as its journal tells. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurops.history import Outcome
from aurops.journal import RecordKind
from migration.cutover import step_names
from migration.outline import Action, outline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aurops.journal import Record
    from migration.cutover_file import Cutover

_ABOUT = {
    1: "the way back is laid ready and rehearsed",
    2: "traffic moves",
    3: "everything is at V11, nothing moves",
    4: "the point of no return: writes to V10 are stopped",
}


@dataclass(frozen=True)
class Turn:
    """A phase that began or ended.

    Args:
        phase: 1 to 4.
        ends: It ended; else it began.
    """

    phase: int
    ends: bool

    @property
    def text(self) -> str:
        """For people."""
        return f"phase {self.phase} ends" if self.ends else f"phase {self.phase} begins: {_ABOUT[self.phase]}"


class Phases:
    """The turns of one run, each once, whoever drives it.

    A phase begins with the first call behind its gates, and ends when the last of its parts is done. Probes move
    nothing: phase 2 begins with its first shift. Phase 3 has no call before its end: it begins when phase 2 ends.

    Args:
        cutover: The plan.
        records: What the journal holds already: that is no news.
        releases: It follows a rollback.
    """

    def __init__(self, cutover: Cutover, records: Iterable[Record], *, releases: bool = False) -> None:
        self._phase_of: dict[str, int] = {}
        self._left: dict[int, set[str]] = {}
        for part in outline(cutover, releases=releases):
            names = step_names(part, cutover)
            if part.action is not Action.PROBE:
                self._phase_of |= dict.fromkeys(names, part.phase)
            self._left[part.phase] = set(names)  # of the phase's last part, in the end
        self._begun: set[int] = set()
        for record in records:
            self.hear(record)

    def hear(self, record: Record) -> tuple[Turn, ...]:
        """What turns with this record."""
        step = str(record.data.get("step", ""))
        phase = self._phase_of.get(step)
        if phase is None:
            return ()
        if record.kind is RecordKind.INTENT:
            return self._begin(phase)
        done = record.kind is RecordKind.RESULT and record.data["outcome"] in (Outcome.DONE, Outcome.ADOPTED)
        if step in self._left[phase] and (done or record.kind is RecordKind.SKIPPED):
            self._left[phase].remove(step)
            if not self._left[phase]:
                follows = self._begin(3) if phase == 2 else ()  # noqa: PLR2004 (phases)
                return (*self._begin(phase), Turn(phase, ends=True), *follows)
        return ()

    def _begin(self, phase: int) -> tuple[Turn, ...]:
        if phase in self._begun:
            return ()
        self._begun.add(phase)
        return (Turn(phase, ends=False),)
