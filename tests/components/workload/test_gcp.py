from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.components.graph import Graph


def test_whoever_runs_pulumi_signs_in_by_googles_plugin(gcp_home: Graph) -> None:
    """The kubeconfig names the private endpoint, asks for a token at each call and holds no secret."""
    (provider,) = [node for node in gcp_home.nodes if node.type == "pulumi:providers:kubernetes"]
    config = json.loads(provider.inputs["kubeconfig"])
    (user,) = config["users"]
    assert user["user"]["exec"]["command"] == "gke-gcloud-auth-plugin"
    assert user["user"]["exec"]["provideClusterInfo"] is True
    assert config["clusters"][0]["cluster"]["server"] == "https://10.80.0.2"


def test_disks_are_encrypted_hyperdisks_with_our_key(gcp_home: Graph) -> None:
    """The class that the pods name; its disks outlive their claims."""
    given = gcp_home.one("storage.k8s.io/v1:StorageClass").inputs
    assert given["provisioner"] == "pd.csi.storage.gke.io"
    assert given["parameters"]["type"] == "hyperdisk-balanced"
    assert given["parameters"]["disk-encryption-kms-key"] == "pay-keys-disks-id"
    assert given["reclaimPolicy"] == "Retain"
