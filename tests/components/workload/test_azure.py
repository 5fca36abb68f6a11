from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.components.graph import Graph


def test_the_cluster_is_reached_with_a_token_and_no_secret(azure_home: Graph) -> None:
    """The kubeconfig names the private endpoint and the authority, and asks `kubelogin` for a token at each call."""
    given = azure_home.one("providers:kubernetes").inputs["kubeconfig"]
    config = json.loads(given["secret"] if isinstance(given, dict) else given)
    cluster = config["clusters"][0]["cluster"]
    assert cluster == {"server": "https://k8s.private.example:443", "certificate-authority-data": "Q0E="}
    assert config["users"][0]["user"]["exec"]["command"] == "kubelogin"


def test_disks_are_managed_disks_under_our_key(azure_home: Graph) -> None:
    """The class asks Azure's driver for premium disks of the set that is tied to the key for disks."""
    made = azure_home.one("storage.k8s.io/v1:StorageClass").inputs
    assert made["provisioner"] == "disk.csi.azure.com"
    assert made["parameters"]["skuName"] == "Premium_LRS"
    assert made["parameters"]["diskEncryptionSetID"].endswith("/pay-nodes-disks")
