"""`aurops up` that is stopped or killed in the middle: the next one finishes, and nothing is there twice."""

from __future__ import annotations

import json
import random
import signal
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.engine.fleets import HOME, KEPT, SmallFleet
from tests.engine.killing import engines, kill_engines
from tests.engine.processes import processes_of, wait_until

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

pytestmark = pytest.mark.timeout(400)
SMALL = tuple(key for key in KEPT if key != "database")
"""A network is enough to be stopped in; the campaign's kills have the database too."""


def begun(small: SmallFleet, objects: int) -> subprocess.Popen[str]:
    """Start `aurops up`; return once it has made so many objects, or has ended."""
    process = small.start("up", "--lab")
    world = small.state / "lab" / "world.sqlite"
    wait_until(lambda: process.poll() is not None or (world.exists() and len(small.objects()) >= objects), within_s=180)
    return process


def assert_whole(small: SmallFleet) -> None:
    """The stack knows every object of the world, and there is nothing left to do."""
    with small.open() as inside:
        told = json.loads(inside.aurops("lab", "status", "--json"))
        assert set(told["by_stack"]) == {HOME}, told["by_stack"]
        (row,) = json.loads(inside.aurops("status", "--lab", "--json"))
        assert row["unfinished"] == []
        (previewed,) = json.loads(inside.aurops("preview", "--lab", "--json"))["stacks"]
        assert {op for op, count in previewed["counts"].items() if count} == {"same"}


def test_ctrl_c_lets_the_engine_finish_what_it_began_and_the_run_is_resumed(tmp_path: Path) -> None:
    """Exit 130, no engine and no lock left; `runs resume` finishes the run."""
    small = SmallFleet.make(tmp_path, (HOME,), SMALL)
    process = begun(small, 10)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=180)
    assert process.returncode == 130, told
    assert engines(small.state / "lab") == []
    (run,) = json.loads(small.aurops("runs", "list", "--json"))
    small.aurops("runs", "resume", run["run"])
    assert_whole(small)


def killed_again_and_again(small: SmallFleet, chance: random.Random, kills: int) -> None:
    """`kill -9` of `aurops up`, its engine, or both, at random moments; then one that may finish."""
    lab = small.state / "lab"
    for number in range(kills):
        made = len(small.objects()) if (lab / "world.sqlite").exists() else 0
        process = begun(small, made + chance.randint(1, 12))
        if number % 3 != 1:
            process.kill()
        if number % 3 != 0:
            kill_engines(lab)
        _, told = process.communicate(timeout=180)
        assert process.returncode in (0, 3, -signal.SIGKILL), told
        wait_until(lambda: not engines(lab), within_s=180)
    small.aurops("up", "--lab")


@pytest.mark.campaign
def test_after_kill_9_the_next_up_finishes_and_makes_nothing_twice(tmp_path: Path) -> None:
    """Once `aurops up`, once its engine."""
    small = SmallFleet.make(tmp_path, (HOME,), SMALL)
    killed_again_and_again(small, random.Random(1), kills=2)
    assert_whole(small)


def last_made(small: SmallFleet) -> int:
    """Number of the last object that was ever made in the lab's cloud."""
    with closing(sqlite3.connect(small.state / "lab" / "world.sqlite")) as world:
        return int(world.execute("SELECT seq FROM sqlite_sequence WHERE name = 'objects'").fetchone()[0])


@pytest.mark.campaign
def test_a_stack_that_came_up_half_way_can_be_destroyed_and_nothing_is_made_on_the_way(tmp_path: Path) -> None:
    """Killed in the middle, then `destroy --lift-protection`: the cloud is empty, and no object was new on the way."""
    small = SmallFleet.make(tmp_path, (HOME,), SMALL)
    process = begun(small, 12)
    process.kill()
    kill_engines(small.state / "lab")
    process.communicate(timeout=60)
    # The servers outlive their session for a moment, and finish what the engine had asked for.
    wait_until(lambda: not processes_of(small.state / "lab"))
    made = last_made(small)
    small.aurops("destroy", "--lab", "--yes", code=4)
    told = small.aurops("destroy", "--lab", "--yes", "--lift-protection")
    assert "holds data" in told
    assert small.objects() == []
    assert last_made(small) == made


@pytest.mark.campaign
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(3))
def test_ten_kills_at_random_moments_leave_nothing_twice(tmp_path: Path, seed: int) -> None:
    """Ten kills of `aurops up` and of the engine, then one `up` that finishes."""
    small = SmallFleet.make(tmp_path, stacks=(HOME,))
    killed_again_and_again(small, random.Random(seed), kills=10)
    assert_whole(small)
