from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from aurops import inventory
from components.place import Cloud
from stacks.fleet import Fleet
from stacks.fleet_check import check
from stacks.model import EdgeConfig
from stacks.program import run as run_stack
from tests.components.graph import Graph, run
from tests.stacks.graphs import FLEET

if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "read.any.example.com"
GROUP = "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/dns/providers"
CHANGED: Mapping[Cloud, dict[str, Any]] = {
    Cloud.AZURE: {"region": "westeurope", "edge": {"zone_id": f"{GROUP}/Microsoft.Network/dnszones/any.example.com"}},
    Cloud.GCP: {
        "region": "us-west1",
        "account_id": "example-payments",
        "edge": {"zone_id": "any-example-com", "check_interval_s": 30},
    },
}
ADDRESSES = {"addresses": {"aws": "198.51.100.4", "azure": "198.51.100.5"}}


def moved(cloud: Cloud) -> Fleet:
    """The repository's fleet with its edge on another cloud's DNS."""
    document = FLEET.stacks["edge"].model_dump(mode="json", by_alias=True)
    (record,) = document["edge"]["records"]
    changed = CHANGED[cloud] | {"cloud": cloud}
    edge = document["edge"] | changed["edge"] | {"records": [record | {"gcp": ADDRESSES}]}
    fleet = Fleet({**FLEET.stacks, "edge": EdgeConfig.model_validate(document | changed | {"edge": edge})})
    check(fleet)
    return fleet


def graph_of(cloud: Cloud, graphs: Mapping[str, Graph]) -> Graph:
    """What the stack makes when everything before it is up."""
    upstream = {stack: graph.exports for stack, graph in graphs.items()}
    return run(lambda: run_stack(moved(cloud), "edge"), stack="edge", upstream=upstream)


@pytest.mark.parametrize("cloud", sorted(CHANGED))
def test_the_edges_provider_is_a_choice(graphs: dict[str, Graph], cloud: Cloud) -> None:
    """The same stack on another cloud's DNS leads to the same names and exports the same inventory."""
    made, before = graph_of(cloud, graphs), graphs["edge"]
    facts, born = (inventory.read(graph.exports["inventory"], "edge").edge for graph in (made, before))
    assert facts is not None
    assert born is not None
    assert {name: set(checks) for name, checks in facts.health_checks.items()} == {
        name: set(checks) for name, checks in born.health_checks.items()
    }
    own = [node for node in made.nodes if node.custom and not node.type.startswith("pulumi:")]
    assert {node.type.partition(":")[0] for node in own} == {"azure-native" if cloud is Cloud.AZURE else cloud.value}
    assert all(f"payments-{cloud}" in node.provider for node in own)


def test_the_edge_leads_to_what_each_cloud_exports(graphs: dict[str, Graph]) -> None:
    """On Azure's DNS: AWS's name, the profile's host by a name of its own, Google's address by another."""
    hosts = {
        cloud: graphs[f"{cloud}-global"].exports["inventory"]["traffic"]["endpoints"]["read.example.com"]
        for cloud in Cloud
    }
    made = graph_of(Cloud.AZURE, graphs)
    targets = {node.inputs["target"] for node in made.of("trafficmanager:Endpoint").values()}
    assert targets == {hosts[Cloud.AWS], f"azure.{NAME}", f"gcp.{NAME}"}
    records = {node.inputs["relativeRecordSetName"]: node.inputs for node in made.of("dns:RecordSet").values()}
    assert records["gcp.read"]["aRecords"] == [{"ipv4Address": hosts[Cloud.GCP]}]
    assert records["azure.read"]["cnameRecord"] == {"cname": hosts[Cloud.AZURE]}
