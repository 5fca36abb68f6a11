from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.components import parts
from tests.components.graph import run

if TYPE_CHECKING:
    from tests.components.graph import Graph


def test_the_control_plane_is_locked_down(home: Graph) -> None:
    """Secrets under our key, all logs, access by entries, private endpoint, deletion protection."""
    cluster = home.one("eks/cluster:Cluster")
    given = cluster.inputs
    assert given["encryptionConfig"] == {
        "provider": {"keyArn": "arn:aws:mock:::pay-keys-secrets"},
        "resources": ["secrets"],
    }
    assert set(given["enabledClusterLogTypes"]) == {"api", "audit", "authenticator", "controllerManager", "scheduler"}
    assert given["accessConfig"]["authenticationMode"] == "API"
    reach = given["vpcConfig"]
    assert (reach["endpointPrivateAccess"], reach["endpointPublicAccess"]) == (True, False)
    assert (given["deletionProtection"], cluster.protect) == (True, True)


def test_the_reach_of_the_api_is_an_option() -> None:
    """`allowed` opens the endpoint to the given ranges only."""

    def program() -> None:
        k = parts.keys(parts.place())
        parts.nodes(parts.network(k), k, api_reach="allowed", api_allowed_cidrs=["192.0.2.0/24"])

    reach = run(program).one("eks/cluster:Cluster").inputs["vpcConfig"]
    assert (reach["endpointPublicAccess"], reach["publicAccessCidrs"]) == (True, ["192.0.2.0/24"])


def test_one_node_group_per_zone_whose_size_others_move(home: Graph) -> None:
    """Each group sits in one zone's private subnet, and its desired size is left to whoever scales it."""
    groups = home.of("eks/nodeGroup:NodeGroup")
    assert set(groups) == {f"pay-nodes-group-{zone}" for zone in "abc"}
    for zone in "abc":
        node = groups[f"pay-nodes-group-{zone}"]
        assert node.inputs["subnetIds"] == [f"pay-net-private-{zone}-id"]
        assert node.ignored == {"scalingConfig.desiredSize"}
        assert node.inputs["launchTemplate"]["id"] == "pay-nodes-template-id"
        # On the group it would replace it; on the template it rolls.
        assert "instanceTypes" not in node.inputs
        assert "diskSize" not in node.inputs


def test_nodes_start_with_session_tokens_and_encrypted_disks(home: Graph) -> None:
    """IMDSv2 only, one hop; gp3 under our key."""
    template = home.one("ec2/launchTemplate:LaunchTemplate").inputs
    assert template["metadataOptions"] == {
        "httpEndpoint": "enabled",
        "httpTokens": "required",
        "httpPutResponseHopLimit": 1,
    }
    disk = template["blockDeviceMappings"][0]["ebs"]
    assert (disk["volumeType"], disk["encrypted"]) == ("gp3", "true")
    assert disk["kmsKeyId"] == "arn:aws:mock:::pay-keys-disks"


def test_access_is_given_by_entries_named_after_the_role(home: Graph) -> None:
    """Each administrator has an entry and the cluster-admin policy."""
    entry = home.one("eks/accessEntry:AccessEntry")
    assert (entry.name, entry.inputs["principalArn"]) == ("pay-nodes-admin-role-operators", parts.ADMIN)
    policy = home.one("eks/accessPolicyAssociation:AccessPolicyAssociation").inputs
    assert policy["policyArn"].endswith("AmazonEKSClusterAdminPolicy")


def test_core_add_ons_get_their_rights_by_pod_identity(home: Graph) -> None:
    """The core add-ons are there; those that call AWS have an association, and IAM trusts the issuer."""
    addons = {node.inputs["addonName"] for node in home.of("eks/addon:Addon").values()}
    assert {"vpc-cni", "kube-proxy", "coredns", "eks-pod-identity-agent", "aws-ebs-csi-driver"} <= addons
    accounts = {
        node.inputs["serviceAccount"] for node in home.of("eks/podIdentityAssociation:PodIdentityAssociation").values()
    }
    assert accounts == {"aws-node", "ebs-csi-controller-sa"}
    assert home.one("iam/openIdConnectProvider:OpenIdConnectProvider").inputs["url"] == "https://oidc.example/id/1"


def test_network_policies_are_enforced(home: Graph) -> None:
    """The CNI is told to enforce them; by default it takes them and does nothing."""
    assert json.loads(home.one("eks/addon:Addon", "vpc-cni").inputs["configurationValues"]) == {
        "enableNetworkPolicy": "true"
    }


def test_the_disk_driver_may_use_the_key_of_the_disks_and_nothing_else(home: Graph) -> None:
    """Its role uses that one key, gives grants to AWS services only, and is there before the driver starts."""
    given = home.one("iam/rolePolicy:RolePolicy", "pay-nodes-ebs-csi-key").inputs
    assert given["role"] == "pay-nodes-ebs-csi-role"
    grants, use = json.loads(given["policy"])["Statement"]
    assert {grants["Resource"], use["Resource"]} == {"arn:aws:mock:::pay-keys-disks"}
    assert "kms:CreateGrant" in grants["Action"]
    assert grants["Condition"] == {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    assert {"kms:Decrypt", "kms:GenerateDataKey*"} <= set(use["Action"])
    identity = home.one("eks/podIdentityAssociation:PodIdentityAssociation", "ebs-csi-driver-identity")
    assert identity.urn in home.one("eks/addon:Addon", "aws-ebs-csi-driver").depends_on


def test_a_cluster_that_exists_is_used_and_not_made() -> None:
    """With `existing`, nothing is made, and its node groups are known to the failover."""
    have = {"cluster": "ours", "endpoint": "https://k", "certificate_authority": "Q0E=", "node_groups": {"a": "ng-a"}}
    seen = []

    def program() -> None:
        k = parts.keys(parts.place())
        seen.append(parts.nodes(parts.network(k), k, existing=have))

    assert not [node for node in run(program).nodes if node.type.startswith("aws:eks")]
    assert (seen[0].cluster, seen[0].node_groups) == ("ours", {"a": "ng-a"})
