"""How Azure names what it makes: a resource id is a path made of the names that the program gives.

Forms: the path of each type's PUT in the Azure REST API reference. Names: pulumi-azure-native makes a name up only for
the last part of the path: the resource's own name and eight hexadecimal digits where the type lives directly in a
resource group, the bare name where it has another parent, a UUID for role assignments (pulumi-azure-native,
provider/pkg/provider/provider.go, `getDefaultName`).
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from testbeds.lab.wire import Object, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from testbeds.lab.shapes import Field

SUBSCRIPTION: Final = "00000000-0000-0000-0000-000000000000"
"""Where a provider instance names none."""
TENANT: Final = "72f988bf-86f1-41af-91ab-2d7cd011db47"
"""The tenant that Microsoft's own documents use in examples."""

_GROUP: Final = "/subscriptions/{subscription}/resourceGroups/{resourceGroupName}"
_VNET: Final = "Microsoft.Network/virtualNetworks/{virtualNetworkName}"
_NSG: Final = "Microsoft.Network/networkSecurityGroups/{networkSecurityGroupName}"
_AKS: Final = "Microsoft.ContainerService/managedClusters/{resourceName}"
_IDENTITY: Final = "Microsoft.ManagedIdentity/userAssignedIdentities/{resourceName}"
_PROFILE: Final = "Microsoft.Network/trafficManagerProfiles/{profileName}"
_POSTGRES: Final = "Microsoft.DBforPostgreSQL/flexibleServers/{serverName}"
_REDIS: Final = "Microsoft.Cache/redisEnterprise/{clusterName}"
_STORAGE: Final = "Microsoft.Storage/storageAccounts/{accountName}"
_CONTAINER: Final = f"{_STORAGE}/blobServices/default/containers/{{containerName}}"

# ruff: noqa: E501 - one type a line
PATHS: Final[Mapping[str, str]] = {
    "azure-native:applicationinsights:Component": "Microsoft.Insights/components/{resourceName}",
    "azure-native:authorization:RoleAssignment": "{scope}/providers/Microsoft.Authorization/roleAssignments/{roleAssignmentName}",
    "azure-native:compute:DiskEncryptionSet": "Microsoft.Compute/diskEncryptionSets/{diskEncryptionSetName}",
    "azure-native:containerservice:AgentPool": f"{_AKS}/agentPools/{{agentPoolName}}",
    "azure-native:containerservice:MaintenanceConfiguration": f"{_AKS}/maintenanceConfigurations/{{configName}}",
    "azure-native:containerservice:ManagedCluster": _AKS,
    "azure-native:dbforpostgresql:AdministratorsMicrosoftEntra": f"{_POSTGRES}/administrators/{{objectId}}",
    "azure-native:dbforpostgresql:Configuration": f"{_POSTGRES}/configurations/{{configurationName}}",
    "azure-native:dbforpostgresql:Database": f"{_POSTGRES}/databases/{{databaseName}}",
    "azure-native:dbforpostgresql:FirewallRule": f"{_POSTGRES}/firewallRules/{{firewallRuleName}}",
    "azure-native:dbforpostgresql:Server": _POSTGRES,
    "azure-native:dbforpostgresql:VirtualEndpoint": f"{_POSTGRES}/virtualEndpoints/{{virtualEndpointName}}",
    "azure-native:dns:RecordSet": "Microsoft.Network/dnsZones/{zoneName}/{recordType}/{relativeRecordSetName}",
    "azure-native:dns:Zone": "Microsoft.Network/dnsZones/{zoneName}",
    "azure-native:keyvault:Key": "Microsoft.KeyVault/vaults/{vaultName}/keys/{keyName}",
    "azure-native:keyvault:Secret": "Microsoft.KeyVault/vaults/{vaultName}/secrets/{secretName}",
    "azure-native:keyvault:Vault": "Microsoft.KeyVault/vaults/{vaultName}",
    "azure-native:managedidentity:FederatedIdentityCredential": f"{_IDENTITY}/federatedIdentityCredentials/{{federatedIdentityCredentialResourceName}}",
    "azure-native:managedidentity:UserAssignedIdentity": _IDENTITY,
    "azure-native:monitor:ActionGroup": "Microsoft.Insights/actionGroups/{actionGroupName}",
    "azure-native:monitor:AutoscaleSetting": "Microsoft.Insights/autoscaleSettings/{autoscaleSettingName}",
    "azure-native:monitor:DiagnosticSetting": "{resourceUri}/providers/Microsoft.Insights/diagnosticSettings/{name}",
    "azure-native:monitor:MetricAlert": "Microsoft.Insights/metricAlerts/{ruleName}",
    "azure-native:network:FlowLog": "Microsoft.Network/networkWatchers/{networkWatcherName}/flowLogs/{flowLogName}",
    "azure-native:network:NatGateway": "Microsoft.Network/natGateways/{natGatewayName}",
    "azure-native:network:NetworkSecurityGroup": _NSG,
    "azure-native:network:NetworkWatcher": "Microsoft.Network/networkWatchers/{networkWatcherName}",
    "azure-native:network:PrivateDnsZoneGroup": "Microsoft.Network/privateEndpoints/{privateEndpointName}/privateDnsZoneGroups/{privateDnsZoneGroupName}",
    "azure-native:network:PrivateEndpoint": "Microsoft.Network/privateEndpoints/{privateEndpointName}",
    "azure-native:network:PublicIPAddress": "Microsoft.Network/publicIPAddresses/{publicIpAddressName}",
    "azure-native:network:RouteTable": "Microsoft.Network/routeTables/{routeTableName}",
    "azure-native:network:SecurityRule": f"{_NSG}/securityRules/{{securityRuleName}}",
    "azure-native:network:Subnet": f"{_VNET}/subnets/{{subnetName}}",
    "azure-native:network:VirtualNetwork": _VNET,
    "azure-native:network:VirtualNetworkPeering": f"{_VNET}/virtualNetworkPeerings/{{virtualNetworkPeeringName}}",
    "azure-native:operationalinsights:Workspace": "Microsoft.OperationalInsights/workspaces/{workspaceName}",
    "azure-native:privatedns:PrivateRecordSet": "Microsoft.Network/privateDnsZones/{privateZoneName}/{recordType}/{relativeRecordSetName}",
    "azure-native:privatedns:PrivateZone": "Microsoft.Network/privateDnsZones/{privateZoneName}",
    "azure-native:privatedns:VirtualNetworkLink": "Microsoft.Network/privateDnsZones/{privateZoneName}/virtualNetworkLinks/{virtualNetworkLinkName}",
    "azure-native:redisenterprise:AccessPolicyAssignment": f"{_REDIS}/databases/{{databaseName}}/accessPolicyAssignments/{{accessPolicyAssignmentName}}",
    "azure-native:redisenterprise:Database": f"{_REDIS}/databases/{{databaseName}}",
    "azure-native:redisenterprise:RedisEnterprise": _REDIS,
    "azure-native:resources:ResourceGroup": _GROUP,
    "azure-native:storage:BlobContainer": _CONTAINER,
    "azure-native:storage:BlobContainerImmutabilityPolicy": f"{_CONTAINER}/immutabilityPolicies/{{immutabilityPolicyName}}",
    "azure-native:storage:BlobServiceProperties": f"{_STORAGE}/blobServices/{{blobServicesName}}",
    "azure-native:storage:ManagementPolicy": f"{_STORAGE}/managementPolicies/{{managementPolicyName}}",
    "azure-native:storage:StorageAccount": _STORAGE,
    "azure-native:trafficmanager:Endpoint": f"{_PROFILE}/{{endpointType}}/{{endpointName}}",
    "azure-native:trafficmanager:Profile": _PROFILE,
    "azure-native:web:AppServicePlan": "Microsoft.Web/serverfarms/{name}",
    "azure-native:web:Certificate": "Microsoft.Web/certificates/{name}",
    "azure-native:web:WebApp": "Microsoft.Web/sites/{name}",
    "azure-native:web:WebAppHostNameBinding": "Microsoft.Web/sites/{name}/hostNameBindings/{hostName}",
    "azure-native:web:WebAppSlot": "Microsoft.Web/sites/{name}/slots/{slot}",
    "azure-native:web:WebAppSlotConfigurationNames": "Microsoft.Web/sites/{name}/config/slotConfigNames",
    "azure-native:web:WebAppSwiftVirtualNetworkConnection": "Microsoft.Web/sites/{name}/networkConfig/virtualNetwork",
}
"""Path of a type's objects; one that starts with a namespace is in a resource group."""

GLOBAL: Final = frozenset(
    {
        "azure-native:dns:Zone",
        "azure-native:monitor:ActionGroup",
        "azure-native:monitor:MetricAlert",
        "azure-native:privatedns:PrivateZone",
        "azure-native:privatedns:VirtualNetworkLink",
        "azure-native:trafficmanager:Profile",
    }
)
"""Types whose only location is `global`: the provider fills in none (its `AutoLocationDisabled`)."""

_PART: Final = re.compile(r"\{(\w+)\}")
_CONSONANT_Y: Final = re.compile(r"[^aeiou]y$")


class Naming(StrEnum):
    """How the provider makes up a name."""

    RANDOM = "random"
    COPY = "copy"
    UUID = "uuid"


def path_of(token: str, inputs: Mapping[str, Field]) -> str:
    """The whole path of a type's objects, with the names of the inputs that are parts of it."""
    path = PATHS.get(token) or _guess(token, inputs)
    return path if path.startswith(("/", "{")) else f"{_GROUP}/providers/{path}"


def _guess(token: str, inputs: Mapping[str, Field]) -> str:
    """A path for a type that is not listed: after its namespace, its parents, its own name."""
    _, module, noun = token.split(":")
    names = [name for name in inputs if name.endswith("Name") and name != "resourceGroupName"]
    parents = [name for name in names if inputs[name].required]
    free = [name for name in (*names, "name") if name in inputs and not inputs[name].required]
    own = [name for name in free if noun.lower().endswith(name[:-4].lower()) and name != "name"]
    last = (own or free or [name for name in ("resourceName", "name") if name in inputs] or ["name"])[0]
    steps = [f"{name[:-4]}s/{{{name}}}" for name in parents]
    plural = noun if noun.endswith("s") else f"{noun[:-1]}ies" if _CONSONANT_Y.search(noun) else f"{noun}s"
    return "/".join([f"Microsoft.{module.capitalize()}", *steps, f"{plural[0].lower()}{plural[1:]}/{{{last}}}"])


def names_in(path: str) -> tuple[str, ...]:
    """The inputs that a path is made of, the object's own name last."""
    return tuple(name for name in _PART.findall(path) if name != "subscription")


def naming(token: str, path: str) -> Naming:
    """How a name is made up where the program gives none."""
    if token.endswith(":RoleAssignment"):
        return Naming.UUID
    parents = set(names_in(path)[:-1]) - {"resourceGroupName"}
    return Naming.COPY if parents else Naming.RANDOM


def identify(path: str, inputs: Object, subscription: str) -> str:
    """The id of an object; empty while a name in it is not known."""
    values = {name: text(inputs, name) for name in names_in(path)}
    if not all(values.values()):
        return ""
    values["subscription"] = subscription
    made = _PART.sub(lambda part: values[part[1]], path)
    return "/" + made.lstrip("/")


def type_in(path: str) -> str:
    """The type that Azure itself gives: `Microsoft.Network/virtualNetworks/subnets`."""
    _, found, tail = path.rpartition("/providers/")
    if not found:
        return "Microsoft.Resources/resourceGroups"
    namespace, *steps = tail.split("/")
    return "/".join([namespace, *(step for index, step in enumerate(steps) if index % 2 == 0)])


def locate(location: str) -> str:
    """A location as Azure normalises it: `West Europe` is `westeurope`."""
    return location.replace(" ", "").lower()


def subscription_of(id_: str) -> str:
    """The subscription in a resource id."""
    return part_of(id_, "subscriptions") or SUBSCRIPTION


def part_of(id_: str, kind: str) -> str:
    """The name that follows a kind in a resource id; `virtualNetworks` in a subnet's gives its network's name."""
    steps = id_.split("/")
    lowered = [step.lower() for step in steps]
    place = lowered.index(kind.lower()) + 1 if kind.lower() in lowered else len(steps)
    return steps[place] if place < len(steps) else ""
