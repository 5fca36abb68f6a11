"""A release that a person made stays, whatever the watcher had seen before it."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from aurops.errors import AuropsError, OutsideError
from tests.traffic.played import Place, steering
from traffic import latching
from traffic.driver import TOTAL_WEIGHT, Active
from traffic.folder import Latch, epoch_of
from traffic.watcher import Watcher


@pytest.mark.parametrize("within", [False, True], ids=["after the release", "while it has the lock"])
def test_the_watcher_does_not_undo_a_release_by_what_it_saw_before(
    *, within: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It saw traffic at V11 just before a rollback, and the latch after it; it acts when that latch is let go of."""
    place, told = Place(tmp_path), list[str]()
    driver, files = place.driver, place.driver._folder
    watcher = Watcher(place.site, driver, told.append, place.clock)
    driver.shift(steering(100, 2))
    seen = [driver.observe()]
    driver.roll_back("orders look wrong", "bob", anew=True)
    observe, roll_back, release = driver.observe, driver.roll_back, files.release

    def late(reason: str, who: str, **more: object) -> Active:
        """The watcher stands still before this; its lock is not to be had, or is when nobody releases any more."""
        monkeypatch.setattr(driver, "roll_back", roll_back)

        def releasing(latch: Latch, released: str) -> None:
            with suppress(AuropsError):
                roll_back(reason, who, **more)  # type: ignore[arg-type]
            release(latch, released)

        if within:
            monkeypatch.setattr(files, "release", releasing)
        driver.release("alice", 9)
        return observe() if within else roll_back(reason, who, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(driver, "observe", lambda: seen.pop() if seen else observe())
    monkeypatch.setattr(driver, "roll_back", late)
    watcher.look()
    assert "a latch holds, but not everything goes to v10" in told[0] or "so it went no further" in told[0]
    assert driver.roll_back == roll_back, "it never acted"
    watcher.look()
    assert driver.latch() is None
    assert driver.observe().steering.epoch == 9
    driver.shift(steering(200, 9))


def test_what_the_watcher_sees_after_a_release_still_goes_back(tmp_path: Path) -> None:
    """Nobody of V11 is well when it looks for the first time after a release and a step forward."""
    place = Place(tmp_path)
    watcher = Watcher(place.site, place.driver, lambda _: None, place.clock)
    place.driver.shift(steering(100, 2))
    watcher.look()
    place.driver.roll_back("orders look wrong", "bob", anew=True)
    place.driver.release("alice", 9)
    place.driver.shift(steering(200, 9))
    place.proxy.counted["v11__membership_healthy"] = 0
    watcher.look()
    latch = place.driver.latch()
    assert latch is not None
    assert "none of its backends" in latch.reason
    assert place.driver.observe().steering.weight("v10") == TOTAL_WEIGHT


def test_a_writer_that_stands_still_keeps_no_watcher_from_going_back(tmp_path: Path) -> None:
    """It waits for the lock, not for long: latched and back, with the lock still held by somebody else."""
    place = Place(tmp_path)
    watcher = Watcher(place.site, place.driver, lambda _: None, place.clock)
    place.driver.shift(steering(100, 2))
    place.proxy.counted["v11__membership_healthy"] = 0
    with place.driver._folder.locked(place.clock, 1):
        watcher.look()
    assert place.driver.latch() is not None
    assert place.driver.observe().steering.weight("v10") == TOTAL_WEIGHT


def test_a_rollback_goes_above_a_step_that_came_between_its_look_and_its_latch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The step's epoch is far above; a proxy that refuses what is older, as NGINX does, is brought back, too."""
    place = Place(tmp_path)
    taken, raise_latch = place.proxy.take, latching.raise_latch

    def take() -> None:
        obeyed = place.proxy.ask().steering.epoch
        if epoch_of(place.proxy.version_of(place.proxy.live.read_text())) < obeyed:
            raise OutsideError(f"The proxy refuses: the file has an older epoch than {obeyed}")
        taken()

    def raise_late(*given: Any, **more: Any) -> OSError | None:
        monkeypatch.setattr(latching, "raise_latch", raise_latch)
        place.driver.shift(steering(5_000, 50))
        return raise_latch(*given, **more)

    monkeypatch.setattr(place.proxy, "take", take)
    monkeypatch.setattr(latching, "raise_latch", raise_late)
    now = place.driver.roll_back("orders look wrong", "bob", anew=True)
    latch = place.driver.latch()
    assert latch is not None
    assert (now.steering.weight("v10"), now.steering.epoch) == (TOTAL_WEIGHT, latch.epoch)
    assert latch.epoch > 50
    assert place.driver.observe() == now
