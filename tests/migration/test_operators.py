"""Whether people could roll back from the operators' hosts, as a cutover's gates ask it after phase 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aurops.gates.steps import waits_at
from aurops.runner import Ending, Result
from migration.outline import outline
from tests.migration.cutovers import Scene, cutover

if TYPE_CHECKING:
    from aurops.journal import Record

DONE = Result(Ending.DONE)


@pytest.mark.parametrize("stage", ["west 5%", "phase 2 over"])
def test_a_clock_that_went_wrong_since_phase_1_holds_the_first_step_and_the_begin_of_phase_3(stage: str) -> None:
    """Of an operators' host, by name; traffic stays where it is; set right, the run goes on by itself to its end."""
    scene, why = Scene(), "the clock of ops-2 is 90 s behind this host's"

    def hear(record: Record) -> None:
        if record.data.get("stage") == f"before {stage}":
            scene.proxies.why_cut_off = why

    ended = scene.go(hear)
    assert ended.ending is Ending.AT_GATE
    assert f"operators' hosts is closed: {why}" in ended.why
    spot = waits_at(scene.open().records, scene.history())
    assert (spot and spot.stage) == stage
    assert set(scene.weights().values()) == {0 if stage == "west 5%" else 10_000}
    scene.proxies.why_cut_off = ""
    assert scene.go() == DONE


def test_where_a_plan_names_no_operators_hosts_none_is_asked() -> None:
    """So plays a rehearsal on one machine; a gate of the file that asks for them all the same opens nothing."""
    parts = outline(cutover(operator_hosts=()))
    assert not [gate for part in parts for gate in part.gates if gate.kind == "port" and gate.port == "operators"]
    scene = Scene(cutover(operator_hosts=()))
    assert scene.ports.operators.operators(1.0).why_unknown == "the plan names no `operator_hosts`"
    assert scene.go() == DONE
