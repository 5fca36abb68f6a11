from __future__ import annotations

from pathlib import Path

from components.place import Cloud
from stacks.config import load
from stacks.fleet import Fleet, Kind, waves
from tests.one_cloud import fleet_of

WHOLE = load(Path(__file__).parents[2] / "stacks")
FLEET = fleet_of(Cloud.AWS)
HOME, EU, AP, GLOBAL = "aws-us-east-1", "aws-eu-west-1", "aws-ap-southeast-1", "aws-global"


def test_creation_goes_home_first_and_global_last() -> None:
    """The others join what home owns; names lead to what exists."""
    assert waves(FLEET, Kind.CREATE) == ((HOME,), (AP, EU), (GLOBAL,))


def test_a_change_meets_one_secondary_first() -> None:
    """One secondary, the rest, home, global."""
    assert waves(FLEET, Kind.CHANGE) == ((AP,), (EU,), (HOME,), (GLOBAL,))


def test_destruction_is_creation_backwards() -> None:
    """Names first, home last."""
    assert waves(FLEET, Kind.DESTROY) == tuple(reversed(waves(FLEET, Kind.CREATE)))


def test_every_stack_is_in_exactly_one_wave_and_after_its_upstream() -> None:
    """On creation nothing comes before what it reads; on no occasion is a stack left out or repeated."""
    for kind in Kind:
        assert sorted(stack for wave in waves(FLEET, kind) for stack in wave) == sorted(FLEET.stacks)
    order = {stack: number for number, wave in enumerate(waves(FLEET, Kind.CREATE)) for stack in wave}
    assert all(order[before] < order[stack] for stack in FLEET.stacks for before in FLEET.upstream(stack))


def test_the_edge_comes_after_what_every_cloud_has_once() -> None:
    """It steers between names that must be there; on destruction it goes first."""
    for kind in (Kind.CREATE, Kind.CHANGE):
        assert waves(WHOLE, kind)[-1] == ("edge",)
    assert waves(WHOLE, Kind.DESTROY)[0] == ("edge",)
    assert "aws-global" in WHOLE.upstream("edge")


def test_a_fleet_of_one_region_has_one_wave() -> None:
    """Empty waves are left out."""
    assert waves(Fleet({HOME: FLEET.stacks[HOME]}), Kind.CHANGE) == ((HOME,),)


def test_on_azure_regions_join_one_after_another_and_name_the_others() -> None:
    """A member of the cache must name all that are there already, so the second region waits for the first to be up."""
    fleet = fleet_of(Cloud.AZURE)
    home, first, second = "azure-eastus", "azure-southeastasia", "azure-westeurope"
    assert waves(fleet, Kind.CREATE) == ((home,), (first,), (second,), ("azure-global",))
    assert waves(fleet, Kind.DESTROY) == tuple(reversed(waves(fleet, Kind.CREATE)))
    assert fleet.cache_mates(second) == (home, first)
    assert fleet.cache_mates(home) == ()


def test_clouds_do_not_wait_for_each_other() -> None:
    """Where one cloud's regions join in turns, another's still join side by side."""
    both = Fleet({**FLEET.stacks, **fleet_of(Cloud.AZURE).stacks})
    assert waves(both, Kind.CREATE)[1] == (AP, EU, "azure-southeastasia")
