"""The edge with each DNS provider, through the real engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pulumi
import pytest
from pulumi.automation import CommandError

from components.base import load
from components.edge.component import Edge
from components.place import Cloud, Place
from tests.components.parts_edge import HOSTS, NAME, TARGETS, spec

if TYPE_CHECKING:
    from conftest import Engine

    from testbeds.lab.world import WorldObject

ZONES = {
    Cloud.AWS: "Z0123456789EXAMPLE",
    Cloud.AZURE: (
        "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/dns/providers/"
        "Microsoft.Network/dnszones/any.example.com"
    ),
    Cloud.GCP: "any-example-com",
}
PLACES = {Cloud.AWS: "us-east-1", Cloud.AZURE: "eastus", Cloud.GCP: "us-central1"}
ACCOUNTS = {Cloud.AWS: None, Cloud.AZURE: None, Cloud.GCP: "ledger-prod"}
ADDRESSES = {"addresses": {"aws": "198.51.100.4", "azure": "198.51.100.5"}}
WEIGHTS = {"aws": 80, "azure": 20, "gcp": 0}
HEAVY = {
    Cloud.AWS: ("aws:route53/record:Record", "weightedRoutingPolicies[0].weight"),
    Cloud.AZURE: ("azure-native:trafficmanager:Endpoint", "weight"),
    Cloud.GCP: ("gcp:dns/recordSet:RecordSet", "routingPolicy.wrrs[0].weight"),
}
"""Where each provider keeps a weight."""


def edge(cloud: Cloud, health_path: str = "/health", *, protect: bool = True, **record: Any) -> None:
    """The program of an edge whose DNS is a cloud's: three clouds by weight unless told otherwise."""
    wanted = {"steering": "weighted", "weights": WEIGHTS, "gcp": ADDRESSES, **record}
    options = {"zone_id": ZONES[cloud], "check_interval_s": 30, "health_path": health_path}
    place = Place(cloud, PLACES[cloud], "pay", {"team": "platform"}, protect)
    provider = load("clouds", cloud)(place, ACCOUNTS[cloud])
    Edge("pay-edge", spec(options, **wanted), HOSTS, place, pulumi.ResourceOptions(providers=[provider]))


def weighty(engine: Engine, cloud: Cloud) -> WorldObject:
    """The object that has AWS's weight, 80."""
    kind, path = HEAVY[cloud]
    found = [one for one in engine.lab.world.objects(kind) if path.partition(".")[0].partition("[")[0] in one.inputs]
    return next(one for one in found if "'weight': 80" in str(one.inputs))


# Google Cloud's comes up in the other tests too.
@pytest.mark.parametrize(
    "cloud", [Cloud.AWS, *(pytest.param(each, marks=pytest.mark.campaign) for each in (Cloud.AZURE, Cloud.GCP))]
)
def test_an_edge_comes_up_and_leaves_its_weights_to_operators(engine: Engine, cloud: Cloud) -> None:
    """A second preview is empty; a weight that an operator has moved is no drift, and stays; the rest is ours."""
    kind, path = HEAVY[cloud]
    engine.up(lambda: edge(cloud))
    assert engine.operations(lambda: edge(cloud)) == {}
    engine.lab.world.tamper(weighty(engine, cloud).id, path, 7, type_=kind)
    stack = engine.stack(lambda: edge(cloud))
    assert set(stack.refresh().summary.resource_changes) == {"same"}
    assert engine.operations(lambda: edge(cloud)) == {}
    changed = engine.operations(lambda: edge(cloud, "/readyz"))
    assert changed
    assert set(changed.values()) == {"update"}
    engine.up(lambda: edge(cloud, "/readyz"))
    assert engine.operations(lambda: edge(cloud, "/readyz")) == {}
    assert [one for one in engine.lab.world.objects(kind) if "'weight': 7" in str(one.outputs)]


@pytest.mark.parametrize(
    "cloud",
    [
        pytest.param(Cloud.AWS, marks=pytest.mark.campaign),
        pytest.param(Cloud.AZURE, marks=pytest.mark.campaign),
        Cloud.GCP,
    ],
)
def test_a_cloud_more_or_less_takes_no_weight_over_from_another(engine: Engine, cloud: Cloud) -> None:
    """Without Azure the others have the weights of the specification, and the name answers all the while."""
    engine.up(lambda: edge(cloud))
    two = {key: value for key, value in TARGETS.items() if key != "azure"}
    fewer = {"targets": two, "weights": {"aws": 30, "gcp": 70}, "gcp": {"addresses": {"aws": "198.51.100.4"}}}
    operations = engine.operations(lambda: edge(cloud, **fewer))
    users = "pay-edge-api-any-example-com"
    assert operations.get(users) not in ("delete", "replace", "delete-replaced", "create-replacement")
    engine.up(lambda: edge(cloud, **fewer))
    assert engine.operations(lambda: edge(cloud, **fewer)) == {}
    if cloud is Cloud.GCP:
        (record,) = [one for one in engine.lab.world.objects(HEAVY[cloud][0]) if one.inputs["type"] == "A"]
        shares = [one["weight"] for one in record.outputs["routingPolicy"]["wrrs"]]  # type: ignore[call-overload, index]
        assert shares == [30, 70]


@pytest.mark.parametrize(
    ("cloud", "order"),
    [
        pytest.param(Cloud.AWS, ("gcp", "aws", "azure"), marks=pytest.mark.campaign),
        (Cloud.AZURE, ("gcp", "aws", "azure")),
        (Cloud.GCP, ("gcp", "aws")),
    ],
)
def test_a_failover_name_comes_up_and_goes(engine: Engine, cloud: Cloud, order: tuple[str, ...]) -> None:
    """In strict order as far as the provider can; `destroy` leaves nothing."""
    record = {
        "steering": "failover",
        "order": order,
        "weights": {},
        "targets": {each: TARGETS[each] for each in order},
        "gcp": {"addresses": {"aws": "198.51.100.4"}},
    }
    engine.up(lambda: edge(cloud, **record))
    assert engine.operations(lambda: edge(cloud, **record)) == {}
    engine.up(lambda: edge(cloud, protect=False, **record))
    engine.stack(lambda: edge(cloud, protect=False, **record)).destroy()
    assert engine.lab.world.objects() == []


def test_cloud_dns_says_no_to_a_host_as_the_service_would(engine: Engine) -> None:
    """Should a host name come where an address must be, the plan fails and nothing is made."""
    wrong = {"gcp": {"addresses": {"aws": "198.51.100.4"}}}
    with pytest.raises(CommandError, match=r"'front\.azure\.example' is no IPv4 address"):
        engine.stack(lambda: edge(Cloud.GCP, **wrong)).preview()
    assert NAME not in str(engine.lab.world.objects())
