"""Which runs of the store explain that a fleet is not as its program left it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aurops.clock import RealClock
from aurops.execution import begin
from aurops.journal import Journal, RecordKind, readable
from aurops.store import open_store
from stacks.moves import read

if TYPE_CHECKING:
    from pathlib import Path

    from aurops.store import Store
    from stacks.moves import Moves

REGIONS = ["us-east-1", "eu-west-1"]
CLOCK = RealClock()


def run(store: Store, name: str, kind: str, *, to: str = "", ending: str = "", **arguments: Any) -> Journal:
    """A run as its runner journals it."""
    journal = begin(store, CLOCK, kind, {"regions": REGIONS, **arguments}, run=name)
    if to:
        journal.append(RecordKind.DECISION, {"name": "target", "value": to, "reason": "it is the most advanced"})
    if ending == "restored":
        journal.append(RecordKind.GOAL, {"goal": "restore"})
    if ending:
        journal.append(RecordKind.FINISHED, {"outcome": ending})
    return journal


def known(folder: Path, *, is_lab: bool = False) -> Moves:
    """What the store tells."""
    return read(readable(open_store(str(folder)), CLOCK), "payments", is_lab=is_lab)


def test_failovers_are_told_latest_first_with_where_they_went(tmp_path: Path) -> None:
    """One that has not ended, and one that was aborted, say so; other runs are none."""
    store = open_store(str(tmp_path))
    run(store, "a", "failover", to="eu-west-1", ending="done")
    run(store, "b", "failover", ending="restored")
    run(store, "c", "failback", to="us-east-1")
    run(store, "d", "measure")
    found = known(tmp_path).all
    assert [(each.run, each.to, each.is_open, each.is_undone) for each in found] == [
        ("c", "us-east-1", True, False),
        ("b", "", False, True),
        ("a", "eu-west-1", False, False),
    ]
    assert found[0].regions == set(REGIONS)


def test_a_test_bed_another_fleet_and_the_lab_explain_nothing_of_this_fleet(tmp_path: Path) -> None:
    """Their regions may be called the same."""
    store = open_store(str(tmp_path))
    run(store, "a", "failover", bed="b1", ending="done")
    run(store, "b", "failover", fleet="orders", ending="done")
    run(store, "c", "failover", fleet="payments", lab=True, ending="done")
    assert known(tmp_path).all == ()
    assert [each.run for each in known(tmp_path, is_lab=True).all] == ["c"]


def test_only_a_deployment_that_looked_at_the_cloud_has_taken_note(tmp_path: Path) -> None:
    """`up --refresh`, by stack; a failover before it explains nothing any more, one after it does."""
    store = open_store(str(tmp_path))
    deployed = {"fleet": "payments", "lab": False, "regions": []}
    run(store, "a", "failover", to="eu-west-1", ending="done")
    run(store, "b", "up", **deployed, waves=[["aws-eu-west-1"]], refresh=False)
    run(store, "c", "up", **deployed, waves=[["aws-us-east-1"]], refresh=True)
    moves = known(tmp_path)
    assert set(moves.noted) == {"aws-us-east-1"}
    assert moves.latest("aws-us-east-1", REGIONS) is None
    seen = moves.latest("aws-eu-west-1", REGIONS)
    assert seen is not None
    assert seen.run == "a"
    assert moves.latest("azure-eastus", ["eastus"]) is None
