"""A cutover of real proxies whose runner is killed by SIGKILL, at any point, and taken up by another: the same end."""

from __future__ import annotations

from itertools import count, takewhile
from typing import TYPE_CHECKING, Any

import pytest

from aurops.errors import AuropsError
from aurops.history import History
from migration.model import NEW, OLD
from tests.aurops.gates.people import needs_ssh_keygen
from tests.e2e.connected import Point
from tests.e2e.killable import CLOCK, STEPS, Scene, Seen, is_gate, is_killed, set_up
from traffic.driver import TOTAL_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.killable import Cutover

pytestmark = [pytest.mark.e2e, pytest.mark.campaign, pytest.mark.timeout(7200), needs_ssh_keygen]
CHUNKS = 6
MOST_KILLS = 90


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Envoy and NGINX, all traffic at V10."""
    with set_up(tmp_path_factory.mktemp("kills")) as made:
        yield made


def end_state(cutover: Cutover) -> dict[str, Any]:
    """What a cutover leaves behind, epochs left out; weights as the proxies' own interfaces say them."""
    proxies = {}
    for name, bed in cutover.scene.beds.items():
        now, standing = bed.driver.observe(), bed.driver.standing()
        weights = {side: weight for side, weight in now.steering.weights.items() if weight}
        clean = (now.foreign, bed.driver.changed(), bed.driver.hold(), standing.latch)
        proxies[name] = (weights, clean, standing.version == now.version, now.flows[OLD].under_way)
    history = History(cutover.journal.records)
    return {
        "proxies": proxies,
        "finished": history.finished,
        "decisions": history.decisions,
        "steps": sorted(cutover.intents()),
        "fenced": cutover.fenced.exists(),
        "no way back": bool(cutover.scene.ready().over),
        "signed": cutover.signed,
    }


def carried_out(scene: Scene, dies: str = "", *, most: int = 1) -> tuple[Cutover, list[str]]:
    """A whole cutover under clients, and what is wrong with it.

    Args:
        scene: Where.
        dies: Where its runner dies; empty: nowhere.
        most: So many of its runners die there, each of them taken up by the next; the last one does not.
    """
    cutover, wrong = scene.cutover(), list[str]()
    with scene.clients() as clients, Seen(scene.beds) as seen:
        code = cutover.attend(cutover.begin(dies))
        while is_killed(code):
            cutover.kills += 1
            if History(cutover.journal.records).finished:  # it had said so, and nothing was left to do
                code = 0
                break
            code = cutover.attend(cutover.resume(dies if cutover.kills < most else ""))
    wrong += [f"it ended with {code}: {cutover.said}"] if code else []
    wrong += scene.lost(clients) + seen.backwards()
    for name in scene.beds:
        path = seen.path(name)
        wrong += [] if path == sorted(path) and {0, *path} <= {0, *STEPS} else [f"{name}: V11 had {path}"]
    return cutover, wrong + twice(cutover)


def twice(cutover: Cutover) -> list[str]:
    """What the journal says wrongly: an epoch that went down, a step that was recorded twice or not at all."""
    journal = cutover.journal
    journal.verify()
    epochs = [record.epoch for record in journal.records if record.epoch is not None]
    wrong = [] if epochs == sorted(epochs) else [f"epochs of the journal: {epochs}"]
    done, intents = cutover.done(), cutover.intents()
    for step in intents:
        if done[step] > 1 and not is_gate(step):
            wrong.append(f"`{step}` was recorded {done[step]} times")
        is_seen = step.startswith(("shift", "send probes"))  # of these the world says that they are done, and that once
        if not done[step] and not (is_seen and intents[step] <= cutover.kills):
            wrong.append(f"`{step}` was announced {intents[step]} times and never recorded")
    well = [history for history in cutover.rehearsed() if history.finished == "done"]
    return wrong + ([] if len(well) >= 3 else [f"{len(well)} rehearsals ended well"])


@pytest.fixture(scope="module")
def clean(scene: Scene) -> tuple[dict[str, Any], int]:
    """What a cutover leaves behind that nobody disturbs, and how many records it writes."""
    cutover, wrong = carried_out(scene)
    assert wrong == []
    state = end_state(cutover)
    assert state["proxies"] == {
        name: ({NEW: TOTAL_WEIGHT}, ("", "", None, None), True, 0) for name in ("envoy", "nginx")
    }
    assert (state["finished"], state["fenced"], state["no way back"]) == ("done", True, True)
    return state, cutover.records()


def killed(scene: Scene, clean: dict[str, Any], point: Point, number: int) -> list[str] | None:
    """What is wrong after the runner was killed there; empty: nothing; None: it had come to its end before."""
    began_s = CLOCK.now_s()
    try:
        cutover, wrong = carried_out(scene, f"{point} {number}")
        left, was_killed = end_state(cutover), bool(cutover.kills)
    except (AssertionError, AuropsError, ValueError) as error:  # the others are tried all the same
        wrong, left, was_killed = [f"{type(error).__name__}: {error}"], clean, True
    wrong += [f"{key}: {left[key]} and not {clean[key]}" for key in clean if left[key] != clean[key]]
    said = wrong or ("the same end" if was_killed else "it had ended")
    print(f"{point} {number}: {said} ({CLOCK.now_s() - began_s:.0f} s)", flush=True)  # noqa: T201 (`pytest -s`)
    return [f"{point} {number}: {each}" for each in wrong] if wrong or was_killed else None


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_a_runner_killed_at_any_record_ends_in_the_same_state(
    chunk: int, scene: Scene, clean: tuple[dict[str, Any], int]
) -> None:
    """At every record of its journal and of its rehearsals': same weights, steps recorded once, no request lost."""
    state, records = clean
    found = [killed(scene, state, Point.RECORD, number) for number in range(1 + chunk, records + 1, CHUNKS)]
    assert [each for wrong in found for each in wrong or ()] == []
    assert found.count(None) <= 1  # it waits a little longer at a gate here, a little shorter there


@pytest.mark.parametrize("point", [Point.EFFECT, Point.WRITTEN])
def test_a_runner_killed_within_any_call_ends_in_the_same_state(
    point: Point, scene: Scene, clean: tuple[dict[str, Any], int]
) -> None:
    """After each call's effect and before its result; between a proxy's file and the word that it obeys."""
    found = takewhile(lambda wrong: wrong is not None, (killed(scene, clean[0], point, n) for n in count(1)))
    each_time = list(found)
    assert [each for wrong in each_time for each in wrong or ()] == []
    assert len(each_time) > len(STEPS) * len(scene.beds)


@pytest.mark.parametrize("records", [5, 6, 8])  # taking over and announcing a call to each of two proxies takes 4
def test_runners_that_are_killed_again_and_again_end_in_the_same_state(
    records: int, scene: Scene, clean: tuple[dict[str, Any], int]
) -> None:
    """Each dies when it has written so many records of the run, and is a step or two further at most: the same end."""
    cutover, wrong = carried_out(scene, f"{Point.OWN} {records}", most=MOST_KILLS)
    print(f"{records} records each: killed {cutover.kills} times, {wrong or 'the same end'}")  # noqa: T201 (`pytest -s`)
    assert wrong == []
    assert end_state(cutover) == clean[0]
    assert clean[1] // records // 2 < cutover.kills < MOST_KILLS, "each got on"
