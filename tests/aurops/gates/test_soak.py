"""What must stay well for a while: when the time begins, breaks, and counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from aurops.clock import ManualClock
from aurops.gates import soak
from aurops.gates.finding import Finding, State
from aurops.gates.prometheus import HOLE
from aurops.gates.spec import CommandCheck, SoakGate
from aurops.gates.steps import waits_at
from tests.aurops.gates.test_waiting import CALM, Scene

CHECK = CommandCheck(kind="command", name="calm", argv=("true",))
GATE = SoakGate(kind="soak", name="soak", for_s=600, every_s=60, checks=(CHECK,))
NOW = ManualClock().wall()


def seen(state: State) -> tuple[Finding, ...]:
    """What its check says."""
    return (Finding("calm", "command", state, state.value, ""),)


def through(*looks: tuple[float, State], bridged: bool = False) -> Finding:
    """The finding after looks at these seconds, each going through the journal's form."""
    before: Finding | None = None
    for at_s, state in looks:
        now = NOW + timedelta(seconds=at_s)
        before = Finding.read(soak.judge(GATE, before, seen(state), now, bridged=bridged).data())
    assert before is not None
    return before


def every_minute(*states: State) -> list[tuple[float, State]]:
    """A look a minute."""
    return [(60.0 * number, state) for number, state in enumerate(states)]


def test_it_opens_when_all_was_well_for_long_enough() -> None:
    """The clock begins at the first good look, and every look says how far it is."""
    well = every_minute(*[State.OPEN] * 11)
    found = through(*well[:-1])
    assert (found.state, found.why) == (State.CLOSED, "well for 540 s of 600 s")
    found = through(*well)
    assert (found.state, found.why, found.evidence["looks"]) == (State.OPEN, "well for 600 s of 600 s", 11)


def test_what_breaks_it_begins_it_anew() -> None:
    """A closed check is said; the next good look is the first of a new soak."""
    found = through(*every_minute(*[State.OPEN] * 9, State.CLOSED))
    assert (found.state, found.why) == (State.CLOSED, "calm: closed; the 600 s begin anew when all is well")
    found = through(*every_minute(*[State.OPEN] * 9, State.CLOSED, State.OPEN, State.OPEN))
    assert found.why == "well for 60 s of 600 s"


def test_a_look_that_saw_nothing_is_no_look() -> None:
    """Unknown opens nothing and breaks nothing, as long as a good look follows soon."""
    blink = every_minute(State.OPEN, State.OPEN, State.UNKNOWN, State.UNKNOWN, State.OPEN)
    assert through(*blink).why == "well for 240 s of 600 s"
    long = every_minute(State.OPEN, *[State.UNKNOWN] * 10)
    assert through(*long).state is State.UNKNOWN
    assert through(*long, (660.0, State.OPEN)).why == (
        "well for 0 s of 600 s: it began anew, for nobody looked for 660 s"
    )


def test_a_hole_that_nothing_mends_begins_it_anew() -> None:
    """A check says that nobody knows how it was, and nobody ever will: to look back to before it is of no use."""
    before = soak.judge(GATE, None, seen(State.OPEN), NOW)
    hole = replace(seen(State.UNKNOWN)[0], evidence={HOLE: "no value from 90 s to 30 s ago"})
    after = soak.judge(GATE, before, (hole,), NOW + timedelta(seconds=60), bridged=True)
    assert (after.state, soak.last_look(after)) == (State.UNKNOWN, None)
    found = soak.judge(GATE, after, seen(State.OPEN), NOW + timedelta(seconds=120))
    assert found.why == "well for 0 s of 600 s"


def test_a_time_in_which_nobody_looked_does_not_count() -> None:
    """After a crash, or days later, it begins anew; only who can say how it was meanwhile goes on."""
    late = ((0.0, State.OPEN), (5000.0, State.OPEN))
    assert through(*late).state is State.CLOSED
    assert through(*late, bridged=True).state is State.OPEN


def test_a_look_that_takes_as_long_as_its_checks_may_does_not_begin_it_anew() -> None:
    """On a busy machine one look a second cannot come; those that come count, and a longer pause does not."""
    slow = CHECK.model_copy(update={"name": "slow", "timeout_s": 8.0})
    gate = SoakGate(kind="soak", name="soak", for_s=1, every_s=1, checks=(CHECK, slow))
    before = soak.judge(gate, None, seen(State.OPEN), NOW)
    for gap_s, state in ((10, State.OPEN), (24, State.OPEN), (24.1, State.CLOSED)):
        assert soak.judge(gate, before, seen(State.OPEN), NOW + timedelta(seconds=gap_s)).state is state
    quick = CHECK.model_copy(update={"timeout_s": 0.5})
    hasty = gate.model_copy(update={"checks": (quick,)})
    assert soak.judge(hasty, before, seen(State.OPEN), NOW + timedelta(seconds=3.1)).state is State.CLOSED


def test_an_open_soak_does_not_stay_open_by_itself() -> None:
    """Its checks are maintained: what breaks after the time is over closes it."""
    over = every_minute(*[State.OPEN] * 12)
    assert through(*over).state is State.OPEN
    assert through(*over, (720.0, State.CLOSED)).state is State.CLOSED


@given(st.lists(st.tuples(st.floats(1, 400), st.sampled_from(list(State))), min_size=1, max_size=60))
def test_it_is_open_only_after_an_unbroken_time(gaps: list[tuple[float, State]]) -> None:
    """Whatever happens: open means that for `for_s` no look was closed, and good ones were never far apart."""
    at_s, looks = 0.0, []
    for gap_s, state in gaps:
        at_s += round(gap_s)
        looks.append((at_s, state))
    if through(*looks).state is not State.OPEN:
        return
    window = [(when, state) for when, state in looks if when >= at_s - GATE.for_s]
    good = [when for when, state in window if state is State.OPEN]
    assert all(state is not State.CLOSED for _, state in window)
    assert all(after - before <= soak.patience_s(GATE) for before, after in pairwise(good))
    assert good[-1] == at_s


def test_a_break_in_the_second_of_the_last_good_look_is_a_break() -> None:
    """Well, broken and well again within one second: the soak begins anew."""
    scene = Scene((CALM,))
    scene.go()
    scene.clock.sleep(60)
    scene.go()
    waits = waits_at(scene.open().records, scene.history())
    assert waits is not None
    found = []
    for different in (1, 0):
        scene.clock.sleep(0.1)
        scene.data.different = different
        found += scene.keeper.look(waits)
    assert [each.evidence.get("looks") for each in found] == [None, 1], [each.why for each in found]
