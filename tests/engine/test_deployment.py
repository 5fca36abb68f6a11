"""`aurops up`, `status`, `drift` and `destroy` as a person runs them, on the real engine in the lab."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from aurops.inventories import Inventories
from aurops.store import open_store
from tests.engine.fleets import EU, HOME, KEPT, SmallFleet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.timeout(300)
_MARK = "4dabf18193072939515e22adb298388d"
"""What marks a secret in a state (pulumi/sdk, `resource.SigKey`)."""
KEY, CLUSTER = "aws:kms/key:Key", "aws:rds/cluster:Cluster"


@dataclass(frozen=True)
class Refusal:
    """What `aurops up` of a secondary did before its home was up."""

    fleet: SmallFleet
    told: str
    objects: int


@pytest.fixture(scope="module")
def refusal(tmp_path_factory: pytest.TempPathFactory) -> Refusal:
    """A small fleet of which nothing is up, and whose secondary was tried first."""
    small = SmallFleet.make(tmp_path_factory.mktemp("fleet"))
    with small.open() as inside:
        return Refusal(small, inside.aurops("up", EU, "--lab", code=2), len(inside.objects()))


@pytest.fixture(scope="module")
def seed(refusal: Refusal) -> SmallFleet:
    """The same fleet after home came up and the refused run was resumed: copy it."""
    with refusal.fleet.open() as small:
        held = run_of(small, "up")
        small.aurops("up", HOME, "--lab")
        small.aurops("runs", "resume", held)
    return refusal.fleet


@pytest.fixture(scope="module")
def fleet(seed: SmallFleet, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallFleet]:
    """A fleet that is up; tests leave it up."""
    with seed.copy(tmp_path_factory.mktemp("up")).open() as small:
        yield small


def run_of(small: SmallFleet, goal: str) -> str:
    """The last run with this goal."""
    return [row["run"] for row in json.loads(small.aurops("runs", "list", "--json")) if row["goal"] == goal][-1]


def test_a_second_up_changes_nothing_and_the_store_knows_each_stack(fleet: SmallFleet) -> None:
    """Nothing is created, updated, replaced or deleted; a failover finds every identifier in the store alone."""
    before = [found.seq for found in fleet.objects()]
    told = json.loads(fleet.aurops("up", "--lab", "--json").splitlines()[0])
    assert [list(row["counts"]) for row in told["stacks"]] == [["same"], ["same"]]
    assert [found.seq for found in fleet.objects()] == before
    clusters = {found.region: found.outputs["clusterIdentifier"] for found in fleet.objects(CLUSTER)}
    recorded = Inventories(open_store(str(fleet.state / "store")), is_lab=True)
    for stack, region in ((HOME, "us-east-1"), (EU, "eu-west-1")):
        found = recorded.latest(stack)
        assert found is not None
        assert found.database is not None
        assert found.database.cluster == clusters[region]
    rows = json.loads(fleet.aurops("status", "--lab", "--json"))
    assert {(row["inventory"], *row["unfinished"]) for row in rows} == {("in the store",)}


def plaintexts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every secret of a state that was exported with `--show-secrets`, with the property that holds it."""
    if isinstance(value, list):
        for each in value:
            yield from plaintexts(each, path)
    elif isinstance(value, dict) and _MARK in value:
        if isinstance(text := json.loads(value["plaintext"]), str):
            yield path, text
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from plaintexts(each, key)


def test_no_secret_stands_in_plain_text_in_anything_that_a_deployment_leaves(fleet: SmallFleet) -> None:
    """The master password, drawn and handed over, is readable with the passphrase and nowhere without it.

    State, its history, store, work dir; but for the lab's world, which plays the secret's own keeper.
    """
    export = ("lab", "run", "--", "pulumi", "stack", "export", "--stack", HOME)
    shown = fleet.aurops(*export, "--show-secrets")
    secrets = dict(plaintexts(json.loads(shown[shown.index("{") : shown.rindex("}") + 1])))
    assert {"masterPasswordWo", "secretStringWo"} <= set(secrets)
    assert min(len(secrets[name]) for name in ("masterPasswordWo", "secretStringWo")) >= 20
    leaks = [name for name, secret in secrets.items() if secret and secret in fleet.aurops(*export)]
    files = [file for file in fleet.state.rglob("*") if file.is_file() and not file.name.startswith("world.sqlite")]
    assert any(file.match(f"stacks/*/{HOME}.json") for file in files)
    for file in files:
        found = file.read_bytes()
        leaks += [f"{name} in {file}" for name, secret in secrets.items() if secret and secret.encode() in found]
    assert leaks == []


@pytest.mark.campaign  # found and taken back by the workflows' steps: test_drift.py
def test_drift_is_found_named_and_taken_back(fleet: SmallFleet) -> None:
    """Exit 1 with the property that somebody changed, but not what a promotion moves; `up --refresh` restores it.

    Outside of the lab it first shows what it would take back, and does nothing when nobody can be asked.
    """
    fleet.tamper(CLUSTER, "engineVersion", "17.6")
    fleet.tamper(KEY, "deletionWindowInDays", 7)
    told = fleet.aurops("drift", HOME, "--lab", code=1)
    assert f"{HOME:<22} 1 by hand" in told
    assert "deletionWindowInDays" in told
    assert f"aurops up {HOME} --refresh" in told
    assert f"to keep it: stacks/Pulumi.{HOME}.yaml: aurops:region.keys.deletion_window_days" in told
    asked = replace(fleet, folder=fleet.state / "lab" / "work").aurops("up", HOME, "--refresh", code=2)
    assert "deletionWindowInDays: 30 → 7" in asked.partition("Taken back, or taken note of, besides:")[2]
    assert "there is no terminal to ask on" in asked
    assert fleet.objects(KEY)[0].outputs["deletionWindowInDays"] == 7
    fleet.aurops("up", HOME, "--lab", "--refresh")
    assert fleet.objects(KEY)[0].outputs["deletionWindowInDays"] == 30
    assert fleet.objects(CLUSTER)[0].outputs["engineVersion"] == "17.6"
    assert f"{HOME:<22} as it should be" in fleet.aurops("drift", HOME, "--lab")


def test_a_dry_run_names_waves_and_reasons_and_makes_no_run(fleet: SmallFleet) -> None:
    """A change goes through the secondary first."""
    runs = fleet.aurops("runs", "list")
    told = fleet.aurops("up", "--lab", "--dry-run")
    assert told.index(f"up {EU}") < told.index(f"up {HOME}")
    assert "in the order of a change" in told
    assert fleet.aurops("runs", "list") == runs


def test_an_unknown_stack_is_refused_with_those_that_exist(fleet: SmallFleet) -> None:
    """Exit 2 before anything is called."""
    assert f"{EU}, {HOME}" in fleet.aurops("up", "aws-mars-1", "--lab", code=2)


def test_halt_stops_a_deployment_before_its_next_call(fleet: SmallFleet) -> None:
    """Exit 4, nothing was called; once the switch is off, the run can be resumed to its end."""
    fleet.aurops("halt", "--reason", "freeze")
    try:
        told = fleet.aurops("up", "--lab", code=4)
        assert "freeze" in told
    finally:
        fleet.aurops("halt", "--off", "--reason", "over")
    assert "done" in fleet.aurops("runs", "resume", run_of(fleet, "up"))


def test_without_its_upstream_a_stack_is_refused_and_goes_on_once_that_is_up(
    refusal: Refusal, fleet: SmallFleet
) -> None:
    """Exit 2 naming stack and key, the cloud stays empty; after `up` of the upstream the same run is resumed."""
    assert f"stack {HOME} has not exported database.global_group" in refusal.told
    assert "Traceback" not in refusal.told
    assert refusal.objects == 0
    assert {found.region for found in fleet.objects(CLUSTER)} == {"us-east-1", "eu-west-1"}


def test_destroy_asks_twice_and_leaves_nothing(seed: SmallFleet, tmp_path: Path) -> None:
    """It names what holds data; `--yes` alone does not lift protection; lifted, the region is empty afterwards."""
    with seed.copy(tmp_path).open() as small:
        assert f"{EU} would stay" in small.aurops("destroy", HOME, "--lab", "--yes", "--lift-protection", code=2)
        assert "no terminal" in small.aurops("destroy", EU, "--lab", code=2)
        told = small.aurops("destroy", EU, "--lab", "--yes", code=4)
        assert "holds data" in told
        assert "--lift-protection" in told
        home = {found.seq for found in small.objects() if found.region != "eu-west-1"}
        small.aurops("destroy", EU, "--lab", "--yes", "--lift-protection")
        assert {found.region for found in small.objects()} & {"eu-west-1"} == set()
        assert {found.seq for found in small.objects()} <= home
        assert {found.region for found in small.objects(CLUSTER)} == {"us-east-1"}
        assert Inventories(open_store(str(small.state / "store")), is_lab=True).latest(EU) is None
        assert f"not up: {EU}" in small.aurops("drift", EU, "--lab", code=2)
        assert f"{EU:<22} not up" in small.aurops("drift", "--lab")
        assert "Nothing to destroy" in small.aurops("destroy", EU, "--lab", "--yes")


@pytest.mark.campaign
def test_what_was_rebuilt_can_be_destroyed_again(seed: SmallFleet, tmp_path: Path) -> None:
    """The last snapshot of the first database stays in the cloud, and the second one's has another name."""
    with seed.copy(tmp_path).open() as small:
        for command in (("destroy", "--lift-protection"), ("up",), ("destroy", "--lift-protection")):
            small.aurops(command[0], EU, "--lab", "--yes", *command[1:])
        assert {found.region for found in small.objects(CLUSTER)} == {"us-east-1"}


@pytest.mark.campaign
def test_a_destroyed_stack_that_leaves_an_archive_is_not_up(tmp_path: Path) -> None:
    """Its objects stay and are named; it exports nothing that others could be built on, and comes up as a new one."""
    with SmallFleet.make(tmp_path, kept=(*KEPT, "archive")).open() as small:
        small.aurops("up", HOME, "--lab")
        assert "in the order of a change" in small.aurops("up", HOME, "--lab", "--dry-run")
        assert "stays    aws:s3/bucket:Bucket" in small.aurops("destroy", HOME, "--lab", "--yes", "--lift-protection")
        assert small.objects("aws:s3/bucket:Bucket")
        assert small.objects("aws:ec2/vpc:Vpc") == []
        rows = json.loads(small.aurops("status", "--lab", "--json"))
        assert {row["stack"]: row["inventory"] for row in rows} == {HOME: "not up", EU: "not up"}
        assert "in the order of a creation" in small.aurops("up", HOME, "--lab", "--dry-run")
        # A region that needs it is refused, as if it had never been there, and makes nothing.
        left = len(small.objects())
        assert f"stack {HOME} has not exported database.global_group" in small.aurops("up", EU, "--lab", code=2)
        assert len(small.objects()) == left
