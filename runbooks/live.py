"""The live timeline: what the steps do and what the clients see, drawn on a terminal while it happens.

Whoever works only hands records over; Rich's refresh thread reads the ledger, lays the frame out and draws it.
"""

from __future__ import annotations

from collections import Counter, deque
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from aurops.errors import OutsideError
from aurops.journal import RecordKind
from failover.ledger import Outcome, Tail
from runbooks.terminal import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from rich.console import Console, RenderableType

    from aurops.journal import Record
    from failover.ledger import Entry

_FRAMES_PER_S = 4
_HEAD_LINES = 3
"""The clients' line, an empty one, the table's head."""
_STYLES = {"running": "cyan", "waiting": "cyan", "failed": "red", "unknown": "yellow"}


@dataclass(frozen=True)
class StepLine:
    """One step as the table shows it.

    Args:
        name: The step.
        start_s: When its first call began, boot-clock seconds.
        end_s: When its last call ended; None: it runs.
        tries: Calls so far.
        state: `running`, or how its last call ended.
    """

    name: str
    start_s: float
    end_s: float | None = None
    tries: int = 1
    state: str = "running"


def step_lines(records: Iterable[Record]) -> list[StepLine]:
    """The steps of one or more runs, in the order in which they began."""
    steps: dict[tuple[str, str], StepLine] = {}
    for record in records:
        key = record.run, str(record.data.get("step"))
        if record.kind is RecordKind.INTENT:
            before = steps.get(key)
            begun = StepLine(key[1], record.at_s)
            steps[key] = replace(before, end_s=None, tries=before.tries + 1, state="running") if before else begun
        elif record.kind is RecordKind.RESULT:
            ended = steps.get(key, StepLine(key[1], record.at_s))
            steps[key] = replace(ended, end_s=record.at_s, state=str(record.data["outcome"]))
    return list(steps.values())


class ClientsView:
    """What the clients see: all they have sent, and what became of it in the last second.

    Args:
        ledger: Where they write it down.
        at_work: Whether they still send.
    """

    def __init__(self, ledger: Path, at_work: Callable[[], bool]) -> None:
        self._tail = Tail(ledger)
        self._at_work = at_work
        self._totals: Counter[Outcome] = Counter()
        self._recent: deque[Entry] = deque()

    def text(self, now_s: float) -> Text:
        """One line; red when the last second was not served."""
        for entry in self._new():
            self._totals[entry.outcome] += 1
            self._recent.append(entry)
        while self._recent and self._recent[0].end_s < now_s - 1:
            self._recent.popleft()
        if not self._totals:
            return Text("clients: none yet", style="dim")
        counts = ", ".join(f"{self._totals[outcome]} {outcome.value}" for outcome in Outcome)
        if not self._at_work():
            return Text(f"clients: {counts}")
        ok = sum(entry.is_ok for entry in self._recent)
        share = f"{ok / len(self._recent):.0%} ok of {len(self._recent)}" if self._recent else "no answer"
        served = bool(self._recent) and ok >= 0.99 * len(self._recent)
        return Text.assemble(f"clients: {counts}; last second: ", (share, "green" if served else "bold red"))

    def _new(self) -> tuple[Entry, ...]:
        try:
            return self._tail.new()
        except (OutsideError, OSError):  # the drill reads the ledger too, and says what is wrong with it
            return ()


class LiveTimeline(Timeline):
    """The timeline as one frame that is drawn anew four times a second, and left on the screen at the end.

    Args:
        console: The terminal.
    """

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._events: list[tuple[float, str]] = []
        self._records: list[Record] = []
        self._clients: ClientsView | None = None
        self._ended = False
        self._live = Live(
            console=console, get_renderable=self.frame, refresh_per_second=_FRAMES_PER_S, redirect_stdout=False
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Draw the last frame whole and give the terminal back, if it is still there."""
        self._ended = True
        with suppress(OSError):
            self._live.stop()

    def tell(self, text: str) -> None:
        """Hand one event over."""
        self._events.append((self._clock.now_s(), text))

    def hear(self, record: Record) -> None:
        """Hand a record over; a step that ends well is shown in the table only."""
        self._records.append(record)
        if record.kind is not RecordKind.RESULT or record.data["outcome"] in ("failed", "unknown"):
            super().hear(record)

    def watch(self, ledger: Path, at_work: Callable[[], bool]) -> None:
        """Show what clients write to this ledger."""
        self._clients = ClientsView(ledger, at_work)

    def frame(self) -> RenderableType:
        """One frame, no higher than the terminal, with the newest event whole; the last one shows everything."""
        now_s = self._clock.now_s()
        events, steps = list(self._events), step_lines(list(self._records))
        folded = 0 if self._ended or not events else self._folded(*events[-1])
        if not self._ended:
            room = max(self._console.height - _HEAD_LINES - folded, 2)
            few = min(len(events), max(room - len(steps), room // 3))
            events, steps = events[-few:], steps[-(room - few) :]
        whole = range(len(events)) if self._ended else [len(events) - 1] if folded else []
        parts: list[RenderableType] = [self._event(*each, whole=n in whole) for n, each in enumerate(events)]
        if self._clients is not None:
            parts.append(self._stamped(now_s, self._clients.text(now_s)))
        elif not self._ended:
            parts.append(self._stamped(now_s, Text("…")))
        return Group(*parts, *([self._table(steps, now_s)] if steps else []))

    def _folded(self, at_s: float, text: str) -> int:
        """The further lines that an event needs; 0 when it would take more than a third of the terminal."""
        lines = len(self._event(at_s, text, whole=True).wrap(self._console, self._console.width))
        return lines - 1 if lines <= self._console.height // 3 else 0

    def _event(self, at_s: float, text: str, *, whole: bool) -> Text:
        """On one line, cut at its end; or on as many as it needs."""
        return self._stamped(at_s, Text(" ".join(text.split())), whole=whole)

    def _stamped(self, at_s: float, text: Text, *, whole: bool = False) -> Text:
        line = Text.assemble(f"{at_s - self._start_s:7.2f} s  ", text, no_wrap=not whole)
        line.overflow = "fold" if whole else "ellipsis"
        return line

    def _table(self, steps: Iterable[StepLine], now_s: float) -> Table:
        table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
        for name in ("begun", "took"):
            table.add_column(name, justify="right", no_wrap=True, min_width=9)
        table.add_column("step", no_wrap=True, overflow="ellipsis")
        table.add_column("tries", justify="right", no_wrap=True)
        table.add_column("state", no_wrap=True)
        for step in steps:
            took_s = (now_s if step.end_s is None else step.end_s) - step.start_s
            state = Text(step.state, style=_STYLES.get(step.state, "green"))
            begun = f"{step.start_s - self._start_s:.2f} s"
            table.add_row(begun, f"{took_s:.2f} s", step.name, str(step.tries), state)
        return table
