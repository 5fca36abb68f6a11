"""What probes and clients have written down, and how long a region was without an answer by that.

Two figures, for nobody is asked all the time. *At least*: the longest stretch in which requests failed one after the
other. *At most*: the longest time between two that succeeded, whether those between failed or there were none. Where
nobody asked nothing is known: it never counts as well served.
"""

from __future__ import annotations

import json
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from math import ceil, isfinite
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, ValidationError

from migration.probes import RATE_PER_S, READ, WRITE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

GAP_S = 1.0
"""Two probes of a kind that were due further apart leave a gap of which nothing is known."""
STALE_S = 10.0
"""A ledger of probes whose last line is older says nothing of now: a line is there 3 s after its last probe was due."""
CLIENTS_STALE_S = 60.0
"""The same of a client's ledger."""
AHEAD_S = 2.0
"""A ledger whose last line is so far in this host's future says nothing of now: a clock was set back."""
CLIENTS_LATE_S = 300.0
"""A client's line so far behind the one before was written after a clock was set back; a nearer one waited for long."""
NOBODY = "no side"
"""A probe that nobody answered, or whose answer does not say which side it came from."""
_MOST_SILENCES = 1000


class Line(BaseModel):
    """Up to a second of one kind of probe: a line of a ledger.

    Args:
        from_s: When the first was due: Unix time; each further one a tenth of a second later.
        kind: `read` or `write`.
        took_s: For each, from when it was due to its answer, seconds; None: no success.
        side: For each, the side that answered, as the answer said; empty: nobody, or it did not say.
        last: The number of the last one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    from_s: float
    kind: str
    took_s: tuple[float | None, ...]
    side: tuple[str, ...]
    last: int

    def probes(self) -> Iterator[Probed]:
        """Each of them."""
        for place, (took_s, side) in enumerate(zip(self.took_s, self.side, strict=True)):
            yield Probed(self.from_s + place / RATE_PER_S, took_s, side)


@dataclass(frozen=True, slots=True)
class Probed:
    """One probe that is over.

    Args:
        due_s: When it was due, Unix time.
        took_s: From then to its answer, seconds; None: no success.
        side: Which side answered, as the answer says; empty: it does not, or there was none.
    """

    due_s: float
    took_s: float | None
    side: str

    @property
    def ok(self) -> bool:
        """Whether it was answered with success."""
        return self.took_s is not None


@dataclass
class Stream:
    """Requests in the order in which they were due, and how long there was no success. Pure.

    A clock that is set back begins it anew. How long that took nobody knows: of probes, a gap as long as the step.

    Args:
        period_s: Time between two requests; 0: there is no such order, and no request is no gap.
    """

    period_s: float
    began_s: float = 0.0
    """When the first was due, as the clock was then: the ledger is told from others by it."""
    last_s: float = 0.0
    failing_s: float = 0.0
    """At least so long without success."""
    unasked_s: float = 0.0
    """Time of which nothing is known."""
    silences: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_MOST_SILENCES))
    """Times between two successes of more than a second, from and to."""
    failures: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_MOST_SILENCES))
    """Stretches of failures that are over, from and to."""
    counts_from_s: float | None = None
    """Nothing that was over before this moment counts; None: it has come, or everything counts."""
    longest_s: float = 0.0
    seen: int = 0
    _ok_s: float = 0.0
    _down_s: float | None = None
    _follows: bool = False

    def add(self, due_s: float, *, ok: bool) -> None:
        """One more."""
        if not self.seen:
            self.began_s = self.last_s = self._ok_s = due_s
        self.seen += 1
        if self.counts_from_s is not None and due_s >= self.counts_from_s:
            self.counts_from_s = None
        self._add(due_s, ok=ok)
        if self.counts_from_s is not None:
            self.failing_s = self.longest_s = self.unasked_s = 0.0

    def _add(self, due_s: float, *, ok: bool) -> None:
        if self.last_s - due_s > (GAP_S if self.period_s else CLIENTS_LATE_S):
            self._set_back(self.last_s - due_s)
        late = due_s < self.last_s
        if self.period_s and due_s - self.last_s > GAP_S:
            self.unasked_s += due_s - self.last_s
            self._stop_failing(self.last_s)
        if ok and not late:
            self._end(due_s)
        elif not ok and not (late and due_s < self._ok_s):
            self._fail(due_s)
        self.last_s = max(self.last_s, due_s)

    def _set_back(self, step_s: float) -> None:
        """Move what was before so far back that it ended a step before now; what failed then and now is no one row."""
        moved_s = 2 * step_s if self.period_s else step_s
        self.last_s, self._ok_s = self.last_s - moved_s, self._ok_s - moved_s
        self._stop_failing(self.last_s + moved_s)
        for past in (self.silences, self.failures):
            moved = [(before - moved_s, after - moved_s) for before, after in past]
            past.clear()
            past.extend(moved)

    def _stop_failing(self, at_s: float) -> None:
        """What failed until a moment is no one row with what comes."""
        if self._down_s is not None:
            self.failures.append((self._down_s, at_s))
        self._down_s, self._follows = None, False

    def _end(self, due_s: float) -> None:
        if due_s - self._ok_s > GAP_S:
            self.silences.append((self._ok_s, due_s))
        self.longest_s = max(self.longest_s, due_s - self._ok_s - self.period_s)
        if self._down_s is not None:
            self.failing_s = max(self.failing_s, due_s - self._down_s - self.period_s)
        self._stop_failing(due_s - self.period_s)
        self._ok_s, self._follows = due_s, bool(self.period_s)

    def _fail(self, due_s: float) -> None:
        if self._down_s is None:
            self._down_s = self._ok_s if self._follows else due_s
        self.failing_s = max(self.failing_s, due_s - self._down_s)

    @property
    def without_s(self) -> float:
        """At most so long without success, from the first request to the last."""
        return max(self.longest_s, self.last_s - self._ok_s)

    def without_since_s(self, since_s: float) -> float:
        """The same of what reaches into the time after a moment."""
        past = (after - before - self.period_s for before, after in self.silences if after > since_s)
        return max([*past, self.last_s - self._ok_s])

    def failing_since_s(self, since_s: float) -> float:
        """At least so long without success, by the stretches that reach into the time after a moment."""
        past = (until - down for down, until in self.failures if until > since_s)
        return max([*past, 0.0 if self._down_s is None else self.last_s - self._down_s])


class Ledger:
    """A ledger of probes that grows; each line is read once.

    Args:
        path: The file; it need not exist yet.
        keep_s: The probes of so many seconds are kept.
        from_s: Figures count what reaches beyond this moment, Unix time; None: everything.
    """

    def __init__(self, path: Path, keep_s: float = 0.0, from_s: float | None = None) -> None:
        self.streams = {kind: Stream(1 / RATE_PER_S, counts_from_s=from_s) for kind in (READ, WRITE)}
        self.ok = 0
        self._tail = Tail(path)
        self._keep_s = keep_s
        self._recent: list[Line] = []

    def read_on(self) -> None:
        """Take in what is new; a line that is broken was torn by a crash: what it would have told is not known.

        Raises:
            OSError: The file cannot be read.
        """
        for text in self._tail.new():
            try:
                line = Line.model_validate_json(text)
                stream = self.streams[line.kind]
                for probe in line.probes():
                    stream.add(probe.due_s, ok=probe.ok)
                    self.ok += probe.ok
            except (ValidationError, ValueError, KeyError):
                continue
            self._recent.append(line)
        newest_s = self._recent[-1].from_s if self._recent else 0.0
        self._recent = [each for each in self._recent if abs(newest_s - each.from_s) <= self._keep_s]

    @property
    def sent(self) -> int:
        """Probes of both kinds that are over."""
        return sum(stream.seen for stream in self.streams.values())

    @property
    def last_s(self) -> float:
        """When the last probe was due of the kind that was not asked for longer; 0: one never was."""
        return min(stream.last_s for stream in self.streams.values())

    def recent(self) -> Iterator[Probed]:
        """The probes that are kept."""
        for line in self._recent:
            yield from line.probes()


class ClientLedger:
    """A real client's ledger: a JSON object a line, with `intended_s` (Unix time) and `outcome` (`ok`, or another).

    Args:
        path: The file.
        from_s: Figures count what reaches beyond this moment, Unix time; None: everything.
    """

    def __init__(self, path: Path, from_s: float | None = None) -> None:
        self.stream = Stream(0.0, counts_from_s=from_s)
        self._tail = Tail(path)
        self._broken = ""

    def read_on(self) -> None:
        """Take in what is new.

        Raises:
            OSError: The file cannot be read.
            ValueError: A line is not what it should be: such a file is no evidence, now and at every further look.
        """
        if self._broken:
            raise ValueError(self._broken)
        for text in self._tail.new():
            due_s = ok = None
            with suppress(ValueError, TypeError, KeyError, OverflowError):
                said = json.loads(text)
                due_s, ok = float(said["intended_s"]), said["outcome"] == "ok"
            if due_s is None or ok is None or not isfinite(due_s):
                self._broken = f"a line without `intended_s` or `outcome`: {text[:80]}"
                raise ValueError(self._broken)
            self.stream.add(due_s, ok=ok)


class Tail:
    """A file of lines that grows, read piece by piece; its last line counts once it has ended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0

    def new(self) -> list[str]:
        """The lines that have ended since the last call.

        Raises:
            OSError: The file cannot be read, or is not there.
        """
        with self._path.open("rb") as file:
            file.seek(self._read_bytes)
            whole, end, _ = file.read().rpartition(b"\n")
        self._read_bytes += len(whole) + len(end)
        return [line.decode(errors="replace") for line in whole.splitlines()]


def percentile_s(took_s: Iterable[float], part: float) -> float | None:
    """A percentile by nearest rank; None: there is nothing. Pure."""
    ordered = sorted(took_s)
    return round(ordered[ceil(part * len(ordered)) - 1], 5) if ordered else None
