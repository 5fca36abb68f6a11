"""What `aurops up` and `aurops destroy` do, wave by wave, whatever happens in between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aurops.clock import RealClock
from aurops.execution import begin
from aurops.history import RESTORE, History
from aurops.journal import RecordKind
from aurops.store import open_store
from components.place import Cloud
from stacks.deploy import Goal, Order, lifted, order_destroy, order_up, plan
from stacks.fleet import Fleet, Kind
from stacks.model import RegionConfig
from tests.one_cloud import fleet_of

if TYPE_CHECKING:
    from aurops.journal import Journal
    from aurops.plan import Stage
    from stacks.model import StackConfig

HOME, EU, ASIA, NAMES = "aws-us-east-1", "aws-eu-west-1", "aws-ap-southeast-1", "aws-global"


@pytest.fixture
def fleet() -> Fleet:
    """The repository's own four stacks on AWS."""
    return fleet_of(Cloud.AWS)


@pytest.fixture
def journal() -> Journal:
    """A run of `up`."""
    return begin(open_store("memory://"), RealClock(), "up", {})


def do(journal: Journal, step: str, outcome: str, **data: str) -> None:
    """Journal a call of a step and how it ended."""
    journal.append(RecordKind.INTENT, {"step": step, "stage": "", "action": "", "reason": ""})
    journal.append(RecordKind.RESULT, {"step": step, "outcome": outcome, **data})


def names(order: Order, journal: Journal) -> list[tuple[str, tuple[str, ...]]]:
    """Stages of the plan with their steps."""
    return [(stage.name, tuple(step.name for step in stage.steps)) for stage in plan(order, History(journal.records))]


def next_stage(order: Order, journal: Journal) -> Stage[None]:
    """The first stage with something left to do."""
    history = History(journal.records)
    return next(stage for stage in plan(order, history) if stage.open(None, history))


def test_a_new_fleet_comes_up_home_first_and_each_wave_waits_for_the_gate_of_the_one_before(
    fleet: Fleet, journal: Journal
) -> None:
    """Home, secondaries side by side, global; after each wave its inventory is recorded and its health looked at."""
    order = order_up(fleet, fleet.stacks, (), is_lab=True)
    assert order.waves == ((HOME,), (ASIA, EU), (NAMES,))
    assert names(order, journal)[0] == ("wave 1", (f"up {HOME}",))
    for step in (f"up {HOME}", f"record {HOME}", f"health {HOME}", f"up {ASIA}", f"up {EU}"):
        do(journal, step, "done")
    assert next_stage(order, journal).name == "record 2"


def test_a_change_goes_through_one_secondary_first_and_home_late(fleet: Fleet) -> None:
    """When every stack has been up before, a mistake meets one secondary before anything else."""
    order = order_up(fleet, fleet.stacks, fleet.stacks, is_lab=False)
    assert (order.kind, order.waves) == (Kind.CHANGE, ((ASIA,), (EU,), (HOME,), (NAMES,)))


def test_a_new_stack_comes_up_after_the_change_of_the_others_and_before_global(fleet: Fleet) -> None:
    """One new region does not send a change to home first; a stack whose home is not up waits for its home."""
    order = order_up(fleet, fleet.stacks, {HOME, EU, NAMES}, is_lab=False)
    assert order.waves == ((EU,), (HOME,), (ASIA,), (NAMES,))
    assert order_up(fleet, fleet.stacks, {EU, NAMES}, is_lab=False).waves == ((HOME,), (ASIA, EU), (NAMES,))


def test_only_the_stacks_that_were_asked_for_are_touched(fleet: Fleet) -> None:
    """The others are left out of their waves, and an empty wave is no wave."""
    assert order_up(fleet, {EU, NAMES}, {HOME}, is_lab=False).waves == ((EU,), (NAMES,))


def test_a_failed_stack_holds_the_run_until_a_person_resumes_it(fleet: Fleet, journal: Journal) -> None:
    """Nothing of a later wave begins; who resumes tries the failed stack again, and only that one."""
    order = order_up(fleet, fleet.stacks, (), is_lab=True)
    for step in (f"up {HOME}", f"record {HOME}", f"health {HOME}", f"up {EU}"):
        do(journal, step, "done")
    do(journal, f"up {ASIA}", "failed", error="no capacity")
    (stage,) = plan(order, History(journal.records))
    assert stage.hold == f"up {ASIA}: no capacity"
    journal.append(RecordKind.TAKEN, {"epoch": 2}, epoch=2)
    unfinished = next_stage(order, journal).unfinished(None, History(journal.records))
    assert [step.name for step in unfinished] == [f"up {ASIA}"]


def test_an_aborted_run_leaves_what_is_up(fleet: Fleet, journal: Journal) -> None:
    """There is no way back through a deployment: the plan of the goal restore is empty."""
    journal.append(RecordKind.GOAL, {"goal": RESTORE, "who": "kim", "reason": "wrong"})
    assert names(order_up(fleet, fleet.stacks, (), is_lab=True), journal) == []


def test_a_stack_is_lifted_just_before_it_is_destroyed_and_only_where_something_is_protected(
    fleet: Fleet, journal: Journal
) -> None:
    """Stacks go in the reverse order of creation; what a run has not reached stays protected."""
    order = order_destroy(fleet, fleet.stacks, is_lab=True, lift={HOME, EU})
    assert order.waves == ((NAMES,), (ASIA, EU), (HOME,))
    stages = names(order, journal)
    assert [name for name, _ in stages if not name.startswith("forget")] == [
        "wave 1", "lift 2", "wave 2", "lift 3", "wave 3"
    ]  # fmt: skip
    assert ("lift 2", (f"lift {EU}",)) in stages


def test_a_stack_that_was_lifted_and_still_stands_is_known(journal: Journal) -> None:
    """Whoever stops there is told which stacks have no protection now, failed lifts included."""
    do(journal, f"lift {EU}", "done")
    do(journal, f"destroy {EU}", "done")
    do(journal, f"lift {ASIA}", "done")
    do(journal, f"destroy {ASIA}", "failed", error="no")
    do(journal, f"lift {HOME}", "failed", error="no")
    assert lifted(History(journal.records)) == (ASIA, HOME)


def test_an_order_survives_the_journal(fleet: Fleet) -> None:
    """What a resume reads is what was asked for."""
    order = order_destroy(fleet, fleet.stacks, is_lab=True, lift={HOME, EU})
    assert Order.read(Goal.DESTROY, order.arguments()) == order


def on_gcp(config: StackConfig) -> StackConfig:
    """The same on a cloud whose home names its standby once that exists."""
    changed: dict[str, object] = {"cloud": Cloud.GCP}
    if isinstance(config, RegionConfig) and config.database:
        changed["database"] = config.database.model_copy(update={"standby_region": "eu-west-1"})
    return config.model_copy(update=changed)


def test_a_home_that_names_its_standby_comes_up_once_more_until_it_has(fleet: Fleet, journal: Journal) -> None:
    """The last stages settle it, say why and record it again; settled once, or not asked for, it does not."""
    gcp = {name.replace("aws-", "gcp-"): on_gcp(config) for name, config in fleet.stacks.items()}
    three = Fleet({**fleet.stacks, **gcp})
    home, standby = HOME.replace("aws-", "gcp-"), EU.replace("aws-", "gcp-")
    order = order_up(three, three.stacks, (), is_lab=True)
    assert order.settle == (home,)
    stages = names(order, journal)
    assert stages[-2:] == [("settle", (f"settle {home}",)), ("record settled", (f"record settled {home}",))]
    (step,) = plan(order, History(journal.records))[-2].steps
    assert "could not be made in one pass" in step.reason
    # A run that ended before it settled left that to the next.
    assert order_up(three, three.stacks, three.stacks, is_lab=True).settle == (home,)
    assert order_up(three, three.stacks, three.stacks, is_lab=True, settled={home}).settle == ()
    assert order_up(three, {standby}, {home}, is_lab=True).settle == ()
    assert order_up(three, {home}, {home}, is_lab=True).settle == ()
    assert Order.read(Goal.UP, order.arguments()) == order
