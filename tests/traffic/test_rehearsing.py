"""A rehearsed rollback beside steps and rollbacks of the same moment: it moves no traffic, and takes nobody's place."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from aurops.clock import ManualClock
from aurops.errors import HeldError, OutsideError
from aurops.plan import StaleEpochError
from migration.proxies import Proxies
from tests.traffic.played import Place, steering
from traffic import folder, heartbeat
from traffic.driver import TOTAL_WEIGHT, Active, LatchedError
from traffic.file_driver import FileDriver


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Fresh."""
    return Place(tmp_path)


def files(place: Place) -> folder.ProxyFolder:
    """As another process has them."""
    return folder.ProxyFolder(place.site.folder, place.proxy.live, place.proxy.version_of)


def test_a_rehearsal_never_takes_the_place_of_a_rollback_of_the_same_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rollback in earnest begins and ends between a rehearsal's look at the latch and its own: it stays latched."""
    place = Place(tmp_path)
    rehearsing = FileDriver(place.site, place.proxy, place.clock)
    ask, done = place.proxy.ask, []

    def meanwhile() -> Active:
        if not done:
            done.append(place.driver.roll_back)
            monkeypatch.setattr(place.proxy, "ask", ask)
            place.driver.roll_back("orders look wrong", "bob")
        return ask()

    monkeypatch.setattr(place.proxy, "ask", meanwhile)
    rehearsing.roll_back("rehearsal 1", "alice", rehearsal=True)
    latch = place.driver.latch()
    assert latch is not None
    assert (latch.reason, latch.rehearsal) == ("orders look wrong", False)


class Waiting(ManualClock):
    """The first that waits lets somebody else end what he does with the lock."""

    def __init__(self, others: ExitStack) -> None:
        super().__init__()
        self.others = others

    def sleep(self, seconds: float) -> None:
        """Not before the others."""
        self.others.close()
        super().sleep(seconds)


def test_a_step_that_had_the_lock_first_is_seen(place: Place) -> None:
    """It takes effect while a rehearsal waits for the lock: refused, nothing is latched, and the step stands."""
    with ExitStack() as others:
        rehearsing = FileDriver(place.site, place.proxy, Waiting(others))

        def step() -> None:
            files(place).put(place.proxy.render(steering(500, 2), {"v11": 0, "baseline": 0}))
            place.proxy.take()

        others.enter_context(files(place).locked(place.clock, 1))
        others.callback(step)
        with pytest.raises(HeldError, match="v11 500"):
            rehearsing.roll_back("rehearsal 1", "alice", rehearsal=True)
    assert place.driver.latch() is None
    assert place.driver.observe().steering == steering(500, 2)


def test_a_rehearsal_waits_for_the_lock_and_latches_nothing_without_it(place: Place) -> None:
    """Somebody steers all the time: it is refused, and the next step finds no latch of it."""
    with files(place).locked(place.clock, 1), pytest.raises(OutsideError, match="Another process"):
        place.driver.roll_back("rehearsal 1", "alice", rehearsal=True)
    assert place.driver.latch() is None
    heartbeat.beat(place.site.folder, place.clock)  # the wait was long
    assert place.driver.shift(steering(500, 2)).steering == steering(500, 2)


def test_a_rehearsal_that_cannot_latch_moves_nothing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk: it says so, and what is in effect stays."""
    before = place.driver.observe()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "create_durably", full)
    with pytest.raises(OutsideError, match="cannot be written, so nothing was moved"):
        place.driver.roll_back("rehearsal 1", "alice", rehearsal=True)
    assert place.driver.observe() == before
    assert place.driver.latch() is None


def test_a_rollback_that_comes_while_a_rehearsal_takes_effect_holds(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It does not wait for the lock for long; the rehearsal says that it came, and the proxy obeys the higher epoch."""
    take = place.proxy.take

    def meanwhile() -> None:
        monkeypatch.setattr(place.proxy, "take", take)
        FileDriver(place.site, place.proxy, place.clock).roll_back("orders look wrong", "bob", anew=True)
        take()

    monkeypatch.setattr(place.proxy, "take", meanwhile)
    with pytest.raises((LatchedError, StaleEpochError)):
        place.driver.roll_back("rehearsal 1", "alice", rehearsal=True)
    latch = place.driver.latch()
    assert latch is not None
    assert (latch.reason, latch.rehearsal) == ("orders look wrong", False)
    now = place.driver.observe().steering
    assert (now.weight("v10"), now.epoch) == (TOTAL_WEIGHT, latch.epoch)


def test_a_rehearsal_after_one_whose_release_was_cut_off_goes_by_the_higher_epoch(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its latch still stands, and the proxy obeys the release's epoch already: no epoch ever goes down."""

    def dies(*_: object) -> None:
        raise KeyboardInterrupt

    latched = place.driver.roll_back("rehearsal 1", "alice", rehearsal=True).steering.epoch
    with monkeypatch.context() as killed:
        killed.setattr(folder.ProxyFolder, "release", dies)
        with pytest.raises(KeyboardInterrupt):
            place.driver.release("alice", latched + 1)
    assert place.driver.observe().steering.epoch == latched + 1
    assert place.driver.roll_back("rehearsal 1", "alice", rehearsal=True).steering.epoch == latched + 1
    place.driver.release("alice", latched + 1)
    assert place.driver.latch() is None
    assert place.driver.observe().steering.epoch == latched + 1


def test_a_step_below_what_lies_in_the_file_of_a_killed_writer_is_refused(place: Place) -> None:
    """The proxy has not heard of it yet, and would obey it first and the lower epoch after it."""
    files(place).put(place.proxy.render(steering(500, 9), {"v11": 0, "baseline": 0}))
    with pytest.raises(StaleEpochError, match="epoch 9, or is about to"):
        place.driver.shift(steering(100, 5))
    assert place.proxy.version_of(place.proxy.live.read_text()).startswith("9-")


def test_a_cutover_begins_anew_although_a_killed_step_lies_in_the_file(place: Place) -> None:
    """NGINX was never told of it, and an abort found all at V10: the next run writes what is in effect over it."""
    files(place).put(place.proxy.render(steering(500, 9), {"v11": 0, "baseline": 0}))
    target = Proxies({"west-1": place.driver}, place.clock, who="alice", drain_s=0)
    target.rehearse("west-1", "rehearsal 1", 50, 20)
    assert place.driver.observe().steering.weight("v10") == TOTAL_WEIGHT
    assert place.driver.standing().version == place.driver.observe().version
    assert place.driver.latch() is None
