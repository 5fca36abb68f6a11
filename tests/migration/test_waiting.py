"""A run that waits for people while what it waits for has lost its sense: it ends, and says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aurops.runner import Ending
from migration import execute
from migration.model import Held
from tests.migration.cutovers import Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from aurops.runner import Result


def waited(scene: Scene, happens: Callable[[], None]) -> tuple[Result, float]:
    """How a run ends that stays at its gates, and how long after something happens while it waits for people; s."""
    scene.keeper.shut = frozenset({"people"})
    assert scene.go().ending is Ending.AT_GATE
    at_s = list[float]()

    def hear(text: str) -> None:
        if text == "waits: people is closed: 0 of 1 approvals; asked: ann" and not at_s:
            happens()
            at_s.append(scene.clock.now_s())
        assert scene.clock.now_s() < deadline_s, "it waits on and on"

    deadline_s = scene.clock.now_s() + 3600
    ports, probing = scene.ports, scene.probing
    ended = execute.execute(
        scene.open(),
        scene.target,
        store=scene.store,
        clock=scene.clock,
        ports=ports,
        probing=probing,
        tell=hear,
        wait=True,
    )
    return ended, scene.clock.now_s() - at_s[0]


@pytest.mark.timeout(60)
def test_a_rollback_ends_a_run_that_waits_for_people() -> None:
    """At its next look, not when somebody approves what is over: held, with who rolled back and why."""
    scene = Scene()
    ended, after_s = waited(scene, lambda: scene.roll_back(who="bob"))
    assert (ended.ending, "was rolled back by bob: errors" in ended.why) == (Ending.HELD, True)
    assert after_s < 30


@pytest.mark.timeout(60)
def test_a_watchers_hold_ends_a_run_that_waits_for_people() -> None:
    """The same for a hold."""
    scene = Scene()

    def happens() -> None:
        scene.proxies.proxies["west-2"].hold = Held(scene.journal.run, "the runner is lost", "the watcher")

    ended, after_s = waited(scene, happens)
    assert (ended.ending, "west-2 is held by the watcher" in ended.why) == (Ending.HELD, True)
    assert after_s < 30
