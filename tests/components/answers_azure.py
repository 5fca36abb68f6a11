"""What Azure would answer: the outputs of a resource that a component reads, and the look-ups that it makes."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SUBSCRIPTION = "5b0c4a5e-0d5e-4b62-9d5c-6a1f6f0a7c11"
TENANT = "7e5b2f86-1f0a-4a0c-8a57-2f3f4c1f9d22"
ME = "0d9a8f6e-8c1d-4f55-9b60-5c7d2a4e3b33"

# Where a resource's own name is among its inputs, and the path of its type.
_PATHS: Mapping[str, tuple[str, str]] = {
    "azure-native:containerservice:ManagedCluster": ("resourceName", "Microsoft.ContainerService/managedClusters"),
    "azure-native:dbforpostgresql:Server": ("serverName", "Microsoft.DBforPostgreSQL/flexibleServers"),
    "azure-native:dns:Zone": ("zoneName", "Microsoft.Network/dnsZones"),
    "azure-native:keyvault:Vault": ("vaultName", "Microsoft.KeyVault/vaults"),
    "azure-native:managedidentity:UserAssignedIdentity": (
        "resourceName",
        "Microsoft.ManagedIdentity/userAssignedIdentities",
    ),
    "azure-native:network:VirtualNetwork": ("virtualNetworkName", "Microsoft.Network/virtualNetworks"),
    "azure-native:privatedns:PrivateZone": ("privateZoneName", "Microsoft.Network/privateDnsZones"),
    "azure-native:redisenterprise:RedisEnterprise": ("clusterName", "Microsoft.Cache/redisEnterprise"),
    "azure-native:storage:StorageAccount": ("accountName", "Microsoft.Storage/storageAccounts"),
    "azure-native:trafficmanager:Profile": ("profileName", "Microsoft.Network/trafficManagerProfiles"),
    "azure-native:web:WebApp": ("name", "Microsoft.Web/sites"),
}
_OWN_NAMES = ("keyName", "agentPoolName", "containerName", "endpointName", "databaseName", "subnetName")
_FACTS: Mapping[str, Mapping[str, Any]] = {
    "azure-native:containerservice:ManagedCluster": {
        "fqdn": "k8s.example",
        "privateFQDN": "k8s.private.example",
        "identityProfile": {"kubeletidentity": {"objectId": "kubelet"}},
    },
    "azure-native:managedidentity:UserAssignedIdentity": {"clientId": "client"},
    "azure-native:redisenterprise:RedisEnterprise": {"hostName": "cache.example"},
    "azure-native:web:WebApp": {"defaultHostName": "app.example", "customDomainVerificationId": "PROOF"},
    "azure-native:web:Certificate": {"thumbprint": "F00D"},
}
_KUBECONFIG = b"clusters:\n- cluster:\n    certificate-authority-data: Q0E=\n    server: https://k8s.example\n"


def outputs(kind: str, name: str, inputs: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Identifier and state of a new resource."""
    key, path = _PATHS.get(kind, ("", f"Some.Provider/{name}"))
    own = inputs.get(key) or next((inputs[each] for each in _OWN_NAMES if each in inputs), name)
    within = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/{inputs.get('resourceGroupName', 'none')}"
    known: dict[str, Any] = {"name": own, "principalId": f"{name}-principal", **_FACTS.get(kind, {}), **inputs}
    if isinstance(given := inputs.get("identity", {}).get("userAssignedIdentities"), list):
        # They go in as a list and come back as a mapping.
        known["identity"] = {**inputs["identity"], "userAssignedIdentities": {each: {} for each in given}}
    if kind == "azure-native:keyvault:Key":
        url = f"https://{inputs['vaultName']}.vault.azure.net/keys/{inputs['keyName']}"
        known |= {"keyUri": url, "keyUriWithVersion": f"{url}/0123456789abcdef0123456789abcdef"}
    if kind == "azure-native:dbforpostgresql:Server":
        known |= {"fullyQualifiedDomainName": f"{own}.postgres.database.azure.com"}
    if kind == "azure-native:trafficmanager:Profile":
        dns = inputs["dnsConfig"]
        known |= {"dnsConfig": {**dns, "fqdn": f"{dns['relativeName']}.trafficmanager.net"}}
    if kind == "azure-native:resources:ResourceGroup":
        return within, known | {"name": inputs["resourceGroupName"]}
    if kind == "azure-native:redisenterprise:Database":
        path = f"Microsoft.Cache/redisEnterprise/{inputs['clusterName']}/databases"
    return f"{within}/providers/{path}/{own}", known


def call(token: str, _arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Answer an invoke; one that nobody foresaw is an error."""
    match token:
        case "azure-native:authorization:getClientConfig":
            return {"clientId": "me", "objectId": ME, "subscriptionId": SUBSCRIPTION, "tenantId": TENANT}
        case "azure-native:containerservice:listManagedClusterUserCredentials":
            value = base64.b64encode(_KUBECONFIG).decode()
            return {"kubeconfigs": [{"name": "clusterUser", "value": value}]}
    raise AssertionError(f"no answer for {token}")
