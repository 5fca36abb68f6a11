"""A steering file that somebody changed by hand: noticed at once, and nothing goes on as if it were aurops'."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.receivers import Receiver, receiving
from tests.traffic.played import Place, steering
from traffic import watching
from traffic.driver import TOTAL_WEIGHT, TamperedError
from traffic.folder import ProxyFolder
from traffic.watcher import Watcher
from traffic.watching import Watching


class Watched(Place):
    """A played proxy with a watcher that calls a person."""

    def __init__(self, folder: Path, person: Receiver) -> None:
        super().__init__(folder)
        said = {"service": "ledger", "run": "run-1", "proxy": "edge", "page": {"url": person.url}}
        watching.lay(folder, Watching.model_validate(said))
        self.told = list[str]()
        self.person = person
        self.watcher = Watcher(self.site, self.driver, self.told.append, self.clock)

    def edit(self, old: str = '"weight": 10000', new: str = '"weight": 9000') -> None:
        """An editor saves the file in place, under the name that it had."""
        text = self.proxy.live.read_text()
        assert old in text
        self.proxy.live.write_text(text.replace(old, new))

    def look_until_called(self) -> None:
        """Until a person has heard as often as the watcher had reason to call."""
        for _ in range(500):
            self.watcher.look()
            if self.person.got:
                return
            self.person.go.wait(0.02)
        raise AssertionError(self.told)


@pytest.fixture
def watched(tmp_path: Path) -> Iterator[Watched]:
    """All at V10, as before the first step."""
    with receiving() as person:
        made = Watched(tmp_path, person)
        yield made
        made.watcher.end()


@pytest.mark.parametrize("how", ["edited", "deleted", "the proxy is down"])
def test_the_watcher_holds_and_calls_before_the_proxy_has_read_it(how: str, watched: Watched) -> None:
    """At its next look: with the file, and what to do. What is in effect stays."""
    watched.watcher.look()
    assert (watched.told, watched.driver.hold()) == ([], None)
    watched.proxy.up = how != "the proxy is down"
    watched.edit() if how != "deleted" else watched.proxy.live.unlink()
    watched.watcher.look()
    held = watched.driver.hold()
    assert held is not None
    assert "Somebody else changed what steers this proxy: " in held.reason
    assert str(watched.proxy.live) in held.reason
    assert f"cp {watched.site.folder / 'written'}" in held.reason
    watched.look_until_called()
    for _ in range(5):
        watched.watcher.look()
    assert [page["kind"] for page in watched.person.got] == ["hold"]
    assert str(watched.proxy.live) in watched.person.got[0]["text"]
    watched.proxy.up = True
    assert watched.driver.observe().steering == steering(0, 1)


def test_under_a_latch_it_is_put_right_at_once(watched: Watched) -> None:
    """Everything belongs at the way back, whoever wrote: a person hears of it, and the latch stays as it was."""
    watched.driver.roll_back("orders look wrong", "bob")
    latch = watched.driver.latch()
    watched.edit()
    watched.look_until_called()
    assert watched.driver.changed() == ""
    assert watched.driver.latch() == latch
    assert watched.driver.observe().steering.weight("v10") == TOTAL_WEIGHT
    assert "a latch holds, and is put right: Somebody else changed" in watched.person.got[0]["text"]


def test_a_proxy_that_was_not_installed_yet_is_nobodys_change(tmp_path: Path) -> None:
    """A watcher that is started first holds nothing."""
    with receiving() as person:
        watched = Watched(tmp_path, person)
        (tmp_path / "written").unlink()
        watched.proxy.live.unlink()
        assert watched.driver.changed() == ""
        watched.watcher.end()


def test_what_the_proxy_has_loaded_is_not_taken_for_what_its_version_names(watched: Watched) -> None:
    """Its weights were edited under the version that it had, and the file put back: seen, held, and not taken up."""
    text = watched.proxy.live.read_text()
    for name, weight in (("v11+", 9_000), ("v10", 1_000)):
        before = 0 if name == "v11+" else TOTAL_WEIGHT
        watched.edit(f'"name": "{name}", "weight": {before}', f'"name": "{name}", "weight": {weight}')
    watched.proxy.take()
    watched.proxy.live.write_text(text)
    assert watched.driver.changed() == ""
    now = watched.driver.observe()
    assert now.steering.weight("v11") == 9_000
    assert now.version != watched.proxy.version_of(text)
    assert "Somebody else has steered: v11 9000, v10 1000" in now.foreign
    with pytest.raises(TamperedError, match="Somebody else has steered"):
        watched.driver.shift(now.steering)
    watched.look_until_called()
    assert "Somebody else has steered: v11 9000, v10 1000" in watched.person.got[0]["text"]
    assert watched.driver.hold() is not None
    assert not watched.driver.roll_back("go back", "bob").foreign
    assert watched.driver.observe().steering.weight("v10") == TOTAL_WEIGHT


def test_a_release_writes_over_nothing_that_somebody_else_changed(watched: Watched) -> None:
    """The latch stays and so does the change, for whoever is to look at it, unless who releases says otherwise."""
    watched.driver.roll_back("orders look wrong", "bob")
    watched.edit()
    edited = watched.proxy.live.read_text()
    with pytest.raises(TamperedError, match="Somebody else changed"):
        watched.driver.release("ann", 9)
    assert (watched.proxy.live.read_text(), watched.driver.latch() is not None) == (edited, True)
    watched.driver.release("ann", 9, overwrite=True)
    assert (watched.driver.changed(), watched.driver.latch()) == ("", None)
    watched.edit()
    watched.watcher.look()
    with pytest.raises(TamperedError, match="Somebody else changed"):
        watched.driver.release_hold("ann")
    assert watched.driver.hold() is not None
    watched.driver.release_hold("ann", overwrite=True)
    assert (watched.driver.changed(), watched.driver.hold()) == ("", None)


def test_a_file_that_stays_the_same_is_looked_through_once_and_every_change_of_it_is_seen(tmp_path: Path) -> None:
    """However often the watcher asks; also when the change is undone and made again, of the same length."""
    looked_through = []

    def version_of(text: str) -> str:
        looked_through.append(text)
        if text != "ours":
            raise ValueError("not as aurops wrote it")
        return "1-ours"

    live = tmp_path / "live"
    files = ProxyFolder(tmp_path, live, version_of)
    for _ in range(2):
        live.write_text("ours")
        assert [files.changed() for _ in range(20)] == [""] * 20
        live.write_text("edit")
        assert all("not as aurops wrote it" in files.changed() for _ in range(3))
    assert looked_through.count("ours") == 1
