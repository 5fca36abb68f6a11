"""What lies ready for a rollback, and who has checked it."""

import os
import shutil
from pathlib import Path

import pytest

from aurops.errors import OutsideError
from migration.proxies import Proxies
from tests.traffic.played import Place, steering
from tests.traffic.sites import platforms
from traffic import envoy_routes
from traffic.dialects import EnvoyDialect
from traffic.driver import TOTAL_WEIGHT

NOBODY_FELL = {"v11": 0, "baseline": 0}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Fresh."""
    return Place(tmp_path)


def test_what_lies_ready_after_each_step_was_checked_by_the_proxys_own_binary(place: Place) -> None:
    """Once for each epoch, and again when a rollback has used it up: the same is not asked about at every step."""
    ready, asked = place.site.folder / "way-back", []
    for weights in (steering(100, 2), steering(500, 2), steering(0, 2), steering(500, 3), steering(900, 3)):
        place.driver.shift(weights)
        assert ready.read_text() == place.proxy.checked[-1]
        assert ready.read_text() == place.proxy.render(steering(0, weights.epoch + 1), NOBODY_FELL).text
        asked.append(len(place.proxy.checked))
    assert asked == [1, 1, 1, 2, 2]
    place.driver.roll_back("because", "bob")
    place.driver.release("alice", 9)
    place.driver.shift(steering(100, 9))
    assert ready.read_text() == place.proxy.checked[-1]
    assert len(place.proxy.checked) == 3


def test_no_step_goes_forward_over_a_way_back_that_the_binary_refuses_but_back_it_goes(place: Place) -> None:
    """What lay there stays, and so does what is in effect; less for V11 needs nobody's leave."""
    place.driver.shift(steering(500, 2))
    ready = (place.site.folder / "way-back").read_text()
    before = place.driver.observe()
    place.proxy.refuses = "unknown cluster"
    for step in (lambda: place.driver.shift(steering(600, 3)), lambda: place.driver.shift(steering(500, 3))):
        with pytest.raises(OutsideError, match="unknown cluster"):
            step()
    with pytest.raises(OutsideError, match="unknown cluster"):
        place.driver.lay_way_back()
    assert place.driver.observe() == before
    assert place.driver.shift(steering(100, 3)).steering == steering(100, 3)
    assert (place.site.folder / "way-back").read_text() == ready
    assert place.driver.roll_back("because", "bob").steering.weight("v10") == TOTAL_WEIGHT


def test_a_way_back_on_another_file_system_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback would be no single move; it is said before anything is moved, with both files."""
    assert "right" in place.driver.lay_way_back()
    plain = Path.stat

    def elsewhere(path: Path, **named: bool) -> os.stat_result:
        found = plain(path, **named)
        if path.name != "way-back":
            return found
        return os.stat_result((*found[:2], found.st_dev + 1, *found[3:]))

    monkeypatch.setattr(Path, "stat", elsewhere)
    with pytest.raises(OutsideError, match="two file systems"):
        place.driver.lay_way_back()


def test_a_live_file_that_really_is_on_another_file_system_is_refused_at_preparation(
    place: Place, another_file_system: Path
) -> None:
    """`live/` is elsewhere, by a link: nothing is laid ready, nothing is moved, and it says which two files."""
    live = place.proxy.live
    text = live.read_text()
    shutil.rmtree(live.parent)
    live.parent.symlink_to(another_file_system, target_is_directory=True)
    live.write_text(text)
    before = place.driver.observe()
    laid: list[str] = []

    def lay_ready(proxy: str, within_s: float) -> dict[str, str]:
        laid.append(f"{proxy} {within_s}")
        return {}

    target = Proxies({"edge": place.driver}, place.clock, who="ann", drain_s=0, lay_ready=lay_ready)
    with pytest.raises(OutsideError, match="two file systems: a rollback could not be one move") as refused:
        target.prepare("edge", 10_000, 30.0)
    assert refused.value.where == f"{place.site.folder / 'way-back'}, {live}"
    assert "on one file system" in str(refused.value.next_step)
    assert laid == []
    assert place.driver.observe() == before
    assert (place.driver.latch(), live.read_text()) == (None, text)


def test_without_the_proxys_own_binary_nothing_is_taken_for_checked(tmp_path: Path) -> None:
    """It says what to name, and where."""
    dialect = EnvoyDialect(platforms(folder=tmp_path, program=str(tmp_path / "envoy")))
    with pytest.raises(OutsideError, match="could check what the proxy") as refused:
        dialect.validate(envoy_routes.render(platforms(), steering(0, 1), {}).text)
    assert "`program`" in str(refused.value.next_step)
