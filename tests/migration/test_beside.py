"""What a cutover lays beside a proxy for its watcher."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from aurops.clock import ManualClock, RealClock
from aurops.errors import HeldError
from migration.beside import Beside
from tests.migration.cutovers import cutover
from tests.traffic.sites import platforms
from traffic import heartbeat, watching
from traffic.hold import Hold
from traffic.memory import MemoryDriver
from traffic.watcher import Watcher

if TYPE_CHECKING:
    from pathlib import Path

    from aurops.clock import Clock

CRITICAL = {"critical": [{"check": "errors", "for_s": 5}], "page": {"url_env": "AUROPS_NOT_SET"}}


def beside(folder: Path, clock: Clock, driver: MemoryDriver, **more: object) -> Beside:
    """For `west-1` of a cutover."""
    return Beside(cutover(**more), "run-2", {"west-1": driver}, {"west-1": folder}, clock)


@pytest.fixture
def driver() -> MemoryDriver:
    """All at V10."""
    return MemoryDriver({"v11": "v10", "v10": None}, {"v11": 0, "v10": 10_000})


def test_a_proxy_that_nobody_watches_is_not_prepared(tmp_path: Path, driver: MemoryDriver) -> None:
    """No watcher, or one that stands still: held after a moment, by day, with what to do."""
    clock = ManualClock()
    with pytest.raises(HeldError, match="nobody watches west-1 as it must be: no watcher was ever started") as caught:
        beside(tmp_path, clock, driver).lay("west-1")
    assert "traffic.watcher" in str(caught.value.next_step)
    heartbeat.beat(tmp_path, clock)
    with pytest.raises(HeldError, match=r"does not obey the watch\.json|gone or stands still"):
        beside(tmp_path, clock, driver).lay("west-1")


@pytest.mark.parametrize("env", ["", "http://127.0.0.1:9/"])
def test_a_watcher_that_could_call_nobody_is_found_out(
    env: str, tmp_path: Path, driver: MemoryDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable with the pager's URL is not set where the watcher runs; once it is, all is laid, by its digest."""
    monkeypatch.setenv("AUROPS_NOT_SET", env)
    clock, stop = RealClock(), threading.Event()
    watcher = Watcher(platforms(folder=tmp_path), driver, lambda _: None, clock)

    def looks() -> None:
        while not stop.wait(0.02):
            watcher.look()

    thread = threading.Thread(target=looks)
    thread.start()
    try:
        made = beside(tmp_path, clock, driver, **CRITICAL)
        if env:
            assert made.lay("west-1") == {str(tmp_path / watching.FILE): heartbeat.digest(tmp_path)}
            assert made.changed("west-1") == ""
        else:
            with pytest.raises(HeldError, match="AUROPS_NOT_SET is not set where the watcher runs"):
                made.lay("west-1")
    finally:
        stop.set()
        thread.join()
        watcher.end()


def test_a_hold_of_a_run_before_goes_and_one_of_this_run_stays(tmp_path: Path, driver: MemoryDriver) -> None:
    """All traffic is back when a new run begins; what holds this one is for a person."""
    for run, stays in (("run-1", False), ("run-2", True)):
        driver.held = Hold(run=run, cause="runner", reason="lost", who="the watcher", at="now")
        with pytest.raises(HeldError):
            beside(tmp_path, ManualClock(), driver).lay("west-1")
        assert (driver.hold() is not None) == stays
