"""When the watch acts by itself, and when it calls a person."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from aurops.plan import Observation
from failover.detector import Evidence, Verdict, Vote
from failover.detector import State as Quorum
from failover.model import CacheRole, DatabaseRole, DatabaseState, EdgeState, RegionState, World
from failover.policy import Action, Finding, Loss, Memory, Mode, Policy, State, classify, judge
from traffic.driver import TOTAL_WEIGHT

STANDBY = DatabaseState(DatabaseRole.STANDBY, receiving=True, attached=True, following="north", flush_lsn=10)
PRIMARY = DatabaseState(DatabaseRole.PRIMARY, flush_lsn=10, writable=True, voters=("south", "west"))
WELL, FAILING, LOST, UNKNOWN = Vote.WELL, Vote.FAILING, Vote.LOST, Vote.UNKNOWN


def world(*silent: str, edge: bool = True, closed: bool = False, **databases: DatabaseState | None) -> World:
    """Three regions, north primary with all the traffic; the silent ones do not answer."""
    states: Mapping[str, DatabaseState | None] = {"north": PRIMARY, "south": STANDBY, "west": STANDBY, **databases}
    regions = {
        name: Observation(None, 0.0, "agent", "no answer")
        if name in silent or database is None
        else Observation(RegionState(1, fenced=False, database=database, cache=CacheRole.REPLICA), 0.0, "agent")
        for name, database in states.items()
    }
    weights = {"north": 0 if closed else TOTAL_WEIGHT, "south": 0, "west": 0}
    return World(regions, Observation(EdgeState(1, weights, 1) if edge else None, 0.0, "agent"))


def verdict(votes: Iterable[Vote], at_s: float) -> Verdict:
    """What the quorum of two makes of these votes."""
    votes = list(votes)
    evidence = tuple(Evidence(f"vantage-{n}", vote, 3, 0.1, None) for n, vote in enumerate(votes, 1))
    state = Quorum.LOST if votes.count(LOST) > 1 else Quorum.WELL if votes.count(WELL) > 1 else Quorum.UNDECIDED
    return Verdict("north", state, at_s, evidence)


def watch(
    seen: Iterable[tuple[float, Iterable[Vote], World]],
    policy: Policy | None = None,
    memory: Memory | None = None,
    *,
    busy: str = "",
) -> Finding:
    """The last of these judgements, each with the memory of the ones before."""
    memory, found = memory or Memory(), None
    for at_s, votes, now in seen:
        memory, found = judge(verdict(votes, at_s), now, memory, policy or Policy(), busy=busy)
    assert found is not None
    return found


def lost(now: World, *, for_s: float = 0.0) -> list[tuple[float, list[Vote], World]]:
    """Lost to all vantage points for so long."""
    return [(100.0, [LOST] * 3, now), (100.0 + for_s, [LOST] * 3, now)]


def test_a_quorum_and_two_readable_standbys_are_a_failover() -> None:
    """At once, with the kind of loss; nothing else is waited for."""
    found = watch(lost(world("north")))
    assert (found.state, found.action, found.loss) == (State.LOST, Action.FAIL_OVER, Loss.REGION)


def test_one_blind_vantage_point_is_named_and_moves_nobody() -> None:
    """However long it goes on."""
    found = watch((float(at_s), [LOST, WELL, WELL], world()) for at_s in range(60))
    assert (found.state, found.action) == (State.WELL, Action.NOTHING)
    assert "not so for vantage-1" in found.why


def test_no_quorum_calls_a_person_after_a_while() -> None:
    """One says lost, one says well, one is silent: nobody moves, and somebody is told."""
    votes = [LOST, WELL, UNKNOWN]
    assert watch([(0.0, votes, world()), (4.9, votes, world())]).action is Action.NOTHING
    found = watch([(0.0, votes, world()), (5.0, votes, world())])
    assert (found.state, found.action) == (State.UNCERTAIN, Action.CALL)


def test_a_region_that_flaps_is_held_for_a_person_until_it_is_steady() -> None:
    """The fourth turn within the window holds even a clear loss; steadily lost for the window, it is failed over."""
    turns = [(float(at_s), [votes] * 3, world("north")) for at_s in range(4) for votes in (FAILING, WELL)]
    steady = [(5.0, [LOST] * 3, world("north")), (10.0, [LOST] * 3, world("north"))]
    assert watch(turns[:-2]).state is State.WELL
    assert (watch(turns + steady).state, watch(turns + steady).action) == (State.FLAPPING, Action.CALL)
    later = [(5.0 + 15.0, [LOST] * 3, world("north"))]
    assert watch(turns + steady + later).action is Action.FAIL_OVER


def test_a_loss_that_goes_on_is_one_turn() -> None:
    """Only a return to well makes the next failure a turn."""
    votes = [[FAILING] * 3, [LOST] * 3, [FAILING, UNKNOWN, WELL], [LOST] * 3]
    found = watch((n / 10, each, world("north")) for n, each in enumerate(votes * 5))
    assert found.action is Action.FAIL_OVER


@pytest.mark.parametrize("west", [None, replace(STANDBY, role=DatabaseRole.DOWN), replace(STANDBY, flush_lsn=None)])
def test_an_unread_voter_holds_for_a_person(west: DatabaseState | None) -> None:
    """It may hold writes that no other region has; it is waited for a little, then named with what would go on."""
    assert watch(lost(world("north", west=west), for_s=1.9)).action is Action.NOTHING
    found = watch(lost(world("north", west=west), for_s=2.0))
    assert (found.state, found.action) == (State.LOST, Action.CALL)
    assert "west cannot be read" in found.why
    assert "--force" in found.why


def test_nobody_moves_when_every_region_is_sick() -> None:
    """A failover to nowhere would close the traffic of a service that may still heal."""
    found = watch(lost(world("north", "south", "west"), for_s=60))
    assert (found.state, found.action) == (State.NOWHERE_TO_GO, Action.NOTHING)


def test_traffic_that_cannot_be_moved_or_was_closed_is_left_to_a_person() -> None:
    """A mute edge moves nobody, and what a safe stop has closed is not opened by itself."""
    assert "does not answer" in watch(lost(world("north", edge=False), for_s=3)).why
    found = watch(lost(world("north", closed=True), for_s=3))
    assert found.action is Action.CALL
    assert "closed" in found.why


def test_whoever_acts_already_is_not_disturbed() -> None:
    """A switchover makes probes fail; its holder is named and nothing follows."""
    found = watch(lost(world("north")), busy="run 1-failover of me")
    assert (found.state, found.action) == (State.BUSY, Action.NOTHING)


def test_a_second_failover_within_the_cool_down_needs_a_person() -> None:
    """After it, the next one is automatic again."""
    assert watch(lost(world("north")), memory=Memory(acted_s=0.0)).action is Action.CALL
    assert watch(lost(world("north")), memory=Memory(acted_s=-200.0)).action is Action.FAIL_OVER


@pytest.mark.parametrize(("mode", "action"), [(Mode.ASK, Action.CALL), (Mode.NEVER, Action.NOTHING)])
def test_the_policy_decides_by_the_kind_of_loss(mode: Mode, action: Action) -> None:
    """What is said of one kind leaves the others as they were."""
    policy = Policy(losses={Loss.NODES: mode})
    found = watch(lost(world(north=replace(PRIMARY))), policy)
    assert (found.loss, found.action) == (Loss.PATH, Action.FAIL_OVER)
    seen = world()
    nodes = replace(seen.state("north"), node_epochs=(None, None))  # type: ignore[type-var]  # it answers
    seen = World({**seen.regions, "north": Observation(nodes, 0.0, "agent")}, seen.edge)
    found = watch(lost(seen), policy)
    assert (found.loss, found.action) == (Loss.NODES, action)
    assert "aurops failover north --force" in found.why


def test_the_kind_of_loss_is_what_can_be_seen_from_outside() -> None:
    """Silence is the region; a dead database, dead nodes and a broken path are told apart."""
    assert classify(world("north"), "north") is Loss.REGION
    assert classify(world(north=replace(PRIMARY, role=DatabaseRole.DOWN, writable=False)), "north") is Loss.DATABASE
    assert classify(world(), "north") is Loss.PATH


@pytest.mark.parametrize(
    "bad", [{"mode": "sometimes"}, {"quorum": 1}, {"cool_down_s": -1}, {"losses": {"roof": "ask"}}]
)
def test_a_policy_that_cannot_be_meant_is_refused(bad: dict[str, object]) -> None:
    """By key."""
    with pytest.raises(ValidationError, match=next(iter(bad))):
        Policy.model_validate(bad)


@given(
    st.lists(
        st.tuples(
            st.floats(0.01, 3.0),
            st.lists(st.sampled_from(Vote), min_size=3, max_size=3),
            st.sets(st.sampled_from(["north", "south", "west"])),
        ),
        min_size=1,
        max_size=40,
    )
)
def test_whatever_happens_a_failover_has_its_reasons(steps: list[tuple[float, list[Vote], set[str]]]) -> None:
    """Never without a quorum at that moment, both standbys read, and no flapping."""
    at_s, memory = 0.0, Memory()
    for gap_s, votes, silent in steps:
        at_s += gap_s
        memory, found = judge(verdict(votes, at_s), world(*silent), memory, Policy())
        if found.action is Action.FAIL_OVER:
            assert votes.count(LOST) >= 2
            assert not silent & {"south", "west"}
            assert len(memory.turns_s) < 4
