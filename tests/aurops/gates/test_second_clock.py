"""A host whose clock is wrong passes no gate that goes by the time of day, where the store has a clock of its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from aurops.clock import RealClock
from aurops.execution import begin
from aurops.gates import second_clock
from aurops.gates.finding import Finding, State
from aurops.gates.keeper import Keeper
from aurops.gates.signing import Signers
from aurops.gates.spec import CommandCheck, Gate, TimeGate
from aurops.gates.steps import spot
from aurops.history import History
from aurops.ports import not_connected
from aurops.store import Store, open_store

if TYPE_CHECKING:
    from pathlib import Path

CHECK = CommandCheck(kind="command", name="suite", argv=("true",))


@dataclass
class Wrong(RealClock):
    """A host's clock that is so many seconds ahead of the true time."""

    ahead_s: float = 0.0
    booted_s: float = 0.0

    def wall(self) -> datetime:
        return super().wall() + timedelta(seconds=self.ahead_s)

    def now_s(self) -> float:
        return super().now_s() + self.booted_s


@dataclass
class Host:
    """It looks at a moment that is an hour from now."""

    store: Store
    clock: Wrong
    gates: tuple[Gate, ...] = ()
    keeper: Keeper = field(init=False)

    def __post_init__(self) -> None:
        self.keeper = Keeper(self.store, self.clock, Signers(""), not_connected(self.clock))
        self.gates = self.gates or (TimeGate(kind="time", name="T0", at=RealClock().wall() + timedelta(hours=1)),)
        self.journal = begin(self.store, self.clock, "test", {})

    def look(self, *, writes: bool = False) -> dict[str, Finding]:
        """What it finds, by gate; `writes`: it has just written a record."""
        records = self.journal.records
        at = spot(records, History(records), "go", self.gates)
        return {found.gate: found for found in self.keeper.look(at, records[-1] if writes else None)}


@pytest.fixture
def s3(s3_env: str, tmp_path: Path) -> Store:
    """A store with a clock of its own, the true one."""
    del s3_env
    return open_store(f"s3://runs/{tmp_path.name}")


@pytest.mark.parametrize(("ahead_s", "side"), [(10_800.0, "ahead of"), (-3_600.0, "behind")])
def test_a_host_whose_clock_is_wrong_passes_nothing_by_it(s3: Store, ahead_s: float, side: str) -> None:
    """Both clocks are named, and it stays so while nothing is written; a check goes by no clock."""
    host = Host(s3, Wrong(ahead_s))
    for found in (host.look(writes=True), host.look()):
        assert found["clock"].state is State.UNKNOWN
        assert f"s {side} the store's: it was " in found["clock"].why
        assert found["clock"].why.endswith("when a record was written; one of them is wrong")
    assert (found["T0"].state is State.OPEN) == (ahead_s > 0), "by its own clock"
    assert set(Host(s3, Wrong(ahead_s), (CHECK,)).look(writes=True)) == {"suite"}


def test_clocks_that_agree_are_not_spoken_of(s3: Store) -> None:
    """Nor those that are apart by less than hosts may be."""
    assert set(Host(s3, Wrong()).look(writes=True)) == {"T0"}
    assert set(Host(s3, Wrong(-20.0)).look(writes=True)) == {"T0"}


def test_a_clock_that_is_set_right_is_believed_and_an_old_comparison_is_not(s3: Store) -> None:
    """The host's is seen at once, though nothing is written; the store's when the comparison is old."""
    host = Host(s3, Wrong(-3_600.0))
    assert "clock" in host.look(writes=True)
    host.clock.ahead_s = 0.0
    assert set(host.look()) == {"T0"}
    host = Host(s3, Wrong(-3_600.0))
    assert "clock" in host.look(writes=True)
    host.clock.booted_s, host.clock.ahead_s = second_clock.GOOD_FOR_S + 1, second_clock.GOOD_FOR_S - 3_599
    assert set(host.look()) == {"T0"}


def test_a_store_without_a_clock_of_its_own_tells_nothing(tmp_path: Path) -> None:
    """A folder goes by this machine's clock: nobody can tell."""
    assert set(Host(open_store(str(tmp_path / "store")), Wrong(10_800.0)).look(writes=True)) == {"T0"}
