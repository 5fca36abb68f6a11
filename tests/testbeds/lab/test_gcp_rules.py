"""What the stand-in for Google Cloud refuses, and what it fills in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbeds.lab.cloud import RefusedError, Settings
from testbeds.lab.filling import preview
from testbeds.lab.gcp.kinds import (
    BACKEND,
    BUCKET,
    CACHE,
    CLUSTER,
    CONNECTION,
    GLOBAL_ADDRESS,
    GROUP,
    HTTPS_PROXY,
    KEY,
    KEY_RING,
    NETWORK,
    RECORD,
    RULE,
    SQL,
    SUBNETWORK,
    URL_MAP,
    ZONE,
)
from testbeds.lab.wire import UNKNOWN

if TYPE_CHECKING:
    from testbeds.lab.wire import Object

from tests.testbeds.lab.gcp_place import HOME, VPC, Place


@pytest.mark.parametrize(
    ("token", "inputs", "path", "says"),
    [
        (NETWORK, {"name": "Ledger"}, "name", "RFC 1035"),
        (NETWORK, {"name": "a" * 64}, "name", "1 to 63"),
        (CLUSTER, {"name": "a" * 41}, "name", "1 to 40"),
        (BUCKET, {"name": "my-google-archive", "location": "US"}, "name", "without google"),
        (BUCKET, {"location": "us-central9"}, "location", "no region"),
        (BUCKET, {"location": "uscentral1"}, "location", "no region"),
        (BUCKET, {"location": "US", "labels": {"Team": "core"}}, 'labels["Team"]', "lower-case"),
        (BUCKET, {"location": "US", "labels": {"team": "core:1"}}, 'labels["team"]', "lower-case"),
        (CLUSTER, {"resourceLabels": {"1st": "x"}}, 'resourceLabels["1st"]', "beginning with a letter"),
        (CLUSTER, {"location": "us-west1", "nodeLocations": ["us-east1-b"]}, "nodeLocations", "us-west1-a, us-west1-b"),
        (CLUSTER, {"location": "us-west1-d"}, "location", "no region or zone"),
        (SUBNETWORK, {"network": "n", "ipCidrRange": "10.0.0.1/8"}, "ipCidrRange", "host bits"),
        (KEY, {"keyRing": "r", "rotationPeriod": "3600s"}, "rotationPeriod", "at least 86400s"),
        (RECORD, {"managedZone": "z", "type": "A", "name": "a.example.com"}, "name", "ends in a dot"),
        (
            SQL,
            {"settings": {"tier": "db-custom-2-7680", "edition": "ENTERPRISE_PLUS"}},
            "settings.tier",
            "Invalid Tier",
        ),
        (SQL, {"settings": {"availabilityType": "REGIONAL"}}, "settings.availabilityType", "pointInTimeRecovery"),
        (
            CLUSTER,
            {"datapathProvider": "ADVANCED_DATAPATH", "networkPolicy": {"enabled": True}},
            "networkPolicy.enabled",
            "not with datapathProvider",
        ),
    ],
)
def test_a_preview_refuses(place: Place, token: str, inputs: Object, path: str, says: str) -> None:
    """The refusal names the property and what is allowed, before anything is made."""
    found = {failure.path: failure.reason for failure in place.refused(token, **inputs)}
    assert says in found.get(path, ""), found


@pytest.mark.parametrize(("version", "refused"), [("1.34.1", False), ("1.35.0", True), ("1.32.9", True)])
def test_a_control_plane_goes_one_minor_version_at_a_time(place: Place, version: str, *, refused: bool) -> None:
    """Forward, and never back (GKE documentation, "Manually upgrading a cluster")."""
    found = place.refused(CLUSTER, {"minMasterVersion": "1.33.5"}, name="fleet", minMasterVersion=version)
    assert [failure.path for failure in found] == (["minMasterVersion"] if refused else [])


def test_a_resource_needs_a_project(place: Place) -> None:
    """With neither gcp:project nor a project of its own it is refused, as the provider does."""
    (failure,) = place.refused(NETWORK, by=Settings(home="us-central1", known=True), name="vpc")
    assert failure.path == "project"


def test_ranges_of_a_network_do_not_overlap(place: Place) -> None:
    """In no region, secondary ranges included, neither at creation nor when a range is widened."""
    place.network()
    pods = [{"rangeName": "pods", "ipCidrRange": "10.64.0.0/14"}]
    first = place.make(SUBNETWORK, name="a", network=VPC, ipCidrRange="10.0.0.0/20", secondaryIpRanges=pods)
    for block in ("10.0.8.0/24", "10.66.0.0/16"):
        with pytest.raises(RefusedError, match="conflicts with"):
            place.make(SUBNETWORK, name="b", network=VPC, region="us-west1", ipCidrRange=block)
    place.make(SUBNETWORK, name="b", network=VPC, region="us-west1", ipCidrRange="10.0.16.0/20")
    with pytest.raises(RefusedError, match="conflicts with"):
        place.alter(first, ipCidrRange="10.0.0.0/18")
    place.network("other")
    place.make(SUBNETWORK, name="c", network="other", ipCidrRange="10.0.0.0/20")


def test_a_range_for_services_is_chosen_where_there_is_room(place: Place) -> None:
    """Two reservations never meet, and a change keeps the address."""
    place.network()
    (first,) = place.cloud.world.objects(GLOBAL_ADDRESS)
    second = place.make(GLOBAL_ADDRESS, name="more", network=VPC, purpose="VPC_PEERING", prefixLength=16)
    assert first.outputs["address"] == "10.255.0.0"
    assert second.outputs["address"] == "10.254.0.0"
    assert place.alter(second, labels={"a": "b"}).outputs["address"] == "10.254.0.0"


def test_what_is_in_use_is_not_deleted(place: Place) -> None:
    """Network, connection, reserved range: Google's resourceInUseByAnotherResource, and the producer's own words."""
    vpc = place.network()
    database = place.database("ledger")
    (connection,) = place.cloud.world.objects(CONNECTION)
    (reserved,) = place.cloud.world.objects(GLOBAL_ADDRESS)
    with pytest.raises(RefusedError, match="already being used by"):
        place.delete(vpc)
    with pytest.raises(RefusedError, match="CloudSQL ledger"):
        place.delete(connection)
    with pytest.raises(RefusedError, match="already being used by"):
        place.delete(reserved)
    for one in (database, connection, reserved, vpc):
        place.delete(one)
    assert place.cloud.world.objects() == []


def test_an_abandoned_connection_holds_nothing_back(place: Place) -> None:
    """With `deletionPolicy: ABANDON` its range and its network go, though Google itself has not let go of it yet."""
    vpc = place.network()
    (connection,) = place.cloud.world.objects(CONNECTION)
    place.alter(connection, deletionPolicy="ABANDON")
    (reserved,) = place.cloud.world.objects(GLOBAL_ADDRESS)
    for one in (reserved, vpc):
        place.delete(one)
    assert [one.type for one in place.cloud.world.objects()] == [CONNECTION]


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        (SQL, {"name": "ledger", "databaseVersion": "POSTGRES_17"}),
        (CLUSTER, {"name": "fleet"}),
        ("gcp:cloudrunv2/service:Service", {"name": "api", "location": "us-central1", "template": {}}),
        (CACHE, {"instanceId": "cache", "location": "us-central1", "shardCount": 1}),
    ],
)
def test_protection_is_on_unless_the_program_says_no(place: Place, token: str, inputs: Object) -> None:
    """Four services refuse a deletion by default, and delete once the protection is off."""
    one = place.make(token, **inputs)
    with pytest.raises(RefusedError, match="cannot destroy"):
        place.delete(one)
    off = "deletionProtectionEnabled" if token == CACHE else "deletionProtection"
    place.delete(place.alter(one, **{off: False}))
    assert place.cloud.world.objects() == []


def test_deletion_policies_prevent_or_abandon(place: Place) -> None:
    """PREVENT refuses, ABANDON forgets and leaves the object."""
    kept = place.make(NETWORK, name="kept", deletionPolicy="PREVENT")
    left = place.make(NETWORK, name="left", deletionPolicy="ABANDON")
    with pytest.raises(RefusedError, match="PREVENT"):
        place.delete(kept)
    place.delete(left)
    assert place.now(left).id.endswith("/left")


def test_a_deleted_key_stays_and_encrypts_nothing_more(place: Place) -> None:
    """Its versions are destroyed, its name stays taken, and what asks for it is refused."""
    ring = place.make(KEY_RING, name="ring", location="us-central1")
    key = place.make(KEY, name="key", keyRing=ring.id)
    place.make(BUCKET, name="one", location="US-CENTRAL1", encryption={"defaultKmsKeyName": key.id})
    place.delete(key)
    with pytest.raises(RefusedError, match="it can only be imported"):
        place.make(KEY, name="key", keyRing=ring.id)
    with pytest.raises(RefusedError, match="no version that is enabled"):
        place.make(BUCKET, name="two", location="us-central1", encryption={"defaultKmsKeyName": key.id})


def test_a_key_lies_where_its_data_does(place: Place) -> None:
    """A key of another region is refused, at creation and later."""
    ring = place.make(KEY_RING, name="ring", location="us-west1")
    key = place.make(KEY, name="key", keyRing=ring.id)
    with pytest.raises(RefusedError, match="is in us-west1"):
        place.make(BUCKET, name="one", location="us-central1", encryption={"defaultKmsKeyName": key.id})
    bucket = place.make(BUCKET, name="one", location="us-central1")
    with pytest.raises(RefusedError, match="is in us-west1"):
        place.alter(bucket, encryption={"defaultKmsKeyName": key.id})


def test_a_locked_retention_holds(place: Place) -> None:
    """It is neither shortened nor removed, seen in a preview or set from outside, and its bucket is not deleted."""
    bucket = place.make(BUCKET, name="archive", location="us-central1", retentionPolicy={"retentionPeriod": "100"})
    place.alter(bucket, retentionPolicy={"retentionPeriod": "90"})
    locked: Object = {"retentionPolicy": {"retentionPeriod": "100", "isLocked": True}}
    (failure,) = place.refused(BUCKET, locked, location="us-central1", retentionPolicy={"retentionPeriod": "90"})
    assert "cannot be shortened" in failure.reason
    (failure,) = place.refused(BUCKET, locked, location="us-central1")
    assert "cannot be removed" in failure.reason
    place.alter(bucket, **locked)
    with pytest.raises(RefusedError, match="cannot be shortened"):
        place.alter(bucket, retentionPolicy={"retentionPeriod": "90"})
    with pytest.raises(RefusedError, match="retentionPolicyNotMet"):
        place.delete(bucket)
    place.alter(bucket, retentionPolicy={"retentionPeriod": "200", "isLocked": True})


def test_bucket_names_are_everybodys(place: Place) -> None:
    """The name of a bucket is taken in every project."""
    place.make(BUCKET, name="archive", location="us-central1")
    other = Settings(home="us-west1", account="other-project", known=True)
    with pytest.raises(RefusedError, match="all projects share the names"):
        place.make(BUCKET, other, name="archive", location="us-west1")


def test_a_forwarding_rule_has_its_backends_scheme(place: Place) -> None:
    """EXTERNAL_MANAGED by default, and the same behind the proxy; a serverless backend has no health check."""
    group = place.make(GROUP, name="api", region="us-central1", networkEndpointType="SERVERLESS")
    backends = [{"group": group.id}]
    with pytest.raises(RefusedError, match="cannot have a health check"):
        place.make(BACKEND, name="api", backends=backends, healthChecks=["x"])
    backend = place.make(BACKEND, name="api", backends=backends, loadBalancingScheme="EXTERNAL")
    url_map = place.make(URL_MAP, name="api", defaultService=backend.outputs["selfLink"])
    proxy = place.make(HTTPS_PROXY, name="api", urlMap=url_map.id)
    with pytest.raises(RefusedError, match="EXTERNAL_MANAGED does not match EXTERNAL"):
        place.make(RULE, name="api", target=proxy.id)
    place.make(RULE, name="api", target=proxy.id, loadBalancingScheme="EXTERNAL")
    with pytest.raises(RefusedError, match="already being used by"):
        place.delete(backend)


def test_a_cluster_finds_its_secondary_ranges(place: Place) -> None:
    """GKE refuses a range that the subnetwork lacks, and names those that it has."""
    place.network()
    pods = [{"rangeName": "pods", "ipCidrRange": "10.64.0.0/14"}]
    nodes = place.make(SUBNETWORK, name="nodes", network=VPC, ipCidrRange="10.0.0.0/20", secondaryIpRanges=pods)
    ranges = {"clusterSecondaryRangeName": "pods", "servicesSecondaryRangeName": "services"}
    with pytest.raises(RefusedError, match=r"'services' not found .*: pods"):
        place.make(CLUSTER, name="fleet", network=VPC, subnetwork=nodes.id, ipAllocationPolicy=ranges)


def test_a_zone_with_records_stays(place: Place) -> None:
    """Cloud DNS deletes empty zones only."""
    zone = place.make(ZONE, name="zone", dnsName="example.com.")
    record = place.make(RECORD, managedZone="zone", name="a.example.com.", type="A", rrdatas=["203.0.113.1"])
    with pytest.raises(RefusedError, match="containerNotEmpty"):
        place.delete(zone)
    place.delete(record)
    place.delete(zone)


def test_iam_refuses_an_account_that_does_not_exist(place: Place) -> None:
    """Of this project; Google's own agents are there."""
    member = "gcp:projects/iAMMember:IAMMember"
    given = {"project": "ledger-prod", "role": "roles/viewer"}
    with pytest.raises(RefusedError, match="does not exist"):
        place.make(member, member="serviceAccount:api-v1@ledger-prod.iam.gserviceaccount.com", **given)
    account = place.make("gcp:serviceaccount/account:Account", accountId="api-v1")
    place.make(member, member=account.outputs["member"], **given)
    place.make(member, member="serviceAccount:service-1@gcp-sa-cloud-sql.iam.gserviceaccount.com", **given)


def test_a_part_of_a_block_that_the_cloud_fills_is_unknown_before(place: Place) -> None:
    """A cluster's DNS endpoint, though the program gives the rest of the block; afterwards it is of the lab."""
    given: Object = {"controlPlaneEndpointsConfig": {"dnsEndpointConfig": {"allowExternalTraffic": True}}}
    told = preview(given, {}, place.cloud.resource(CLUSTER).outputs, place.cloud.table(CLUSTER).computed)
    block = {"dnsEndpointConfig": {"allowExternalTraffic": True, "endpoint": UNKNOWN}}
    assert told["controlPlaneEndpointsConfig"] == block
    made = place.make(CLUSTER, name="fleet", **given).outputs["controlPlaneEndpointsConfig"]
    assert isinstance(made, dict)
    assert isinstance(made["dnsEndpointConfig"], dict)
    assert str(made["dnsEndpointConfig"]["endpoint"]).endswith(".lab.invalid")


def test_an_unknown_type_works_from_its_shape(place: Place) -> None:
    """A type without a table has its shape, its identifier in Google's form, and labels."""
    topic = place.make("gcp:pubsub/topic:Topic", name="events", labels={"team": "core"})
    assert topic.id == "projects/ledger-prod/topics/events"
    assert topic.outputs["effectiveLabels"] == {"fleet": "ledger", "team": "core"}
    assert topic.tags == {"fleet": "ledger", "team": "core"}


def test_a_made_up_name_avoids_those_that_are_taken(place: Place) -> None:
    """The same resource of another stack gets another name; its own is kept from then on."""
    first = place.cloud.fill_defaults(NETWORK, "vpc", {}, {}, "urn:x", HOME)
    place.make(NETWORK, name=first["name"])
    second = place.cloud.fill_defaults(NETWORK, "vpc", {}, {}, "urn:x", HOME)
    assert str(first["name"]).startswith("vpc-")
    assert first["name"] != second["name"]
    assert place.cloud.fill_defaults(NETWORK, "vpc", {}, first, "urn:x", HOME)["name"] == first["name"]
