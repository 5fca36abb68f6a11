"""A second clock for gates that go by the time of day: that of a store in a cloud, which dates what is written to it.

The runner's own clock says when a window opens and an approval is over. It is compared with the store's whenever this
process has just written a record. A store in a folder or in memory has no clock of its own: nobody can tell then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from aurops.gates.approval import MAX_SKEW_S
from aurops.gates.finding import Finding, State
from aurops.gates.spec import ApprovalGate, SoakGate, TimeGate, WindowGate
from aurops.journal import journal_key
from aurops.store_errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aurops.clock import Clock
    from aurops.gates.spec import Gate
    from aurops.journal import Record
    from aurops.store import Store

GOOD_FOR_S = 600.0
"""So long a comparison counts: either clock may be mended meanwhile, and a run that waits writes nothing."""
_RESOLUTION_S = 1.0
"""`Last-Modified` is in whole seconds (RFC 9110, 5.6.7)."""
_BY_TIME = ApprovalGate | SoakGate | TimeGate | WindowGate


@dataclass(frozen=True)
class _Compared:
    here: datetime
    there: datetime
    offset_s: float
    """Of this host's time of day to its seconds since boot, then."""
    at_s: float


class SecondClock:
    """Compares this host's clock with the store's.

    Args:
        store: Its `made_at` tells its time.
        clock: This host's.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store, self._clock = store, clock
        self._compared: _Compared | None = None

    def hear(self, record: Record) -> None:
        """Compare by a record that this process has just written; a store that does not say leaves what was known."""
        try:
            made_at = self._store.made_at(journal_key(record.run, record.n))
        except StoreError:
            return
        if made_at is not None:
            here = datetime.fromisoformat(record.at)
            self._compared = _Compared(here, made_at, self._offset_s(), self._clock.now_s())

    def judge(self, gates: Iterable[Gate], now: datetime) -> tuple[Finding, ...]:
        """A finding when the clocks are apart, and one of the gates goes by the time of day; else nothing."""
        known = self._compared
        if known is None or self._clock.now_s() - known.at_s > GOOD_FOR_S:
            return ()
        ahead_s = (known.here - known.there).total_seconds() + self._offset_s() - known.offset_s
        # A record is dated before it is sent.
        if abs(ahead_s) <= MAX_SKEW_S + _RESOLUTION_S + self._store.timeout_s:
            return ()
        if not any(isinstance(gate, _BY_TIME) for gate in gates):
            return ()
        side = "ahead of" if ahead_s > 0 else "behind"
        why = (
            f"this host's clock is {abs(ahead_s):.0f} s {side} the store's: it was {known.here:%Y-%m-%d %H:%M:%S} UTC "
            f"here and {known.there:%Y-%m-%d %H:%M:%S} UTC there when a record was written; one of them is wrong"
        )
        return (Finding("clock", "clock", State.UNKNOWN, why, now.isoformat(timespec="seconds")),)

    def _offset_s(self) -> float:
        return self._clock.wall().timestamp() - self._clock.now_s()
