"""Which names Azure accepts (Resource Manager documentation, "Naming rules and restrictions for Azure resources")."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class NameRule:
    """Where a type's name is given, what it looks like, and that in words."""

    input: str
    pattern: re.Pattern[str]
    says: str


def _rule(name: str, pattern: str, says: str) -> NameRule:
    return NameRule(name, re.compile(pattern), says)


_THING = r"[A-Za-z0-9]([-\w.]{0,%d}\w)?"
_NETWORK_SAYS = "letters, digits, '_', '-' and '.', a letter or digit first"


def _thing(name: str, longest: int) -> NameRule:
    return _rule(name, _THING % (longest - 2), f"1 to {longest} {_NETWORK_SAYS}")


_ONLY_DEFAULT = r"default"


NAMES: Final[Mapping[str, NameRule]] = {
    "azure-native:authorization:RoleAssignment": _rule(
        "roleAssignmentName", r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", "a GUID"
    ),
    "azure-native:compute:DiskEncryptionSet": _rule(
        "diskEncryptionSetName", r"[-\w.]{1,80}", "1 to 80 letters, digits, '_', '-' and '.'"
    ),
    "azure-native:containerservice:ManagedCluster": _rule(
        "resourceName", r"[A-Za-z0-9]([-\w]{0,61}[A-Za-z0-9])?", "1 to 63 letters, digits, '_' and '-'"
    ),
    "azure-native:dbforpostgresql:Database": _rule(
        "databaseName", r"[-\w]{1,63}", "1 to 63 letters, digits, '_' and '-'"
    ),
    "azure-native:dbforpostgresql:Server": _rule(
        "serverName",
        r"[a-z0-9][-a-z0-9]{1,61}[a-z0-9]",
        "3 to 63 lower-case letters, digits and '-', which is neither first nor last",
    ),
    "azure-native:keyvault:Key": _rule("keyName", r"[-A-Za-z0-9]{1,127}", "1 to 127 letters, digits and '-'"),
    "azure-native:keyvault:Secret": _rule("secretName", r"[-A-Za-z0-9]{1,127}", "1 to 127 letters, digits and '-'"),
    "azure-native:keyvault:Vault": _rule(
        "vaultName",
        r"(?=.{3,24}$)[A-Za-z]([A-Za-z0-9]|-(?=[A-Za-z0-9]))*",
        "3 to 24 letters, digits and single '-', a letter first",
    ),
    "azure-native:managedidentity:FederatedIdentityCredential": _rule(
        "federatedIdentityCredentialResourceName", r"[A-Za-z0-9][-\w]{2,119}", "3 to 120 letters, digits, '_' and '-'"
    ),
    "azure-native:managedidentity:UserAssignedIdentity": _rule(
        "resourceName", r"[A-Za-z0-9][-\w]{2,127}", "3 to 128 letters, digits, '_' and '-'"
    ),
    "azure-native:network:NatGateway": _thing("natGatewayName", 80),
    "azure-native:network:NetworkSecurityGroup": _thing("networkSecurityGroupName", 80),
    "azure-native:network:PrivateEndpoint": _thing("privateEndpointName", 64),
    "azure-native:network:PublicIPAddress": _thing("publicIpAddressName", 80),
    "azure-native:network:RouteTable": _thing("routeTableName", 80),
    "azure-native:network:SecurityRule": _thing("securityRuleName", 80),
    "azure-native:network:Subnet": _thing("subnetName", 80),
    "azure-native:network:VirtualNetwork": _thing("virtualNetworkName", 64),
    "azure-native:network:VirtualNetworkPeering": _thing("virtualNetworkPeeringName", 80),
    "azure-native:operationalinsights:Workspace": _rule(
        "workspaceName", r"[A-Za-z0-9][-A-Za-z0-9]{2,61}[A-Za-z0-9]", "4 to 63 letters, digits and '-'"
    ),
    "azure-native:redisenterprise:Database": _rule("databaseName", _ONLY_DEFAULT, "'default' is the only one"),
    "azure-native:redisenterprise:RedisEnterprise": _rule(
        "clusterName", r"(?=.{1,60}$)[A-Za-z0-9]+(-[A-Za-z0-9]+)*", "1 to 60 letters, digits and single '-'"
    ),
    "azure-native:resources:ResourceGroup": _rule(
        "resourceGroupName",
        r"[-\w.()]{0,89}[-\w()]",
        "1 to 90 letters, digits, '_', '-', '(', ')' and '.', which is not last",
    ),
    "azure-native:storage:BlobContainer": _rule(
        "containerName",
        r"(?=.{3,63}$)(\$root|\$web|[a-z0-9]+(-[a-z0-9]+)*)",
        "3 to 63 lower-case letters, digits and single '-'",
    ),
    "azure-native:storage:BlobContainerImmutabilityPolicy": _rule(
        "immutabilityPolicyName", _ONLY_DEFAULT, "'default' is the only one"
    ),
    "azure-native:storage:BlobServiceProperties": _rule("blobServicesName", _ONLY_DEFAULT, "'default' is the only one"),
    "azure-native:storage:ManagementPolicy": _rule("managementPolicyName", _ONLY_DEFAULT, "'default' is the only one"),
    "azure-native:storage:StorageAccount": _rule(
        "accountName", r"[a-z0-9]{3,24}", "3 to 24 lower-case letters and digits"
    ),
    "azure-native:trafficmanager:Profile": _rule(
        "profileName", r"[A-Za-z0-9]([-A-Za-z0-9.]{0,61}[A-Za-z0-9])?", "1 to 63 letters, digits, '-' and '.'"
    ),
    "azure-native:web:AppServicePlan": _rule("name", r"[-A-Za-z0-9]{1,60}", "1 to 60 letters, digits and '-'"),
    "azure-native:web:WebApp": _rule(
        "name",
        r"[A-Za-z0-9][-A-Za-z0-9]{0,58}[A-Za-z0-9]",
        "2 to 60 letters, digits and '-', which is neither first nor last",
    ),
    "azure-native:web:WebAppSlot": _rule(
        "slot",
        r"[A-Za-z0-9][-A-Za-z0-9]{0,57}[A-Za-z0-9]",
        "2 to 59 letters, digits and '-', which is neither first nor last",
    ),
}
"""Rules by type. The names of agent pools are AKS's own business (`compute.py`)."""

GLOBAL_NAMES: Final[Mapping[str, str]] = {
    "azure-native:dbforpostgresql:Server": "serverName",
    "azure-native:keyvault:Vault": "vaultName",
    "azure-native:redisenterprise:RedisEnterprise": "clusterName",
    "azure-native:storage:StorageAccount": "accountName",
    "azure-native:trafficmanager:Profile": "dnsConfig.relativeName",
    "azure-native:web:WebApp": "name",
}
"""Types whose name is a part of a host's, and unique over all of Azure's customers, with the input that gives it."""

NAMED_BY_REGION: Final = frozenset({"azure-native:redisenterprise:RedisEnterprise"})
"""Those of them whose host names the region too."""
