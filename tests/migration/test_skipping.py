"""What of a cutover a person may leave out with a word (`aurops runs skip`)."""

from aurops.requests import RequestKind, ask
from aurops.runner import Ending
from tests.migration.cutovers import Scene


def test_nobody_leaves_out_what_makes_the_way_back_or_ends_it() -> None:
    """Asked to skip them, the run prepares, rehearses and hands over all the same."""
    scene = Scene()
    asked = ["prepare west-1", "rehearse 1", "rehearse 3", "stop writes to v10"]
    for step in asked:
        ask(
            scene.store,
            scene.journal.run,
            RequestKind.SKIP,
            who="ann",
            reason="no time",
            clock=scene.clock,
            step=step,
            above_n=0,
        )
    assert scene.go().ending is Ending.DONE
    assert all(proxy.rehearsed == 3 for proxy in scene.proxies.proxies.values())
    assert scene.history().past_no_return
    assert set(asked) <= set(scene.history().results)
