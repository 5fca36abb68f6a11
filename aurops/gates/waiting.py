"""Waits at gates for as long as it takes, and holds nothing meanwhile: no lease, no open call.

A run that meets a shut gate ends, and its lease is let go (`Ending.AT_GATE`). Whoever stays looks at the gates from
time to time, reading only, and takes the run up when there is something to journal: a gate that turned, an approval, a
look that a soak counts until its time is over, a request. So a wait of days costs nothing when the process dies, and
any other may go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aurops.gates import soak
from aurops.gates.finding import State, shut
from aurops.gates.spec import ApprovalGate, HoldGate, SoakGate, TimeGate, WindowGate
from aurops.gates.steps import waits_at
from aurops.history import History
from aurops.journal import Journal, journal_key
from aurops.requests import pending
from aurops.runner import Ending, Result
from aurops.store_errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aurops.clock import Clock
    from aurops.gates.finding import Finding
    from aurops.gates.keeper import Keeper, Spot
    from aurops.gates.spec import Gate
    from aurops.store import Store

_PEOPLE_S = 2.0
"""How often approvals and holds are looked for, which only lists the store."""
_CHECK_S = 15.0
"""How often a shut check is asked again."""
_STORE_S = 10.0
"""How long a store that does not answer is left alone."""


class Drive(Protocol):
    """Takes a run up and drives it until it ends or meets a shut gate."""

    def __call__(self, *, again: bool) -> Result:
        """Drive it; `again`: it goes on by itself, so that who asked it to pause meanwhile is obeyed."""
        ...


class Waiter:
    """Waits at the gates of a run.

    Args:
        store: Where the run stands.
        run: Its id.
        clock: Time.
        keeper: Looks at the gates.
        tell: Told what it waits for, when that changes.
        must_act: Whether the run is to be taken up although no gate has turned; given its journal as it stands.
    """

    def __init__(
        self,
        store: Store,
        run: str,
        clock: Clock,
        keeper: Keeper,
        tell: Callable[[str], None] = lambda _: None,
        must_act: Callable[[Journal], bool] = lambda _: False,
    ) -> None:
        self._store = store
        self._run = run
        self._clock = clock
        self._keeper = keeper
        self._tell = tell
        self._must_act = must_act
        self._told = ""

    def pass_gates(self, drive: Drive) -> Result:
        """Drive the run, wait whenever it meets a shut gate, and drive it again, until it ends otherwise.

        Args:
            drive: Takes the run up, and holds the lease only while it acts.
        """
        result = drive(again=False)
        while result.ending is Ending.AT_GATE:
            self._say(f"waits: {result.why}")
            result = self._again(drive)
        return result

    def _again(self, drive: Drive) -> Result:
        while True:
            try:
                self.wait()
                return self._ended() or drive(again=True)
            except StoreError as error:
                self._say(f"the store: {error.what}; it is tried again every {_STORE_S:g} s")
                self._clock.sleep(_STORE_S)

    def _ended(self) -> Result | None:
        """How another process ended the run meanwhile; None: it did not."""
        outcome = History(Journal.open(self._store, self._run, self._clock).records).finished
        if not outcome:
            return None
        known = outcome in (Ending.DONE.value, Ending.RESTORED.value)
        return Result(Ending(outcome) if known else Ending.HELD, f"another process ended it: {outcome}")

    def wait(self) -> None:
        """Return when it makes sense to take the run up.

        Raises:
            StoreError: The store does not say.
        """
        journal = Journal.open(self._store, self._run, self._clock)
        records = journal.records
        history = History(records)
        spot = waits_at(records, history)
        if spot is None:
            return
        self._sleep_until_due(spot)
        if any(isinstance(gate, SoakGate) and is_soaking(spot.before.get(gate.name)) for gate in spot.gates):
            return  # each look is journalled, so that the time survives whatever happens to this process
        while not self._moved(records[-1].n, history.requests_seen):
            findings = self._keeper.look(spot)
            if worth_journalling(spot, findings) or self._must_act(journal):
                return
            self._say(f"waits: {shut(findings)}")
            self._pause(pause_s(spot.gates), records[-1].n, history.requests_seen)

    def _pause(self, seconds: float, last_n: int, requests_seen: int) -> None:
        """Until the next look; a request is heard sooner, for whoever made it waits."""
        while seconds > 0 and not self._moved(last_n, requests_seen):
            self._clock.sleep(min(seconds, _PEOPLE_S))
            seconds -= _PEOPLE_S

    def _moved(self, last_n: int, requests_seen: int) -> bool:
        """Whether somebody asked something of the run, or took it up. The journal is not read as a whole for that."""
        asked = pending(self._store, self._run, requests_seen)
        return bool(asked) or self._store.read(journal_key(self._run, last_n + 1)) is not None

    def _sleep_until_due(self, spot: Spot) -> None:
        """So that a gate that turns at every look is not looked at all the time."""
        pause = pause_s(spot.gates)
        since_s = (self._clock.wall() - spot.latest_at).total_seconds()
        self._clock.sleep(min(pause, max(0.0, pause - since_s)))

    def _say(self, text: str) -> None:
        if text != self._told:
            self._told = text
            self._tell(text)


def worth_journalling(spot: Spot, findings: Iterable[Finding]) -> bool:
    """Whether a look found something that the journal does not say yet: a turn, or what people did. Pure."""

    def gist(given: Iterable[Finding]) -> set[tuple[str, str, str, bool]]:
        return {
            (each.gate, each.state.value, each.why if each.kind in ("approval", "hold") else "", is_soaking(each))
            for each in given
        }

    return gist(findings) != gist(spot.before.values())


def is_soaking(found: Finding | None) -> bool:
    """Whether a soak is under way and not over. Pure."""
    return found is not None and found.state is not State.OPEN and soak.last_look(found) is not None


def pause_s(gates: Iterable[Gate]) -> float:
    """How long to wait between two looks, seconds. Pure."""
    soaks = [gate.every_s for gate in gates if isinstance(gate, SoakGate)]
    if soaks:
        return min(soaks)
    asks_nobody = ApprovalGate | HoldGate | WindowGate | TimeGate
    return _PEOPLE_S if all(isinstance(gate, asks_nobody) for gate in gates) else _CHECK_S
