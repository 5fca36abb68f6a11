from __future__ import annotations

from typing import TYPE_CHECKING

from components.traffic.component import Backend, Traffic
from components.traffic.spec import TrafficSpec
from tests.components import parts_gcp as parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph, Node

SERVICE, MAP = "compute/backendService:BackendService", "compute/uRLMap:URLMap"


def map_of(graph: Graph, slug: str) -> Node:
    """The URL map of a name."""
    (node,) = [node for name, node in graph.of(MAP).items() if name.startswith(f"pay-dns-{slug}-map")]
    return node


def weights(node: Node) -> dict[str, int]:
    """Weight by backend service."""
    action = node.inputs["defaultRouteAction"]
    return {each["backendService"]: each["weight"] for each in action["weightedBackendServices"]}


def test_failover_puts_all_weight_on_the_first_region(gcp_names: Graph) -> None:
    """The others stand by with none; a failover moves the weights, and they are not Pulumi's to put back."""
    node = map_of(gcp_names, "api-example-com")
    assert weights(node) == {
        "pay-dns-to-us-central1-id": 100,
        "pay-dns-to-us-west1-id": 0,
        "pay-dns-to-asia-southeast1-id": 0,
    }
    assert node.ignored == {"defaultRouteAction"}


def test_weighted_names_have_the_weights_of_the_spec(gcp_names: Graph) -> None:
    """And share the regions' backend services with the other names."""
    node = map_of(gcp_names, "canary-example-com")
    assert weights(node) == {"pay-dns-to-us-central1-id": 100, "pay-dns-to-us-west1-id": 0}


def test_latency_is_one_backend_service_over_all_regions(gcp_names: Graph) -> None:
    """Google leads each user to the nearest region that Cloud Run calls well."""
    near = gcp_names.of(SERVICE)["pay-dns-near-read-example-com"].inputs
    assert [each["group"] for each in near["backends"]] == [f"neg-{region}" for region in sorted(parts.REGIONS)]
    assert map_of(gcp_names, "read-example-com").inputs["defaultService"] == "pay-dns-near-read-example-com-id"


def test_every_part_says_the_same_scheme_and_has_no_health_check(gcp_names: Graph) -> None:
    """A serverless group takes none; the scheme is said, because its default changed once."""
    for kind in (SERVICE, "compute/globalForwardingRule:GlobalForwardingRule"):
        assert {node.inputs["loadBalancingScheme"] for node in gcp_names.of(kind).values()} == {"EXTERNAL_MANAGED"}
    assert not [node for node in gcp_names.of(SERVICE).values() if "healthChecks" in node.inputs]


def test_https_alone_with_modern_tls_and_certificates_that_renew(gcp_names: Graph) -> None:
    """TLS 1.2 at least; each name has a certificate that a record in the zone proves."""
    policy = gcp_names.one("compute/sSLPolicy:SSLPolicy").inputs
    assert (policy["profile"], policy["minTlsVersion"]) == ("MODERN", "TLS_1_2")
    assert {
        node.inputs["portRange"] for node in gcp_names.of("compute/globalForwardingRule:GlobalForwardingRule").values()
    } == {"443"}
    assert {
        node.inputs["sslPolicy"] for node in gcp_names.of("compute/targetHttpsProxy:TargetHttpsProxy").values()
    } == {"pay-dns-tls-id"}
    issued = gcp_names.of("certificatemanager/certificate:Certificate")
    assert {node.inputs["managed"]["domains"][0] for node in issued.values()} == {
        record["name"] for record in parts.TRAFFIC["records"]
    }
    proof = gcp_names.of("dns/recordSet:RecordSet")["pay-dns-api-example-com-certificate-proof"].inputs
    assert (proof["type"], proof["rrdatas"]) == ("CNAME", ["x.authorize.example."])


def test_cloud_armor_is_in_front_of_every_region(gcp_names: Graph) -> None:
    """Known attacks are refused, everybody else comes in."""
    assert {node.inputs["securityPolicy"] for node in gcp_names.of(SERVICE).values()} == {"pay-dns-armor-id"}
    *refused, rest = gcp_names.one("compute/securityPolicy:SecurityPolicy").inputs["rules"]
    assert {rule["action"] for rule in refused} == {"deny(403)"}
    assert (rest["action"], rest["priority"]) == ("allow", 2147483647)


def given_zone(**more: object) -> Graph:
    """Traffic in a zone that exists."""
    backends = {region: Backend("", "", "/health", f"neg-{region}") for region in parts.REGIONS}
    spec = TrafficSpec.model_validate({**parts.TRAFFIC, "zone_id": "example-com", **more})
    return run(lambda: Traffic("pay-dns", spec, backends, parts.place()))


def test_the_zone_is_an_input_and_made_on_request_only(gcp_names: Graph) -> None:
    """With `zone_id` none is made; with `create_zone` one is, signed and protected."""
    graph = given_zone()
    assert not graph.of("dns/managedZone:ManagedZone")
    assert {node.inputs["managedZone"] for node in graph.of("dns/recordSet:RecordSet").values()} == {"example-com"}
    zone = gcp_names.one("dns/managedZone:ManagedZone")
    assert (zone.protect, zone.inputs["dnsName"], zone.inputs["dnssecConfig"]) == (
        True,
        "example.com.",
        {"state": "on"},
    )


def test_another_region_makes_another_map_of_that_name_alone() -> None:
    """The engine cannot ignore weights of a list that grows; so the map is made anew and no other name is touched."""
    before = given_zone()
    records = [dict(record) for record in parts.TRAFFIC["records"]]
    records[1]["weights"] = {**records[1]["weights"], "asia-southeast1": 5}
    after = given_zone(records=records)
    gone, new = before.names() - after.names(), after.names() - before.names()
    assert {kind for kind, _ in gone | new} == {"gcp:compute/uRLMap:URLMap"}
    assert len(gone) == len(new) == 1
    assert map_of(before, "api-example-com").name == map_of(after, "api-example-com").name


def test_long_host_names_stay_within_googles_names() -> None:
    """A name is cut and ends in a hash, so that two long ones never meet."""
    long = [f"{'a' * 60}.{part}.example.com" for part in ("one", "two")]
    records = [{"name": name, "routing": "latency", "regions": parts.REGIONS} for name in long]
    names = [name for _, name in given_zone(records=records).names()]
    assert max(map(len, names)) <= 55
    assert len([name for name in names if name.startswith("pay-dns-near-aaa")]) == 2


def test_a_health_check_that_names_no_host_of_ours_gets_a_certificate(gcp_names: Graph) -> None:
    """DNS of another cloud asks by a name of its own, or by none; the first name's certificate is served then."""
    entries = gcp_names.of("certificatemanager/certificateMapEntry:CertificateMapEntry").values()
    (primary,) = [node.inputs for node in entries if "hostname" not in node.inputs]
    assert primary["matcher"] == "PRIMARY"
    assert primary["certificates"] == ["pay-dns-api-example-com-certificate-id"]
