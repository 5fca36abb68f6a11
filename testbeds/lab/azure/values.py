"""Outputs that programs read and that a made-up string would not serve: hosts, principals, keys' addresses, zones.

Every host is under `lab.invalid`, a name that can never resolve (RFC 6761), so that nothing made in the lab can reach
a real service.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from testbeds.lab.azure.identity import TENANT, locate, part_of
from testbeds.lab.filling import MOMENT, digest, uuid_of
from testbeds.lab.shapes import Kind
from testbeds.lab.tables import load
from testbeds.lab.wire import Json, Object, child, children, flag, text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from testbeds.lab.shapes import Field, Shape

KUBERNETES: Final = "1.33.5"
"""What AKS runs where nobody says."""


@dataclass(frozen=True)
class Fresh:
    """An object that has an id and no outputs yet."""

    token: str
    id: str
    inputs: Object
    region: str
    subscription: str

    @property
    def name(self) -> str:
        """The last part of its id."""
        return self.id.rsplit("/", 1)[-1]

    @property
    def group(self) -> str:
        """Its resource group."""
        return part_of(self.id, "resourceGroups")


def known(new: Fresh) -> Object:
    """Realistic outputs of an object, by name; nested ones complete what was asked for."""
    values: Object = {
        "etag": f'W/"{uuid_of(new.id)}"',
        "eTag": f'W/"{uuid_of(new.id)}"',
        "resourceGuid": uuid_of(new.id),
        "systemData": {"createdAt": MOMENT, "createdBy": "lab", "createdByType": "User"},
    }
    if "identity" in new.inputs:
        values["identity"] = _principals(new)
    special = _BY_TYPE.get(new.token.removeprefix("azure-native:"))
    return values | (special(new) if special else {})


def _principals(new: Fresh) -> Object:
    """Whom an object acts as: itself, and identities that somebody made for it."""
    asked = child(new.inputs, "identity")
    own: Object = {"principalId": uuid_of(f"{new.id}/identity"), "tenantId": TENANT}
    lent: Object = {key: _principal(key) for key in child(asked, "userAssignedIdentities")}
    return (own if "SystemAssigned" in text(asked, "type") else {}) | ({"userAssignedIdentities": lent} if lent else {})


def _principal(identity: str) -> Object:
    return {"clientId": uuid_of(f"{identity}/client"), "principalId": uuid_of(identity)}


def as_answered(asked: Object, facts: Object, fields: Mapping[str, Field]) -> Object:
    """Inputs in the form that Azure answers them in, completed with facts about them."""
    return {
        name: _answer(value, facts.get(name), fields[name].shape if name in fields else None)
        for name, value in asked.items()
    }


def _answer(asked: Json, fact: Json, shape: Shape | None) -> Json:
    if isinstance(asked, list) and shape is not None and Kind.MAP in shape.kinds:
        # The SDK takes a list of identities; Azure answers with an object each.
        return {str(key): _principal(str(key)) for key in asked}
    if isinstance(asked, dict):
        inner = shape.fields if shape is not None else {}
        made = fact if isinstance(fact, dict) else {}
        given = {
            key: _answer(value, made.get(key), inner[key].shape if key in inner else None)
            for key, value in asked.items()
        }
        return {**made, **given}
    if isinstance(asked, list):
        item = shape.item if shape is not None else None
        facts = fact if isinstance(fact, list) and len(fact) == len(asked) else [None] * len(asked)
        return [_answer(one, its, item) for one, its in zip(asked, facts, strict=True)]
    return asked


def _group(new: Fresh) -> Object:  # noqa: ARG001
    return {"properties": {"provisioningState": "Succeeded"}}


def _network(new: Fresh) -> Object:
    inline: list[Json] = [
        {"id": f"{new.id}/subnets/{text(one, 'name')}"} for one in children(new.inputs, "subnets") if text(one, "name")
    ]
    return {"subnets": inline, "virtualNetworkPeerings": []}


def _address(new: Fresh) -> Object:
    # 203.0.113.0/24 is reserved for documents (RFC 5737).
    return {"ipAddress": f"203.0.113.{int(digest(new.id, length=2), 16)}", "publicIPAllocationMethod": "Static"}


def _peering(new: Fresh) -> Object:  # noqa: ARG001
    return {"peeringState": "Connected", "peeringSyncLevel": "FullyInSync"}


def _endpoint(new: Fresh) -> Object:
    card = f"{new.id.rsplit('/', 2)[0]}/networkInterfaces/{new.name}.nic.{uuid_of(new.id)}"
    address = f"10.{int(digest(new.id, length=2), 16)}.255.{int(digest(new.id, 'host', length=2), 16)}"
    return {
        "networkInterfaces": [{"id": card}],
        "customDnsConfigs": [{"fqdn": f"{new.name}.privatelink.lab.invalid", "ipAddresses": [address]}],
    }


def _identity(new: Fresh) -> Object:
    # What `userAssignedIdentities` of another object says of this one.
    return _principal(new.id) | {"tenantId": TENANT}


def _assignment(new: Fresh) -> Object:  # noqa: ARG001
    return {"createdOn": MOMENT, "updatedOn": MOMENT, "principalType": "ServicePrincipal"}


def _vault(new: Fresh) -> Object:
    answer: Object = {"vaultUri": f"https://{new.name}.vault.lab.invalid/", "provisioningState": "Succeeded"}
    return {"properties": answer | {"enableSoftDelete": True, "softDeleteRetentionInDays": 90}}


def _key(new: Fresh) -> Object:
    uri = f"https://{part_of(new.id, 'vaults')}.vault.lab.invalid/keys/{new.name}"
    return {"keyUri": uri, "keyUriWithVersion": f"{uri}/{digest(new.id, 'version', length=32)}"}


def _secret(new: Fresh) -> Object:
    uri = f"https://{part_of(new.id, 'vaults')}.vault.lab.invalid/secrets/{new.name}"
    version = digest(new.id, text(child(new.inputs, "properties"), "value"), length=32)
    return {"properties": {"secretUri": uri, "secretUriWithVersion": f"{uri}/{version}"}}


def _kubernetes(new: Fresh) -> Object:
    seed, prefix = digest(new.id, length=8), text(new.inputs, "dnsPrefix", new.name)
    host = f"{prefix}-{seed}.hcp.{new.region}.lab.invalid"
    private = flag(child(new.inputs, "apiServerAccessProfile"), "enablePrivateCluster")
    version = text(new.inputs, "kubernetesVersion", KUBERNETES)
    group = text(new.inputs, "nodeResourceGroup", f"MC_{new.group}_{new.name}_{new.region}")
    pools: list[Json] = [{"currentOrchestratorVersion": version} for _ in children(new.inputs, "agentPoolProfiles")]
    kubelet: Object = {
        "clientId": uuid_of(f"{new.id}/kubelet/client"),
        "objectId": uuid_of(f"{new.id}/kubelet"),
        "resourceId": f"/subscriptions/{new.subscription}/resourceGroups/{group}/providers/"
        f"Microsoft.ManagedIdentity/userAssignedIdentities/{new.name}-agentpool",
    }
    issuer = f"https://{new.region}.oic.prod-aks.lab.invalid/{TENANT}/{uuid_of(f'{new.id}/issuer')}/"
    return {
        "fqdn": host,
        "privateFQDN": f"{prefix}-{seed}.{uuid_of(new.id)}.privatelink.{new.region}.lab.invalid" if private else "",
        "azurePortalFQDN": f"portal-{host}",
        "kubernetesVersion": version,
        "currentKubernetesVersion": version,
        "nodeResourceGroup": group,
        "agentPoolProfiles": pools,
        "identityProfile": {"kubeletidentity": kubelet},
        "oidcIssuerProfile": {"issuerURL": issuer},
        "powerState": {"code": "Running"},
        "maxAgentPools": 100,
        "resourceUID": digest(new.id, length=24),
    }


def _pool(new: Fresh) -> Object:
    version = text(new.inputs, "orchestratorVersion", KUBERNETES)
    return {"currentOrchestratorVersion": version, "nodeImageVersion": "AKSUbuntu-2204gen2containerd-202601.01.0"}


def _plan(new: Fresh) -> Object:
    workers = child(new.inputs, "sku").get("capacity", 1)
    return {
        "status": "Ready",
        "geoRegion": new.region,
        "numberOfWorkers": workers,
        "maximumNumberOfWorkers": 30,
        "subscription": new.subscription,
        "resourceGroup": new.group,
    }


def _app(new: Fresh) -> Object:
    name = part_of(new.id, "sites")
    slot = part_of(new.id, "slots")
    host = f"{name}{f'-{slot}' if slot else ''}.azurewebsites.lab.invalid"
    addresses = ",".join(f"203.0.113.{int(digest(new.id, str(n), length=2), 16)}" for n in range(3))
    return {
        "defaultHostName": host,
        "hostNames": [host],
        "enabledHostNames": [host],
        "repositorySiteName": name,
        "outboundIpAddresses": addresses,
        "possibleOutboundIpAddresses": addresses,
        "customDomainVerificationId": digest(new.subscription, length=64).upper(),
        "resourceGroup": new.group,
        "availabilityState": "Normal",
        "usageState": "Normal",
        "state": "Running",
        "enabled": True,
    }


def _certificate(new: Fresh) -> Object:
    return {"thumbprint": digest(new.id, length=40).upper(), "valid": True, "keyVaultSecretStatus": "Initialized"}


def _postgres(new: Fresh) -> Object:
    replica = text(new.inputs, "createMode") == "Replica"
    return {
        "fullyQualifiedDomainName": f"{new.name}.postgres.{new.region}.lab.invalid",
        "state": "Ready",
        "version": "17",
        "minorVersion": "5",
        "replicationRole": "AsyncReplica" if replica else "Primary",
        "replicaCapacity": 0 if replica else 5,
        "availabilityZone": "1" if load("azure").zones.get(new.region) else "",
    }


def _virtual_endpoint(new: Fresh) -> Object:
    hosts: list[Json] = [f"{new.name}.{role}.postgres.lab.invalid" for role in ("writer", "reader")]
    return {"virtualEndpoints": hosts}


def _configuration(new: Fresh) -> Object:  # noqa: ARG001
    return {"source": "user-override", "isDynamicConfig": True, "isReadOnly": False, "isConfigPendingRestart": False}


def _redis(new: Fresh) -> Object:
    available = text(new.inputs, "highAvailability", "Enabled") == "Enabled"
    zones = bool(load("azure").zones.get(new.region))
    return {
        "hostName": f"{new.name}.{new.region}.redis.lab.invalid",
        "resourceState": "Running",
        "redisVersion": "7.4",
        "kind": "v2",
        "redundancyMode": ("ZR" if zones else "LR") if available else "None",
        "highAvailability": "Enabled",
    }


def _redis_database(new: Fresh) -> Object:
    linked: list[Json] = [{"state": "Linked"} for _ in children(child(new.inputs, "geoReplication"), "linkedDatabases")]
    return {
        "port": 10000,
        "resourceState": "Running",
        "redisVersion": "7.4",
        "clusteringPolicy": "OSSCluster",
        "geoReplication": {"linkedDatabases": linked},
    }


def _traffic(new: Fresh) -> Object:
    relative = text(child(new.inputs, "dnsConfig"), "relativeName", new.name)
    return {
        "id": new.id,
        "location": "global",
        "profileStatus": "Enabled",
        "dnsConfig": {"fqdn": f"{relative}.trafficmanager.lab.invalid"},
        "endpoints": [],
        "monitorConfig": {"profileMonitorStatus": "CheckingEndpoints"},
    }


def _traffic_endpoint(new: Fresh) -> Object:
    return {"id": new.id, "endpointStatus": "Enabled", "endpointMonitorStatus": "CheckingEndpoint"}


def _zone(new: Fresh) -> Object:
    pool = f"{int(digest(new.id, length=2), 16) % 100:02d}"
    servers: list[Json] = [f"ns{number}-{pool}.azure-dns.lab.invalid." for number in range(1, 5)]
    return {"nameServers": servers, "numberOfRecordSets": 2, "maxNumberOfRecordSets": 10000, "location": "global"}


def _private_zone(new: Fresh) -> Object:  # noqa: ARG001
    return {"location": "global", "maxNumberOfRecordSets": 25000, "maxNumberOfVirtualNetworkLinks": 1000}


def _link(new: Fresh) -> Object:  # noqa: ARG001
    return {"location": "global", "virtualNetworkLinkState": "Completed"}


def _record(new: Fresh) -> Object:
    zone = part_of(new.id, "dnsZones") or part_of(new.id, "privateDnsZones")
    return {"fqdn": f"{zone}." if new.name == "@" else f"{new.name}.{zone}.", "isAutoRegistered": False}


def _storage(new: Fresh) -> Object:
    sku = text(child(new.inputs, "sku"), "name")
    kinds = ("blob", "dfs", "file", "queue", "table", "web")
    second = load("azure").pairs.get(locate(new.region), "") if "GRS" in sku or "GZRS" in sku else ""
    return {
        "primaryEndpoints": {kind: f"https://{new.name}.{kind}.lab.invalid/" for kind in kinds},
        "primaryLocation": new.region,
        "secondaryLocation": second,
        "statusOfPrimary": "available",
        "statusOfSecondary": "available" if second else "",
        "creationTime": MOMENT,
        "accessTier": "Hot",
        "sku": {"tier": sku.split("_", 1)[0] or "Standard"},
        "minimumTlsVersion": "TLS1_0",
    }


def _container(new: Fresh) -> Object:  # noqa: ARG001
    return {"leaseStatus": "Unlocked", "leaseState": "Available", "deleted": False, "lastModifiedTime": MOMENT}


def _immutability(new: Fresh) -> Object:
    return {"state": "Unlocked", "etag": f'"{digest(new.id, length=16)}"'}


def _workspace(new: Fresh) -> Object:
    return {"customerId": uuid_of(new.id), "createdDate": MOMENT, "modifiedDate": MOMENT}


def _insights(new: Fresh) -> Object:
    key = uuid_of(new.id)
    text_ = f"InstrumentationKey={key};IngestionEndpoint=https://{new.region}.applicationinsights.lab.invalid/"
    return {"instrumentationKey": key, "connectionString": text_, "appId": uuid_of(f"{new.id}/app")}


_BY_TYPE: Final[Mapping[str, Callable[[Fresh], Object]]] = {
    "applicationinsights:Component": _insights,
    "authorization:RoleAssignment": _assignment,
    "containerservice:AgentPool": _pool,
    "containerservice:ManagedCluster": _kubernetes,
    "dbforpostgresql:Configuration": _configuration,
    "dbforpostgresql:Server": _postgres,
    "dbforpostgresql:VirtualEndpoint": _virtual_endpoint,
    "dns:RecordSet": _record,
    "dns:Zone": _zone,
    "keyvault:Key": _key,
    "keyvault:Secret": _secret,
    "keyvault:Vault": _vault,
    "managedidentity:UserAssignedIdentity": _identity,
    "network:PrivateEndpoint": _endpoint,
    "network:PublicIPAddress": _address,
    "network:VirtualNetwork": _network,
    "network:VirtualNetworkPeering": _peering,
    "operationalinsights:Workspace": _workspace,
    "privatedns:PrivateRecordSet": _record,
    "privatedns:PrivateZone": _private_zone,
    "privatedns:VirtualNetworkLink": _link,
    "redisenterprise:Database": _redis_database,
    "redisenterprise:RedisEnterprise": _redis,
    "resources:ResourceGroup": _group,
    "storage:BlobContainer": _container,
    "storage:BlobContainerImmutabilityPolicy": _immutability,
    "storage:StorageAccount": _storage,
    "trafficmanager:Endpoint": _traffic_endpoint,
    "trafficmanager:Profile": _traffic,
    "web:AppServicePlan": _plan,
    "web:Certificate": _certificate,
    "web:WebApp": _app,
    "web:WebAppSlot": _app,
}
