"""When writes to V10 stop, and when they do not: what the watchers beside the proxies know at every moment."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import Mock

import pytest

from aurops.errors import OutsideError
from aurops.plan import Answer, CallUnknownError, StaleEpochError
from aurops.runner import Ending
from aurops.testing import SimulatedCrash
from tests.migration.cutovers import Scene

REFUSED = OutsideError("V10 does not answer", next_step="bring it up")
UNKNOWN = CallUnknownError("no answer within 20 s")


class Fence:
    """Says in turn what it was told to, and notes what the watchers knew."""

    def __init__(self, *said: Exception | Answer | type[BaseException]) -> None:
        self.scene = Scene()
        self.scene.ports = replace(self.scene.ports, fence=self)
        self.said, self.knew = list(said), list[str]()

    def fence(self, *_: object) -> Answer:
        """The next one; the last again and again."""
        self.knew.append(self.scene.proxies.stood_down)
        said = self.said.pop(0) if len(self.said) > 1 else self.said[0]
        if isinstance(said, Answer):
            return said
        raise said


def over(scene: Scene) -> bool:
    """Whether the watchers think that there is no way back."""
    return bool(scene.proxies.stood_down)


def test_before_writes_to_v10_stop_every_watcher_knows_that_there_is_no_way_back() -> None:
    """Who dies while he stops them leaves nobody behind who sends traffic to a V10 that takes none."""
    fence = Fence(SimulatedCrash)
    with pytest.raises(SimulatedCrash):
        fence.scene.go()
    assert fence.knew == [f"run {fence.scene.journal.run} stops writes to V10"]
    assert over(fence.scene)


def test_after_a_fence_that_certainly_failed_every_watcher_knows_that_v10_is_a_way_back() -> None:
    """It said so itself, each time: V10 takes writes. Before every try they knew the contrary; the run itself stays."""
    fence = Fence(REFUSED)
    assert fence.scene.go().ending is Ending.STUCK
    assert len(fence.knew) > 1
    assert all(fence.knew)
    assert not over(fence.scene)
    assert fence.scene.history().past_no_return
    assert fence.scene.go().ending is Ending.STUCK, "resumed"
    assert not over(fence.scene)


@pytest.mark.parametrize("first", [UNKNOWN, ValueError("a bug"), SimulatedCrash, StaleEpochError("9 is obeyed")])
def test_a_fence_that_may_have_stopped_them_once_leaves_no_way_back(
    first: Exception | type[BaseException],
) -> None:
    """Whatever later tries say: nobody knows what the first did, and V10 may take no writes."""
    fence = Fence(first, REFUSED)
    try:
        fence.scene.go()
    except (SimulatedCrash, StaleEpochError):
        assert over(fence.scene)
        fence.scene.go()
    assert len(fence.knew) > 1
    assert over(fence.scene)


def test_a_fence_whose_end_nobody_knows_leaves_no_way_back_also_after_one_that_failed() -> None:
    """The certain failure is told first, the unknown try takes it back."""
    fence = Fence(REFUSED, UNKNOWN)
    assert fence.scene.go().ending is Ending.STUCK
    assert over(fence.scene)


def test_watchers_of_whom_one_cannot_be_told_before_are_told_that_there_is_a_way_back() -> None:
    """One proxy's host is not reached: nothing was stopped, and the others do not hold for it."""
    fence = Fence(Answer())
    scene = fence.scene
    stand_down = scene.proxies.stand_down

    def partly(reason: str) -> None:
        stand_down(reason)
        raise OutsideError("nothing lies ready at west-2")

    scene.proxies.stand_down = partly  # type: ignore[method-assign]
    assert scene.go().ending is Ending.STUCK
    assert fence.knew == []
    assert not over(scene)


def test_watchers_who_cannot_be_told_that_v10_is_a_way_back_are_named() -> None:
    """Why the writes did not stop, who does not know, and what to do."""
    fence = Fence(REFUSED)
    fence.scene.proxies.stand_by = Mock(side_effect=OutsideError("west-2 is not reached"))  # type: ignore[method-assign]
    ended = fence.scene.go()
    assert ended.ending is Ending.STUCK
    assert "V10 does not answer; and not every watcher knows that V10 still takes writes: west-2 is not reached" in (
        ended.why
    )
    assert "bring it up; resume, and they are told again" in ended.why
