"""The files of a new fleet."""

from __future__ import annotations

import random

import pytest

from aurops.errors import UsageError
from components.clouds.zones import ZONES
from components.place import Cloud
from stacks.fleet import Fleet
from stacks.fleet_check import check
from stacks.model import GlobalConfig
from stacks.template import Choices, cidr, configurations, copy_region, files

AWS = tuple(sorted(ZONES[Cloud.AWS]))
WITH_ZONES = {cloud: sorted(region for region, zones in ZONES[cloud].items() if len(zones) > 1) for cloud in Cloud}
ZONE_IDS = {
    Cloud.AWS: "Z1",
    Cloud.AZURE: "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/dns/providers/Microsoft.Network/dnszones/example.com",  # noqa: E501 - one id
    Cloud.GCP: "example-com",
}
ACCOUNTS = {Cloud.AWS: "", Cloud.AZURE: "", Cloud.GCP: "payments-prod"}


def choices(*regions: str, home: str = "", zone_id: str = "Z1") -> Choices:
    """The choices of somebody who keeps to the defaults."""
    home = home or regions[0]
    return Choices("payments", Cloud.AWS, regions, home, "api.example.com", "example.com", zone_id)


@pytest.mark.parametrize("seed", range(40))
def test_any_choice_of_clouds_and_regions_makes_a_fleet_without_contradiction(seed: int) -> None:
    """Any clouds, one to all regions of each, any home, with or without a zone: every file is valid and all fit."""
    chance = random.Random(seed)
    texts: dict[str, str] = {}
    chosen = set()
    for cloud in chance.sample(list(Cloud), chance.randint(1, 3)):
        regions = chance.sample(WITH_ZONES[cloud], chance.randint(1, len(WITH_ZONES[cloud])))
        zone_id = chance.choice(["", ZONE_IDS[cloud]])
        home, name = chance.choice(regions), ("api.example.com", "example.com")
        texts |= files(Choices("payments", cloud, tuple(regions), home, *name, zone_id, account=ACCOUNTS[cloud]))
        chosen |= {(cloud, region) for region in regions}
    fleet = Fleet(configurations(texts))
    check(fleet)
    assert {(each.cloud, each.region) for each in fleet.regions().values()} == chosen


def test_every_region_of_every_cloud_has_a_range_of_its_own() -> None:
    """No two regions share an address range, whatever clouds and regions the fleet has."""
    ranges = [cidr(cloud, region) for cloud in Cloud for region in WITH_ZONES[cloud]]
    assert len(set(ranges)) == len(ranges)


def test_a_range_never_moves() -> None:
    """The range of a region is the same in every version: these are in use."""
    assert [cidr(Cloud.AWS, region) for region in ("us-east-1", "eu-west-1", "ap-southeast-1", "af-south-1")] == [
        "10.16.0.0/16",
        "10.17.0.0/16",
        "10.18.0.0/16",
        "10.38.0.0/16",
    ]


def test_copies_stay_on_the_continent_where_it_has_another_region() -> None:
    """The archive's copy lies in another region, on the same continent if there is one."""
    assert copy_region(Cloud.AWS, "eu-west-1") == "eu-west-3"
    assert all(copy_region(Cloud.AWS, region) != region for region in AWS)


def test_what_cannot_change_later_says_so() -> None:
    """Each key that is fixed at creation carries a comment, and editors find the schema."""
    text = files(choices("us-east-1"))["Pulumi.aws-us-east-1.yaml"]
    lines = text.splitlines()
    assert lines[0] == "# yaml-language-server: $schema=stack.schema.json"
    for key in ("fleet:", "home:", "cidr:", "name:", "replica_region:", "disk_gib:"):
        at = next(number for number, line in enumerate(lines) if line.strip().startswith(key))
        assert "Cannot change later" in lines[at - 1] or "never changes" in lines[at - 1], key


def test_the_failover_begins_at_home() -> None:
    """Home is first in the order of the name, whatever order the regions were given in; each switch lies elsewhere."""
    config = configurations(files(choices("eu-west-1", "us-east-1", home="us-east-1")))["aws-global"]
    assert isinstance(config, GlobalConfig)
    assert config.traffic.records[0].order == ("us-east-1", "eu-west-1")
    assert config.traffic.switches == {"us-east-1": "eu-west-1", "eu-west-1": "us-east-1"}


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (choices("mars-north-1"), "--region"),
        (choices("us-east-1", "us-east-1"), "--region"),
        (choices("us-east-1", home="eu-west-1"), "--home"),
        (Choices("pay", Cloud.GCP, ("x",), "x", "a.b.cd", "b.cd"), "--region"),
        (Choices("pay", Cloud.AZURE, ("westus",), "westus", "a.b.cd", "b.cd"), "--region"),
        (Choices("pay", Cloud.GCP, ("us-east1",), "us-east1", "a.b.cd", "b.cd"), "--account"),
    ],
)
def test_an_impossible_choice_names_the_option_and_what_is_allowed(wrong: Choices, place: str) -> None:
    """Nothing is written from a choice that cannot be."""
    with pytest.raises(UsageError) as caught:
        files(wrong)
    assert caught.value.where == place
    assert caught.value.allowed
