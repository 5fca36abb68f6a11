from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from aurops.errors import UsageError
from tests.components import parts_gcp as parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

CLUSTER, POOL = "container/cluster:Cluster", "container/nodePool:NodePool"


def nodes(**spec: object) -> Graph:
    """A cluster with other wishes."""

    def program() -> None:
        k = parts.keys(parts.place())
        parts.nodes(parts.network(k), k, **spec)

    return run(program)


def test_the_cluster_is_regional_private_and_encrypted_with_our_key(gcp_home: Graph) -> None:
    """Control plane in all zones, no public address anywhere, secrets under our key, protected twice."""
    node = gcp_home.one(CLUSTER)
    given = node.inputs
    assert given["location"] == "us-central1"
    assert given["nodeLocations"] == [f"us-central1-{zone}" for zone in "abc"]
    assert given["privateClusterConfig"] == {"enablePrivateNodes": True, "enablePrivateEndpoint": True}
    assert given["databaseEncryption"] == {"state": "ENCRYPTED", "keyName": "pay-keys-secrets-id"}
    assert (node.protect, given["deletionProtection"]) == (True, True)


def test_pods_have_identities_and_network_policies_hold(gcp_home: Graph) -> None:
    """Workload identity, dataplane V2 and shielded nodes are on; pods get the network's own addresses."""
    given = gcp_home.one(CLUSTER).inputs
    assert given["workloadIdentityConfig"] == {"workloadPool": "acme-pay.svc.id.goog"}
    assert (given["datapathProvider"], given["enableShieldedNodes"]) == ("ADVANCED_DATAPATH", True)
    assert given["ipAllocationPolicy"] == {
        "clusterSecondaryRangeName": "pods",
        "servicesSecondaryRangeName": "services",
    }


def test_only_named_ranges_reach_the_api(gcp_home: Graph) -> None:
    """By default the region's network alone; with `allowed` the named ranges too, and nothing of Google's."""
    inside = gcp_home.one(CLUSTER).inputs["masterAuthorizedNetworksConfig"]
    assert inside["cidrBlocks"] == [{"cidrBlock": "10.80.0.0/16"}]
    opened = nodes(api_reach="allowed", api_allowed_cidrs=["192.0.2.0/24"]).one(CLUSTER).inputs
    assert opened["privateClusterConfig"]["enablePrivateEndpoint"] is False
    reach = opened["masterAuthorizedNetworksConfig"]
    assert [each["cidrBlock"] for each in reach["cidrBlocks"]] == ["10.80.0.0/16", "192.0.2.0/24"]
    assert reach["gcpPublicCidrsAccessEnabled"] is False


def test_one_pool_per_zone_whose_count_others_move(gcp_home: Graph) -> None:
    """A failover and the autoscaler change the count; the first one, which would replace a pool, is ignored too."""
    pools = gcp_home.of(POOL)
    assert {name: node.inputs["nodeLocations"] for name, node in pools.items()} == {
        f"pay-nodes-group-{zone}": [f"us-central1-{zone}"] for zone in "abc"
    }
    for node in pools.values():
        assert {"initialNodeCount", "nodeCount"} <= node.ignored
        assert node.inputs["autoscaling"] == {"minNodeCount": 1, "maxNodeCount": 6}


def test_nodes_are_shielded_encrypted_and_nobody_important(gcp_home: Graph) -> None:
    """Secure boot, our disk key, metadata for pods' own identities only, and an account with few rights."""
    given = gcp_home.of(POOL)["pay-nodes-group-a"].inputs["nodeConfig"]
    assert given["shieldedInstanceConfig"] == {"enableSecureBoot": True, "enableIntegrityMonitoring": True}
    assert (given["bootDiskKmsKey"], given["diskType"]) == ("pay-keys-disks-id", "hyperdisk-balanced")
    assert given["workloadMetadataConfig"] == {"mode": "GKE_METADATA"}
    assert given["serviceAccount"] == "account@acme-pay.example"
    roles = {
        node.inputs["role"]
        for name, node in gcp_home.of("projects/iAMMember:IAMMember").items()
        if name.startswith("pay-nodes-node")
    }
    assert roles == {"roles/container.defaultNodeServiceAccount", "roles/artifactregistry.reader"}


def test_minor_versions_are_chosen_and_patches_come(gcp_home: Graph) -> None:
    """Google patches, but leaves the minor version to the spec; nodes follow the control plane."""
    given = gcp_home.one(CLUSTER).inputs
    (exclusion,) = given["maintenancePolicy"]["maintenanceExclusions"]
    assert given["minMasterVersion"] == "1.34"
    assert exclusion["exclusionOptions"] == {"scope": "NO_MINOR_UPGRADES", "endTimeBehavior": "UNTIL_END_OF_SUPPORT"}
    assert {node.inputs["version"] for node in gcp_home.of(POOL).values()} == {"1.34.1-gke.1829001"}


def test_administrators_administer_this_cluster_only(gcp_home: Graph) -> None:
    """The role is granted under a condition that names the cluster."""
    grant = gcp_home.of("projects/iAMMember:IAMMember")["pay-nodes-admin-sre"].inputs
    assert (grant["role"], grant["member"]) == ("roles/container.admin", "group:sre@example.com")
    assert "/locations/us-central1/clusters/pay-nodes-cluster" in grant["condition"]["expression"]


def test_more_nodes_than_addresses_are_refused() -> None:
    """An autoscaler would stop there without a word; the refusal says how many there may be."""
    with pytest.raises(UsageError, match="do not fit into the network") as caught:
        nodes(max_per_zone=42)
    assert caught.value.allowed == "41 in each zone"
    assert nodes(max_per_zone=41).of(POOL)
    assert nodes(max_per_zone=84, gcp={"max_pods_per_node": 32}).of(POOL)


def test_sizes_and_architectures_have_one_kind_of_disk() -> None:
    """Both series have 4 GiB for each processor and take Hyperdisk."""
    config = nodes(vcpus=8, architecture="arm64").of(POOL)["pay-nodes-group-a"].inputs["nodeConfig"]
    assert (config["machineType"], config["diskType"]) == ("c4a-standard-8", "hyperdisk-balanced")
