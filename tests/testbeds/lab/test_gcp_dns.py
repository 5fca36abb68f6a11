"""What the stand-in for Cloud DNS refuses: records that steer, and the health checks that they go by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from testbeds.lab.cloud import RefusedError
from testbeds.lab.gcp.kinds import BACKEND, HEALTH_CHECK, RECORD, ZONE

if TYPE_CHECKING:
    from testbeds.lab.wire import Object
    from testbeds.lab.world import WorldObject
    from tests.testbeds.lab.gcp_place import Place

CHECK: Object = {
    "httpsHealthCheck": {"port": 443},
    "checkIntervalSec": 30,
    "sourceRegions": ["us-east4", "europe-west1", "asia-southeast1"],
}
NAME: Object = {"managedZone": "any", "name": "api.any.example.com.", "type": "A", "ttl": 60}


def checked(*addresses: str) -> Object:
    """Targets that are asked."""
    return {"healthCheckedTargets": {"externalEndpoints": list(addresses)}}


def by_weight(*items: Object, check: str = "check") -> Object:
    """A policy."""
    return {"routingPolicy": {"healthCheck": check, "wrrs": [{"weight": 1, **item} for item in items]}}


@pytest.mark.parametrize(
    ("inputs", "path", "says"),
    [
        ({"tcpHealthCheck": {"port": 1}}, "httpsHealthCheck", "one protocol is needed, 2 are given"),
        ({"timeoutSec": 31}, "timeoutSec", "more than checkIntervalSec 30"),
        ({"unhealthyThreshold": 11}, "unhealthyThreshold", "1 to 10"),
        ({"sourceRegions": ["us-east4", "europe-west1"]}, "sourceRegions", "exactly 3 regions"),
        ({"sourceRegions": ["us-east4", "europe-west1", "us-east9"]}, "sourceRegions", "no region"),
        ({"checkIntervalSec": 10}, "checkIntervalSec", "at least 30"),
        ({"httpsHealthCheck": {"proxyHeader": "PROXY_V1"}}, "httpsHealthCheck", "neither proxyHeader"),
    ],
)
def test_a_check_from_regions_has_its_own_limits(place: Place, inputs: Object, path: str, says: str) -> None:
    """Three regions, each 30 s or more, and few protocols; a preview names the property."""
    found = {one.path: one.reason for one in place.refused(HEALTH_CHECK, **(CHECK | inputs))}
    assert says in found.get(path, ""), found
    assert place.refused(HEALTH_CHECK, **CHECK) == []


@pytest.mark.parametrize(
    ("inputs", "path", "says"),
    [
        ({}, "rrdatas", "must be specified"),
        ({**by_weight(checked("192.0.2.1")), "rrdatas": ["192.0.2.1"]}, "rrdatas", "not both"),
        ({"routingPolicy": {"wrrs": [{"weight": 1}], "geos": [{"location": "us-east4"}]}}, "routingPolicy", "no other"),
        (by_weight(checked("front.example.")), "routingPolicy.wrrs[0]", "no IPv4 address"),
        ({**by_weight(checked("192.0.2.1")), "type": "CNAME"}, "routingPolicy.wrrs[0]", "A and AAAA can"),
        (by_weight({"weight": -1, "rrdatas": ["192.0.2.1"]}), "routingPolicy.wrrs[0]", "is negative"),
        ({"routingPolicy": {"wrrs": [checked("192.0.2.1")]}}, "routingPolicy.healthCheck", "need a health check"),
        (
            {"routingPolicy": {"geos": [{"location": "moon", "rrdatas": ["192.0.2.1"]}]}},
            "routingPolicy.geos[0]",
            "'moon' is no region",
        ),
    ],
)
def test_a_record_answers_in_one_way_and_checks_addresses_only(
    place: Place, inputs: Object, path: str, says: str
) -> None:
    """Values or one policy; what is checked is an address, in a record of addresses, with a check."""
    found = {one.path: one.reason for one in place.refused(RECORD, **(NAME | inputs))}
    assert says in found.get(path, ""), found


def zone(place: Place, **more: Any) -> WorldObject:
    """The zone of the records."""
    return place.make(ZONE, name="any", dnsName="any.example.com.", **more)


def test_a_check_must_be_there_and_be_one_from_regions_and_stays_while_it_is_used(place: Place) -> None:
    """A record finds its check by name or link; a check for load balancers is none, and the other way round."""
    zone(place)
    policy = by_weight(checked("192.0.2.1"))
    with pytest.raises(RefusedError, match="'check' was not found"):
        place.make(RECORD, **(NAME | policy))
    check = place.make(HEALTH_CHECK, name="check", **CHECK)
    inside = place.make(HEALTH_CHECK, name="inside", tcpHealthCheck={"port": 1})
    with pytest.raises(RefusedError, match="has no source regions"):
        place.make(RECORD, **(NAME | by_weight(checked("192.0.2.1"), check="inside")))
    with pytest.raises(RefusedError, match="has source regions: it is not for a backend"):
        place.make(BACKEND, healthChecks=[check.id])
    made = place.make(RECORD, **(NAME | by_weight(checked("192.0.2.1"), check=str(check.outputs["selfLink"]))))
    with pytest.raises(RefusedError, match="already being used by"):
        place.delete(check)
    place.delete(made)
    place.delete(check)
    place.delete(inside)


def test_a_signed_zone_takes_one_checked_address_an_item_and_a_private_one_none(place: Place) -> None:
    """Cloud DNS signs each answer of an item; external endpoints are for public zones."""
    place.make(HEALTH_CHECK, name="check", **CHECK)
    signed = zone(place, dnssecConfig={"state": "on"})
    with pytest.raises(RefusedError, match="at most one health checked address"):
        place.make(RECORD, **(NAME | by_weight(checked("192.0.2.1", "192.0.2.2"))))
    place.delete(signed)
    zone(place, visibility="private")
    with pytest.raises(RefusedError, match="external endpoints in a private zone"):
        place.make(RECORD, **(NAME | by_weight(checked("192.0.2.1"))))


def test_a_cname_stands_alone(place: Place) -> None:
    """No other record has its name, whichever comes first; another name or another zone is free."""
    zone(place)
    alias = {"type": "CNAME", "rrdatas": ["front.example."]}
    place.make(RECORD, **(NAME | alias))
    with pytest.raises(RefusedError, match="a CNAME stands alone"):
        place.make(RECORD, **(NAME | {"rrdatas": ["192.0.2.1"]}))
    place.make(RECORD, **(NAME | {"rrdatas": ["192.0.2.1"], "name": "b.any.example.com."}))
    with pytest.raises(RefusedError, match="a CNAME stands alone"):
        place.make(RECORD, **(NAME | alias | {"name": "b.any.example.com."}))
