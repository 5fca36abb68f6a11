"""The cache of baselines: what is kept, what is not believed, and two commands at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from stacks.revision import cache as module
from stacks.revision.cache import Cache, Place
from stacks.revision.messages import Failure, Known, StackRecord
from stacks.revision.records import Recording

if TYPE_CHECKING:
    from pathlib import Path

RECORD = StackRecord("d1", {"inventory": {"a": [1, None]}}, ("home",), "", (Known("urn::a", "aws:s3:B", protect=True),))
RECORDING = Recording({"home": RECORD}, {"home": {"x": 1}}, {"home": ()}, {"home": ("eu",)}, {"eu": Failure("broken")})
KEY = "k1"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    """An empty cache."""
    return Cache(tmp_path / "cache")


def lab(cache: Cache, text: str = "state") -> Path:
    """A lab that is to be kept."""
    folder = cache.folder / "made"
    (folder / "state").mkdir(parents=True)
    (folder / "state" / "s.json").write_text(text)
    return folder


def kept(cache: Cache, text: str = "state") -> Place:
    """The place of a key with a lab in it."""
    with cache.locked(KEY, alone=True) as place:
        place.put(RECORDING, lab(cache, text), {"home": True})
        return place


def test_what_was_kept_comes_back_as_it_was(cache: Cache, tmp_path: Path) -> None:
    """Recording and lab; a later lab takes the place of the earlier one."""
    kept(cache)
    place = kept(cache, "later")
    entry = place.entry()
    assert entry is not None
    assert entry.recording == RECORDING
    assert entry.lab is not None
    assert entry.lab.up == {"home": True}
    assert place.take(entry.lab, tmp_path / "copy")
    assert (tmp_path / "copy" / "state" / "s.json").read_text() == "later"
    assert len(list(place.folder.glob("lab-*"))) == 1


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": 99}', '{"schema": 1, "recording": {}}'])
def test_an_entry_that_is_not_whole_counts_as_none(cache: Cache, text: str) -> None:
    """Cut short, empty, or of another version."""
    place = kept(cache)
    (place.folder / "entry.json").write_text(text)
    assert place.entry() is None


def test_a_lab_that_is_not_what_was_kept_is_not_taken(cache: Cache, tmp_path: Path) -> None:
    """One byte, or a file too many; nothing of it is left where it was wanted."""
    place = kept(cache)
    entry = place.entry()
    assert entry
    assert entry.lab
    (place.folder / entry.lab.name / "more").write_text("")
    assert not place.take(entry.lab, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_who_writes_is_alone_and_who_waits_is_told(cache: Cache) -> None:
    """A second command waits for the first, is told so once, and then finds its work done."""
    told, found = threading.Event(), []

    def second() -> None:
        with cache.locked(KEY, alone=True, waiting=told.set) as place:
            found.append(place.entry())

    with cache.locked(KEY, alone=True) as place:
        thread = threading.Thread(target=second)
        thread.start()
        assert told.wait(10)
        place.put(RECORDING)
    thread.join()
    assert found[0] is not None
    assert found[0].recording == RECORDING


def test_a_killed_command_leaves_nothing_that_counts(cache: Cache) -> None:
    """Killed while it made a baseline: its lock is free, its scratch folder goes with the next clean-up."""
    program = (
        "import sys, os, signal; from pathlib import Path; from stacks.revision.cache import Cache\n"
        "cache = Cache(Path(sys.argv[1]))\n"
        "with cache.scratch() as scratch, cache.locked('k1', alone=True) as place:\n"
        "    (scratch / 'half').write_text('x'); (place.folder / 'entry.json.new').write_text('{')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, cache.folder], check=False, timeout=60)
    left = list((cache.folder / "scratch").iterdir())
    assert [each.name for each in left[0].iterdir() if each.name != "lock"] == ["half"]
    with cache.locked(KEY, alone=True, waiting=lambda: pytest.fail("the lock is still held")) as place:
        assert place.entry() is None
    with cache.scratch() as mine:
        cache.prune()
        assert list((cache.folder / "scratch").iterdir()) == [mine]


def test_what_nobody_uses_goes_and_what_somebody_uses_stays(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    """By age, and the oldest first when all take too much room."""
    for name, age_s in (("old", 2 * module.LONGEST_S), ("older", 3 * module.LONGEST_S), ("new", 0.0)):
        with cache.locked(name, alone=True) as place:
            place.put(RECORDING)
        at_s = cache.now_s() - age_s
        os.utime(place.folder / "entry.json", (at_s, at_s))
    with cache.locked("older", alone=False):
        cache.prune()
    assert {each.name for each in (cache.folder / "baselines").iterdir()} == {"older", "new"}
    monkeypatch.setattr(module, "MOST_BYTES", 1)
    cache.prune()
    assert list((cache.folder / "baselines").iterdir()) == []


def test_an_entry_is_plain_json(cache: Cache) -> None:
    """Nothing in a cache that somebody else could write to is ever executed."""
    place = kept(cache)
    assert json.loads((place.folder / "entry.json").read_text())["schema"] == module.SCHEMA
