"""Names within each cloud's limits, whatever the fleet is called and wherever it stands.

Every resource of a fleet from `aurops init` is put to the lab's providers, which make up names as the real ones do and
refuse those that a service would not take; nothing else of it may be refused either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.clouds.zones import ZONES
from components.place import Cloud
from stacks.fleet import Fleet, Kind, waves
from stacks.program import run as run_stack
from stacks.recording import record
from stacks.template import Choices, configurations, files
from testbeds.lab.answers import LabAnswers
from testbeds.lab.checking import check
from testbeds.lab.cloud import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbeds.lab.wire import Json, Object

REGIONS = {cloud: sorted(region for region, zones in ZONES[cloud].items() if len(zones) > 2) for cloud in Cloud}
ZONE_IDS = {
    Cloud.AWS: "Z1",
    Cloud.AZURE: "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/dns/providers/Microsoft.Network/dnszones/example.com",  # noqa: E501 - one id
    Cloud.GCP: "example-com",
}
LONGEST = "abcdefghijk9"


class Judged(LabAnswers):
    """Answers as the lab does, and notes what its providers refuse of what is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.exports: dict[str, Mapping[str, Any]] = {}
        self.refused: list[str] = []

    def resource(self, urn: str, inputs: Mapping[str, Json], provider: str) -> tuple[str, Object]:
        """What the lab answers."""
        token, name = urn.split("::")[2].rsplit("$", 1)[-1], urn.split("::", 3)[3]
        cloud = self._clouds.get(token.partition(":")[0])
        if cloud is not None and not token.startswith("kubernetes:"):
            place = self._settings.get(provider, Settings())
            asked = cloud.fill_defaults(token, name, dict(inputs), {}, urn, place)
            found = (*check(asked, cloud.resource(token).inputs, cloud.table(token)),)
            found = found or tuple(cloud.refuse_inputs(token, asked, {}, place))
            self.refused += [f"{name} ({token}): {each.path}: {each.reason}" for each in found]
        return super().resource(urn, inputs, provider)

    def stack(self, name: str) -> Mapping[str, Any] | None:
        """What the waves before have exported."""
        return self.exports.get(name)


def refused(cloud: Cloud, fleet_name: str, home: str, other: str, domain: str = "api.example.com") -> list[str]:
    """What the providers refuse of a whole fleet."""
    account = "payments-prod" if cloud is Cloud.GCP else ""
    chosen = Choices(fleet_name, cloud, (home, other), home, domain, "example.com", ZONE_IDS[cloud], account=account)
    fleet, answers = Fleet(configurations(files(chosen))), Judged()
    for wave in waves(fleet, Kind.CREATE):
        for stack in wave:
            answers.begin()
            graph = record(lambda stack=stack: run_stack(fleet, stack), answers, stack=stack)
            answers.exports[stack] = graph.exports
    return answers.refused


@pytest.mark.parametrize("cloud", Cloud)
def test_the_longest_names_in_the_longest_regions_are_taken(cloud: Cloud) -> None:
    """Twelve characters, and the two regions with the most letters."""
    home, other = sorted(REGIONS[cloud], key=len)[-2:]
    assert refused(cloud, LONGEST, home, other) == []


@pytest.mark.parametrize(
    ("urn", "inputs", "says"),
    [
        ("aws:lb/loadBalancer:LoadBalancer", {}, "longer than maximum length 32"),
        ("azure-native:web:AppServicePlan", {"resourceGroupName": "a", "location": "eastus"}, "1 to 60 letters"),
        ("gcp:container/cluster:Cluster", {"location": "us-west1"}, "1 to 40 of a-z"),
    ],
)
def test_a_name_that_is_too_long_is_seen(urn: str, inputs: Object, says: str) -> None:
    """So that the other tests say something."""
    judged = Judged()
    judged.resource(f"urn:pulumi:s::p::{urn}::{'long-name-' * 6}x", inputs, "")
    assert [each for each in judged.refused if says in each], judged.refused


@pytest.mark.campaign
@pytest.mark.parametrize("cloud", Cloud)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_fleet_has_names_that_its_cloud_takes(cloud: Cloud, data: st.DataObject) -> None:
    """Any name that a fleet can have, any two regions, a host name of any length."""
    name = data.draw(st.from_regex(r"[a-z][a-z0-9]{0,11}", fullmatch=True))
    home, other = data.draw(st.lists(st.sampled_from(REGIONS[cloud]), min_size=2, max_size=2, unique=True))
    label = data.draw(st.from_regex(r"[a-z]([a-z0-9-]{0,40}[a-z0-9])?", fullmatch=True))
    assert refused(cloud, name, home, other, f"{label}.example.com") == []
