"""What holds for every test."""

from __future__ import annotations

import atexit
import gc
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

from aurops.caches import CACHE_HOME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xdist.scheduler import Scheduling

# A busy machine must not fail a property: time is asserted in benchmarks and campaigns only.
settings.register_profile("aurops", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("aurops")

# A suite that a shell runs in the background or under nohup inherits ignored signals, and so would the commands under
# test, which rightly go on ignoring them. With handlers of our own, a child begins with the defaults.
for _signum, _handler in (
    (signal.SIGINT, signal.default_int_handler),
    (signal.SIGHUP, lambda *_: None),
    (signal.SIGTERM, lambda *_: None),
):
    if signal.getsignal(_signum) is signal.SIG_IGN:
        signal.signal(_signum, _handler)

# Every start of the Pulumi CLI (Go) costs a quarter of a second of CPU time, a third of it for collecting garbage.
os.environ.setdefault("GOGC", "400")

# The SDKs of three clouds are half a million objects that stay. With Python's own thresholds, to look through them for
# cycles again and again takes a third of the CPU time of the tests of components.
gc.set_threshold(100_000, 50, 1_000)

_GIVES_WAY = 5
_GAVE_WAY: list[int] = []

# What the lab reads of the SDKs' types is read once for all of a run's sessions, workers included, and nowhere kept.
if CACHE_HOME not in os.environ:
    os.environ[CACHE_HOME] = tempfile.mkdtemp(prefix="aurops-test-cache-")
    atexit.register(shutil.rmtree, os.environ[CACHE_HOME], ignore_errors=True)


@pytest.hookimpl(trylast=True)  # when each folder has put its marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What starts real processes mostly waits, so it begins first and everything else is run beside it.

    Then the engine's: what takes long is not left for the end, when the other workers have nothing to do.
    """
    for item in items:
        if item.get_closest_marker("e2e") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(400))  # a drill on a busy machine takes minutes and is no hang
    items.sort(key=lambda item: (not item.get_closest_marker("e2e"), not item.get_closest_marker("engine")))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """In a run of several workers what is only work gives way to what has clients that wait for it.

    A worker that is through with the real processes never gets such a test again; so its priority need not come back.
    """
    if "PYTEST_XDIST_WORKER" in os.environ and not item.get_closest_marker("e2e") and not _GAVE_WAY:
        _GAVE_WAY.append(os.nice(_GIVES_WAY))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    """What `--dist loadfile` means here: `tests/abreast.py`."""
    from tests.abreast import Abreast  # noqa: PLC0415 (a run without workers needs none)

    return Abreast(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB; needs the right to mount."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", disk], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"may not mount: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", disk], check=True)


@pytest.fixture
def another_file_system(tmp_path: Path) -> Iterator[Path]:
    """An empty folder on another file system than `tmp_path`."""
    here = tmp_path.stat().st_dev
    for place in (Path("/dev/shm"), Path("/run"), Path.home(), Path.cwd()):  # noqa: S108 (a folder of its own in it)
        if place.is_dir() and os.access(place, os.W_OK) and place.stat().st_dev != here:
            with tempfile.TemporaryDirectory(dir=place, prefix="aurops-test-") as folder:
                yield Path(folder)
            return
    pytest.skip("this machine has one file system that a test may write to")
