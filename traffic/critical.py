"""Critical gates, asked by the watcher beside a proxy on its own clock: no runner, no store.

A *no* counts when every look for the stated time said it. An *unknown* is never a no: it sends nobody back. It is no
look at all, so that it neither ends a no nor makes one longer; and what says nothing for long holds the cutover, and a
person is called: who cannot see must not go forward, and going back is for a person to decide.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aurops.gates import checks
from aurops.gates.finding import Finding, State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Self

    from aurops.clock import Clock
    from traffic.watching import Critical

PATIENCE = 3.0
"""So many times `every_s` may pass between two looks that say no; after a longer pause the time begins anew."""
_IDLE_S = 0.05
_MOST_CHARS = 400


@dataclass(frozen=True)
class Spell:
    """How it has been with one critical gate.

    Args:
        known_s: When a look last said yes or no, or the asking began, in seconds of the clock.
        no_since_s: The first look of an unbroken row that said no; None: the last one that was known said yes.
        no_until_s: The last one of it.
        found: What the last look found; None: none has yet.
    """

    known_s: float
    no_since_s: float | None = None
    no_until_s: float = 0.0
    found: Finding | None = None

    @property
    def no_for_s(self) -> float | None:
        """How long it has said no, from the first look that did to the last; None: it does not."""
        says_no = self.found is not None and self.found.state is State.CLOSED
        return self.no_until_s - self.no_since_s if says_no and self.no_since_s is not None else None


def follow(before: Spell, found: Finding, now_s: float, critical: Critical) -> Spell:
    """How it is after another look. Pure."""
    match found.state:
        case State.OPEN:
            return Spell(now_s, found=found)
        case State.UNKNOWN:
            return replace(before, found=found)
        case State.CLOSED:
            pause_s = now_s - before.no_until_s
            goes_on = (
                before.no_since_s is not None and pause_s <= PATIENCE * critical.every_s + critical.check.timeout_s
            )
            return Spell(now_s, before.no_since_s if goes_on else now_s, now_s, found)


@dataclass(frozen=True)
class Said:
    """What critical gates mean for the cutover.

    Args:
        back: Roll back; False: hold.
        cause: What it is about.
        reason: In words, with the evidence.
    """

    back: bool
    cause: str
    reason: str


def judge(spells: Iterable[tuple[Critical, Spell]], now_s: float, silent_s: float) -> Said | None:
    """Whether to roll back, or to hold; a no comes before an unknown. Pure.

    Args:
        spells: Each critical gate.
        now_s: Now, on the clock of the spells.
        silent_s: What has said nothing for so long holds.
    """
    known = tuple(spells)
    for critical, spell in known:
        no_for_s = spell.no_for_s
        if no_for_s is not None and no_for_s >= critical.for_s:
            why = (
                f"the critical gate `{critical.check.name}` has said no for {no_for_s:.1f} s: {_evidence(spell.found)}"
            )
            return Said(back=True, cause=f"gate {critical.check.name}", reason=why)
    for critical, spell in known:
        blind_s = now_s - spell.known_s
        if blind_s >= silent_s:
            name = critical.check.name
            why = f"the critical gate `{name}` has not answered for {blind_s:.0f} s: {_evidence(spell.found)}"
            return Said(back=False, cause=f"blind {name}", reason=why)
    return None


def _evidence(found: Finding | None) -> str:
    if found is None:
        return "no look has ended yet"
    return f"{found.why} (at {found.at}, seen {json.dumps(dict(found.evidence))[:_MOST_CHARS]})"


class Asking:
    """Asks critical gates, each in a thread of its own, while it is told to.

    Args:
        criticals: The gates.
        clock: Time.
    """

    def __init__(self, criticals: tuple[Critical, ...], clock: Clock) -> None:
        self._criticals, self._clock = criticals, clock
        self._lock, self._stop, self._on = threading.Lock(), threading.Event(), False
        self._spells = [Spell(clock.now_s()) for _ in criticals]
        self._round = 0
        self._threads = [
            threading.Thread(target=self._ask, args=(place,), name=f"critical gate {place}", daemon=True)
            for place in range(len(criticals))
        ]

    def start(self) -> Self:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def turn(self, *, on: bool) -> None:
        """Ask, or rest; who begins to ask knows nothing of before."""
        with self._lock:
            if on and not self._on:
                self._spells = [Spell(self._clock.now_s()) for _ in self._criticals]
                self._round += 1
            self._on = on

    def spells(self) -> tuple[tuple[Critical, Spell], ...]:
        """How it is with each now."""
        with self._lock:
            return tuple(zip(self._criticals, self._spells, strict=True)) if self._on else ()

    def end(self) -> None:
        """Ask no more. A look that is under way ends by itself; nobody waits for it."""
        self._stop.set()

    def _ask(self, place: int) -> None:
        critical = self._criticals[place]
        while not self._stop.is_set():
            with self._lock:
                on, number = self._on, self._round
            if not on:
                self._stop.wait(_IDLE_S)
                continue
            found = self._look(critical)
            with self._lock:
                if self._round == number:
                    spell = follow(self._spells[place], found, self._clock.now_s(), critical)
                    self._spells[place] = spell
            self._stop.wait(critical.every_s)

    def _look(self, critical: Critical) -> Finding:
        now = self._clock.wall()
        try:
            return checks.look(critical.check, self._clock, now)
        except Exception as error:  # noqa: BLE001 (a look that fails in whatever way sends nobody back)
            return checks.failed(critical.check, error, now)
