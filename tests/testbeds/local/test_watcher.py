"""What can happen to the watch of a drill: its store goes, its clock jumps."""

import uuid
from pathlib import Path

import pytest

from aurops.clock import ManualClock
from aurops.store import open_store
from testbeds.local import layout, watcher
from testbeds.local.layout import Layout
from testbeds.local.mechanisms import mechanism
from testbeds.local.watcher import SkewedClock


@pytest.fixture
def place(tmp_path: Path) -> Layout:
    """A bed whose watch has a store."""
    open_store((tmp_path / watcher.STORE).as_uri()).create("lease/x/1", b"kept")
    return layout.plan(
        uuid.uuid4().hex, tmp_path, 20_000, layout.Components(postgres_bin="", valkey="", envoy=""), None
    )


def test_a_lost_store_cannot_be_opened_and_comes_back_whole(place: Layout, tmp_path: Path) -> None:
    """Nothing of it is lost, and a second undo does nothing."""
    lost = mechanism("store", "north", place)
    lost.ready()
    assert not lost.proved()
    lost.inject()
    assert lost.proved()
    lost.undo()
    lost.undo()
    assert not lost.proved()
    assert open_store((tmp_path / watcher.STORE).as_uri()).read("lease/x/1") == b"kept"


def test_the_watchs_clock_jumps_once_somebody_says_so(place: Layout, tmp_path: Path) -> None:
    """It is proved by the clock that jumped, not by having been told; another one is right again."""
    right = ManualClock()
    clock = SkewedClock(right, tmp_path)
    jump = mechanism("clock", "north", place)
    jump.ready()
    assert clock.now_s() == right.now_s()
    jump.inject()
    assert not jump.proved()
    assert clock.now_s() == right.now_s() + 3600
    assert jump.proved()
    assert clock.wall() == right.wall()
    jump.undo()
    assert clock.now_s() == right.now_s() + 3600, "a clock never goes back"
    assert SkewedClock(right, tmp_path).now_s() == right.now_s()
