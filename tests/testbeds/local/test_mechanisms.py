"""Each fault reaches what it says and nothing else, on processes that stand in for a bed's."""

import signal
import sys
import uuid
from pathlib import Path
from typing import Any

import pytest

from aurops.errors import OutsideError
from failover.faults import FAULTS
from testbeds.local import layout, processes
from testbeds.local.layout import REGIONS, Layout
from testbeds.local.mechanisms import MUTED, mechanism, scopes
from testbeds.local.mechanisms.signals import Flap, Freeze, Kill
from testbeds.local.processes import BED_MARK, REGION_MARK


@pytest.fixture
def place(tmp_path: Path) -> Layout:
    """A bed of which nothing runs."""
    components = layout.Components(postgres_bin="", valkey=sys.executable, envoy="")
    return layout.plan(uuid.uuid4().hex, tmp_path, 20_000, components, None)


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_has_its_mechanism_and_refuses_a_bed_without_anything_to_hit(fault: str, place: Layout) -> None:
    """A drill's clock cannot start on a fault that did nothing."""
    with pytest.raises(OutsideError):
        mechanism(fault, "north", place).ready()


def test_the_parts_of_a_region_are_told_apart(place: Layout, start: Any) -> None:
    """Database by its folder, cache by program and port, a vantage point by its name; the neighbour's are spared."""
    started = {}
    for region in REGIONS[:2]:
        marks = {BED_MARK: place.bed, REGION_MARK: region}
        place.region(region).data.mkdir(parents=True)
        started[region, "database"] = start(cwd=place.region(region).data, **marks)
        code = "import signal; print(flush=True); signal.pause()"
        started[region, "cache"] = start(code, None, str(place.region(region).valkey_port), **marks)
        started[region, "node"] = start(code, None, "testbeds.local.node", **marks)
    muted = start(code, None, "testbeds.local.vantage", f"--name={MUTED}", **{BED_MARK: place.bed})
    assert scopes.database(place, "north")() == {started["north", "database"]}
    assert scopes.cache(place, "north")() == {started["north", "cache"]}
    assert scopes.nodes(place, "south")() == {started["south", "node"]}
    assert scopes.vantage(place, MUTED)() == {muted}
    assert scopes.regions(place, "north", "south")() == set(started.values())


def test_what_is_killed_is_brought_back_after_what_was_only_stopped_goes_on(start: Any) -> None:
    """A kill that ended half way leaves nothing standing still."""
    process = start()
    brought_back: list[str | None] = []
    kill = Kill(lambda: frozenset([process]), lambda: brought_back.append(processes.state(process)))
    processes.send([process], signal.SIGSTOP)
    kill.undo()
    assert brought_back != ["T"]
    assert kill.inject() == 1
    while not kill.proved():
        pass
    assert processes.state(process) is None


def test_a_flapping_region_stands_still_and_goes_on_in_turns(
    start: Any, wait_for: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Again and again until it is undone; then it runs."""
    monkeypatch.setattr(Flap, "FROZEN_S", 0.05)
    monkeypatch.setattr(Flap, "THAWED_S", 0.05)
    process = start()
    flap = Flap(lambda: frozenset([process]))
    flap.ready()
    assert flap.inject() == 1
    wait_for(flap.proved)
    for wanted in "STST":
        wait_for(lambda wanted=wanted: processes.state(process) == wanted)
    flap.undo()
    wait_for(lambda: processes.state(process) == "S")


def test_a_freeze_is_proved_by_the_processes_not_by_the_signal(start: Any, wait_for: Any) -> None:
    """What was woken behind its back is no proof any more."""
    process = start()
    freeze = Freeze(lambda: frozenset([process]))
    freeze.inject()
    assert freeze.proved()
    processes.send([process], signal.SIGCONT)
    wait_for(lambda: not freeze.proved())
