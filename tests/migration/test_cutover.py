"""A whole cutover on simulated proxies: its order, its gates, every interruption, and rollbacks at every moment."""

from __future__ import annotations

from contextlib import suppress
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aurops.errors import HeldError, UsageError
from aurops.gates.steps import GATES_OF, waits_at
from aurops.history import History
from aurops.journal import Journal, Record, RecordKind
from aurops.plan import StaleEpochError
from aurops.report import Verdict
from aurops.requests import RequestKind, ask
from aurops.runner import Ending, Result
from aurops.testing import Fault, Faulty, SimulatedCrash
from migration.cutover import shift_name
from migration.cutover_report import report
from migration.execute import OvertakenError, check_start
from migration.model import Held, World
from migration.outline import Action, outline
from migration.playbook import CutoverPlaybook
from tests.migration.cutovers import COMMANDS, ENOUGH, FILE, START, WARM, Scene, cutover

DONE = Result(Ending.DONE)


def path(scene: Scene, proxy: str) -> list[int]:
    """Every weight that V11 had at a proxy, repetitions left out."""
    return [weight for weight, _ in groupby(scene.proxies.proxies[proxy].past)]


def end_state(scene: Scene) -> dict[str, object]:
    """What a cutover leaves behind, epochs left out."""
    proxies = scene.proxies.proxies.items()
    left = {name: (proxy.weights, proxy.latch, proxy.left, proxy.prepared) for name, proxy in proxies}
    return {"proxies": left, "fenced": bool(scene.data.fenced), "paths": {n: path(scene, n) for n, _ in proxies}}


@pytest.fixture(scope="module")
def clean() -> dict[str, object]:
    """What a cutover that nothing interrupts leaves behind."""
    scene = Scene()
    assert scene.go() == DONE
    return end_state(scene)


def test_traffic_moves_region_by_region_and_step_by_step(clean: dict[str, object]) -> None:
    """All of V11's weights in order, nothing left on V10, writes to V10 stopped at the very end."""
    assert clean == {
        "proxies": {name: ({"v11": 10_000, "v10": 0}, None, 0, True) for name in ("west-1", "west-2", "north-1")},
        "fenced": True,
        "paths": {name: [0, 500, 10_000] for name in ("west-1", "west-2", "north-1")},
    }


def test_the_journal_tells_the_order_of_everything() -> None:
    """Prepared, rehearsed three times, moved, drained, validated, handed over: each behind its gates, in time."""
    scene = Scene()
    assert scene.go() == DONE
    done = [r for r in scene.open().records if r.kind is RecordKind.RESULT and r.data["outcome"] == "done"]
    steps = [str(record.data["step"]) for record in done]
    moved = [step for step in steps if step.startswith(("shift", "drain"))]
    stages = [set(stage) for _, stage in groupby(moved, lambda step: (step.split("-")[0], step.split()[2:]))]
    assert stages == [
        {"shift west-1 500 to v11", "shift west-2 500 to v11"},
        {"shift west-1 10000 to v11", "shift west-2 10000 to v11"},
        {"drain west-1", "drain west-2"},
        {"shift north-1 500 to v11"},
        {"shift north-1 10000 to v11"},
        {"drain north-1"},
    ]
    assert all(proxy.rehearsed == 3 for proxy in scene.proxies.proxies.values())
    when = {step: record.at for step, record in zip(steps, done, strict=True)}
    assert when["prepare west-1"] == "2026-01-01T12:00:00.000+00:00"
    assert when[f"{GATES_OF}west 5%"] == "2026-01-02T12:00:00.000+00:00"
    assert when["phase 2 over"] == "2026-01-02T14:02:00.000+00:00"  # two hours, then two minutes of all well
    assert when["phase 3 over"] == "2026-01-05T12:02:00.000+00:00"
    assert steps.index("phase 3 over") < steps.index("stop writes to v10") < steps.index("phase 4 over")
    for part in outline(scene.file):
        if part.gates:
            assert f"{GATES_OF}{part.name}" in steps


def test_a_peak_above_what_v10_can_take_holds_the_first_step_before_anything_moves() -> None:
    """Both numbers are named, with the headroom; nobody is asked to skip it, and less of a peak lets the run go on."""
    too_much = ENOUGH | {"peak": {"kind": "command", "argv": ["cat", "peak"]}, "headroom": 1.2}
    scene = Scene(cutover(capacity=[WARM, too_much]))
    scene.keeper.asked = frozenset({ENOUGH["name"]})
    with pytest.MonkeyPatch.context() as patch, TemporaryDirectory() as folder:
        patch.chdir(folder)
        Path("peak").write_text("1001\n")
        held = scene.go()
        assert held.ending is Ending.AT_GATE
        assert held.why.endswith(
            "V10 takes the peak is closed: it can take 1200 requests/s, less than 1.2 times the peak of 1001 requests/s"
        )
        assert set(scene.weights().values()) == {0}
        assert any("rehearse 3" in step for step in scene.history().results)
        Path("peak").unlink()
        held = scene.go()
        assert "the peak is not known: cat peak: it ended with 1" in held.why
        assert set(scene.weights().values()) == {0}
        Path("peak").write_text("1000\n")
        assert scene.go() == DONE


def test_a_peak_that_grows_above_what_v10_can_take_holds_every_later_step() -> None:
    """The soak before each step asks anew: at 5% it ends, and the next step waits."""
    scene = Scene(cutover(capacity=[WARM, ENOUGH]))
    result = scene.once()
    while scene.weights()["west-1"] == 0:
        assert result.ending is Ending.AT_GATE
        assert scene._time_helps()
        result = scene.once()
    scene.keeper.shut = frozenset({ENOUGH["name"]})
    assert scene.go().why.startswith("well is closed: V10 takes the peak: ")
    assert scene.weights() == {"west-1": 500, "west-2": 500, "north-1": 0}


def killed_at(number: int) -> Scene:
    """A cutover whose runner is killed when it has written so many records, and taken up by another."""
    scene, left = Scene(), [number]

    def hear(_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise SimulatedCrash

    with pytest.raises(SimulatedCrash):
        scene.go(hear)
    assert scene.go() == DONE, number
    scene.open().verify()
    return scene


def records_of_a_clean_run() -> int:
    """How many records a cutover writes."""
    scene = Scene()
    scene.go()
    return len(scene.open().records)


def test_a_runner_killed_ends_in_the_same_state(clean: dict[str, object]) -> None:
    """Killed at some records and taken up by another: nothing differs. `make campaign` does it at every record."""
    for number in range(1, records_of_a_clean_run(), 29):
        assert end_state(killed_at(number)) == clean, number


@pytest.mark.campaign
@pytest.mark.parametrize("chunk", range(8))
def test_a_runner_killed_at_any_record_ends_in_the_same_state(chunk: int, clean: dict[str, object]) -> None:
    """At every record that a cutover writes."""
    for number in range(1 + chunk, records_of_a_clean_run(), 8):
        assert end_state(killed_at(number)) == clean, number


def calls_of_a_clean_run() -> int:
    """How many commands a cutover gives to proxies."""
    scene = Scene()
    scene.target = Faulty(scene.proxies, at=None, how=Fault.REFUSED, methods=COMMANDS)
    assert scene.go() == DONE
    return len(scene.target.calls)


@pytest.mark.parametrize("how", list(Fault))
@pytest.mark.parametrize("at", [1, 9, 15])
def test_a_cutover_survives_a_call_going_wrong(at: int, how: Fault, clean: dict[str, object]) -> None:
    """Refused, unanswered, or cut off by a crash: after a resume the end is the same."""
    wrong_once(at, how, clean)


@pytest.mark.campaign
@pytest.mark.parametrize("how", list(Fault))
def test_a_cutover_survives_any_one_call_going_wrong(how: Fault, clean: dict[str, object]) -> None:
    """The same at every call, the last one included."""
    for at in range(calls_of_a_clean_run()):
        wrong_once(at, how, clean)


def wrong_once(at: int, how: Fault, clean: dict[str, object]) -> None:
    """A cutover of which one call goes wrong."""
    scene = Scene()
    scene.target = Faulty(scene.proxies, at=at, how=how, methods=COMMANDS)
    try:
        result = scene.go()
    except SimulatedCrash:
        result = scene.go()
    if result.ending is Ending.STUCK:  # what was refused is tried again by whoever resumes
        result = scene.go()
    assert result == DONE
    assert len(scene.target.calls) > at
    assert end_state(scene) == clean


class Racing:
    """Passes on to the proxies, and lets rollbacks of single proxies happen just before or after chosen calls."""

    def __init__(self, scene: Scene, moments: dict[tuple[int, str], str]) -> None:
        self._scene, self.moments, self.calls, self.struck = scene, moments, 0, list[str]()

    def __getattr__(self, name: str) -> object:
        value = getattr(self._scene.proxies, name)
        if name not in COMMANDS:
            return value

        def call(*args: object) -> object:
            number = self.calls
            self.calls += 1
            self._strike(number, "before")
            try:
                return value(*args)
            finally:
                self._strike(number, "after")

        return call

    def _strike(self, number: int, when: str) -> None:
        if proxy := self.moments.pop((number, when), None):
            self.struck.append(proxy)
            self._scene.roll_back(proxy)


races = given(
    first=st.integers(0, 26),
    gaps=st.lists(st.integers(0, 3), min_size=2, max_size=2),
    when=st.lists(st.sampled_from(["before", "after"]), min_size=3, max_size=3),
    order=st.permutations(["west-1", "west-2", "north-1"]),
    kill=st.integers(1, 150),
)


@settings(max_examples=12)
@races
def test_a_rollback_wins_against_a_run_that_goes_on(
    first: int, gaps: list[int], when: list[str], order: list[str], kill: int
) -> None:
    """Proxy by proxy, at any call of a run that is killed and resumed meanwhile: all is with V10, and stays there."""
    race(first, gaps, when, order, kill)


@pytest.mark.campaign
@settings(max_examples=500)
@races
def test_a_rollback_wins_in_500_races(
    first: int, gaps: list[int], when: list[str], order: list[str], kill: int
) -> None:
    """The same, many times."""
    race(first, gaps, when, order, kill)


def race(first: int, gaps: list[int], when: list[str], order: list[str], kill: int) -> None:
    """One rollback, proxy by proxy, against one run."""
    scene = Scene()
    racing = Racing(scene, moments(first, gaps, when, order))
    scene.target = racing
    if resumed(scene, kill) is Ending.DONE:
        assert racing.struck == []  # it was handed over before the first rollback came: past the point of no return
        return
    for proxy in racing.moments.values():
        scene.roll_back(proxy)  # the run stood still before these came
    for _ in range(3):
        assert set(scene.weights().values()) == {0}
        with suppress(StaleEpochError):
            assert scene.go().ending in (Ending.HELD, Ending.AT_GATE, Ending.STUCK)
    assert set(scene.weights().values()) == {0}


def moments(first: int, gaps: list[int], when: list[str], order: list[str]) -> dict[tuple[int, str], str]:
    """Which proxy is rolled back before or after which call; each at a moment of its own."""
    numbers = [first, first + gaps[0], first + gaps[0] + gaps[1]]
    found: dict[tuple[int, str], str] = {}
    for number, moment, proxy in zip(numbers, when, order, strict=True):
        free = next(n for n in range(number, number + 4) if (n, moment) not in found)
        found[free, moment] = proxy
    return found


def resumed(scene: Scene, kill: int) -> Ending | None:
    """How a run ends that is killed when it has written so many records, and is resumed again and again."""
    left, ended = [kill], None

    def hear(_: object) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise SimulatedCrash

    for _ in range(8):
        with suppress(SimulatedCrash, StaleEpochError):
            ended = scene.go(hear).ending
    return ended


def test_a_run_that_was_rolled_back_goes_nowhere_any_more() -> None:
    """Resumed it holds, names who rolled back and why, and says what a person does next."""
    scene = Scene()
    scene.keeper.shut = frozenset({"errors"})
    assert scene.go().ending is Ending.AT_GATE
    assert scene.weights() == {"west-1": 500, "west-2": 500, "north-1": 0}
    scene.roll_back("west-1", "west-2", "north-1")
    scene.keeper.shut = frozenset()
    ended = scene.go()
    assert ended.ending is Ending.HELD
    assert ended.why.startswith("west-1 was rolled back by ann: errors. This run goes nowhere any more.")
    assert "aurops cutover release FILE" in ended.why
    assert set(scene.weights().values()) == {0}


def test_only_a_new_run_with_approvals_of_its_own_releases_a_latch() -> None:
    """It takes the latches away behind its gates, moves traffic again, and the old run is overtaken for good."""
    scene = Scene()
    scene.keeper.shut = frozenset({"errors"})
    scene.go()
    scene.roll_back()
    old = scene.journal
    world = World(scene.clock.wall(), scene.proxies.observe())
    with pytest.raises(UsageError, match="was rolled back by ann: errors"):
        check_start(scene.file, world)
    check_start(scene.file, world, releases=True)
    scene.file = cutover(start="2026-02-01T12:00:00Z")
    scene.journal = scene.begin(releases=True)
    scene.keeper.shut = frozenset({"people"})
    ended = scene.go()
    assert ended.ending is Ending.AT_GATE
    assert "people is closed" in ended.why
    assert all(proxy.latch for proxy in scene.proxies.proxies.values())
    scene.keeper.shut = frozenset({"errors"})
    assert scene.go().ending is Ending.AT_GATE
    assert scene.weights() == {"west-1": 500, "west-2": 500, "north-1": 0}
    new, scene.journal = scene.journal, old
    with pytest.raises(OvertakenError, match=new.run):
        scene.execute()
    scene.journal = new
    scene.keeper.shut = frozenset()
    assert scene.go() == DONE


def test_what_follows_a_rollback_overtakes_the_run_that_was_rolled_back() -> None:
    """It is begun beside that one, which nobody has ended; once it has acted the old one goes on no more."""
    scene = Scene()
    scene.keeper.shut = frozenset({"people"})
    first = scene.journal
    assert scene.execute().ending is Ending.AT_GATE
    scene.roll_back("west-1")
    scene.journal = scene.begin(releases=True)
    assert scene.execute().ending is Ending.AT_GATE
    scene.journal = first
    with pytest.raises(OvertakenError):
        scene.execute()


def test_a_release_needs_a_latch_and_a_start_needs_a_place_to_start_from() -> None:
    """Nothing to release, traffic moved already, a proxy that does not answer: refused with what to do."""
    scene = Scene()
    world = World(scene.clock.wall(), scene.proxies.observe())
    check_start(scene.file, world)
    with pytest.raises(UsageError, match="nothing to release"):
        check_start(scene.file, world, releases=True)
    scene.proxies.proxies["west-1"].weights = {"v11": 500, "v10": 9500}
    with pytest.raises(UsageError, match="traffic is moved already at west-1"):
        check_start(scene.file, World(scene.clock.wall(), scene.proxies.observe()))
    scene.proxies.proxies["west-1"].reachable = False
    with pytest.raises(HeldError, match="not every proxy answers") as caught:
        check_start(scene.file, World(scene.clock.wall(), scene.proxies.observe()))
    assert caught.value.where == "west-1: no answer"


def test_weights_that_somebody_else_moved_forward_are_taken_back() -> None:
    """Past its gates by whomever: the proxy is rolled back and latched, the others stay, the run stops."""
    scene = Scene()
    scene.keeper.shut = frozenset({"errors"})
    scene.go()
    scene.proxies.proxies["north-1"].weights = {"v11": 2_500, "v10": 7_500}
    ended = scene.go()
    assert ended.ending is Ending.VIOLATION
    assert "north-1 sends 2500 of 10000 to v11, past its gates: announced were 0" in ended.why
    assert scene.weights() == {"west-1": 500, "west-2": 500, "north-1": 0}
    assert scene.proxies.proxies["north-1"].latch is not None
    assert scene.go().ending is Ending.HELD


def test_a_proxy_that_a_watcher_holds_stops_the_run_until_a_person_lets_go() -> None:
    """It says why and what to do; let go, it goes on to its end; a hold of another run is not its own."""
    scene = Scene()
    scene.keeper.shut = frozenset({"errors"})
    assert scene.go().ending is Ending.AT_GATE
    scene.proxies.proxies["west-2"].hold = Held(scene.journal.run, "the runner is lost", "the watcher")
    scene.keeper.shut = frozenset()
    ended = scene.go()
    assert ended.ending is Ending.HELD
    assert ended.why.startswith("west-2 is held by the watcher: the runner is lost. Look at it; then `aurops release ")
    assert scene.weights() == {"west-1": 500, "west-2": 500, "north-1": 0}
    scene.proxies.proxies["west-2"].hold = None
    assert scene.go() == DONE


@pytest.mark.parametrize("stage", ["west 100%", "west drain", "north 5%", "phase 2 over", "phase 3 over", "hand over"])
def test_a_watcher_that_is_gone_shuts_every_gate_that_comes(stage: str) -> None:
    """Of whichever proxy, also of one that has all its traffic and is not moved any more; traffic stays where it is."""
    scene = Scene()
    lost, left = scene.proxies.proxies["west-2"], f"before {stage}"

    def hear(record: Record) -> None:
        if record.data.get("stage") == left:
            lost.unwatched = "its watcher is gone or stands still"

    ended = scene.go(hear)
    assert ended.ending is Ending.AT_GATE
    assert "well is closed: watcher of west-2: nobody watches west-2 as it must be: its watcher is gone" in ended.why
    spot = waits_at(scene.open().records, scene.history())
    assert (spot and spot.stage) == stage
    assert all(proxy.latch is None for proxy in scene.proxies.proxies.values())
    before = scene.weights()
    assert scene.go().ending is Ending.AT_GATE
    assert scene.weights() == before
    lost.unwatched = ""
    assert scene.go() == DONE


def test_past_the_point_of_no_return_nothing_is_sent_back_by_itself() -> None:
    """V10 takes no writes: what is broken holds the run, says so and what a person can do, and no proxy is touched."""
    scene = Scene()
    scene.data.left = 7
    assert scene.go().ending is Ending.AT_GATE
    assert scene.history().past_no_return
    scene.proxies.proxies["west-1"].weights = {"v11": 500, "v10": 9_000}
    ended = scene.go()
    assert ended.ending is Ending.VIOLATION
    assert "the weights of west-1 sum to 9500" in ended.why
    assert "past the point of no return, where V10 takes no writes: nothing was rolled back" in ended.why
    assert scene.weights() == {"west-1": 500, "west-2": 10_000, "north-1": 10_000}
    assert not any(proxy.latch for proxy in scene.proxies.proxies.values())
    held = {name: proxy.hold for name, proxy in scene.proxies.proxies.items() if proxy.hold}
    assert held == {
        "west-1": Held(scene.journal.run, "the weights of west-1 sum to 9500, not to 10000 or 0", "the run")
    }
    scene.proxies.proxies["west-1"].weights = {"v11": 10_000, "v10": 0}
    assert scene.go().ending is Ending.HELD
    told = [record.data for record in scene.open().records if record.kind is RecordKind.VIOLATION]
    assert "nothing was rolled back" in str(told[0]["hold"])


def test_weights_that_do_not_sum_are_a_violation() -> None:
    """Whoever wrote them: back to V10, latched."""
    scene = Scene()
    scene.keeper.shut = frozenset({"errors"})
    scene.go()
    scene.proxies.proxies["west-1"].weights = {"v11": 500, "v10": 9_000}
    assert "the weights of west-1 sum to 9500, not to 10000 or 0" in scene.go().why


def test_weights_that_somebody_else_moved_back_hold_the_run() -> None:
    """Without a latch, too: the run does not move traffic forward again by itself."""
    scene = Scene()
    scene.keeper.shut = frozenset({"errors"})
    scene.go()
    scene.proxies.proxies["west-2"].weights = {"v11": 0, "v10": 10_000}
    scene.keeper.shut = frozenset()
    ended = scene.go()
    assert ended.ending is Ending.HELD
    assert "west-2 sends 0 of 10000 to v11, and this run had set 500: somebody else has steered" in ended.why


def test_a_file_that_somebody_else_changed_holds_the_run() -> None:
    """More than this run had set, too: it goes on when it is put right, and not before."""
    scene = Scene()
    scene.keeper.shut = frozenset({"errors"})
    scene.go()
    scene.proxies.proxies["west-2"].changed = "Weights of 9000 are in effect."
    scene.keeper.shut = frozenset()
    ended = scene.go()
    assert ended.ending is Ending.HELD
    assert "west-2: somebody else has steered. Weights of 9000 are in effect." in ended.why
    scene.proxies.proxies["west-2"].changed = ""
    assert scene.go() == DONE


def test_a_proxy_that_is_down_stops_the_step_and_nothing_else_moves() -> None:
    """The step names it; the next step does not begin; back up and resumed the run goes on."""
    scene = Scene()
    scene.keeper.shut = frozenset({"people"})
    scene.go()
    scene.keeper.shut = frozenset()
    scene.proxies.proxies["west-2"].reachable = False
    ended = scene.go()
    assert ended.ending is Ending.STUCK
    assert "`shift west-2 500 to v11`: west-2 does not answer" in ended.why
    assert scene.weights() == {"west-1": 500, "west-2": 0, "north-1": 0}
    scene.proxies.proxies["west-2"].reachable = True
    assert scene.go() == DONE


@pytest.mark.parametrize(
    ("shut", "most"), [("people", 0), ("V10 warm", 0), ("errors", 500)], ids=["nobody approves", "V10 cold", "errors"]
)
def test_what_is_shut_keeps_traffic_where_it_is(shut: str, most: int) -> None:
    """Nobody approves, V10 could not take the peak, V11 has errors: held before the step that it guards."""
    scene = Scene()
    scene.keeper.shut = frozenset({shut})
    ended = scene.go()
    assert ended.ending is Ending.AT_GATE
    assert f"{shut} is closed" in ended.why or f"{shut}: the test says so" in ended.why
    assert max(scene.weights().values()) == most


def test_data_that_differs_or_that_nobody_compares_stops_phase_1() -> None:
    """Nothing is prepared before the data is equal; a port that is not connected never lets it pass."""
    scene = Scene()
    scene.data.different = 1
    ended = scene.go()
    assert (ended.ending, "data equal is closed: 10 compared" in ended.why) == (Ending.AT_GATE, True)
    unconnected = Scene(connected=False)
    ended = unconnected.go()
    assert ended.ending is Ending.AT_GATE
    assert ended.why.endswith("data equal is unknown: the port `equal` is not connected")
    for each in (scene, unconnected):
        assert not any(proxy.prepared for proxy in each.proxies.proxies.values())


@settings(max_examples=5)
@given(st.lists(st.sampled_from(["people", "V10 warm", "errors", "nothing"]), min_size=1, max_size=12))
def test_traffic_is_never_past_a_closed_gate(shut: list[str]) -> None:
    """Gates that shut and open at random: whenever one is shut, no weight moves while it is."""
    scene = Scene()
    for name in shut:
        before, scene.keeper.shut = scene.weights(), frozenset({name})
        scene.go(most=3)
        first = before == dict.fromkeys(scene.file.proxies, 0)
        if name in ("V10 warm", "errors") and not first:
            assert scene.weights() == before
        if name in ("V10 warm", "people") and first:
            assert scene.weights() == before
    scene.keeper.shut = frozenset()
    assert scene.go() == DONE


def test_approvals_are_for_a_stage_and_stay_good_from_plan_to_plan() -> None:
    """The decisions are taken before the first gate, so that none of them voids an approval later."""
    scene = Scene()
    scene.keeper.shut = frozenset({"people"})
    scene.go()
    decided = scene.history().decisions
    assert decided == {"regions": ["west", "north"]}
    scene.keeper.shut = frozenset()
    scene.go()
    assert scene.history().decisions == decided


def test_the_plan_calls_nothing() -> None:
    """Planned without a journal, as `--dry-run` does, every stage is there with its reason."""
    scene = Scene()
    journal = Journal.create(scene.store, "dry-run", scene.clock)
    playbook = CutoverPlaybook(
        scene.file,
        scene.proxies,
        scene.probing,
        scene.rehearsals(),
        ports=scene.ports,
        keeper=scene.keeper,
        journal=journal,
        clock=scene.clock,
    )
    stages = playbook.plan(playbook.observe(), History([]))
    names = [stage.name for stage in stages]
    assert names[:4] == ["decide", "before prepare", "prepare", "rehearse 1"]
    assert names[-5:] == ["before hand over", "hand over", "before phase 4 over", "phase 4 over", "probes over"]
    assert [step.name for stage in stages for step in stage.steps if step.no_return] == ["stop writes to v10"]
    assert all(step.reason for stage in stages for step in stage.steps)
    assert START.isoformat() == FILE["start"]


def test_probes_are_sent_from_phase_2_to_the_end_and_again_when_they_have_died() -> None:
    """Before the first gate of phase 2; whoever takes the run up sends them anew; none at the end or after an abort."""
    scene = Scene()
    scene.keeper.shut = frozenset({"people"})
    scene.go()
    assert (scene.probing.sending, scene.probing.started) == (True, 1)
    scene.probing.sending = False
    assert scene.once().ending is Ending.AT_GATE
    assert (scene.probing.sending, scene.probing.started) == (True, 2)
    scene.keeper.shut = frozenset()
    assert scene.go().ending is Ending.DONE
    assert (scene.probing.sending, scene.probing.started) == (False, 2)
    aborted = Scene()
    aborted.keeper.shut = frozenset({"people"})
    aborted.go()
    ask(aborted.store, aborted.journal.run, RequestKind.ABORT, who="ann", reason="enough", clock=aborted.clock)
    assert aborted.once().ending is Ending.RESTORED
    assert not aborted.probing.sending


@pytest.mark.parametrize("region", ["west", "north"])
def test_a_region_without_an_answer_for_too_long_stops_every_further_step(region: str) -> None:
    """For certain: closed for good. Unknown: it waits, and goes on when enough is known again."""

    def after_first_step(**found: dict[str, float]) -> tuple[Scene, Result]:
        scene = Scene()

        def hear(record: Record) -> None:
            if record.data.get("action") == Action.SHIFT:
                vars(scene.probing).update(found)

        return scene, scene.go(hear, most=8)

    scene, result = after_first_step(failing_s={region: 30.5})
    assert result.ending is Ending.AT_GATE
    assert f"interruption of {region} under 30 s: without an answer for 30.5 s" in result.why
    assert scene.weights() == {"west-1": 500, "west-2": 500, "north-1": 0}
    scene, result = after_first_step(recent_s={region: 40.0})
    assert f"interruption of {region} under 30 s: of 40.0 s nobody knows" in result.why
    scene.probing.recent_s = {}
    assert scene.go().ending is Ending.DONE


@pytest.mark.parametrize("region", ["west", "north"])
def test_an_outage_before_the_first_step_holds_it_while_it_lasts_and_no_longer(region: str) -> None:
    """Nothing has moved: it is no interruption by this run, which goes on when the region answers again; it is told."""
    scene = Scene()
    scene.probing.failing_s = {region: 31.0}
    result = scene.go()
    assert result.ending is Ending.AT_GATE
    assert f"{region} answers is closed: without an answer for 31.0 s, more than 3 s" in result.why
    assert "nothing has moved: it opens when that is 30 s ago" in result.why
    assert scene.weights() == {"west-1": 0, "west-2": 0, "north-1": 0}
    scene.probing.failing_s = {}
    assert scene.go() == DONE
    shown = report(scene.open().records, versions={})
    assert (shown.verdict, shown.objectives[0].measured) == (Verdict.PASSED, 0.0)
    assert f"Before traffic moved {region} was without an answer for 31.0 s; that counts as none here." in shown.notes


def test_an_outage_short_of_thirty_seconds_holds_the_first_step_too() -> None:
    """At the moment of the first step every region answers."""
    scene = Scene()
    scene.probing.failing_s = {"west": 3.1}
    assert "west answers is closed: without an answer for 3.1 s" in scene.go().why
    scene.probing.failing_s = {"west": 2.9}
    assert scene.go() == DONE


def test_an_interruption_within_a_soak_shuts_the_next_step() -> None:
    """V11 has 5% and the region answers nobody: the next step's gate says so."""
    scene = Scene()

    def stop_answering(record: Record) -> None:
        if record.data.get("step") == shift_name("west-1", 500) and record.kind is RecordKind.RESULT:
            scene.probing.failing_s = {"west": 31.0}

    result = scene.go(stop_answering)
    assert result.ending is Ending.AT_GATE
    assert "well is closed: interruption of west under 30 s: without an answer for 31.0 s" in result.why
    assert scene.weights() == {"west-1": 500, "west-2": 500, "north-1": 0}
