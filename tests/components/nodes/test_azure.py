from __future__ import annotations

from typing import TYPE_CHECKING

from components.nodes.azure import pool_name
from components.nodes.spec import NodesSpec
from tests.components import parts_azure as parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph

CLUSTER, POOL, ROLE = "containerservice:ManagedCluster", "containerservice:AgentPool", "authorization:RoleAssignment"


def test_the_control_plane_is_locked_down(azure_home: Graph) -> None:
    """Private API, sign-in by Entra only, roles by Azure, workload identity, secrets under our key, protected."""
    cluster = azure_home.one(CLUSTER)
    given = cluster.inputs
    access = given["apiServerAccessProfile"]
    assert (access["enablePrivateCluster"], access["disableRunCommand"]) == (True, True)
    assert access["subnetId"].endswith("/apiserver")
    assert (given["disableLocalAccounts"], given["aadProfile"]["enableAzureRBAC"]) == (True, True)
    assert given["aadProfile"]["adminGroupObjectIDs"] == [parts.ADMIN]
    assert given["securityProfile"]["workloadIdentity"] == {"enabled": True}
    kms = given["securityProfile"]["azureKeyVaultKms"]
    assert (kms["keyVaultNetworkAccess"], "/keys/secrets/" in kms["keyId"]) == ("Private", True)
    assert cluster.protect


def test_network_policies_are_enforced_and_the_way_out_is_our_own(azure_home: Graph) -> None:
    """Cilium enforces them; outbound traffic takes the subnets' NAT gateways."""
    network = azure_home.one(CLUSTER).inputs["networkProfile"]
    assert (network["networkPolicy"], network["networkDataplane"]) == ("cilium", "cilium")
    assert network["outboundType"] == "userAssignedNATGateway"


def test_one_pool_per_zone_whose_size_others_move(azure_home: Graph) -> None:
    """Each pool is in one zone and in that zone's subnet, scales by itself, and its count is left alone."""
    pools = azure_home.of(POOL)
    assert set(pools) == {f"pay-nodes-group-{letter}" for letter in "abc"}
    for letter, number in zip("abc", "123", strict=True):
        node = pools[f"pay-nodes-group-{letter}"]
        assert node.inputs["availabilityZones"] == [number]
        assert node.inputs["vnetSubnetID"].endswith(f"/private-{letter}")
        assert (node.inputs["enableAutoScaling"], node.inputs["vmSize"]) == (True, "Standard_D2s_v5")
        assert node.ignored == {"count"}


def test_another_size_makes_another_pool_and_another_count_does_not() -> None:
    """Azure changes neither size nor disk of a pool, so their digest is in its name; the rest changes in place."""

    def name(**spec: object) -> str:
        return pool_name("a", NodesSpec.model_validate({"version": "1.34", **spec}))

    same = name()
    assert name(max_per_zone=9, version="1.35") == same
    assert len({same, name(vcpus=4), name(disk_gib=100), name(architecture="arm64")}) == 4
    assert len(same) <= 12


def test_the_pool_that_a_cluster_is_born_with_knows_nothing_of_the_spec() -> None:
    """Its size and zones cannot change, so neither the nodes' size nor the network's zones are in it."""

    def born(zones: str, **spec: object) -> object:
        def program() -> None:
            k = parts.keys(parts.place())
            parts.nodes(parts.network(k, zones=zones), k, **spec)

        return run(program).one(CLUSTER).inputs["agentPoolProfiles"]

    assert born("abc") == born("bc", vcpus=8, disk_gib=100)


def test_disks_are_under_our_key(azure_home: Graph) -> None:
    """Nodes' disks are tied to the key for disks, and move on with it by themselves."""
    disks = azure_home.one("compute:DiskEncryptionSet")
    assert "/keys/disks/" in disks.inputs["activeKey"]["keyUrl"]
    assert (disks.inputs["rotationToLatestKeyVersionEnabled"], disks.ignored) == (True, {"activeKey.keyUrl"})
    assert azure_home.one(CLUSTER).inputs["diskEncryptionSetID"].endswith("/pay-nodes-disks")


def test_the_cluster_has_its_rights_before_it_is_made(azure_home: Graph) -> None:
    """Network, disks and vault: an identity that gets its roles first."""
    rights = [node for name, node in azure_home.of(ROLE).items() if name.startswith("pay-nodes-cluster-")]
    own = [node for node in rights if node.inputs["principalId"] == "pay-nodes-cluster-identity-principal"]
    assert len(own) == 4
    assert {node.urn for node in own} <= azure_home.one(CLUSTER).depends_on


def test_whoever_made_the_cluster_administers_it(azure_home: Graph) -> None:
    """The caller gets the role once; that another person runs it later changes nothing."""
    maker = azure_home.one(ROLE, "cluster-maker")
    assert "principalId" in maker.ignored


def test_a_cluster_that_exists_is_used_and_not_made() -> None:
    """With `existing`, nothing is made."""
    have = {"cluster": "ours", "endpoint": "https://k", "certificate_authority": "Q0E=", "node_groups": {"a": "pool"}}

    def program() -> None:
        k = parts.keys(parts.place())
        parts.nodes(parts.network(k), k, existing=have)

    assert not [node for node in run(program).nodes if node.type.startswith("azure-native:containerservice")]
