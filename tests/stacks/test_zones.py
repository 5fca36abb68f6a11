"""The table of regions."""

from __future__ import annotations

from cfnlint.helpers import AVAILABILITY_ZONES

from components.clouds.zones import AZURE_PAIRS, ZONES
from components.place import Cloud


def test_every_aws_region_and_zone_is_in_the_table_of_cfn_lint() -> None:
    """No region or zone is claimed that AWS's own published list lacks."""
    known = {region: set(zones) for region, zones in AVAILABILITY_ZONES.items()}
    for region, letters in ZONES[Cloud.AWS].items():
        assert {f"{region}{letter}" for letter in letters} <= known[region]


def test_every_pair_leads_to_a_region_of_the_table() -> None:
    """Where Azure copies to is a region that the table knows, and another one."""
    for region, pair in AZURE_PAIRS.items():
        assert {region, pair} <= set(ZONES[Cloud.AZURE])
        assert region != pair
