"""Cloud SQL and Memorystore in the lab: primaries, replicas, and what they need."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from testbeds.lab.cloud import RefusedError
from testbeds.lab.gcp.kinds import (
    NETWORK,
)
from testbeds.lab.wire import child, children

if TYPE_CHECKING:
    from testbeds.lab.wire import Object

from tests.testbeds.lab.gcp_place import BACKUPS, Place


def test_a_private_database_needs_its_networks_connection(place: Place) -> None:
    """Cloud SQL refuses a network without private services access."""
    place.make(NETWORK, name="vpc")
    with pytest.raises(RefusedError, match="NETWORK_NOT_PEERED"):
        place.database("ledger")


def test_a_replica_needs_a_primary_that_can_have_one(place: Place) -> None:
    """The primary exists, with backups and its log, and keeps them while it has a replica, which goes first."""
    place.network()
    with pytest.raises(RefusedError, match="does not exist"):
        place.database("west", "us-west1", masterInstanceName="ledger")
    primary = place.database("ledger", settings={"backupConfiguration": {"enabled": True}})
    with pytest.raises(RefusedError, match="pointInTimeRecoveryEnabled"):
        place.database("west", "us-west1", masterInstanceName="ledger")
    primary = place.alter(primary, settings={**dict(primary.inputs["settings"]), "backupConfiguration": BACKUPS})
    replica = place.database("west", "us-west1", masterInstanceName="ledger")
    assert replica.outputs["instanceType"] == "READ_REPLICA_INSTANCE"
    assert place.now(primary).outputs["replicaNames"] == ["west"]
    with pytest.raises(RefusedError, match="cannot be disabled"):
        place.alter(primary, settings={"tier": "db-perf-optimized-N-2"})
    with pytest.raises(RefusedError, match="already being used by 'west'"):
        place.delete(primary)
    place.delete(replica)
    assert place.now(primary).outputs["replicaNames"] == []
    place.delete(primary)


def test_the_replica_for_disasters_is_designated_after_both_exist(place: Place) -> None:
    """A name that is no replica of this very instance is refused; the write endpoint is the primary's."""
    place.network()
    primary = place.database("ledger")
    with pytest.raises(RefusedError, match="create it, then designate it"):
        place.alter(primary, replicationCluster={"failoverDrReplicaName": "ledger-prod:west"})
    place.database("other")
    with pytest.raises(RefusedError, match="no replica of ledger"):
        place.alter(primary, replicationCluster={"failoverDrReplicaName": "other"})
    place.database("west", "us-west1", masterInstanceName="ledger")
    cluster = place.alter(primary, replicationCluster={"failoverDrReplicaName": "ledger-prod:west"}).outputs[
        "replicationCluster"
    ]
    assert isinstance(cluster, dict)
    assert cluster["failoverDrReplicaName"] == "ledger-prod:west"
    assert str(cluster["psaWriteEndpoint"]).endswith(".lab.invalid.")
    primary = place.now(primary)
    assert place.alter(primary, settings={**primary.inputs["settings"], "diskSize": 200}).outputs[
        "replicationCluster"
    ] == {**cluster}


def test_the_name_of_a_deleted_database_is_not_free(place: Place) -> None:
    """Not in another region either."""
    place.network()
    place.delete(place.database("ledger"))
    with pytest.raises(RefusedError, match="one week after"):
        place.database("ledger", "us-west1")


def test_a_cache_needs_a_connection_policy_in_its_region(place: Place) -> None:
    """Of its network and its service class; and the policy stays while a cache needs it."""
    place.network()
    policy = place.policy("us-central1")
    with pytest.raises(RefusedError, match="no service connection policy for gcp-memorystore in us-west1"):
        place.cache("west", "us-west1")
    cache = place.cache("cache", "us-central1")
    with pytest.raises(RefusedError, match="still connects"):
        place.delete(policy)
    place.delete(cache)
    place.delete(policy)


def test_a_secondary_cache_is_written_on_its_primary(place: Place) -> None:
    """The primary gets role and list without its program, and cannot go before the secondary."""
    place.network()
    for region in ("us-central1", "us-west1"):
        place.policy(region)
    joins: Object = {"instanceRole": "SECONDARY", "primaryInstance": {"instance": "cache"}}
    with pytest.raises(RefusedError, match="primary instance 'cache' was not found"):
        place.cache("west", "us-west1", crossInstanceReplicationConfig=joins)
    primary = place.cache("cache", "us-central1")
    joins["primaryInstance"] = {"instance": primary.id}
    secondary = place.cache("west", "us-west1", crossInstanceReplicationConfig=joins)
    told = place.now(primary).outputs["crossInstanceReplicationConfig"]
    assert told == {"instanceRole": "PRIMARY", "secondaryInstances": [{"instance": secondary.id}]}
    assert place.alter(primary, labels={"a": "b"}).outputs["crossInstanceReplicationConfig"] == told
    with pytest.raises(RefusedError, match="already being used by"):
        place.delete(primary)
    place.delete(secondary)
    assert place.now(primary).outputs["crossInstanceReplicationConfig"] == {"instanceRole": "NONE"}
    place.delete(primary)


@pytest.mark.parametrize(("mode", "kinds"), [("CLUSTER", ["DISCOVERY"]), ("CLUSTER_DISABLED", ["PRIMARY", "READER"])])
def test_a_cache_has_its_addresses_in_its_endpoints_alone(place: Place, mode: str, kinds: list[str]) -> None:
    """By kind of connection; the older outputs stay empty (magic-modules, deprecation of discoveryEndpoints)."""
    place.network()
    place.policy("us-central1")
    outputs = place.cache("cache", "us-central1", mode=mode).outputs
    (endpoint,) = children(outputs, "endpoints")
    connections = [child(one, "pscAutoConnection") for one in children(endpoint, "connections")]
    assert [one["connectionType"] for one in connections] == [f"CONNECTION_TYPE_{kind}" for kind in kinds]
    assert len({str(one["ipAddress"]) for one in connections}) == len(kinds)
    assert (outputs["discoveryEndpoints"], outputs["pscAutoConnections"]) == ([], [])
