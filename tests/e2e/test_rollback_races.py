"""A rollback raced against a run that is taken up, on real proxies: the rollback wins, whoever comes first."""

from __future__ import annotations

import random
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from aurops.clock import RealClock
from aurops.errors import AuropsError, HeldError
from aurops.journal import RecordKind
from aurops.plan import CallUnknownError, StaleEpochError
from migration import rollback
from migration.model import NEW, OLD
from migration.proxies import Proxies
from tests.aurops.gates.people import needs_ssh_keygen
from tests.e2e.killable import PROXIES, SIGNED, Scene, Seen, is_killed, set_up
from tests.e2e.test_hosts import EDGE
from traffic.driver import TOTAL_WEIGHT, Steering

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator

    from testbeds.local.steering.bed import Bed
    from tests.e2e.killable import Cutover

pytestmark = [pytest.mark.e2e, pytest.mark.campaign, pytest.mark.timeout(7200), needs_ssh_keygen]
CLOCK = RealClock()
SEED = 8
RACES = 14
"""Of each order, by command."""
MOMENTS = 100
"""Of each proxy, within milliseconds."""
LATER_S = {"before": (-1.5, -0.3), "at the same time as": (-0.3, 0.3), "after": (0.3, 8.0)}
"""So much later than `resume` begins `rollback`, by their order; seconds."""
WITHIN_S = (-0.02, 0.06)
"""The same of a rollback and a step of one proxy; a step takes 10 to 30 ms."""
PREPARED, BEFORE_HAND_OVER = 10, 74
"""Records: of a run that has laid a rollback ready, and that is not at its last approval."""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """Envoy and NGINX, all traffic at V10."""
    with set_up(tmp_path_factory.mktemp("races")) as made:
        yield made


@dataclass(frozen=True)
class Sent:
    """What V11 got by a proxy's own count and by its server's."""

    counted: int
    executed: int


def sent(bed: Bed) -> Sent:
    """So far."""
    return Sent(bed.driver.observe().flows[NEW].requests, sum(bed.executed(NEW)))


def back(cutover: Cutover, number: int) -> subprocess.Popen[bytes]:
    """`aurops rollback` on the proxies' own host or on an operator's, in turn."""
    host = (EDGE, "ops-1")[number % 2]
    return cutover.aurops("rollback", "ledger", "--reason", f"race {number}", "--json", host=host)


@pytest.mark.parametrize("order", LATER_S)
def test_a_rollback_by_command_wins_against_a_run_that_is_resumed(order: str, scene: Scene) -> None:
    """Begun before, with and after `resume`, wherever the runner had died: all at V10, latched, and it stays so."""
    wrong = []
    for number in range(RACES):
        chance = random.Random(f"{SEED} {order} {number}")
        dies, later_s = chance.randrange(PREPARED, BEFORE_HAND_OVER), chance.uniform(*LATER_S[order])
        try:
            found = raced(scene.cutover(), number, dies, later_s)
        except (AssertionError, AuropsError, ValueError) as error:  # the others are raced all the same
            found = [f"{type(error).__name__}: {error}"]
        said = f"rollback {later_s:+.2f} s, resumed after record {dies}: {found or 'the rollback won'}"
        print(said, flush=True)  # noqa: T201 (`pytest -s`)
        wrong += [f"race {number}: {said}"] if found else []
    assert wrong == []


def raced(cutover: Cutover, number: int, dies: int, later_s: float) -> list[str]:
    """One race; what is wrong at its end."""
    scene = cutover.scene
    with scene.clients() as clients, Seen(scene.beds) as seen:
        if not is_killed(cutover.attend(cutover.begin(f"record {dies}"), signs=SIGNED[:1])):
            return [f"it was not killed: {cutover.said}"]
        first, second = [cutover.resume, lambda: back(cutover, number)][:: 1 if later_s > 0 else -1]
        one = first()
        CLOCK.sleep(abs(later_s))
        other = second()
        resumed, rolled = (one, other) if later_s > 0 else (other, one)
        ended_s, before = list[float](), dict[str, Sent]()

        def end() -> None:
            rolled.wait(60)
            ended_s.append(CLOCK.now_s())
            before.update({name: sent(bed) for name, bed in scene.beds.items()})

        ends = threading.Thread(target=end)
        ends.start()
        cutover.attend(resumed, signs=SIGNED[:1])
        ends.join()
        again = cutover.attend(cutover.resume())
        after = {name: sent(bed) for name, bed in scene.beds.items()}
    wrong = [f"rollback ended with {rolled.returncode}: {cutover.said}"] if rolled.returncode else []
    wrong += [f"resume ended with {resumed.returncode}: {cutover.said}"] if resumed.returncode != 4 else []
    wrong += [f"resumed again it ended with {again}: {cutover.said}"] if again != 4 else []
    wrong += [] if "was rolled back by" in cutover.said else [f"it does not say why: {cutover.said}"]
    wrong += [f"{name}: V11 got {before[name]}, then {after[name]}" for name in before if before[name] != after[name]]
    wrong += (
        seen.backwards()
        + scene.lost(clients)
        + [each for bed in scene.beds.values() for each in not_back(bed, f"race {number}")]
    )
    for name in scene.beds:
        late = [look.weight for look in seen.of[name] if look.at_s > ended_s[0]]
        wrong += [f"{name}: V11 has weight after the rollback's end: {late}"] if any(late) else []
    late_steps = [
        str(record.data["step"])
        for record in cutover.journal.records
        if record.kind is RecordKind.INTENT
        and str(record.data["step"]).startswith("shift")
        and record.at_s > ended_s[0]
    ]
    return wrong + [f"announced after the rollback's end: {step}" for step in late_steps]


def not_back(bed: Bed, reason: str) -> list[str]:
    """Why a proxy is not rolled back for good; empty: it is."""
    now, latch, standing = bed.driver.observe(), bed.driver.latch(), bed.driver.standing()
    wrong = [] if now.steering.weight(OLD) == TOTAL_WEIGHT else [f"{bed.site.kind}: {now.steering.weights}"]
    wrong += [] if standing.version == now.version else [f"{bed.site.kind}: it starts with {standing.version}"]
    if latch is None or latch.rehearsal or latch.reason != reason:
        wrong.append(f"{bed.site.kind}: its latch is {latch}")
    else:
        with suppress(HeldError):
            bed.driver.shift(Steering({NEW: 100, OLD: 9_900, "baseline": 0}, latch.epoch + 100))
            wrong.append(f"{bed.site.kind}: moved forward below a latch")
    return wrong


@pytest.mark.parametrize("name", PROXIES)
def test_a_rollback_wins_against_a_step_within_milliseconds(name: str, scene: Scene) -> None:
    """A runner's step, and a rollback around its begin and its end: all at V10, and V11 gets nothing any more."""
    scene.reset()
    bed = scene.beds[name]
    target = Proxies({name: bed.driver}, CLOCK, who="the run", drain_s=0)
    wrong, steps = list[str](), list[str]()
    with scene.clients() as clients:
        for number in range(MOMENTS):
            chance = random.Random(f"{SEED} {name} {number}")
            later_s = chance.uniform(*WITHIN_S)
            epoch = bed.driver.observe().steering.epoch + chance.choice([0, 1, 5])
            step = threading.Thread(target=stepping, args=(target, name, epoch, max(0.0, -later_s), steps))
            step.start()
            CLOCK.sleep(max(0.0, later_s))
            (found,) = rollback.roll_back({name: bed.driver}, f"moment {number}", "ann", CLOCK, within_s=10)
            before = sent(bed)
            step.join()
            here = [] if found.ok else [f"the rollback failed: {found.why}"]
            here += not_back(bed, f"moment {number}")
            here += [] if before == sent(bed) else [f"V11 got {before}, then {sent(bed)}"]
            wrong += [f"{name}, {number}, {later_s * 1000:+.1f} ms, epoch {epoch}: {each}" for each in here]
            scene.reset()
    assert wrong + scene.lost(clients) == []
    print(f"{name}: {MOMENTS} races, the step: {Counter(steps)}")  # noqa: T201 (`pytest -s`)
    assert len(set(steps)) > 1, "it was always first, or never: these are no races"


def stepping(target: Proxies, name: str, epoch: int, later_s: float, steps: list[str]) -> None:
    """A step forward, as a runner makes it, and what became of it."""
    CLOCK.sleep(later_s)
    try:
        target.shift(name, {NEW: 5_000, OLD: 5_000}, epoch, 20.0)
        steps.append("made")
    except (AuropsError, StaleEpochError, CallUnknownError) as error:
        steps.append(type(error).__name__)
