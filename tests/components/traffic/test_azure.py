from __future__ import annotations

from typing import TYPE_CHECKING

from components.clouds.azure import fit
from components.traffic.component import Backend, Traffic
from components.traffic.spec import TrafficSpec
from tests.components import parts_azure as parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph, Node

PROFILE, ENDPOINT = "trafficmanager:Profile", "trafficmanager:Endpoint"


def endpoints(graph: Graph, record: str) -> dict[str, Node]:
    """A name's endpoints by region."""
    prefix = f"pay-dns-{record}-example-com-"
    return {name.removeprefix(prefix): node for name, node in graph.of(ENDPOINT).items() if name.startswith(prefix)}


def test_each_name_has_a_profile_that_chooses_its_way(azure_names: Graph) -> None:
    """Failover by priority, weighted by weight, latency by performance; endpoints are resources of their own."""
    methods = {name: node.inputs["trafficRoutingMethod"] for name, node in azure_names.of(PROFILE).items()}
    assert methods == {
        "pay-dns-api-example-com": "Priority",
        "pay-dns-canary-example-com": "Weighted",
        "pay-dns-read-example-com": "Performance",
    }
    assert all("endpoints" not in node.inputs for node in azure_names.of(PROFILE).values())


def test_a_sick_region_is_seen_within_seconds(azure_names: Graph) -> None:
    """HTTPS each 10 s, two failures, and clients ask again after 10 s."""
    profile = azure_names.of(PROFILE)["pay-dns-api-example-com"].inputs
    check = profile["monitorConfig"]
    assert (check["protocol"], check["port"], check["path"]) == ("HTTPS", 443, "/health")
    assert (check["intervalInSeconds"], check["timeoutInSeconds"], check["toleratedNumberOfFailures"]) == (10, 5, 1)
    assert profile["dnsConfig"]["ttl"] == 10


def test_order_and_weights_are_those_of_the_spec(azure_names: Graph) -> None:
    """The first region has priority 1; a region without weight is born disabled, because 0 is no weight."""
    order = {region: node.inputs["priority"] for region, node in endpoints(azure_names, "api").items()}
    assert order == {"eastus": 1, "westeurope": 2, "southeastasia": 3}
    weights = endpoints(azure_names, "canary")
    assert (weights["eastus"].inputs["weight"], weights["eastus"].inputs["endpointStatus"]) == (100, "Enabled")
    assert (weights["westeurope"].inputs["weight"], weights["westeurope"].inputs["endpointStatus"]) == (1, "Disabled")


def test_endpoints_lead_to_the_apps_and_an_operator_moves_them(azure_names: Graph) -> None:
    """Each names the app's resource id; status and weight are not Pulumi's to put back."""
    for node in azure_names.of(ENDPOINT).values():
        assert node.inputs["targetResourceId"] == f"{parts.GROUP}/app-{node.inputs['endpointName']}"
        assert {"endpointStatus", "weight"} <= node.ignored


def test_our_names_lead_to_the_profiles(azure_names: Graph) -> None:
    """A CNAME in the zone that exists, for each name; no zone is made."""
    records = {node.inputs["relativeRecordSetName"]: node.inputs for node in azure_names.of("dns:RecordSet").values()}
    assert set(records) == {"api", "canary", "read"}
    assert records["api"]["cnameRecord"]["cname"].endswith(".trafficmanager.net")
    assert {each["resourceGroupName"] for each in records.values()} == {"dns"}
    assert not azure_names.of("dns:Zone")


def test_a_zone_is_made_on_request_and_protected() -> None:
    """With `create_zone` the zone is made in the stack's own group."""
    backends = {region: Backend("h", "", "/", "id") for region in parts.REGIONS}
    spec = TrafficSpec.model_validate({**parts.TRAFFIC, "create_zone": True})
    graph = run(lambda: Traffic("pay-dns", spec, backends, parts.place()))
    assert graph.one("dns:Zone").protect
    assert {node.inputs["resourceGroupName"] for node in graph.of("dns:RecordSet").values()} == {"pay-global"}


def test_long_names_are_cut_and_stay_different() -> None:
    """A name that Azure has no room for keeps its beginning and gets a digest of the whole."""
    one, two = fit("x" * 80 + "1", 54), fit("x" * 80 + "2", 54)
    assert len(one) == len(two) == 54
    assert one != two
    assert fit("short", 54) == "short"
