"""A failover whose store is lost: refused with a way on, or finished from a folder of this machine."""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from aurops.clock import ManualClock
from aurops.errors import ExitCode
from aurops.history import History
from aurops.journal import Journal, JournalTakenError, RecordKind
from aurops.lease import LeaseExpiredError
from aurops.plan import StaleEpochError
from aurops.runner import Ending, Result
from aurops.store import Store, StoreReadOnlyError, open_store
from failover import break_glass
from failover.execute import begin, execute
from failover.goal import FailoverGoal
from failover.targets.simulated import REGIONS, SimulatedTarget
from tests.failover.stores import Losable

if TYPE_CHECKING:
    from collections.abc import Callable


class Scene:
    """North is lost, with a write in it; a store that can be lost, and what was warned of."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.store = Losable()
        self.target = SimulatedTarget()
        self.warnings: list[str] = []
        self.at_record: Callable[[RecordKind, str], None] = lambda _kind, _step: None
        assert self.target.write("before")
        self.target.kill("north")

    def open(self, url: str) -> Store:
        return self.store if url == "the store" else open_store(url)  # type: ignore[return-value]

    def fail_over(self, *, allowed: bool) -> tuple[Journal, Result]:
        def find(store: Store) -> Journal:
            goal = FailoverGoal(REGIONS, "north")
            return begin(store, self.clock, "failover", goal, {"bed": "simulated"})

        def act(journal: Journal, store: Store, leap: int) -> Result:
            return execute(
                journal,
                self.target,
                store=store,
                clock=self.clock,
                listener=lambda record: self.at_record(record.kind, str(record.data.get("step"))),
                leap=leap,
            )

        return break_glass.run("the store", find, act, allowed=allowed, warn=self.warnings.append)

    def lose_at(self, step: str) -> None:
        """The store is lost as soon as this step's end is journalled."""

        def lose(kind: RecordKind, name: str) -> None:
            self.store.lost |= (kind, name) == (RecordKind.RESULT, step)

        self.at_record = lose


@pytest.fixture
def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Scene:
    """A failover of this user, whose home is empty."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    scene = Scene()
    monkeypatch.setattr(break_glass, "open_store", scene.open)
    return scene


def local(scene: Scene, run: str) -> Journal:
    """The run as the local folder has it."""
    return Journal.open(break_glass.local_store(), run, scene.clock)


def test_a_lost_store_stops_the_failover_and_names_the_way_on(scene: Scene) -> None:
    """Nothing is called: exit 3, and the next step names --break-glass."""
    scene.store.lost = True
    with pytest.raises(StoreReadOnlyError) as caught:
        scene.fail_over(allowed=False)
    assert caught.value.exit_code is ExitCode.ENVIRONMENT
    assert "--break-glass" in str(caught.value.next_step)
    assert scene.target.weights == {"north": 10_000}


def test_a_failover_without_a_store_is_done_and_recorded_on_this_machine(scene: Scene) -> None:
    """Warned loudly, under an epoch far above what targets report, with a whole journal in the local folder."""
    scene.store.lost = True
    journal, result = scene.fail_over(allowed=True)
    assert result == Result(Ending.DONE)
    assert scene.target.weights == {"south": 10_000}
    assert "without a lease" in scene.warnings[0]
    assert break_glass.local_store().url in scene.warnings[0]
    written = local(scene, journal.run)
    written.verify()
    assert History(written.records).finished == "done"
    assert scene.target.observe().highest_epoch() == 1 + break_glass.LEAP + 1


def test_a_store_that_is_well_is_used_though_the_glass_may_be_broken(scene: Scene) -> None:
    """The flag allows, it does not ask for it."""
    journal, result = scene.fail_over(allowed=True)
    assert result == Result(Ending.DONE)
    assert scene.warnings == []
    assert History(Journal.open(scene.store, journal.run, scene.clock).records).finished == "done"  # type: ignore[arg-type]


@pytest.mark.parametrize("step", ["detach west", "promote database south", "verify write south"])
def test_a_store_that_is_lost_in_mid_failover_is_left_behind(step: str, scene: Scene) -> None:
    """The run goes on with what it knows; the old epoch is refused; later the journal is brought back."""
    scene.lose_at(step)
    journal, result = scene.fail_over(allowed=True)
    assert result == Result(Ending.DONE)
    assert set(scene.target.acknowledged) <= set(scene.target.regions["south"].log)
    old = min(record.epoch for record in journal.records if record.epoch)
    with pytest.raises(StaleEpochError):
        scene.target.promote_database("south", ("west",), old, 1.0)
    with pytest.raises(StaleEpochError):
        scene.target.shift({"north": 10_000}, old, 1.0)
    assert scene.target.weights == {"south": 10_000}
    scene.store.lost = False
    store: Store = scene.store  # type: ignore[assignment]
    assert not History(Journal.open(store, journal.run, scene.clock).records).finished
    back = local(scene, journal.run).copy_to(store)
    back.verify()
    assert History(back.records).finished == "done"
    assert back.head_hash == journal.head_hash


def test_a_journal_that_went_on_in_both_places_is_not_mixed(scene: Scene) -> None:
    """When the old holder could still write, bringing back stops at the first number that differs."""
    scene.lose_at("detach west")
    journal, _ = scene.fail_over(allowed=True)
    scene.store.lost = False
    store: Store = scene.store  # type: ignore[assignment]
    theirs = Journal.open(store, journal.run, scene.clock)
    wrote = theirs.append(RecordKind.NOTE, {"text": "the old holder lives"})
    with pytest.raises(JournalTakenError, match=f"record {wrote.n} "):
        local(scene, journal.run).copy_to(store)
    theirs.verify()


@pytest.mark.parametrize("step", ["detach west", "promote database south"])
def test_a_store_that_hangs_is_left_behind_too(step: str, scene: Scene) -> None:
    """Calls that time out one after the other outlast the lease: that is a lost store, not another holder."""
    scene.store.hangs = lambda: scene.clock.advance(6.0)
    scene.lose_at(step)
    _, result = scene.fail_over(allowed=True)
    assert result == Result(Ending.DONE)
    assert "THE STORE IS LOST" in scene.warnings[0]
    assert set(scene.target.acknowledged) <= set(scene.target.regions["south"].log)


def test_a_lease_that_ran_out_though_the_store_is_well_breaks_no_glass(scene: Scene) -> None:
    """A machine that slept may have been overtaken: it stops, whatever was allowed."""

    def sleep(_kind: RecordKind, name: str) -> None:
        if name == "detach west":
            scene.clock.advance(60.0)

    scene.at_record = sleep
    with pytest.raises(LeaseExpiredError):
        scene.fail_over(allowed=True)
    assert scene.warnings == []
    assert break_glass.holds("any run") is False
