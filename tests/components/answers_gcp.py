"""What Google Cloud would answer: computed properties by type, and the look-ups that components make."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT, NUMBER = "acme-pay", "424242424242"

OUTPUTS: Mapping[str, Mapping[str, Any]] = {
    "gcp:projects/serviceIdentity:ServiceIdentity": {"member": "serviceAccount:agent@example"},
    "gcp:sql/databaseInstance:DatabaseInstance": {
        "project": PROJECT,
        "privateIpAddress": "10.80.224.5",
        "replicationCluster": {"psaWriteEndpoint": "write.sql.example"},
    },
    "gcp:container/cluster:Cluster": {
        "project": PROJECT,
        "endpoint": "10.80.0.2",
        "masterAuth": {"clusterCaCertificate": "Q0E="},
        "masterVersion": "1.34.1-gke.1829001",
    },
    "gcp:networkconnectivity/serviceConnectionPolicy:ServiceConnectionPolicy": {"project": PROJECT},
    "gcp:memorystore/instance:Instance": {
        "name": "projects/acme-pay/locations/us-central1/instances/pay-cache-group",
        "endpoints": [
            {
                "connections": [
                    {"pscAutoConnection": {"ipAddress": "10.80.192.9", "connectionType": "CONNECTION_TYPE_PRIMARY"}},
                    {"pscAutoConnection": {"ipAddress": "10.80.192.7", "connectionType": "CONNECTION_TYPE_DISCOVERY"}},
                ]
            }
        ],
    },
    "gcp:cloudrunv2/service:Service": {"project": PROJECT, "uri": "https://pay-web-service-42.a.run.app"},
    "gcp:compute/globalAddress:GlobalAddress": {"address": "203.0.113.7"},
    "gcp:certificatemanager/dnsAuthorization:DnsAuthorization": {
        "dnsResourceRecords": [
            {"name": "_acme-challenge.api.example.com.", "type": "CNAME", "data": "x.authorize.example."}
        ]
    },
    "gcp:serviceaccount/account:Account": {
        "project": PROJECT,
        "email": "account@acme-pay.example",
        "member": "serviceAccount:account@acme-pay.example",
    },
}

CALLS: Mapping[str, Mapping[str, Any]] = {
    "gcp:organizations/getProject:getProject": {"projectId": PROJECT, "number": NUMBER, "id": f"projects/{PROJECT}"},
    "gcp:logging/getProjectCmekSettings:getProjectCmekSettings": {"serviceAccountId": "cmek-p42@logging.example"},
    "gcp:storage/getProjectServiceAccount:getProjectServiceAccount": {"member": "serviceAccount:gs@storage.example"},
    "gcp:storage/getTransferProjectServiceAccount:getTransferProjectServiceAccount": {
        "member": "serviceAccount:transfer@storage.example"
    },
}
"""Answers to look-ups, by token."""

LABELLED = frozenset(
    {
        "gcp:kms/cryptoKey:CryptoKey",
        "gcp:compute/globalAddress:GlobalAddress",
        "gcp:compute/globalForwardingRule:GlobalForwardingRule",
        "gcp:compute/securityPolicy:SecurityPolicy",
        "gcp:certificatemanager/certificateMap:CertificateMap",
        "gcp:certificatemanager/certificateMapEntry:CertificateMapEntry",
        "gcp:certificatemanager/certificate:Certificate",
        "gcp:certificatemanager/dnsAuthorization:DnsAuthorization",
        "gcp:dns/managedZone:ManagedZone",
        "gcp:networkconnectivity/serviceConnectionPolicy:ServiceConnectionPolicy",
        "gcp:container/cluster:Cluster",
        "gcp:cloudrunv2/service:Service",
        "gcp:sql/databaseInstance:DatabaseInstance",
        "gcp:memorystore/instance:Instance",
        "gcp:storage/bucket:Bucket",
    }
)
"""Types that can be labelled, of those that are made."""


def labels(inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a resource is labelled with, wherever its type keeps that."""
    found: Mapping[str, Any] = inputs.get("labels") or inputs.get("resourceLabels") or {}
    return found or inputs.get("settings", {}).get("userLabels", {})
