from __future__ import annotations

from typing import TYPE_CHECKING

from components.cache.spec import CacheSpec
from tests.components import parts_gcp as parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

INSTANCE, POLICY = (
    "memorystore/instance:Instance",
    "networkconnectivity/serviceConnectionPolicy:ServiceConnectionPolicy",
)


def test_home_is_born_primary_and_the_others_name_it(gcp_home: Graph, gcp_secondary: Graph) -> None:
    """A secondary is told of the primary; the primary's list of secondaries is the service's to fill in."""
    assert "crossInstanceReplicationConfig" not in gcp_home.one(INSTANCE).inputs
    assert gcp_secondary.one(INSTANCE).inputs["crossInstanceReplicationConfig"] == {
        "instanceRole": "SECONDARY",
        "primaryInstance": {"instance": "projects/acme-pay/locations/us-central1/instances/pay-cache-group"},
    }


def test_what_a_failover_moves_is_ignored(gcp_home: Graph, gcp_secondary: Graph) -> None:
    """Who replicates whom anywhere; size and version, which come from the primary, in secondaries."""
    assert gcp_home.one(INSTANCE).ignored == {"crossInstanceReplicationConfig"}
    inherited = {"shardCount", "nodeType", "engineVersion", "engineConfigs"}
    assert gcp_secondary.one(INSTANCE).ignored == {"crossInstanceReplicationConfig", *inherited}


def test_valkey_with_tls_encryption_sign_in_and_all_zones(gcp_home: Graph, gcp_secondary: Graph) -> None:
    """The same in every region, with the region's own key; deletion is refused twice."""
    for graph in (gcp_home, gcp_secondary):
        node = graph.one(INSTANCE)
        given = node.inputs
        assert (given["engineVersion"], given["nodeType"]) == ("VALKEY_8_0", "HIGHMEM_MEDIUM")
        assert (given["shardCount"], given["replicaCount"]) == (2, 2)
        assert (given["transitEncryptionMode"], given["authorizationMode"]) == ("SERVER_AUTHENTICATION", "IAM_AUTH")
        assert (given["kmsKey"], given["zoneDistributionConfig"]) == ("pay-keys-data-id", {"mode": "MULTI_ZONE"})
        assert (node.protect, given["deletionProtectionEnabled"]) == (True, True)
        assert given["automatedBackupConfig"]["retention"] == "604800s"


def test_its_addresses_are_in_the_data_subnet_and_the_policy_comes_first(gcp_home: Graph) -> None:
    """Memorystore makes its endpoints itself, where the region's policy lets it."""
    policy = gcp_home.one(POLICY).inputs
    assert policy["serviceClass"] == "gcp-memorystore"
    assert policy["pscConfig"] == {"subnetworks": ["pay-net-data-id"]}
    node = gcp_home.one(INSTANCE)
    assert any(urn.endswith("::pay-cache-access") for urn in node.depends_on)
    assert node.inputs["desiredAutoCreatedEndpoints"] == [{"network": "pay-net-vpc-id", "projectId": "acme-pay"}]


def test_clients_are_given_the_discovery_address() -> None:
    """Of the addresses that the service makes, the one that knows the shards; none while there is none."""
    seen: list[object] = []

    def program() -> None:
        k = parts.keys(parts.place())
        made = parts.cache(parts.network(k), k, None)
        made.outputs.endpoint.apply(seen.append)  # type: ignore[union-attr]  # this cloud gives an output

    run(program)
    assert seen == ["10.80.192.7"]


def test_no_snapshots_means_no_backups() -> None:
    """Zero days keep none."""

    def program() -> None:
        k = parts.keys(parts.place())
        spec = CacheSpec.model_validate({**parts.CACHE, "snapshot_retention_days": 0, "memory_gib": 24})
        parts.cache(parts.network(k), k, None, spec)

    given = run(program).one(INSTANCE).inputs
    assert "automatedBackupConfig" not in given
    assert given["nodeType"] == "HIGHMEM_XLARGE"
