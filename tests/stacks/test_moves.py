"""Which runs of the store explain that a fleet is not as its program left it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from obstore.store import LocalStore

from aurops.clock import RealClock
from aurops.execution import begin
from aurops.journal import Journal, RecordKind
from aurops.store import FolderStore, open_store
from stacks.moves import read

if TYPE_CHECKING:
    from pathlib import Path

    from aurops.store import Store
    from stacks.moves import Moves

REGIONS = ["us-east-1", "eu-west-1"]
CLOCK = RealClock()


def run(store: Store, name: str, kind: str, *, to: str = "", ending: str = "", **arguments: Any) -> Journal:
    """A run as its runner journals it; the names sort by time."""
    id_ = f"20261128T10000{name}Z-{kind}-0a1b"
    journal = begin(store, CLOCK, kind, {"regions": REGIONS, **arguments}, run=id_)
    if to:
        journal.append(RecordKind.DECISION, {"name": "target", "value": to, "reason": "it is the most advanced"})
    if ending == "restored":
        journal.append(RecordKind.GOAL, {"goal": "restore"})
    if ending:
        journal.append(RecordKind.FINISHED, {"outcome": ending})
    return journal


def known(folder: Path, *, is_lab: bool = False) -> Moves:
    """What the store tells."""
    return read(open_store(str(folder)), CLOCK, "payments", is_lab=is_lab)


def test_failovers_are_told_latest_first_with_where_they_went(tmp_path: Path) -> None:
    """One that has not ended, and one that was aborted, say so; other runs are none."""
    store = open_store(str(tmp_path))
    run(store, "1", "failover", to="eu-west-1", ending="done")
    run(store, "2", "failover", ending="restored")
    run(store, "3", "failback", to="us-east-1")
    run(store, "4", "measure")
    found = known(tmp_path).all
    assert [(each.run[9:], each.to, each.is_open, each.is_undone) for each in found] == [
        ("100003Z-failback-0a1b", "us-east-1", True, False),
        ("100002Z-failover-0a1b", "", False, True),
        ("100001Z-failover-0a1b", "eu-west-1", False, False),
    ]
    assert found[0].regions == set(REGIONS)


def test_a_test_bed_another_fleet_and_the_lab_explain_nothing_of_this_fleet(tmp_path: Path) -> None:
    """Their regions may be called the same."""
    store = open_store(str(tmp_path))
    run(store, "1", "failover", bed="b1", ending="done")
    run(store, "2", "failover", fleet="orders", ending="done")
    run(store, "3", "failover", fleet="payments", lab=True, ending="done")
    assert known(tmp_path).all == ()
    assert [each.run[14] for each in known(tmp_path, is_lab=True).all] == ["3"]


def test_only_a_deployment_that_looked_at_the_cloud_has_taken_note(tmp_path: Path) -> None:
    """`up --refresh`, by stack; a failover before it explains nothing any more, one after it does."""
    store = open_store(str(tmp_path))
    deployed = {"fleet": "payments", "lab": False, "regions": []}
    run(store, "1", "failover", to="eu-west-1", ending="done")
    run(store, "2", "up", **deployed, waves=[["aws-eu-west-1"]], refresh=False)
    run(store, "3", "up", **deployed, waves=[["aws-us-east-1"]], refresh=True)
    moves = known(tmp_path)
    assert set(moves.noted) == {"aws-us-east-1"}
    assert moves.latest("aws-us-east-1", REGIONS) is None
    seen = moves.latest("aws-eu-west-1", REGIONS)
    assert seen is not None
    assert seen.run[14] == "1"
    assert moves.latest("azure-eastus", ["eastus"]) is None


class Counted(FolderStore):
    """Counts what is read."""

    reads = 0

    def read(self, key: str) -> bytes | None:
        type(self).reads += 1
        return super().read(key)


def test_only_what_can_tell_is_read(tmp_path: Path) -> None:
    """Of drills nothing, of a deployment its first record, a failover whole; a torn one hides no other."""
    store = open_store(str(tmp_path))
    for number in range(5):
        journal = run(store, str(number), "measure", ending="done")
        begin(store, CLOCK, "failover", {"regions": REGIONS, "bed": "b"}, run=f"{journal.run}-failover")
    up = run(store, "6", "up", fleet="payments", lab=False, waves=[["aws-us-east-1"]], refresh=True)
    for _ in range(20):
        up.append(RecordKind.NOTE, {"about": "a wave"})
    run(store, "7", "failover", to="eu-west-1", ending="done")
    store.create("runs/20261128T100008Z-failover-0a1b/journal/00000001", b"{torn")
    store.create("runs/20261128T100009Z-up-0a1b/journal/00000001", b"{torn")
    counted = Counted(str(tmp_path), tmp_path, LocalStore(tmp_path), 5.0)
    moves = read(counted, CLOCK, "payments", is_lab=False)
    assert [each.run[14] for each in moves.all] == ["7"]
    assert set(moves.noted) == {"aws-us-east-1"}
    assert Counted.reads <= 10
