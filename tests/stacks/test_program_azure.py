from __future__ import annotations

import pytest

from aurops import inventory
from stacks.upstream import UpstreamMissingError
from tests.components.graph import UNKNOWN, Graph
from tests.stacks.graphs import made

HOME, ASIA, EU, GLOBAL = "azure-eastus", "azure-southeastasia", "azure-westeurope", "azure-global"


def test_each_stack_of_azure_exports_an_inventory_that_can_be_read_back(graphs: dict[str, Graph]) -> None:
    """The same document as elsewhere, filled with Azure's own."""
    for stack in (HOME, ASIA, EU, GLOBAL):
        graph = graphs[stack]
        facts = inventory.read(graph.exports["inventory"], stack)
        assert (facts.stack, facts.cloud, facts.home) == (stack, "azure", "eastus")
    home = inventory.read(graphs[HOME].exports["inventory"], HOME)
    assert home.service is not None
    assert home.service.target is not None
    assert home.network is not None
    assert "privatelink.redis.azure.net" in home.network.private_zones


def test_a_cache_joins_all_members_that_are_there(graphs: dict[str, Graph]) -> None:
    """Home's first, then those that joined before, then its own; made again later it names all of them."""

    def linked(graph: Graph) -> list[str]:
        group = graph.one("redisenterprise:Database").inputs["geoReplication"]
        return [each["id"].split("/")[4] for each in group["linkedDatabases"]]

    assert linked(graphs[HOME]) == ["payments-eastus"]
    assert linked(graphs[ASIA]) == ["payments-eastus", "payments-southeastasia"]
    assert linked(graphs[EU]) == ["payments-eastus", "payments-southeastasia", "payments-westeurope"]


@pytest.mark.parametrize("stack", [ASIA, EU, GLOBAL])
def test_what_upstream_has_not_exported_is_unknown_in_a_preview(stack: str, graphs: dict[str, Graph]) -> None:
    """A preview with nothing upstream makes the same resources, with unknown values in the place of the missing."""
    graph = made(stack, {}, preview=True)
    assert graph.names() == graphs[stack].names()
    if stack == GLOBAL:
        assert (
            graph.of("trafficmanager:Endpoint")["payments-dns-api-example-com-eastus"].inputs["targetResourceId"]
            == UNKNOWN
        )
    else:
        assert graph.one("dbforpostgresql:Server").inputs["sourceServerResourceId"] == UNKNOWN


def test_without_home_no_region_comes_up() -> None:
    """In `up` the same is a refusal that names the stack and what it lacks, before anything is made."""
    with pytest.raises(UpstreamMissingError, match="azure-eastus has not exported"):
        made(EU, {})


def test_every_resource_of_azure_uses_the_explicit_provider(graphs: dict[str, Graph]) -> None:
    """No resource falls back to a default provider, which would use whatever subscription the shell names."""
    for graph in graphs.values():
        for node in graph.nodes:
            if node.type.startswith("azure-native:"):
                assert "payments-azure" in node.provider, node.urn
