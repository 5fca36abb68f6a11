"""The watch over one service: what it tells, when it acts, and what keeps its hands off."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import product

import pytest

from aurops.clock import ManualClock
from aurops.errors import HeldError, OutsideError, UsageError
from aurops.lease import Lease
from aurops.requests import halt, hold
from aurops.store import StoreReadOnlyError, open_store
from failover.model import World
from failover.policy import Action, Finding, Loss, Mode, Policy, State
from failover.standing import Desk, watch_of
from failover.targets.simulated import SimulatedTarget
from failover.watch import Acted, Change, Event, Watch, check_policy, region_in_force
from tests.failover.stores import Losable

SERVICE = "ledger-b1"
WELL = Finding("north", State.WELL, Action.NOTHING, "well", 0.0, "votes")
LOST = Finding("north", State.LOST, Action.FAIL_OVER, "lost", 0.0, "votes", Loss.REGION)


@dataclass
class Seen:
    """What a `Watching` finds, one after another; the last one for ever."""

    findings: list[Finding]
    region: str = "north"
    world: World | None = None
    turned: list[str] = field(default_factory=list)

    def look(self) -> Finding:
        return self.findings.pop(0) if self.findings[1:] else self.findings[0]

    def wait(self) -> None:
        """Nothing to wait for."""

    def turn_to(self, region: str) -> None:
        self.region = region
        self.turned.append(region)
        self.findings = [replace(WELL, region=region)]


class Scene:
    """One watch with everything that it talks to."""

    def __init__(self, *findings: Finding, act: Callable[[Finding], Acted] | None = None) -> None:
        self.clock = ManualClock()
        self.store = Losable()
        self.desk = Desk(self.store, SERVICE, self.clock)  # type: ignore[arg-type]  # a store, only losable
        self.seen = Seen(list(findings))
        self.events: list[Event] = []
        self.acted: list[Finding] = []
        self.aimed: list[str] = []
        self._does = act or (lambda _: Acted("run-1", "south", "run-1 ended as done: south serves", is_done=True))
        self.watch = Watch(
            SERVICE,
            self.seen,  # type: ignore[arg-type]  # all that a watch asks of it
            self.desk,
            self.clock,
            act=self._act,
            tell=self.events.append,
            aim=self.aimed.append,
        )

    def turns(self, count: int) -> list[tuple[Change, Action | None]]:
        """So many turns of the watch; what was told."""
        for _ in range(count):
            self.watch.turn()
        return [(event.change, event.action) for event in self.events]

    def _act(self, finding: Finding) -> Acted:
        self.acted.append(finding)
        return self._does(finding)


def test_every_change_is_told_once() -> None:
    """However often it is found again."""
    scene = Scene(WELL, WELL, replace(WELL, state=State.SUSPECT), WELL)
    scene.turns(9)
    assert [event.state for event in scene.events] == [State.WELL, State.SUSPECT, State.WELL]
    assert all(event.service in event.text and event.why in event.text for event in scene.events)


def test_a_loss_is_acted_on_once_and_the_new_region_is_watched() -> None:
    """The vantage points are aimed at it; what came of it is told with its run."""
    scene = Scene(WELL, LOST)
    told = scene.turns(5)
    assert told[1:3] == [(Change.FOUND, Action.FAIL_OVER), (Change.FAILED_OVER, None)]
    assert scene.events[2].run == "run-1"
    assert (len(scene.acted), scene.seen.region, scene.aimed) == (1, "south", ["south"])


def test_a_failover_that_cannot_be_made_is_told_and_not_tried_again() -> None:
    """A person is told why; the cool-down begins."""

    def fails(_: Finding) -> Acted:
        raise OutsideError("south refuses", next_step="look at it")

    scene = Scene(LOST, act=fails)
    scene.turns(3)
    assert len(scene.acted) == 1
    assert "south refuses" in scene.events[1].why
    assert scene.seen.turned == ["north"]


def test_whoever_was_quicker_is_left_alone() -> None:
    """A lease that another holds is no failure: from then on it is known who acts."""

    def held(_: Finding) -> Acted:
        Lease(scene.store, SERVICE, scene.clock).take("theirs")
        Lease(scene.store, SERVICE, scene.clock).take("mine")
        raise AssertionError

    scene = Scene(LOST, act=held)
    scene.turns(1)
    assert "theirs" in scene.desk.standing.busy
    assert [event.change for event in scene.events] == [Change.FOUND]


def test_a_lost_store_is_no_reason_to_cool_down() -> None:
    """It is said, and tried again as soon as the store is back."""

    def lost(_: Finding) -> Acted:
        scene.store.lost = True
        raise StoreReadOnlyError("the store is gone", where="here")

    scene = Scene(LOST, act=lost)
    scene.turns(1)
    assert scene.seen.turned == []
    assert "--break-glass" in scene.desk.standing.hands_off


def test_clients_that_were_moved_by_somebody_else_are_followed() -> None:
    """Not while whoever moves them is at it."""
    target = SimulatedTarget()
    scene = Scene(WELL)
    scene.seen.world = target.observe()
    scene.turns(1)
    target.weights = {"west": 10_000}
    scene.seen.world = target.observe()
    lease = Lease(scene.store, SERVICE, scene.clock)
    lease.take("a switchover")
    scene.desk.read()
    scene.turns(1)
    assert scene.aimed == []
    lease.release()
    scene.desk.read()
    assert (Change.MOVED, None) in scene.turns(1)
    assert scene.aimed == ["west"]


def test_a_held_watch_says_so_and_when_it_may_act_again() -> None:
    """By the switch of this watch, or the one that halts all runs."""
    scene = Scene(WELL)
    turns: tuple[Callable[[bool], int], ...] = (
        lambda on: hold(scene.store, SERVICE, on=on, reason="maintenance", who="me", clock=scene.clock),  # type: ignore[arg-type]
        lambda on: halt(scene.store, on=on, reason="maintenance", who="me", clock=scene.clock),  # type: ignore[arg-type]
    )
    for turn, on in product(turns, (True, False)):
        turn(on)
        scene.desk.read()
        assert ("me holds it" in scene.desk.standing.hands_off) is on
        assert ("maintenance" in scene.desk.standing.hands_off) is on
        scene.turns(1)
    changes = [event.change for event in scene.events if event.change is not Change.FOUND]
    assert changes == [Change.HANDS_OFF, Change.HANDS_ON] * 2


def test_one_watch_for_each_service() -> None:
    """The second is refused with who is on it; it may come when the first has ended."""
    clock, store = ManualClock(), open_store("memory://")
    with Desk(store, SERVICE, clock):
        with pytest.raises(HeldError, match="another watch is on this service: pid"), Desk(store, SERVICE, clock):
            pass
        assert Lease(store, SERVICE, clock).acting() is None  # the service's own lease is free
        with Desk(store, "ledger-b2", clock):
            pass
    with Desk(store, SERVICE, clock):
        pass


def test_a_watch_whose_store_was_lost_keeps_its_place() -> None:
    """Its lease ran out unrenewed: it waits for its own old record, then goes on, and keeps others out again."""
    clock, store = ManualClock(), Losable()
    desk = Desk(store, SERVICE, clock)  # type: ignore[arg-type]  # a store, only losable
    desk.read()
    store.lost = True
    clock.advance(60)
    desk.read()
    assert "the store is gone" in desk.standing.lost
    store.lost = False
    for _ in range(20):
        desk.read()
        clock.advance(1.0)
    assert not desk.standing.hands_off
    with pytest.raises(HeldError, match="another watch"), Desk(store, SERVICE, clock):  # type: ignore[arg-type]
        pass


def test_a_watch_that_was_replaced_ends() -> None:
    """Two that act for one service would each undo what the other did."""
    scene = Scene(WELL)
    with scene.desk:
        Lease(scene.store, watch_of(SERVICE), scene.clock).take("watch", take_over=True)
        scene.clock.advance(5.0)
        scene.desk.read()
        with pytest.raises(HeldError, match="the watch ended"):
            scene.watch.turn()


def test_a_holder_that_has_been_silent_is_not_busy_and_its_lease_is_free_at_once() -> None:
    """A frozen orchestrator is waited for while it is idle time, not when the region is lost."""
    clock, store = ManualClock(), open_store("memory://")
    desk = Desk(store, SERVICE, clock)
    Lease(store, SERVICE, clock).take("frozen")
    desk.read()
    assert "run frozen" in desk.standing.busy
    clock.advance(11.5)
    desk.read()
    assert desk.standing.busy == ""
    desk.lend_lease().take("ours")


def test_a_service_that_is_gone_ends_the_watch() -> None:
    """What its chores say is the reason."""
    clock, store = ManualClock(), open_store("memory://")

    def gone() -> None:
        raise OutsideError("the bed has ended")

    desk = Desk(store, SERVICE, clock, chores=gone)
    with desk:
        desk._thread.join(10)
        assert "the bed has ended" in desk.standing.over


def test_the_region_in_force_is_the_one_that_clients_are_sent_to() -> None:
    """None, several, or a mute traffic layer: refused, with what is seen."""
    target = SimulatedTarget()
    assert region_in_force(target.observe()) == "north"
    for weights, said in (({}, "none"), ({"north": 5000, "south": 5000}, "north, south")):
        target.weights = weights
        with pytest.raises(UsageError) as refused:
            region_in_force(target.observe())
        assert refused.value.where == said


@pytest.mark.parametrize(
    ("policy", "says"),
    [
        (Policy(mode=Mode.NEVER), "every kind of loss is `never`"),
        (Policy(losses=dict.fromkeys(Loss, Mode.NEVER)), "every kind of loss is `never`"),
        (Policy(quorum=4), "4 vantage points must agree, and there are 3"),
    ],
)
def test_a_policy_that_could_never_fire_is_refused(policy: Policy, says: str) -> None:
    """With the key and what is allowed; one kind of loss that asks is enough."""
    with pytest.raises(UsageError, match=says):
        check_policy(policy, 3, "policy.yaml")
    check_policy(Policy(mode=Mode.NEVER, losses={Loss.REGION: Mode.ASK}), 3, "policy.yaml")
