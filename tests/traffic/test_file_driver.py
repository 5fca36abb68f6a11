"""The rules of a driver by file, with a proxy that is played by its own renderer and reader."""

import json
import os
import stat
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from aurops.clock import RealClock
from aurops.errors import AuropsError, HeldError, OutsideError, UsageError
from aurops.plan import CallUnknownError, StaleEpochError
from tests.traffic.played import Place, Played, steering
from tests.traffic.sites import platforms, regions
from traffic import file_driver, folder, heartbeat
from traffic.driver import TOTAL_WEIGHT, Active, LatchedError, TamperedError
from traffic.file_driver import FileDriver
from traffic.hold import Hold

GROUP = 60_000
"""Of people who steer; nobody's first group."""


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Fresh."""
    return Place(tmp_path)


def test_nothing_is_installed_over_what_is_there(place: Place) -> None:
    """A proxy that steers already is not begun anew."""
    with pytest.raises(UsageError, match="already"):
        place.driver.install(steering(0, 1))


def test_a_deleted_file_is_somebody_elses_change_and_the_error_says_how_to_put_it_back(place: Place) -> None:
    """What it says works: the command of the error restores the file."""
    place.proxy.live.unlink()
    with pytest.raises(TamperedError) as refused:
        place.driver.shift(steering(100, 2))
    source, target = str(refused.value.next_step).rpartition("cp ")[2].split(" && ")[0].split()
    Path(target).write_text(Path(source).read_text())
    Path(target).replace(place.proxy.live)
    assert place.driver.shift(steering(100, 2)).steering == steering(100, 2)


def test_a_proxy_that_does_not_obey_is_unknown_not_done(place: Place) -> None:
    """The file is there, and the proxy has not said that it goes by it: nobody knows."""
    place.proxy.obeys = False
    with pytest.raises(CallUnknownError, match="not yet"):
        place.driver.shift(steering(100, 2))
    place.proxy.obeys = True
    heartbeat.beat(place.site.folder, place.clock)
    assert place.driver.shift(steering(100, 2)).steering == steering(100, 2)


def test_a_proxy_that_is_down_gets_no_file(place: Place) -> None:
    """What nobody can read back is not written."""
    before = place.proxy.live.read_text()
    place.proxy.up = False
    with pytest.raises(OutsideError):
        place.driver.shift(steering(100, 2))
    assert place.proxy.live.read_text() == before


def test_a_rollback_does_not_wait_for_a_writer_that_stands_still(place: Place) -> None:
    """A shift waits and is refused; a rollback goes on without the lock."""
    held = folder.ProxyFolder(place.site.folder, place.proxy.live, place.proxy.version_of)
    place.driver.shift(steering(TOTAL_WEIGHT, 2))
    with held.locked(place.clock, 1):
        with pytest.raises(OutsideError, match="Another process"):
            place.driver.shift(steering(0, 2))
        assert place.driver.roll_back("because", "bob").steering.weight("v10") == TOTAL_WEIGHT


def test_a_full_disk_does_not_keep_traffic_where_it_is_broken(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was made beforehand needs no space to be moved in place; that no latch holds it is said."""
    place.driver.shift(steering(TOTAL_WEIGHT, 2))

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, "write_durably", full)
    monkeypatch.setattr(folder, "create_durably", full)
    with pytest.raises(CallUnknownError, match="no latch"):
        place.driver.roll_back("because", "bob", epoch=77)
    assert place.driver.observe().steering.weight("v10") == TOTAL_WEIGHT
    monkeypatch.undo()
    place.driver.roll_back("because", "bob", epoch=77)
    assert place.driver.latch() is not None


def test_a_copy_that_cannot_be_kept_makes_no_failure_of_what_steers(place: Place) -> None:
    """The file is in place: a step and a rollback are done, whatever becomes of the copy beside it."""
    written = place.site.folder / "written"
    written.unlink()
    written.mkdir()
    assert place.driver.shift(steering(100, 2)).steering == steering(100, 2)
    (place.site.folder / "way-back").unlink()
    assert place.driver.roll_back("because", "bob").steering.weight("v10") == TOTAL_WEIGHT


def test_a_latch_that_cannot_be_read_holds(place: Place) -> None:
    """Nothing goes forward on a guess; rolling back writes one that can be read."""
    place.driver.shift(steering(100, 2))
    (place.site.folder / "latch.json").write_text("{")
    with pytest.raises(OutsideError, match="latch"):
        place.driver.shift(steering(200, 2))
    place.driver.roll_back("because", "bob")
    latch = place.driver.latch()
    assert latch is not None
    assert latch.who == "bob"


def test_a_released_latch_is_kept_with_who_released_it(place: Place) -> None:
    """An auditor finds out."""
    place.driver.shift(steering(100, 2))
    place.driver.roll_back("because", "bob")
    place.driver.release("alice", 9)
    (kept,) = place.site.folder.glob("latch-*.json")
    said = json.loads(kept.read_text())
    assert (said["who"], said["reason"]) == ("bob", "because")
    assert said["released"].startswith("alice")


def test_what_fell_back_before_a_release_is_known(place: Place) -> None:
    """It is no news after it; one request more is, and so is any other number after the proxy restarted."""
    place.driver.shift(steering(100, 2))
    place.proxy.counted["v11_or_v10__upstream_rq_total"] = 7
    with pytest.raises(HeldError, match="7 requests"):
        place.driver.shift(steering(200, 2))
    place.driver.roll_back("it fell back", "bob")
    place.driver.release("alice", 9)
    assert not place.driver.observe().fallen()
    place.driver.shift(steering(100, 9))
    for news, count in ((False, 7), (True, 8), (False, 0), (True, 3)):
        place.proxy.counted["v11_or_v10__upstream_rq_total"] = count
        assert bool(place.driver.observe().fallen()) == news


def test_what_fell_back_before_a_hold_was_let_go_is_known(place: Place) -> None:
    """Past the point of no return a fallback is held, not latched: let go, it is no news, and nothing moved."""
    place.driver.shift(steering(100, 2))
    place.proxy.counted["v11_or_v10__upstream_rq_total"] = 7
    place.driver.put_hold(Hold(run="run-1", cause="fallback", reason="v11 fell back", who="the watcher", at="now"))
    with pytest.raises(HeldError, match="A hold is on this proxy: v11 fell back"):
        place.driver.shift(steering(200, 2))
    place.driver.release_hold("ann")
    assert place.driver.hold() is None
    assert not place.driver.observe().fallen()
    assert place.driver.observe().steering == steering(100, 2)
    place.driver.shift(steering(200, 2))
    (place.site.folder / "hold.json").write_text("{")
    with pytest.raises(OutsideError, match="A hold cannot be read"):
        place.driver.shift(steering(300, 2))
    place.driver.shift(steering(0, 2))


def test_a_watcher_that_stands_still_is_none(place: Place) -> None:
    """Its last word is too old to go forward on."""
    place.clock.advance(heartbeat.WATCHED_S + 1)
    with pytest.raises(HeldError, match="watches"):
        place.driver.shift(steering(100, 2))


def test_a_site_without_a_way_back_cannot_roll_back(tmp_path: Path) -> None:
    """Regions stand for themselves."""
    site = regions(tmp_path)
    with pytest.raises(UsageError, match="way back"):
        FileDriver(site, Played(site)).roll_back("because", "bob")


@pytest.mark.parametrize("turn", range(10))
def test_a_rollback_wins_against_whoever_goes_forward(turn: int, tmp_path: Path) -> None:
    """Raced against steps of the same and of later epochs: at the end everything is at V10, and latched."""
    place = Place(tmp_path)
    place.driver = FileDriver(place.site, place.proxy, RealClock())
    heartbeat.beat(tmp_path, RealClock())
    place.driver.shift(steering(100, 2))
    go = threading.Barrier(5)

    def forward(epoch: int) -> None:
        go.wait()
        for weight in range(200, 1_000, 100):
            try:
                place.driver.shift(steering(weight, epoch))
            except (AuropsError, StaleEpochError):
                continue

    def back() -> None:
        go.wait()
        threading.Event().wait(turn * 0.004)
        place.driver.roll_back("because", "bob")

    with ThreadPoolExecutor(5) as pool:
        racing = [pool.submit(forward, epoch) for epoch in (2, 3, 4, 50)] + [pool.submit(back)]
        for each in racing:
            each.result()
    assert place.driver.observe().steering.weight("v10") == TOTAL_WEIGHT
    with pytest.raises(LatchedError):
        place.driver.shift(steering(100, 99))


def test_a_rollback_during_a_release_is_not_released_along(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever rolls back while somebody releases an older latch finds the proxy latched when the call returns."""
    place = Place(tmp_path)
    place.driver = FileDriver(place.site, place.proxy, RealClock())
    heartbeat.beat(tmp_path, RealClock())
    place.driver.shift(steering(100, 2))
    place.driver.roll_back("the first", "bob")
    begun, go_on = threading.Event(), threading.Event()
    take = place.proxy.take

    def slowly() -> None:
        begun.set()
        assert go_on.wait(10)
        take()

    monkeypatch.setattr(place.proxy, "take", slowly)
    with ThreadPoolExecutor(2) as pool:
        releasing = pool.submit(place.driver.release, "alice", 9)
        assert begun.wait(10)
        monkeypatch.setattr(place.proxy, "take", take)
        rolling = pool.submit(place.driver.roll_back, "the second", "carol")
        threading.Event().wait(0.1)  # it waits for whoever releases; that it has not come so far is right as well
        go_on.set()
        with suppress(LatchedError):  # it may see it in time, and then gives way
            releasing.result()
        assert rolling.result().steering.weight("v10") == TOTAL_WEIGHT
    latch = place.driver.latch()
    assert latch is not None
    assert latch.epoch > 9


def test_both_deadlines_are_shorter_than_a_calls() -> None:
    """A caller who allows ten seconds hears what happened."""
    assert file_driver.LOCK_S + file_driver.ACTIVE_S < 10


def test_a_rollback_that_does_not_wait_for_a_release_is_not_released_along(place: Place) -> None:
    """Whoever releases stands still with the lock: the rollback goes on, and leaves a latch that he does not know."""
    held = folder.ProxyFolder(place.site.folder, place.proxy.live, place.proxy.version_of)
    place.driver.roll_back("the first", "bob")
    first = place.driver.latch()
    assert first is not None
    with held.locked(place.clock, 1):
        place.driver.roll_back("the second", "carol", anew=True)
        held.release(first, "alice")
    latch = place.driver.latch()
    assert latch is not None
    assert latch.reason == "the second"
    assert latch.epoch > first.epoch


def test_a_proxy_that_hangs_is_asked_once_before_a_rollback_is_latched(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each question may cost a second: the latch does not wait for a second one."""
    asked: list[bool] = []

    def hang() -> Active:
        asked.append((place.site.folder / "latch.json").exists())
        raise OutsideError("The proxy does not answer.")

    monkeypatch.setattr(place.proxy, "ask", hang)
    with pytest.raises(CallUnknownError):
        place.driver.roll_back("because", "bob")
    assert asked.count(False) == 1


def test_the_watcher_never_puts_its_words_in_the_place_of_a_persons(place: Place) -> None:
    """It cannot wait for whoever has the lock, and raises the epoch: reason and who stay."""
    held = folder.ProxyFolder(place.site.folder, place.proxy.live, place.proxy.version_of)
    place.driver.roll_back("orders look wrong", "bob", anew=True)
    first = place.driver.latch()
    assert first is not None
    with held.locked(place.clock, 1):
        place.driver.roll_back("a latch holds", "the watcher")
    latch = place.driver.latch()
    assert latch is not None
    assert (latch.reason, latch.who, latch.epoch > first.epoch) == ("orders look wrong", "bob", True)


def test_a_lock_that_cannot_be_opened_stops_no_rollback(place: Place) -> None:
    """A shift is refused, with the file; a rollback goes on."""
    (place.site.folder / "lock").mkdir()
    with pytest.raises(OutsideError, match="lock cannot be opened"):
        place.driver.shift(steering(100, 2))
    assert place.driver.roll_back("because", "bob").steering.weight("v10") == TOTAL_WEIGHT
    assert place.driver.latch() is not None


@pytest.mark.parametrize("call", ["replace", "unlink"])
def test_a_rollback_within_the_moment_of_a_release_keeps_its_latch(
    call: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of the release's own calls it comes before: what is gone is the latch that was to be released."""
    files = folder.ProxyFolder(place.site.folder, place.proxy.live, place.proxy.version_of)
    place.driver.roll_back("the first", "bob", anew=True)
    first = place.driver.latch()
    assert first is not None
    second = first.model_copy(update={"epoch": first.epoch + 1, "reason": "the second"})
    plain = getattr(Path, call)

    def late(path: Path, *arguments: object, **named: object) -> object:
        if path.name.startswith("latch."):
            monkeypatch.setattr(Path, call, plain)
            files.raise_latch(second)
        return plain(path, *arguments, **named)

    monkeypatch.setattr(Path, call, late)
    files.release(first, "alice")
    monkeypatch.setattr(Path, call, plain)
    held = place.driver.latch()
    assert held == second
    assert not (place.site.folder / "latch.going").exists()


def test_a_latch_whose_release_was_cut_short_holds_and_can_be_released(place: Place) -> None:
    """Killed with the latch moved aside: nothing goes forward; a rollback raises another; a release ends it."""
    place.driver.shift(steering(100, 2))
    place.driver.roll_back("because", "bob", anew=True)
    latch_file = place.site.folder / "latch.json"
    latch_file.rename(place.site.folder / "latch.going")
    with pytest.raises(LatchedError, match="because"):
        place.driver.shift(steering(200, 9))
    place.driver.release("alice", 9)
    assert place.driver.latch() is None
    assert place.driver.shift(steering(200, 9)).steering == steering(200, 9)


def test_a_rollback_is_not_done_while_the_file_says_something_else(place: Place) -> None:
    """Whoever went forward died between file and proxy: what the proxy would start with is put right, too."""
    place.driver.shift(steering(100, 2))
    place.driver.shift(steering(0, 2))
    place.proxy.obeys = False
    with pytest.raises(CallUnknownError):
        place.driver.shift(steering(300, 3))
    place.proxy.obeys = True
    place.driver.roll_back("because", "bob", anew=True)
    assert place.proxy.version_of(place.proxy.live.read_text()) == place.driver.observe().version
    place.proxy.take()
    assert place.driver.observe().steering.weight("v10") == TOTAL_WEIGHT


@pytest.mark.parametrize("umask", [0o077, 0o000])
def test_who_may_do_what_does_not_follow_the_umask(umask: int, tmp_path: Path) -> None:
    """Whoever is of the folder's group can steer and roll back after anybody; all can read, nobody else writes."""
    tmp_path.chmod(0o2775)
    before = os.umask(umask)
    try:
        place = Place(tmp_path)
        place.driver.shift(steering(100, 2))
        place.driver.roll_back("because", "bob", anew=True)
        place.driver.roll_back("because", "carol", anew=True)
        place.driver.release("alice", 99)
        place.driver.shift(steering(100, 99))
        place.driver.roll_back("because", "dora", anew=True)
    finally:
        os.umask(before)
    modes = {str(f.relative_to(tmp_path)): stat.S_IMODE(f.stat().st_mode) for f in tmp_path.rglob("*") if f.is_file()}
    assert modes.pop("lock") == 0o664
    assert {"latch.json", "live/steering.json", "written", "watched"} <= modes.keys()
    assert set(modes.values()) == {0o644}, modes
    assert stat.S_IMODE(place.proxy.live.parent.stat().st_mode) == stat.S_IMODE(tmp_path.stat().st_mode)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as several users")
def test_users_of_one_group_take_turns_and_nobody_else_can() -> None:
    """Two operators and a runner, none with the other's umask or first group; a stranger reads, and steers nothing."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name)
        os.chown(path, -1, GROUP)
        path.chmod(0o775)
        Place(path)

        def turn(reason: str) -> Callable[[], None]:
            def roll_back() -> None:
                driver = reopened(path)
                driver.roll_back(reason, reason, anew=True)
                held = driver.latch()
                assert held is not None
                assert held.reason == reason
                driver.release(reason, held.epoch + 1)

            return roll_back

        for uid, umask in ((60_001, 0o077), (60_002, 0o027), (60_001, 0o000), (60_003, 0o077), (60_002, 0o077)):
            assert as_user(uid, (GROUP,), umask, turn(f"user {uid}")) == 0
        assert (
            as_user(60_004, (), 0o000, lambda: [file.read_bytes() for file in path.rglob("*") if file.is_file()]) == 0
        )
        assert as_user(60_004, (), 0o000, turn("a stranger")) != 0
        assert reopened(path).latch() is None


def reopened(path: Path) -> FileDriver:
    """A driver as another process has it, of an Envoy that has loaded its file."""
    site = platforms(folder=path)
    proxy = Played(site)
    proxy.take()
    return FileDriver(site, proxy, RealClock())


def as_user(uid: int, groups: tuple[int, ...], umask: int, do: Callable[[], object]) -> int:
    """Do something in a child that is this user; 0: it was done."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    try:
        os.setgroups(groups)
        os.setgid(uid)
        os.setuid(uid)
        os.umask(umask)
        do()
    except BaseException:  # noqa: BLE001 (a child must not go on as the test)
        os._exit(1)
    os._exit(0)
