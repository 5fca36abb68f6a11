from __future__ import annotations

from pathlib import Path

from stacks.config import load
from stacks.fleet import Fleet, Kind, waves

WHOLE = load(Path(__file__).parents[2] / "stacks")
FLEET = Fleet({name: config for name, config in WHOLE.stacks.items() if name.startswith("aws-")})
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
