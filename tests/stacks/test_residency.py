"""Regions that a data class forbids are refused before anything is planned."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aurops.errors import ExitCode, UsageError
from components.clouds.zones import ZONES
from components.place import Cloud
from stacks import residency
from stacks.config import load
from stacks.fleet import Fleet
from tests.stacks.graphs import FLEET

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
EU = {"data-class": "personal-eu"}


def fleet(**changed: Mapping[str, Any]) -> Fleet:
    """The repository's fleet with some stacks' values changed; `_` stands for `-` in their names."""
    stacks = dict(FLEET.stacks)
    for name, values in changed.items():
        stack = name.replace("_", "-")
        stacks[stack] = stacks[stack].model_copy(update=dict(values))
    return Fleet(stacks)


def refused(of: Fleet, stack: str | None = None) -> list[residency.ResidencyError]:
    """What the repository's own policy says."""
    found = residency.read(ROOT)
    assert found is not None
    return list(residency.problems(of, found, stack))


def test_the_repositorys_own_fleet_lies_where_its_class_may() -> None:
    """Its class is `confidential`, and every region of its three clouds is in one of its jurisdictions."""
    assert refused(FLEET) == []
    residency.check(FLEET, ROOT)


@pytest.mark.parametrize(
    ("stack", "wrong", "one_allowed"),
    [
        ("aws_us_east_1", "us-east-1 is in us", "eu-central-1"),
        ("azure_southeastasia", "southeastasia is in sg", "westeurope"),
        ("gcp_us_west1", "us-west1 is in us", "europe-west4"),
    ],
)
def test_a_region_that_the_class_forbids_is_refused_on_every_cloud(stack: str, wrong: str, one_allowed: str) -> None:
    """With the stack's file and key, the regions of that cloud that are allowed, and the way on."""
    name = stack.replace("_", "-")
    error = refused(fleet(**{stack: {"tags": EU}}))[0]
    assert error.exit_code is ExitCode.USAGE
    assert error.what == f"personal-eu data may lie in eu; {wrong}"
    assert error.where == f"stacks/Pulumi.{name}.yaml: aurops:region.region"
    assert one_allowed in str(error.allowed)
    assert "tags.data-class" in str(error.next_step)


def test_copies_and_those_who_join_are_asked_too() -> None:
    """An archive's copy in another jurisdiction, and a secondary whose own file says another class, do not slip by."""
    only_eu = residency.Residency("data-class", {"local": ("eu-west-1",)}, "anywhere", {})
    home = FLEET.stacks["aws-us-east-1"]
    changed = fleet(aws_us_east_1={"tags": {"data-class": "local"}})
    keys = [(str(error.where).rpartition(": ")[2], error.what) for error in residency.problems(changed, only_eu)]
    assert home.model_dump()["archive"]["replica_region"] == "us-west-2"
    assert (
        "aurops:region.archive.replica_region",
        "local data may lie in eu-west-1; us-west-2 is in no jurisdiction that is listed",
    ) in keys
    assert [key for key, what in keys if "ap-southeast-1" in what] == ["aurops:region.database", "aurops:region.cache"]
    assert not [what for _, what in keys if "; eu-west-1" in what]


def test_one_stack_is_asked_alone() -> None:
    """Plain `pulumi up` of a stack is kept back by that stack's data only."""
    changed = fleet(aws_us_east_1={"tags": EU})
    assert refused(changed, "aws-eu-west-1") == []
    assert refused(changed, "aws-us-east-1")


def test_a_class_that_policy_does_not_know_is_policys_to_judge() -> None:
    """Missing or unknown, it is a finding of `required-tags`, with a waiver if need be."""
    assert refused(fleet(aws_us_east_1={"tags": {}}, gcp_us_west1={"tags": {"data-class": "secret"}})) == []


def test_every_region_that_can_be_chosen_is_in_a_jurisdiction() -> None:
    """A region that the table lacks would be refused to every class that may not lie anywhere."""
    found = residency.read(ROOT)
    assert found is not None
    assert not [(c, region) for c in Cloud for region in ZONES[c] if (c.value, region) not in found.jurisdictions]


def test_a_repository_without_policy_is_not_asked(tmp_path: Path) -> None:
    """There is nobody who decided."""
    assert residency.read(tmp_path) is None


def test_a_policy_that_cannot_be_read_is_a_usage_error(tmp_path: Path) -> None:
    """It names the file; a table that lacks a name says which."""
    shutil.copytree(ROOT / "ci" / "policy", tmp_path / "ci" / "policy")
    settings = tmp_path / residency.FILES[0]
    settings.write_text("RESIDENCY = {")
    with pytest.raises(UsageError, match="the policy cannot be read") as caught:
        residency.check(FLEET, tmp_path)
    assert caught.value.where == residency.FILES[0]
    settings.write_text("DATA_CLASS = 'x'")
    with pytest.raises(UsageError, match="the policy does not say RESIDENCY"):
        residency.check(load(ROOT / "stacks"), tmp_path)
