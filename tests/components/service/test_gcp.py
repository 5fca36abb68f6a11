from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pulumi import Output

from components.service.gcp import cpus, memory_mib
from components.service.spec import ServiceSpec
from tests.components import parts_gcp as parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

SERVICE = "cloudrunv2/service:Service"


def test_only_the_load_balancer_and_the_network_reach_it(gcp_home: Graph) -> None:
    """Its own address answers nobody outside; what it calls goes through the private subnet."""
    given = gcp_home.one(SERVICE).inputs
    assert given["ingress"] == "INGRESS_TRAFFIC_INTERNAL_LOAD_BALANCER"
    assert given["template"]["vpcAccess"] == {
        "egress": "ALL_TRAFFIC",
        "networkInterfaces": [{"network": "pay-net-vpc-id", "subnetwork": "pay-net-private-id"}],
    }


def test_it_is_warm_and_a_failover_may_make_it_warmer(gcp_home: Graph) -> None:
    """The fewest instances are the service's, so that raising them makes no new revision, and are ignored."""
    node = gcp_home.one(SERVICE)
    assert node.inputs["scaling"] == {"minInstanceCount": 3}
    assert node.ignored == {"scaling.minInstanceCount"}
    assert node.inputs["template"]["scaling"] == {"maxInstanceCount": 30, "cpuUtilization": 0.5}
    (container,) = node.inputs["template"]["containers"]
    assert container["resources"]["cpuIdle"] is False


def test_its_own_probes_take_the_region_out(gcp_home: Graph) -> None:
    """Ready means that the health path answers: asked every ten seconds, out after two failures."""
    (container,) = gcp_home.one(SERVICE).inputs["template"]["containers"]
    probe = container["readinessProbe"]
    assert (probe["periodSeconds"], probe["failureThreshold"], probe["httpGet"]["path"]) == (10, 2, "/health")


def test_our_key_and_our_own_account(gcp_home: Graph) -> None:
    """The image's copy is encrypted with our key, and the containers run as an account without any role."""
    node = gcp_home.one(SERVICE).inputs
    assert node["template"]["encryptionKey"] == "pay-keys-disks-id"
    assert node["deletionProtection"] is True
    assert gcp_home.of("serviceaccount/account:Account")["pay-web-run"].inputs["accountId"] == "pay-web-run-us-central1"
    assert not [name for name in gcp_home.of("projects/iAMMember:IAMMember") if name.startswith("pay-web")]


def test_a_group_of_the_region_leads_to_it(gcp_home: Graph) -> None:
    """What the load balancer is given is the group's identifier."""
    group = gcp_home.one("compute/regionNetworkEndpointGroup:RegionNetworkEndpointGroup").inputs
    assert (group["networkEndpointType"], group["cloudRun"]) == ("SERVERLESS", {"service": "pay-web-service"})


def test_a_failover_is_told_what_to_scale() -> None:
    """The parent and the name, which together are the service in Cloud Run's API."""
    seen: list[object] = []

    def program() -> None:
        k = parts.keys(parts.place())
        made = parts.service(parts.network(k), k).outputs
        Output.all(made.cluster, made.service, made.host).apply(seen.extend)

    run(program)
    assert seen == ["projects/acme-pay/locations/us-central1", "pay-web-service", "pay-web-service-42.a.run.app"]


def test_logs_of_containers_are_kept_as_long_as_asked(gcp_home: Graph) -> None:
    """In a bucket of their own, under our key."""
    bucket = gcp_home.one("logging/projectBucketConfig:ProjectBucketConfig", "web-containers").inputs
    assert (bucket["retentionDays"], bucket["cmekSettings"]) == (90, {"kmsKeyName": "pay-keys-logs-id"})


@pytest.mark.parametrize(
    ("millicores", "mib", "wanted"),
    [(512, 1024, (1, 1024)), (1000, 4096, (1, 4096)), (1000, 5000, (2, 5000)), (3000, 6000, (4, 6000))],
)
def test_sizes_are_the_next_step_that_has_both(millicores: int, mib: int, wanted: tuple[int, int]) -> None:
    """Never less than asked; more memory than a processor can have takes another processor."""
    spec = ServiceSpec.model_validate({**parts.SERVICE, "cpu_millicores": millicores, "memory_mib": mib})
    assert (cpus(spec), memory_mib(spec)) == wanted
