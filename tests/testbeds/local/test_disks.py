"""Disks that are full or slow, where this user may make them so."""

import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aurops.errors import OutsideError
from testbeds.local import layout, volumes
from testbeds.local.layout import Layout
from testbeds.local.mechanisms import lacking, mechanism
from testbeds.local.processes import BED_MARK, REGION_MARK

WAITS = "import signal; print(flush=True); signal.pause()"


@pytest.fixture
def place(tmp_path: Path) -> Layout:
    """A bed whose north has a volume of its own, and of which nothing runs."""
    components = layout.Components(postgres_bin="", valkey="", envoy="")
    place = layout.plan(uuid.uuid4().hex, tmp_path, 20_000, components, None, "north")
    place.region("north").volume.mkdir(parents=True)
    return place


@pytest.fixture
def agent(place: Layout) -> Iterator[subprocess.Popen[bytes]]:
    """Stands in for north's agent, with the volume mounted."""
    if why := lacking("disk-full"):
        pytest.skip(why)
    region = place.region("north")
    command = volumes.enclosed(region, [sys.executable, "-c", WAITS, "testbeds.local.agent"])
    env = {**os.environ, BED_MARK: place.bed, REGION_MARK: "north"}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    yield process
    process.kill()
    process.communicate()


def test_a_volume_is_small_and_only_its_own_processes_see_it(
    place: Layout, agent: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    """It is gone with them, and nothing is left mounted."""
    volume = place.region("north").volume
    seen = os.statvfs(volumes.inside(agent.pid, volume))
    assert seen.f_blocks * seen.f_frsize == volumes.SIZE_BYTES
    (volumes.inside(agent.pid, volume) / "there").touch()
    assert list(volume.iterdir()) == []
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


def test_a_full_disk_stays_full_until_the_space_is_given_back(
    place: Layout, agent: subprocess.Popen[bytes], start: Any, wait_for: Any
) -> None:
    """What is freed meanwhile is taken again; afterwards there is room."""
    region = place.region("north")
    region.data.mkdir()
    start(cwd=region.data)  # a PostgreSQL that still runs needs nobody to start it
    inside = volumes.inside(agent.pid, region.volume)
    freed = inside / "freed"
    freed.write_bytes(bytes(1024 * 1024))
    full = mechanism("disk-full", "north", place)
    full.ready()
    assert not full.proved()
    full.inject()
    assert full.proved()
    freed.unlink()
    wait_for(full.proved)
    full.undo()
    assert not full.proved()
    assert list(inside.iterdir()) == []


def test_a_region_without_a_volume_cannot_be_filled(place: Layout) -> None:
    """The disk that it shares with the machine is left alone."""
    with pytest.raises(OutsideError):
        mechanism("disk-full", "south", place).ready()


def test_a_slow_disk_is_slow_for_its_database_only_and_ends(place: Layout, start: Any) -> None:
    """A write of its control group takes too long; afterwards there is no such group."""
    if why := lacking("slow-disk"):
        pytest.skip(why)
    data = place.region("south").data
    data.mkdir(parents=True)
    database = start(cwd=data)
    slow = mechanism("slow-disk", "south", place)
    slow.ready()
    before = Path(f"/proc/{database.pid}/cgroup").read_text()
    try:
        assert slow.inject() == 1
        assert slow.proved()
        assert place.bed in Path(f"/proc/{database.pid}/cgroup").read_text()
    finally:
        slow.undo()
    assert place.bed not in Path(f"/proc/{database.pid}/cgroup").read_text()
    assert Path(f"/proc/{database.pid}/cgroup").read_text() == before
    slow.undo()


def test_what_lies_on_no_disk_cannot_be_slowed_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary user, or a machine without such control groups, is told so."""
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "only root" in lacking("slow-disk")
    monkeypatch.undo()
    monkeypatch.setattr(tempfile, "gettempdir", lambda: "/proc")
    assert lacking("slow-disk")
    assert lacking("kill") == ""
