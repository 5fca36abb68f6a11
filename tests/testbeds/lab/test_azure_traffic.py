"""What the stand-in for Traffic Manager and Azure DNS refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbeds.lab.azure.traffic import ENDPOINT, PROFILE, RECORD
from testbeds.lab.cloud import RefusedError
from tests.testbeds.lab.azure_things import GROUP, HOME, make, refusals

if TYPE_CHECKING:
    from testbeds.lab.azure.cloud import Azure
    from testbeds.lab.wire import Object

MONITOR: Object = {
    "protocol": "HTTPS",
    "port": 443,
    "path": "/health",
    "intervalInSeconds": 10,
    "timeoutInSeconds": 5,
    "toleratedNumberOfFailures": 2,
}


def profile(method: str = "Priority", **monitor: object) -> Object:
    """A profile's inputs."""
    return {
        "resourceGroupName": "fleet",
        "profileName": "edge",
        "location": "global",
        "trafficRoutingMethod": method,
        "dnsConfig": {"relativeName": "edge", "ttl": 60},
        "monitorConfig": {**MONITOR, **monitor},  # type: ignore[dict-item]
    }


def endpoint(name: str, **more: object) -> Object:
    """An endpoint's inputs."""
    inputs: Object = {
        "resourceGroupName": "fleet",
        "profileName": "edge",
        "endpointType": "ExternalEndpoints",
        "endpointName": name,
        "target": f"{name}.example.com",
    }
    return {**inputs, **more}  # type: ignore[dict-item]


def record(kind: str, name: str = "api", **more: object) -> Object:
    """A record set's inputs."""
    inputs: Object = {"resourceGroupName": "fleet", "zoneName": "example.com", "recordType": kind, "ttl": 60}
    return {**inputs, "relativeRecordSetName": name, **more}  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("monitor", "says"),
    [
        ({"intervalInSeconds": 20}, "monitorConfig.intervalInSeconds: BadRequest: 20 s; accepted: 10, 30"),
        ({"timeoutInSeconds": 10}, "timeoutInSeconds: BadRequest: 10 s; accepted: 5 to 9 with checks each 10 s"),
        ({"toleratedNumberOfFailures": 10}, "accepted: 0 to 9"),
        ({"protocol": "TCP"}, "a check by TCP has no path"),
    ],
)
def test_a_profile_asks_as_traffic_manager_can(azure: Azure, monitor: dict[str, object], says: str) -> None:
    """Intervals, time-outs and failures have limits that a plan tells."""
    assert says in refusals(azure, PROFILE, profile(**monitor))
    assert refusals(azure, PROFILE, profile(intervalInSeconds=30, timeoutInSeconds=10)) == ""


def test_hosts_and_addresses_are_not_mixed_in_one_profile(azure: Azure) -> None:
    """External endpoints are all host names or all addresses, and two of a failover have two priorities."""
    make(azure, PROFILE, profile())
    make(azure, ENDPOINT, endpoint("aws", priority=1))
    with pytest.raises(RefusedError, match="mix an address as a target with host names"):
        make(azure, ENDPOINT, endpoint("gcp", priority=2, target="192.0.2.7"))
    with pytest.raises(RefusedError, match="would have the priority 1"):
        make(azure, ENDPOINT, endpoint("gcp", priority=1))
    other = make(azure, ENDPOINT, endpoint("gcp", priority=2))
    with pytest.raises(RefusedError, match="would have the priority 1"):
        azure.alter(other, endpoint("gcp", priority=1), HOME)


def test_an_endpoint_has_a_target_and_few_headers(azure: Azure) -> None:
    """What is missing or too much is told by property."""
    headers: list[object] = [{"name": f"x{number}", "value": "1"} for number in range(9)]
    assert "target: BadRequest" in refusals(azure, ENDPOINT, endpoint("aws", target=None))
    assert "customHeaders: BadRequest: more than 8" in refusals(azure, ENDPOINT, endpoint("aws", customHeaders=headers))


def test_a_cname_stands_alone_and_never_for_the_zone(azure: Azure) -> None:
    """A record set's values are those of its type, and no other one has a CNAME's name."""
    make(azure, "azure-native:dns:Zone", {**GROUP, "location": "global", "zoneName": "example.com"})
    make(azure, RECORD, record("CNAME", cnameRecord={"cname": "front.example.com"}))
    with pytest.raises(RefusedError, match="a CNAME stands alone"):
        make(azure, RECORD, record("A", aRecords=[{"ipv4Address": "192.0.2.7"}]))
    make(azure, RECORD, record("A", "other", aRecords=[{"ipv4Address": "192.0.2.7"}]))
    assert "own name cannot be a CNAME" in refusals(azure, RECORD, record("CNAME", "@"))
    assert "has no aRecords" in refusals(azure, RECORD, record("CNAME", aRecords=[{"ipv4Address": "192.0.2.7"}]))
